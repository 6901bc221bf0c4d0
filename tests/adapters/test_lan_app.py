"""The home server over real sockets: health, the WebSocket door, and requests no browser would send."""

import gzip
import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import ClientSession, WSMsgType

from qrshared.links import LinkClosed, connect_websocket
from tests.adapters.lan_world import built_page, running, status


async def test_health_says_how_many_sessions_and_when() -> None:
    async with running() as world, ClientSession() as client:
        url = f"http://127.0.0.1:{world.port}"
        async with client.get(f"{url}/health") as answer:
            assert answer.status == 200
            assert answer.headers["Cache-Control"] == "no-store"
            health = json.loads(await answer.text())
        link = await connect_websocket(client, f"{url}/link", origin=url)
        await link.send(b"hello")
        await link.receive()
        async with client.get(f"{url}/health") as answer:
            later = await answer.json()
        await link.close()
    assert set(health) == {"status", "sessions", "timestamp"}
    assert (health["status"], health["sessions"], later["sessions"]) == ("ok", 0, 1)
    assert datetime.fromisoformat(health["timestamp"]).utcoffset() == timedelta(0)


async def test_the_door_lets_our_own_page_in_and_says_who_came() -> None:
    async with running() as world, ClientSession() as client:
        url = f"http://localhost:{world.port}"
        link = await connect_websocket(client, f"{url}/link", origin=url)
        await link.send(b"one", b"two")
        assert await link.receive() == [b"one", b"two"]
        await link.close()
    (visitor,) = world.visitors
    assert visitor.is_loopback
    assert not visitor.is_secure


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://evil.example", None),
        ("null", None),
        (None, None),
        ("http://127.0.0.1:1", None),
        ("http://evil.example:7774", "evil.example:7774"),
    ],
)
async def test_other_sites_cannot_open_the_door(origin: str | None, host: str | None) -> None:
    async with running() as world:
        names = [f"Origin: {origin}"] if origin else []
        answer = await world.get(
            "/link",
            *names,
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            host=host,
        )
    assert status(answer) in {403, 421}
    assert not world.visitors


async def test_behind_a_proxy_on_this_computer_nobody_is_the_owner() -> None:
    async with running(public_host="files.example.org") as world, ClientSession() as client:
        door = f"http://127.0.0.1:{world.port}/link"
        public = {"Host": "files.example.org", "Origin": "https://files.example.org"}
        local = {"Origin": f"http://127.0.0.1:{world.port}"}
        for headers in (public, {**local, "X-Forwarded-For": "203.0.113.9"}, local):
            async with client.ws_connect(door, headers=headers) as websocket:
                await websocket.send_bytes(b"\x00\x01x")
                assert (await websocket.receive()).type is WSMsgType.BINARY
    by_proxy, by_sloppy_proxy, at_home = world.visitors
    assert (by_proxy.is_loopback, by_proxy.is_secure) == (False, True)
    assert (by_sloppy_proxy.is_loopback, by_sloppy_proxy.is_secure) == (False, False)
    assert (at_home.is_loopback, at_home.is_secure) == (True, False)


async def test_a_plain_request_to_the_door_is_told_so() -> None:
    async with running() as world:
        assert status(await world.get("/link")) == 426


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GARBAGE\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # a TLS hello
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nBad Header: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\x00b\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"GET / HTTP/1.1\r\nHost: x\r\n folded: line\r\n\r\n",
        b"get / HTTP/1.1\r\n\x00\r\n\r\n",
    ],
)
async def test_malformed_requests_get_400_and_no_traceback(request_bytes: bytes) -> None:
    async with running() as world:
        answer = await world.raw(request_bytes)
        control = await world.get("/health")
    assert status(answer) == 400
    assert b"Traceback" not in answer
    assert status(control) == 200


async def test_absolute_targets_are_refused() -> None:
    async with running() as world:
        assert status(await world.get(f"http://127.0.0.1:{world.port}/health")) == 400
        assert status(await world.get("http://evil.example/")) == 400
        assert status(await world.get("/health")) == 200


async def test_a_gzip_bomb_is_never_inflated(tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(64 << 20))
    async with running(page=built_page(tmp_path)) as world, ClientSession() as client:
        url = f"http://127.0.0.1:{world.port}"
        headers = {"Origin": url, "Content-Encoding": "gzip"}
        async with client.post(f"{url}/p", data=bomb, headers=headers) as answer:
            assert answer.status == 415
        async with client.post(f"{url}/p", data=b"plain", headers={"Origin": url}) as answer:
            assert answer.status == 405  # the control: it passed the guard


async def test_a_name_we_do_not_know_is_sent_to_the_address_and_nothing_else(tmp_path: Path) -> None:
    async with running(page=built_page(tmp_path), host="127.0.0.1") as world:
        answer = await world.get("/", host=f"study-pc:{world.port}")
        deeper = await world.get("/p", host=f"study-pc:{world.port}")
    assert status(answer) == 302
    assert f"Location: http://127.0.0.1:{world.port}/\r\n".encode() in answer
    assert answer.endswith(b"\r\n\r\n")
    assert status(deeper) == 421


async def test_text_and_oversize_and_malformed_messages_end_the_link() -> None:
    async with running() as world, ClientSession() as client:
        url = f"http://127.0.0.1:{world.port}"
        for wrong, code in (
            ("text", 1003),
            (b"\x00\x05abc", 1002),
            (b"", 1002),
            (b"\x00\x00", 1002),
            (b"\x00\x01a" * 17, 1002),
            (bytes((1 << 20) + (64 << 10) + 1), 1009),
        ):
            async with client.ws_connect(f"{url}/link", origin=url, max_msg_size=0) as websocket:
                await (websocket.send_str(wrong) if isinstance(wrong, str) else websocket.send_bytes(wrong))
                answer = await websocket.receive()
                assert answer.type is WSMsgType.CLOSE
                assert answer.data == code
        full = b"".join(b"\xff\xff" + bytes(65_535) for _ in range(16))
        async with client.ws_connect(f"{url}/link", origin=url, max_msg_size=0) as websocket:
            await websocket.send_bytes(full)
            assert (await websocket.receive()).data == full


async def test_compression_is_not_negotiated() -> None:
    async with running() as world, ClientSession() as client:
        url = f"http://127.0.0.1:{world.port}"
        async with client.ws_connect(f"{url}/link", origin=url, compress=15) as websocket:
            assert websocket.compress == 0


async def test_links_end_when_the_server_goes(tmp_path: Path) -> None:
    async with ClientSession() as client:
        async with running(page=built_page(tmp_path)) as world:
            url = f"http://127.0.0.1:{world.port}"
            link = await connect_websocket(client, f"{url}/link", origin=url)
            await link.send(b"x")
            await link.receive()
        with pytest.raises(LinkClosed):
            await link.receive()
