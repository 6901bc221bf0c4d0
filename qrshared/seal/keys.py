"""The key schedule: what a ticket's or a device's secret turns into, and the one way fields are joined before hashing.

HKDF is RFC 5869 with SHA-256. The page's twin is `web/src/seal/keys.ts`; both obey
`tests/vectors/keys.json`.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass, field

from qrshared.errors import LocalError
from qrshared.seal.errors import FragmentMalformed, MalformedOpening

TICKET_SECRET_BYTES = 16
DEVICE_SECRET_BYTES = 32
KEY_ID_BYTES = 16

_HASH_BYTES = 32
_ROOT_SALT = b"qrshared/1 root"
_FRAGMENT_VERSION = "1"
_FRAGMENT_CHARACTERS = 22  # 16 bytes in base64url without padding


@dataclass(frozen=True, slots=True)
class Keys:
    """All that is ever derived from one secret; only `key_id` may be seen by strangers."""

    key_id: bytes
    """16 bytes; names the key in the clear before a handshake."""
    session_auth: bytes = field(repr=False)
    """32 bytes; the pre-shared key of the Noise handshake."""
    rendezvous: bytes = field(repr=False)
    """16 bytes; the room id at an edge, which therefore never learns the key id."""
    envelopes: bytes = field(repr=False)
    """32 bytes; what seals the envelopes of that room, over fresh nonces of both peers (`envelopes.py`)."""


def derive_keys(secret: bytes) -> Keys:
    """Keys of a ticket's (16 bytes) or a device's (32 bytes) secret."""
    if len(secret) not in (TICKET_SECRET_BYTES, DEVICE_SECRET_BYTES):
        raise LocalError(what=f"a secret of {len(secret)} bytes")
    root = hkdf_extract(_ROOT_SALT, secret)
    return Keys(
        key_id=hkdf_expand(root, b"key-id", KEY_ID_BYTES),
        session_auth=hkdf_expand(root, b"session-auth", 32),
        rendezvous=hkdf_expand(root, b"rendezvous", 16),
        envelopes=hkdf_expand(root, b"envelopes", 32),
    )


def hkdf_extract(salt: bytes, key_material: bytes) -> bytes:
    """RFC 5869, 2.2."""
    return hmac.digest(salt, key_material, hashlib.sha256)


def hkdf_expand(root: bytes, label: bytes, length: int) -> bytes:
    """RFC 5869, 2.3, for the first block only: no key here is longer than one hash."""
    if length > _HASH_BYTES:
        raise LocalError(what=f"asked for a key of {length} bytes")
    return hmac.digest(root, label + b"\x01", hashlib.sha256)[:length]


def lv(*fields: bytes) -> bytes:
    """Joins fields so that no two different lists look alike: each as u32 big-endian length, then its bytes."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in fields)


def parse_lv(message: bytes, count: int) -> tuple[bytes, ...]:
    """Splits what `lv` joined into exactly `count` fields; raises MalformedOpening if it is anything else."""
    fields = []
    at = 0
    for _ in range(count):
        start = at + 4
        end = start + int.from_bytes(message[at:start], "big")
        if start > len(message) or end > len(message):
            raise MalformedOpening(detail="a field is cut off")
        fields.append(message[start:end])
        at = end
    if at != len(message):
        raise MalformedOpening(detail="there is something after the last field")
    return tuple(fields)


def ticket_fragment(secret: bytes) -> str:
    """What follows `#` in a ticket's address: a format digit and 22 characters."""
    if len(secret) != TICKET_SECRET_BYTES:
        raise LocalError(what=f"a ticket of {len(secret)} bytes")
    return _FRAGMENT_VERSION + base64.urlsafe_b64encode(secret).rstrip(b"=").decode("ascii")


def secret_from_fragment(text: str) -> bytes:
    """The ticket's secret; `text` with or without its `#`. Raises FragmentMalformed."""
    text = text.removeprefix("#")
    encoded = text.removeprefix(_FRAGMENT_VERSION)
    if not text.startswith(_FRAGMENT_VERSION) or len(encoded) != _FRAGMENT_CHARACTERS or not encoded.isascii():
        raise FragmentMalformed
    try:
        secret = binascii.a2b_base64(encoded.translate(_FROM_URL_ALPHABET) + "==", strict_mode=True)
    except binascii.Error as error:
        raise FragmentMalformed from error
    if ticket_fragment(secret) != text:  # the last character holds 4 unused bits: one secret, one spelling
        raise FragmentMalformed
    return secret


_FROM_URL_ALPHABET = str.maketrans("-_+/", "+/!!")  # "!" is in no base64 alphabet, so the plain one is refused
