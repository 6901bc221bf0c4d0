"""A device: a browser that redeemed a ticket and made its own key."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from qrshared.seal import derive_keys
from qrshared.tickets.ticket import TRUSTED_RIGHTS, Right, Road, Ticket, Trust

NAME_CHARACTERS_MAX: Final = 60
"""What fits on a line of the owner page; WIRE.md allows a display name no more."""

_NAMELESS: Final = "Unnamed device"
_RANK: Final = {Trust.GUEST: 0, Trust.TRUSTED: 1, Trust.OWNER: 2}
_JOINERS: Final = "\u200c\u200d"  # ZWNJ and ZWJ: scripts and emoji need them, and they reorder nothing


@dataclass(frozen=True, slots=True)
class Device:
    """Who may come back without a ticket; times are seconds of the wall clock."""

    id: str
    """32 hex digits: the key id of its key, so the same key is the same device for ever."""
    key: bytes = field(repr=False)
    name: str
    kind: str
    """What it says it is (`protocol.PeerKind`); chooses an icon and nothing else."""
    trust: Trust
    rights: frozenset[Right]
    roads: frozenset[Road]
    ticket: str
    """The id of the ticket that made it (or raised it last)."""
    made: float
    seen: float
    expires: float | None = None
    idle_s: float | None = None
    items: frozenset[str] | None = None
    second_of: str | None = None
    """The device whose key for elsewhere this is; they are one thing in somebody's hand, and end together."""

    @property
    def ends(self) -> float | None:
        """When its key stops opening anything, if it does not come again before."""
        idle_end = None if self.idle_s is None else self.seen + self.idle_s
        ends = [end for end in (self.expires, idle_end) if end is not None]
        return min(ends, default=None)

    def is_alive(self, now: float) -> bool:
        """Whether its key still opens a handshake."""
        ends = self.ends
        return ends is None or now < ends


def new_device(
    ticket: Ticket, road: Road, key: bytes, name: str, kind: str, now: float, *, otherwise: str = ""
) -> Device:
    """What a ticket makes of a key: never more than the ticket itself holds, and only where the key was made.

    `otherwise` is its name if it says none.

    A browser keeps its key for one origin, and the address at home is the same origin in any café: what was made there
    opens neither this computer's own loopback nor an HTTPS door that answers the whole world.
    """
    return Device(
        id=derive_keys(key).key_id.hex(),
        key=key,
        name=clean_name(name, otherwise=otherwise),
        kind=kind,
        trust=ticket.trust,
        rights=ticket.rights,
        roads=ticket.roads & {road},
        ticket=ticket.id,
        made=now,
        seen=now,
        expires=ticket.expires if ticket.bounds_its_devices else None,
        idle_s=ticket.device_idle_s,
        items=ticket.items,
        second_of=ticket.asked_by,
    )


def joined(known: Device | None, fresh: Device) -> Device:
    """What a key becomes that enrolls again under another ticket: it gains what that one gives, and loses nothing."""
    if known is None:
        return fresh
    if _RANK[fresh.trust] > _RANK[known.trust]:
        return replace(fresh, name=known.name, made=known.made)
    if fresh.trust is not known.trust or (fresh.rights <= known.rights and fresh.items == known.items):
        return known
    ends = [end for end in (known.expires, fresh.expires) if end is not None]
    return replace(
        known,
        rights=known.rights | fresh.rights,
        ticket=fresh.ticket,
        seen=fresh.seen,
        expires=min(ends, default=None),  # a code for a few files must not live on in a wall's longer life
        items=_joined_items(known, fresh),
    )


def trusted(device: Device) -> Device:
    """The device after its owner said "this one is mine": it picks up as well, and its key no longer ends."""
    if device.trust is not Trust.GUEST:
        return device
    return replace(
        device,
        trust=Trust.TRUSTED,
        rights=device.rights | TRUSTED_RIGHTS,
        expires=None,
        idle_s=None,
        items=None,
    )


def clean_name(text: str, *, otherwise: str = "") -> str:
    """A device's name as it may stand on a screen: one line, no controls, nothing that turns text around.

    `otherwise`, a clean name, is for a device that says none.
    """
    shown = "".join(_visible(character) for character in unicodedata.normalize("NFC", text))
    return " ".join(shown.split())[:NAME_CHARACTERS_MAX].strip(" " + _JOINERS) or otherwise or _NAMELESS


def distinct(name: str, taken: Iterable[str]) -> str:
    """This clean name, with a number if somebody has it: many phones call themselves by their model alone."""
    others = {one.casefold() for one in taken}
    number, shown = 1, name
    while shown.casefold() in others:
        number += 1
        mark = f" ({number})"
        shown = name[: NAME_CHARACTERS_MAX - len(mark)].rstrip(" " + _JOINERS) + mark
    return shown


def _joined_items(known: Device, fresh: Device) -> frozenset[str] | None:
    """The items of those of the two that pick up at all; None (all items) only where one of them may have all."""
    lists = [device.items for device in (known, fresh) if Right.PICK_UP in device.rights]
    union: frozenset[str] = frozenset()
    for items in lists:
        if items is None:
            return None
        union |= items
    return union if lists else None


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if character in _JOINERS:
        return character
    if category in ("Zs", "Zl", "Zp") or character in "\t\r\n":
        return " "
    return "" if category.startswith("C") else character
