"""The edge: where peers in different networks meet, in rooms whose ids say nothing, to exchange sealed envelopes.

Always true here:
- an envelope goes to exactly one other peer of a room where both are, in order, and is never looked into;
- a room nobody heard of is a room where nobody is yet: there is nothing to find out by asking;
- whoever sends too much, reads too little or says what `WIRE.md` does not allow loses its socket, nobody else's;
- the edge says nothing about delivery: peers confirm inside their seal, and send again what was not confirmed;
- without the bus, peers of one replica meet as before;
- a relay (TURN) is handed out only to two who exchanged envelopes, for ten minutes, and so often as the table says: the
  edge cannot check more. A provider that is down costs a second, and the peers nothing but the relay.

Deliberately absent: files, names, keys of devices, cookies, accounts, messages kept for later; and whatever happens
between two peers once they have met (links, seal, sessions).
"""

from qrshared.signaling.bus import Bus, BusGone, Member, Resumed
from qrshared.signaling.check import check_bus
from qrshared.signaling.client import (
    Connected,
    Disconnected,
    NotAnEdge,
    NoTls,
    OtherVersion,
    SignalClient,
    WrongCertificate,
    edge_session,
    signal_url,
)
from qrshared.signaling.client_address import client_address
from qrshared.signaling.limits import LIMITS, EdgeLimits, raise_descriptors
from qrshared.signaling.memory_bus import MemoryBoard, MemoryBus
from qrshared.signaling.messages import (
    Joined,
    Left,
    Presence,
    Refuse,
    RefuseReason,
    Relayed,
    Servers,
    TurnServer,
)
from qrshared.signaling.server import EdgePlaceRefused, EdgePortInUse, EdgeServer
from qrshared.signaling.turn import TURN_TTL_S, TurnSource, turn_source
from qrshared.signaling.turn_config import (
    CoturnTurn,
    MeteredTurn,
    StaticTurn,
    TurnConfig,
    TurnKind,
    read_turn_config,
)

__all__ = [
    "LIMITS",
    "TURN_TTL_S",
    "Bus",
    "BusGone",
    "Connected",
    "CoturnTurn",
    "Disconnected",
    "EdgeLimits",
    "EdgePlaceRefused",
    "EdgePortInUse",
    "EdgeServer",
    "Joined",
    "Left",
    "Member",
    "MemoryBoard",
    "MemoryBus",
    "MeteredTurn",
    "NoTls",
    "NotAnEdge",
    "OtherVersion",
    "Presence",
    "Refuse",
    "RefuseReason",
    "Relayed",
    "Resumed",
    "Servers",
    "SignalClient",
    "StaticTurn",
    "TurnConfig",
    "TurnKind",
    "TurnServer",
    "TurnSource",
    "WrongCertificate",
    "check_bus",
    "client_address",
    "edge_session",
    "raise_descriptors",
    "read_turn_config",
    "signal_url",
    "turn_source",
]
