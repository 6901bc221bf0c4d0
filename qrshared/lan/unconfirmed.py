"""What a connection has sent and its peer has not confirmed: after the last write megabytes may be on their way."""

import asyncio
import socket
import sys
from types import TracebackType
from typing import Final, Self

CONFIRM_S: Final = 60.0
"""So long a peer may take to confirm what was written last; a phone whose screen went off asks again later."""

LOOKS_APART_S: Final = 0.02
"""Between two looks: no system tells when its queue has become empty."""

_SO_NWRITE: Final = 0x1024
"""macOS, sys/socket.h: bytes in the send queue. Checked by syntax only."""


class Unconfirmed:
    """One connection, from before its last bytes are written until they are confirmed.

    It keeps the socket for itself: a connection that its peer has closed would leave nothing to ask.
    """

    def __init__(self, transport: asyncio.BaseTransport | None) -> None:
        """A connection that is gone has confirmed nothing more."""
        self._transport = transport if isinstance(transport, asyncio.WriteTransport) else None
        held = None if transport is None else transport.get_extra_info("socket")
        try:
            # A descriptor of our own; `dup` of a socket object would make it one that blocks or not for both.
            self._socket = None if held is None else socket.socket(fileno=socket.dup(held.fileno()))
        except OSError:
            self._socket = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._socket is not None:
            self._socket.close()

    async def left(self) -> int:
        """Bytes that are not confirmed: 0 as soon as all are; others when the peer leaves, or after `CONFIRM_S`."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + CONFIRM_S
        while (count := self._count()) and not self._is_closing and loop.time() < ends:  # noqa: ASYNC110 -- see `LOOKS_APART_S`
            await asyncio.sleep(LOOKS_APART_S)
        return count

    @property
    def _is_closing(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    def _count(self) -> int:
        waiting = 0 if self._transport is None else self._transport.get_write_buffer_size()
        queued = 0 if self._socket is None else _queued(self._socket)
        if self._is_closing and queued == 1:
            queued = 0  # the end of the connection counts as a byte
        return waiting + queued


def _queued(connection: socket.socket) -> int:
    """Bytes in the system's send queue; 0 where it cannot say."""
    count = 0
    if sys.platform == "linux":
        import fcntl
        import termios

        answer = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4))  # SIOCOUTQ, tcp(7)
        count = int.from_bytes(answer, sys.byteorder)
    elif sys.platform == "darwin":
        count = connection.getsockopt(socket.SOL_SOCKET, _SO_NWRITE)
    return count
