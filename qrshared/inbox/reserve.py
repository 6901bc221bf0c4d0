"""How much room the disk has for files, less a reserve that this program never uses."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from qrshared.inbox.folder import Folder

RESERVE_BYTES = 10**9
RESERVE_SHARE = 0.05
"""The reserve is the smaller of the two: 1 GB, or 5 % of a small disk."""

JOURNAL_RESERVE_BYTES = 256 * 1024**2
"""Of the journal's own disk, or as much of a small one: room for the longest journal and the one in its place."""


@dataclass(frozen=True, slots=True)
class Room:
    """Free bytes of the inbox's disk that nobody was promised yet, and how many of them stay untouched."""

    free: int
    reserve: int

    def fits(self, size: int) -> bool:
        return size <= self.free - self.reserve


def room_of(folder: Folder, *, reserve_bytes: int | None, promised: int = 0) -> Room:
    """Asks the disk; `promised` bytes are expected by others and not written yet."""
    usage = shutil.disk_usage(folder.path if folder.fd is None else folder.fd)
    reserve = min(RESERVE_BYTES, int(usage.total * RESERVE_SHARE)) if reserve_bytes is None else reserve_bytes
    return Room(free=max(0, usage.free - promised), reserve=reserve)


def has_room_for_notes(journal: Path, *, reserve: int) -> bool:
    """Whether the disk with the journal can take more of it; `reserve` is what the inbox's disk keeps free."""
    usage = shutil.disk_usage(journal.parent)
    return usage.free >= min(reserve, JOURNAL_RESERVE_BYTES, int(usage.total * RESERVE_SHARE))
