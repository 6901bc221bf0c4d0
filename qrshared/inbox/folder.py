"""A folder held open: everything in the inbox is reached relative to it, one cleaned component at a time.

Where the system has no `dir_fd` (Windows) names are joined to the folder's path instead; checked by syntax only.
"""

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from qrshared.inbox import disk

_HOLDS_FOLDERS = os.open in os.supports_dir_fd
_OPEN_FOLDER = getattr(os, "O_DIRECTORY", 0) | disk.OPEN_SAFELY
_NOT_A_FOLDER = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
_NEVER_WAIT = getattr(os, "O_NONBLOCK", 0)  # a planted FIFO must not hold the thread that opens it


class Folder:
    """One folder, opened without following a symlink."""

    def __init__(self, path: Path, fd: int | None, status: os.stat_result) -> None:
        self.path = path
        self.fd = fd
        self.device = status.st_dev
        self.identity = (status.st_dev, status.st_ino)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Opens `path` itself; raises NotADirectoryError or an ELOOP for anything else than a folder."""
        if not _HOLDS_FOLDERS:
            status = os.lstat(path)
            if not stat.S_ISDIR(status.st_mode):
                raise NotADirectoryError(path)
            return cls(path, None, status)
        fd = os.open(path, os.O_RDONLY | _OPEN_FOLDER)
        return cls(path, fd, os.fstat(fd))

    def close(self) -> None:
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None

    def at(self, name: str) -> str:
        """What to hand to a call beside `dir_fd=self.fd`."""
        return name if _HOLDS_FOLDERS else str(self.path / name)

    # --- folders inside -------------------------------------------------------------------------------------------

    def enter(self, name: str) -> "Folder | None":
        """The real folder of that name on the same file system, or None: links and mounts are never walked through."""
        if not _HOLDS_FOLDERS:
            status = self.status(name)
            if status is None or not stat.S_ISDIR(status.st_mode):
                return None
            return Folder(self.path / name, None, status)
        try:
            fd = os.open(name, os.O_RDONLY | _OPEN_FOLDER, dir_fd=self.fd)
        except OSError as error:
            if error.errno in _NOT_A_FOLDER:
                return None
            raise
        inside = Folder(self.path / name, fd, os.fstat(fd))
        if inside.device != self.device:
            inside.close()
            return None
        return inside

    def make(self, name: str) -> bool:
        """Makes a folder; False if something of that name was there already."""
        try:
            os.mkdir(self.at(name), dir_fd=self.fd)
        except FileExistsError:
            return False
        return True

    # --- files inside ---------------------------------------------------------------------------------------------

    def create(self, name: str, mode: int = 0o600) -> int:
        """A new file, open for reading and writing; FileExistsError for any name in use, a dangling symlink too."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | disk.OPEN_SAFELY
        return os.open(self.at(name), flags, mode, dir_fd=self.fd)

    def open_file(self, name: str, *, flags: int = os.O_RDWR) -> int:
        """An existing plain file; raises OSError for a symlink, a FIFO, a device, a folder, a file with two names."""
        fd = os.open(self.at(name), flags | disk.OPEN_SAFELY | _NEVER_WAIT, dir_fd=self.fd)
        if not disk.is_plain_file(os.fstat(fd)):
            os.close(fd)
            raise FileNotFoundError(name)
        return fd

    def status(self, name: str) -> os.stat_result | None:
        """`lstat`, or None if nothing is there."""
        try:
            return os.stat(self.at(name), dir_fd=self.fd, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def remove(self, name: str) -> None:
        """Removes one of our own files; a missing one is fine."""
        try:
            os.unlink(self.at(name), dir_fd=self.fd)
        except FileNotFoundError:
            pass

    def names(self) -> list[str]:
        if self.fd is None:
            return os.listdir(self.path)  # noqa: PTH208 -- names, not paths
        # Opened anew: copies of one descriptor share their place in the folder, and of two threads that list it at the
        # same time one would see a part of it, or nothing.
        fd = os.open(".", os.O_RDONLY | _OPEN_FOLDER, dir_fd=self.fd)
        try:
            return os.listdir(fd)  # noqa: PTH208 -- Path cannot list a descriptor
        finally:
            os.close(fd)

    def flush(self) -> None:
        """Brings the names in here to the disk."""
        disk.flush_folder(self.fd)


def walk(top: Folder, names: Iterable[str]) -> Folder | None:
    """The folder below `top`, to be closed by the caller; None if it is not all there, or `names` is empty."""
    here: Folder | None = None
    for name in names:
        inside = (here or top).enter(name)
        if here is not None:
            here.close()
        if inside is None:
            return None
        here = inside
    return here
