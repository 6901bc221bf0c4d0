"""A folder with all that is in it, as the sources of one transfer: links are not followed, hidden things not sent."""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from qrshared.shelf.errors import SourceUnreadable, TreeTooLarge
from qrshared.shelf.source import Identity, Kind, Source

ENTRIES_MAX: Final = 100_000
"""Files and empty folders of one tree: as many items as a transfer may have."""

DEPTH_MAX: Final = 64
"""Folders inside each other; each one on the way is held open, and few systems take a path as deep as that."""

UNFINISHED: Final = (".part", ".partial", ".crdownload", ".filepart", ".opdownload")
"""What browsers and copying programs call a file that they have not finished."""

_OPEN_FOLDER: Final = (
    os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_DIRECTORY", 0)
)
_BY_DESCRIPTOR: Final = os.open in os.supports_dir_fd and os.scandir in os.supports_fd


@dataclass(frozen=True, slots=True)
class Tree:
    """What was found: every file and every empty folder, under names that begin with the folder's own."""

    sources: tuple[Source, ...]
    count: int
    """Files."""
    size: int
    """Bytes of all of them."""
    signature: str
    """Another word whenever something in it was changed, as far as sizes and times tell."""


def is_sent(name: str) -> bool:
    """Whether a file or folder of this name is meant to be sent: not hidden, not half written."""
    return not name.startswith((".", "~$")) and not name.casefold().endswith(UNFINISHED)


def unfinished_in(names: Iterable[str]) -> tuple[str, ...]:
    """Those of these names under which somebody is still writing."""
    return tuple(name for name in names if name.casefold().endswith(UNFINISHED))


def is_placeholder(name: str, size: int, unfinished: Iterable[str]) -> bool:
    """Whether it only keeps a name free: Firefox puts an empty `film.mp4` beside the growing `film.Xy3kQw1z.mp4.part`.

    `unfinished`: as `unfinished_in` gives them for the same folder.
    """
    return size == 0 and any(other.startswith(name.partition(".")[0] + ".") for other in unfinished)


def said(name: str) -> str:
    """A name as a message can carry it: on Linux it need not be text."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def walk(path: Path, name: str, identity: tuple[int, int]) -> Tree:
    """Look through the folder at `path` if it still is that very folder (device, inode).

    Blocks: call it in a thread. Raises `SourceUnreadable`, `TreeTooLarge`.
    """
    sources: list[Source] = []
    try:
        for source in _Walk(name, identity).sources(path, name):
            sources.append(source)
            if len(sources) > ENTRIES_MAX:
                raise TreeTooLarge(name=name, count=ENTRIES_MAX)
    except OSError as fault:
        raise SourceUnreadable(name=name, problem=fault.strerror or fault) from fault
    files = [one for one in sources if one.kind is not Kind.FOLDER]
    signature = hashlib.blake2b(repr([(one.name, one.tag) for one in sources]).encode(), digest_size=16).hexdigest()
    return Tree(tuple(sources), len(files), sum(one.size for one in files), signature)


@dataclass(frozen=True, slots=True)
class _Walk:
    name: str
    identity: tuple[int, int]

    def sources(self, path: Path, shown: str, depth: int = 0, above: int | None = None) -> Iterator[Source]:
        """Files and empty folders, in the order of their names. Held open on the way down, a folder cannot be swapped
        for a link to somewhere else between looking at it and looking into it."""
        if depth > DEPTH_MAX:
            raise TreeTooLarge(name=self.name, count=ENTRIES_MAX)
        if not _BY_DESCRIPTOR:  # Windows; checked by syntax only
            yield from self._inside(path, shown, depth, None, path.lstat())
            return
        descriptor = os.open(path if above is None else path.name, _OPEN_FOLDER, dir_fd=above)
        try:
            yield from self._inside(path, shown, depth, descriptor, os.fstat(descriptor))
        finally:
            os.close(descriptor)

    def _inside(
        self, path: Path, shown: str, depth: int, descriptor: int | None, facts: os.stat_result
    ) -> Iterator[Source]:
        if not stat.S_ISDIR(facts.st_mode) or (depth == 0 and (facts.st_dev, facts.st_ino) != self.identity):
            raise SourceUnreadable(name=self.name, problem="it is not the folder any more that it was")
        is_empty = True
        with os.scandir(path if descriptor is None else descriptor) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        unfinished = unfinished_in(entry.name for entry in entries)
        for entry in entries:
            if not is_sent(entry.name):
                continue
            inside, inner = path / entry.name, f"{shown}/{said(entry.name)}"
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue  # it went while we looked
            if stat.S_ISREG(status.st_mode):
                is_empty = False
                if is_placeholder(entry.name, status.st_size, unfinished):
                    continue
                yield Source(inside, inner, Identity.of(status))
            elif stat.S_ISDIR(status.st_mode):
                is_empty = False
                yield from self.sources(inside, inner, depth + 1, descriptor)
        if is_empty:
            yield Source(path, shown, Identity.of(facts), Kind.FOLDER)
