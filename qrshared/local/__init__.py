"""The door at this computer: the command line asks the daemon, over a socket that only its owner can open.

Invariants: nobody but this user (and root) gets an answer, decided by the folder's rights, the socket's rights and the
kernel's word on who connected; a line is at most 64 KiB; a command that reads slowly costs the daemon one state of each
topic and no more; a socket left behind by a crash is replaced, one that answers never is.
Deliberately absent: a seal (the kernel vouches for both ends), a hello, transfers. The messages are the desk's
(`protocol/WIRE.md`, 4).
"""

from qrshared.local.client import ControlClient
from qrshared.local.control import ControlServer
from qrshared.local.errors import AlreadyRunning, DaemonGone, DaemonRefused, DaemonStuck, NotRunning, OtherVersion

__all__ = [
    "AlreadyRunning",
    "ControlClient",
    "ControlServer",
    "DaemonGone",
    "DaemonRefused",
    "DaemonStuck",
    "NotRunning",
    "OtherVersion",
]
