"""Cuts long lists into pages that fit in a message, and weighs a manifest; both ends reckon alike."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from qrshared.protocol import PAGE_BYTES_MAX, Accept, Item, ItemReceipt, Kept, Propose, TransferId

T = TypeVar("T")

_PAGE_FRAME_BYTES = 1_024
"""What a message holds beside its list: tag, transfer, totals, sixteen ids to continue."""

_ITEM_FRAME_BYTES = 80
"""Everything of an item but its name and its hash, at its longest."""

_ITEM_HASH_BYTES = 80

_KEPT_BYTES = 60
_RECEIPT_FRAME_BYTES = 180


def item_weight(item: Item) -> int:
    """Bytes of a manifest that an item stands for: its name as JSON, 80 for the rest, and 80 for a hash."""
    return _text_bytes(item.name) + _ITEM_FRAME_BYTES + (0 if item.sha256 is None else _ITEM_HASH_BYTES)


def receipt_weight(receipt: ItemReceipt) -> int:
    """Bytes a receipt takes in a page, at most."""
    return _text_bytes(receipt.name) + _RECEIPT_FRAME_BYTES


def pages(elements: Sequence[T], weight: Callable[[T], int]) -> Iterator[Sequence[T]]:
    """`elements` in order, in runs that fit in one message each; no page for no elements."""
    room = PAGE_BYTES_MAX - _PAGE_FRAME_BYTES
    start = used = 0
    for index, element in enumerate(elements):
        need = weight(element)
        if used + need > room and index > start:
            yield elements[start:index]
            start, used = index, 0
        used += need
    if start < len(elements):
        yield elements[start:]


def proposal(
    transfer: TransferId, items: Sequence[Item], continues: tuple[TransferId, ...], *, skip_same: bool = False
) -> Iterator[Propose]:
    """A whole manifest as the messages that propose it; what it continues, and wishes, stands on the first page."""
    count, total, first = len(items), sum(item.size for item in items), 0
    for page in pages(items, item_weight):
        is_first = first == 0
        yield Propose(
            transfer, first, tuple(page), first + len(page) < count, count, total, continues if is_first else (),
            skip_same=skip_same and is_first,
        )  # fmt: skip
        first += len(page)


def acceptance(
    transfer: TransferId, window: int, kept: Sequence[Kept], receipts: Sequence[ItemReceipt], *, deflate: bool = False
) -> Iterator[Accept]:
    """An acceptance as the messages that say it, kept offsets first."""
    parts = [Accept(transfer, window, kept=tuple(page), more=True) for page in pages(kept, lambda _: _KEPT_BYTES)]
    parts += [Accept(transfer, window, receipts=tuple(page), more=True) for page in pages(receipts, receipt_weight)]
    last = parts.pop() if parts else Accept(transfer, window)
    yield from parts
    yield Accept(transfer, window, last.kept, last.receipts, deflate=deflate)


def _text_bytes(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False).encode("utf-8", "surrogatepass"))
