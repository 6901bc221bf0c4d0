"""What desks are told of a transfer that comes in: counts, speed, time left."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Final

from qrshared.protocol import DeviceId, Item, PeerKind, TransferFacts, TransferState
from qrshared.transfers import Progress, Receiver


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose transfer it is, as far as people are told."""

    device: DeviceId
    name: str
    """When its page connected: `Customs.name_of` knows what it is called now."""
    kind: PeerKind
    since: float | None = None
    """When its key came for the first time: of two devices of one name, one may be a stranger's. Wall-clock seconds."""


class ItemKind(StrEnum):
    """What a wall may say of an item: its kind, never its name."""

    PHOTO = "photo"
    VIDEO = "video"
    OTHER = "other"


_ENDINGS = {
    ItemKind.PHOTO: "jpg jpeg png heic heif webp gif avif dng raw cr2 cr3 nef arw tif tiff bmp",
    ItemKind.VIDEO: "mp4 mov m4v mkv webm avi 3gp mts m2ts mpg mpeg wmv",
}
_KINDS = {ending: kind for kind, endings in _ENDINGS.items() for ending in endings.split()}


def kind_of(name: str) -> ItemKind:
    """The kind of a file, by its ending alone: nobody looks into it."""
    ending = PurePosixPath(name).suffix.removeprefix(".").lower()
    return _KINDS.get(ending, ItemKind.OTHER)


STANDS_STILL_S: Final = 3.0
"""Without bytes for so long a transfer has no speed and no time left, as far as anybody is told."""


class IncomingFacts:
    """Watches one receiver and turns what it knows into `TransferFacts`."""

    def __init__(
        self, receiver: Receiver, sender: Sender, clock: Callable[[], float], *, name: Callable[[], str]
    ) -> None:
        """`name` is what the sender is called whenever somebody asks."""
        self._receiver = receiver
        self._sender = sender
        self._clock = clock
        self._name = name
        self._progress = Progress()
        self._started_ms = int(time.time() * 1000)
        self._current: str | None = None
        self._moved_at = clock()
        self.state = TransferState.ARRIVING
        self._kinds: Counter[ItemKind] | None = None

    @property
    def kinds(self) -> Counter[ItemKind]:
        """How many items of each kind are in the manifest."""
        if self._kinds is None and self._receiver.items:
            self._kinds = Counter(kind_of(item.name) for item in self._receiver.items)
        return self._kinds or Counter()

    def moved(self, item: Item) -> None:
        """Bytes of this item were written."""
        self._current = item.name
        self._moved_at = self._clock()
        self._progress.update(self._receiver.tally.bytes_done, self._clock())

    def placed(self) -> None:
        """An item is in the inbox."""
        self._progress.update(self._receiver.tally.bytes_done, self._clock())

    def asks(self) -> None:
        """Its proposal waits for the owner's word."""
        self.state = TransferState.ASKING

    def accepted(self) -> None:
        """It may come in."""
        if self.state is TransferState.ASKING:
            self.state = TransferState.ARRIVING

    def held(self, held: bool) -> None:
        """Its sender's person paused it, or lets it go on."""
        if held and self.state is TransferState.ARRIVING:
            self.state = TransferState.PAUSED
            self._progress.pause()
        elif not held and self.state is TransferState.PAUSED:
            self.state = TransferState.ARRIVING

    def cut(self) -> None:
        """Its link is gone."""
        if self.state in (TransferState.ARRIVING, TransferState.PAUSED):
            self.state = TransferState.WAITING
            self._progress.pause()

    def goes_on(self) -> None:
        """It has a link."""
        if self.state is TransferState.WAITING:
            self.state = TransferState.ARRIVING

    def ended(self) -> None:
        """Nothing of it will happen any more."""
        tally = self._receiver.tally
        if tally.items_failed or not tally.items:
            self.state = TransferState.FAILED
        elif tally.items_cancelled and not tally.items_done:
            self.state = TransferState.CANCELLED
        else:
            self.state = TransferState.DONE
        self._current = None

    def as_told(self) -> TransferFacts:
        """How it stands now."""
        tally = self._receiver.tally
        # A phone that pauses says nothing: the last speed must not stand there as if it still held.
        moves = self.state is TransferState.ARRIVING and self._clock() - self._moved_at < STANDS_STILL_S
        return TransferFacts(
            transfer=self._receiver.transfer,
            device=self._name(),
            kind=self._sender.kind,
            state=self.state,
            items=tally.items,
            items_done=tally.items_done,
            items_failed=tally.items_failed,
            bytes=tally.bytes,
            bytes_done=tally.bytes_done,
            rate=self._progress.rate if moves else 0,
            left_s=self._progress.left_s(tally.bytes - tally.bytes_done) if moves else None,
            started_ms=self._started_ms,
            current=self._current,
        )
