"""One file to send: opened when its first byte is wanted, and only if it still is the file that was offered."""

import hashlib
import os
import stat
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class _Identity:
    """What makes it the same file."""

    device: int
    inode: int
    size: int
    modified_ns: int

    @classmethod
    def of(cls, facts: os.stat_result) -> "_Identity":
        return cls(facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns)


class Source:
    """One regular file. `read`, `digests` and `close` block: call them in a thread, one at a time."""

    def __init__(self, path: Path, name: str, identity: _Identity) -> None:
        self.name = name
        self._path = path
        self._identity = identity
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
        return cls(path, shown, _Identity.of(facts))

    @property
    def size(self) -> int:
        """Bytes."""
        return self._identity.size

    @property
    def modified_ms(self) -> int:
        """Milliseconds since 1970."""
        return self._identity.modified_ns // 1_000_000

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
        if len(content) < length or _Identity.of(now) != self._identity:
            raise SourceChanged(name=self.name)
        return bytes(content)

    def digests(self, offset: int, block_bytes: int) -> list[bytes]:
        """BLAKE2b-256 of each block of the first `offset` bytes. Raises `SourceChanged`, `SourceUnreadable`."""
        return [
            hashlib.blake2b(self.read(at, min(block_bytes, offset - at)), digest_size=32).digest()
            for at in range(0, offset, block_bytes)
        ]

    def close(self) -> None:
        """Let go of the file; it is opened again when more of it is wanted."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _open(self) -> int:
        if self._descriptor is not None:
            return self._descriptor
        try:
            descriptor = os.open(self._path, _FLAGS)
        except OSError as fault:
            raise SourceUnreadable(name=self.name, problem=fault.strerror or fault) from fault
        self._descriptor = descriptor
        if _Identity.of(os.fstat(descriptor)) != self._identity:
            self.close()
            raise SourceChanged(name=self.name)
        return descriptor
