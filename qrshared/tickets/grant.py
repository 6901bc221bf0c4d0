"""A grant: the frozen rights a door hands to a session; sessions ask nobody else."""

from dataclasses import dataclass

from qrshared.tickets.device import Device
from qrshared.tickets.ticket import OWNER_ROADS, Right, Road, Ticket, Trust


@dataclass(frozen=True, slots=True)
class Grant:
    """What one session may do."""

    road: Road
    rights: frozenset[Right] = frozenset()
    trust: Trust | None = None
    device: str | None = None
    """The device's id; None while the peer has no key of its own."""
    until: float | None = None
    """When the device's key ends unless it comes again (seconds of the wall clock)."""
    items: frozenset[str] | None = None
    """The only shelf items `PICK_UP` is about; None: all."""
    by_road_secret: bool = False
    """It came by a road that its own key does not open, as the page that was already let in elsewhere."""

    def allows(self, right: Right) -> bool:
        """Whether this session may do that."""
        return right in self.rights

    @property
    def is_trusted_to_pick_up(self) -> bool:
        """Whether its device is one of the owner's own, from which nothing here is a secret.

        Guests are not, whatever they may pick up, nor is who came for one offer.
        """
        is_ours = self.trust in (Trust.TRUSTED, Trust.OWNER)
        return is_ours and self.allows(Right.PICK_UP) and self.items is None


@dataclass(frozen=True, slots=True)
class Credential:
    """What a key id turned out to be, by the road it was presented on."""

    holder: Ticket | Device
    session_auth: bytes
    road: Road
    by_road_secret: bool = False

    def __repr__(self) -> str:
        return f"Credential({type(self.holder).__name__} {self.holder.id[:8]}, {self.road})"


def grant_of(holder: Ticket | Device | None, road: Road, *, by_road_secret: bool = False) -> Grant:
    """What a peer may do on this road. Without a device key of its own: nothing but enroll.

    So a one-use ticket cannot be used again and again by never enrolling, and an owner's right dies on a road where
    somebody could have changed the page.
    """
    if not isinstance(holder, Device) or not (road in holder.roads or by_road_secret):
        return Grant(road)
    rights = holder.rights if road in OWNER_ROADS else holder.rights - {Right.OWN}
    return Grant(
        road,
        rights=rights,
        trust=holder.trust,
        device=holder.id,
        until=holder.ends,
        items=holder.items,
        by_road_secret=by_road_secret,
    )
