"""Puts the pages of a proposal together and refuses what no honest sender would propose."""

from qrshared.errors import RemoteError
from qrshared.protocol import (
    ITEMS_MAX,
    MANIFEST_BYTES_MAX,
    TEXT_BYTES_MAX,
    EntryKind,
    Item,
    Propose,
    Reason,
    TransferId,
)
from qrshared.transfers.paging import item_weight

_SIZE_MAX = {EntryKind.FOLDER: 0, EntryKind.TEXT: TEXT_BYTES_MAX}
"""A folder has no bytes of its own, and a text is short."""


class ManifestRefused(RemoteError):
    """The list of files that the other side wants to send cannot be used ({reason}). Send them in smaller portions."""

    def __init__(self, refusal: Reason) -> None:
        super().__init__(refusal)
        self.refusal = refusal


class IncomingManifest:
    """One proposal on its way in; with `known`, the same items must come again."""

    def __init__(self, known: tuple[Item, ...] | None = None) -> None:
        self._known = known
        self._first: Propose | None = None
        self._items: list[Item] = []
        self._weight = self._bytes = 0

    @property
    def items(self) -> tuple[Item, ...]:
        """The items so far; all of them once `add` has said so."""
        return tuple(self._items)

    @property
    def continues(self) -> tuple[TransferId, ...]:
        """The transfers that the first page continues."""
        return self._first.continues if self._first else ()

    @property
    def skip_same(self) -> bool:
        """What the first page says about items that are there already."""
        return self._first is not None and self._first.skip_same

    def add(self, page: Propose) -> bool:
        """Take the next page; True when the manifest is whole. Raises `ManifestRefused`."""
        if page.first == 0:
            self._first, self._items = page, []
            self._weight = self._bytes = 0
        first = self._first
        if first is None or page.first != len(self._items) or (page.count, page.bytes) != (first.count, first.bytes):
            raise ManifestRefused(Reason.PROTOCOL)
        if first.count > ITEMS_MAX:
            raise ManifestRefused(Reason.TOO_MANY_ITEMS)
        self._items += page.items if self._known is None else self._known[page.first : page.first + len(page.items)]
        self._bytes += sum(item.size for item in page.items)
        self._weight += sum(map(item_weight, page.items))
        if self._weight > MANIFEST_BYTES_MAX:
            raise ManifestRefused(Reason.MANIFEST_TOO_LARGE)
        count = len(self._items)
        if count > first.count or self._bytes > first.bytes or not self._is_known(page):
            raise ManifestRefused(Reason.PROTOCOL)
        if any(item.size > _SIZE_MAX.get(item.kind, item.size) for item in page.items):
            raise ManifestRefused(Reason.PROTOCOL)
        if page.more:
            return False
        if count == 0 or count != first.count or self._bytes != first.bytes:
            raise ManifestRefused(Reason.PROTOCOL)
        return True

    def _is_known(self, page: Propose) -> bool:
        if self._known is None:
            return True
        return self._known[page.first : page.first + len(page.items)] == page.items and page.count == len(self._known)
