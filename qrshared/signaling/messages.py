"""What peers and the edge say to each other: frozen values, one union for each direction (`WIRE.md`)."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

VERSION = 1
"""Of this protocol; the edge's first word."""


class RefuseReason(StrEnum):
    """Why the edge does not do what was asked."""

    MALFORMED = "malformed"
    """Not in WIRE.md; the socket is closed."""
    TOO_FAST = "too_fast"
    """Too much at once; the socket is closed."""
    CROWDED = "crowded"
    """The room has all the peers it may have."""
    TOO_MANY_ROOMS = "too_many_rooms"
    """This socket is in as many rooms as it may be."""
    FULL = "full"
    """The edge has no room left for anybody new."""
    TURN = "turn"
    """No relay is handed out: not yet, not again so soon, or none can be had."""


@dataclass(frozen=True, slots=True)
class Join:
    """Be in these rooms from now on."""

    rooms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Leave:
    """Be in these rooms no longer."""

    rooms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Relay:
    """Hand this sealed envelope to one peer of a room."""

    room: str
    to: str
    seq: int
    blob: str


@dataclass(frozen=True, slots=True)
class Turn:
    """Hand out a relay for a connection with this peer of a room."""

    room: str
    to: str


@dataclass(frozen=True, slots=True)
class TurnServer:
    """A TURN server, by all its addresses, with what it wants to hear. Who has this may use it: it is never printed."""

    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Ping:
    """Are you there?"""


@dataclass(frozen=True, slots=True)
class Pong:
    """I am."""


@dataclass(frozen=True, slots=True)
class Welcome:
    """The edge's first word: what it is, whether it has relays to hand out, and who tells public addresses."""

    version: int
    turn: bool | None = None
    stun: tuple[str, ...] | None = None
    """For pages that nobody at home tells it to."""


@dataclass(frozen=True, slots=True)
class Presence:
    """Who is in a room: the peer who is told, and all others."""

    room: str
    you: str
    peers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Joined:
    """The present state of these rooms; said after a join, and again whenever somebody comes."""

    present: tuple[Presence, ...]


@dataclass(frozen=True, slots=True)
class Left:
    """This peer is in the room no longer."""

    room: str
    peer: str


@dataclass(frozen=True, slots=True)
class Relayed:
    """A sealed envelope from this peer of a room."""

    room: str
    peer: str
    seq: int
    blob: str


@dataclass(frozen=True, slots=True)
class Servers:
    """Relays for a connection in this room, and the moment (Unix time, ms) at which they end."""

    room: str
    servers: tuple[TurnServer, ...]
    until_ms: int


@dataclass(frozen=True, slots=True)
class Moved:
    """This replica goes, and closes the socket in so many milliseconds: then connect anew."""

    retry_ms: int


@dataclass(frozen=True, slots=True)
class Refuse:
    """Not done; about one room, or about everything."""

    reason: RefuseReason
    room: str | None = None


ToEdge: TypeAlias = Join | Leave | Relay | Turn | Ping | Pong
FromEdge: TypeAlias = Welcome | Joined | Left | Relayed | Servers | Ping | Pong | Moved | Refuse
