"""Sums of one transfer that a person sees: items and bytes, without what failed or is not wanted."""

from dataclasses import dataclass

from qrshared.transfers.events import ItemState


@dataclass(slots=True)
class Tally:
    """`bytes` and `bytes_done` count items that are wanted and have not failed; `items` counts all."""

    items: int = 0
    items_done: int = 0
    items_failed: int = 0
    items_cancelled: int = 0
    bytes: int = 0
    bytes_done: int = 0

    def end(self, state: ItemState, size: int, done: int) -> None:
        """An item of `size`, of which `done` was counted, ends in `state`."""
        match state:
            case ItemState.DONE:
                self.items_done += 1
                self.bytes_done += size - done
                return
            case ItemState.FAILED:
                self.items_failed += 1
            case _:
                self.items_cancelled += 1
        self.bytes -= size
        self.bytes_done -= done

    def reopen(self, state: ItemState, size: int) -> None:
        """An item that had ended in `state` did arrive after all: nothing of it is counted as done yet."""
        if state is ItemState.CANCELLED:
            self.items_cancelled -= 1
        else:
            self.items_failed -= 1
        self.bytes += size
