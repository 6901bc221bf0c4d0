"""Relays from an edge: only for two who exchanged envelopes, across replicas too, and never in a log."""

import asyncio
import logging
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from qrshared.signaling import TURN_TTL_S
from qrshared.signaling.redis_bus import RedisBus
from tests.adapters.signaling_world import (
    GENEROUS,
    CountingTurn,
    Peer,
    Replica,
    edge,
    met,
    redis_server,
    room_id,
)

REFUSED = {"t": "refuse", "reason": "turn"}


async def both_get_one(a: Peer, b: Peer, room: str) -> None:
    first, second = await met(a, b, room)
    for asker, other in ((a, second), (b, first)):
        await asker.say(t="turn", room=room, to=other)
        servers = await asker.hear("servers")
        assert servers["room"] == room
        (server,) = servers["servers"]
        assert server["urls"] == ["turn:relay.example.org:3478"]
        assert server["credential"] == "pw"
        assert 0 < servers["until_ms"] / 1000 - time.time() <= TURN_TTL_S


async def test_two_who_exchanged_envelopes_get_a_relay_each() -> None:
    turn = CountingTurn()
    async with edge(turn=turn) as replica, replica.peer() as a, replica.peer() as b:
        await both_get_one(a, b, room_id())
        assert len(set(turn.labels)) == 2
        assert replica.server.counts.turn_minted == 2


async def refused(peer: Peer, room: str, to: str) -> None:
    await peer.say(t="turn", room=room, to=to)
    assert await peer.hear("refuse") == {**REFUSED, "room": room}


async def test_whoever_only_spoke_or_only_listened_gets_none() -> None:
    turn = CountingTurn()
    async with edge(turn=turn) as replica, replica.peer() as a, replica.peer() as b, replica.peer() as c:
        room = room_id()
        first, second = await met(a, b, room, both_ways=False)
        await refused(a, room, second)
        await refused(b, room, first)
        await refused(c, room, first)  # not in the room at all
        await refused(a, room_id(), second)
        await refused(a, room, "AAAAAAAA")
        await refused(a, room, first)  # oneself
        assert turn.labels == []
        assert replica.server.counts.refused["turn"] == 6
        await b.say(t="relay", room=room, to=first, seq=2, blob="")  # now both have spoken
        await a.hear("relayed")
        await a.say(t="turn", room=room, to=second)
        await a.hear("servers")


async def test_what_was_said_to_somebody_who_left_counts_no_more() -> None:
    async with edge(turn=CountingTurn()) as replica, replica.peer() as a:
        room = room_id()
        async with replica.peer() as b:
            first, second = await met(a, b, room)
            await b.say(t="leave", rooms=[room])
            await a.hear("left")
            await refused(a, room, second)
            await refused(b, room, first)
        await a.say(t="leave", rooms=[room])
        await a.silent()
        assert len(replica.server.edge.rooms._exchanged) == 0


async def test_a_provider_that_is_down_is_a_refusal_and_the_socket_goes_on() -> None:
    turn = CountingTurn()
    turn.is_down = True
    async with edge(turn=turn) as replica, replica.peer() as a, replica.peer() as b:
        room = room_id()
        _, second = await met(a, b, room)
        await refused(a, room, second)
        await a.silent()
        assert replica.server.counts.turn_minted == 0


async def test_a_slow_provider_keeps_nobody_from_talking() -> None:
    turn = CountingTurn()
    turn.may_answer.clear()
    async with edge(turn=turn) as replica, replica.peer() as a, replica.peer() as b:
        room = room_id()
        first, second = await met(a, b, room)
        await a.say(t="turn", room=room, to=second)
        await a.say(t="relay", room=room, to=second, seq=5, blob="bGF0ZXI")
        assert (await b.hear("relayed"))["blob"] == "bGF0ZXI"
        await a.websocket.close()  # and whoever goes meanwhile is no fault
        turn.may_answer.set()
        assert (await b.hear("left"))["peer"] == first


async def test_an_edge_without_relays_says_so() -> None:
    async with edge() as replica, replica.peer() as a, replica.peer() as b:
        room = room_id()
        _, second = await met(a, b, room)
        await refused(a, room, second)


@pytest.mark.needs("redis-server")
async def test_two_replicas_count_each_their_own_and_both_peers_get_one(tmp_path: Path) -> None:
    async with redis_server(tmp_path) as redis, AsyncExitStack() as stack:
        replicas: list[Replica] = []
        for node in ("one", "two"):
            clock = asyncio.get_running_loop().time
            bus = await stack.enter_async_context(RedisBus(redis.url, node=node, clock=clock))
            replicas.append(await stack.enter_async_context(edge(bus, limits=GENEROUS, turn=CountingTurn())))
        a = await stack.enter_async_context(replicas[0].peer())
        b = await stack.enter_async_context(replicas[1].peer())
        await both_get_one(a, b, room_id())


async def test_a_log_at_its_loudest_holds_nothing_of_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with edge(turn=CountingTurn()) as replica, replica.peer() as a, replica.peer() as b:
        room = room_id()
        await both_get_one(a, b, room)
    assert "pw" not in caplog.text
    assert room not in caplog.text
