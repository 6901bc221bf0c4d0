"""The line a peer keeps: it joins, comes back after every cut, and tells a wrong address from a cut."""

import asyncio
import dataclasses
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from itertools import pairwise

import pytest
from aiohttp import ClientSession, web

from qrshared.signaling import Connected, Disconnected, Joined, Left, Relayed, SignalClient, edge_session, signal_url
from qrshared.signaling.client import RETRY_LAST_S, NotAnEdge, OtherVersion, SignalEvent, full_jitter
from qrshared.signaling.messages import Moved
from tests.adapters.signaling_world import GENEROUS, PATIENCE_S, Replica, edge, room_id, session_of_many
from tests.waiting import until


class Kept:
    """A client whose events a test waits for by kind."""

    def __init__(self, client: SignalClient, events: AsyncGenerator[SignalEvent, None]) -> None:
        self.client = client
        self._events = events

    async def hear(self, kind: type[SignalEvent]) -> SignalEvent:
        async with asyncio.timeout(PATIENCE_S):
            async for event in self._events:
                if isinstance(event, kind):
                    return event
        raise AssertionError("the events ended")


@asynccontextmanager
async def kept(url: str) -> AsyncIterator[Kept]:
    async with session_of_many() as session:
        client = SignalClient(session, url, wait=lambda _attempt: 0.01)
        async with aclosing(client.events()) as events:
            yield Kept(client, events)


async def presence(line: Kept, others: int) -> Joined:
    while True:
        event = await line.hear(Joined)
        assert isinstance(event, Joined)
        if len(event.present[0].peers) == others:
            return event


async def test_two_clients_meet_and_relay() -> None:
    async with edge() as replica, kept(replica.url) as a, kept(f"ws://127.0.0.1:{replica.port}") as b:
        room = room_id()
        assert not await a.client.relay(room, "AAAAAAAA", "xx"), "nobody is there to take it"
        await a.client.join(room)
        await a.hear(Connected)
        await presence(a, 0)
        await b.hear(Connected)
        await b.client.join(room)
        (mine,) = (await presence(b, 1)).present
        await presence(a, 1)
        assert await b.client.relay(room, mine.peers[0], "b25l")
        assert await b.client.relay(room, mine.peers[0], "dHdv")
        heard = [await a.hear(Relayed), await a.hear(Relayed)]
        assert [each.blob for each in heard if isinstance(each, Relayed)] == ["b25l", "dHdv"]
        first, second = (each.seq for each in heard if isinstance(each, Relayed))
        assert first < second
        await b.client.leave(room)
        assert isinstance(await a.hear(Left), Left)


async def test_a_cut_line_comes_back_into_its_rooms() -> None:
    async with edge() as replica, kept(replica.url) as line:
        await line.client.join(room_id(), room_id())
        await line.hear(Joined)
        for _ in range(3):
            for each in replica.server.edge.lines:
                each.cut("for a test")
            await line.hear(Disconnected)
            assert not line.client.is_connected
            await line.hear(Connected)
            again = await line.hear(Joined)
            assert isinstance(again, Joined)
            assert len(again.present) == 2
        await until(lambda: replica.server.edge.rooms.occupied == 2)


async def test_who_is_moved_comes_to_the_next_replica() -> None:
    async with edge(limits=dataclasses.replace(GENEROUS, drain_s=0.1)) as going, edge() as staying:
        addresses = iter([going, staying, staying])

        class Balanced(SignalClient):
            async def _connect(self):  # type: ignore[no-untyped-def] # a double
                self._edge = next(addresses).url
                return await super()._connect()

        async with session_of_many() as session:
            client = Balanced(session, going.url, wait=lambda _attempt: 0.0)
            async with aclosing(client.events()) as events:
                line = Kept(client, events)
                await client.join(room_id())
                await line.hear(Joined)
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(going.server.drain())
                    await line.hear(Moved)
                    await line.hear(Disconnected)
                    await line.hear(Joined)
        assert staying.server.edge.rooms.occupied + staying.server.edge.rooms.empty == 1


@asynccontextmanager
async def other_server(first_word: str | None) -> AsyncIterator[str]:
    """Something else that answers at the address."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if first_word is None:
            return web.Response(text="A web site.")
        websocket = web.WebSocketResponse()
        await websocket.prepare(request)
        await websocket.send_str(first_word)
        await websocket.receive()
        return websocket

    app = web.Application()
    app.router.add_get("/signal", answer)
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("first_word", "fault"),
    [
        ('{"t":"welcome","version":9}', OtherVersion),
        ("hello", NotAnEdge),
        ('{"t":"ping"}', NotAnEdge),
        (None, NotAnEdge),
    ],
)
async def test_a_wrong_address_is_told_from_a_cut(first_word: str | None, fault: type[Exception]) -> None:
    async with other_server(first_word) as url, kept(url) as line:
        event = await line.hear(Disconnected)
        assert isinstance(event, Disconnected)
        assert isinstance(event.fault, fault)


def test_waits_grow_and_nobody_comes_in_step() -> None:
    bounds = [full_jitter(attempt, lambda _low, high: high) for attempt in range(100)]
    assert bounds[0] == 1.0
    assert all(early <= late for early, late in pairwise(bounds))
    assert bounds[-1] == RETRY_LAST_S
    assert len({full_jitter(5) for _ in range(100)}) > 90
    assert full_jitter(5, lambda low, _high: low) == 0.0


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("https://edge.example", "wss://edge.example/signal"),
        ("http://edge.example:81/", "ws://edge.example:81/signal"),
        ("wss://edge.example/signal", "wss://edge.example/signal"),
        ("ws://edge.example/under/here?x#y", "ws://edge.example/under/here/signal"),
    ],
)
def test_an_edge_may_be_named_in_four_ways(given: str, url: str) -> None:
    assert signal_url(given) == url


async def test_a_replica_that_is_lost_is_left_for_the_other() -> None:
    async def lose(replica: Replica) -> None:
        for each in replica.server.edge.lines:
            each.cut("lost")

    async with edge() as replica, kept(replica.url) as line:
        await line.client.join(room_id())
        await line.hear(Joined)
        await lose(replica)
        event = await line.hear(Disconnected)
        assert isinstance(event, Disconnected)
        assert event.fault is None


@asynccontextmanager
async def sending_away(where: Callable[[int], str]) -> AsyncIterator[tuple[str, list[str]]]:
    """An edge that sends each line elsewhere on this very computer, with a cookie; and what was asked for there."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path != "/signal":
            asked.append(request.path_qs)
            return web.Response()
        cookie = f"{secrets.token_hex(8)}=1; Path=/"
        return web.Response(status=302, headers={"Location": where(port), "Set-Cookie": cookie})

    app = web.Application()
    app.router.add_get("/{anything:.*}", answer)
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        yield f"http://localhost:{port}", asked
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("where", ["http://127.0.0.1:{}/reboot?now=1", "/reboot?now=1", "//127.0.0.1:{}/reboot?now=1"])
@pytest.mark.parametrize("is_ours", [True, False])
async def test_an_edge_cannot_send_a_line_to_another_address_nor_leave_cookies(where: str, is_ours: bool) -> None:
    async with (
        sending_away(lambda port: where.format(port)) as (url, asked),
        edge_session() if is_ours else ClientSession() as session,
    ):
        client = SignalClient(session, url, wait=lambda _attempt: 0.01)
        async with aclosing(client.events()) as events, asyncio.timeout(PATIENCE_S):
            for _ in range(3):
                assert isinstance(await anext(events), Disconnected)
        # The control: what aiohttp does by itself.
        assert (len(asked), len(session.cookie_jar)) == ((0, 0) if is_ours else (3, 3))
