"""The accept wrapper: deadlines and socket caps around aiohttp's own protocol, through its public API only.

aiohttp has no deadline for headers or bodies and no caps: 300 half-sent requests were all still open after 110 s.
Each socket walks through the phases below; a phase's deadline drops the socket.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import cast

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from qrshared.serving.guard import is_loopback
from qrshared.serving.limits import Caps, address_key

_log = logging.getLogger(__name__)


class Phase(Enum):
    """What a socket is doing."""

    WAITING = auto()
    """Its request's headers are not complete."""
    ANSWERING = auto()
    """A request is being read and answered."""
    IDLE = auto()
    """Answered; the next request may come."""
    HANDSHAKE = auto()
    """Upgraded to a WebSocket that has not shown who it is."""
    SEALED = auto()
    """A session owns it, with heartbeats of its own."""


_COUNTED_AS_WAITING = (Phase.WAITING, Phase.HANDSHAKE)


@dataclass(frozen=True)
class GateCounts:
    """How many sockets there are, and what became of others, since the start."""

    open: int
    waiting: int
    refused: int
    cut: int


class Gate:
    """Makes one guarded protocol a socket: hand it to `loop.create_server` in place of the server itself.

    `middleware` has to be the outermost of the application, so that the gate hears of requests.
    """

    def __init__(self, caps: Caps | None = None) -> None:
        self.caps = caps if caps is not None else Caps()
        self._is_welcome: Callable[[str], bool] = lambda _address: True
        self._server: Callable[[], asyncio.Protocol] | None = None
        self._sockets: dict[asyncio.BaseProtocol, Socket] = {}
        self._by_address: Counter[str] = Counter()
        self._waiting: Counter[str] = Counter()
        self._refused = 0
        self._cut = 0

    def guard(self, server: Callable[[], asyncio.Protocol]) -> None:
        """Wrap the protocols this server makes (`AppRunner.server`)."""
        self._server = server

    def screen(self, is_welcome: Callable[[str], bool]) -> None:
        """Drop the sockets of other addresses unheard: aiohttp answers malformed requests before the guard is asked."""
        self._is_welcome = is_welcome

    def __call__(self) -> asyncio.Protocol:
        if self._server is None:
            raise RuntimeError("the gate guards no server yet")
        return Socket(self, self._server())

    @property
    def counts(self) -> GateCounts:
        """As of now."""
        return GateCounts(
            open=len(self._sockets), waiting=sum(self._waiting.values()), refused=self._refused, cut=self._cut
        )

    def socket_of(self, request: web.Request) -> "Socket | None":
        """The guarded socket a request came by; None when the application runs without a gate (in tests)."""
        return self._sockets.get(request.protocol)

    @property
    def middleware(self) -> Middleware:
        """Tells the gate when a request's headers are complete and when it is answered."""

        @web.middleware
        async def phases(request: web.Request, handler: Handler) -> web.StreamResponse:
            socket = self.socket_of(request)
            if socket is None:
                return await handler(request)
            socket.request_began(request)
            try:
                return await handler(request)
            finally:
                socket.request_answered()

        return phases

    def admit(self, socket: "Socket") -> bool:
        """Count a new socket in, unless it is a stranger's or somebody's share is used up."""
        key = socket.key
        if not self._is_welcome(socket.address):
            self._refused += 1
            return False
        # The owner's own computer gets in whatever the network does; its share is capped all the same.
        is_full = len(self._sockets) >= self.caps.sockets and not is_loopback(socket.address)
        over_share = self._by_address[key] >= self.caps.per_address
        if is_full or over_share or self._waiting[key] >= self.caps.waiting_per_address:
            self._refused += 1
            _log.debug("socket refused: %s", "all taken" if is_full else "one address has its share")
            return False
        self._sockets[socket.inner] = socket
        self._by_address[key] += 1
        return True

    def left(self, socket: "Socket") -> None:
        """Count an admitted socket out."""
        del self._sockets[socket.inner]
        _decrease(self._by_address, socket.key)

    def moved(self, socket: "Socket", before: Phase | None, after: Phase | None) -> None:
        """Keep the count of waiting sockets; None stands for not there."""
        was, is_now = before in _COUNTED_AS_WAITING, after in _COUNTED_AS_WAITING
        if is_now and not was:
            self._waiting[socket.key] += 1
        elif was and not is_now:
            _decrease(self._waiting, socket.key)

    def was_cut(self) -> None:
        """Count a deadline that passed."""
        self._cut += 1


class Socket(asyncio.Protocol):
    """One socket: passes everything on to aiohttp's protocol, and drops the peer that keeps us waiting."""

    def __init__(self, gate: Gate, inner: asyncio.Protocol) -> None:
        self.inner = inner
        self.address = ""
        self.key = ""
        self._gate = gate
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._is_admitted = False
        self._phase: Phase | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._request: web.Request | None = None
        self._last_data = 0.0
        self._handshake_bytes = 0
        self._ration: float | None = None
        self._rationed_at = 0.0

    # --- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if peer else ""
        self.key = address_key(self.address)
        if self._gate.admit(self):
            self._is_admitted = True
            self._enter(Phase.WAITING, self._gate.caps.header_deadline_s)
            self.inner.connection_made(transport)
        else:
            self._transport.abort()  # aiohttp never hears of it: a flood costs us no more than the accept

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop(self._deadline)
        self._stop(self._stall)
        if self._is_admitted:
            self._is_admitted = False
            self._gate.moved(self, self._phase, None)
            self._gate.left(self)
            self._request = None
            self.inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._last_data = self._loop.time()
        if self._phase is Phase.IDLE:
            self._enter(Phase.WAITING, self._gate.caps.header_deadline_s)
        elif self._phase is Phase.HANDSHAKE:
            self._handshake_bytes += len(data)
            if self._handshake_bytes > self._gate.caps.handshake_bytes:
                self._cut()
                return
        elif self._phase is Phase.SEALED and not self._may_say(len(data)):
            self._cut()
            return
        self.inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self.inner.eof_received() if self._is_admitted else None

    def pause_writing(self) -> None:
        # After the seal the link has a limit of its own, per frame.
        if self._phase is not Phase.SEALED:
            self._stop(self._stall)
            self._stall = self._loop.call_later(self._gate.caps.stall_s, self._cut)
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        self._stop(self._stall)
        self._stall = None
        self.inner.resume_writing()

    # --- the application's side

    def request_began(self, request: web.Request) -> None:
        """The headers are complete."""
        self._request = request
        self._last_data = self._loop.time()
        self._enter(Phase.ANSWERING, self._gate.caps.stall_s, self._check_body)

    def request_answered(self) -> None:
        """The handler is done; a keep-alive socket may ask again."""
        self._request = None
        if self._phase is Phase.ANSWERING:
            # one second more than aiohttp's own keep-alive, which closes politely
            self._enter(Phase.IDLE, self._gate.caps.idle_keep_alive_s + 1)

    def upgraded(self) -> None:
        """The request became a WebSocket; the handshake's deadline runs."""
        self._enter(Phase.HANDSHAKE, self._gate.caps.handshake_deadline_s)

    def sealed(self, *, is_known: bool = True) -> None:
        """The handshake is done: the session takes over. A peer without a key may say little, and slowly."""
        self._stop(self._stall)
        self._enter(Phase.SEALED, None)
        if not is_known:
            self._ration, self._rationed_at = float(self._gate.caps.stranger_bytes), self._loop.time()

    def _may_say(self, count: int) -> bool:
        """Take so many bytes from a stranger's ration, which grows by the second."""
        if self._ration is None:
            return True
        now, caps = self._loop.time(), self._gate.caps
        grown = self._ration + (now - self._rationed_at) * caps.stranger_bytes_s
        self._ration, self._rationed_at = min(grown, caps.stranger_bytes) - count, now
        return self._ration >= 0

    # --- deadlines

    def _enter(self, phase: Phase, deadline_s: float | None, at_deadline: Callable[[], None] | None = None) -> None:
        if not self._is_admitted:
            return  # refused, or gone
        self._gate.moved(self, self._phase, phase)
        self._phase = phase
        self._stop(self._deadline)
        if deadline_s is not None:
            self._deadline = self._loop.call_later(deadline_s, at_deadline or self._cut)

    def _check_body(self) -> None:
        """Drop a peer whose body has stopped; a slow handler, or one that reads slowly, is not the peer's fault."""
        silent_s = self._loop.time() - self._last_data
        is_theirs = (
            self._request is not None
            and self._request.can_read_body
            and self._transport is not None
            and self._transport.is_reading()
        )
        stall_s = self._gate.caps.stall_s
        if is_theirs and silent_s >= stall_s:
            self._cut()
        else:
            wait_s = stall_s - silent_s if is_theirs else stall_s
            self._deadline = self._loop.call_later(wait_s, self._check_body)

    def _cut(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._gate.was_cut()
            self._transport.abort()

    @staticmethod
    def _stop(timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()


def _decrease(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]  # addresses come and go; the table must not grow
