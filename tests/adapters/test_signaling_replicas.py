"""Two replicas and a real Redis: peers meet across, Redis dies and comes back, a replica is lost."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from qrshared.signaling import EdgeLimits, MemoryBoard, MemoryBus
from qrshared.signaling.redis_bus import RedisBus
from tests.adapters.signaling_world import (
    GENEROUS,
    PATIENCE_S,
    Peer,
    RedisServer,
    Replica,
    edge,
    meet,
    redis_server,
    room_id,
)
from tests.waiting import until

MEMBERSHIP_S = 1.5
FAST = dataclasses.replace(GENEROUS, renew_every_s=0.4, bus_gone_s=0.5, membership_s=MEMBERSHIP_S)


@asynccontextmanager
async def on_redis(server: RedisServer, node: str, limits: EdgeLimits = FAST) -> AsyncIterator[Replica]:
    clock = asyncio.get_running_loop().time
    bus = RedisBus(server.url, node=node, clock=clock, membership_s=MEMBERSHIP_S, probe_s=0.4)
    async with bus, edge(bus, limits=limits) as replica:
        await until(lambda: bus.gone_s() == 0)
        yield replica


async def state_with(peer: Peer, others: int) -> list[str]:
    """Hear on until so many others are in the room."""
    while True:
        (state,) = (await peer.hear("joined"))["present"]
        if len(state["peers"]) == others:
            found: list[str] = state["peers"]
            return found


async def status_becomes(replica: Replica, status: int) -> None:
    async def is_so() -> bool:
        return await replica.status("/ready") == status

    await until(is_so, within_s=PATIENCE_S)


async def test_peers_of_two_replicas_meet_in_memory() -> None:
    board = MemoryBoard(asyncio.get_running_loop().time)
    async with edge(MemoryBus(board, "a")) as a, edge(MemoryBus(board, "b")) as b:
        await meet(a, b)
        await meet(b, a)
        await meet(a)


@pytest.mark.needs("redis-server")
async def test_peers_of_two_replicas_meet_over_redis_and_hear_who_leaves(tmp_path: Path) -> None:
    async with redis_server(tmp_path) as redis, on_redis(redis, "a") as a, on_redis(redis, "b") as b:
        await meet(a, b)
        room = room_id()
        async with a.peer() as here:
            await here.join(room)
            async with b.peer() as there:
                await there.join(room)
                (other,) = await state_with(here, 1)
            assert (await here.hear("left"))["peer"] == other


@pytest.mark.needs("redis-server")
async def test_the_ninth_peer_is_refused_wherever_it_comes(tmp_path: Path) -> None:
    async with redis_server(tmp_path) as redis, on_redis(redis, "a") as a, on_redis(redis, "b") as b:
        room = room_id()
        async with a.peer() as first:
            await first.join(room)
            peers = []
            for number in range(1, 8):
                replica = (a, b)[number % 2]
                peer = Peer(await replica.session.ws_connect(f"{replica.url}/signal"))
                await peer.hear("welcome")
                await peer.join(room)
                peers.append(peer)
                await state_with(first, number)
            await refused_as_ninth(b, room)
            await refused_as_ninth(a, room)


async def refused_as_ninth(replica: Replica, room: str) -> None:
    """Where the others are here it is refused at once, else when Redis has been asked."""
    async with replica.peer() as ninth:
        await ninth.say(t="join", rooms=[room])
        async with asyncio.timeout(PATIENCE_S):
            while (said := await ninth.websocket.receive_json())["t"] != "refuse":
                pass
        assert said == {"t": "refuse", "reason": "crowded", "room": room}


@pytest.mark.needs("redis-server")
async def test_without_redis_local_rooms_go_on_and_with_it_everybody_is_found_again(tmp_path: Path) -> None:
    async with redis_server(tmp_path) as redis, on_redis(redis, "a") as a, on_redis(redis, "b") as b:
        room, later = room_id(), room_id()
        async with a.peer() as here, b.peer() as there:
            await here.join(room)
            await there.join(room)
            (far,) = await state_with(here, 1)
            await state_with(there, 1)
            await redis.kill()
            await status_becomes(a, 503)
            assert (await a.json("/ready"))["why"] == "bus"

            await meet(a)
            await meet(b)
            assert (await a.json("/health"))["status"] == "ok"
            await here.say(t="relay", room=room, to=far, seq=1, blob="bG9zdA")  # nobody promised anything
            (nobody,) = await here.join(later)
            assert nobody["peers"] == []
            (alone,) = await there.join(later)
            assert alone["peers"] == []

            await redis.start()
            await status_becomes(a, 200)
            await status_becomes(b, 200)
            (found,) = (await here.hear("joined"))["present"]  # and nobody was said to have left
            assert (found["room"], len(found["peers"])) == (later, 1)
            await here.say(t="relay", room=room, to=far, seq=2, blob="YWdhaW4")  # what was not confirmed is sent again
            assert (await there_hears(there))["seq"] == 2
        await meet(a, b)


async def there_hears(peer: Peer) -> dict[str, object]:
    """The next envelope, whatever else is said."""
    async with asyncio.timeout(PATIENCE_S):
        while (said := await peer.websocket.receive_json())["t"] != "relayed":
            pass
    found: dict[str, object] = said
    return found


@pytest.mark.needs("redis-server")
async def test_the_peers_of_a_killed_replica_are_gone_after_a_while(tmp_path: Path) -> None:
    async with redis_server(tmp_path) as redis, on_redis(redis, "a") as a, on_redis(redis, "b") as b:
        room = room_id()
        async with a.peer() as here, b.peer() as there:
            await here.join(room)
            await there.join(room)
            (far,) = await state_with(here, 1)
            # a killed process says nothing: no goodbye, no renewal
            b.server._running.cancel()
            assert (await here.hear("left"))["peer"] == far
            await until(lambda: b.server._running.done())


@pytest.mark.needs("redis-server")
async def test_an_edge_begins_without_redis_and_is_not_ready(tmp_path: Path) -> None:
    async with redis_server(tmp_path) as redis:
        await redis.kill()
        bus = RedisBus(redis.url, node="a", clock=asyncio.get_running_loop().time, probe_s=0.4)
        async with bus, edge(bus, limits=FAST) as replica:
            await meet(replica)
            await status_becomes(replica, 503)
            await redis.start()
            await status_becomes(replica, 200)


@pytest.mark.needs("redis-server")
async def test_rubbish_in_redis_harms_nobody(tmp_path: Path) -> None:
    async with redis_server(tmp_path) as redis, on_redis(redis, "a") as a:
        bus = RedisBus(redis.url, node="stranger", clock=asyncio.get_running_loop().time)
        async with bus, a.peer() as peer:
            room = room_id()
            await peer.join(room)
            await bus.publish([("a", f'rubbish\n["arrived","{room}","x","y"]\n{{}}\n["carried"]')])
            await until(lambda: a.server.counts.dropped["wrong_on_bus"] == 4)
            await peer.silent()
        await meet(a)
