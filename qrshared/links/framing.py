"""How a batch of 1 … 16 messages becomes one frame: each is u16 big-endian length ‖ message."""

from collections.abc import Sequence

from qrshared.errors import LocalError, QrsharedError
from qrshared.links.port import BATCH_MESSAGES_MAX, MESSAGE_BYTES_MAX

_LENGTH_BYTES = 2

FRAME_BYTES_MAX = BATCH_MESSAGES_MAX * (_LENGTH_BYTES + MESSAGE_BYTES_MAX)
"""The largest frame a batch can become: just over 1 MiB."""


class UnsendableBatch(LocalError):
    """This program tried to send {count} messages in one batch, the largest of {largest} bytes; that is a bug."""


class MalformedFrame(QrsharedError):
    """The other side sent something that is not a batch of messages ({fault})."""


def require_sendable(messages: Sequence[bytes]) -> None:
    """Raises `UnsendableBatch` for what no link may carry."""
    if not 1 <= len(messages) <= BATCH_MESSAGES_MAX or not all(1 <= len(m) <= MESSAGE_BYTES_MAX for m in messages):
        raise UnsendableBatch(count=len(messages), largest=max(map(len, messages), default=0))


def join_frame(messages: Sequence[bytes]) -> bytes:
    """One frame of these messages; raises `UnsendableBatch`."""
    require_sendable(messages)
    parts: list[bytes] = []
    for message in messages:
        parts.append(len(message).to_bytes(_LENGTH_BYTES, "big"))
        parts.append(message)
    return b"".join(parts)


def split_frame(frame: bytes) -> Sequence[bytes]:
    """The messages of one frame; raises `MalformedFrame`."""
    messages: list[bytes] = []
    start, end = 0, len(frame)
    while start < end:
        body = start + _LENGTH_BYTES
        length = int.from_bytes(frame[start:body], "big")
        start = body + length
        if length == 0 or start > end:
            raise MalformedFrame(fault="an empty message" if length == 0 else "a message that is cut short")
        if len(messages) == BATCH_MESSAGES_MAX:
            raise MalformedFrame(fault="too many messages")
        messages.append(frame[body:start])
    if not messages:
        raise MalformedFrame(fault="no message")
    return messages
