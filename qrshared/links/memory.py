"""Two links in one process that still run the framing; the queue each way is bounded by bytes."""

import asyncio
from collections import deque
from collections.abc import Sequence

from qrshared.links.framing import MalformedFrame, join_frame, split_frame
from qrshared.links.port import CloseReason, LinkClosed

MEMORY_QUEUE_BYTES_MAX = 1 << 20
"""Bytes one direction holds before `send` waits; one batch more may be taken in."""


class _Pipe:
    """Frames on their way in one direction."""

    def __init__(self) -> None:
        self.frames: deque[bytes] = deque()
        self.held_bytes = 0
        self.ended: str | None = None  # the reason: nothing more is put in
        self.changed = asyncio.Condition()

    async def put(self, frame: bytes) -> None:
        async with self.changed:
            await self.changed.wait_for(lambda: self.ended is not None or self.held_bytes < MEMORY_QUEUE_BYTES_MAX)
            if self.ended is not None:
                raise LinkClosed(self.ended)
            self.frames.append(frame)
            self.held_bytes += len(frame)
            self.changed.notify_all()

    async def take(self) -> bytes:
        async with self.changed:
            await self.changed.wait_for(lambda: self.ended is not None or bool(self.frames))
            if not self.frames:
                raise LinkClosed(self.ended or CloseReason.LOST)
            frame = self.frames.popleft()
            self.held_bytes -= len(frame)
            self.changed.notify_all()
            return frame

    async def end(self, reason: str, *, drop: bool) -> None:
        """Let nothing more in; `drop` forgets what nobody will read any more."""
        async with self.changed:
            if self.ended is None:
                self.ended = reason
            if drop:
                self.frames.clear()
                self.held_bytes = 0
            self.changed.notify_all()


class MemoryLink:
    """One end of `memory_links()`."""

    def __init__(self, *, outgoing: _Pipe, incoming: _Pipe) -> None:
        self._outgoing = outgoing
        self._incoming = incoming

    async def send(self, *messages: bytes) -> None:
        await self._outgoing.put(join_frame(messages))

    async def receive(self) -> Sequence[bytes]:
        frame = await self._incoming.take()
        try:
            return split_frame(frame)
        except MalformedFrame as fault:
            await self.close(CloseReason.MALFORMED)
            raise LinkClosed(CloseReason.MALFORMED) from fault

    async def close(self, reason: str = "") -> None:
        reason = reason or CloseReason.DONE
        await self._outgoing.end(reason, drop=False)  # what was sent still arrives
        await self._incoming.end(reason, drop=True)

    async def send_frame(self, frame: bytes) -> None:
        """Put raw bytes where a frame belongs: how tests play a hostile peer."""
        await self._outgoing.put(frame)


def memory_links() -> tuple[MemoryLink, MemoryLink]:
    """Two joined ends."""
    there, back = _Pipe(), _Pipe()
    return MemoryLink(outgoing=there, incoming=back), MemoryLink(outgoing=back, incoming=there)
