"""Who picked up what from the shelf, and when: for the owner alone, and for as long as it lies there."""

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from qrshared.daemon.pickups import ROWS_TOLD_MAX, PickUp, PickUps
from qrshared.protocol import DeviceId, OfferState, PickUpFacts, PickUpList, Reason, ShelfItemId

KEPT_MAX: Final = 1_024
"""Ends of pick-ups that are remembered, the newest."""

_ENDED: Final = frozenset({OfferState.DONE, OfferState.HANDED_OVER, OfferState.FAILED})


@dataclass(frozen=True, slots=True)
class Taker:
    """How the last pick-up of one thing by one device ended."""

    item: ShelfItemId
    device: DeviceId
    state: OfferState
    size: int
    bytes_done: int
    at_ms: int


class Takers:
    """Feed it the pick-ups of the moment; it remembers how they end."""

    def __init__(
        self,
        kept: Iterable[Taker],
        *,
        pick_ups: PickUps,
        name_of: Callable[[DeviceId], str],
        now: Callable[[], float],
    ) -> None:
        """`kept`: the oldest first. `now`: seconds of the wall clock. `name_of` knows what a device is called."""
        self._pick_ups = pick_ups
        self._name_of = name_of
        self._now = now
        self._all = {(one.item, one.device): one for one in kept}
        self._open: dict[tuple[ShelfItemId, DeviceId], Taker] = {}
        self._seen: set[tuple[PickUp, ShelfItemId]] = set()

    def look(self) -> None:
        """Note what has ended since the last look; before the pick-ups themselves are forgotten."""
        seen: set[tuple[PickUp, ShelfItemId]] = set()
        for one in self._pick_ups.all():
            for part in one.parts:
                key = (one, part.item)
                if key not in self._seen:
                    state = one.state(part)
                    if state not in _ENDED:
                        continue
                    # Whoever stopped it knows, and one that never began is no news to anybody.
                    if state is not OfferState.FAILED or one.reason(part) is not Reason.DECLINED:
                        self.note(part.item, one.device, state, size=part.size, bytes_done=one.bytes_done(part))
                seen.add(key)
        self._seen = seen

    def note(self, item: ShelfItemId, device: DeviceId, state: OfferState, *, size: int, bytes_done: int) -> None:
        """It ended so, now."""
        self._open.pop((item, device), None)
        self._all.pop((item, device), None)  # the newest stands last
        self._all[item, device] = Taker(item, device, state, size, bytes_done, int(self._now() * 1000))
        while len(self._all) > KEPT_MAX:
            del self._all[next(iter(self._all))]

    def note_plain(
        self, item: ShelfItemId, device: DeviceId, *, is_moving: bool, size: int, bytes_done: int
    ) -> None:  # fmt: skip
        """A browser downloads it, or has stopped so far and may go on; no longer than this daemon runs."""
        state = OfferState.MOVING if is_moving else OfferState.WAITING
        self._open.pop((item, device), None)
        self._open[item, device] = Taker(item, device, state, size, bytes_done, int(self._now() * 1000))
        while len(self._open) > KEPT_MAX:
            del self._open[next(iter(self._open))]

    def keep(self, items: Collection[ShelfItemId]) -> None:
        """Nothing but these lies on the shelf."""
        for known in (self._all, self._open):
            for key in [key for key in known if key[0] not in items]:
                del known[key]

    def all(self) -> Iterator[Taker]:
        """All that ended, the oldest first."""
        return iter(self._all.values())

    def last(self, item: ShelfItemId, device: DeviceId) -> Taker | None:
        """How this device's last pick-up of this ended, or how far its browser has got with it."""
        return self._open.get((item, device)) or self._all.get((item, device))

    def facts(self, items: Collection[ShelfItemId]) -> PickUpList:
        """What moves, then what ended, the newest first; of these things."""
        rows = itertools.chain(self._moving(items), self._over(items))
        return PickUpList(tuple(itertools.islice(rows, ROWS_TOLD_MAX)))

    def _moving(self, items: Collection[ShelfItemId]) -> Iterator[PickUpFacts]:
        for one in self._pick_ups.moving():
            for part in one.parts:
                state = one.state(part)
                if part.item in items and state not in _ENDED:
                    done = one.bytes_done(part)
                    yield PickUpFacts(part.item, self._name_of(one.device), state, part.size, done)

    def _over(self, items: Collection[ShelfItemId]) -> Iterator[PickUpFacts]:
        for one in reversed(self._all.values()):
            if one.item in items and not self._pick_ups.is_under_way(one.item, one.device):
                yield PickUpFacts(one.item, self._name_of(one.device), one.state, one.size, one.bytes_done, one.at_ms)
