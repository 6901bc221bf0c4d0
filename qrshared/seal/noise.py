"""Noise NN and NNpsk0 over 25519, ChaChaPoly and SHA256: the handshake as the Noise specification writes it.

Section numbers are those of "The Noise Protocol Framework", revision 34. Only these two patterns exist here: both sides
have nothing but a fresh ephemeral key and, with `psk0`, a secret they share.
"""

import hashlib
import hmac
import struct
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from qrshared.errors import LocalError
from qrshared.seal.errors import HandshakeFailed, Reflected

PSK_BYTES = 32
PUBLIC_KEY_BYTES = 32
TAG_BYTES = 16
MESSAGE_BYTES_MAX = 65_535  # section 3

nonce_of = struct.Struct("<4xQ").pack
"""Section 12.3: ChaChaPoly's nonce is 32 zero bits, then the counter little-endian."""


class SplitKeys(NamedTuple):
    """The keys after a handshake (5.2, Split), by who sends with them."""

    initiator: bytes
    responder: bytes


class _SymmetricState:
    """Section 5.2, with the CipherState of 5.1 folded in: chaining key, handshake hash, and a key once there is one."""

    def __init__(self, protocol_name: bytes) -> None:
        # 5.2: a name of up to 32 bytes is padded with zeros, a longer one is hashed.
        self.hash = protocol_name.ljust(32, b"\0") if len(protocol_name) <= 32 else _sha256(protocol_name)
        self._chaining_key = self.hash
        self._cipher: ChaCha20Poly1305 | None = None
        self._counter = 0

    def mix_hash(self, part: bytes) -> None:
        self.hash = _sha256(self.hash + part)

    def mix_key(self, key_material: bytes) -> None:
        self._chaining_key, key = _hkdf(self._chaining_key, key_material, 2)
        self._set_key(key)

    def mix_key_and_hash(self, psk: bytes) -> None:
        self._chaining_key, part, key = _hkdf(self._chaining_key, psk, 3)
        self.mix_hash(part)
        self._set_key(key)

    def encrypt_and_hash(self, payload: bytes) -> bytes:
        if self._cipher is not None:
            payload = self._cipher.encrypt(self._next_nonce(), payload, self.hash)
        self.mix_hash(payload)
        return payload

    def decrypt_and_hash(self, sealed: bytes) -> bytes:
        payload = sealed
        if self._cipher is not None:
            try:
                payload = self._cipher.decrypt(self._next_nonce(), sealed, self.hash)
            except InvalidTag as error:
                raise HandshakeFailed from error
        self.mix_hash(sealed)
        return payload

    def split(self) -> SplitKeys:
        initiator, responder = _hkdf(self._chaining_key, b"", 2)
        return SplitKeys(initiator, responder)

    def _set_key(self, key: bytes) -> None:
        self._cipher = ChaCha20Poly1305(key)
        self._counter = 0

    def _next_nonce(self) -> bytes:
        nonce = nonce_of(self._counter)
        self._counter += 1
        return nonce


class NoiseHandshake:
    """One side of NN (`psk` is None) or NNpsk0 (section 9.4): write and read one message each, then `split`.

    NN:      -> e        <- e, ee
    NNpsk0:  -> psk, e   <- e, ee
    """

    def __init__(self, *, initiator: bool, prologue: bytes, psk: bytes | None, ephemeral: bytes | None = None) -> None:
        """`ephemeral` is for test vectors only; otherwise the key is made afresh."""
        if psk is not None and len(psk) != PSK_BYTES:
            raise LocalError(what=f"a pre-shared key of {len(psk)} bytes")
        modifier = b"" if psk is None else b"psk0"
        self._initiator = initiator
        self._psk = psk
        self._private = X25519PrivateKey.generate() if ephemeral is None else _private_key(ephemeral)
        self._public = self._private.public_key().public_bytes_raw()
        self._theirs: X25519PublicKey | None = None
        self._symmetric = _SymmetricState(b"Noise_NN" + modifier + b"_25519_ChaChaPoly_SHA256")
        self._symmetric.mix_hash(prologue)  # 5.3, Initialize

    @property
    def hash(self) -> bytes:
        """The handshake hash; after the second message both sides hold the same 32 bytes (11.2, channel binding)."""
        return self._symmetric.hash

    def write_message(self, payload: bytes = b"") -> bytes:
        """Section 5.3, WriteMessage: the initiator's first message, or the responder's answer."""
        if self._initiator:
            self._token_psk()
        self._token_e(self._public)
        if not self._initiator:
            self._token_ee()
        return self._public + self._symmetric.encrypt_and_hash(payload)

    def read_message(self, message: bytes) -> bytes:
        """Section 5.3, ReadMessage: returns the payload; raises HandshakeFailed or Reflected."""
        if not PUBLIC_KEY_BYTES <= len(message) <= MESSAGE_BYTES_MAX:
            raise HandshakeFailed
        theirs, sealed = message[:PUBLIC_KEY_BYTES], message[PUBLIC_KEY_BYTES:]
        if theirs == self._public:
            raise Reflected
        if not self._initiator:
            self._token_psk()
        self._theirs = X25519PublicKey.from_public_bytes(theirs)
        self._token_e(theirs)
        if self._initiator:
            self._token_ee()
        return self._symmetric.decrypt_and_hash(sealed)

    def split(self) -> SplitKeys:
        """The two keys for everything after the handshake."""
        return self._symmetric.split()

    def _token_psk(self) -> None:
        if self._psk is not None:
            self._symmetric.mix_key_and_hash(self._psk)

    def _token_e(self, public: bytes) -> None:
        self._symmetric.mix_hash(public)
        if self._psk is not None:  # 9.2: with a psk every "e" is mixed into the key as well
            self._symmetric.mix_key(public)

    def _token_ee(self) -> None:
        if self._theirs is None:
            raise LocalError(what="a handshake answered before it was asked")
        try:
            shared = self._private.exchange(self._theirs)
        except ValueError as error:  # a low-order point gives zeros, which `cryptography` refuses (RFC 7748, 6.1)
            raise HandshakeFailed from error
        self._symmetric.mix_key(shared)


def _private_key(raw: bytes) -> X25519PrivateKey:
    return X25519PrivateKey.from_private_bytes(raw)


def _sha256(message: bytes) -> bytes:
    return hashlib.sha256(message).digest()


def _hkdf(chaining_key: bytes, key_material: bytes, count: int) -> list[bytes]:
    """Section 4.3, HKDF: `count` outputs of 32 bytes."""
    temporary = hmac.digest(chaining_key, key_material, hashlib.sha256)
    outputs: list[bytes] = []
    last = b""
    for index in range(1, count + 1):
        last = hmac.digest(temporary, last + bytes([index]), hashlib.sha256)
        outputs.append(last)
    return outputs
