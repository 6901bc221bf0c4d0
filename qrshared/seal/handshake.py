"""Who is there, and keys nobody else has: the words of a link before its seal, fed and asked, without a socket.

    both       opening = LV("qrshared/1", key id or empty, nonce), at once
    initiator  Noise message 1
    responder  Noise message 2, or a refusal = LV("qrshared/1 refused", reason)

Feed each link message to `receive`, send what it returns, until `sealed` is there. Whatever goes wrong ends the link.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Generic, Literal, TypeAlias, TypeVar

from qrshared.errors import LocalError
from qrshared.seal.errors import HandshakeFailed, MalformedOpening, Reflected, Refusal, Refused
from qrshared.seal.keys import KEY_ID_BYTES, derive_keys, lv, parse_lv
from qrshared.seal.noise import NoiseHandshake
from qrshared.seal.sealed import Sealed

PROTOCOL = b"qrshared/1"
NONCE_BYTES = 32

_ANY_VERSION = b"qrshared/"
_REFUSED = b"qrshared/1 refused"
_REFUSAL_START = lv(_REFUSED)  # Noise message 2 starts with a random key instead: 22 equal bytes do not happen

RoadName: TypeAlias = Literal["home", "away", "peer"]
"""How the prologue names the road: a daemon's own door, through an edge, between two browsers."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """What a responder knows about a key id: its `session_auth` (None: a peer without a key) and what stands for it."""

    session_auth: bytes | None = field(repr=False)
    holder: T


class State(Enum):
    """Where a handshake stands."""

    AWAITING_OPENING = auto()
    AWAITING_NOISE = auto()
    SEALED = auto()
    OVER = auto()


_NEXT = {State.AWAITING_OPENING: State.AWAITING_NOISE, State.AWAITING_NOISE: State.SEALED}
"""Every legal step; in the other states nothing may be fed."""


@dataclass(frozen=True, slots=True)
class _Opening:
    key_id: bytes
    nonce: bytes

    def encode(self) -> bytes:
        return lv(PROTOCOL, self.key_id, self.nonce)

    @classmethod
    def parse(cls, message: bytes) -> "_Opening":
        """Raises MalformedOpening, or Refused(VERSION) when it is the opening of another version."""
        protocol, key_id, nonce = parse_lv(message, 3)
        if protocol != PROTOCOL:
            if protocol.startswith(_ANY_VERSION):
                raise Refused(Refusal.VERSION)
            raise MalformedOpening(detail="another protocol")
        if len(key_id) not in (0, KEY_ID_BYTES) or len(nonce) != NONCE_BYTES:
            raise MalformedOpening(detail="a key id or nonce of the wrong length")
        return cls(key_id, nonce)


def refusal_message(refusal: Refusal) -> bytes:
    """What a responder sends instead of its next message; anybody could have written it."""
    return lv(_REFUSED, refusal.value.encode("ascii"))


class Initiator:
    """The side that opened the link: a browser towards a daemon. `secret` is a ticket's or a device's, or None."""

    def __init__(
        self,
        road: RoadName,
        secret: bytes | None = None,
        *,
        nonce: bytes | None = None,
        ephemeral: bytes | None = None,
    ) -> None:
        """`nonce` and `ephemeral` are for test vectors only."""
        keys = None if secret is None else derive_keys(secret)
        self.state = State.AWAITING_OPENING
        self.sealed: Sealed | None = None
        self.handshake_hash: bytes | None = None
        self._road: RoadName = road
        self._psk = None if keys is None else keys.session_auth
        self._own = _Opening(b"" if keys is None else keys.key_id, nonce or secrets.token_bytes(NONCE_BYTES))
        self._ephemeral = ephemeral
        self._noise: NoiseHandshake | None = None

    def opening(self) -> bytes:
        """The first message, sent at once."""
        return self._own.encode()

    def receive(self, message: bytes) -> Sequence[bytes]:
        """Messages to send next. Raises a SealError (Refused: the other side said why); then close the link."""
        before, self.state = self.state, State.OVER  # stays so unless the step comes to its end
        if before not in _NEXT:
            raise LocalError(what=f"a handshake was fed while {before.name}")
        if message.startswith(_REFUSAL_START):
            raise Refused(_parse_refusal(message))
        messages = self._meet(message) if before is State.AWAITING_OPENING else self._conclude(message)
        self.state = _NEXT[before]
        return messages

    def _meet(self, message: bytes) -> Sequence[bytes]:
        theirs = _Opening.parse(message)
        if theirs.nonce == self._own.nonce:
            raise Reflected
        if theirs.key_id:
            raise MalformedOpening(detail="a responder that names a key")
        self._noise = NoiseHandshake(
            initiator=True,
            prologue=_prologue(self._road, self._own, theirs),
            psk=self._psk,
            ephemeral=self._ephemeral,
        )
        return (self._noise.write_message(),)

    def _conclude(self, message: bytes) -> Sequence[bytes]:
        noise = self._noise
        if noise is None:
            raise LocalError(what="an answer before the question")
        if noise.read_message(message):
            raise HandshakeFailed  # both payloads are empty
        keys = noise.split()
        self.handshake_hash = noise.hash
        self.sealed = Sealed(sending_key=keys.initiator, receiving_key=keys.responder)
        return ()


class Responder(Generic[T]):
    """The side that was called: a daemon. `find` says what it knows about a key id (empty: a peer without a key)."""

    def __init__(
        self,
        road: RoadName,
        find: Callable[[bytes], Found[T] | Refusal],
        *,
        nonce: bytes | None = None,
        ephemeral: bytes | None = None,
    ) -> None:
        """`nonce` and `ephemeral` are for test vectors only."""
        self.state = State.AWAITING_OPENING
        self.sealed: Sealed | None = None
        self.handshake_hash: bytes | None = None
        self.refused: Refusal | None = None
        self._found: Found[T] | None = None
        self._road: RoadName = road
        self._find = find
        self._own = _Opening(b"", nonce or secrets.token_bytes(NONCE_BYTES))
        self._ephemeral = ephemeral
        self._noise: NoiseHandshake | None = None

    @property
    def found(self) -> T:
        """What stands for the peer's key; only there once the link is sealed, so that nobody acts on a mere claim."""
        if self._found is None or self.sealed is None:
            raise LocalError(what="asked who is there before the seal")
        return self._found.holder

    def opening(self) -> bytes:
        """The first message, sent at once."""
        return self._own.encode()

    def receive(self, message: bytes) -> Sequence[bytes]:
        """Messages to send next. With `refused` set: send them, then close. Raises Reflected: just close."""
        before, self.state = self.state, State.OVER
        if before not in _NEXT:
            raise LocalError(what=f"a handshake was fed while {before.name}")
        try:
            messages = self._meet(message) if before is State.AWAITING_OPENING else self._answer(message)
        except Refused as error:
            self.refused = error.refusal
        except (MalformedOpening, HandshakeFailed):
            self.refused = Refusal.HANDSHAKE
        else:
            self.state = _NEXT[before]
            return messages
        return (refusal_message(self.refused),)

    def _meet(self, message: bytes) -> Sequence[bytes]:
        theirs = _Opening.parse(message)
        if theirs.nonce == self._own.nonce:
            raise Reflected
        found = self._find(theirs.key_id)
        if isinstance(found, Refusal):
            raise Refused(found)
        if (found.session_auth is None) != (theirs.key_id == b""):
            raise LocalError(what="a key id without its key, or a key without an id")
        self._found = found
        self._noise = NoiseHandshake(
            initiator=False,
            prologue=_prologue(self._road, theirs, self._own),
            psk=found.session_auth,
            ephemeral=self._ephemeral,
        )
        return ()

    def _answer(self, message: bytes) -> Sequence[bytes]:
        noise = self._noise
        if noise is None:
            raise LocalError(what="a question before the opening")
        if noise.read_message(message):
            raise HandshakeFailed  # both payloads are empty
        answer = noise.write_message()
        keys = noise.split()
        self.handshake_hash = noise.hash
        self.sealed = Sealed(sending_key=keys.responder, receiving_key=keys.initiator)
        return (answer,)


def _prologue(road: RoadName, initiator: _Opening, responder: _Opening) -> bytes:
    """Binds road, key and both nonces: a replayed or diverted message 1 does not open (Noise section 6)."""
    return lv(PROTOCOL, road.encode("ascii"), initiator.key_id, initiator.nonce, responder.nonce)


def _parse_refusal(message: bytes) -> Refusal:
    _, reason = parse_lv(message, 2)
    try:
        return Refusal(reason.decode("ascii"))
    except ValueError:  # a newer peer may know reasons that we do not
        return Refusal.HANDSHAKE
