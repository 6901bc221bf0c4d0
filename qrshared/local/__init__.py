"""The door at this computer: the command line asks the daemon, over a socket that only its owner can open.

Invariants: nobody but this user (and root) gets an answer, decided by the folder's rights, the socket's rights and the
kernel's word on who connected; a line is at most 64 KiB; a command that reads slowly costs the daemon one state of each
topic and no more; a socket left behind by a crash is replaced, one that answers never is.
Deliberately absent: a seal (the kernel vouches for both ends), a hello, transfers. The messages are the desk's
(`protocol/WIRE.md`, 4).
"""

from typing import TYPE_CHECKING

from qrshared.local.client import ControlClient
from qrshared.local.errors import AlreadyRunning, DaemonGone, DaemonRefused, DaemonStuck, NotRunning, OtherVersion
from qrshared.local.lock import FolderLock

if TYPE_CHECKING:
    from qrshared.local.control import ControlServer

__all__ = [
    "AlreadyRunning",
    "ControlClient",
    "ControlServer",
    "DaemonGone",
    "DaemonRefused",
    "DaemonStuck",
    "FolderLock",
    "NotRunning",
    "OtherVersion",
]


def __getattr__(name: str) -> object:
    """The daemon's end, when it is first asked for: a command needs it never, and a web server comes with it."""
    if name == "ControlServer":
        from qrshared.local.control import ControlServer

        return ControlServer
    raise AttributeError(name)
