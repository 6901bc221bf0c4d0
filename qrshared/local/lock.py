"""One daemon a data folder: a lock that the kernel gives back when its holder dies."""

import os
import sys
from contextlib import suppress
from pathlib import Path

from qrshared.local.errors import AlreadyRunning

LOCK_NAME = "control.lock"


class FolderLock:
    """Held while the daemon runs; whoever holds it may clear away what an earlier daemon left."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._descriptor: int | None = None

    def take(self) -> None:
        """Take the lock, or raise `AlreadyRunning`, with the `pid` of its holder if that is known."""
        descriptor = os.open(self._data_dir / LOCK_NAME, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            _lock(descriptor)
        except OSError:
            holder = _read_holder(descriptor)
            os.close(descriptor)
            raise AlreadyRunning(data_dir=self._data_dir, pid=holder) from None
        self._descriptor = descriptor
        with suppress(OSError):  # a courtesy to whoever is kept out; the lock itself is the kernel's
            os.truncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode())

    def give_back(self) -> None:
        """Let the next daemon in. The file stays: removing it would let two daemons hold locks on two files."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _read_holder(descriptor: int) -> int | None:
    """The process that holds the lock; None where it has not said so (yet), or where a lock forbids reading."""
    try:
        said = os.read(descriptor, 32).strip()
    except OSError:
        return None
    return int(said) if said.isdigit() else None


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
