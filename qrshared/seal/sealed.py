"""A link after its handshake: each message sealed under its direction's key and its place in the order."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from qrshared.errors import LocalError
from qrshared.seal.errors import LinkWornOut, MessageSpoiled
from qrshared.seal.noise import MESSAGE_BYTES_MAX, TAG_BYTES, nonce_of

PLAINTEXT_BYTES_MAX = MESSAGE_BYTES_MAX - TAG_BYTES
"""What is left of a Noise message (65 535 bytes) beside the tag."""

MESSAGES_MAX = 2**40  # far below the cipher's own limit; no link lives that long, so there is no rekey to get wrong


class Sealed:
    """Seals what is sent and opens what arrives. The counters are the order: nothing may be lost, doubled or swapped.

    After the first message that does not open, nothing opens any more.
    """

    __slots__ = ("_decrypt", "_encrypt", "_received", "_sent", "_spoiled")

    def __init__(self, *, sending_key: bytes, receiving_key: bytes) -> None:
        self._encrypt = ChaCha20Poly1305(sending_key).encrypt
        self._decrypt = ChaCha20Poly1305(receiving_key).decrypt
        self._sent = 0
        self._received = 0
        self._spoiled = False

    def seal(self, plaintext: bytes | bytearray | memoryview) -> bytes:
        """The next message to send; at most 65 519 bytes go in, 16 more come out. Raises LinkWornOut."""
        counter = self._sent
        if len(plaintext) > PLAINTEXT_BYTES_MAX:
            raise LocalError(what=f"a message of {len(plaintext)} bytes")
        if counter >= MESSAGES_MAX:
            raise LinkWornOut
        self._sent = counter + 1
        return self._encrypt(nonce_of(counter), plaintext, None)

    def open(self, message: bytes | bytearray | memoryview) -> bytes:
        """What the peer sealed as its next message. Raises MessageSpoiled; then the link must be closed."""
        counter = self._received
        if self._spoiled or len(message) > MESSAGE_BYTES_MAX:
            self._spoiled = True
            raise MessageSpoiled
        if counter >= MESSAGES_MAX:
            raise LinkWornOut
        try:
            plaintext = self._decrypt(nonce_of(counter), message, None)
        except InvalidTag as error:
            self._spoiled = True
            raise MessageSpoiled from error
        self._received = counter + 1
        return plaintext
