"""The daemon's end of the control socket: lets the owner's commands in and carries their verbs to the desk."""

import asyncio
import errno
import itertools
import logging
import socket
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from qrshared.local.doorway import Doorway, choose_doorway
from qrshared.local.lines import LINE_BYTES_MAX, Lines
from qrshared.local.visit import Visit
from qrshared.protocol import Goodbye, ProtocolError, Reason
from qrshared.sessions.desk import Asker, Desk
from qrshared.tickets import Grant

log = logging.getLogger(__name__)

CLIENTS_MAX = 32
"""Commands served at once; the next one is told to come back."""

ACCEPT_PAUSE_S = 0.5
"""Until accepting is tried again after the process ran out of descriptors."""


class ControlServer:
    """Answers commands from entering to leaving the `async with`."""

    def __init__(self, data_dir: Path, desk: Desk, owner_grant: Grant, *, doorway: Doorway | None = None) -> None:
        self._doorway = doorway or choose_doorway(data_dir)
        self._desk = desk
        self._asker = Asker(grant=owner_grant, on_control_socket=True)
        self._tasks = asyncio.TaskGroup()
        self._serving: asyncio.Task[None] | None = None
        self._clients = 0
        self._visits = itertools.count(1)

    async def __aenter__(self) -> Self:
        listening = self._doorway.open()
        await self._tasks.__aenter__()
        self._serving = self._tasks.create_task(self._serve(listening))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._serving is not None:
            self._serving.cancel()
        try:
            await self._tasks.__aexit__(kind, fault, trace)
        finally:
            self._doorway.close()

    async def _serve(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with listening:
            async with asyncio.TaskGroup() as clients:
                while True:
                    try:
                        connection, _ = await loop.sock_accept(listening)
                    except OSError as fault:
                        if fault.errno not in {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}:
                            log.debug("accepting on the control socket: %s", fault.strerror)
                        await asyncio.sleep(ACCEPT_PAUSE_S)
                        continue
                    clients.create_task(self._attend(connection))

    async def _attend(self, connection: socket.socket) -> None:
        """One command from its first line to its last; whatever it sends, only itself suffers."""
        try:
            reader, writer = await asyncio.open_connection(sock=connection, limit=LINE_BYTES_MAX)
        except OSError:
            connection.close()
            return
        lines = Lines(reader, writer)
        last: Goodbye | None = None
        try:
            if not await self._doorway.admit(connection, lines):
                log.warning("a stranger on this computer knocked at the control socket and was turned away")
                last = Goodbye(Reason.NOT_ALLOWED)
            elif self._clients >= CLIENTS_MAX:
                last = Goodbye(Reason.BUSY)
            else:
                await self._serve_one(lines)
        except ProtocolError as wrong:
            log.info("a command spoke another language: %s", wrong.detail)
            last = Goodbye(Reason.PROTOCOL)
        except asyncio.CancelledError:
            last = Goodbye(Reason.RESTARTING)
            raise
        finally:
            lines.close(last)
        await lines.wait_closed()

    async def _serve_one(self, lines: Lines) -> None:
        self._clients += 1
        try:
            await Visit(lines, self._desk, replace(self._asker, visit=next(self._visits))).run()
        finally:
            self._clients -= 1
