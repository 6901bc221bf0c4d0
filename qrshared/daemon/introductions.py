"""Introduces two devices of this home to each other and hands their envelopes on, without being able to read one."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeAlias

from qrshared.daemon.book import Book
from qrshared.daemon.meetings import Meetings
from qrshared.links.ice import IceServer, has_relay
from qrshared.protocol import Envelope, IceServerFacts, Introduce, PeerKind, Reason
from qrshared.protocol.limits import ICE_SERVERS_MAX
from qrshared.sessions import DeskRefusal, LiveSessions, Session
from qrshared.tickets import Device, Road, Trust, UnknownDevice

log = logging.getLogger(__name__)

AskServers: TypeAlias = Callable[[str], Awaitable[Sequence[IceServer]]]


class AwayServers(Protocol):
    """What the door away from home gives links between different networks."""

    async def servers(self, label: str) -> Sequence[IceServer]:
        """STUN and TURN servers of this home, for one side of a meeting; the label names nobody."""

    async def borrow(self, device: str) -> Sequence[IceServer]:
        """A relay that is lent to this device, where this home has none."""


_GONE = "That device is not here any more."


class Introductions:
    """Who is near whom, and the meetings of those who asked."""

    def __init__(self, *, book: Book, live: LiveSessions, clock: Callable[[], float]) -> None:
        self._book = book
        self._live = live
        self._clock = clock
        self._meetings = Meetings()
        self.servers: AskServers = _no_servers
        self.borrow: AskServers = _no_servers

    def serve(self, away: AwayServers | None) -> None:
        """Who gives links between different networks what they need, from now on; None: nobody away from home comes."""
        self.servers = _no_servers if away is None else away.servers
        self.borrow = _no_servers if away is None else away.borrow

    def near(self, device: str) -> list[Device]:
        """Other devices that are here now and stand as this one does; by name."""
        try:
            asker = self._book.register.device(device)
        except UnknownDevice:
            return []
        here = (self._known(one) for one in self._live.devices() if one != device)
        return sorted(
            (one for one in here if one is not None and _stand_alike(asker, one)), key=lambda one: (one.name, one.id)
        )

    async def meet(self, asker: str, wanted: str) -> None:
        """Introduce the two to each other; raises `DeskRefusal`."""
        if not any(one.id == wanted for one in self.near(asker)):
            raise DeskRefusal(Reason.NOT_FOUND, _GONE)
        if not self._meetings.may_ask(asker, self._clock()):
            raise DeskRefusal(Reason.BUSY, "That was asked too often. Wait a minute, then try again.")
        servers = await self._servers_for(asker, wanted)
        # Minting takes its time: either may have left, or have been revoked, meanwhile.
        sessions = self._live.of(asker), self._live.of(wanted)
        if None in sessions or not any(one.id == wanted for one in self.near(asker)):
            raise DeskRefusal(Reason.NOT_FOUND, _GONE)
        meeting = self._meetings.open(asker, wanted, self._clock())
        secret = self._book.pair().secret
        for session, other, theirs in zip(sessions, (wanted, asker), servers, strict=True):
            device = self._book.register.device(other)
            told = Introduce(meeting.id, device.id, device.name, PeerKind(device.kind), secret, theirs)
            if session is None or not session.hand(told):
                raise DeskRefusal(Reason.BUSY, "That device is busy. Try again in a moment.")

    def hand_on(self, envelope: Envelope, device: str) -> None:
        """Give it to the other side of its meeting, if that is here and not too far behind."""
        other = self._meetings.other(envelope.meeting, device, self._clock())
        session = None if other is None else self._live.of(other)
        if session is None or not session.hand(envelope):
            log.debug("an envelope of a meeting was dropped")

    def end(self, devices: Sequence[str]) -> None:
        """These devices are no longer known."""
        self._meetings.end(devices)

    async def _servers_for(self, *devices: str) -> Sequence[tuple[IceServerFacts, ...]]:
        """What each of them needs: nothing while all are at home."""
        if all(_is_at_home(self._live.of(device)) for device in devices):
            return [() for _ in devices]
        minted = await asyncio.gather(*map(self._servers_of, devices))
        return [
            tuple(
                IceServerFacts(one.urls[:ICE_SERVERS_MAX], one.username, one.credential)
                for one in servers[:ICE_SERVERS_MAX]
            )
            for servers in minted
        ]

    async def _servers_of(self, device: str) -> Sequence[IceServer]:
        """One relay is enough for both: who is at home gets none of the edge's."""
        own = await self.servers(secrets.token_hex(4))
        return own if has_relay(own) else (*own, *await self.borrow(device))

    def _known(self, device: str) -> Device | None:
        try:
            return self._book.register.device(device)
        except UnknownDevice:
            return None  # it was revoked, and its session is just ending


def _stand_alike(one: Device, other: Device) -> bool:
    """Two guests are strangers to each other, and what one may do the other must not gain by meeting it."""
    if one.second_of == other.id or other.second_of == one.id:
        return False  # one phone with two keys: the page it has just left is not near, it is itself
    return Trust.GUEST not in (one.trust, other.trust) and (one.trust, one.rights, one.items) == (
        other.trust,
        other.rights,
        other.items,
    )


def _is_at_home(session: Session | None) -> bool:
    return session is not None and session.asker.grant.road is not Road.AWAY


async def _no_servers(_whom: str) -> Sequence[IceServer]:
    return ()
