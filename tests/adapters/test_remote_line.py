"""The line to the edge: its rooms follow, and what is wrong with it is a sentence."""

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from qrshared.protocol import LineState
from qrshared.remote.line import EdgeLine, EdgeState, Pace
from qrshared.signaling import Connected, Disconnected, SignalClient, client
from qrshared.signaling.limits import ROOMS_PER_SOCKET_MAX
from tests.adapters.signaling_world import edge, room_id
from tests.waiting import until


@asynccontextmanager
async def line_to(url: str) -> AsyncIterator[tuple[EdgeLine, list[EdgeState]]]:
    """A line, and every state it was in."""
    states: list[EdgeState] = []
    async with ClientSession() as session, asyncio.TaskGroup() as tasks:
        line = EdgeLine(session, url, changed=lambda: states.append(line.state), wait=lambda _attempt: 0.05)

        async def listen() -> None:
            async for _ in line.events():
                pass

        running = [tasks.create_task(job()) for job in (listen, line.follow, line.speak)]
        try:
            yield line, states
        finally:
            for task in running:
                task.cancel()


def certificate(folder: Path) -> ssl.SSLContext:
    """Made by nobody whom a computer trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file = folder / "both.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@asynccontextmanager
async def something_else(
    first_word: str | None, *, path: str = "/signal", tls: ssl.SSLContext | None = None, is_deaf: bool = False
) -> AsyncIterator[str]:
    """A server that is no edge: it says this word, or knows no such page."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if first_word is None:
            return web.Response(text="Welcome to our shop")
        websocket = web.WebSocketResponse()
        await websocket.prepare(request)
        await websocket.send_str(first_word)
        if is_deaf:
            await asyncio.Event().wait()
        await websocket.receive()
        return websocket

    app = web.Application()
    app.router.add_get(path, answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("first_word", "path", "sentence"),
    [
        (None, "/signal", "no qrshared edge"),
        ("hello", "/signal", "no qrshared edge"),
        ('{"t":"ping"}', "/signal", "no qrshared edge"),
        ('{"t":"welcome","version":1}', "/elsewhere", "no qrshared edge"),
        ('{"t":"welcome","version":2}', "/signal", "speaks version 2"),
        ('{"t":"welcome","version":0}', "/signal", "speaks version 0"),
    ],
)
async def test_what_is_no_edge_of_ours_is_a_sentence(first_word: str | None, path: str, sentence: str) -> None:
    async with something_else(first_word, path=path) as url, line_to(url) as (line, _):
        await until(lambda: line.state.state is LineState.FAILED)
        assert sentence in (line.state.sentence or "")
        assert url in (line.state.sentence or "")


async def test_a_wrong_certificate_is_a_sentence(tmp_path: Path) -> None:
    async with (
        something_else('{"t":"welcome","version":1}', tls=certificate(tmp_path)) as url,
        line_to(url) as (line, _),
    ):
        await until(lambda: line.state.state is LineState.FAILED)
        assert "certificate" in (line.state.sentence or "")


async def test_https_where_there_is_none_is_a_sentence() -> None:
    async with something_else(None) as url, line_to(url.replace("http://", "https://")) as (line, _):
        await until(lambda: line.state.state is LineState.FAILED)
        assert "HTTPS" in (line.state.sentence or "")


async def test_an_edge_that_is_gone_is_a_sentence_once_coming_back_failed() -> None:
    async with AsyncExitStack() as running:
        replica = await running.enter_async_context(edge())
        async with line_to(replica.url) as (line, states):
            await until(lambda: line.state.state is LineState.CONNECTED)
            assert states == [EdgeState(replica.url, LineState.CONNECTED)]
            await running.aclose()
            await until(lambda: line.state.sentence is not None)
            assert states[1:] == [EdgeState(replica.url, LineState.CONNECTING), line.state]  # a cut is worth no word
            assert line.state.state is LineState.CONNECTING
            assert "does not answer" in (line.state.sentence or "")


async def test_who_is_in_no_room_keeps_the_line_and_is_at_once_in_the_first() -> None:
    async with edge() as replica, line_to(replica.url) as (line, _), replica.peer() as page:
        await until(lambda: replica.server.edge.rooms.occupied == 1)
        room = room_id()
        await page.join(room)
        line.enter([room])
        (joined,) = (await page.hear("joined"))["present"]
        assert len(joined["peers"]) == 1
        await until(lambda: replica.server.edge.rooms.occupied == 1)
        line.enter([])
        assert (await page.hear("left"))["room"] == room
        await until(lambda: replica.server.edge.rooms.occupied == 2)
        assert line.state.state is LineState.CONNECTED


async def test_at_most_128_rooms_are_joined() -> None:
    rooms = [room_id() for _ in range(200)]
    async with edge() as replica, line_to(replica.url) as (line, _):
        line.enter(rooms)
        await until(lambda: replica.server.edge.rooms.occupied == ROOMS_PER_SOCKET_MAX)
        async with replica.peer() as page:
            assert all(each["peers"] for each in await page.join(*rooms[:ROOMS_PER_SOCKET_MAX]))


async def test_a_pace_lets_a_burst_through_and_then_so_many_a_second() -> None:
    clock = asyncio.get_running_loop().time
    pace = Pace(5, 50)
    began = clock()
    for _ in range(5):
        await pace.step()
    assert clock() - began < 0.05
    for _ in range(10):
        await pace.step()
    assert clock() - began >= 0.19


async def test_a_line_that_died_unseen_is_noticed_once_the_network_has_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "WOKEN_ANSWER_S", 0.2)
    async with something_else('{"t":"welcome","version":1}', is_deaf=True) as url, line_to(url) as (line, states):
        await until(lambda: line.state.state is LineState.CONNECTED)
        line.wake()
        await until(lambda: len(states) > 1)
        assert states[1].state is LineState.CONNECTING


async def test_a_living_line_survives_a_change_of_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "WOKEN_ANSWER_S", 5.0)
    async with edge() as replica, line_to(replica.url) as (line, states), replica.peer() as page:
        await until(lambda: line.state.state is LineState.CONNECTED)
        line.wake()
        room = room_id()
        await page.join(room)
        line.enter([room])
        assert (await page.hear("joined"))["present"][0]["peers"]
        assert [each.state for each in states] == [LineState.CONNECTED]


async def test_who_waits_to_come_back_comes_at_once_when_the_network_has_changed() -> None:
    async with ClientSession() as session, AsyncExitStack() as gone:
        replica = await gone.enter_async_context(edge())
        line = SignalClient(session, replica.url, wait=lambda _attempt: 3600.0)
        await gone.aclose()
        async with aclosing(line.events()) as events:
            assert isinstance(await anext(events), Disconnected)
            async with edge(port=replica.port):
                line.wake()
                async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
                    coming = tasks.create_task(anext(events))
                    while not coming.done():
                        line.wake()
                        await asyncio.wait({coming}, timeout=0.05)
                assert coming.result() == Connected()
