"""One thing that waits on the shelf: a file, a small text, or a folder with all that is in it."""

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from qrshared.shelf.errors import ShelfError, SourceUnreadable
from qrshared.shelf.source import Identity, Kind, Source
from qrshared.shelf.tree import said, walk

TEXT_BYTES_MAX: Final = 64 * 1024
"""A text that is shown as one; a longer one is a file."""

TEXT_ENDINGS: Final = (".txt",)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What was seen at a path, and is offered as long as it is that."""

    id: str
    """32 hex digits."""
    path: Path
    name: str
    kind: Kind
    identity: Identity
    size: int
    """Bytes, of all files of a folder."""
    count: int | None = None
    """Files of a folder."""
    signature: str = ""
    """Of a folder: changes with what is in it."""

    @property
    def modified_ms(self) -> int:
        """Milliseconds since 1970."""
        return max(0, self.identity.modified_ns // 1_000_000)

    def sources(self) -> tuple[Source, ...]:
        """What a transfer of it is made of. Blocks for a folder; raises `SourceUnreadable`, `TreeTooLarge`.

        A file stays bound to what it was when it was offered; a folder is sent with what is in it by now.
        """
        if self.kind is Kind.FOLDER:
            return walk(self.path, self.name, (self.identity.device, self.identity.inode)).sources
        return (Source(self.path, self.name, self.identity, self.kind),)


def look_at(path: Path, item_id: str) -> Waiting:
    """What is at this path now. Blocks; raises `SourceUnreadable`, `TreeTooLarge`."""
    name = said(path.name)
    try:
        facts = path.lstat()
    except (OSError, ValueError) as fault:
        problem = fault.strerror if isinstance(fault, OSError) else None
        raise SourceUnreadable(name=name, problem=problem or "there is no such file") from fault
    identity = Identity.of(facts)
    if stat.S_ISDIR(facts.st_mode):
        tree = walk(path, name, (facts.st_dev, facts.st_ino))
        return Waiting(item_id, path, name, Kind.FOLDER, identity, tree.size, tree.count, tree.signature)
    if stat.S_ISLNK(facts.st_mode):
        raise SourceUnreadable(name=name, problem="it is a link, so name the file that it leads to")
    if not stat.S_ISREG(facts.st_mode):
        raise SourceUnreadable(name=name, problem="it is neither a file nor a folder")
    kind = Kind.TEXT if _is_text(Source(path, name, identity)) else Kind.FILE
    return Waiting(item_id, path, name, kind, identity, facts.st_size)


def _is_text(source: Source) -> bool:
    if not source.name.casefold().endswith(TEXT_ENDINGS) or not 0 < source.size <= TEXT_BYTES_MAX:
        return False
    try:
        source.read(0, source.size).decode("utf-8")
    except (ShelfError, UnicodeDecodeError):
        return False
    finally:
        source.close()
    return True
