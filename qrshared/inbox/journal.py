"""The journal on disk: appended, flushed once for many, read again at start, rewritten when it has grown."""

import hashlib
import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from qrshared.inbox import disk
from qrshared.inbox.errors import DiskError, InboxError, disk_errors
from qrshared.inbox.ledger import Ledger
from qrshared.inbox.records import BadLine, Record, decode, encode

log = logging.getLogger(__name__)

REWRITE_BYTES = 8 * 1024 * 1024
"""A journal below this is left alone while the daemon runs; it is always rewritten at start."""

REWRITE_GROWTH = 2
"""A longer one is rewritten once it is so many times as long as it was: the next start reads all of it."""


class Journal:
    """Facts about one inbox that survive a crash. Every method may be called from any thread.

    `note` makes a fact known here at once; only `make_durable` brings it to the disk, together with all before it.
    """

    def __init__(self, data_dir: Path, inbox: Path) -> None:
        """Reads what is there and writes it anew, shortened.

        One journal an inbox: names and inodes of another folder would mislead us.
        """
        name = hashlib.sha256(os.fsencode(inbox)).hexdigest()[:12]
        self.path = data_dir / f"inbox-{name}.journal"
        self.damaged_lines = 0
        self._ledger = Ledger()
        self._file_lock = threading.Lock()  # the file and the order of records
        self._ledger_lock = threading.Lock()  # never held while a disk is waited for
        self._flush_lock = threading.Lock()
        self._noted = 0
        self._durable = 0
        self._bytes = 0
        self._bytes_at_rewrite = 0
        self._fd = -1
        with disk_errors(str(data_dir)):
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._read()
        self.rewrite()

    @contextmanager
    def reading(self) -> Iterator[Ledger]:
        """The ledger, still while it is looked at; keep it short."""
        with self._ledger_lock:
            yield self._ledger

    def note(self, *records: Record) -> None:
        """Appends records. After an error none of them is known and the file is as before."""
        lines = b"".join(map(encode, records))
        with self._file_lock:
            with disk_errors(str(self.path.parent), needed=len(lines)):
                self._append(lines)
            self._noted += 1
            with self._ledger_lock:
                for record in records:
                    self._ledger.apply(record)
        self.rewrite_if_grown()

    def note_if_possible(self, *records: Record) -> None:
        """As `note`, where what was noted before lets a later process find out the same: a full disk is no error."""
        try:
            self.note(*records)
        except InboxError as error:
            log.warning("the journal cannot be written for now: %s", error.sentence)
            with self._ledger_lock:
                for record in records:
                    self._ledger.apply(record)

    @property
    def days_seen(self) -> int:
        """How many days the daemon has been alive on; what the age of parts and receipts is counted in."""
        with self._ledger_lock:
            return self._ledger.days_seen

    def make_durable(self) -> None:
        """Returns once everything noted before this call survives a power cut; callers in flight share one flush."""
        wanted = self._noted
        with self._flush_lock:
            if self._durable >= wanted:
                return
            reached = self._noted
            try:
                disk.flush_data(self._fd)
            except OSError as error:
                # The kernel may have dropped the pages, so another flush of this file would prove nothing.
                log.warning("the journal could not be flushed (%s): writing it anew", error.strerror)
                self._rewrite()
            self._durable = max(reached, self._durable)

    def rewrite(self) -> None:
        """Writes the shortest journal that says the same, and puts it in the place of this one."""
        with self._flush_lock:
            self._rewrite()

    def rewrite_if_grown(self) -> None:
        """For a daemon that runs for months. A failure is none of the caller's: what was noted stays noted."""
        if self._bytes <= max(REWRITE_BYTES, REWRITE_GROWTH * self._bytes_at_rewrite):
            return
        with self._flush_lock:
            if self._bytes <= max(REWRITE_BYTES, REWRITE_GROWTH * self._bytes_at_rewrite):
                return  # another thread came first
            try:
                self._rewrite()
            except InboxError as error:
                log.warning("the journal could not be shortened for now: %s", error)
                self._bytes_at_rewrite = self._bytes  # tried again when it has grown as much once more

    def close(self) -> None:
        """Flushes what is left; what was promised as durable is so already."""
        if self._fd < 0:
            return
        with suppress(InboxError):
            self.make_durable()
        with self._flush_lock, self._file_lock:
            self._close_file()

    def _append(self, lines: bytes) -> None:
        if self._fd < 0:
            raise DiskError(what="the journal is closed")
        try:
            disk.write_all(self._fd, [lines])
        except OSError:
            # Half a line would swallow the next whole one.
            os.ftruncate(self._fd, self._bytes)
            raise
        self._bytes += len(lines)

    def _read(self) -> None:
        with suppress(FileNotFoundError), self.path.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break  # a torn tail
                try:
                    self._ledger.apply(decode(line[:-1]))
                except BadLine:
                    self.damaged_lines += 1
        if self.damaged_lines:
            log.warning("the inbox's journal has %d damaged lines; they are ignored", self.damaged_lines)

    def _rewrite(self) -> None:
        with self._file_lock, disk_errors(str(self.path.parent)):
            with self._ledger_lock:
                records = list(self._ledger.records())
            text = b"".join(map(encode, records))
            fresh = self.path.with_suffix(".new")
            fresh.unlink(missing_ok=True)
            fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | disk.OPEN_SAFELY, 0o600)
            try:
                try:
                    disk.write_all(fd, [text])
                    disk.flush_file(fd)
                finally:
                    os.close(fd)
            except OSError:
                fresh.unlink(missing_ok=True)  # half of it would only make a full disk fuller
                raise
            if sys.platform == "win32":
                self._close_file()  # Windows renames nothing over an open file
            fresh.replace(self.path)
            self._close_file()
            self._fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | disk.OPEN_SAFELY)
            self._bytes = self._bytes_at_rewrite = len(text)
            _flush_folder(self.path.parent)
            self._durable = self._noted

    def _close_file(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _flush_folder(path: Path) -> None:
    if os.open not in os.supports_dir_fd:
        disk.flush_folder(None)
        return
    fd = os.open(path, os.O_RDONLY | disk.OPEN_SAFELY)
    try:
        disk.flush_folder(fd)
    finally:
        os.close(fd)
