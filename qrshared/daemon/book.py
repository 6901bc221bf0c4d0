"""The guest book: the register of tickets and devices, kept on the disk; nobody is told anything before it is there."""

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

from qrshared.daemon.store import Store
from qrshared.errors import QrsharedError
from qrshared.protocol import PeerKind, Reason
from qrshared.seal import Refusal
from qrshared.sessions import EnrollRefused
from qrshared.tickets import (
    Credential,
    Device,
    Grant,
    KeyMalformed,
    Life,
    NotATicket,
    Register,
    RegisterFull,
    Road,
    RoadSecrets,
    Ticket,
    TicketSpent,
    Trust,
    UnknownDevice,
    rooms_of,
)

T = TypeVar("T")

NEWCOMERS_MAX: Final = 60
"""New devices in a minute: a school class may scan at once, a program that makes keys may not fill the book."""

MINUTE_S: Final = 60.0

log = logging.getLogger(__name__)

_WHY: dict[type[QrsharedError], Reason] = {
    TicketSpent: Reason.EXPIRED,
    RegisterFull: Reason.BUSY,
    NotATicket: Reason.PROTOCOL,
    KeyMalformed: Reason.PROTOCOL,
}


class Book:
    """Who may come in. Whatever must survive a crash is on the disk before the call returns."""

    def __init__(
        self,
        store: Store,
        *,
        guest_day_bytes: int,
        on_ended: Callable[[Iterable[str], Reason], None],
        is_online: Callable[[str], bool] = lambda _device: False,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`on_ended` hears which devices' keys are worth nothing any more, and why.

        `is_online`: whoever is connected makes room for a new device last. Raises `StoreDamaged`, `RegisterDamaged`.
        """
        document = store.load()
        self.register = (
            Register(guest_day_bytes=guest_day_bytes)
            if document is None
            else Register.load(document, guest_day_bytes=guest_day_bytes)
        )
        self._store = store
        self._is_online = is_online
        self._on_ended = on_ended
        self._now = now
        self._unsaved = False
        self._walls: dict[bool, str] = {}
        self._newcomers: deque[float] = deque()
        self._road_secrets = RoadSecrets()
        self._rooms_told: frozenset[str] = frozenset()
        self.on_rooms_changed: Callable[[], None] = _nobody
        """Called when `rooms` gives others than before: whoever may come from away has."""

    def has_phones(self) -> bool:
        """Whether anybody has ever come by a code and is still known; the owner's own page does not count."""
        return any(device.trust is not Trust.OWNER for device in self.register.devices())

    # --- for sessions --------------------------------------------------------------------------------

    def find(self, key_id: bytes, road: Road) -> Credential | Refusal:
        """Who presents this key id; away from home it may be a road secret's."""
        now = self._now()
        found = self.register.find(key_id, road, now)
        if found is Refusal.UNKNOWN_KEY and road is Road.AWAY:
            secret = self._road_secrets.find(key_id, now)
            return found if secret is None else self.register.carried(secret, road, now)
        return found

    def grant(self, credential: Credential) -> Grant:
        """What they may do now."""
        return self.register.grant(credential)

    async def enroll(self, credential: Credential, key: bytes, name: str, kind: PeerKind) -> Grant:
        """Make the device, write it down, and only then return; raises `EnrollRefused`."""
        if self._is_crowded(key):
            raise EnrollRefused(Reason.BUSY)
        try:
            enrolled = self.register.enroll(credential, key, name, kind, self._now(), busy=self._is_online)
        except (TicketSpent, RegisterFull, NotATicket, KeyMalformed) as fault:
            raise EnrollRefused(_WHY[type(fault)]) from fault
        try:
            await self.save()
        except OSError as fault:
            log.warning("the list of devices could not be written: %s", fault.strerror)
            raise EnrollRefused(Reason.DISK_ERROR) from fault
        if enrolled.is_new:
            self._newcomers.append(self._now())
        if enrolled.displaced is not None:
            self._ended([enrolled.displaced], Reason.EXPIRED)
        self._look_at_rooms()
        return enrolled.grant

    def _is_crowded(self, key: bytes) -> bool:
        """Whether an unknown key has to wait: too many new devices came in the last minute."""
        now = self._now()
        while self._newcomers and not 0 <= now - self._newcomers[0] < MINUTE_S:
            self._newcomers.popleft()
        return len(self._newcomers) >= NEWCOMERS_MAX and not self.register.knows(key)

    def road_secret(self, device: str) -> bytes:
        """A fresh secret by which this device's page may go on away from home; it is not written down."""
        secret = self._road_secrets.issue(device, self._now())
        self._look_at_rooms()
        return secret

    def name(self, device: str) -> str:
        """What the owner knows this device as."""
        return self.register.device(device).name

    def called(self, device: str, before: str) -> str:
        """The same for whoever tells of it later; `before`, as it was called then, if it is known no more."""
        try:
            return self.name(device)
        except UnknownDevice:
            return before

    def since(self, device: str) -> float:
        """When its key came for the first time."""
        return self.register.device(device).made

    def keys(self, kind: PeerKind) -> Sequence[bytes]:
        """Of devices of this kind that came from away, the latest seen first."""
        return [each.key for each in self.register.devices() if each.kind == kind and Road.AWAY in each.roads]

    def seen(self, device: str) -> None:
        """Note a visit; it is written down with the next round."""
        try:
            self.register.seen(device, self._now())
        except UnknownDevice:
            return  # revoked a moment ago
        self._unsaved = True

    # --- for customs --------------------------------------------------------------------------------

    def allows(self, device: str, count: int) -> bool:
        """Whether so many bytes are within the device's allowance today."""
        try:
            return self.register.allow_bytes(device, count, self._now())
        except UnknownDevice:
            return False

    def reserves(self, device: str, transfer: str, count: int) -> bool:
        """Promise a transfer so much of the device's allowance; False when it does not hold it."""
        try:
            return self.register.reserve(device, transfer, count, self._now())
        except UnknownDevice:
            return False

    def releases(self, device: str, transfer: str) -> None:
        """Give back what was promised and did not come."""
        self.register.release(device, transfer)

    def is_guest(self, device: str) -> bool:
        """Whether its owner has not said that it is one of theirs; who is unknown is a guest."""
        try:
            return self.register.device(device).trust is Trust.GUEST
        except UnknownDevice:
            return True

    def brings(self, device: str, transfer: str, count: int) -> bool:
        """Count bytes that are about to be written; False when the device's allowance does not hold them."""
        try:
            is_within = self.register.spend(device, transfer, count, self._now())
        except UnknownDevice:
            return False
        self._unsaved = True
        return is_within

    # --- for the desk --------------------------------------------------------------------------------

    def wall_ticket(self, *, away: bool = False) -> Ticket:
        """The ticket that walls show now, `away`: the one that works from elsewhere; raises `TooManyTickets`."""
        ticket = self.register.wall_ticket(self._now(), away=away)
        # Asked many times a minute, new every five: a disk that sleeps must not be woken for each time.
        if self._walls.get(away) != ticket.id:
            self._walls[away] = ticket.id
            self._unsaved = True
            self._look_at_rooms()
        return ticket

    async def personal(self, life: Life | float, *, away: bool = False) -> Ticket:
        """A personal ticket, written down; raises `TooManyTickets`."""
        return await self._saved(self.register.personal(self._now(), life=life, away=away))

    async def second_key(self, device: str) -> Ticket:
        """For this device's own key at the edge, written down; raises `TooManyTickets`, `UnknownDevice`."""
        return await self._saved(self.register.second_key(device, self._now()))

    async def pick_up(self, items: Iterable[str], *, expires: float | None, away: bool) -> Ticket:
        """For whoever fetches these things from the shelf, written down; raises `TooManyTickets`."""
        return await self._saved(self.register.pick_up(self._now(), items, expires=expires, away=away))

    async def end_ticket(self, ticket: str) -> None:
        """It opens nothing any more, and neither do the keys of the guests whom it let in."""
        ended = self.register.revoke_ticket(ticket)
        if ended:
            self._ended(ended, Reason.EXPIRED)
        self._look_at_rooms()
        await self.save()

    def pair(self) -> Ticket:
        """For two devices to meet by; it is not kept."""
        return self.register.pair(self._now())

    async def owner(self) -> Ticket:
        """A one-use owner's ticket, written down; raises `TooManyTickets`."""
        return await self._saved(self.register.owner(self._now()))

    async def rename(self, device: str, name: str) -> Device:
        """Raises `UnknownDevice`."""
        return await self._saved(self.register.rename(device, name))

    async def trust(self, device: str) -> Device:
        """Raises `UnknownDevice`."""
        return await self._saved(self.register.trust(device))

    async def revoke(self, device: str) -> None:
        """End a device's key, at once and for good. Raises `UnknownDevice`."""
        ended = self.register.revoke(device)
        self._ended(ended, Reason.REVOKED)
        await self.save()

    # --- for the door away from home --------------------------------------------------------------------

    def rooms(self) -> Mapping[str, bytes]:
        """Room id → secret: where at the edge somebody who may come in would look for this home."""
        return rooms_of(self.register, self._road_secrets, self._now())

    def leave_rooms(self) -> float:
        """Tell of rooms whose code has ended; returns in how many seconds the next one ends, if that is known."""
        self._look_at_rooms()
        now = self._now()
        away = (ticket for ticket in self.register.tickets(now) if Road.AWAY in ticket.roads)
        return min((ticket.expires - now for ticket in away if ticket.expires is not None), default=math.inf)

    # --- rounds --------------------------------------------------------------------------------

    async def make_round(self) -> None:
        """Forget what has ended and write down what may be lost for a minute, such as visits."""
        self._road_secrets.expire(self._now())
        ended = self.register.expire(self._now())
        if ended:
            self._ended(ended, Reason.EXPIRED)
        self._look_at_rooms()
        if ended or self._unsaved:
            await self.save()

    async def save(self) -> None:
        """Write everything down; raises OSError."""
        self._unsaved = False
        try:
            await self._store.save(self.register.dump())
        except BaseException:
            self._unsaved = True  # failed, or nobody waited to hear that it did not
            raise

    async def _saved(self, made: T) -> T:
        await self.save()
        self._look_at_rooms()  # not before: a code that is lost by a power cut must not have let anybody in
        return made

    def _ended(self, devices: Iterable[str], reason: Reason) -> None:
        ended = list(devices)
        self._road_secrets.end(ended)
        self._look_at_rooms()
        self._on_ended(ended, reason)

    def _look_at_rooms(self) -> None:
        rooms = frozenset(self.rooms())
        if rooms != self._rooms_told:
            self._rooms_told = rooms
            self.on_rooms_changed()


def _nobody() -> None:
    """Without an edge there are no rooms to be in."""
