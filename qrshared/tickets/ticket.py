"""A ticket: a secret with rights, roads, an expiry and a use count; and the table that says which kinds there are."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from qrshared.seal import RoadName, derive_keys, ticket_fragment

MINUTE_S: Final = 60.0
HOUR_S: Final = 3_600.0
DAY_S: Final = 86_400.0

WALL_RENEW_S: Final = 5 * MINUTE_S
"""A wall shows a new ticket this often; the old ones live on until their own end."""
GUEST_IDLE_S: Final = DAY_S
"""A guest's own key ends this long after the last visit."""


class Right(StrEnum):
    """What a device may do; the values travel in the grant."""

    SEND = "send"
    PICK_UP = "pick_up"
    OWN = "own"


class Road(StrEnum):
    """By which door somebody came; the daemon's doors know it, the peer does not choose it."""

    HOME = "home"  # plain HTTP from the home network
    LOOPBACK = "loopback"  # plain HTTP from this very computer
    SECURE = "secure"  # HTTPS at the daemon's own door
    AWAY = "away"  # through an edge

    @property
    def in_prologue(self) -> RoadName:
        """How the handshake names this road: the page cannot tell the daemon's own doors apart."""
        return "away" if self is Road.AWAY else "home"


AT_HOME: Final = frozenset({Road.HOME, Road.LOOPBACK, Road.SECURE})
EVERYWHERE: Final = AT_HOME | {Road.AWAY}
AWAY_ONLY: Final = frozenset({Road.AWAY})
OWNER_ROADS: Final = frozenset({Road.LOOPBACK, Road.SECURE})
"""An owner's rights count only here: nobody on the network can change the page that uses them."""


class TicketKind(StrEnum):
    """Who made a ticket, and for what."""

    WALL = "wall"
    PERSONAL = "personal"
    PICK_UP = "pick_up"
    OWNER = "owner"
    PAIR = "pair"


class Trust(StrEnum):
    """How far the owner lets a device in."""

    GUEST = "guest"
    TRUSTED = "trusted"
    OWNER = "owner"


@dataclass(frozen=True, slots=True)
class Terms:
    """One row of the ticket table: what a ticket gives, how long it lives, and what kind of device it makes."""

    rights: frozenset[Right]
    roads: frozenset[Road]
    life_s: float | None  # None: until revoked
    uses: int | None  # devices it may make; None: any number; 0: it opens nothing here
    trust: Trust
    device_idle_s: float | None  # its devices end this long after their last visit; None: until revoked


SEND_ONLY: Final = frozenset({Right.SEND})
TRUSTED_RIGHTS: Final = frozenset({Right.SEND, Right.PICK_UP})
ALL_RIGHTS: Final = frozenset(Right)

WALL_TERMS: Final = Terms(SEND_ONLY, AT_HOME, 15 * MINUTE_S, None, Trust.GUEST, GUEST_IDLE_S)
AWAY_WALL_TERMS: Final = Terms(SEND_ONLY, frozenset({Road.AWAY}), 15 * MINUTE_S, None, Trust.GUEST, GUEST_IDLE_S)
"""On the computer's own screen: whoever stands before it, with a phone that is in no network of this home."""
PERSONAL_TERMS: Final = Terms(TRUSTED_RIGHTS, AT_HOME, 15 * MINUTE_S, 1, Trust.TRUSTED, None)
PRINTED_TERMS: Final = Terms(SEND_ONLY, AT_HOME, None, None, Trust.GUEST, GUEST_IDLE_S)
"""A personal ticket with an expiry of its own (a week, or never): made to hang somewhere, so it only sends."""
PICK_UP_TERMS: Final = Terms(frozenset({Right.PICK_UP}), AT_HOME, DAY_S, None, Trust.GUEST, GUEST_IDLE_S)
OWNER_TERMS: Final = Terms(ALL_RIGHTS, OWNER_ROADS, MINUTE_S, 1, Trust.OWNER, None)
SECOND_KEY_TERMS: Final = Terms(TRUSTED_RIGHTS, AWAY_ONLY, 15 * MINUTE_S, 1, Trust.TRUSTED, None)
"""A trusted device asks for it: the edge's page is another origin, where it needs a key of its own."""
PAIR_TERMS: Final = Terms(frozenset(), EVERYWHERE, HOUR_S, 0, Trust.GUEST, None)
"""For two devices to know each other by; it opens nothing at this computer and makes no device."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a QR carries in its fragment; times are seconds of the wall clock."""

    id: str
    """32 hex digits: the key id of its secret."""
    secret: bytes = field(repr=False)
    kind: TicketKind
    rights: frozenset[Right]
    roads: frozenset[Road]
    trust: Trust
    made: float
    expires: float | None
    uses_left: int | None
    device_idle_s: float | None
    items: frozenset[str] | None = None
    """The shelf items a pick-up ticket opens; None: no such limit."""
    asked_by: str | None = None
    """The device that asked for it, for a second key of its own: it ends with that device."""

    @property
    def fragment(self) -> str:
        """What follows `#` in its address."""
        return ticket_fragment(self.secret)

    @property
    def bounds_its_devices(self) -> bool:
        """Whether its devices end with it and revoking it revokes them: a code that hangs somewhere, or opens files."""
        return self.kind is TicketKind.PICK_UP or (self.kind is TicketKind.PERSONAL and self.uses_left is None)

    def is_alive(self, now: float) -> bool:
        """Whether it may still open a handshake."""
        return (self.expires is None or now < self.expires) and self.uses_left != 0


def new_ticket(
    kind: TicketKind,
    terms: Terms,
    secret: bytes,
    now: float,
    *,
    expires: float | None = None,
    away: bool = False,
    items: frozenset[str] | None = None,
    asked_by: str | None = None,
) -> Ticket:
    """A ticket by the terms of its row; `expires` (a time) replaces the row's own life."""
    return Ticket(
        id=derive_keys(secret).key_id.hex(),
        secret=secret,
        kind=kind,
        rights=terms.rights,
        roads=terms.roads | {Road.AWAY} if away else terms.roads,
        trust=terms.trust,
        made=now,
        expires=expires if expires is not None or terms.life_s is None else now + terms.life_s,
        uses_left=terms.uses,
        device_idle_s=terms.device_idle_s,
        items=items,
        asked_by=asked_by,
    )
