"""The inbox folder itself: resolved, held, locked, and noticed when it is deleted, moved or replaced."""

import errno
import json
import os
from contextlib import suppress
from pathlib import Path

from qrshared.inbox import disk
from qrshared.inbox.errors import (
    READ_ONLY,
    InboxGone,
    InboxInOutbox,
    InboxInUse,
    InboxNoFolder,
    InboxNoParent,
    InboxUnwritable,
    LockInTheWay,
    from_os_error,
)
from qrshared.inbox.folder import Folder
from qrshared.inbox.names import OWN_PREFIX, RESERVED_AT_TOP, folded

LOCK_NAME = OWN_PREFIX + "lock"

_NOT_A_FILE = frozenset({errno.ELOOP, errno.EISDIR, errno.ENXIO})
"""How `open` says that something else bears the name: a link, a folder, a socket."""


class InboxHome:
    """Holds the inbox folder and the lock in it; one daemon an inbox, whatever its data folder."""

    def __init__(self, folder: Path, *, holder: str = "") -> None:
        """Opens (and makes, one level deep) the folder. A symlink is resolved now, once, and never again."""
        self.path = Path(os.path.realpath(folder.expanduser()))
        if _lies_in_an_outbox(self.path):
            raise InboxInOutbox(folder=self.path)
        self._holder = holder
        self._lock_fd = -1
        self._parent: tuple[int, int] | None = None
        self.folder = self._open()

    def close(self) -> None:
        self._unlock()
        self.folder.close()

    def leads_to(self, folder: Folder) -> bool:
        """Whether the inbox's path still leads to this very folder."""
        try:
            status = os.lstat(self.path)
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == folder.identity

    def reopen(self) -> Folder:
        """Finds the inbox again at its path, making it anew only inside the very parent folder it had.

        Returns the folder held until now, for the caller to close once nothing uses it. The parent's identity is
        compared, so that an unplugged disk's empty mount point never becomes the inbox.
        """
        before = self.folder
        self._unlock()
        self.folder = self._open()
        return before

    def announce(self, holder: str) -> None:
        """Writes into the lock who holds it, for a second daemon to say."""
        self._holder = holder
        line = json.dumps({"pid": os.getpid(), "at": holder}).encode()
        with suppress(OSError):  # a courtesy to the second daemon; the lock itself is the kernel's
            os.lseek(self._lock_fd, 0, os.SEEK_SET)
            os.write(self._lock_fd, line.ljust(511) + b"\n")

    def _open(self) -> Folder:
        try:
            parent = self.path.parent.stat()
            identity = (parent.st_dev, parent.st_ino)
            if self._parent is not None and identity != self._parent:
                raise InboxGone(folder=self.path)
            with suppress(FileExistsError):
                self.path.mkdir()
            folder = Folder.open(self.path)
        except OSError as error:
            if error.errno in READ_ONLY:
                raise InboxUnwritable(folder=self.path) from error
            if self._parent is None and self.path.is_file():
                raise InboxNoFolder(folder=self.path) from error
            if self._parent is None and not self.path.parent.is_dir():
                raise InboxNoParent(parent=self.path.parent) from error
            raise InboxGone(folder=self.path) from error
        try:
            self._lock(folder)
        except BaseException:
            folder.close()
            raise
        self._parent = identity
        return folder

    def _lock(self, folder: Folder) -> None:
        flags = os.O_RDWR | os.O_CREAT | disk.OPEN_SAFELY
        try:
            fd = os.open(folder.at(LOCK_NAME), flags, 0o600, dir_fd=folder.fd)
        except OSError as error:
            if error.errno in _NOT_A_FILE:
                raise LockInTheWay(path=self.path / LOCK_NAME) from error
            raise from_os_error(error, folder=str(self.path)) from error
        if not disk.is_plain_file(os.fstat(fd)):
            # A hard link planted under our name may be any file of this user, and `announce` writes into it.
            os.close(fd)
            raise LockInTheWay(path=self.path / LOCK_NAME)
        if not disk.lock(fd):
            holder = _read_holder(fd)
            os.close(fd)
            raise InboxInUse(folder=self.path, holder=holder)
        self._lock_fd = fd
        self.announce(self._holder)

    def _unlock(self) -> None:
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1


def _lies_in_an_outbox(path: Path) -> bool:
    """A folder of that name is one where an inbox is, or was: its lock lies beside it."""
    on_the_way = [path, *path.parents]
    return any(folded(one.name) in RESERVED_AT_TOP and (one.parent / LOCK_NAME).exists() for one in on_the_way)


def _read_holder(fd: int) -> str:
    try:
        said = json.loads(os.read(fd, 4096))
        return " ".join(filter(None, [f"process {int(said['pid'])}", str(said["at"])]))
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
