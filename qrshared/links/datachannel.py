"""A link over a WebRTC data channel: one binary message is one link message, one text message is a goodbye.

A channel that is closed has no way to say why (RFC 8831 6.7), so whoever closes sends the reason as text before.
Neither aiortc nor a browser lets a receiver push back: what arrives is taken in, whoever reads or not. The brake is the
window of the transfers; a link whose peer ignores it ends as `slow`.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final

from aiortc import RTCDataChannel
from aiortc.exceptions import InvalidStateError

from qrshared.links.framing import require_sendable
from qrshared.links.port import BATCH_MESSAGES_MAX, MESSAGE_BYTES_MAX, CloseReason, LinkClosed

SENDING_BYTES_MAX: Final = 256 << 10
"""`send` waits while aiortc, which takes whatever it is given, holds more than this; one batch comes on top.

Four messages keep its sender busy; more would only stand between a slow peer and the next answer to it.
"""

UNREAD_BYTES_MAX: Final = 64 << 20
"""What a peer may have sent that nobody has read yet: as much as the windows of all transfers together."""

SEND_STALL_S: Final = 30.0
"""A peer to which nothing at all got through in this time, while more is waiting, is given up."""

CLOSE_WAIT_S: Final = 3.0
"""How long a close waits until the peer has what was sent before, and the reason."""

_REASON_CHARACTERS_MAX = 123  # as a WebSocket's close frame


class DataChannelLink:
    """A link over an open channel. `close` ends the channel; the connection under it ends with its `PeerConnection`."""

    def __init__(
        self,
        channel: RTCDataChannel,
        *,
        unread_bytes_max: int = UNREAD_BYTES_MAX,
        send_stall_s: float = SEND_STALL_S,
    ) -> None:
        self._channel = channel
        self._unread_bytes_max = unread_bytes_max
        self._send_stall_s = send_stall_s
        self._unread: deque[bytes] = deque()
        self._unread_bytes = 0
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._one_batch = asyncio.Lock()
        self._channel_closed = asyncio.Event()
        self._ended: str | None = None
        self.bytes_sent = 0
        self.bytes_received = 0
        channel.bufferedAmountLowThreshold = SENDING_BYTES_MAX
        channel.add_listener("bufferedamountlow", self._room.set)
        channel.add_listener("message", self._hear)
        channel.add_listener("close", self._hear_closed)

    async def send(self, *messages: bytes) -> None:
        require_sendable(messages)
        async with self._one_batch:
            await self._wait_for_room()
            # Nothing is awaited from here on: the batch is on its way as a whole.
            try:
                for message in messages:
                    if self._ended is None:
                        self._channel.send(message)
                        self.bytes_sent += len(message)
            except InvalidStateError:
                self._end(CloseReason.LOST)
        if self._ended is not None:
            raise LinkClosed(self._ended)

    async def _wait_for_room(self) -> None:
        while self._ended is None and (held := self._channel.bufferedAmount) > SENDING_BYTES_MAX:
            self._room.clear()
            try:
                async with asyncio.timeout(self._send_stall_s):
                    await self._room.wait()
            except TimeoutError:
                if self._channel.bufferedAmount >= held:
                    self._give_up(CloseReason.SLOW)

    async def receive(self) -> Sequence[bytes]:
        while not self._unread:
            if self._ended is not None:
                raise LinkClosed(self._ended)
            self._arrived.clear()
            await self._arrived.wait()
        batch = [self._unread.popleft() for _ in range(min(len(self._unread), BATCH_MESSAGES_MAX))]
        self._unread_bytes -= sum(map(len, batch))
        return batch

    async def close(self, reason: str = "") -> None:
        self._give_up(reason or CloseReason.DONE)
        try:
            async with asyncio.timeout(CLOSE_WAIT_S):
                await self._channel_closed.wait()
        except TimeoutError:
            self._channel_closed.set()  # nobody has to wait a second time

    def drop(self, reason: CloseReason) -> None:
        """The connection under it is gone: there is nobody to tell."""
        self._end(reason)
        self._channel_closed.set()

    def _hear(self, message: bytes | str) -> None:
        if self._ended is not None:
            return
        if isinstance(message, str):
            self._end(_printable(message) or CloseReason.DONE)
        elif not message:
            self._give_up(CloseReason.MALFORMED)
        elif len(message) > MESSAGE_BYTES_MAX:
            self._give_up(CloseReason.TOO_BIG)
        elif self._unread_bytes + len(message) > self._unread_bytes_max:
            self._give_up(CloseReason.SLOW)
        else:
            self._unread.append(message)
            self._unread_bytes += len(message)
            self.bytes_received += len(message)
            self._arrived.set()

    def _hear_closed(self) -> None:
        self._channel_closed.set()
        self._end(CloseReason.LOST)

    def _end(self, reason: str) -> None:
        """Remember the first reason; it is the one everybody hears."""
        if self._ended is None:
            self._ended = str(reason)
        self._arrived.set()
        self._room.set()

    def _give_up(self, reason: str) -> None:
        """End the link from this side: what nobody will read goes, what was sent goes out, then the reason."""
        if self._ended is None:
            self._end(reason)
            self._unread.clear()
            self._unread_bytes = 0
            if self._channel.readyState == "open":
                self._channel.send(_printable(reason) or CloseReason.DONE)
        # aiortc closes behind what is queued, and is done once the peer has confirmed all of it.
        self._channel.close()


def _printable(reason: str) -> str:
    """A peer writes what it likes: cut to printable ASCII."""
    return "".join(c for c in reason[:_REASON_CHARACTERS_MAX] if c.isascii() and c.isprintable())
