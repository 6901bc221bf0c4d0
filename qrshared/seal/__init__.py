"""The seal: who is at the other end of a link, and a lock that nobody on the way can open. Pure: bytes in, bytes out.

Invariants
- A handshake or a sealed link that met one wrong byte is over; nothing continues after an error.
- Both sides' fresh nonces, the road and the key id are in the prologue: a recorded message 1 opens nowhere else.
- Only the key id of a secret is ever seen in the clear.
- Whoever the responder found (`Responder.found`) can be asked only after the seal.

Deliberately absent: certificates and long-term public keys (both sides share a secret or nothing), timestamps, rekeying
(a link ends long before a key wears out), and any knowledge of tickets, devices or what messages mean.
"""

from qrshared.seal.envelopes import (
    ENVELOPE_BYTES_MAX,
    ENVELOPE_PLAINTEXT_BYTES_MAX,
    Envelopes,
    Hello,
    Role,
    encode_hello,
    parse_hello,
)
from qrshared.seal.errors import (
    EnvelopeSpoiled,
    FragmentMalformed,
    HandshakeFailed,
    LinkWornOut,
    MalformedOpening,
    MessageSpoiled,
    Reflected,
    Refusal,
    Refused,
    SealError,
)
from qrshared.seal.handshake import Found, Initiator, Responder, RoadName, State, refusal_message
from qrshared.seal.keys import (
    DEVICE_SECRET_BYTES,
    KEY_ID_BYTES,
    TICKET_SECRET_BYTES,
    Keys,
    derive_keys,
    lv,
    parse_lv,
    secret_from_fragment,
    ticket_fragment,
)
from qrshared.seal.known import known_proof
from qrshared.seal.sealed import PLAINTEXT_BYTES_MAX, Sealed
from qrshared.seal.words import comparison_words

__all__ = [
    "DEVICE_SECRET_BYTES",
    "ENVELOPE_BYTES_MAX",
    "ENVELOPE_PLAINTEXT_BYTES_MAX",
    "KEY_ID_BYTES",
    "PLAINTEXT_BYTES_MAX",
    "TICKET_SECRET_BYTES",
    "EnvelopeSpoiled",
    "Envelopes",
    "Found",
    "FragmentMalformed",
    "HandshakeFailed",
    "Hello",
    "Initiator",
    "Keys",
    "LinkWornOut",
    "MalformedOpening",
    "MessageSpoiled",
    "Reflected",
    "Refusal",
    "Refused",
    "Responder",
    "RoadName",
    "Role",
    "SealError",
    "Sealed",
    "State",
    "comparison_words",
    "derive_keys",
    "encode_hello",
    "known_proof",
    "lv",
    "parse_hello",
    "parse_lv",
    "refusal_message",
    "secret_from_fragment",
    "ticket_fragment",
]
