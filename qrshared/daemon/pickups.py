"""Who picks up what from the shelf: the outgoing transfers that were asked for, and how far each thing has got."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias

from qrshared.protocol import ITEMS_MAX, MANIFEST_BYTES_MAX, DeviceId, OfferState, Reason
from qrshared.sessions import DeskRefusal, Outgoing, OutgoingTransfers
from qrshared.shelf import Source, Waiting

PICK_UPS_PER_DEVICE_MAX: Final = 64
"""Transfers that one device may have asked for and not yet taken; more would only be the same tap again and again."""

ITEMS_PER_DEVICE_MAX: Final = 2 * ITEMS_MAX
"""Items in all of those, as many as it may be sending: an item takes about 600 bytes of memory, and its name."""

ITEMS_IN_ALL_MAX: Final = 4 * ITEMS_MAX
"""Items on their way to all devices; beyond it whoever asks is told to come back: memory is everybody's."""

ROWS_TOLD_MAX: Final = 256
"""Who has how much of what, in one list: with names of common length they fit in one message."""

_ITEM_FRAME_BYTES: Final = 80
_NAME_GROWS: Final = 6
"""A character may take six bytes as JSON: a bound that no name exceeds is enough here."""

Fetched: TypeAlias = tuple[Waiting, Sequence[Source]]
"""One thing of the shelf and what its transfer is made of."""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing of the shelf within a transfer: its items are those from `first` to before `end`."""

    item: str
    first: int
    end: int
    size: int


@dataclass(frozen=True, slots=True, eq=False)
class PickUp:
    """One transfer of things from the shelf to a device that asked for them."""

    device: DeviceId
    parts: tuple[Part, ...]
    outgoing: Outgoing
    manifest: str
    """Says that after a restart the same things are there to go on with."""

    @property
    def count(self) -> int:
        """Its items."""
        return self.parts[-1].end

    def state(self, part: Part) -> OfferState:
        """How it stands with one thing."""
        items = range(part.first, part.end)
        receipts = [self.outgoing.receipts[item] for item in items if item in self.outgoing.receipts]
        if len(receipts) == len(items):
            return OfferState.HANDED_OVER if any(one.handed_over for one in receipts) else OfferState.DONE
        if not self.is_under_way(part):
            return OfferState.FAILED
        if self.outgoing.is_held:
            return OfferState.PAUSED
        return OfferState.MOVING if self.outgoing.is_moving else OfferState.WAITING

    def is_under_way(self, part: Part) -> bool:
        """Whether anything of it may still come; it may have ended before the others of its transfer."""
        items = range(part.first, part.end)
        return not self.outgoing.is_over and not all(self.outgoing.sender.state(item).is_final for item in items)

    def reason(self, part: Part) -> Reason | None:
        """Why something of it did not arrive; None where nothing failed."""
        failed = (self.outgoing.failures.get(item) for item in range(part.first, part.end))
        return self.outgoing.refusal or next((reason for reason in failed if reason is not None), None)

    def bytes_done(self, part: Part) -> int:
        """Bytes of it that its device has taken."""
        return sum(self.outgoing.sender.done(item) for item in range(part.first, part.end))


class PickUps:
    """All that is under way, and for each thing and device how the last attempt ended."""

    def __init__(self, outgoing: OutgoingTransfers) -> None:
        self._outgoing = outgoing
        self._all: list[PickUp] = []
        self._reading: list[tuple[DeviceId, int]] = []

    @contextmanager
    def room(self, device: DeviceId, count: int) -> Iterator[None]:
        """For so many items, while they are read in the block, at whose end they `begin`; raises `DeskRefusal`."""
        self._check_room(device, count, self._reading)
        self._reading.append((device, count))
        try:
            yield
        finally:
            self._reading.remove((device, count))

    def begin(self, device: DeviceId, fetched: Sequence[Fetched], *, transfer: str | None = None) -> PickUp:
        """Send these to the device, now or when it comes; raises `DeskRefusal`.

        Where there are too many items for all, the oldest of devices that are away give way: they ask again when
        they come.
        """
        if sum(not one.outgoing.is_over for one in self._all if one.device == device) >= PICK_UPS_PER_DEVICE_MAX:
            raise DeskRefusal(Reason.BUSY, "This device has asked for a lot already. Let that arrive first.")
        sources = [source for _, some in fetched for source in some]
        weight = sum(_NAME_GROWS * len(one.name) + _ITEM_FRAME_BYTES for one in sources)
        if not 0 < len(sources) <= ITEMS_MAX or weight > MANIFEST_BYTES_MAX:
            raise DeskRefusal(Reason.TOO_MANY_ITEMS, "That is too much at once. Pick up a part of it first.")
        self._check_room(device, len(sources))
        parts: list[Part] = []
        first = 0
        for waiting, some in fetched:
            parts.append(Part(waiting.id, first, first + len(some), sum(one.size for one in some)))
            first += len(some)
        made = PickUp(
            device, tuple(parts), self._outgoing.offer(device, sources, transfer=transfer), manifest_of(sources)
        )
        ids = {part.item for part in parts}
        self._all = [one for one in self._all if not (one.outgoing.is_over and _is_covered(one, device, ids))]
        self._all.append(made)
        return made

    def _check_room(self, device: DeviceId, count: int, also: Iterable[tuple[DeviceId, int]] = ()) -> None:
        held = [*also, *((one.device, one.count) for one in self.moving())]
        if sum(each for owner, each in held if owner == device) + count > ITEMS_PER_DEVICE_MAX:
            raise DeskRefusal(Reason.BUSY, "This device has asked for a lot already. The rest comes after it.")
        excess = sum(each for _, each in held) + count - ITEMS_IN_ALL_MAX
        away = [one for one in self.moving() if one.device != device and not self._outgoing.is_here(one.device)]
        if excess > sum(one.count for one in away):
            raise DeskRefusal(Reason.BUSY, "Other devices are just picking up very much. This comes after it.")
        while excess > 0:
            one = away.pop(0)
            excess -= one.count
            self._all.remove(one)
            self._outgoing.let_go(one.device, one.outgoing)

    def is_under_way(self, item: str, device: DeviceId | None = None) -> bool:
        """Whether somebody, or this device, is picking it up."""
        tried = self.of_item(item)
        return any(device in (None, one.device) and one.is_under_way(part) for one, part in tried)

    def of_item(self, item: str) -> Iterator[tuple[PickUp, Part]]:
        """Every attempt at one thing, the oldest first."""
        for one in list(self._all):
            for part in one.parts:
                if part.item == item:
                    yield one, part

    def cancel(self, item: str) -> None:
        """It is not on the shelf any more: whoever was picking it up is told."""
        for one, part in self.of_item(item):
            if not one.outgoing.is_over:
                one.outgoing.cancel(range(part.first, part.end))

    def all(self) -> Iterator[PickUp]:
        """What is not over, and what is not forgotten yet."""
        return iter(list(self._all))

    def moving(self) -> Iterator[PickUp]:
        """What is not over."""
        return (one for one in self._all if not one.outgoing.is_over)

    def forget(self, is_told: Callable[[str], bool]) -> None:
        """Drop what is over, but for things of which somebody still tells."""
        self._all = [
            one for one in self._all if not one.outgoing.is_over or any(is_told(part.item) for part in one.parts)
        ]


def manifest_of(sources: Iterable[Source]) -> str:
    """Equal for the same items in the same order."""
    digest = hashlib.blake2b(digest_size=16)
    for one in sources:
        digest.update(f"{one.kind} {one.size} {one.modified_ms} {len(one.name)} {one.name}\n".encode())
    return digest.hexdigest()


def _is_covered(one: PickUp, device: DeviceId, ids: set[str]) -> bool:
    """A later attempt of the same device tells all that this one could."""
    return one.device == device and {part.item for part in one.parts} <= ids
