"""Who is in which room, as pure rules: values in, deliveries out.

A place is where a peer's messages go: a line (the number of a socket here) or a node (the name of another replica).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from qrshared.signaling.bus import Member
from qrshared.signaling.exchanged import Exchanged
from qrshared.signaling.limits import (
    MEMBERSHIP_S,
    PEERS_PER_ROOM_MAX,
    ROOM_LINGER_S,
    ROOMS_MAX,
    ROOMS_PER_SOCKET_MAX,
)
from qrshared.signaling.messages import FromEdge, Joined, Left, Presence, Refuse, RefuseReason, Relay, Relayed
from qrshared.signaling.told import Arrived, Carried, Departed, Told

Line: TypeAlias = int
Node: TypeAlias = str

MISSED_TWICE = 2
"""A peer of another node goes when two accounts in a row lack it: one may be older than the news that it came."""


@dataclass(frozen=True, slots=True)
class ToLine:
    """Say this to one socket here."""

    line: Line
    message: FromEdge


@dataclass(frozen=True, slots=True)
class ToNode:
    """Tell this to another replica."""

    node: Node
    told: Told


Delivery: TypeAlias = ToLine | ToNode


@dataclass(frozen=True, slots=True)
class Change:
    """What follows from a join or a leave: deliveries in order, and what the bus has to know."""

    deliveries: tuple[Delivery, ...] = ()
    entered: tuple[Member, ...] = ()
    departed: tuple[Member, ...] = ()


@dataclass(slots=True)
class _Room:
    """Peers by id, each with its place; a room in this table has at least one peer here."""

    places: dict[str, Line | Node] = field(default_factory=dict)
    missed: dict[str, int] = field(default_factory=dict)

    def lines(self) -> Iterator[tuple[str, Line]]:
        return ((peer, place) for peer, place in self.places.items() if isinstance(place, int))

    def nodes(self) -> list[Node]:
        """Each once, in the order in which they came."""
        return list(dict.fromkeys(place for place in self.places.values() if isinstance(place, str)))


class Rooms:
    """The rooms of one replica. `new_peer` makes ids nobody can guess and nobody had before."""

    def __init__(
        self,
        *,
        node: Node,
        new_peer: Callable[[], str],
        peers_per_room: int = PEERS_PER_ROOM_MAX,
        rooms_per_line: int = ROOMS_PER_SOCKET_MAX,
        rooms_most: int = ROOMS_MAX,
        linger_s: float = ROOM_LINGER_S,
        membership_s: float = MEMBERSHIP_S,
    ) -> None:
        self._node = node
        self._new_peer = new_peer
        self._peers_per_room = peers_per_room
        self._rooms_per_line = rooms_per_line
        self._rooms_most = rooms_most
        self._linger_s = linger_s
        self._membership_s = membership_s
        self._incomplete_until = float("-inf")
        self._rooms: dict[str, _Room] = {}
        self._empty: dict[str, float] = {}  # since when, the longest first
        self._lines: dict[Line, dict[str, str]] = {}  # the peer that a line is in each of its rooms
        self._exchanged = Exchanged()

    @property
    def occupied(self) -> int:
        """Rooms with a peer here."""
        return len(self._rooms)

    @property
    def empty(self) -> int:
        """Rooms that everybody left, not yet forgotten."""
        return len(self._empty)

    def members(self) -> list[Member]:
        """Every peer here, for an account to the bus."""
        return [Member(room, peer, self._node) for rooms_of in self._lines.values() for room, peer in rooms_of.items()]

    # --- what a line does

    def join(self, line: Line, rooms: Iterable[str], now: float) -> Change:
        """Put a line into rooms; one where it is already is told to it again."""
        present: list[Presence] = []
        refused: list[Delivery] = []
        others: list[Delivery] = []
        entered: list[Member] = []
        mine = self._lines.setdefault(line, {})
        for name in dict.fromkeys(rooms):
            if name not in mine:
                reason = self._objection(name, mine, now)
                if reason is not None:
                    refused.append(ToLine(line, Refuse(reason, name)))
                    continue
                peer = mine[name] = self._new_peer()
                self._empty.pop(name, None)
                room = self._rooms.setdefault(name, _Room())
                room.places[peer] = line
                others.extend(self._to_lines(name, besides=peer))
                others.extend(ToNode(node, Arrived(name, peer, self._node)) for node in room.nodes())
                entered.append(Member(name, peer, self._node))
            present.append(self._presence(name, mine[name]))
        if not mine:
            del self._lines[line]
        said = [ToLine(line, Joined(tuple(present)))] if present else []
        return Change((*said, *refused, *others), entered=tuple(entered))

    def leave(self, line: Line, now: float, rooms: Iterable[str] | None = None) -> Change:
        """Take a line out of these rooms, or out of all."""
        mine = self._lines.get(line, {})
        deliveries: list[Delivery] = []
        departed: list[Member] = []
        for name in list(mine) if rooms is None else dict.fromkeys(rooms):
            peer = mine.pop(name, None)
            if peer is None:
                continue
            departed.append(Member(name, peer, self._node))
            self._exchanged.forget_room(line, name)
            deliveries.extend(self._remove(name, peer, now))
        if not mine:
            self._lines.pop(line, None)
        return Change(tuple(deliveries), departed=tuple(departed))

    def relay(self, line: Line, relay: Relay) -> tuple[Delivery, ...]:
        """To exactly one other peer of a room where both are; to nobody else, and never back."""
        sender = self._lines.get(line, {}).get(relay.room)
        if sender is None or sender == relay.to:
            return ()
        match self._rooms[relay.room].places.get(relay.to):
            case None:
                return ()
            case int(place):
                self._exchanged.sent(line, relay.room, relay.to)
                self._exchanged.got(place, relay.room, sender)
                return (ToLine(place, Relayed(relay.room, sender, relay.seq, relay.blob)),)
            case str(place):
                self._exchanged.sent(line, relay.room, relay.to)
                return (ToNode(place, Carried(relay.room, relay.to, sender, relay.seq, relay.blob)),)

    def have_met(self, line: Line, room: str, peer: str) -> bool:
        """Whether this line and that peer of the room have each relayed an envelope to the other."""
        return self._exchanged.went_both_ways(line, room, peer)

    def expire(self, now: float) -> int:
        """Forget the rooms that have been empty for long; returns how many."""
        old = []
        for name, since in self._empty.items():
            if now - since < self._linger_s:
                break
            old.append(name)
        for name in old:
            del self._empty[name]
        return len(old)

    # --- what other replicas say

    def hear(self, told: Told, now: float) -> tuple[Delivery, ...]:
        """What follows here from another replica's words."""
        room = self._rooms.get(told.room)
        if room is None:
            return ()
        match told:
            case Arrived(name, peer, node):
                return self._arrive(name, room, Member(name, peer, node))
            case Departed(name, peer):
                return self._remove(name, peer, now) if isinstance(room.places.get(peer), str) else ()
            case Carried(name, to, peer, seq, blob):
                place = room.places.get(to)
                if not isinstance(place, int):
                    return ()
                self._exchanged.got(place, name, peer)
                return (ToLine(place, Relayed(name, peer, seq, blob)),)

    def resume(self, now: float) -> None:
        """The bus was away, and may have forgotten everybody: for a while it is no proof that somebody is gone."""
        self._incomplete_until = now + self._membership_s

    def account(self, entering: Iterable[Member], present: Mapping[str, frozenset[Member]], now: float) -> Change:
        """Compare with the bus's answer to `entering`: who was refused, who is there elsewhere, who is gone."""
        deliveries: list[Delivery] = []
        departed: list[Member] = []
        for member in entering:
            room = self._rooms.get(member.room)
            place = room.places.get(member.peer) if room is not None else None
            if isinstance(place, int) and member not in present[member.room]:
                deliveries.append(ToLine(place, Refuse(RefuseReason.CROWDED, member.room)))
                change = self.leave(place, now, (member.room,))
                deliveries.extend(change.deliveries)
                departed.extend(change.departed)
        for name, members in present.items():
            room = self._rooms.get(name)
            if room is not None:
                deliveries.extend(self._compare(name, room, members, now))
        return Change(tuple(deliveries), departed=tuple(departed))

    # --- inside

    def _objection(self, name: str, mine: Mapping[str, str], now: float) -> RefuseReason | None:
        if len(mine) >= self._rooms_per_line:
            return RefuseReason.TOO_MANY_ROOMS
        room = self._rooms.get(name)
        if room is not None:
            return RefuseReason.CROWDED if len(room.places) >= self._peers_per_room else None
        self.expire(now)
        if name not in self._empty and len(self._rooms) + len(self._empty) >= self._rooms_most:
            if not self._empty:
                return RefuseReason.FULL
            del self._empty[next(iter(self._empty))]
        return None

    def _presence(self, name: str, you: str) -> Presence:
        return Presence(name, you, tuple(peer for peer in self._rooms[name].places if peer != you))

    def _to_lines(self, name: str, besides: str = "") -> list[Delivery]:
        """The present state, to everybody here but one."""
        lines = self._rooms[name].lines()
        return [ToLine(line, Joined((self._presence(name, peer),))) for peer, line in lines if peer != besides]

    def _arrive(self, name: str, room: _Room, member: Member) -> tuple[Delivery, ...]:
        if member.node == self._node or member.peer in room.places:
            return ()
        room.places[member.peer] = member.node
        return tuple(self._to_lines(name))

    def _remove(self, name: str, peer: str, now: float) -> tuple[Delivery, ...]:
        """Take a peer out and tell those who stay; a room without peers here lingers."""
        room = self._rooms[name]
        was_here = isinstance(room.places.pop(peer), int)
        room.missed.pop(peer, None)
        deliveries: list[Delivery] = []
        for _, line in room.lines():
            self._exchanged.forget_peer(line, name, peer)
            deliveries.append(ToLine(line, Left(name, peer)))
        if was_here:
            deliveries.extend(ToNode(node, Departed(name, peer)) for node in room.nodes())
        if not any(True for _ in room.lines()):
            del self._rooms[name]
            self._empty[name] = now
        return tuple(deliveries)

    def _compare(self, name: str, room: _Room, members: frozenset[Member], now: float) -> list[Delivery]:
        deliveries: list[Delivery] = []
        theirs = {member.peer: member.node for member in members if member.node != self._node}
        for peer in [peer for peer, place in room.places.items() if isinstance(place, str)]:
            is_there = peer in theirs or now < self._incomplete_until
            room.missed[peer] = 0 if is_there else room.missed.get(peer, 0) + 1
            if room.missed[peer] >= MISSED_TWICE:
                deliveries.extend(self._remove(name, peer, now))
        fresh = {peer: node for peer, node in theirs.items() if peer not in room.places}
        if fresh:
            room.places.update(fresh)
            deliveries.extend(self._to_lines(name))
            # They may not have heard of us: their account may be older than our entering.
            for node in dict.fromkeys(fresh.values()):
                deliveries.extend(ToNode(node, Arrived(name, peer, self._node)) for peer, _ in room.lines())
        return deliveries
