"""One peer's socket as the edge uses it: say, without ever waiting for the peer, and cut whoever does not read."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Final

from aiohttp import ClientError, WSCloseCode, web

from qrshared.buckets import TokenBucket
from qrshared.signaling.codec import encode
from qrshared.signaling.counts import Counts
from qrshared.signaling.limits import EdgeLimits
from qrshared.signaling.messages import FromEdge

DIRECT_BYTES_MAX: Final = 16 * 1024
"""What is written without a task of its own: beside an empty buffer it cannot reach the 64 KiB at which asyncio pauses
a writer, and so the caller, who reads for another peer, is never held up."""

CLOSE_WAIT_S: Final = 2.0
"""How long a close waits for the peer's own."""

Spawn = Callable[[Coroutine[None, None, None]], object]


class PeerLine:
    """The edge's side of one WebSocket. `number` is its name in `Rooms`."""

    __slots__ = (
        "_bytes", "_counts", "_limits", "_messages", "_spawn", "_transport", "_unread", "_unread_bytes", "_websocket",
        "_writing", "address", "heard_at", "is_gone", "number",
    )  # fmt: skip

    def __init__(
        self,
        number: int,
        address: str,
        websocket: web.WebSocketResponse,
        transport: asyncio.Transport,
        *,
        limits: EdgeLimits,
        counts: Counts,
        spawn: Spawn,
        now: float,
    ) -> None:
        self.number = number
        self.address = address
        self.heard_at = now
        self.is_gone = False
        self._websocket = websocket
        self._transport = transport
        self._limits = limits
        self._counts = counts
        self._spawn = spawn
        self._unread: deque[str] | None = None  # most peers never need one, and each takes 600 bytes
        self._unread_bytes = 0
        self._writing = False
        self._messages = TokenBucket(per_s=limits.messages_per_s, burst=limits.messages_burst, now=now)
        self._bytes = TokenBucket(per_s=limits.bytes_per_s, burst=limits.bytes_burst, now=now)

    def hear(self, length: int, now: float) -> bool:
        """Count something the peer said; whether it is within its share."""
        self.heard_at = now
        return self._messages.take(1, now) and self._bytes.take(length, now)

    async def say(self, message: FromEdge) -> None:
        """Send, or queue behind what the peer has not read yet; never suspends."""
        if self.is_gone:
            return
        text = encode(message)
        if not self._writing and len(text) <= DIRECT_BYTES_MAX and self._transport.get_write_buffer_size() == 0:
            await self._write(text)
            return
        if self._unread is None:
            self._unread = deque()
        self._unread.append(text)
        self._unread_bytes += len(text)
        waiting = self._unread_bytes + self._transport.get_write_buffer_size()
        if len(self._unread) > self._limits.unread_messages or waiting > self._limits.unread_bytes:
            self.cut("slow_reader")
        elif not self._writing:
            self._writing = True
            self._spawn(self._write_unread(self._unread))

    async def pong(self, payload: bytes) -> None:
        """Answer WebSocket's own ping; one whose answer would have to wait goes unanswered (RFC 6455 5.5.3)."""
        if self.is_gone or self._writing or self._transport.get_write_buffer_size():
            return
        try:
            await self._websocket.pong(payload)
        except (ConnectionError, ClientError, RuntimeError):
            self.is_gone = True

    def cut(self, reason: str) -> None:
        """Drop the socket without a goodbye, which the peer would not read."""
        if not self.is_gone:
            self.is_gone = True
            self._counts.cut[reason] += 1
        if self._unread is not None:
            self._unread.clear()
        self._transport.abort()

    async def close(self, code: WSCloseCode, reason: str = "") -> None:
        """Say goodbye; a peer that does not read is dropped all the same."""
        self.is_gone = True
        if self._writing:
            self._transport.abort()
            return
        try:
            async with asyncio.timeout(2 * CLOSE_WAIT_S):
                await self._websocket.close(code=code, message=reason.encode())
        except (TimeoutError, ConnectionError, ClientError, RuntimeError):
            self._transport.abort()

    async def _write_unread(self, unread: deque[str]) -> None:
        """The one task that waits for this peer: all who wait in aiohttp share one future, and its cancellation."""
        try:
            while unread and not self.is_gone:
                text = unread[0]
                await self._write(text)
                if unread:  # a cut has emptied it
                    unread.popleft()
                    self._unread_bytes -= len(text)
        finally:
            self._writing = False
            self._unread = None
            self._unread_bytes = 0

    async def _write(self, text: str) -> None:
        try:
            await self._websocket.send_str(text)
        except (ConnectionError, ClientError, RuntimeError):
            self.is_gone = True  # aiohttp says RuntimeError when the socket is closing; the reader hears the end
