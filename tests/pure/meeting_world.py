"""Two honest peers, a carrier that does what a test wants with their envelopes, and a clock that nobody waits for."""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import TypeAlias

from qrshared.remote import (
    Answer,
    Call,
    Candidate,
    Heard,
    IceServer,
    Meeting,
    MeetingMessage,
    Offer,
    Over,
    RoadUsed,
    Role,
    Servers,
    Verified,
)

LATENCY_S = 0.05
LONG_ENOUGH_S = 95.0
"""Longer than any honest patience: 30 s to verify, then 30 s for what was said last, and once more."""

SECRET = bytes(range(16))
STEPS_MAX = 20_000


@dataclass
class Peer:
    """One honest side: says what the other's words call for, and remembers what was said and heard."""

    name: str
    role: Role
    meeting: Meeting
    attempt: int = 1
    said: list[MeetingMessage] = field(default_factory=list)
    heard: list[MeetingMessage] = field(default_factory=list)
    is_verified: bool = False
    is_silent: bool = False
    ends: list[str] = field(default_factory=list)

    def receive(self, blob: bytes, now: float) -> None:
        for event in self.meeting.receive(blob, now):
            match event:
                case Verified():
                    self.is_verified = True
                    if self.meeting.is_initiator:
                        self._say(now, *self._first_words())
                case Heard(message):
                    self.heard.append(message)
                    self._say(now, *self._reply(message))
                case Over(reason):
                    self.ends.append(reason)
                case _:
                    pass

    def _say(self, now: float, *messages: MeetingMessage) -> None:
        for message in [] if self.is_silent else messages:
            if self.meeting.over_reason is None:
                self.said.append(message)
                self.meeting.say(message, now)

    def _first_words(self) -> Sequence[MeetingMessage]:
        return (Call(self.attempt),) if self.meeting.peer_role is Role.HOME else self._offer()

    def _offer(self) -> Sequence[MeetingMessage]:
        return (Offer(self.attempt, f"offer of {self.name}"), *self._candidates(3))

    def _candidates(self, number: int) -> Sequence[MeetingMessage]:
        return [Candidate(self.attempt, f"{index} of {self.name}", "0", 0) for index in range(number)]

    def _reply(self, message: MeetingMessage) -> Sequence[MeetingMessage]:
        match message:
            case Call() if self.role is Role.HOME:
                return (Servers(self.attempt, (IceServer((f"turn:{self.name}",), "u", self.name),)),)
            case Servers():
                return self._offer()
            case Offer():
                return (Answer(self.attempt, f"answer of {self.name}"), *self._candidates(2))
            case Answer():
                return (RoadUsed(self.attempt, "relay"),)
            case _:
                return ()


@dataclass(frozen=True)
class Carried:
    """One envelope on its way: the sender's name, its number among that sender's envelopes, and when it was sent."""

    sender: str
    number: int
    blob: bytes
    at: float

    @property
    def is_hello(self) -> bool:
        return self.blob[:1] == b"\x01"


Delivery: TypeAlias = tuple[str, bytes, float]
"""To whom, what, and how much later than at once."""

Carrier: TypeAlias = Callable[[Carried], Sequence[Delivery]]


class World:
    """Pairs of peers; `a` and `a'` are each other's."""

    def __init__(self) -> None:
        self.peers: dict[str, Peer] = {}
        self.carried: list[Carried] = []
        self._queue: list[tuple[float, int, str, bytes]] = []
        self._order = count()
        self.now = 0.0

    def add_pair(
        self,
        name: str,
        other: Role = Role.HOME,
        *,
        secret: bytes = SECRET,
        attempt: int = 1,
        nonces: tuple[bytes, bytes] | None = None,
    ) -> tuple[Peer, Peer]:
        peers = []
        for place, (each, role) in enumerate(((name, Role.PAGE), (name + "'", other))):
            meeting = Meeting(secret, role, now=self.now, nonce=None if nonces is None else nonces[place])
            meeting.start(self.now)
            peers.append(Peer(each, role, meeting, attempt))
            self.peers[each] = peers[-1]
        return peers[0], peers[1]

    def deliver(self, to: str, blob: bytes, after_s: float) -> None:
        heapq.heappush(self._queue, (self.now + after_s, next(self._order), to, blob))

    def run(self, carrier: Carrier, *, until: float = LONG_ENOUGH_S) -> None:
        numbers = dict.fromkeys(self.peers, 0)
        for _ in range(STEPS_MAX):
            for name, peer in self.peers.items():
                for blob in peer.meeting.blobs_to_send(self.now):
                    carried = Carried(name, numbers[name], blob, self.now)
                    numbers[name] += 1
                    self.carried.append(carried)
                    for to, delivered, later in carrier(carried):
                        self.deliver(to, delivered, LATENCY_S + later)
            dues = [peer.meeting.next_due() for peer in self.peers.values()]
            moments = [due for due in dues if due is not None] + [at for at, *_ in self._queue[:1]]
            if not moments or min(moments) > until:
                return
            self.now = max(self.now, min(moments))
            while self._queue and self._queue[0][0] <= self.now:
                _, _, to, blob = heapq.heappop(self._queue)
                self.peers[to].receive(blob, self.now)
        raise AssertionError("the peers never come to rest")


def other_of(name: str) -> str:
    return name[:-1] if name.endswith("'") else name + "'"


def honestly(carried: Carried) -> Sequence[Delivery]:
    """What an honest edge does."""
    return [(other_of(carried.sender), carried.blob, 0.0)]


def met_by(world: World, peer: Peer) -> Peer | None:
    """Who is in this meeting with it: an edge may bring holders of one secret together as it likes."""
    met = [
        other
        for other in world.peers.values()
        if (other.meeting._nonce, other.meeting._peer_nonce) == (peer.meeting._peer_nonce, peer.meeting._nonce)
        and other.meeting._secret == peer.meeting._secret
    ]
    return met[0] if met else None


def check_nothing_foreign_was_heard(world: World) -> None:
    """Each side heard what its honest peer said in this meeting, in order, once, from the first word on; or less."""
    for name, peer in world.peers.items():
        other = met_by(world, peer)
        said = [] if other is None else other.said
        assert peer.heard == said[: len(peer.heard)], f"{name} heard what its peer did not say"


def is_everything_heard(world: World) -> bool:
    return all(peer.heard == world.peers[other_of(name)].said for name, peer in world.peers.items())
