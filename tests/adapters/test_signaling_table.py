"""Every limit of the edge's table, exceeded over real sockets, while a good pair still meets."""

import asyncio
import dataclasses
import json
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import WSServerHandshakeError

from qrshared.signaling import LIMITS, EdgeLimits, MemoryBoard, MemoryBus
from qrshared.signaling.limits import (
    BLOB_CHARACTERS_MAX,
    BUS_QUEUE_MAX,
    BYTES_BURST_MAX,
    EDGE_SOCKETS_PER_ADDRESS_MAX,
    MESSAGES_BURST_MAX,
    PEERS_PER_ROOM_MAX,
    ROOMS_PER_SOCKET_MAX,
    SIGNAL_BYTES_MAX,
    TURN_BURST_MAX,
    TURN_PENDING_MAX,
    UNREAD_BYTES_MAX,
    UNREAD_MESSAGES_MAX,
    VISITS_BURST_MAX,
)
from qrshared.signaling.told import Arrived
from tests.adapters.signaling_world import (
    FREE,
    GENEROUS,
    CountingTurn,
    Peer,
    Replica,
    edge,
    meet,
    met,
    room_id,
)
from tests.waiting import until


@dataclasses.dataclass(frozen=True)
class Case:
    """What exceeds a limit, and with which numbers."""

    exceed: Callable[[Replica], Awaitable[None]]
    limits: EdgeLimits = GENEROUS


async def too_many_peers(replica: Replica) -> None:
    room = room_id()
    peers = [await replica.session.ws_connect(f"{replica.url}/signal") for _ in range(PEERS_PER_ROOM_MAX + 1)]
    for websocket in peers[:-1]:
        peer = Peer(websocket)
        await peer.hear("welcome")
        await peer.join(room)
    last = Peer(peers[-1])
    await last.hear("welcome")
    await last.say(t="join", rooms=[room])
    assert await last.hear("refuse") == {"t": "refuse", "reason": "crowded", "room": room}
    await last.silent()


async def too_many_rooms(replica: Replica) -> None:
    async with replica.peer() as peer:
        rooms = [room_id() for _ in range(ROOMS_PER_SOCKET_MAX)]
        assert len(await peer.join(*rooms)) == ROOMS_PER_SOCKET_MAX
        await peer.say(t="join", rooms=[room_id()])
        assert (await peer.hear("refuse"))["reason"] == "too_many_rooms"
        await peer.silent()
        await peer.say(t="join", rooms=[*rooms, room_id()])
        assert (await peer.hear("refuse"))["reason"] == "malformed"
        assert await peer.ended() == 1008


async def too_many_rooms_at_all(replica: Replica) -> None:
    async with replica.peer() as a, replica.peer() as b:
        await a.join(room_id(), room_id())
        await b.say(t="join", rooms=[room_id()])
        assert (await b.hear("refuse"))["reason"] == "full"
        await b.silent()


async def a_room_that_lingers(replica: Replica) -> None:
    async with replica.peer() as peer:
        await peer.join(room_id())
    rooms = replica.server.edge.rooms
    await until(lambda: rooms.empty == 1)
    assert rooms.expire(1e12) == 1


async def an_envelope_too_long(replica: Replica) -> None:
    async with replica.peer() as peer:
        await peer.join(room_id())
        await peer.say(t="relay", room=room_id(), to="A" * 8, seq=1, blob="A" * (BLOB_CHARACTERS_MAX + 1))
        assert (await peer.hear("refuse"))["reason"] == "malformed"
        assert await peer.ended() == 1008


async def a_message_too_long(replica: Replica) -> None:
    async with replica.peer() as peer:
        await peer.join(room_id())
        await peer.websocket.send_str(" " * SIGNAL_BYTES_MAX + "{}")
        assert await peer.ended() == 1009


async def too_many_messages(replica: Replica) -> None:
    async with replica.peer() as peer:
        for _ in range(int(MESSAGES_BURST_MAX) + 20):
            await peer.say(t="pong")
        assert (await peer.hear("refuse"))["reason"] == "too_fast"
        assert await peer.ended() == 1008
    async with replica.peer() as peer:
        await peer.join(room_id())
        for _ in range(int(MESSAGES_BURST_MAX) + 20):
            await peer.websocket.ping()
        assert (await peer.hear("refuse"))["reason"] == "too_fast"


async def too_many_bytes(replica: Replica) -> None:
    async with replica.peer() as peer:
        await peer.join(room_id())
        for _ in range(int(BYTES_BURST_MAX) // BLOB_CHARACTERS_MAX + 1):
            await peer.say(t="relay", room=room_id(), to="A" * 8, seq=1, blob="A" * BLOB_CHARACTERS_MAX)
        assert (await peer.hear("refuse"))["reason"] == "too_fast"
        assert await peer.ended() == 1008


async def too_many_visits(replica: Replica) -> None:
    for _ in range(int(VISITS_BURST_MAX)):
        async with replica.peer():
            pass
    assert await replica.status() == 429
    assert replica.server.counts.turned_away["visits"] == 1


async def too_many_sockets_of_one_address(replica: Replica) -> None:
    peers = []
    for _ in range(EDGE_SOCKETS_PER_ADDRESS_MAX):
        peer = Peer(await replica.session.ws_connect(f"{replica.url}/signal"))
        await peer.hear("welcome")
        await peer.join(room_id())
        peers.append(peer)
    with pytest.raises(WSServerHandshakeError, match="429"):
        await replica.session.ws_connect(f"{replica.url}/signal")
    await peers[0].websocket.close()
    await until(lambda: len(replica.server.edge) == EDGE_SOCKETS_PER_ADDRESS_MAX - 1)
    await meet_one(replica)


async def meet_one(replica: Replica) -> None:
    async with replica.peer() as peer:
        await peer.join(room_id())


async def too_many_sockets(replica: Replica) -> None:
    async with replica.peer(), replica.peer():
        assert (await replica.json("/ready")) == {"status": "not ready", "why": "sockets"}
        assert await replica.status() == 503


async def nobody_joins(replica: Replica) -> None:
    async with replica.peer() as idle, replica.peer() as busy:
        await busy.join(room_id())
        await idle.silent()  # words alone do not help
        assert await idle.ended() == 1006
        await busy.silent()


async def nothing_is_heard(replica: Replica) -> None:
    async with replica.peer() as dead, replica.peer() as alive:
        await dead.join(room_id())
        await alive.join(room_id())
        while not replica.server.counts.cut["dead"]:
            await alive.hear("ping")
            await alive.say(t="pong")
        assert await dead.ended() == 1006
        await alive.silent()
        assert replica.server.counts.cut["dead"] == 1


async def a_reader_that_sleeps(replica: Replica) -> None:
    """It takes in what kernels hold, then 256 KiB; and nobody waits for it."""
    room = room_id()
    async with replica.peer() as sleeper, replica.peer() as sender:
        (state,) = await sleeper.join(room)
        await sender.join(room)
        assert sleeper.websocket._conn is not None
        transport = sleeper.websocket._conn.transport
        assert transport is not None
        transport.pause_reading()
        while not replica.server.counts.cut["slow_reader"]:
            await sender.say(t="relay", room=room, to=state["you"], seq=1, blob="A" * 60_000)
            await sender.silent()
        assert await sender.hear("left") == {"t": "left", "room": room, "peer": state["you"]}


async def a_reader_with_too_many_letters(replica: Replica) -> None:
    """The same, in messages."""
    room = room_id()
    async with replica.peer() as sleeper, replica.peer() as sender:
        (state,) = await sleeper.join(room)
        await sender.join(room)
        line = replica.server.edge.lines[0]
        sleeper.websocket._conn.transport.pause_reading()  # type: ignore[union-attr] # it is open
        while not replica.server.counts.cut["slow_reader"]:
            await sender.say(t="relay", room=room, to=state["you"], seq=1, blob="A" * 20_000)
            await sender.silent()
        assert line.is_gone


async def ask_turn(peer: Peer, room: str, to: str) -> str:
    await peer.say(t="turn", room=room, to=to)
    while True:
        said = json.loads((await peer.websocket.receive()).data)
        if said["t"] in ("servers", "refuse"):
            assert said["room"] == room
            return str(said["t"])


async def relays_too_often(replica: Replica) -> None:
    async with replica.peer() as a, replica.peer() as b:
        room, other = room_id(), room_id()
        _, to = await met(a, b, room)
        _, elsewhere = await met(a, b, other)
        assert await ask_turn(a, room, to) == "servers"
        assert await ask_turn(a, room, to) == "refuse"
        assert await ask_turn(a, other, elsewhere) == "servers"  # a share for each room


async def too_many_relays_of_an_address(replica: Replica) -> None:
    async with replica.peer() as a, replica.peer() as b:
        rooms = [room_id() for _ in range(int(TURN_BURST_MAX) + 1)]
        told = []
        for room in rooms:
            _, to = await met(a, b, room)
            told.append(await ask_turn(a, room, to))
        assert told == ["servers"] * int(TURN_BURST_MAX) + ["refuse"]


async def too_many_relays_being_asked_for(replica: Replica) -> None:
    source = turn_of(replica)
    source.may_answer.clear()
    async with replica.peer() as a, replica.peer() as b:
        for _ in range(TURN_PENDING_MAX):
            room = room_id()
            _, to = await met(a, b, room)
            await a.say(t="turn", room=room, to=to)
        room = room_id()
        _, to = await met(a, b, room)
        assert await ask_turn(a, room, to) == "refuse"
        await until(lambda: len(source.labels) == TURN_PENDING_MAX)
        source.may_answer.set()
        for _ in range(TURN_PENDING_MAX):
            await a.hear("servers")


def turn_of(replica: Replica) -> CountingTurn:
    source = replica.server.edge._turn
    assert isinstance(source, CountingTurn)
    return source


NUMBERS = EdgeLimits(sockets=10_000)
"""The table's own, that of all sockets apart."""

CASES: dict[str, Case] = {
    "peers per room": Case(too_many_peers),
    "rooms per socket": Case(too_many_rooms),
    "rooms": Case(too_many_rooms_at_all, dataclasses.replace(GENEROUS, rooms=2)),
    "room lingers": Case(a_room_that_lingers),
    "envelope": Case(an_envelope_too_long),
    "message bytes": Case(a_message_too_long),
    "messages": Case(too_many_messages),
    "bytes": Case(too_many_bytes),
    "visits": Case(too_many_visits, NUMBERS),
    "sockets per address": Case(
        too_many_sockets_of_one_address, dataclasses.replace(NUMBERS, visits_burst=EDGE_SOCKETS_PER_ADDRESS_MAX + 9)
    ),
    "sockets": Case(too_many_sockets, dataclasses.replace(GENEROUS, sockets=2)),
    "join deadline": Case(nobody_joins, dataclasses.replace(GENEROUS, join_deadline_s=0.5)),
    "dead after": Case(nothing_is_heard, dataclasses.replace(GENEROUS, ping_every_s=0.1, dead_after_s=0.4)),
    "unread bytes": Case(a_reader_that_sleeps, dataclasses.replace(FREE, unread_messages=10**6)),
    "unread messages": Case(a_reader_with_too_many_letters, dataclasses.replace(FREE, unread_bytes=10**9)),
    "turn": Case(relays_too_often, FREE),
    "turn per address": Case(too_many_relays_of_an_address, FREE),
    "turn pending": Case(too_many_relays_being_asked_for, dataclasses.replace(FREE, turn_burst=1e9)),
}
ELSEWHERE = {
    "bus gone": "test_signaling_replicas.py",
    "membership": "check_bus",
    "bus queue": "below",
    "visitors": "test_signaling_limits.py",
}


def test_every_limit_of_the_table_is_exceeded_by_a_test() -> None:
    assert {limit.name for limit in LIMITS} == {*CASES, *ELSEWHERE}
    assert NUMBERS.unread_bytes == UNREAD_BYTES_MAX
    assert NUMBERS.unread_messages == UNREAD_MESSAGES_MAX


@pytest.mark.parametrize("name", CASES)
async def test_a_limit_holds_and_a_good_pair_still_meets(name: str) -> None:
    case = CASES[name]
    async with asyncio.timeout(60), edge(limits=case.limits, turn=CountingTurn()) as replica:
        await case.exceed(replica)
        if name not in {"visits", "rooms", "sockets per address"}:  # there the good pair shares what is used up
            await meet(replica)


async def test_words_for_the_bus_do_not_pile_up() -> None:
    class Stuck(MemoryBus):
        is_stuck = False

        async def publish(self, texts: object) -> None:
            self.is_stuck = True
            await asyncio.Event().wait()

    assert BUS_QUEUE_MAX > 100
    bus = Stuck(MemoryBoard(asyncio.get_running_loop().time), "stuck")
    async with edge(bus, limits=dataclasses.replace(FREE, bus_queue=100)) as replica, replica.peer() as peer:
        room = room_id()
        (state,) = await peer.join(room)
        await replica.server.edge._deliver(replica.server.edge.rooms.hear(Arrived(room, "far-away", "far"), 0))
        await peer.hear("joined")
        await peer.say(t="relay", room=room, to="far-away", seq=0, blob="")
        await until(lambda: bus.is_stuck)  # what came before is on its way with it
        for seq in range(1, 300):
            await peer.say(t="relay", room=room, to="far-away", seq=seq, blob="")
        await peer.silent()
        assert len(replica.server.edge._errands) <= 100
        assert replica.server.counts.dropped["bus"] >= 150
        assert state["you"]
