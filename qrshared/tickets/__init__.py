"""Tickets and devices: who may do what. Pure: the wall clock (`now`, seconds) and randomness are handed in.

Invariants
- A device never holds more than the tickets it redeemed, until its owner trusts it.
- A ticket alone opens nothing but enrolment; a use is counted when a device enrolls, not at the handshake.
- The same key is the same device: a repeated enrolment changes nothing and costs nothing.
- The owner's right exists on loopback and HTTPS only, whatever a record says.
- A register is read from disk whole or not at all.
- A road secret is in memory only, ends with its device, and never carries an owner's right.
- This home is in the rooms of tickets and devices that work away from home and of road secrets, and in no other.

Deliberately absent: disks, sockets and clocks (the daemon persists `dump()` before it answers an enrolment and closes
the links of the device ids it is handed), and what transfers or shelf items are.
"""

from qrshared.tickets.allowance import GUEST_DAY_BYTES
from qrshared.tickets.device import NAME_CHARACTERS_MAX, Device, clean_name
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
from qrshared.tickets.register import DEVICES_MAX, TICKETS_MAX, Enrolled, Life, Register, life_of
from qrshared.tickets.road_secrets import ROAD_SECRETS_MAX, ROAD_SECRETS_PER_DEVICE_MAX, RoadSecret, RoadSecrets
from qrshared.tickets.rooms import ROOMS_MAX, room_id, rooms_of
from qrshared.tickets.ticket import AT_HOME, OWNER_ROADS, WALL_RENEW_S, Right, Road, Ticket, TicketKind, Trust

__all__ = [
    "AT_HOME",
    "DEVICES_MAX",
    "GUEST_DAY_BYTES",
    "NAME_CHARACTERS_MAX",
    "OWNER_ROADS",
    "ROAD_SECRETS_MAX",
    "ROAD_SECRETS_PER_DEVICE_MAX",
    "ROOMS_MAX",
    "TICKETS_MAX",
    "WALL_RENEW_S",
    "Credential",
    "Device",
    "Enrolled",
    "Grant",
    "KeyMalformed",
    "Life",
    "NotATicket",
    "Register",
    "RegisterDamaged",
    "RegisterFull",
    "Right",
    "Road",
    "RoadSecret",
    "RoadSecrets",
    "Ticket",
    "TicketKind",
    "TicketSpent",
    "TooManyTickets",
    "Trust",
    "UnknownDevice",
    "clean_name",
    "grant_of",
    "life_of",
    "room_id",
    "rooms_of",
]
