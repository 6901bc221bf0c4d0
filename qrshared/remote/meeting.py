"""A meeting: one conversation with one peer of a room, through carriers of envelopes that are trusted with nothing.

Feed what arrives, then ask for `blobs_to_send`: after each `receive`, `say` and `start`, and at `next_due`.
`WIRE.md` says what is said. The page's twin is `web/src/signaling/meeting.ts`.
"""

import math
import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import Final, TypeAlias

from qrshared.errors import LocalError, RemoteError
from qrshared.remote.errors import MeetingSpoiled, NoAnswer, SpeaksDifferently
from qrshared.remote.messages import (
    CANDIDATES_MAX,
    Answer,
    Bye,
    Call,
    Candidate,
    Failed,
    Got,
    MeetingMessage,
    Offer,
    RoadUsed,
    Servers,
    WrongMessage,
    decode,
    encode_got,
)
from qrshared.remote.outbox import Outbox
from qrshared.seal import EnvelopeSpoiled, MalformedOpening, derive_keys
from qrshared.seal.envelopes import Envelopes, Hello, Role, encode_hello, is_sealed, parse_hello

VERIFY_S: Final = 30.0
"""Whoever has not shown by then that it knows the room's secret is not there, or is kept from us."""

HELLO_WAIT_S: Final = 1.0
"""Before a hello is said again; twice as long each time."""

HELLO_WAIT_LONGEST_S: Final = 8.0
"""A peer that comes back after a cut should not wait longer than this."""

ANSWER_APART_S: Final = 0.5
"""Between answers to a peer's hellos, which an honest one says 1 s apart: or two could be made to greet for ever."""


class State(Enum):
    """Where a meeting stands."""

    ALONE = auto()
    """The other's nonce is not known."""
    MET = auto()
    """Both nonces are known; anybody could have said the other one."""
    VERIFIED = auto()
    """The other side sealed something: it knows the secret, and is here now."""
    OVER = auto()


_NEXT: Final[Mapping[State, frozenset[State]]] = {
    State.ALONE: frozenset({State.MET, State.OVER}),
    State.MET: frozenset({State.VERIFIED, State.OVER}),
    State.VERIFIED: frozenset({State.OVER}),
    State.OVER: frozenset(),
}
"""Every legal step."""


class OverReason(StrEnum):
    """Why a meeting is over; there is no second one with the same peer id."""

    BYE = "bye"
    """One of the two said so."""
    NO_ANSWER = "no_answer"
    """Nothing came, or something was not confirmed for too long."""
    SPOILED = "spoiled"
    """The same, and envelopes came that had been changed."""
    REFLECTED = "reflected"
    """Our own nonce came back."""
    WRONG = "wrong"
    """The other side is who it should be, and says what nobody may say there."""

    @property
    def error(self) -> RemoteError | None:
        """What to tell the person; a bye needs no sentence."""
        kind = _ERRORS.get(self)
        return None if kind is None else kind()


_ERRORS: Final[Mapping[OverReason, type[RemoteError]]] = {
    OverReason.NO_ANSWER: NoAnswer,
    OverReason.SPOILED: MeetingSpoiled,
    OverReason.REFLECTED: MeetingSpoiled,
    OverReason.WRONG: SpeaksDifferently,
}


@dataclass(frozen=True, slots=True)
class Met:
    """Both nonces are known, so `is_initiator` and `peer_role` are. Nobody has proved anything."""


@dataclass(frozen=True, slots=True)
class Verified:
    """The other side knows the room's secret. Before this nothing may be spent on it."""


@dataclass(frozen=True, slots=True)
class Heard:
    """The other side said this, in this meeting; each message once, in order."""

    message: MeetingMessage


@dataclass(frozen=True, slots=True)
class Over:
    """Nothing more will be heard. Time can end a meeting too: then only `over_reason` says so."""

    reason: OverReason


Event: TypeAlias = Met | Verified | Heard | Over


class _Side(Enum):
    INITIATOR = auto()
    RESPONDER = auto()
    HOME = auto()
    CALLER = auto()  # the initiator, towards a home
    BOTH = auto()


_SAID_BY: Final[Mapping[type, _Side]] = {
    Call: _Side.CALLER,
    Servers: _Side.HOME,
    Offer: _Side.INITIATOR,
    Answer: _Side.RESPONDER,
    Candidate: _Side.BOTH,
    Failed: _Side.BOTH,
    RoadUsed: _Side.INITIATOR,
    Bye: _Side.BOTH,
}


class Meeting:
    """One side. Nothing that arrives raises; it is heard, dropped and counted, or ends this meeting alone."""

    def __init__(self, secret: bytes, role: Role, *, now: float, nonce: bytes | None = None) -> None:
        """`secret` is the room's; `nonce` is for test vectors only. Make a home's when the peer's first blob comes."""
        self.role = role
        self.state = State.ALONE
        self.peer_role: Role | None = None
        self.is_initiator = False
        """False until `Met`."""
        self.spoiled = 0
        """Envelopes that came changed, or that this meeting's peer cannot have said."""
        self.spoiled_there = 0
        """The same, as the other side tells it under the seal: our words are changed on their way."""
        self.over_reason: OverReason | None = None
        self._secret = derive_keys(secret).envelopes
        self._nonce = nonce or secrets.token_bytes(32)
        self._peer_nonce = b""
        self._envelopes: Envelopes | None = None
        self._verify_until = now + VERIFY_S
        self._hello_due: float | None = None
        self._hello_wait_s = HELLO_WAIT_S
        self._answered_at = -math.inf
        self._owes_hello = False
        self._owes_got = False
        self._outbox = Outbox()
        self._expected = 0
        self._candidates_heard: Counter[int] = Counter()
        self._candidates_said: Counter[int] = Counter()

    def start(self, now: float) -> None:
        """A page says hello, and again until the other side has proved itself; a home waits to be asked."""
        if self.role is Role.PAGE and self.state is State.ALONE:
            self._hello_due = now

    def receive(self, blob: bytes, now: float) -> list[Event]:
        """Feed one envelope, as it came from anywhere."""
        if self.state is State.OVER:
            return []
        return self._receive_sealed(blob) if is_sealed(blob) else self._receive_hello(blob, now)

    def say(self, message: MeetingMessage, now: float) -> None:
        """Say it until it is confirmed. After `Bye`, or beyond 64 candidates an attempt, nothing is said."""
        if self.state is State.OVER:
            return
        if isinstance(message, Bye):
            self._step(State.OVER)
            self.over_reason = OverReason.BYE
            if self._envelopes is not None:
                self._outbox.say_last(message, now)
            return
        if self.state is State.ALONE or not self._may_say(message, mine=True):
            raise LocalError(what=f"a {type(message).__name__} from the wrong side of a meeting, or too early")
        if not _is_one_too_many(message, self._candidates_said):
            self._outbox.say(message, now)

    def blobs_to_send(self, now: float) -> list[bytes]:
        """What to send now, also again. Look at `over_reason` afterwards: this may have been the end."""
        if self.state is not State.OVER and self._is_too_late(now):
            self._end(OverReason.SPOILED if self.spoiled or self.spoiled_there else OverReason.NO_ANSWER)
        blobs: list[bytes] = []
        is_hello_due = self._hello_due is not None and self._hello_due <= now
        if is_hello_due:
            self._hello_due = now + self._hello_wait_s
            self._hello_wait_s = min(self._hello_wait_s * 2, HELLO_WAIT_LONGEST_S)
            self._owes_got = self._owes_got or self.is_initiator
        if self._owes_hello or is_hello_due:
            self._owes_hello = False
            blobs.append(encode_hello(Hello(self.role, self._nonce, self._peer_nonce)))
        if self._envelopes is not None:
            plaintexts = self._outbox.due(now)
            if self._owes_got:
                self._owes_got = False
                plaintexts.append(encode_got(Got(self._expected, self.spoiled)))
            blobs += [self._envelopes.seal(plaintext) for plaintext in plaintexts]
        return blobs

    def next_due(self) -> float | None:
        """When `blobs_to_send` must be asked at the latest if nothing else happens; None: never again."""
        if self.state is State.OVER:
            return None
        moments = [self._hello_due, self._outbox.next_due()]
        if self.state is not State.VERIFIED:
            moments.append(self._verify_until)
        return min((moment for moment in moments if moment is not None), default=None)

    def _receive_hello(self, blob: bytes, now: float) -> list[Event]:
        try:
            hello = parse_hello(blob)
        except MalformedOpening:
            self.spoiled += 1
            return []
        if hello.nonce == self._nonce:
            return self._end(OverReason.REFLECTED)
        if self.role is Role.HOME and hello.role is Role.HOME:
            return []
        if hello.echo not in (b"", self._nonce):
            self.spoiled += 1
            return []
        events: list[Event] = []
        if self.state is State.ALONE:
            events = self._meet(hello)
        elif (hello.nonce, hello.role) != (self._peer_nonce, self.peer_role):
            self.spoiled += 1
            return []
        if now - self._answered_at >= ANSWER_APART_S:
            self._answered_at = now
            self._owes_hello = not hello.echo
            # Whoever still says hello has opened nothing of ours.
            self._owes_got = self._owes_got or self.state is State.VERIFIED
        return events

    def _meet(self, hello: Hello) -> list[Event]:
        self.peer_role, self._peer_nonce = hello.role, hello.nonce
        if self.role is hello.role:
            self.is_initiator = self._nonce < hello.nonce
        else:
            self.is_initiator = self.role is Role.PAGE
        mine, theirs = self._nonce, hello.nonce
        self._envelopes = Envelopes(
            self._secret,
            initiator_nonce=mine if self.is_initiator else theirs,
            responder_nonce=theirs if self.is_initiator else mine,
            is_initiator=self.is_initiator,
        )
        self._owes_got = self.is_initiator  # something sealed at once, so that the other side can verify us
        self._step(State.MET)
        return [Met()]

    def _receive_sealed(self, blob: bytes) -> list[Event]:
        if self._envelopes is None:
            return []  # it overtook its hello: both come again
        try:
            plaintext = self._envelopes.open(blob)
        except EnvelopeSpoiled:
            self.spoiled += 1
            # Whoever said it should know; told ever more rarely, or a flood of nonsense would make us chatter.
            is_told = self.state is State.VERIFIED and self.spoiled.bit_count() == 1
            self._owes_got = self._owes_got or is_told
            return []
        if plaintext is None:
            return []
        events: list[Event] = []
        if self.state is State.MET:
            self._step(State.VERIFIED)
            self._hello_due = None
            # A responder answers the first proof; the initiator's is answered by then.
            self._owes_got = self._owes_got or not self.is_initiator
            events.append(Verified())
        try:
            return events + self._hear(plaintext)
        except WrongMessage:
            return events + self._end(OverReason.WRONG)

    def _hear(self, plaintext: bytes) -> list[Event]:
        said = decode(plaintext)
        if isinstance(said, Got):
            if not self._outbox.confirm(said.through):
                raise WrongMessage("confirms what was never said")
            self.spoiled_there = max(self.spoiled_there, said.spoiled)
            return []
        self._owes_got = True
        if said.n != self._expected:
            return []
        self._expected += 1
        message = said.message
        if message is None or _is_one_too_many(message, self._candidates_heard):
            return []
        if not self._may_say(message, mine=False):
            raise WrongMessage("from the wrong side")
        return [Heard(message), *(self._end(OverReason.BYE) if isinstance(message, Bye) else [])]

    def _may_say(self, message: MeetingMessage, *, mine: bool) -> bool:
        speaker, listener = (self.role, self.peer_role) if mine else (self.peer_role, self.role)
        is_initiator = self.is_initiator is mine
        match _SAID_BY[type(message)]:
            case _Side.INITIATOR:
                return is_initiator
            case _Side.RESPONDER:
                return not is_initiator
            case _Side.HOME:
                return speaker is Role.HOME
            case _Side.CALLER:
                return is_initiator and listener is Role.HOME
            case _Side.BOTH:
                return True

    def _is_too_late(self, now: float) -> bool:
        return (self.state is not State.VERIFIED and now >= self._verify_until) or self._outbox.is_given_up(now)

    def _end(self, reason: OverReason) -> list[Event]:
        self._step(State.OVER)
        self.over_reason = reason
        self._owes_hello = self._owes_got = False
        self._outbox = Outbox()
        return [Over(reason)]

    def _step(self, state: State) -> None:
        if state not in _NEXT[self.state]:
            raise LocalError(what=f"a meeting that went from {self.state} to {state}")
        self.state = state
        if state is State.OVER:
            self._hello_due = None
            self._owes_hello = self._owes_got = False


def _is_one_too_many(message: MeetingMessage, counted: Counter[int]) -> bool:
    """Counts a candidate; the ones beyond the bound say nothing that the first did not."""
    if not isinstance(message, Candidate) or not message.candidate:
        return False
    counted[message.attempt] += 1
    return counted[message.attempt] > CANDIDATES_MAX
