"""Links over aiohttp's WebSockets: the door's side, and a client for tests and the bench."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

from aiohttp import (
    ClientError,
    ClientSession,
    ClientWebSocketResponse,
    ClientWSTimeout,
    WSCloseCode,
    WSMsgType,
    web,
)

from qrshared.links.framing import MalformedFrame, join_frame, split_frame
from qrshared.links.port import CloseReason, LinkClosed

WEBSOCKET_MESSAGE_BYTES_MAX: Final = (1 << 20) + (64 << 10)
"""A WebSocket message beyond this ends the link before it is held in memory; a full batch fits."""

SEND_STALL_S: Final = 30.0
"""A peer that has not made room for one more frame in this time is cut: what is queued for it stays ≤ one frame."""

CLOSE_WAIT_S: Final = 2.0
"""How long a close waits for the peer's own close before the socket is dropped."""

# RFC 6455 7.4.1; 4000-4999 are private use. The reason travels as text beside the code.
_CLOSE_CODES: Final[dict[str, int]] = {
    CloseReason.DONE: WSCloseCode.OK,
    CloseReason.GOING_AWAY: WSCloseCode.GOING_AWAY,
    CloseReason.MALFORMED: WSCloseCode.PROTOCOL_ERROR,
    CloseReason.NOT_BINARY: WSCloseCode.UNSUPPORTED_DATA,
    CloseReason.TOO_BIG: WSCloseCode.MESSAGE_TOO_BIG,
    CloseReason.REFUSED: WSCloseCode.POLICY_VIOLATION,
}
_OTHER_REASON_CODE: Final = 4000
_REASONS: Final[dict[int, str]] = {code: reason for reason, code in _CLOSE_CODES.items()}
_REASON_BYTES_MAX = 123  # a control frame holds 125 bytes, two of them the code

_WebSocket = web.WebSocketResponse | ClientWebSocketResponse


def close_code(reason: str) -> int:
    """The WebSocket close code that goes with a reason."""
    return _CLOSE_CODES.get(reason, _OTHER_REASON_CODE)


def close_reason(code: int | None, text: str | None) -> str:
    """The reason behind a close frame; its text was written by the peer, so it is cut to printable ASCII."""
    said = "".join(c for c in (text or "")[:_REASON_BYTES_MAX] if c.isascii() and c.isprintable())
    return said or _REASONS.get(code or 0, CloseReason.LOST)


class WebSocketLink:
    """A link whose frames are binary WebSocket messages.

    `abort` drops the socket at once, without a goodbye: for a peer that no longer reads.
    """

    def __init__(self, websocket: _WebSocket, *, abort: Callable[[], None], send_stall_s: float = SEND_STALL_S) -> None:
        self._websocket = websocket
        self._abort = abort
        self._send_stall_s = send_stall_s
        self._one_frame = asyncio.Lock()
        self._ended: str | None = None

    async def send(self, *messages: bytes) -> None:
        frame = join_frame(messages)
        await self._write(lambda: self._websocket.send_bytes(frame))

    async def receive(self) -> Sequence[bytes]:
        while True:
            if self._ended is not None:
                raise LinkClosed(self._ended)
            message = await self._websocket.receive()
            match message.type:
                case WSMsgType.BINARY:
                    return await self._split(message.data)
                case WSMsgType.PING:
                    payload = bytes(message.data)
                    await self._write(lambda: self._websocket.pong(payload))  # noqa: B023 - awaited before the next
                case WSMsgType.PONG:
                    continue
                case WSMsgType.TEXT:
                    await self.close(CloseReason.NOT_BINARY)
                case WSMsgType.CLOSE:
                    await self._say_close(self._end(close_reason(message.data, message.extra)))
                case WSMsgType.ERROR:
                    self._end(_REASONS.get(self._websocket.close_code or 0, CloseReason.LOST))
                case _:  # closed or closing: by us, or the socket went without a word
                    self._end(CloseReason.LOST)

    async def _split(self, frame: bytes) -> Sequence[bytes]:
        try:
            return split_frame(frame)
        except MalformedFrame as fault:
            await self.close(CloseReason.MALFORMED)
            raise LinkClosed(CloseReason.MALFORMED) from fault

    async def _write(self, write: Callable[[], Awaitable[None]]) -> None:
        """One frame at a time: aiohttp queues each caller's frame before it waits, so ten callers would hold ten.

        Whoever waits in aiohttp for the peer waits on one shared future: cancelling one of them cancels all the others,
        and every later one too until the peer reads. So nobody may be cancelled in there: a caller who is leaves the
        frame, which is under way as a whole, to finish behind its back.
        """
        await self._one_frame.acquire()
        await asyncio.shield(self._write_alone(write))

    async def _write_alone(self, write: Callable[[], Awaitable[None]]) -> None:
        try:
            if self._ended is None:
                async with asyncio.timeout(self._send_stall_s):
                    await write()
        except TimeoutError:
            self._abort()
            self._end(CloseReason.SLOW)
        except (ConnectionError, ClientError, RuntimeError):
            # aiohttp says RuntimeError when the socket is closing or closed
            self._end(CloseReason.LOST)
        finally:
            self._one_frame.release()
        if self._ended is not None:
            raise LinkClosed(self._ended)

    async def close(self, reason: str = "") -> None:
        if self._ended is None:
            await self._say_close(self._end(reason or CloseReason.DONE))

    def _end(self, reason: str) -> str:
        """Remember the first reason; it is the one everybody hears."""
        if self._ended is None:
            self._ended = str(reason)
        return self._ended

    async def _say_close(self, reason: str) -> None:
        text = reason.encode("ascii", "replace")[:_REASON_BYTES_MAX]
        try:
            # in turn as well; a sender that is stuck keeps its turn, and then there is nobody to say goodbye to
            async with asyncio.timeout(CLOSE_WAIT_S), self._one_frame:
                await self._websocket.close(code=close_code(reason), message=text)
        except (TimeoutError, ConnectionError, ClientError, RuntimeError):
            self._abort()
        except asyncio.CancelledError:
            self._abort()
            raise


async def serve_websocket(
    request: web.Request, on_link: Callable[[WebSocketLink], Awaitable[None]], *, send_stall_s: float = SEND_STALL_S
) -> web.WebSocketResponse:
    """Upgrade a request that the guard has let in, run `on_link` to its end, and close the link after it."""
    # No compression: sealed bytes do not shrink, and an inflater is a way to fill our memory.
    # No heartbeat: the session has its own, inside the seal.
    websocket = web.WebSocketResponse(
        compress=False, autoclose=False, autoping=False, timeout=CLOSE_WAIT_S, max_msg_size=WEBSOCKET_MESSAGE_BYTES_MAX
    )
    await websocket.prepare(request)
    transport = request.transport

    def abort() -> None:
        if transport is not None:
            transport.abort()

    link = WebSocketLink(websocket, abort=abort, send_stall_s=send_stall_s)
    try:
        await on_link(link)
    finally:
        await link.close()
    return websocket


async def connect_websocket(session: ClientSession, url: str, *, origin: str | None = None) -> WebSocketLink:
    """Connect to a door as a browser would; raises `LinkClosed` when it is refused."""
    try:
        websocket = await session.ws_connect(
            url,
            origin=origin,
            compress=0,
            autoclose=False,
            autoping=False,
            max_msg_size=WEBSOCKET_MESSAGE_BYTES_MAX,
            timeout=ClientWSTimeout(ws_close=CLOSE_WAIT_S),
        )
    except (ClientError, OSError) as refused:
        raise LinkClosed(CloseReason.REFUSED) from refused
    connection = websocket.get_extra_info("socket")

    def abort() -> None:
        if connection is not None:
            with suppress(OSError):  # already gone, which is what we want
                connection.shutdown(socket.SHUT_RDWR)  # asyncio then sees the end on its own

    return WebSocketLink(websocket, abort=abort)
