"""The guest book: the register of tickets and devices, kept on the disk; nobody is told anything before it is there."""

import logging
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

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
    Ticket,
    TicketSpent,
    UnknownDevice,
)

T = TypeVar("T")

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
        on_ended: Callable[[Iterable[str]], None],
        now: Callable[[], float] = time.time,
    ) -> None:
        """`on_ended` hears of devices whose key is worth nothing any more. Raises `StoreDamaged`, `RegisterDamaged`."""
        document = store.load()
        self.register = (
            Register(guest_day_bytes=guest_day_bytes)
            if document is None
            else Register.load(document, guest_day_bytes=guest_day_bytes)
        )
        self._store = store
        self._on_ended = on_ended
        self._now = now
        self._unsaved = False

    # --- for sessions --------------------------------------------------------------------------------

    def find(self, key_id: bytes, road: Road) -> Credential | Refusal:
        """Who presents this key id."""
        return self.register.find(key_id, road, self._now())

    def grant(self, credential: Credential) -> Grant:
        """What they may do now."""
        return self.register.grant(credential)

    async def enroll(self, credential: Credential, key: bytes, name: str, kind: PeerKind) -> Grant:
        """Make the device, write it down, and only then return; raises `EnrollRefused`."""
        try:
            enrolled = self.register.enroll(credential, key, name, kind, self._now())
        except (TicketSpent, RegisterFull, NotATicket, KeyMalformed) as fault:
            raise EnrollRefused(_WHY[type(fault)]) from fault
        try:
            await self.save()
        except OSError as fault:
            log.warning("the list of devices could not be written: %s", fault.strerror)
            raise EnrollRefused(Reason.DISK_ERROR) from fault
        if enrolled.displaced is not None:
            self._on_ended([enrolled.displaced])
        return enrolled.grant

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

    def brought(self, device: str, count: int) -> None:
        """Count bytes that arrived."""
        try:
            self.register.spend(device, count, self._now())
        except UnknownDevice:
            return
        self._unsaved = True

    # --- for the desk --------------------------------------------------------------------------------

    def wall_ticket(self) -> Ticket:
        """The ticket that walls show now."""
        self._unsaved = True
        return self.register.wall_ticket(self._now())

    async def personal(self, life: Life) -> Ticket:
        """A personal ticket, written down."""
        return await self._saved(self.register.personal(self._now(), life=life))

    async def owner(self) -> Ticket:
        """A one-use owner's ticket."""
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
        self._on_ended(ended)
        await self.save()

    # --- rounds --------------------------------------------------------------------------------

    async def make_round(self) -> None:
        """Forget what has ended and write down what may be lost for a minute, such as visits."""
        ended = self.register.expire(self._now())
        if ended:
            self._on_ended(ended)
        if ended or self._unsaved:
            await self.save()

    async def save(self) -> None:
        """Write everything down; raises OSError."""
        self._unsaved = False
        try:
            await self._store.save(self.register.dump())
        except OSError:
            self._unsaved = True
            raise

    async def _saved(self, made: T) -> T:
        await self.save()
        return made
