"""The listening sockets of the home server: opened together on one port, replaced when asked, closed in order."""

import asyncio
import errno
import json
import logging
import socket
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from aiohttp import web

from qrshared.errors import UserError
from qrshared.lan.addresses import AddressNotHere, chosen_address
from qrshared.serving import AcceptNotices, Gate, make_runner

_log = logging.getLogger(__name__)

BACKLOG: Final = 64
"""Connections the kernel holds while we are busy accepting; asyncio also tries this often when descriptors run out."""

ASKING_S: Final = 1.0
"""How long we wait to learn who holds a port."""

SHUTDOWN_S: Final = 3.0
"""How long answers under way may take when the server closes."""

_FREE_PORT_TRIES = 20


class PortInUse(UserError):
    """Port {port} is already in use by {holder}. Stop that program, or choose another port with --port."""


class PortNotAllowed(UserError):
    """This computer does not let qrshared use port {port}. Choose one above 1023 with --port."""


@dataclass(frozen=True)
class _Place:
    """One socket to open; without an optional one the server still does its work."""

    address: str
    is_optional: bool = False

    @property
    def family(self) -> socket.AddressFamily:
        return socket.AF_INET6 if ":" in self.address else socket.AF_INET


def _places(host: str | None) -> list[_Place]:
    """Loopback always: the owner page lives there, and `localhost` is ::1 first in many browsers."""
    loopback = [_Place("127.0.0.1"), _Place("::1", is_optional=True)]
    address = chosen_address(host)
    if address is None:
        return [_Place("0.0.0.0"), _Place("::", is_optional=True)]  # noqa: S104 - the gate admits near addresses only
    if address in {place.address for place in loopback}:
        return loopback
    return [_Place(address), *loopback]


class LanServer:
    """`async with LanServer(app, gate) as server: port = await server.listen(host=None, port=7774)`."""

    def __init__(self, app: web.Application, gate: Gate) -> None:
        self._runner = make_runner(app, gate, shutdown_timeout_s=SHUTDOWN_S)
        self._gate = gate
        self._servers: list[asyncio.Server] = []
        self._port = 0
        self._notices = AcceptNotices()

    @property
    def port(self) -> int:
        """The port of all sockets; 0 while none is open."""
        return self._port

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        server = self._runner.server
        if server is None:
            raise RuntimeError("the runner has made no server")
        self._gate.guard(server)
        logging.getLogger("asyncio").addFilter(self._notices)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_listening()
        await self._runner.cleanup()
        logging.getLogger("asyncio").removeFilter(self._notices)

    async def listen(self, *, host: str | None, port: int) -> int:
        """Open the sockets in place of those that are open; links and answers under way go on. Returns the port.

        `host` None stands for every address, because they change; 0 for a free port. Raises `PortInUse`,
        `PortNotAllowed`, `AddressNotHere`.
        """
        self._stop_listening()
        places = _places(host)
        try:
            sockets = _open_on_free_port(places) if port == 0 else _open_all(places, port)
        except OSError as fault:
            raise await _explained(fault, host=host or "", port=port) from fault
        loop = asyncio.get_running_loop()
        for listening in sockets:
            self._servers.append(await loop.create_server(self._gate, sock=listening, backlog=BACKLOG))
        self._port = int(sockets[0].getsockname()[1])
        return self._port

    def _stop_listening(self) -> None:
        for server in self._servers:
            server.close()
        self._servers.clear()
        self._port = 0


def _open_on_free_port(places: list[_Place]) -> list[socket.socket]:
    """The kernel's free port of one address may be taken on another: then ask for the next."""
    for _ in range(_FREE_PORT_TRIES):
        with _open(places[0], 0) as probe:
            port = int(probe.getsockname()[1])
        try:
            return _open_all(places, port)
        except OSError as taken:
            if taken.errno != errno.EADDRINUSE:
                raise
    raise OSError(errno.EADDRINUSE, "no port is free on all addresses")


def _open_all(places: list[_Place], port: int) -> list[socket.socket]:
    """All of them or none."""
    with ExitStack() as undo:
        sockets: list[socket.socket] = []
        for place in places:
            try:
                sockets.append(undo.enter_context(_open(place, port)))
            except OSError as fault:
                # In use counts even where the socket is optional: half our visitors would reach another program.
                if not place.is_optional or fault.errno in {errno.EADDRINUSE, errno.EACCES}:
                    raise
                _log.debug("not listening on %s: %s", place.address, fault.strerror)
        undo.pop_all()
        return sockets


def _open(place: _Place, port: int) -> socket.socket:
    listening = socket.socket(place.family, socket.SOCK_STREAM)
    try:
        # Elsewhere than on POSIX it would let two programs share a port.
        if hasattr(socket, "AF_UNIX"):
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if place.family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind((place.address, port))
        listening.listen(BACKLOG)  # Linux tells of some conflicts only here
    except OSError:
        listening.close()
        raise
    return listening


async def _explained(fault: OSError, *, host: str, port: int) -> Exception:
    match fault.errno:
        case errno.EADDRINUSE:
            return PortInUse(port=port, holder=await _holder(port))
        case errno.EACCES | errno.EPERM:
            return PortNotAllowed(port=port)
        case errno.EADDRNOTAVAIL | errno.EAFNOSUPPORT:
            return AddressNotHere(host=host)
        case _:
            return fault


async def _holder(port: int) -> str:
    """Who answers on this port of this computer, if it says so."""
    try:
        async with asyncio.timeout(ASKING_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(f"GET /health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
                answer = await reader.read(4096)
            finally:
                writer.close()
        said = json.loads(answer.partition(b"\r\n\r\n")[2])
    except (OSError, TimeoutError, ValueError):
        return "another program"
    is_ours = isinstance(said, dict) and said.get("status") == "ok" and "sessions" in said
    return "another qrshared" if is_ours else "another program"
