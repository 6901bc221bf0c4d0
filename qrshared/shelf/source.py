"""One file to send: opened when its first byte is wanted, and only if it still is the file that was offered."""

import hashlib
import os
import stat
import threading
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Self

from qrshared.shelf.errors import SourceChanged, SourceUnreadable

_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a named pipe must not hold us until somebody writes
    | getattr(os, "O_BINARY", 0)
)

_LETTING_GO: Final = threading.Lock()
"""Held for a moment: a reading thread and the loop may both be done with a file, and it must be closed once."""


class Kind(StrEnum):
    """What a source, or a thing on the shelf, is; the values are the wire's."""

    FILE = "file"
    FOLDER = "folder"
    TEXT = "text"  # small, and shown as words


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes it the same file."""

    device: int
    inode: int
    size: int
    modified_ns: int

    @classmethod
    def of(cls, facts: os.stat_result) -> Self:
        """Of what `stat` said."""
        return cls(facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns)


class Source:
    """One regular file, or an empty folder of a tree. `read`, `digests` and `close` block: one thread at a time."""

    def __init__(self, path: Path, name: str, identity: Identity, kind: Kind = Kind.FILE) -> None:
        """Bound to a file as it was seen before; whether it still is that file shows when it is read."""
        self.name = name
        self.kind = kind
        self._path = path
        self._identity = identity
        self._changed_ns: int | None = None
        """When the system last saw it changed, as of its first opening. Nobody can set that time back, as programs do
        with the other one that rewrite a file in place. No part of `Identity`: also a new name changes it."""
        self._descriptor: int | None = None

    @classmethod
    def of(cls, path: Path, name: str | None = None) -> Self:
        """The file at this path as it is now; `name` is what the receiver calls it. Raises `SourceUnreadable`."""
        shown = name or path.name
        try:
            facts = path.lstat()
        except OSError as fault:
            raise SourceUnreadable(name=shown, problem=fault.strerror or fault) from fault
        if not stat.S_ISREG(facts.st_mode):
            raise SourceUnreadable(name=shown, problem="it is no file")
        return cls(path, shown, Identity.of(facts))

    @property
    def size(self) -> int:
        """Bytes; none for a folder, whatever the system says of it."""
        return 0 if self.kind is Kind.FOLDER else self._identity.size

    @property
    def modified_ms(self) -> int:
        """Milliseconds since 1970; a file may claim to be older, which no message can say."""
        return max(0, self._identity.modified_ns // 1_000_000)

    @property
    def tag(self) -> str:
        """32 hex digits that differ whenever the file does."""
        facts = self._identity
        told = f"{facts.device} {facts.inode} {facts.size} {facts.modified_ns}"
        return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()

    def check(self) -> None:
        """Open it, if it still is the file that was offered. Raises `SourceChanged`, `SourceUnreadable`."""
        self._open()

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes. Raises `SourceChanged`, `SourceUnreadable`."""
        descriptor = self._open()
        content = bytearray()
        try:
            while len(content) < length:
                part = os.pread(descriptor, length - len(content), offset + len(content))
                if not part:
                    break
                content += part
            now = os.fstat(descriptor)
        except OSError as fault:
            raise SourceUnreadable(name=self.name, problem=fault.strerror or fault) from fault
        if len(content) < length or not self._is(now):
            raise SourceChanged(name=self.name)
        if offset + length >= self.size:
            # Its receipt may take a while: thousands of small files under way must not hold a descriptor each.
            self.close()
        return bytes(content)

    def digests(self, offset: int, block_bytes: int) -> list[bytes]:
        """BLAKE2b-256 of each block of the first `offset` bytes. Raises `SourceChanged`, `SourceUnreadable`."""
        return [
            hashlib.blake2b(self.read(at, min(block_bytes, offset - at)), digest_size=32).digest()
            for at in range(0, offset, block_bytes)
        ]

    def close(self) -> None:
        """Let go of the file; it is opened again when more of it is wanted."""
        with _LETTING_GO:
            descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _open(self) -> int:
        if self._descriptor is not None:
            return self._descriptor
        if self.kind is Kind.FOLDER:
            raise SourceUnreadable(name=self.name, problem="it is a folder")
        try:
            descriptor = os.open(self._path, _FLAGS)
        except OSError as fault:
            raise SourceUnreadable(name=self.name, problem=fault.strerror or fault) from fault
        self._descriptor = descriptor
        facts = os.fstat(descriptor)
        if self._changed_ns is None:
            self._changed_ns = facts.st_ctime_ns
        if not self._is(facts):
            self.close()
            raise SourceChanged(name=self.name)
        return descriptor

    def _is(self, facts: os.stat_result) -> bool:
        return Identity.of(facts) == self._identity and facts.st_ctime_ns == self._changed_ns
