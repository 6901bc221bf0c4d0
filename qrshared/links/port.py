"""The port every link adapter implements: send a batch, receive a batch, close."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from qrshared.errors import QrsharedError

MESSAGE_BYTES_MAX = 65_535
"""One link message; Noise's limit and aiortc's alike."""

BATCH_MESSAGES_MAX = 16
"""Messages one call moves, because one WebSocket message carries that many."""


class CloseReason(StrEnum):
    """Why a link ended, as far as the link itself can know; callers may close with any short ASCII text instead."""

    DONE = "done"
    GOING_AWAY = "going_away"
    MALFORMED = "malformed"
    NOT_BINARY = "not_binary"
    TOO_BIG = "too_big"
    REFUSED = "refused"
    SLOW = "slow"
    LOST = "lost"


class LinkClosed(QrsharedError):
    """The connection ended ({reason})."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason=reason)
        self.reason = reason


class Link(Protocol):
    """Ordered messages to one peer. One task sends, one receives; any may close."""

    async def send(self, *messages: bytes) -> None:
        """Send up to `BATCH_MESSAGES_MAX` messages in order; waits while the peer is slow; raises `LinkClosed`.

        Cancelled, the batch is either wholly on its way or not at all.
        """

    async def receive(self) -> Sequence[bytes]:
        """The next one or more messages, in order; raises `LinkClosed`. Cancelled, it loses nothing."""

    async def close(self, reason: str = "") -> None:
        """End the link and tell the peer why; the second call does nothing. Messages already sent still arrive."""
