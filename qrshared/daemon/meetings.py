"""Which two devices may hand each other envelopes through this computer, and how many. Pure: `now` is in seconds."""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from qrshared.buckets import Buckets
from qrshared.protocol import DeviceId, MeetingId
from qrshared.tickets import DEVICES_MAX

MEETINGS_MAX: Final = 64
"""Living ones of all devices together; the oldest gives way."""

MEETINGS_PER_DEVICE_MAX: Final = 16
"""Living ones of one device; its oldest gives way."""

MEETING_LIFE_S: Final = 3_600.0
"""As long as the pair ticket: pages that still have something to say ask to meet again."""

ENVELOPES_PER_S: Final = 20.0
"""Envelopes of one device in the long run, whatever meetings they are for."""

ENVELOPES_BURST_MAX: Final = 100.0
"""Envelopes of one device at once: an offer and its candidates, several times over."""

MEETS_PER_S: Final = 0.2
"""Introductions that one device may ask for in the long run: each may cost an account at a relay."""

MEETS_BURST_MAX: Final = 10.0
"""Introductions that one device may ask for at once."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """Two devices that were introduced."""

    id: MeetingId
    devices: frozenset[DeviceId]
    began: float

    def is_alive(self, now: float) -> bool:
        """Whether envelopes are still handed on."""
        return now < self.began + MEETING_LIFE_S


class Meetings:
    """The table of those that live."""

    def __init__(self, *, random: Callable[[int], str] = secrets.token_hex) -> None:
        self._random = random
        self._all: dict[MeetingId, Meeting] = {}  # the oldest first
        self._envelopes = Buckets(per_s=ENVELOPES_PER_S, burst=ENVELOPES_BURST_MAX, most=DEVICES_MAX)
        self._meets = Buckets(per_s=MEETS_PER_S, burst=MEETS_BURST_MAX, most=DEVICES_MAX)

    def __len__(self) -> int:
        return len(self._all)

    def may_ask(self, device: DeviceId, now: float) -> bool:
        """Whether this device may be introduced to somebody now; it is counted if so."""
        return self._meets.take(device, now)

    def open(self, first: DeviceId, second: DeviceId, now: float) -> Meeting:
        """A new one; it takes the place of an earlier one of the same two."""
        both = frozenset((first, second))
        self._keep(lambda one: one.is_alive(now) and one.devices != both)
        for device in (first, second):
            theirs = [one for one in self._all.values() if device in one.devices]
            for one in theirs[: max(0, len(theirs) - MEETINGS_PER_DEVICE_MAX + 1)]:
                del self._all[one.id]
        while len(self._all) >= MEETINGS_MAX:
            del self._all[next(iter(self._all))]
        meeting = Meeting(self._random(16), both, now)
        self._all[meeting.id] = meeting
        return meeting

    def other(self, meeting: MeetingId, device: DeviceId, now: float) -> DeviceId | None:
        """Whom an envelope of this device is for, and count it; None: to be dropped."""
        found = self._all.get(meeting)
        if found is None or not found.is_alive(now) or device not in found.devices:
            return None
        if not self._envelopes.take(device, now):
            return None
        return next(iter(found.devices - {device}))

    def end(self, devices: Iterable[DeviceId]) -> None:
        """These devices are no longer known: nobody hands them anything."""
        gone = frozenset(devices)
        self._keep(lambda one: not one.devices & gone)

    def _keep(self, is_kept: Callable[[Meeting], bool]) -> None:
        self._all = {one.id: one for one in self._all.values() if is_kept(one)}
