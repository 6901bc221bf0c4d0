"""The journal's records: each a fact about parts and placed items, one line of text with its checksum."""

import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from qrshared.inbox.item import ItemFacts, ItemKey, Placed, kept


@dataclass(frozen=True, slots=True)
class RunBegun:
    """Part files whose name starts with this prefix are ours."""

    prefix: str


@dataclass(frozen=True, slots=True)
class RunEnded:
    """No unknown part file of that run is left."""

    prefix: str


@dataclass(frozen=True, slots=True)
class DaySeen:
    """The daemon was alive on this day; `count` such days so far. Ages are counted in these, not by the clock."""

    day: int
    count: int


@dataclass(frozen=True, slots=True)
class PartBegun:
    """A part file worth resuming; a later record for the same part file gives it another key."""

    part: str
    key: ItemKey
    facts: ItemFacts
    seen: int


@dataclass(frozen=True, slots=True)
class PartSafe:
    """`offset` bytes of a part file survive a power cut; `sha256` is of exactly these."""

    part: str
    offset: int
    sha256: str
    seen: int


@dataclass(frozen=True, slots=True)
class PartGone:
    """A part file was discarded, or can no longer be trusted."""

    part: str


@dataclass(frozen=True, slots=True)
class Placing:
    """A complete, flushed part file is about to get its name."""

    part: str
    key: ItemKey
    facts: ItemFacts
    target: Placed
    device: int
    inode: int


@dataclass(frozen=True, slots=True)
class ItemPlaced:
    """An item has its name for good; kept so that a repeated proposal gets the same receipt."""

    part: str
    key: ItemKey
    facts: ItemFacts
    placed: Placed
    seen: int


Record = RunBegun | RunEnded | DaySeen | PartBegun | PartSafe | PartGone | Placing | ItemPlaced

Scalar = str | int | None
Row = list[Scalar]
"""How a record lies in a line: its letter, then its fields in order, nested values flattened."""


class BadLine(ValueError):
    """A line whose checksum or shape is wrong."""


def encode(record: Record) -> bytes:
    """One line: CRC-32 in hex, a space, a JSON list in UTF-8 (an earlier version wrote ASCII, which reads the same)."""
    # A browser may send half of a surrogate pair.
    body = json.dumps(_row(record), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return b"%08x %s\n" % (zlib.crc32(body), body)


def decode(line: bytes) -> Record:
    """The record of one line without its newline; raises `BadLine`."""
    checksum, _, body = line.partition(b" ")
    try:
        if len(checksum) != 8 or int(checksum, 16) != zlib.crc32(body):
            raise BadLine
        row = json.loads(body.decode("utf-8", "surrogatepass"))
        if not isinstance(row, list) or not row or row[0] not in _READERS:
            raise BadLine
        return _READERS[row[0]](_Fields(row[1:]))
    except (ValueError, TypeError, IndexError, RecursionError) as error:
        raise BadLine from error


def _row(record: Record) -> Row:
    match record:
        case RunBegun(prefix):
            return ["r", prefix]
        case RunEnded(prefix):
            return ["e", prefix]
        case DaySeen(day, count):
            return ["d", day, count]
        case PartBegun(part, key, facts, seen):
            return ["b", part, *_item(key, kept(facts)), seen]
        case PartSafe(part, offset, sha256, seen):
            return ["s", part, offset, sha256, seen]
        case PartGone(part):
            return ["g", part]
        case Placing(part, key, facts, target, device, inode):
            # With its whole name: after a crash it may have to be chosen anew.
            return ["i", part, *_item(key, facts), *_placed(target), device, inode]
        case ItemPlaced(part, key, facts, placed, seen):
            return ["p", part, *_item(key, kept(facts)), *_placed(placed), seen]


def _item(key: ItemKey, facts: ItemFacts) -> Row:
    return [key.device, key.transfer, key.item, facts.name, facts.size, facts.mtime_ms]


def _placed(placed: Placed) -> Row:
    return [placed.name, placed.size, placed.sha256]


class _Fields:
    """Reads a row from the front, insisting on types."""

    def __init__(self, row: list[object]) -> None:
        self._row = row

    def text(self) -> str:
        value = self._row.pop(0)
        if not isinstance(value, str):
            raise BadLine
        return value

    def whole(self) -> int:
        value = self._row.pop(0)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise BadLine
        return value

    def time_ms(self) -> int | None:
        value = self._row.pop(0)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise BadLine
        return value

    def key(self) -> ItemKey:
        return ItemKey(self.text(), self.text(), self.whole())

    def facts(self) -> ItemFacts:
        return ItemFacts(self.text(), self.whole(), self.time_ms())

    def placed(self) -> Placed:
        return Placed(self.text(), self.whole(), self.text())


_READERS: dict[object, Callable[[_Fields], Record]] = {
    "r": lambda row: RunBegun(row.text()),
    "e": lambda row: RunEnded(row.text()),
    "d": lambda row: DaySeen(row.whole(), row.whole()),
    "b": lambda row: PartBegun(row.text(), row.key(), row.facts(), row.whole()),
    "s": lambda row: PartSafe(row.text(), row.whole(), row.text(), row.whole()),
    "g": lambda row: PartGone(row.text()),
    "i": lambda row: Placing(row.text(), row.key(), row.facts(), row.placed(), row.whole(), row.whole()),
    "p": lambda row: ItemPlaced(row.text(), row.key(), row.facts(), row.placed(), row.whole()),
}
