"""How command and daemon find each other on one computer: a Unix socket, or loopback with a secret on Windows."""

import socket
import sys
from pathlib import Path
from typing import Protocol

from qrshared.local.lines import Lines
from qrshared.local.loopback import LoopbackDoorway, connect_loopback

if sys.platform != "win32":
    from qrshared.local.unix import UnixDoorway, connect_unix


class Doorway(Protocol):
    """The daemon's side of the door; held from `open` to `close`."""

    def open(self) -> socket.socket:
        """A listening socket that does not block; raises `AlreadyRunning`, `UnsafeDoor`."""

    async def admit(self, connection: socket.socket, lines: Lines) -> bool:
        """Whether the other end is this computer's owner."""

    def close(self) -> None:
        """Leave nothing behind."""


def choose_doorway(data_dir: Path) -> Doorway:
    """The doorway for this system."""
    if sys.platform == "win32":
        return LoopbackDoorway(data_dir)
    return UnixDoorway(data_dir)


async def connect_doorway(data_dir: Path) -> Lines:
    """Knock at the daemon of this data folder; raises `NotRunning`, `UnsafeDoor`."""
    if sys.platform == "win32":
        return await connect_loopback(data_dir)
    return await connect_unix(data_dir)
