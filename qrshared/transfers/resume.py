"""Finds what the inbox already holds of a proposal, and where a proof first differs."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from qrshared.protocol import PROOF_BLOCK_BYTES, Item, TransferId

WORTH_PROVING_BYTES: Final = 1024 * 1024
"""A smaller part of another page load is sent anew: proving it costs the sender a read of the same bytes.

What is whole is proven at any size: sending it anew would put a second file beside the first.
"""

Key: TypeAlias = tuple[str, int, int | None] | None
"""What an item and its part have in common; None: this one has nothing to be found by."""


@dataclass(frozen=True, slots=True)
class StoredPart:
    """What the proposing device left here of an item of an earlier (or the same) transfer: `offset` bytes, or all."""

    transfer: TransferId
    item: int
    name: str
    size: int
    modified_ms: int | None
    offset: int


@dataclass(frozen=True, slots=True)
class Match:
    """This stored part belongs to that proposed item; `prove` before it is trusted."""

    stored: StoredPart
    prove: bool


def match_parts(
    transfer: TransferId, items: Sequence[Item], continues: Iterable[TransferId], stored: Iterable[StoredPart]
) -> dict[int, Match]:
    """Which stored parts the proposed items go on from, by item number; each part is used once.

    `stored` must be parts of the proposing device alone. Parts of the same transfer belong to their item without proof:
    a transfer's id is never used by another page load. Parts of a continued one are found by name and size; the
    modification time only breaks ties, because iOS gives a new one at each pick.
    """
    wanted = set(continues) - {transfer}
    found: dict[int, Match] = {}
    earlier: list[StoredPart] = []
    for part in stored:
        if part.transfer == transfer:
            if part.item < len(items) and _is_same(items[part.item], part) and part.offset > 0:
                found[part.item] = Match(part, prove=False)
        elif part.transfer in wanted and (part.offset == part.size or WORTH_PROVING_BYTES <= part.offset < part.size):
            earlier.append(part)
    earlier.sort(key=lambda part: part.offset, reverse=True)  # each item takes the longest that is left
    # Items whose time agrees choose first, so that of two files of one name and size each finds its own part.
    rest = _take(items, earlier, found, _name_size_time)
    _take(items, rest, found, _name_size)
    return found


def _take(
    items: Sequence[Item], parts: Sequence[StoredPart], found: dict[int, Match], key: Callable[[Item | StoredPart], Key]
) -> list[StoredPart]:
    """Each item that has none takes the first part of its key; returns the parts that nobody took.

    Parts queue by their key, so that a hundred thousand files of one name take as long as of different names.
    """
    queues: defaultdict[Key, deque[StoredPart]] = defaultdict(deque)
    for part in parts:
        queues[key(part)].append(part)
    for index, item in enumerate(items):
        wanted = key(item)
        if index not in found and wanted is not None and (queue := queues.get(wanted)):
            found[index] = Match(queue.popleft(), prove=True)
    left = {(part.transfer, part.item) for queue in queues.values() for part in queue}
    return [part for part in parts if (part.transfer, part.item) in left]


def first_difference(theirs: Sequence[bytes], ours: Sequence[bytes]) -> int | None:
    """The number of the first block whose digests differ, or None; blocks counted from the first of these."""
    for index, (their, our) in enumerate(zip(theirs, ours, strict=True)):
        if their != our:
            return index
    return None


def block_start(block: int) -> int:
    """Where a proof's block begins: what an item is rewound to when this block differs."""
    return block * PROOF_BLOCK_BYTES


def block_count(offset: int) -> int:
    """How many blocks a proof of `offset` bytes has; the last one ends at `offset`."""
    return -(-offset // PROOF_BLOCK_BYTES)


def _is_same(item: Item, part: StoredPart) -> bool:
    return item.name == part.name and item.size == part.size >= part.offset


def _name_size_time(one: Item | StoredPart) -> Key:
    return None if one.modified_ms is None else (one.name, one.size, one.modified_ms)


def _name_size(one: Item | StoredPart) -> Key:
    return (one.name, one.size, None)
