"""What the journal's records add up to: parts under way, placements begun, receipts of the last days."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from qrshared.inbox.item import ItemFacts, ItemKey, Stored, kept
from qrshared.inbox.records import (
    DaySeen,
    ItemPlaced,
    PartBegun,
    PartGone,
    PartSafe,
    Placing,
    Record,
    RunBegun,
    RunEnded,
)

KEPT_DAYS = 7
"""Days seen by the daemon for which parts and receipts are kept."""

RECEIPTS_MAX = 100_000
"""Receipts kept at most, the oldest go first; as many as one transfer has items.

About 0.7 kB each in memory, and their names: what was proposed, of which `kept` leaves 255 bytes, and the path it got.
"""

RECEIPT_NAMES_MAX = 32 * 1024**2
"""UTF-8 bytes of these names: a path of 16 folders takes 3 kB. 100 000 files of common names stay below half of it."""


@dataclass(frozen=True, slots=True)
class PartState:
    """A part file that can be resumed: its first `safe` bytes have this SHA-256 and survive a power cut."""

    part: str
    key: ItemKey
    facts: ItemFacts
    safe: int
    sha256: str
    seen: int


class Ledger:
    """Folds records, in the order of the journal. Not thread-safe: the journal guards it."""

    def __init__(self) -> None:
        self.runs: set[str] = set()
        self.parts: dict[str, PartState] = {}
        self.placings: dict[str, Placing] = {}
        self.days: dict[int, None] = {}
        """The last days that were counted, the newest last: a computer without a clock is in 1970 after each start."""
        self.days_seen = 0
        self._receipts: dict[ItemKey, ItemPlaced] = {}
        self._names = 0
        self._by_transfer: dict[tuple[str, str], dict[int, ItemKey]] = {}

    def apply(self, record: Record) -> None:
        match record:
            case RunBegun(prefix):
                self.runs.add(prefix)
            case RunEnded(prefix):
                self.runs.discard(prefix)
            case DaySeen(day, count):
                self.days_seen = count
                self.days.pop(day, None)
                self.days[day] = None
                if len(self.days) > KEPT_DAYS + 1:
                    del self.days[next(iter(self.days))]
            case PartBegun(part, key, facts, seen):
                known = self.parts.get(part)
                safe, sha256 = (known.safe, known.sha256) if known else (0, "")
                self.parts[part] = PartState(part, key, kept(facts), safe, sha256, seen)
            case PartSafe(part, offset, sha256, seen):
                if known := self.parts.get(part):
                    self.parts[part] = replace(known, safe=offset, sha256=sha256, seen=seen)
            case PartGone(part):
                self.parts.pop(part, None)
                self.placings.pop(part, None)
            case Placing(part):
                self.placings[part] = record
            case ItemPlaced(part):
                self.parts.pop(part, None)
                self.placings.pop(part, None)
                self._keep_receipt(record)

    def receipt(self, key: ItemKey) -> ItemPlaced | None:
        return self._receipts.get(key)

    def receipts_of(self, device: str, transfer: str) -> list[Stored]:
        keys = self._by_transfer.get((device, transfer), {})
        receipts = [self._receipts[key] for key in keys.values()]
        return [Stored(one.key, one.facts, one.placed.size, one.placed) for one in receipts]

    def expire(self) -> list[PartState]:
        """Forgets receipts that are too old; returns the parts that are, for someone to remove."""
        oldest = self.days_seen - KEPT_DAYS
        for receipt in [one for one in self._receipts.values() if one.seen < oldest]:
            self._forget(receipt.key)
        return [part for part in self.parts.values() if part.seen < oldest]

    def records(self) -> Iterator[Record]:
        """The shortest journal that adds up to this."""
        for day in self.days:
            yield DaySeen(day, self.days_seen)
        yield from map(RunBegun, sorted(self.runs))
        for part in self.parts.values():
            yield PartBegun(part.part, part.key, part.facts, part.seen)
            if part.safe:
                yield PartSafe(part.part, part.safe, part.sha256, part.seen)
        yield from self.placings.values()
        yield from self._receipts.values()

    def _keep_receipt(self, receipt: ItemPlaced) -> None:
        key = receipt.key
        self._forget(key)
        self._receipts[key] = receipt = replace(receipt, facts=kept(receipt.facts))
        self._names += _names_of(receipt)
        self._by_transfer.setdefault((key.device, key.transfer), {})[key.item] = key
        while len(self._receipts) > RECEIPTS_MAX or self._names > RECEIPT_NAMES_MAX:
            self._forget(next(iter(self._receipts)))

    def _forget(self, key: ItemKey) -> None:
        receipt = self._receipts.pop(key, None)
        if receipt is None:
            return
        self._names -= _names_of(receipt)
        of_transfer = self._by_transfer[key.device, key.transfer]
        del of_transfer[key.item]
        if not of_transfer:
            del self._by_transfer[key.device, key.transfer]


def _names_of(receipt: ItemPlaced) -> int:
    return sum(len(name.encode("utf-8", "surrogatepass")) for name in (receipt.facts.name, receipt.placed.name))
