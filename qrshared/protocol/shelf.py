"""What desks tell of the shelf: what waits to be picked up, and who has got how far with it (`WIRE.md` 3.3)."""

from dataclasses import dataclass

from qrshared.protocol.fields import DeviceId, ShelfItemId
from qrshared.protocol.vocabulary import EntryKind, OfferState


@dataclass(frozen=True, slots=True)
class ShelfItem:
    """One thing that waits; a folder's `size` and `count` are those of all files in it. `to`: for this device alone.

    `expires_ms`: a command offers it until then. `taken`, `taken_ms`, `taken_bytes`: how the asking device's last
    pick-up of it ended, when, and how much of it had come by then; of a plain download, of which a page hears nothing
    else, also `moving` while it goes out, and `waiting` where it stopped and may go on.
    """

    item: ShelfItemId
    name: str
    size: int
    kind: EntryKind
    modified_ms: int
    count: int | None = None
    expires_ms: int | None = None
    to: DeviceId | None = None
    taken: OfferState | None = None
    taken_ms: int | None = None
    taken_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class ShelfList:
    """What the asking device may pick up, the newest first."""

    items: tuple[ShelfItem, ...]


@dataclass(frozen=True, slots=True)
class OfferFacts:
    """What was put on the shelf, and the code that leads to nothing else."""

    items: tuple[ShelfItem, ...]
    url: str | None = None


@dataclass(frozen=True, slots=True)
class PickUpFacts:
    """One thing on the shelf and one device that picks it up, or did; `device` is its name, `at_ms` when that ended."""

    item: ShelfItemId
    device: str
    state: OfferState
    bytes: int
    bytes_done: int
    at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class PickUpList:
    """Who picks up what from the shelf, then who did, the newest first."""

    pick_ups: tuple[PickUpFacts, ...]


@dataclass(frozen=True, slots=True)
class OfferProgress:
    """One thing on the shelf and one device; without `device` nobody has begun to pick it up."""

    item: ShelfItemId
    name: str
    state: OfferState
    bytes: int
    bytes_done: int
    device: str | None = None


@dataclass(frozen=True, slots=True)
class OfferList:
    """Who is picking up what."""

    offers: tuple[OfferProgress, ...]
