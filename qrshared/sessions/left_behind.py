"""What was proposed and had no answer yet when its link went: nothing is stored of it, its sender may not know."""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from qrshared.protocol import DeviceId, Item, TransferId, UnfinishedItem

TRANSFERS_MAX: Final = 64
"""Transfers that are remembered, the oldest forgotten first."""

ITEMS_MAX: Final = 200
"""Of each: what fits in one list of unfinished items."""

NAMES_MAX: Final = 64 * 1024
"""Characters in all their names: as many as fit in one message."""


class LeftBehind:
    """A page that is loaded anew has lost its files: it is told which never came, or its person believes they did."""

    def __init__(self) -> None:
        self._items: OrderedDict[tuple[DeviceId, TransferId], list[Item]] = OrderedDict()

    def keep(self, device: DeviceId, transfer: TransferId, items: Sequence[Item]) -> None:
        """Its link is gone before it was accepted."""
        upto = accumulate(len(item.name) for item in items[:ITEMS_MAX])
        self._items[device, transfer] = [item for item, names in zip(items, upto, strict=False) if names <= NAMES_MAX]
        while len(self._items) > TRANSFERS_MAX:
            self._items.popitem(last=False)

    def go_on(self, device: DeviceId, transfers: Sequence[TransferId], items: Sequence[Item]) -> None:
        """These items of these transfers are proposed once more: they are not left behind."""
        mine = [key for transfer in transfers if (key := (device, transfer)) in self._items]
        if not mine:
            return
        here = {(item.name, item.size) for item in items}
        for key in mine:
            rest = [item for item in self._items[key] if (item.name, item.size) not in here]
            if rest:
                self._items[key] = rest
            else:
                del self._items[key]

    def of(self, device: DeviceId) -> list[UnfinishedItem]:
        """For the list of what this device began and did not finish."""
        return [
            UnfinishedItem(transfer, item.name, item.size, 0)
            for (whose, transfer), items in self._items.items()
            if whose == device
            for item in items
        ]

    def transfers(self, device: DeviceId) -> list[TransferId]:
        """Whose items these are."""
        return [transfer for whose, transfer in self._items if whose == device]

    def forget(self, device: DeviceId) -> None:
        """It does not want them any more, or is gone for good."""
        for key in [key for key in self._items if key[0] == device]:
            del self._items[key]
