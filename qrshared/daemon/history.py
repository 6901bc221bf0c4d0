"""What has landed since the start: who brought an entry of the inbox, and batches for whoever wants to tell."""

import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from qrshared.daemon.book import Book
from qrshared.inbox import Placed
from qrshared.protocol import DeviceId, TransferId
from qrshared.sessions import Admittance, ItemKind, Sender, kind_of
from qrshared.settings import Accept

LATELY_S: Final = 60.0
"""How long a wall says that something has arrived."""

SENDERS_TOLD_MAX: Final = 10_000
"""Names whose sender is remembered; the oldest is forgotten first."""


_OF_GUESTS: Final = {
    Accept.EVERYONE: Admittance.COMES_IN,
    Accept.ASK: Admittance.ASKS,
    Accept.TRUSTED: Admittance.STAYS_OUT,
}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an entry of the inbox came from."""

    device: DeviceId
    sender: str
    """What the device was called then."""
    size: int
    placed_ms: int
    is_renamed: bool = False
    """By the owner, here: that is when its entry's own time stops to say when it came."""


@dataclass(slots=True)
class Landing:
    """What one transfer has brought since it was told of last."""

    sender: str
    names: list[str] = field(default_factory=list)
    kinds: Counter[ItemKind] = field(default_factory=Counter)
    size: int = 0


class History:
    """The customs of all incoming transfers: whose come in, allowances as the book counts them, what landed."""

    def __init__(
        self, book: Book, now: Callable[[], float] = time.monotonic, *, accept: Accept = Accept.EVERYONE,
        on_placed: Callable[[Sender, TransferId, int, Placed], None] = lambda *_: None,
        on_renamed: Callable[[str, str, int], None] = lambda *_: None,
    ) -> None:  # fmt: skip
        """`on_placed`, and `on_renamed` with both names and the size: whoever keeps receipts."""
        self._book = book
        self._origins: OrderedDict[str, Origin] = OrderedDict()
        self._landing: dict[tuple[DeviceId, TransferId], Landing] = {}
        self._complete: list[Landing] = []
        self._lately: deque[tuple[float, int]] = deque()
        self._now = now
        self.accept = accept
        """Whose files come in; it may change while the daemon runs."""
        self.on_landed: Callable[[], None] = lambda: None
        """Called when an item is in the inbox; the daemon sets it."""
        self._on_placed = on_placed
        self._on_renamed = on_renamed

    def allows(self, device: DeviceId, count: int) -> bool:
        """Whether so many bytes are within the device's allowance now; of whom nothing comes in, `admits` says it."""
        return self._book.allows(device, count) or self.admits(device) is Admittance.STAYS_OUT

    def name_of(self, sender: Sender) -> str:
        """What the owner calls it now."""
        return self._book.called(sender.device, sender.name)

    def admits(self, device: DeviceId) -> Admittance:
        """What becomes of a device's proposals: who the owner trusts is never asked about."""
        if not self._book.is_guest(device):
            return Admittance.COMES_IN
        return Admittance.STAYS_OUT if self.keeps_guests_out else _OF_GUESTS[self.accept]

    @property
    def keeps_guests_out(self) -> bool:
        """Whether nothing of any guest comes in: the owner said so, or gave them a day of 0 bytes."""
        return self.accept is Accept.TRUSTED or self._book.register.guest_day_bytes == 0

    def reserves(self, device: DeviceId, transfer: TransferId, count: int) -> bool:
        """Keep so many bytes of the allowance for this transfer; False when it does not hold them."""
        return self._book.reserves(device, transfer, count)

    def releases(self, device: DeviceId, transfer: TransferId) -> None:
        """Let go of what is still reserved for it."""
        self._book.releases(device, transfer)

    def brings(self, device: DeviceId, transfer: TransferId, count: int) -> bool:
        """Count bytes that are about to be written; False when the allowance does not hold them."""
        return self._book.brings(device, transfer, count)

    def landed(self, sender: Sender, transfer: TransferId, item: int, placed: Placed) -> None:
        """An item is in the inbox under its name."""
        sender = replace(sender, name=self.name_of(sender))
        self.remember(placed.name, Origin(sender.device, sender.name, placed.size, int(time.time() * 1000)))
        landing = self._landing.setdefault((sender.device, transfer), Landing(sender.name))
        landing.names.append(placed.name)
        landing.size += placed.size
        landing.kinds[kind_of(placed.name)] += 1
        self._on_placed(sender, transfer, item, placed)
        self.on_landed()

    def ended(self, sender: Sender, transfer: TransferId) -> None:
        """Nothing more of this transfer will land: what has is one batch to tell of."""
        landing = self._landing.pop((sender.device, transfer), None)
        if landing is not None:
            landing.sender = self.name_of(sender)
            self._complete.append(landing)
            self._lately.append((self._now(), len(landing.names)))

    def landed_lately(self) -> int:
        """Items of the batches that became complete a moment ago: what a wall still says when all is quiet again."""
        while self._lately and self._now() - self._lately[0][0] > LATELY_S:
            self._lately.popleft()
        return sum(count for _, count in self._lately)

    def remember(self, name: str, origin: Origin) -> None:
        """Where this entry came from; the latest last."""
        self._origins.pop(name, None)
        self._origins[name] = origin
        if len(self._origins) > SENDERS_TOLD_MAX:
            self._origins.popitem(last=False)

    def renamed(self, name: str, to: str) -> None:
        """The owner gave this entry another name: it comes from where it came from."""
        origin = self._origins.pop(name, None)
        if origin is not None:
            self.remember(to, replace(origin, is_renamed=True))
            self._on_renamed(name, to, origin.size)

    def origin_of(self, name: str, size: int) -> Origin | None:
        """Where this entry came from, if that is known, with the sender as it is called now.

        Of another size it is another file, whatever it is called.
        """
        origin = self._origins.get(name)
        if origin is None or origin.size != size:
            return None
        return replace(origin, sender=self._book.called(origin.device, origin.sender))

    def take_landings(self) -> list[Landing]:
        """The batches that became complete since this was asked last."""
        landings, self._complete = self._complete, []
        return landings
