"""What can go wrong with the inbox, one class per thing a caller treats differently."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from qrshared.errors import QrsharedError, UserError


class InboxError(QrsharedError):
    """The inbox could not do that."""

    reason: ClassVar[str] = "disk_error"
    """What travels to the peer; the protocol's `Reason` has a member of the same value."""


class NoSpace(InboxError):
    """There is not enough room on this computer's disk. Free some space there, then send again."""

    reason = "no_space"

    def __init__(self, *, needed: int, free: int) -> None:
        super().__init__(needed=needed, free=free)
        self.needed = needed
        self.free = free


class InboxUnwritable(InboxError):
    """Files cannot be written to {folder}. Check that this user may write there and that the disk is not read-only."""

    reason = "inbox_unwritable"


class InboxGone(InboxError):
    """The inbox folder {folder} is not there any more. Put it back (or plug its disk in), or choose another one."""

    reason = "inbox_gone"


class InboxNoFolder(InboxError, UserError):
    """{folder} is a file, and the inbox must be a folder. Choose another --inbox, or move that file away."""

    reason = "inbox_unwritable"


class InboxNoParent(InboxError, UserError):
    """There is no folder {parent}. Make it first (or plug its disk in), or choose another inbox."""

    reason = "inbox_gone"


class InboxInOutbox(InboxError, UserError):
    """{folder} is an Outbox or lies in one: what is there waits for phones, so nothing can be received there.
    Choose another inbox.
    """

    reason = "inbox_unwritable"


class InboxInUse(InboxError, UserError):
    """Another qrshared already receives into {folder}: {holder}. Use that one, or choose another --inbox."""

    reason = "busy"


class LockInTheWay(InboxError, UserError):
    """{path} is in the way: it should be a plain file of qrshared's own. Look who put it there, and move it away."""

    reason = "inbox_unwritable"


class NameRefused(InboxError):
    """That name cannot be used in the inbox. Rename it, then try again."""

    reason = "name_refused"


class EntryMissing(InboxError):
    """There is nothing called {name} in the inbox (any more)."""

    reason = "not_found"


class PartTakenOver(InboxError):
    """This file is being received over another connection now."""

    reason = "busy"


class DiskError(InboxError):
    """The disk did not do what was asked ({what}). Nothing was lost that had been confirmed; check the disk."""

    reason = "disk_error"


FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
READ_ONLY = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
MISSING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ESTALE, errno.ENODEV})


def from_os_error(error: OSError, *, folder: str, needed: int = 0, free: int = 0) -> InboxError:
    """The inbox's own error for one of the operating system's."""
    if error.errno in FULL:
        return NoSpace(needed=needed, free=free)
    if error.errno in READ_ONLY:
        return InboxUnwritable(folder=folder)
    if error.errno in MISSING:
        return InboxGone(folder=folder)
    return DiskError(what=error.strerror or str(error))


@contextmanager
def disk_errors(folder: str, *, needed: int = 0, free: int = 0) -> Iterator[None]:
    """Translates at the border: below it OSError, above it only the inbox's errors."""
    try:
        yield
    except OSError as error:
        raise from_os_error(error, folder=folder, needed=needed, free=free) from error
