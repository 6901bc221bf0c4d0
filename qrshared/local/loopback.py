"""The control door where Unix sockets are missing (Windows): loopback TCP, and a secret in a file of this user."""

import asyncio
import hmac
import os
import secrets
import socket
from pathlib import Path

from qrshared.local.errors import NotRunning
from qrshared.local.lines import LINE_BYTES_MAX, Lines
from qrshared.local.lock import FolderLock
from qrshared.protocol import ProtocolError

PORT_NAME = "control.port"
"""Holds port and secret; in the user's own profile folder, which Windows closes to other users."""

SECRET_BYTES = 32
"""Too many to guess at any rate loopback allows."""

SECRET_S = 5.0
"""The command sends the secret with its first bytes."""


class LoopbackDoorway:
    """The daemon's side: a port of loopback, named with its secret in a file."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._lock = FolderLock(data_dir)
        self._secret = secrets.token_hex(SECRET_BYTES)

    def open(self) -> socket.socket:
        """A listening socket on a free port of 127.0.0.1."""
        self._lock.take()
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            listening.bind(("127.0.0.1", 0))
            listening.listen(64)
            listening.setblocking(False)
            path = self._data_dir / PORT_NAME
            path.unlink(missing_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(f"{listening.getsockname()[1]} {self._secret}\n")
        except BaseException:
            listening.close()
            self._lock.give_back()
            raise
        return listening

    async def admit(self, connection: socket.socket, lines: Lines) -> bool:
        """The first line must be the secret."""
        del connection
        try:
            async with asyncio.timeout(SECRET_S):
                said = await lines.receive_text()
        except (TimeoutError, ProtocolError):
            return False
        return said is not None and hmac.compare_digest(said.strip().encode(), self._secret.encode())

    def close(self) -> None:
        """Remove the file, and let the next daemon in."""
        (self._data_dir / PORT_NAME).unlink(missing_ok=True)
        self._lock.give_back()


async def connect_loopback(data_dir: Path) -> Lines:
    """Knock at the daemon of this data folder; raises `NotRunning`."""
    try:
        port, secret = (data_dir / PORT_NAME).read_text("ascii").split()
        async with asyncio.timeout(SECRET_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", int(port), limit=LINE_BYTES_MAX)
            lines = Lines(reader, writer)
            await lines.send_text(secret)
    except (OSError, ValueError, TimeoutError):
        raise NotRunning(data_dir=data_dir) from None
    return lines
