"""Every link adapter passes the one check, and the check catches adapters that lie."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession, web

from qrshared.links import (
    BATCH_MESSAGES_MAX,
    MESSAGE_BYTES_MAX,
    Link,
    LinkClosed,
    MemoryLink,
    check_link,
    connect_websocket,
    memory_links,
    serve_websocket,
)
from qrshared.links.check import DEMANDS, UNREAD_BYTES_MAX, LinkPair
from qrshared.links.framing import FRAME_BYTES_MAX
from qrshared.links.memory import MEMORY_QUEUE_BYTES_MAX


@asynccontextmanager
async def memory_pair() -> AsyncIterator[tuple[Link, Link]]:
    yield memory_links()


@asynccontextmanager
async def websocket_pair() -> AsyncIterator[tuple[Link, Link]]:
    accepted: asyncio.Future[Link] = asyncio.get_running_loop().create_future()
    finished = asyncio.Event()

    async def door(request: web.Request) -> web.StreamResponse:
        async def on_link(link: Link) -> None:
            accepted.set_result(link)
            await finished.wait()

        return await serve_websocket(request, on_link)

    app = web.Application()
    app.router.add_get("/link", door)
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with ClientSession() as session:
            yield (
                await connect_websocket(session, f"http://127.0.0.1:{runner.addresses[0][1]}/link"),
                await accepted,
            )
            finished.set()
    finally:
        finished.set()
        await runner.cleanup()


ADAPTERS: dict[str, LinkPair] = {"memory": memory_pair, "websocket": websocket_pair}


@pytest.mark.parametrize("demand", DEMANDS, ids=lambda demand: demand.__name__)
@pytest.mark.parametrize("turned", [False, True], ids=["there", "back"])
@pytest.mark.parametrize("adapter", ADAPTERS)
async def test_every_adapter_keeps_every_demand(
    adapter: str, turned: bool, demand: Callable[[Link, Link], Awaitable[None]]
) -> None:
    async with asyncio.timeout(60), ADAPTERS[adapter]() as (a, b):
        await (demand(b, a) if turned else demand(a, b))


class Swapping(MemoryLink):
    """Turns a batch around."""

    async def receive(self) -> Sequence[bytes]:
        return list(reversed(await super().receive()))


class Forgetful(MemoryLink):
    """Loses what it holds when its reader is cancelled."""

    async def receive(self) -> Sequence[bytes]:
        batch = await super().receive()
        await asyncio.sleep(0)
        return batch


class Talkative(MemoryLink):
    """Changes its reason for closing."""

    async def receive(self) -> Sequence[bytes]:
        try:
            return await super().receive()
        except LinkClosed:
            raise LinkClosed("something_else") from None


class Greedy(MemoryLink):
    """Takes in whatever it is given."""

    async def send(self, *messages: bytes) -> None:
        await super().send(*messages)
        self._outgoing.held_bytes = 0


@pytest.mark.parametrize("lie", [Swapping, Forgetful, Talkative, Greedy])
async def test_the_check_catches_an_adapter_that_lies(lie: type[MemoryLink]) -> None:
    @asynccontextmanager
    async def lying_pair() -> AsyncIterator[tuple[Link, Link]]:
        honest, other = memory_links()
        yield (
            lie(outgoing=honest._outgoing, incoming=honest._incoming),
            lie(outgoing=other._outgoing, incoming=other._incoming),
        )

    with pytest.raises((AssertionError, ExceptionGroup)):
        await check_link(lying_pair, patience_s=1.5)


async def test_the_check_lets_an_honest_adapter_pass() -> None:
    await check_link(memory_pair)


async def test_a_sleeping_reader_costs_a_memory_link_no_more_than_its_bound() -> None:
    a, b = memory_links()
    batch = [bytes(MESSAGE_BYTES_MAX)] * BATCH_MESSAGES_MAX
    async with asyncio.TaskGroup() as tasks:
        writers = [tasks.create_task(a.send(*batch)) for _ in range(10)]
        await asyncio.wait(writers, timeout=0.1)
        assert 0 < a._outgoing.held_bytes < MEMORY_QUEUE_BYTES_MAX + FRAME_BYTES_MAX < UNREAD_BYTES_MAX
        for _ in writers:
            assert list(await b.receive()) == batch
    assert a._outgoing.held_bytes == 0
