"""What `qrshared send` put on the shelf: for whom, until when, and the code that leads to nothing else."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from qrshared.daemon.pickups import ROWS_TOLD_MAX, PickUps
from qrshared.protocol import SHELF_ITEMS_MAX, DeviceId, OfferList, OfferProgress, OfferState, Reason
from qrshared.sessions import Asker, DeskRefusal
from qrshared.shelf import Waiting

OFFERED_MAX: Final = SHELF_ITEMS_MAX
"""Things that commands may have on the shelf at once."""

_TAKEN: Final = frozenset({OfferState.DONE, OfferState.HANDED_OVER})


@dataclass(slots=True, eq=False)
class Offer:
    """Some things that one command offers together."""

    items: dict[str, Waiting]
    expires: float
    """Seconds of the wall clock."""
    visit: int
    to: DeviceId | None = None
    once: bool = False
    ticket: str | None = None
    ended: dict[str, OfferState] = field(default_factory=dict)
    """Things that are off the shelf again, and how that came."""
    downloaded: set[str] = field(default_factory=set)
    """What went by plain download as a whole, which gives no receipt."""
    partly: dict[tuple[str, DeviceId], int] = field(default_factory=dict)
    """What went so with something left out, to whom, and how many bytes of it."""
    promised: dict[str, tuple[DeviceId, float]] = field(default_factory=dict)
    """Who was given the address of a plain download last, and until when it opens."""

    @property
    def is_over(self) -> bool:
        """Nothing of it waits any more."""
        return len(self.ended) == len(self.items)

    def is_promised(self, item: str, device: DeviceId, now: float) -> bool:
        """Whether another device than this may be downloading it now; what is for one taker goes to one at a time."""
        holder, until = self.promised.get(item, (device, now))
        return holder != device and now < until

    def waiting(self) -> Iterator[Waiting]:
        """What still waits."""
        return (one for one in self.items.values() if one.id not in self.ended)


class Offers:
    """Every offer whose command still runs. Whoever changes something here tells the desk."""

    def __init__(
        self, pick_ups: PickUps, *, ended: Callable[[Offer, str], None], name_of: Callable[[DeviceId], str]
    ) -> None:
        """`ended` hears of each thing that waits no more; `name_of` knows what a device is called."""
        self._pick_ups = pick_ups
        self._ended = ended
        self._name_of = name_of
        self._all: list[Offer] = []

    def put(self, offer: Offer) -> None:
        """On the shelf from now on; raises `DeskRefusal`."""
        if sum(len(one.items) for one in self._all) + len(offer.items) > OFFERED_MAX:
            raise DeskRefusal(Reason.TOO_MANY_ITEMS, f"No more than {OFFERED_MAX} things can wait at once.")
        self._all.append(offer)

    def leave_out(self, offer: Offer) -> None:
        """It could not be offered after all."""
        self._all.remove(offer)

    def waiting(self) -> Iterator[tuple[Waiting, Offer]]:
        """What is on the shelf, the newest first."""
        for offer in reversed(self._all):
            for one in offer.waiting():
                # `look` ends it in a moment; until then a second device must not be given what was for the first.
                if not offer.once or self._once_taken(offer, one.id) is None:
                    yield one, offer

    def find(self, item: str) -> tuple[Waiting, Offer] | None:
        """One thing that waits."""
        return next((found for found in self.waiting() if found[0].id == item), None)

    @property
    def is_any(self) -> bool:
        """Whether a command shows how it stands with anything."""
        return bool(self._all)

    def is_told(self, item: str) -> bool:
        """Whether a command still shows how it stands with this."""
        return any(item in offer.items for offer in self._all)

    def end(self, item: str, state: OfferState) -> bool:
        """Take one thing off the shelf; False if it is not there (any more)."""
        found = self.find(item)
        if found is None:
            return False
        self._end(found[1], [item], state)
        return True

    def leave(self, visit: int) -> None:
        """The command that offered these is gone, and they with it."""
        for offer in [one for one in self._all if one.visit == visit]:
            self._end(offer, [one.id for one in offer.waiting()], OfferState.WITHDRAWN)
            self._all.remove(offer)

    def look(self, now: float) -> bool:
        """Take off what has expired, or was to be picked up once and was; True if there was any."""
        before = sum(len(offer.ended) for offer in self._all)
        for offer in list(self._all):
            if now >= offer.expires:
                self._end(offer, [one.id for one in offer.waiting()], OfferState.WITHDRAWN)
            elif offer.once:
                for one in list(offer.waiting()):
                    taken = self._once_taken(offer, one.id)
                    if taken is not None:
                        self._end(offer, [one.id], taken)
        return sum(len(offer.ended) for offer in self._all) > before

    def next_expiry(self) -> float | None:
        """When the next one ends by itself, in seconds of the wall clock."""
        return min((offer.expires for offer in self._all if not offer.is_over), default=None)

    def facts(self, asker: Asker) -> OfferList:
        """How it stands with what this command offered."""
        rows = (row for offer in self._all if offer.visit == asker.visit for row in self._rows(offer))
        return OfferList(tuple(itertools.islice(rows, ROWS_TOLD_MAX)))

    def _rows(self, offer: Offer) -> Iterator[OfferProgress]:
        for one in offer.items.values():
            ended = offer.ended.get(one.id)
            latest = {pick_up.device: (pick_up, part) for pick_up, part in self._pick_ups.of_item(one.id)}
            for pick_up, part in latest.values():
                state, done = pick_up.state(part), pick_up.bytes_done(part)
                yield OfferProgress(one.id, one.name, state, part.size, done, self._name_of(pick_up.device))
            for (item, device), done in offer.partly.items():
                if item == one.id and device not in latest:
                    name = self._name_of(device)
                    yield OfferProgress(one.id, one.name, OfferState.FAILED, one.size, done, name)
            if ended is OfferState.WITHDRAWN or not latest:
                done = one.size if one.id in offer.downloaded else 0
                state = OfferState.HANDED_OVER if done or ended in _TAKEN else OfferState.WAITING
                yield OfferProgress(one.id, one.name, ended or state, one.size, done)

    def _once_taken(self, offer: Offer, item: str) -> OfferState | None:
        """How the first who took it whole did; None while nobody has."""
        states = (pick_up.state(part) for pick_up, part in self._pick_ups.of_item(item))
        taken = next((state for state in states if state in _TAKEN), None)
        return taken or (OfferState.HANDED_OVER if item in offer.downloaded else None)

    def _end(self, offer: Offer, items: Iterable[str], state: OfferState) -> None:
        for item in items:
            offer.ended[item] = state
            self._pick_ups.cancel(item)
            self._ended(offer, item)
