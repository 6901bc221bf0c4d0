"""Road secrets: what lets a page that is already let in at home go on over the edge; in memory, never on a disk."""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from qrshared.seal import TICKET_SECRET_BYTES, derive_keys
from qrshared.tickets.ticket import DAY_S

ROAD_SECRET_LIFE_S: Final = DAY_S
"""A page that has been open for longer has been home in between, or scans again."""
ROAD_SECRETS_PER_DEVICE_MAX: Final = 2
"""The newest, and the one before: its answer may have been lost with the link."""
ROAD_SECRETS_MAX: Final = 256
"""As many as there are devices; the oldest gives way."""


@dataclass(frozen=True, slots=True)
class RoadSecret:
    """One page's way to go on; `made` in seconds of the wall clock."""

    device: str
    secret: bytes = field(repr=False)
    made: float

    def is_alive(self, now: float) -> bool:
        """A clock that was set back ends it as well: it would live on for too long."""
        return self.made <= now < self.made + ROAD_SECRET_LIFE_S


class RoadSecrets:
    """All that are alive. They end with their device, with time, and with the daemon."""

    def __init__(self, *, random: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._random = random
        self._by_key_id: dict[bytes, RoadSecret] = {}  # the oldest first

    def issue(self, device: str, now: float) -> bytes:
        """A fresh one for this device: 16 bytes."""
        older = [key_id for key_id, one in self._by_key_id.items() if one.device == device]
        for key_id in older[: max(0, len(older) - ROAD_SECRETS_PER_DEVICE_MAX + 1)]:
            del self._by_key_id[key_id]
        while len(self._by_key_id) >= ROAD_SECRETS_MAX:
            del self._by_key_id[next(iter(self._by_key_id))]
        made = RoadSecret(device, self._random(TICKET_SECRET_BYTES), now)
        self._by_key_id[derive_keys(made.secret).key_id] = made
        return made.secret

    def find(self, key_id: bytes, now: float) -> RoadSecret | None:
        """Whose this key id is."""
        found = self._by_key_id.get(key_id)
        return found if found is not None and found.is_alive(now) else None

    def alive(self, now: float) -> list[RoadSecret]:
        """The newest first."""
        return [one for one in reversed(self._by_key_id.values()) if one.is_alive(now)]

    def end(self, devices: Iterable[str]) -> None:
        """These devices are no longer known."""
        gone = frozenset(devices)
        self._by_key_id = {key_id: one for key_id, one in self._by_key_id.items() if one.device not in gone}

    def expire(self, now: float) -> None:
        """Forget what has ended."""
        self._by_key_id = {key_id: one for key_id, one in self._by_key_id.items() if one.is_alive(now)}
