"""What the messages mean and how they are written: the one language of pages, daemons and the command line.

Invariants: a value that left `decode` obeys every bound in `WIRE.md`; one message has one spelling (`encode` after
`decode` of what `encode` wrote gives the same bytes); whatever the peer sends, the only error is `ProtocolError`.
Deliberately absent: state, time, rights, sockets, sealing. Which message may come when is the business of `transfers`
and `sessions`.
"""

from qrshared.protocol import limits, messages
from qrshared.protocol.codec import (
    MessageTooLarge,
    ProtocolError,
    WrongAsk,
    decode,
    decode_json,
    encode,
    encode_chunk,
    encode_json,
    trimmed,
)
from qrshared.protocol.limits import *  # noqa: F403  # each list of names stands once, in its own module
from qrshared.protocol.messages import *  # noqa: F403  # as above
from qrshared.protocol.versions import VERSIONS, common_version

__all__ = [
    "VERSIONS",
    "MessageTooLarge",
    "ProtocolError",
    "WrongAsk",
    "common_version",
    "decode",
    "decode_json",
    "encode",
    "encode_chunk",
    "encode_json",
    "trimmed",
]
__all__ += limits.__all__
__all__ += messages.__all__
