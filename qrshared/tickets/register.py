"""The register: every ticket and device the daemon knows, and who may do what with them."""

import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeAlias

from qrshared.seal import DEVICE_SECRET_BYTES, TICKET_SECRET_BYTES, Refusal, derive_keys
from qrshared.tickets import records
from qrshared.tickets.allowance import GUEST_DAY_BYTES, Bringer, GuestDay, Reserved
from qrshared.tickets.device import Device, clean_name, distinct, joined, new_device, trusted
from qrshared.tickets.errors import (
    KeyMalformed,
    NotATicket,
    RegisterDamaged,
    RegisterFull,
    TicketSpent,
    TooManyTickets,
    UnknownDevice,
)
from qrshared.tickets.grant import Credential, Grant, grant_of
from qrshared.tickets.road_secrets import RoadSecret
from qrshared.tickets.ticket import (
    AWAY_WALL_TERMS,
    DAY_S,
    OWNER_TERMS,
    PAIR_TERMS,
    PERSONAL_TERMS,
    PICK_UP_TERMS,
    PRINTED_TERMS,
    SECOND_KEY_TERMS,
    WALL_RENEW_S,
    WALL_TERMS,
    Road,
    Terms,
    Ticket,
    TicketKind,
    Trust,
    new_ticket,
)

DEVICES_MAX: Final = 256
"""A home has dozens; beyond this the guest that was away longest gives way: a crowd cannot fill disk or list."""
TICKETS_MAX: Final = 256
"""A wall makes one in five minutes and each dies after fifteen; the rest is for codes that the owner prints."""

DeviceIds: TypeAlias = tuple[str, ...]


class Life(StrEnum):
    """How long a personal ticket lives; the values are the wire's."""

    ONCE = "once"  # one device, 15 minutes
    WEEK = "7d"
    NEVER = "never"


PRINTED_S_MAX: Final = 366 * DAY_S
"""What is to work for longer works until it is revoked."""


def life_of(word: str) -> Life | float:
    """What the wire says of a ticket's life: one of these, or a time such as "2h", in seconds; raises ValueError."""
    if word in tuple(Life):
        return Life(word)
    found = re.fullmatch(r"([1-9][0-9]{0,7})([smhd])", word)
    lasts_s = int(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": DAY_S}[found[2]] if found else 0
    if not 0 < lasts_s <= PRINTED_S_MAX:
        raise ValueError(f"no life of a ticket: {word[:20]}")
    return float(lasts_s)


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What came of an enrolment; write `Register.dump()` to disk before you tell the peer."""

    device: Device
    grant: Grant
    is_new: bool
    displaced: str | None = None
    """A guest's device that had to make room: close its links."""


class Register:
    """Feed it what happened, ask it who may do what; `now` is the wall clock in seconds."""

    def __init__(
        self,
        *,
        guest_day_bytes: int = GUEST_DAY_BYTES,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._tickets: dict[str, Ticket] = {}
        self._devices: dict[str, Device] = {}
        self._guest_day = GuestDay()
        self._reserved = Reserved()
        self.guest_day_bytes = guest_day_bytes
        """What all guests together may send in a day."""
        self._random = random

    # --- tickets ------------------------------------------------------------------------------------------------

    def wall_ticket(self, now: float, *, away: bool = False) -> Ticket:
        """The ticket every wall shows now: the same one for five minutes. `away`: the one that works from elsewhere."""
        terms = AWAY_WALL_TERMS if away else WALL_TERMS
        walls = [one for one in self._tickets.values() if one.kind is TicketKind.WALL and one.roads == terms.roads]
        newest = max(walls, key=lambda ticket: ticket.made, default=None)
        # A ticket from the future means that the clock was set back: it would be shown for too long.
        if newest is not None and newest.made <= now < newest.made + WALL_RENEW_S:
            return newest
        return self._make(TicketKind.WALL, terms, now)

    def personal(self, now: float, *, life: Life | float = Life.ONCE, away: bool = False) -> Ticket:
        """For one device of the owner's; or, with a life (or seconds) of its own, a code to hang up: it only sends."""
        if life is Life.ONCE:
            return self._make(TicketKind.PERSONAL, PERSONAL_TERMS, now, away=away)
        lasts_s = {Life.WEEK: 7 * DAY_S, Life.NEVER: None}[life] if isinstance(life, Life) else life
        expires = None if lasts_s is None else now + lasts_s
        return self._make(TicketKind.PERSONAL, PRINTED_TERMS, now, expires=expires, away=away)

    def owner(self, now: float) -> Ticket:
        """For the browser of this very computer: one use, 60 seconds."""
        return self._make(TicketKind.OWNER, OWNER_TERMS, now)

    def pick_up(self, now: float, items: Iterable[str], *, expires: float | None = None, away: bool = False) -> Ticket:
        """For whoever fetches these shelf items; a day, unless `expires` says another time."""
        return self._make(TicketKind.PICK_UP, PICK_UP_TERMS, now, expires=expires, away=away, items=frozenset(items))

    def second_key(self, device_id: str, now: float) -> Ticket:
        """For the same person's key at the edge; an earlier one that this device asked for is worth nothing any more.

        Raises UnknownDevice.
        """
        asker = self.device(device_id)
        self._drop_tickets_of(asker.id)
        return self._make(TicketKind.PERSONAL, SECOND_KEY_TERMS, now, asked_by=asker.id)

    def pair(self, now: float) -> Ticket:
        """For two devices to meet by; nobody comes in with it, so it is not kept."""
        return new_ticket(TicketKind.PAIR, PAIR_TERMS, self._random(TICKET_SECRET_BYTES), now)

    def tickets(self, now: float) -> list[Ticket]:
        """Those that still work, oldest first."""
        alive = (ticket for ticket in self._tickets.values() if ticket.is_alive(now))
        return sorted(alive, key=lambda ticket: ticket.made)

    def revoke_ticket(self, ticket_id: str) -> DeviceIds:
        """Ends a ticket, and the guests it let in if it bounds them; returns whose links to close."""
        ticket = self._tickets.pop(ticket_id, None)
        if ticket is None or not ticket.bounds_its_devices:
            return ()
        return self._drop(
            device.id for device in self._devices.values() if device.ticket == ticket_id and device.trust is Trust.GUEST
        )

    # --- who is there -------------------------------------------------------------------------------------------

    def find(self, key_id: bytes, road: Road, now: float) -> Credential | Refusal:
        """Who presented this key id. It is no secret (one-way from one), so a plain lookup gives nothing away."""
        name = key_id.hex()
        holder: Ticket | Device | None = self._devices.get(name) or self._tickets.get(name)
        if holder is None or not holder.is_alive(now):
            return Refusal.UNKNOWN_KEY
        if road not in holder.roads:
            return Refusal.WRONG_ROAD
        secret = holder.key if isinstance(holder, Device) else holder.secret
        return Credential(holder, derive_keys(secret).session_auth, road)

    def carried(self, secret: RoadSecret, road: Road, now: float) -> Credential | Refusal:
        """Who goes on by this road secret: a device that is still known and no guest."""
        device = self._devices.get(secret.device)
        if device is None or not device.is_alive(now) or device.trust is Trust.GUEST:
            return Refusal.UNKNOWN_KEY
        return Credential(device, derive_keys(secret.secret).session_auth, road, by_road_secret=True)

    def grant(self, credential: Credential) -> Grant:
        """What a session under this credential may do as things stand now."""
        holder = credential.holder
        known = self._devices.get(holder.id) if isinstance(holder, Device) else holder
        return grant_of(known, credential.road, by_road_secret=credential.by_road_secret)

    def enroll(
        self,
        credential: Credential,
        key: bytes,
        name: str,
        kind: str,
        now: float,
        *,
        busy: Callable[[str], bool] = lambda _device: False,
    ) -> Enrolled:
        """Makes (or finds again) the device of this key. Raises TicketSpent, RegisterFull, NotATicket, KeyMalformed.

        The same key again is the same device and costs no second use, even when its ticket is used up or gone by now;
        another key under a used ticket is refused. A known device gains what a better ticket gives, and loses nothing.
        `busy` says which devices are connected: they make room last.
        """
        if len(key) != DEVICE_SECRET_BYTES:
            raise KeyMalformed
        known = self._devices.get(derive_keys(key).key_id.hex())
        if known is not None and not known.is_alive(now):
            known = None
        if isinstance(credential.holder, Device):
            if known is None or known.id != credential.holder.id:
                raise NotATicket
            return self._enrolled(known, credential)
        if known is not None and known.ticket == credential.holder.id:
            return self._enrolled(known, credential)
        ticket = self._tickets.get(credential.holder.id, credential.holder)
        asker = self._devices.get(ticket.asked_by or "")
        otherwise = "" if asker is None else asker.name
        fresh = new_device(ticket, credential.road, key, name, kind, now, otherwise=otherwise)
        if asker is None:  # a second key of the same phone keeps its name
            others = (one.name for one in self._devices.values() if one.id != fresh.id and one.is_alive(now))
            fresh = replace(fresh, name=distinct(fresh.name, others))
        device = joined(known, fresh)
        if device == known:
            return self._enrolled(device, credential)
        if ticket.id not in self._tickets or not ticket.is_alive(now):
            raise TicketSpent
        displaced = None if known is not None else self._make_room(now, busy)
        if ticket.uses_left is not None:
            self._tickets[ticket.id] = replace(ticket, uses_left=ticket.uses_left - 1)
        self._devices[device.id] = device
        return self._enrolled(device, credential, is_new=known is None, displaced=displaced)

    # --- devices ------------------------------------------------------------------------------------------------

    def devices(self) -> list[Device]:
        """All of them, the latest seen first."""
        return sorted(self._devices.values(), key=lambda device: device.seen, reverse=True)

    def device(self, device_id: str) -> Device:
        """Raises UnknownDevice."""
        try:
            return self._devices[device_id]
        except KeyError:
            raise UnknownDevice from None

    def knows(self, key: bytes) -> bool:
        """Whether this key is a device's already."""
        return len(key) == DEVICE_SECRET_BYTES and derive_keys(key).key_id.hex() in self._devices

    def seen(self, device_id: str, now: float) -> Device:
        """Notes a visit, from which a guest's day counts anew. Raises UnknownDevice."""
        device = self.device(device_id)
        return self._keep(replace(device, seen=max(device.seen, now)))

    def rename(self, device_id: str, name: str) -> Device:
        """Raises UnknownDevice."""
        return self._keep(replace(self.device(device_id), name=clean_name(name)))

    def trust(self, device_id: str) -> Device:
        """The owner's word: this device picks up as well, and stays. Raises UnknownDevice."""
        return self._keep(trusted(self.device(device_id)))

    def revoke(self, device_id: str) -> DeviceIds:
        """Forgets a device and its key for elsewhere; returns whose links to close. Raises UnknownDevice."""
        device = self.device(device_id)
        return self._drop([device.id, *(one.id for one in self._devices.values() if one.second_of == device.id)])

    def expire(self, now: float) -> DeviceIds:
        """Forgets what has ended; returns whose links to close."""
        # A used-up ticket stays until its time is over: the key that used it may come again in an open handshake.
        over = [ticket.id for ticket in self._tickets.values() if ticket.expires is not None and now >= ticket.expires]
        for ticket_id in over:
            del self._tickets[ticket_id]
        return self._drop(device.id for device in self._devices.values() if not device.is_alive(now))

    # --- the guests' day ----------------------------------------------------------------------------------------

    def allow_bytes(self, device_id: str, count: int, now: float, *, transfer: str | None = None) -> bool:
        """Whether this device may send so much now, beside what others were promised; guests are counted together."""
        if self.device(device_id).trust is not Trust.GUEST:
            return True
        bringer: Bringer | None = None if transfer is None else (device_id, transfer)
        return count <= self._guest_day.left(self.guest_day_bytes, now) - self._reserved.besides(bringer)

    def reserve(self, device_id: str, transfer: str, count: int, now: float) -> bool:
        """Promises a transfer so much of the guests' day; False, and nothing is promised, when it does not hold it."""
        self.release(device_id, transfer)
        if not self.allow_bytes(device_id, count, now):
            return False
        if self.device(device_id).trust is Trust.GUEST:
            self._reserved.keep((device_id, transfer), count)
        return True

    def release(self, device_id: str, transfer: str) -> None:
        """Gives back what a transfer was promised and did not bring."""
        self._reserved.release((device_id, transfer))

    def spend(self, device_id: str, transfer: str, count: int, now: float) -> bool:
        """Counts bytes that arrived; False (and nothing counted) when the guests' day does not hold them."""
        if not self.allow_bytes(device_id, count, now, transfer=transfer):
            return False
        if self.device(device_id).trust is Trust.GUEST:
            self._guest_day.spend(count, now)
            self._reserved.draw((device_id, transfer), count)
        return True

    # --- on disk ------------------------------------------------------------------------------------------------

    def dump(self) -> records.Record:
        """Everything, as JSON-able values. It holds secrets: mode 0600, and fsync before an enrolment is answered."""
        return {
            "format": records.FORMAT,
            "tickets": [records.ticket_record(ticket) for ticket in self._tickets.values()],
            "devices": [records.device_record(device) for device in self._devices.values()],
            "guest_day": {"began": self._guest_day.began, "spent": self._guest_day.spent},
        }

    def give_guests(self, day_bytes: int) -> None:
        """What all guests together may send in a day, from now on."""
        self.guest_day_bytes = day_bytes

    @classmethod
    def load(
        cls,
        document: object,
        *,
        guest_day_bytes: int = GUEST_DAY_BYTES,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> "Register":
        """What `dump` gave. Raises RegisterDamaged: a register is read whole or not at all."""
        fields = records.mapping(document, "the list")
        if fields.get("format") != records.FORMAT:
            raise RegisterDamaged(detail="it was written by another version")
        register = cls(guest_day_bytes=guest_day_bytes, random=random)
        for ticket in map(records.ticket_from, records.sequence(fields, "tickets")):
            register._tickets[ticket.id] = ticket
        for device in map(records.device_from, records.sequence(fields, "devices")):
            register._devices[device.id] = device
        day = records.mapping(fields.get("guest_day"), "guest_day")
        register._guest_day = GuestDay(records.number(day, "began"), int(records.number(day, "spent")))
        return register

    # --- inside -------------------------------------------------------------------------------------------------

    def _make(
        self,
        kind: TicketKind,
        terms: Terms,
        now: float,
        *,
        expires: float | None = None,
        away: bool = False,
        items: frozenset[str] | None = None,
        asked_by: str | None = None,
    ) -> Ticket:
        self._tickets = {ticket.id: ticket for ticket in self._tickets.values() if ticket.is_alive(now)}
        if len(self._tickets) >= TICKETS_MAX:
            passing = [ticket for ticket in self._tickets.values() if not ticket.bounds_its_devices]
            if not passing:
                raise TooManyTickets(count=TICKETS_MAX)
            del self._tickets[min(passing, key=lambda ticket: ticket.made).id]
        secret = self._random(TICKET_SECRET_BYTES)
        ticket = new_ticket(kind, terms, secret, now, expires=expires, away=away, items=items, asked_by=asked_by)
        self._tickets[ticket.id] = ticket
        return ticket

    def _make_room(self, now: float, busy: Callable[[str], bool]) -> str | None:
        if len(self._devices) < DEVICES_MAX:
            return None
        ended = [device for device in self._devices.values() if not device.is_alive(now)]
        guests = [device for device in self._devices.values() if device.trust is Trust.GUEST]
        idle = [device for device in guests if not busy(device.id)]
        # Of the ticket that made most of them: somebody who enrolls hundreds pushes out nobody else's guests.
        crowd = Counter(device.ticket for device in idle or guests)
        oldest = min(ended or idle or guests, key=lambda device: (-crowd[device.ticket], device.seen), default=None)
        if oldest is None:
            raise RegisterFull(count=DEVICES_MAX)
        self._drop([oldest.id])
        return oldest.id

    def _enrolled(
        self, device: Device, credential: Credential, *, is_new: bool = False, displaced: str | None = None
    ) -> Enrolled:
        grant = grant_of(device, credential.road, by_road_secret=credential.by_road_secret)
        return Enrolled(device, grant, is_new, displaced)

    def _keep(self, device: Device) -> Device:
        self._devices[device.id] = device
        return device

    def _drop(self, device_ids: Iterable[str]) -> DeviceIds:
        dropped = tuple(device_ids)
        for device_id in dropped:
            del self._devices[device_id]
            self._drop_tickets_of(device_id)  # a phone that was lost must not come back by a code it asked for
        return dropped

    def _drop_tickets_of(self, device_id: str) -> None:
        for ticket in [ticket for ticket in self._tickets.values() if ticket.asked_by == device_id]:
            del self._tickets[ticket.id]
