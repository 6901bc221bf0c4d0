"""Who listens on the Wi-Fi finds no file, no name, no code and no key; the same search finds an unsealed lane."""

import base64
import contextlib
import json
import os
import secrets
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from tests.browser.capture import listen_in
from tests.browser.foreign import serving
from tests.browser.home import MIB, Home, hashes, wait_done
from tests.namespaces import Host

pytestmark = pytest.mark.needs("chromium", "netns", "tcpdump")

KEPT_KEY = "localStorage.getItem('qrshared/1 key')"


def raw(text: str) -> bytes:
    """The bytes behind base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def every_writing(secret: bytes) -> list[bytes]:
    """The ways a secret of a few bytes is likely to be written."""
    return [secret, secret.hex().encode(), base64.b64encode(secret).rstrip(b"="), base64.urlsafe_b64encode(secret)]


@pytest.mark.parametrize(
    "size", [pytest.param(MIB, id="1 MiB"), pytest.param(16 * MIB, id="16 MiB", marks=pytest.mark.soak)]
)
async def test_a_whole_session_gives_away_neither_content_nor_name_nor_code_nor_key(home: Home, size: int) -> None:
    name = f"{secrets.token_urlsafe(24)}.jpg"
    file = home.file(name, size)
    url = home.daemon.ticket_url()
    fragment = urlsplit(url).fragment
    async with listen_in(home.phone, home.folder / "session.pcap") as capture:
        page = await home.open_on_phone(url)
        await page.choose("Send", file)
        await wait_done(page, 1)
        await page.reload()  # and once more, with the device's own key
        await page.wait_for("document.querySelector('.head-link')?.dataset.link === 'open'")
        key = raw(str(await page.evaluate(KEPT_KEY)))
        await page.close()
    assert home.daemon.files() == hashes([file])
    assert len(key) == 32
    assert len(capture.content) > size, "the session is not in the capture"
    assert capture.finds(b"GET /link HTTP/1.1"), "what is in the clear can be read"
    secret = {"name": [name.encode()], "code": [fragment.encode(), *every_writing(raw(fragment[1:]))]}
    secret |= {"key": every_writing(key), "content": [file.read_bytes()]}
    found = {what for what, writings in secret.items() for one in writings if capture.finds(one)}
    assert found == set()


async def test_the_same_search_finds_an_unsealed_upload_plain_and_as_a_browser_masks_it(home: Home) -> None:
    content, name = os.urandom(MIB), secrets.token_urlsafe(24)
    masked = os.urandom(MIB)
    async with unsealed_server(home.neighbour) as url, listen_in(home.phone, home.folder / "plain.pcap") as capture:
        page = await (await home.browser_on(home.phone)).open(f"{url}/page")
        await page.evaluate(_upload(f"{url}/{name}", content))
        await page.evaluate(_over_websocket(f"{url}/socket".replace("http", "ws"), masked))
    assert capture.finds(content)
    assert capture.finds(name.encode())
    assert capture.finds(masked)
    assert not capture.finds(os.urandom(MIB))


@contextlib.asynccontextmanager
async def unsealed_server(host: Host) -> AsyncIterator[str]:
    """A server on that machine that takes anything, as a plain upload page does."""

    async def take(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(text="taken")

    async def hear(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        await socket.receive_bytes()
        await socket.send_str("taken")
        return socket

    app = web.Application(client_max_size=64 * MIB)
    app.router.add_get("/socket", hear)
    app.router.add_route("*", "/{name}", take)
    async with serving(app, host) as url:
        yield url


def _upload(url: str, content: bytes) -> str:
    return f"fetch({json.dumps(url)}, {{method: 'PUT', body: {_bytes(content)}}}).then((answer) => answer.status)"


def _over_websocket(url: str, content: bytes) -> str:
    return f"""new Promise((done, fail) => {{
        const socket = new WebSocket({json.dumps(url)});
        socket.onopen = () => socket.send({_bytes(content)});
        socket.onmessage = done; socket.onerror = fail }}).then(() => 0)"""


def _bytes(content: bytes) -> str:
    text = base64.b64encode(content).decode()
    return f"Uint8Array.from(atob('{text}'), (letter) => letter.charCodeAt(0))"
