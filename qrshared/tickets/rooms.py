"""Which rooms at the edge this home is in: those of whoever may come from elsewhere, and of nobody else."""

import base64
from collections.abc import Iterator, Mapping
from typing import Final

from qrshared.seal import derive_keys
from qrshared.tickets.register import Register
from qrshared.tickets.road_secrets import RoadSecrets
from qrshared.tickets.ticket import Road

ROOMS_MAX: Final = 128
"""As many as an edge lets one socket join."""


def rooms_of(register: Register, road_secrets: RoadSecrets, now: float) -> Mapping[str, bytes]:
    """Room id → the secret it is derived from, at most `ROOMS_MAX`, the likeliest visitors first.

    Somebody may just be scanning a code; whoever left home a moment ago comes back soon; of the rest the last seen.
    """
    rooms: dict[str, bytes] = {}
    for secret in _secrets(register, road_secrets, now):
        if len(rooms) == ROOMS_MAX:
            break
        rooms[room_id(secret)] = secret
    return rooms


def room_id(secret: bytes) -> str:
    """How the edge knows the room of this secret; it learns neither the secret nor the key id."""
    return base64.urlsafe_b64encode(derive_keys(secret).rendezvous).rstrip(b"=").decode("ascii")


def _secrets(register: Register, road_secrets: RoadSecrets, now: float) -> Iterator[bytes]:
    for ticket in reversed(register.tickets(now)):
        if Road.AWAY in ticket.roads:
            yield ticket.secret
    for one in road_secrets.alive(now):
        yield one.secret
    for device in register.devices():
        if Road.AWAY in device.roads and device.is_alive(now):
            yield device.key
