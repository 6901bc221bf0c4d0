"""Envelopes: what peers say to each other in a room before they have a link, so that whoever carries it learns nothing.

    hello    01 ‖ LV("qrshared/1 meet", role, nonce, echo)      in clear: it holds nothing that was secret
    sealed   02 ‖ u64 big-endian count ‖ ciphertext             ChaCha20-Poly1305 under the key of whoever says it

Keys come from the room's secret and a fresh nonce of each side: a recording opens nowhere else. Counts only go up:
an envelope may be lost, and none is opened twice. The page's twin is `web/src/seal/envelopes.ts`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from qrshared.errors import LocalError
from qrshared.seal.errors import EnvelopeSpoiled, MalformedOpening
from qrshared.seal.keys import hkdf_expand, hkdf_extract, lv, parse_lv
from qrshared.seal.noise import TAG_BYTES, nonce_of

ENVELOPE_BYTES_MAX: Final = 48 * 1024
"""What an edge carries in one blob (65 536 characters of base64url)."""

ENVELOPE_PLAINTEXT_BYTES_MAX: Final = ENVELOPE_BYTES_MAX - 9 - TAG_BYTES
"""What is left beside mark, count and tag."""

COUNT_MAX: Final = 2**53 - 1
"""What JavaScript counts exactly; no meeting comes near it."""

MEETING_NONCE_BYTES: Final = 32

_HELLO: Final = b"\x01"
_SEALED: Final = b"\x02"
_MEET: Final = b"qrshared/1 meet"
_HEAD_BYTES: Final = 9


class Role(StrEnum):
    """What a peer of a room is; says who initiates."""

    HOME = "home"
    """A daemon: never initiates, and answers only who asks."""
    PAGE = "page"
    """A browser."""


_ROLES: Final = {role.value.encode(): role for role in Role}


@dataclass(frozen=True, slots=True)
class Hello:
    """I am here; this is my nonce, and yours (empty while it is not known)."""

    role: Role
    nonce: bytes
    echo: bytes


def is_sealed(envelope: bytes) -> bool:
    """Whether it claims to be a sealed envelope; anything else is a hello or nonsense."""
    return envelope[:1] == _SEALED


def encode_hello(hello: Hello) -> bytes:
    """The envelope that says it."""
    return _HELLO + lv(_MEET, hello.role.value.encode(), hello.nonce, hello.echo)


def parse_hello(envelope: bytes) -> Hello:
    """Reads a hello; raises MalformedOpening for anything else."""
    if envelope[:1] != _HELLO:
        raise MalformedOpening(detail="no hello")
    meet, role, nonce, echo = parse_lv(envelope[1:], 4)
    if meet != _MEET or role not in _ROLES:
        raise MalformedOpening(detail="another protocol, or nobody we know")
    if len(nonce) != MEETING_NONCE_BYTES or len(echo) not in (0, MEETING_NONCE_BYTES):
        raise MalformedOpening(detail="a nonce of the wrong length")
    return Hello(_ROLES[role], nonce, echo)


class Envelopes:
    """One side of one meeting: seals what it says, opens what the other said. One that does not open ends nothing."""

    __slots__ = ("_decrypt", "_encrypt", "_highest", "_sealed")

    def __init__(self, secret: bytes, *, initiator_nonce: bytes, responder_nonce: bytes, is_initiator: bool) -> None:
        """`secret` is the room's `Keys.envelopes`; the nonces are both sides' own and fresh."""
        prk = hkdf_extract(secret, lv(initiator_nonce, responder_nonce))
        keys = [ChaCha20Poly1305(hkdf_expand(prk, label, 32)) for label in (b"initiator", b"responder")]
        mine, theirs = keys if is_initiator else reversed(keys)
        self._encrypt = mine.encrypt
        self._decrypt = theirs.decrypt
        self._sealed = 0
        self._highest = -1

    def seal(self, plaintext: bytes) -> bytes:
        """The next envelope: the same words sealed twice are two envelopes."""
        if len(plaintext) > ENVELOPE_PLAINTEXT_BYTES_MAX:
            raise LocalError(what=f"an envelope with {len(plaintext)} bytes")
        count = self._sealed
        self._sealed += 1
        return _SEALED + count.to_bytes(8, "big") + self._encrypt(nonce_of(count), plaintext, None)

    def open(self, envelope: bytes) -> bytes | None:
        """What the other side sealed; None when its count is not above the highest. Raises EnvelopeSpoiled."""
        count = int.from_bytes(envelope[1:_HEAD_BYTES], "big")
        fits = _HEAD_BYTES + TAG_BYTES <= len(envelope) <= ENVELOPE_BYTES_MAX
        if not is_sealed(envelope) or not fits or count > COUNT_MAX:
            raise EnvelopeSpoiled
        if count <= self._highest:
            return None
        try:
            plaintext = self._decrypt(nonce_of(count), envelope[_HEAD_BYTES:], None)
        except InvalidTag as error:
            raise EnvelopeSpoiled from error
        self._highest = count
        return plaintext
