"""Every bus adapter passes the one check, and the check catches adapters that lie."""

import asyncio
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from qrshared.signaling import Bus, BusGone, Member, MemoryBoard, MemoryBus, Resumed, check_bus
from qrshared.signaling.bus import BusEvent
from qrshared.signaling.check import DEMANDS, LIFE_S, PEERS, BusPair
from qrshared.signaling.redis_bus import RedisBus
from tests.adapters.signaling_world import RedisServer, redis_server
from tests.waiting import until


async def _next(events: AsyncGenerator[BusEvent, None]) -> BusEvent:
    return await anext(events)


@asynccontextmanager
async def memory_pair() -> AsyncIterator[tuple[Bus, Bus]]:
    board = MemoryBoard(asyncio.get_running_loop().time, membership_s=LIFE_S, peers_per_room=PEERS)
    yield MemoryBus(board, "node a"), MemoryBus(board, "node b")


def redis_bus(server: RedisServer, node: str) -> RedisBus:
    clock = asyncio.get_running_loop().time
    return RedisBus(server.url, node=node, clock=clock, membership_s=LIFE_S, peers_per_room=PEERS, probe_s=0.3)


async def wipe(server: RedisServer) -> None:
    async with Redis.from_url(server.url) as redis:
        await redis.flushall()


@pytest.mark.parametrize("demand", DEMANDS, ids=lambda demand: demand.__name__)
async def test_the_memory_bus_keeps_every_demand(demand: Callable[[Bus, Bus], Awaitable[None]]) -> None:
    async with asyncio.timeout(60), memory_pair() as (a, b):
        await demand(a, b)


@pytest.mark.needs("redis-server")
async def test_the_redis_bus_keeps_every_demand(tmp_path: Path) -> None:
    numbers = iter(range(100))

    @asynccontextmanager
    async def pair() -> AsyncIterator[tuple[Bus, Bus]]:
        number = next(numbers)
        a, b = redis_bus(server, f"a{number}"), redis_bus(server, f"b{number}")
        async with a, b:
            await wipe(server)
            yield a, b

    async with redis_server(tmp_path) as server:
        await check_bus(pair)


class Everybodys(MemoryBus):
    """Hands every text to every node."""

    async def publish(self, texts: Sequence[tuple[str, str]]) -> None:
        await super().publish([(node, text) for node in self._board.queues for _, text in texts])


class Immortal(MemoryBus):
    """Forgets nobody."""

    async def enter(self, members: Sequence[Member]) -> Mapping[str, frozenset[Member]]:
        for room in self._board.rooms.values():
            room.update(dict.fromkeys(room, float("inf")))
        return await super().enter(members)


class Hospitable(MemoryBus):
    """Takes everybody in."""

    async def enter(self, members: Sequence[Member]) -> Mapping[str, frozenset[Member]]:
        self._board.peers_per_room += 100
        return await super().enter(members)


class Hasty(MemoryBus):
    """Does not say that it is there."""

    async def subscribe(self) -> AsyncGenerator[BusEvent, None]:
        async with aclosing(super().subscribe()) as events:
            await anext(events)
            async for event in events:
                yield event


@pytest.mark.parametrize("lie", [Everybodys, Immortal, Hospitable, Hasty])
async def test_the_check_catches_a_bus_that_lies(lie: type[MemoryBus]) -> None:
    @asynccontextmanager
    async def lying_pair() -> AsyncIterator[tuple[Bus, Bus]]:
        board = MemoryBoard(asyncio.get_running_loop().time, membership_s=0.1, peers_per_room=PEERS)
        yield lie(board, "node a"), lie(board, "node b")

    honest: BusPair = memory_pair
    await check_bus(honest)
    with pytest.raises(AssertionError):
        await check_bus(lying_pair, patience_s=2)


@pytest.mark.needs("redis-server")
async def test_a_redis_that_dies_is_gone_at_once_and_resumed_when_it_is_back(tmp_path: Path) -> None:
    here = Member("A" * 22, "somebody", "a")
    async with redis_server(tmp_path) as server, redis_bus(server, "a") as bus, aclosing(bus.subscribe()) as events:
        assert bus.gone_s() > 0, "not there before it is subscribed"
        async with asyncio.timeout(60):
            assert isinstance(await anext(events), Resumed)
            assert bus.gone_s() == 0
            await server.kill()
            with pytest.raises(BusGone):
                await bus.enter([here])
            with pytest.raises(BusGone):
                await bus.publish([("a", "lost")])
            assert bus.gone_s() > 0
            await server.start()
            assert isinstance(await anext(events), Resumed)
            assert bus.gone_s() == 0
            await bus.publish([("a", "heard")])
            assert await anext(events) == "heard"


@pytest.mark.needs("redis-server")
async def test_a_redis_that_hangs_without_a_word_is_noticed(tmp_path: Path) -> None:
    async with redis_server(tmp_path) as server, redis_bus(server, "a") as bus, aclosing(bus.subscribe()) as events:
        async with asyncio.timeout(60):
            assert isinstance(await anext(events), Resumed)
            assert server.process is not None
            server.process.send_signal(signal.SIGSTOP)
            async with asyncio.TaskGroup() as tasks:
                waking = tasks.create_task(_next(events))
                await until(lambda: bus.gone_s() > 0)
                server.process.send_signal(signal.SIGCONT)
            assert isinstance(waking.result(), Resumed)
