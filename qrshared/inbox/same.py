"""What is in the inbox already, with the same name, size and content: read back, remembered until it changes."""

import hashlib
import json
import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from qrshared.inbox import disk
from qrshared.inbox.errors import InboxError
from qrshared.inbox.folder import Folder, walk
from qrshared.inbox.item import Placed
from qrshared.inbox.names import clean_path

log = logging.getLogger(__name__)

SAME_BYTES_MAX: Final = 64 * 1024 * 1024
"""A larger file is not read back for this: moving it tells as much, and holds up nobody else meanwhile."""

REMEMBERED_MAX: Final = 20_000
"""Files whose hash is remembered, the longest unused forgotten first; about 3 MiB on the disk."""

LOOK_BYTES: Final = 32 * 1024 * 1024
"""So much is read back in one turn: two devices that ask take turns."""

LOOK_NAMES: Final = 256

SETTLED_S: Final = 2.0
"""A file that changed a moment ago may change again within one tick of the file system's clock."""

Mark: TypeAlias = tuple[int, int, int, int, int]
"""Device, inode, size, and both times of change; the inner time is nobody's to set."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a sender says that it has; `name` as proposed, `sha256` in hex."""

    name: str
    size: int
    sha256: str


class SameFiles:
    """Remembers hashes in a file of the data folder, mode 0600. Any thread may call."""

    def __init__(self, path: Path, *, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._now = now
        self._lock = threading.Lock()
        self._known: OrderedDict[Mark, str] | None = None
        self._is_changed = False

    def find(self, top: Folder, wanted: Sequence[Wanted]) -> list[Placed | None]:
        """For the first few of these, as many as one turn looks at: where it is in the inbox, or None. Never empty."""
        found: list[Placed | None] = []
        budget = LOOK_BYTES
        for one in wanted[:LOOK_NAMES]:
            if budget <= 0:
                break
            placed, read = None, 0
            with suppress(OSError, EOFError, InboxError):  # then it moves, as everything that is not there
                placed, read = self._look(top, one)
            found.append(placed)
            budget -= read
        return found

    def save(self) -> None:
        """Bring to the disk what is remembered; if that fails it is only read back again one day."""
        with self._lock:
            if not self._is_changed or self._known is None:
                return
            text = b"".join(json.dumps([*mark, sha256]).encode() + b"\n" for mark, sha256 in self._known.items())
            self._is_changed = False
        try:
            beside = self._path.with_suffix(".new")
            beside.unlink(missing_ok=True)
            fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | disk.OPEN_SAFELY, 0o600)
            try:
                disk.write_all(fd, [text])
            finally:
                os.close(fd)
            beside.replace(self._path)
        except OSError as error:
            log.warning("hashes of the inbox could not be remembered: %s", error.strerror)

    def _look(self, top: Folder, wanted: Wanted) -> tuple[Placed | None, int]:
        """Where it is, and how many bytes were read to know that."""
        if not 0 <= wanted.size <= SAME_BYTES_MAX:
            return None, 0
        path = clean_path(wanted.name)
        parent = walk(top, path.folders) if path.folders else top
        if parent is None:
            return None, 0
        try:
            status = parent.status(path.name)
            if status is None or status.st_size != wanted.size:
                return None, 0
            sha256, read = self._hash(parent, path.name)
        finally:
            if parent is not top:
                parent.close()
        if sha256 != wanted.sha256:
            return None, read
        return Placed("/".join((*path.folders, path.name)), wanted.size, sha256), read

    def _hash(self, parent: Folder, name: str) -> tuple[str | None, int]:
        fd = parent.open_file(name, flags=os.O_RDONLY)
        try:
            before = _mark(os.fstat(fd))
            known = self._recall(before)
            if known is not None:
                return known, 0
            digest = hashlib.sha256()
            size = before[2]
            for piece in disk.read_range(fd, 0, size):
                digest.update(piece)
            # The answer is a receipt: a file that somebody copied here a moment ago must survive a power cut as well.
            disk.flush_file(fd)
            parent.flush()
            status = os.fstat(fd)
        finally:
            os.close(fd)
        if _mark(status) != before:
            return None, size  # somebody is at it
        if self._now() - status.st_ctime > SETTLED_S:
            self._remember(before, digest.hexdigest())
        return digest.hexdigest(), size

    def _recall(self, mark: Mark) -> str | None:
        with self._lock:
            known = self._all()
            if mark in known:
                known.move_to_end(mark)
            return known.get(mark)

    def _remember(self, mark: Mark, sha256: str) -> None:
        with self._lock:
            known = self._all()
            known[mark] = sha256
            if len(known) > REMEMBERED_MAX:
                known.popitem(last=False)
            self._is_changed = True

    def _all(self) -> OrderedDict[Mark, str]:
        if self._known is None:
            self._known = OrderedDict()
            with suppress(OSError):
                for line in self._path.read_bytes().splitlines()[-REMEMBERED_MAX:]:
                    entry = _entry(line)
                    if entry is not None:
                        self._known[entry[0]] = entry[1]
        return self._known


def _mark(status: os.stat_result) -> Mark:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _entry(line: bytes) -> tuple[Mark, str] | None:
    try:
        fields: object = json.loads(line)
    except (ValueError, RecursionError):
        return None
    match fields:
        case [int(dev), int(inode), int(size), int(modified), int(changed), str(sha256)] if len(sha256) == 64:
            return (dev, inode, size, modified, changed), sha256
        case _:
            return None
