"""Several files as one zip that is made while it is sent: stored as they are, so nothing is held and nothing waits."""

import time
import zipfile
from collections.abc import Iterator, Sequence
from typing import Final

from qrshared.shelf.errors import ShelfError
from qrshared.shelf.members import MemberNames
from qrshared.shelf.source import Kind, Source

READ_BYTES: Final = 256 * 1024

_ZIP64_FROM: Final = 2**31
"""A member of this size may need the larger fields; what they say stands before its bytes, so it is decided early."""


LEFT_OUT_NAME: Final = "NOT IN THIS ZIP.txt"
"""Where the zip says what is missing: a browser that downloads it has no other place to hear of it."""


class ZipOf:
    """The zip of these sources; `pieces` blocks: take each in a thread.

    What cannot be read, or changes on the way, is left out and named in `LEFT_OUT_NAME`; all else is whole. Some of its
    bytes may have gone out by then: they stay in the stream, and the list at the end of a zip, by which programs read
    it, does not know them.
    """

    def __init__(self, name: str, sources: Sequence[Source]) -> None:
        """`name`: what the folder is called; the zip's own name ends in `.zip`."""
        self.name = f"{name}.zip"
        self._folder = name
        self._sources = sources
        self.left_out: list[ShelfError] = []
        """Why something is missing; known once the last piece was taken."""
        self.bytes_whole = 0
        """Of the files that are in it."""

    def pieces(self) -> Iterator[bytes]:
        """All its bytes in order. Raises `ShelfError` if there is nothing at all to put into it."""
        out, names = _Out(), MemberNames()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as made:
            for source in self._sources:
                try:
                    yield from self._member(made, out, names, source)
                    self.bytes_whole += source.size
                except ShelfError as fault:
                    self.left_out.append(fault)
            if self.left_out:
                if not made.filelist:
                    raise self.left_out[0]
                self._say_what_is_missing(made, names)
        yield out.take()

    def _say_what_is_missing(self, made: zipfile.ZipFile, names: MemberNames) -> None:
        told = zipfile.ZipInfo(names.of(f"{self._folder}/{LEFT_OUT_NAME}"), _dos_time(_now_ms()))
        told.external_attr = 0o100644 << 16
        made.writestr(told, "".join(f"{fault.sentence}\r\n" for fault in self.left_out))

    def _member(self, made: zipfile.ZipFile, out: "_Out", names: MemberNames, source: Source) -> Iterator[bytes]:
        name = names.of(source.name)
        told = zipfile.ZipInfo(f"{name}/" if source.kind is Kind.FOLDER else name, _dos_time(source.modified_ms))
        if source.kind is not Kind.FOLDER:
            source.check()  # before anything of it is said
        told.external_attr = (0o40755 << 16 | 0x10) if source.kind is Kind.FOLDER else 0o100644 << 16
        try:
            with made.open(told, "w", force_zip64=source.size >= _ZIP64_FROM) as member:
                for at in range(0, source.size, READ_BYTES):
                    member.write(source.read(at, min(READ_BYTES, source.size - at)))
                    yield out.take()
        except ShelfError:
            made.NameToInfo.pop(made.filelist.pop().filename, None)
            raise
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


def _now_ms() -> int:
    return int(time.time() * 1000)


def _dos_time(milliseconds: int) -> tuple[int, int, int, int, int, int]:
    """What a zip can say: 1980 to 2107, in local time."""
    when = time.localtime(min(milliseconds // 1000, 2**32))
    if not 1980 <= when.tm_year <= 2107:
        return (1980, 1, 1, 0, 0, 0)
    return (when.tm_year, when.tm_mon, when.tm_mday, when.tm_hour, when.tm_min, when.tm_sec)
