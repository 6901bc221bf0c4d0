"""One part file: bytes appended and hashed, made safe, proven after a resume, finished or removed.

Everything here blocks and runs in threads. Only `sync` and `block_digest` may run beside one other call.
"""

import errno
import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from qrshared.errors import LocalError
from qrshared.inbox import disk, origin
from qrshared.inbox.descriptors import Descriptors
from qrshared.inbox.errors import DiskError
from qrshared.inbox.folder import Folder
from qrshared.inbox.item import ItemFacts, ItemKey
from qrshared.inbox.journal import Journal
from qrshared.inbox.records import PartGone, PartSafe

RECORD_ABOVE_BYTES = 1024**2
"""Only a larger part is journaled by itself, so that it can be resumed after a restart."""

ALLOCATE_ABOVE_BYTES = 8 * 1024**2
"""For a larger part the whole of its space is asked for at once: a full disk is noticed before bytes are sent."""

BLOCK_BYTES = 8 * 1024**2
"""A proof compares stored blocks of this size."""

CHECK_BYTES = 64 * 1024**2
"""After this many bytes a part looks again whether its folder and the room on the disk are still there."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A part that is whole, hashed and flushed: it only lacks its name."""

    part: str
    key: ItemKey
    facts: ItemFacts
    sha256: str
    device: int
    inode: int


class PartFile:
    """Outlives the sessions that write to it; its file is open only while somebody uses it."""

    def __init__(
        self,
        folder: Folder,
        name: str,
        key: ItemKey,
        facts: ItemFacts,
        journal: Journal,
        *,
        check: Callable[[bool], None],
        descriptors: Descriptors,
        stored: int = 0,
        sha256: str = "",
    ) -> None:
        """`stored` bytes are there from an earlier run, with this SHA-256.

        `check(room_too)` raises if writing should stop: the folder is gone, or the disk is down to its reserve.
        """
        self.folder: Final = folder
        self.name: Final = name
        self.key = key
        self.facts = facts
        self.offset = stored
        self.kept = stored
        """Bytes that were there when the present sender began: what its proof is about."""
        self.safe = stored
        self.is_spoilt = False
        """Its bytes on the disk cannot be trusted any more: it has to be removed."""
        self._journal = journal
        self._check = check
        self._hash = hashlib.sha256() if not stored else None
        self._claimed = (stored, sha256)
        self._seen = hashlib.sha256()  # of what was read back from the file, up to `_seen_to`
        self._seen_to = 0
        self._is_made = stored > 0
        self._is_allocated = False
        self._is_finished = False  # it may leave its name at any moment: whoever comes to sync it comes too late
        self._unchecked = 0
        self._hash_lock = threading.Lock()  # hash and offset change together
        self._file_lock = threading.Lock()  # the file descriptor and who uses it
        self._fd = -1
        self._descriptors = descriptors
        self._stays_open = False
        self._users = 0
        self._is_released = True
        self._begun = 0

    @property
    def is_recorded(self) -> bool:
        return self.facts.size > RECORD_ABOVE_BYTES

    @property
    def must_reread(self) -> bool:
        """Whether `reread` has to run before bytes can be appended: the hash's state died with an earlier run."""
        return self._hash is None

    @property
    def outstanding(self) -> int:
        """Bytes still to come for which the disk has made no promise."""
        return 0 if self._is_allocated or self._is_released else self.facts.size - self.offset

    @property
    def begun(self) -> int:
        """Counts the senders that began with this part; `release` wants to know whose end it is."""
        return self._begun

    def prepare(self) -> bool:
        """Makes (or opens again) the file and asks for its space; False if the stored bytes are not there any more."""
        with self._file_lock:
            self._is_released = self._is_finished = False
            self._begun += 1
        try:
            with self._opened() as fd:
                size = os.fstat(fd).st_size
                if size < self.offset:
                    return False
                if size > self.offset:
                    self._is_allocated = False
                    os.ftruncate(fd, self.offset)
                if self.facts.size - self.offset > ALLOCATE_ABOVE_BYTES and not self._is_allocated:
                    self._is_allocated = disk.allocate(fd, self.facts.size)
        except OSError as error:
            if self._is_made and error.errno in {errno.ENOENT, errno.ELOOP}:
                return False
            raise
        self.kept = self.offset
        return True

    def write(self, chunks: Sequence[bytes | memoryview]) -> int:
        """Appends; after an error the offset is as before and the same bytes may be written again."""
        count = sum(memoryview(chunk).nbytes for chunk in chunks)
        if self.offset + count > self.facts.size:
            raise LocalError(what="more bytes for an item than it has")
        self._unchecked += count
        if self._unchecked >= CHECK_BYTES:
            self._check(not self._is_allocated)
            self._unchecked = 0
        running = self._running_hash()
        with self._opened() as fd:
            os.lseek(fd, self.offset, os.SEEK_SET)
            disk.write_all(fd, chunks)
        with self._hash_lock:
            for chunk in chunks:
                running.update(chunk)
            self.offset += count
        return self.offset

    def sync(self) -> int:
        """Makes what is written now safe, while more is being written; returns the safe offset (0 for small parts)."""
        with self._hash_lock:
            offset, running = self.offset, self._hash.copy() if self._hash else None
        if running is None or not self.is_recorded or offset <= self.safe or self._is_finished:
            return self.safe
        with self._opened() as fd, self._spoiling():
            disk.flush_data(fd)
            if disk.CAN_READ_BESIDE:  # while it comes: at its end a big file should not have to wait for all of it
                self._see(disk.read_beside(fd, self._seen_to, offset))
        self._journal.note(PartSafe(self.name, offset, running.hexdigest(), self._journal.days_seen))
        self._journal.make_durable()
        self.safe = offset
        return offset

    def reread(self) -> None:
        """Reads the stored bytes to hash them; DiskError if they are not those that were journaled."""
        running = hashlib.sha256()
        with self._spoiling():
            for piece in self._read(0, self.offset):
                running.update(piece)
            if self._claimed[0] == self.offset and self._claimed[1] not in {"", running.hexdigest()}:
                raise DiskError(what="a half-received file had changed while qrshared was not running")
        self._hash = running
        self._seen, self._seen_to = running.copy(), self.offset

    def block_digest(self, index: int) -> bytes:
        """BLAKE2b-256 of a block as it was kept; the last one ends at `kept`."""
        start = index * BLOCK_BYTES
        if not 0 <= start < self.kept:
            raise LocalError(what="a proof of a block that was not kept")
        digest = hashlib.blake2b(digest_size=32)
        for piece in self._read(start, min(start + BLOCK_BYTES, self.kept)):
            digest.update(piece)
        return digest.digest()

    def rewind(self, offset: int) -> None:
        """Drops everything from `offset` on."""
        if not 0 <= offset <= self.offset:
            raise LocalError(what="a rewind to bytes that were never written")
        if self.is_recorded and self.safe > offset:
            # First the journal, then the file: the other way round a crash leaves a promise without its bytes.
            self._journal.note(PartSafe(self.name, 0, "", self._journal.days_seen))
            self._journal.make_durable()
            self.safe = 0
        with self._opened() as fd:
            os.ftruncate(fd, offset)
        if offset < self._seen_to:
            self._seen, self._seen_to = hashlib.sha256(), 0
        self._is_allocated = False
        self.offset = offset
        self.kept = min(self.kept, offset)
        self._claimed = (0, "")
        self._hash = None if offset else hashlib.sha256()

    def finish(self, mode: int, *, now_ms: int) -> Finished:
        """Gives the file its mode and time, flushes the whole of it and reads it back: what the receipt will say.

        An error is final for this part: a second flush would prove nothing.
        """
        if self.offset != self.facts.size:
            raise LocalError(what="a commit of an item that is not whole")
        digest = self._running_hash().hexdigest()
        with self._opened() as fd:
            with suppress(PermissionError, AttributeError):  # exFAT and FAT have no modes, Windows no fchmod
                os.fchmod(fd, mode)
            path = self.folder.path / self.name
            origin.mark_as_received(fd, path, now_ms=now_ms)
            origin.keep_time(fd, path, self.facts.mtime_ms, now_ms=now_ms)
            status = os.fstat(fd)
            with self._spoiling():
                if status.st_size != self.facts.size or not disk.is_plain_file(status):
                    raise DiskError(what="a file was changed by another program while it was received")
                disk.flush_file(fd)
                self._see(disk.read_range(fd, self._seen_to, self.facts.size))
                if self._seen.hexdigest() != digest:
                    raise DiskError(what="a file was not read back as it was written")
        self._is_finished = True
        return Finished(self.name, self.key, self.facts, digest, status.st_dev, status.st_ino)

    def _see(self, pieces: Iterator[bytes]) -> None:
        try:
            for piece in pieces:
                self._seen.update(piece)
                self._seen_to += len(piece)
        except EOFError:
            raise DiskError(what="a received file has become shorter") from None

    def release(self, begun: int) -> None:
        """Closes the file once nobody uses it and gives back space that was promised; not if another sender began."""
        with self._file_lock:
            if begun != self._begun:
                return
            if self._is_allocated and not self._users:
                self._is_allocated = False
                with suppress(OSError):
                    self._cut_to_offset()
            self._is_released = True
            self._close_if_unused()

    def remove(self) -> None:
        """Forgets this part for good."""
        self.release(self._begun)
        self.folder.remove(self.name)
        if self.is_recorded:
            self._journal.note(PartGone(self.name))

    @contextmanager
    def _spoiling(self) -> Iterator[None]:
        try:
            yield
        except (OSError, DiskError):
            self.is_spoilt = True
            raise

    @contextmanager
    def _opened(self) -> Iterator[int]:
        with self._file_lock:
            if self._fd < 0:
                self._fd = self.folder.open_file(self.name) if self._is_made else self.folder.create(self.name)
                self._is_made = True
                self._stays_open = self._descriptors.take()
            self._users += 1
        try:
            yield self._fd
        finally:
            with self._file_lock:
                self._users -= 1
                self._close_if_unused()

    def _close_if_unused(self) -> None:
        if self._users or self._fd < 0 or not (self._is_released or not self._stays_open):
            return
        try:
            if not self._is_released:
                # A descriptor opened later need not hear of an error of this one's writes.
                with self._spoiling():
                    disk.flush_data(self._fd)
        finally:
            os.close(self._fd)
            self._fd = -1
            if self._stays_open:
                self._stays_open = False
                self._descriptors.give_back()

    def _cut_to_offset(self) -> None:
        """Gives back the space beyond the offset."""
        fd = self._fd if self._fd >= 0 else self.folder.open_file(self.name)
        try:
            os.ftruncate(fd, self.offset)
        finally:
            if fd != self._fd:
                os.close(fd)

    def _read(self, start: int, end: int) -> Iterator[bytes]:
        """Reads through a descriptor of its own: the other one's position belongs to `write`."""
        if start == end:
            return
        fd = self.folder.open_file(self.name, flags=os.O_RDONLY)
        try:
            yield from disk.read_range(fd, start, end)
        except EOFError:
            raise DiskError(what="a half-received file has become shorter") from None
        finally:
            os.close(fd)

    def _running_hash(self) -> "hashlib._Hash":
        if self._hash is None:
            raise LocalError(what="a part was used before it was read again")
        return self._hash
