"""Several files as one zip that is made while it is sent: stored as they are, so nothing is held and nothing waits."""

import time
import zipfile
from collections.abc import Iterator, Sequence
from typing import Final

from qrshared.shelf.source import Kind, Source

READ_BYTES: Final = 256 * 1024

_ZIP64_FROM: Final = 2**31
"""A member of this size may need the larger fields; what they say stands before its bytes, so it is decided early."""


class ZipOf:
    """The zip of these sources; `pieces` blocks: take each in a thread."""

    def __init__(self, name: str, sources: Sequence[Source]) -> None:
        """`name`: what the folder is called; the zip's own name ends in `.zip`."""
        self.name = f"{name}.zip"
        self._sources = sources

    def pieces(self) -> Iterator[bytes]:
        """All its bytes in order. Raises `SourceChanged`, `SourceUnreadable`: then it must not be taken for whole."""
        out = _Out()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as made:
            for source in self._sources:
                yield from self._member(made, out, source)
        yield out.take()

    def _member(self, made: zipfile.ZipFile, out: "_Out", source: Source) -> Iterator[bytes]:
        # Only "/" parts names here; a "\\" is a letter of a name, and some programs would unpack it as a folder.
        name = source.name.replace("\\", "_")
        told = zipfile.ZipInfo(f"{name}/" if source.kind is Kind.FOLDER else name, _dos_time(source.modified_ms))
        told.external_attr = (0o40755 << 16 | 0x10) if source.kind is Kind.FOLDER else 0o100644 << 16
        try:
            with made.open(told, "w", force_zip64=source.size >= _ZIP64_FROM) as member:
                for at in range(0, source.size, READ_BYTES):
                    member.write(source.read(at, min(READ_BYTES, source.size - at)))
                    yield out.take()
        finally:
            source.close()
        yield out.take()


class _Out:
    """What `zipfile` writes to: it cannot seek, so sizes and checks come after each member's bytes."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: bytes, /) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def close(self) -> None:
        """There is nothing to close."""

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        """What was written since this was asked last."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def _dos_time(milliseconds: int) -> tuple[int, int, int, int, int, int]:
    """What a zip can say: 1980 to 2107, in local time."""
    when = time.localtime(min(milliseconds // 1000, 2**32))
    if not 1980 <= when.tm_year <= 2107:
        return (1980, 1, 1, 0, 0, 0)
    return (when.tm_year, when.tm_mon, when.tm_mday, when.tm_hour, when.tm_min, when.tm_sec)
