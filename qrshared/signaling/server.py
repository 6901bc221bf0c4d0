"""The edge's HTTP server: `/signal`, a page, `/health`, `/ready`; it opens, drains and closes in order."""

import asyncio
import errno
import logging
import random
import re
import socket
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

from aiohttp import WSCloseCode, hdrs, web
from aiohttp.typedefs import Handler

from qrshared.assets import built_page
from qrshared.errors import UserError
from qrshared.serving import (
    AcceptNotices,
    BuiltPage,
    Gate,
    PageAt,
    add_page_routes,
    catch_faults,
    make_runner,
    secure_responses,
)
from qrshared.signaling.bus import Bus
from qrshared.signaling.client_address import Network
from qrshared.signaling.counts import Counts, prometheus_text
from qrshared.signaling.door import SignalDoor
from qrshared.signaling.edge import Edge
from qrshared.signaling.limits import EdgeLimits
from qrshared.signaling.line import CLOSE_WAIT_S, PeerLine
from qrshared.signaling.messages import Moved
from qrshared.signaling.turn import TurnSource

_log = logging.getLogger(__name__)

BACKLOG: Final = 1024
"""Connections the kernel holds while we are busy: after an outage everybody comes at once."""

SEND_BUFFER_BYTES: Final = 64 * 1024
"""Of the kernel, for each socket: what a peer does not read shall wait where it is counted."""

SHUTDOWN_S: Final = 2.0
"""How long answers under way may take when the server closes."""

FLUSH_S: Final = 2.0
"""How long the bus may take to hear that everybody left."""

_HOST: Final = re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}")
_SIGNAL: Final = "/signal"


class EdgePortInUse(UserError):
    """Port {port} of {host} is already in use. Stop the program that has it, or choose another one with --port."""


class EdgePlaceRefused(UserError):
    """qrshared cannot listen on {host}, port {port}: {why}. Choose others with --host and --port."""


class EdgeServer:
    """`async with EdgeServer(bus) as server: await server.listen(…); …; await server.drain()`."""

    def __init__(
        self,
        bus: Bus,
        *,
        limits: EdgeLimits | None = None,
        trusted_proxies: Sequence[Network] = (),
        turn: TurnSource | None = None,
        stun: Sequence[str] | None = None,
        page: BuiltPage | None = None,
    ) -> None:
        self.limits = limits if limits is not None else EdgeLimits()
        self.counts = Counts()
        self.edge = Edge(
            bus,
            limits=self.limits,
            counts=self.counts,
            clock=asyncio.get_running_loop().time,
            spawn=self._spawn,
            turn=turn,
            stun=stun,
        )
        self._page = page if page is not None else BuiltPage.load(built_page(), at=PageAt.EDGE)
        self._door = SignalDoor(self.edge, trusted_proxies=trusted_proxies, spawn=self._spawn)
        self._tasks = asyncio.TaskGroup()
        self._stack = AsyncExitStack()

    # --- opening and closing

    async def __aenter__(self) -> Self:
        notices = AcceptNotices()
        logging.getLogger("asyncio").addFilter(notices)
        self._stack.callback(logging.getLogger("asyncio").removeFilter, notices)
        await self._stack.enter_async_context(self._tasks)
        self._running = self._tasks.create_task(self.edge.run())
        self._stack.push_async_callback(self._end)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def listen(self, *, host: str, port: int) -> int:
        """Serve visitors; returns the port. Raises `EdgePortInUse`, `EdgePlaceRefused`."""
        chosen = await self._serve(self._app(), self._door.gate, host=host, port=port)
        self._stack.callback(self._cut_all)  # before the runner waits for their handlers
        return chosen

    async def listen_for_metrics(self, *, host: str, port: int) -> int:
        """Serve `/metrics`, on a port of its own that need not be open to anybody else."""

        async def metrics(_request: web.Request) -> web.StreamResponse:
            text = prometheus_text(self.counts, self.gauges())
            return web.Response(text=text, headers={hdrs.CONTENT_TYPE: "text/plain; version=0.0.4; charset=utf-8"})

        gate = Gate()
        app = web.Application(middlewares=[gate.middleware, catch_faults])
        app.router.add_get("/metrics", metrics)
        return await self._serve(app, gate, host=host, port=port)

    async def _serve(self, app: web.Application, gate: Gate, *, host: str, port: int) -> int:
        runner = make_runner(app, gate, shutdown_timeout_s=SHUTDOWN_S)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        if runner.server is None:
            raise RuntimeError("the runner has made no server")
        gate.guard(runner.server)
        listening = _open(host, port)
        server = await asyncio.get_running_loop().create_server(gate, sock=listening, backlog=BACKLOG)
        self._stack.callback(server.close)
        return int(listening.getsockname()[1])

    async def drain(self) -> None:
        """Send everybody elsewhere, spread over `drain_s`; newcomers are turned away, `/ready` says no."""
        self._door.is_closed = True
        loop = asyncio.get_running_loop()
        began = loop.time()
        going: list[tuple[float, PeerLine]] = []
        for line in self._lines():
            after_s = random.uniform(0, self.limits.drain_s)  # noqa: S311 - spreads load, keeps nothing secret
            await line.say(Moved(round(after_s * 1000)))
            going.append((after_s, line))
        if going:
            _log.info("sending %d elsewhere", len(going))
        for after_s, line in sorted(going, key=lambda each: each[0]):
            await asyncio.sleep(began + after_s - loop.time())
            self._spawn(line.close(WSCloseCode.SERVICE_RESTART, "moved"))

        try:
            async with asyncio.timeout(2 * CLOSE_WAIT_S):
                await self.edge.emptied()
        except TimeoutError:
            _log.debug("somebody does not say goodbye")

    def _cut_all(self) -> None:
        for line in self._lines():
            line.cut("closing")

    async def _end(self) -> None:
        try:
            async with asyncio.timeout(FLUSH_S):
                await self.edge.flush()
        except TimeoutError:
            _log.info("the bus did not hear that everybody left")
        self._running.cancel()

    # --- requests

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[self._door.gate.middleware, _guard, catch_faults])
        secure_responses(app, public_host=lambda: None, is_secure=_is_secure, any_websocket=True)
        add_page_routes(app, self._page)
        app.router.add_get("/health", self._health)
        app.router.add_get("/ready", self._ready)
        app.router.add_get(_SIGNAL, self._door.enter, allow_head=False)
        return app

    async def _health(self, _request: web.Request) -> web.StreamResponse:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        return web.json_response({"status": "ok", "sessions": self.edge.rooms.occupied, "timestamp": now})

    async def _ready(self, _request: web.Request) -> web.StreamResponse:
        why = self.unready()
        if why is None:
            return web.json_response({"status": "ready"})
        return web.json_response({"status": "not ready", "why": why}, status=503)

    def unready(self) -> str | None:
        """Why a load balancer should send newcomers elsewhere; None when it should not."""
        if self._door.is_closed:
            return "draining"
        if self.edge.bus_gone_s() >= self.limits.bus_gone_s:
            return "bus"
        return "sockets" if len(self.edge) >= self.limits.sockets else None

    def gauges(self) -> dict[str, float]:
        """For `/metrics`, as of now."""
        counts = self._door.gate.counts
        return {
            "sockets": len(self.edge),
            'rooms{state="occupied"}': self.edge.rooms.occupied,
            'rooms{state="empty"}': self.edge.rooms.empty,
            "bus_up": float(self.edge.bus_gone_s() == 0.0),
            "ready": float(self.unready() is None),
            "accept_refused": counts.refused,
            "accept_cut": counts.cut,
        }

    # --- inside

    def _lines(self) -> list[PeerLine]:
        return [line for line in self.edge.lines if isinstance(line, PeerLine)]

    def _spawn(self, work: Coroutine[None, None, None]) -> object:
        return self._tasks.create_task(work)


_NOWHERE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>qrshared</title>
<p>There is nothing at this address.</p>
<p>To send files between two devices, open <a href="/">the page of this edge</a>.</p>
</html>
"""


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """`/signal` takes any origin, for it knows nobody; every other route answers only plain reads of no other site."""
    refusal: tuple[int, str] | None = None
    if not request.raw_path.startswith("/"):
        refusal = 400, "This is not a proxy."
    elif not _HOST.fullmatch(request.headers.get(hdrs.HOST, "")):
        refusal = 400, "That is no host name."
    elif hdrs.CONTENT_ENCODING in request.headers:
        refusal = 415, "Encoded request bodies are not accepted."
    elif request.path != _SIGNAL and not _is_own_origin(request):
        refusal = 403, "Another site asked for this page; that is not allowed."
    if refusal is None:
        try:
            return await handler(request)
        except web.HTTPNotFound:
            return web.Response(status=404, text=_NOWHERE, content_type="text/html", charset="utf-8")
    return web.Response(status=refusal[0], text=refusal[1] + "\n")


def _is_own_origin(request: web.Request) -> bool:
    """Plain reads carry no origin; a browser that sends one all the same sends ours."""
    origin = request.headers.get(hdrs.ORIGIN)
    host = request.headers[hdrs.HOST].lower()
    return origin is None or origin.lower() in (f"http://{host}", f"https://{host}")


def _is_secure(request: web.Request) -> bool:
    """Whether the browser speaks HTTPS, as far as a proxy says: it decides over headers for that browser only."""
    return request.secure or request.headers.get("X-Forwarded-Proto", "").strip().lower() == "https"


def _open(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, place = found[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as fault:
        raise EdgePlaceRefused(host=host, port=port, why=fault.strerror) from fault
    try:
        if hasattr(socket, "AF_UNIX"):  # elsewhere than on POSIX it would let two programs share a port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)  # accepted sockets inherit it
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listening.bind(place)
        listening.listen(BACKLOG)
    except OSError as fault:
        listening.close()
        if fault.errno == errno.EADDRINUSE:
            raise EdgePortInUse(host=host, port=port) from fault
        raise EdgePlaceRefused(host=host, port=port, why=fault.strerror) from fault
    return listening
