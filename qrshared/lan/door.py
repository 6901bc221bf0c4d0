"""The WebSocket door: lets a vetted request become a link, and gives it ten seconds to show who it is."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import hdrs, web

from qrshared.links import CloseReason, Link, serve_websocket
from qrshared.serving import Admission, FailedHandshakes, Gate, Socket, is_loopback
from qrshared.serving.guard import is_forwarded

_log = logging.getLogger(__name__)

_LOOPBACK_NAMES: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})


@dataclass(frozen=True)
class Visitor:
    """Who came through the door, as far as a socket can tell.

    Whoever runs the handshake says how it went: `sealed(is_known)` lifts the deadline, `refused()` counts against
    the address.
    """

    address: str
    is_loopback: bool
    """This computer, by a loopback name, through no proxy: the page is authentic."""
    is_secure: bool
    """The page came over HTTPS."""
    sealed: Callable[[bool], None]
    refused: Callable[[], None]


OnLink = Callable[[Link, Visitor], Awaitable[None]]


class Door:
    """Turns `GET /link` into links. `on_link` owns a link until it returns."""

    def __init__(
        self, *, on_link: OnLink, gate: Gate, admission: Callable[[], Admission], failed: FailedHandshakes | None = None
    ) -> None:
        self._on_link = on_link
        self._gate = gate
        self._admission = admission
        self._failed = failed if failed is not None else FailedHandshakes()
        self._links: set[Link] = set()

    async def enter(self, request: web.Request) -> web.StreamResponse:
        """The route's handler."""
        address = request.remote or ""
        now = asyncio.get_running_loop().time()
        if not web.WebSocketResponse().can_prepare(request):
            return web.Response(status=426, headers={hdrs.UPGRADE: "websocket"}, text="This is not a page.\n")
        is_here = _is_this_computer(request)
        if not is_here and not self._failed.is_allowed(address, now):
            wait_s = math.ceil(self._failed.retry_after_s(address, now))
            return web.Response(status=429, headers={hdrs.RETRY_AFTER: str(wait_s)}, text="Too many failed attempts.\n")
        socket = self._gate.socket_of(request)
        visitor = Visitor(
            address=address,
            is_loopback=is_here,
            is_secure=_is_https(request, self._admission()),
            sealed=_sealed(socket),
            # On this computer any user could otherwise keep the owner out; 128 bits are not guessed at any rate.
            refused=_nothing if is_here else lambda: self._failed.failed(address, asyncio.get_running_loop().time()),
        )

        async def welcome(link: Link) -> None:
            self._links.add(link)
            try:
                await self._on_link(link, visitor)
            finally:
                self._links.discard(link)

        if socket is not None:
            socket.upgraded()
        return await serve_websocket(request, welcome)

    async def close(self, _app: web.Application) -> None:
        """End the links that are still open when the server goes; whoever owned them hears it from `receive`."""
        await asyncio.gather(*(link.close(CloseReason.GOING_AWAY) for link in self._links))


def _sealed(socket: Socket | None) -> Callable[[bool], None]:
    """What lifts a socket's deadline; without a gate there is none."""
    return (lambda _is_known: None) if socket is None else (lambda is_known: socket.sealed(is_known=is_known))


def _nothing() -> None:
    """There is nobody to count against."""


def _host_name(request: web.Request) -> str:
    host = request.headers.get(hdrs.HOST, "").lower()
    return host[: host.index("]") + 1] if host.startswith("[") and "]" in host else host.partition(":")[0]


def _is_this_computer(request: web.Request) -> bool:
    # A reverse proxy on this computer has a loopback address too, so the name and the headers count as well.
    return is_loopback(request.remote or "") and _host_name(request) in _LOOPBACK_NAMES and not is_forwarded(request)


def _is_https(request: web.Request, admission: Admission) -> bool:
    # The guard has matched Origin with Host, and only the public host's origin is https.
    return request.headers.get(hdrs.HOST, "").lower() == admission.public_host
