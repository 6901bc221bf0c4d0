"""The edge without its sockets: rooms, the bus, and a heartbeat, joined by tasks."""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias, TypeVar

from qrshared.signaling.bus import Bus, BusGone, Member, Resumed
from qrshared.signaling.codec import WrongMessage
from qrshared.signaling.counts import Counts
from qrshared.signaling.exchanged import TurnShares
from qrshared.signaling.limits import EdgeLimits
from qrshared.signaling.messages import (
    VERSION,
    FromEdge,
    Join,
    Leave,
    Ping,
    Pong,
    Refuse,
    RefuseReason,
    Relay,
    Relayed,
    Servers,
    ToEdge,
    Turn,
    Welcome,
)
from qrshared.signaling.rooms import Change, Delivery, Rooms, ToLine, ToNode
from qrshared.signaling.told import Carried, Told, decode_told, encode_told
from qrshared.signaling.turn import TURN_TTL_S, TurnSource

ENTER_AT_ONCE: Final = 200
"""Members in one account to the bus: the loop stays free for everybody else in between."""

EXPIRE_EVERY_S: Final = 30.0
"""How often rooms that were left long ago are forgotten."""


class Line(Protocol):
    """A peer's socket, as far as the edge needs one."""

    number: int
    address: str
    heard_at: float
    is_gone: bool

    async def say(self, message: FromEdge) -> None:
        """Send or queue; never waits for the peer."""
        ...

    def cut(self, reason: str) -> None:
        """Drop it."""
        ...


@dataclass(frozen=True, slots=True)
class _Enter:
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class _Leave:
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class _Tell:
    node: str
    told: Told


_Errand: TypeAlias = _Enter | _Leave | _Tell
_E = TypeVar("_E", _Leave, _Tell)


class Edge:
    """One replica. `run` keeps it going; lines come, say something, and go. With `turn` it hands out relays."""

    def __init__(
        self,
        bus: Bus,
        *,
        limits: EdgeLimits,
        counts: Counts,
        clock: Callable[[], float],
        spawn: Callable[[Coroutine[None, None, None]], object],
        turn: TurnSource | None = None,
        stun: Sequence[str] | None = None,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.counts = counts
        self.limits = limits
        self.rooms = Rooms(
            node=bus.node,
            new_peer=lambda: secrets.token_urlsafe(6),
            peers_per_room=limits.peers_per_room,
            rooms_per_line=limits.rooms_per_socket,
            rooms_most=limits.rooms,
            linger_s=limits.room_linger_s,
            membership_s=limits.membership_s,
        )
        self._bus = bus
        self._clock = clock
        self._wall_clock = wall_clock
        self._spawn = spawn
        self._turn = turn
        self._stun = None if stun is None else tuple(stun)
        self._turn_shares = TurnShares(limits)
        self._turn_pending = 0
        self._lines: dict[int, Line] = {}
        self._due: deque[tuple[float, Line]] = deque()  # one interval for all: the first is always the next
        self._errands: deque[_Errand] = deque()
        self._has_errands = asyncio.Event()
        self._is_empty = asyncio.Event()
        self._is_empty.set()
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    @property
    def lines(self) -> list[Line]:
        """Every socket, as of now."""
        return list(self._lines.values())

    def welcome(self) -> Welcome:
        """The first word to each socket."""
        return Welcome(VERSION, turn=True if self._turn is not None else None, stun=self._stun)

    def __len__(self) -> int:
        return len(self._lines)

    def bus_gone_s(self) -> float:
        """For how long the other replicas have been out of reach."""
        return self._bus.gone_s()

    # --- lines

    def arrive(self, line: Line) -> None:
        """A peer is there; it is asked at intervals whether it still is."""
        self._lines[line.number] = line
        self._is_empty.clear()
        self._due.append((self._clock() + self.limits.ping_every_s, line))

    async def hear(self, line: Line, message: ToEdge) -> None:
        """Do what a peer says."""
        now = self._clock()
        match message:
            case Relay():
                deliveries = self.rooms.relay(line.number, message)
                if deliveries:
                    self.counts.relayed_bytes += len(message.blob)
                else:
                    self.counts.dropped["nobody_there"] += 1
                await self._deliver(deliveries)
            case Join(rooms):
                await self._apply(self.rooms.join(line.number, rooms, now))
            case Leave(rooms):
                await self._apply(self.rooms.leave(line.number, now, rooms))
            case Turn():
                await self._hand_out(line, message, now)
            case Ping():
                await line.say(Pong())
            case Pong():
                pass

    async def depart(self, line: Line) -> None:
        """A peer is gone, and with it its place in every room."""
        self._lines.pop(line.number, None)
        if not self._lines:
            self._is_empty.set()
        await self._apply(self.rooms.leave(line.number, self._clock()))

    # --- relays

    async def _hand_out(self, line: Line, turn: Turn, now: float) -> None:
        """Two who exchanged envelopes get a relay each, now and then: the edge cannot know more about them."""
        may_have = (
            self._turn is not None
            and self._turn_pending < self.limits.turn_pending
            and self.rooms.have_met(line.number, turn.room, turn.to)
            and self._turn_shares.take(line.number, turn.room, line.address, now)
        )
        if not may_have or self._turn is None:
            await self._refuse_turn(line, turn)
            return
        self._turn_pending += 1
        # A provider may take a second, and this peer may go on talking.
        self._spawn(self._mint(self._turn, line, turn))

    async def _mint(self, source: TurnSource, line: Line, turn: Turn) -> None:
        until_ms = int((self._wall_clock() + TURN_TTL_S) * 1000)
        try:
            servers = await source.mint(secrets.token_urlsafe(9))
        finally:
            self._turn_pending -= 1
        if not servers:
            await self._refuse_turn(line, turn)
            return
        self.counts.turn_minted += 1
        await line.say(Servers(turn.room, servers, until_ms))

    async def _refuse_turn(self, line: Line, turn: Turn) -> None:
        self.counts.refused[RefuseReason.TURN] += 1
        await line.say(Refuse(RefuseReason.TURN, turn.room))

    # --- what goes on by itself

    async def run(self) -> None:
        """Until cancelled: bus, heartbeat, forgetting."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._run_errands())
            tasks.create_task(self._listen())
            tasks.create_task(self._beat())
            tasks.create_task(self._renew())
            tasks.create_task(self._expire())

    async def emptied(self) -> None:
        """Wait until nobody is there."""
        await self._is_empty.wait()

    async def flush(self) -> None:
        """Wait until the bus knows everything: who left with this replica, above all."""
        await self._is_idle.wait()

    async def _beat(self) -> None:
        tick_s = self.limits.ping_every_s / 20
        while True:
            await asyncio.sleep(tick_s)
            now = self._clock()
            while self._due and self._due[0][0] <= now:
                _, line = self._due.popleft()
                if line.number not in self._lines:
                    continue
                if now - line.heard_at >= self.limits.dead_after_s:
                    line.cut("dead")
                    continue
                await line.say(Ping())
                self._due.append((now + self.limits.ping_every_s, line))

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self.limits.renew_every_s)
            self._enter(self.rooms.members())

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(EXPIRE_EVERY_S)
            self.rooms.expire(self._clock())

    async def _listen(self) -> None:
        async with aclosing(self._bus.subscribe()) as events:
            async for event in events:
                if isinstance(event, Resumed):
                    self.rooms.resume(self._clock())
                    self._enter(self.rooms.members())
                    continue
                for line in event.splitlines():
                    await self._hear_told(line)

    async def _hear_told(self, line: str) -> None:
        try:
            told = decode_told(line)
        except WrongMessage:
            self.counts.dropped["wrong_on_bus"] += 1
            return
        deliveries = self.rooms.hear(told, self._clock())
        if isinstance(told, Carried) and not deliveries:
            self.counts.dropped["nobody_there"] += 1
        await self._deliver(deliveries)

    # --- out

    async def _apply(self, change: Change) -> None:
        self._enter(change.entered)
        if change.departed:
            self._add(_Leave(change.departed))
        await self._deliver(change.deliveries)

    async def _deliver(self, deliveries: Iterable[Delivery]) -> None:
        for delivery in deliveries:
            match delivery:
                case ToLine(number, message):
                    line = self._lines.get(number)
                    if line is None or line.is_gone:
                        if isinstance(message, Relayed):
                            self.counts.dropped["nobody_there"] += 1
                        continue
                    if isinstance(message, Refuse):
                        self.counts.refused[message.reason] += 1
                    await line.say(message)
                case ToNode(node, told):
                    self._add(_Tell(node, told))

    # --- errands: the one task that talks to the bus does them in order, as many at once as wait

    def _enter(self, members: Iterable[Member]) -> None:
        everybody = tuple(members)
        for start in range(0, len(everybody), ENTER_AT_ONCE):
            self._add(_Enter(everybody[start : start + ENTER_AT_ONCE]))

    def _add(self, errand: _Errand) -> None:
        # While the bus is gone words would only pile up: memberships are renewed when it is back, peers send again.
        if self._bus.gone_s() or len(self._errands) >= self.limits.bus_queue:
            self.counts.dropped["bus"] += 1
            return
        self._errands.append(errand)
        self._is_idle.clear()
        self._has_errands.set()

    async def _run_errands(self) -> None:
        while True:
            await self._has_errands.wait()
            self._has_errands.clear()
            while self._errands:
                try:
                    await self._run_first()
                except BusGone:
                    self.counts.bus_faults += 1
                    self.counts.dropped["bus"] += len(self._errands)
                    self._errands.clear()
                await asyncio.sleep(0)  # a bus in memory never waits, and others want their turn
            self._is_idle.set()

    async def _run_first(self) -> None:
        """The first errand, with those of its kind that follow it at once."""
        match self._errands[0]:
            case _Enter(members):
                self._errands.popleft()
                present = await self._bus.enter(members)
                await self._apply(self.rooms.account(members, present, self._clock()))
            case _Leave(_):
                await self._bus.leave([member for errand in self._take(_Leave) for member in errand.members])
            case _Tell(_, _):
                texts: dict[str, list[str]] = {}
                for errand in self._take(_Tell):
                    texts.setdefault(errand.node, []).append(encode_told(errand.told))
                await self._bus.publish([(node, "\n".join(lines)) for node, lines in texts.items()])

    def _take(self, kind: type[_E]) -> Iterator[_E]:
        """Errands of this kind, up to the first of another: the order is kept."""
        while self._errands and isinstance(errand := self._errands[0], kind):
            self._errands.popleft()
            yield errand
