"""Every limit of the edge in one table, and the count of visits that needs only a clock.

The numbers are for one replica; a proxy in front may be stricter.
"""

import sys
from dataclasses import dataclass, field
from typing import Final

from qrshared.buckets import Buckets
from qrshared.serving.limits import Limit, address_key  # not the package: pure rooms read this table too

if sys.platform != "win32":
    import resource

PEERS_PER_ROOM_MAX: Final = 8
"""Peers in one room: a home and its phones; Redis holds several replicas to it together."""

ROOMS_PER_SOCKET_MAX: Final = 128
"""Rooms one socket is in: what a home with many devices needs, in one `join`."""

ROOMS_MAX: Final = 200_000
"""Rooms of one replica, those that linger empty included: some 200 MiB at most."""

ROOM_LINGER_S: Final = 600.0
"""How long a room is remembered after its last peer: phones come and go with their screens."""

BLOB_CHARACTERS_MAX: Final = 65_536
"""One sealed envelope, as base64url: an offer with all its candidates is a tenth of it."""

SIGNAL_BYTES_MAX: Final = BLOB_CHARACTERS_MAX + 2_048
"""One WebSocket message: the largest envelope, or 128 rooms, and the JSON around."""

MESSAGES_PER_S: Final = 20.0
"""Messages of one socket in the long run; WebSocket's own pings count too."""

MESSAGES_BURST_MAX: Final = 100.0
"""Messages of one socket at once: eight peers, each with its offer and candidates."""

BYTES_PER_S: Final = 1024 * 1024 / 60
"""Bytes of one socket in the long run: a mebibyte a minute, for introductions and never for files."""

BYTES_BURST_MAX: Final = 1024.0 * 1024
"""Bytes of one socket at once."""

VISITS_PER_S: Final = 30 / 60
"""New sockets of one address in the long run: thirty a minute."""

VISITS_BURST_MAX: Final = 60.0
"""New sockets of one address at once: an office behind one router after its line came back."""

EDGE_SOCKETS_PER_ADDRESS_MAX: Final = 100
"""Open sockets of one address, or of one /64."""

EDGE_SOCKETS_MAX: Final = 50_000
"""Open sockets of one replica; lowered where the system gives this program few descriptors."""

JOIN_DEADLINE_S: Final = 10.0
"""From the upgrade to the first `join`: who is in no room has no business here."""

PING_EVERY_S: Final = 22.0
"""Proxies cut what is idle for 30 s and more."""

DEAD_AFTER_S: Final = 60.0
"""A socket from which nothing came for so long is dropped, at the next ping."""

UNREAD_BYTES_MAX: Final = 256 * 1024
"""What waits for a peer that does not read; beyond it the peer is cut."""

UNREAD_MESSAGES_MAX: Final = 64
"""The same, in messages."""

DRAIN_S: Final = 20.0
"""Over how long sockets are closed when this replica goes, so that the others are not overrun."""

BUS_GONE_S: Final = 5.0
"""So long without the bus and a load balancer should send newcomers elsewhere."""

MEMBERSHIP_S: Final = 30.0
"""How long the bus believes that a peer is in a room, unless told again: a killed replica cannot say goodbye."""

RENEW_EVERY_S: Final = 10.0
"""How often it is told again; two of three may be lost."""

BUS_QUEUE_MAX: Final = 10_000
"""Words waiting for the bus; beyond it they are dropped, and peers send again."""

TURN_EVERY_S: Final = 60.0
"""Between two relays for one socket in one room: one for each connection, and the next after a change of network."""

TURN_PER_ADDRESS_PER_S: Final = 60 / 3600
"""Relays of one address in the long run: sixty an hour, for a home that answers all of its phones."""

TURN_BURST_MAX: Final = 20.0
"""Relays of one address at once."""

TURN_PENDING_MAX: Final = 64
"""Providers being asked at the same time, each for a second at most."""

TURN_SERVERS_MAX: Final = 8
"""TURN servers in one answer: aiortc takes one of them, browsers grow slow with many."""

TURN_URLS_MAX: Final = 8
"""Addresses of one server: UDP, TCP and TLS on a few ports."""

TURN_WORD_CHARACTERS_MAX: Final = 512
"""An address, a user name, a password; TURN itself takes 508 bytes of a user name (RFC 8489 14.3)."""

VISITORS_MAX: Final = 65_536
"""Addresses whose visits are remembered; the one that came longest ago is forgotten first."""

DESCRIPTORS_SHARE: Final = 0.9
"""Of this program's descriptors, how many sockets may take before `/ready` says no."""

_CUT = "the socket is closed"
_BACK = "429, come back later"

LIMITS: Final = (
    Limit("peers per room", PEERS_PER_ROOM_MAX, "peers", "refuse `crowded`"),
    Limit("rooms per socket", ROOMS_PER_SOCKET_MAX, "rooms", "refuse `too_many_rooms`; a longer list is `malformed`"),
    Limit("rooms", ROOMS_MAX, "rooms", "the room empty longest is forgotten; with none, refuse `full`"),
    Limit("room lingers", ROOM_LINGER_S, "seconds", "an empty room is forgotten"),
    Limit("envelope", BLOB_CHARACTERS_MAX, "characters", f"refuse `malformed`, {_CUT}"),
    Limit("message bytes", SIGNAL_BYTES_MAX, "bytes", f"{_CUT} with 1009"),
    Limit("messages", MESSAGES_PER_S, f"a second, {MESSAGES_BURST_MAX:g} at once", f"refuse `too_fast`, {_CUT}"),
    Limit("bytes", BYTES_PER_S, f"a second, {BYTES_BURST_MAX:g} at once", f"refuse `too_fast`, {_CUT}"),
    Limit("visits", VISITS_PER_S, f"a second and address, {VISITS_BURST_MAX:g} at once", _BACK),
    Limit("sockets per address", EDGE_SOCKETS_PER_ADDRESS_MAX, "sockets", _BACK),
    Limit("sockets", EDGE_SOCKETS_MAX, "sockets", "503, come back later"),
    Limit("join deadline", JOIN_DEADLINE_S, "seconds", "the socket is dropped"),
    Limit("dead after", DEAD_AFTER_S, "seconds", "the socket is dropped"),
    Limit("unread bytes", UNREAD_BYTES_MAX, "bytes", "the socket is dropped"),
    Limit("unread messages", UNREAD_MESSAGES_MAX, "messages", "the socket is dropped"),
    Limit("bus gone", BUS_GONE_S, "seconds", "/ready says 503"),
    Limit("membership", MEMBERSHIP_S, "seconds", "the other replicas forget the peer"),
    Limit("bus queue", BUS_QUEUE_MAX, "words", "dropped"),
    Limit("turn", TURN_EVERY_S, "seconds between two of one socket and room", "refuse `turn`"),
    Limit("turn per address", TURN_PER_ADDRESS_PER_S, f"a second, {TURN_BURST_MAX:g} at once", "refuse `turn`"),
    Limit("turn pending", TURN_PENDING_MAX, "relays being asked for", "refuse `turn`"),
    Limit("visitors", VISITORS_MAX, "addresses", "the oldest is forgotten"),
)


@dataclass(frozen=True)
class EdgeLimits:
    """The table's numbers, as one edge uses them; tests and benches turn some."""

    peers_per_room: int = PEERS_PER_ROOM_MAX
    rooms_per_socket: int = ROOMS_PER_SOCKET_MAX
    rooms: int = ROOMS_MAX
    room_linger_s: float = ROOM_LINGER_S
    messages_per_s: float = MESSAGES_PER_S
    messages_burst: float = MESSAGES_BURST_MAX
    bytes_per_s: float = BYTES_PER_S
    bytes_burst: float = BYTES_BURST_MAX
    visits_per_s: float = VISITS_PER_S
    visits_burst: float = VISITS_BURST_MAX
    sockets_per_address: int = EDGE_SOCKETS_PER_ADDRESS_MAX
    sockets: int = field(default_factory=lambda: affordable_sockets())
    join_deadline_s: float = JOIN_DEADLINE_S
    ping_every_s: float = PING_EVERY_S
    dead_after_s: float = DEAD_AFTER_S
    unread_bytes: int = UNREAD_BYTES_MAX
    unread_messages: int = UNREAD_MESSAGES_MAX
    drain_s: float = DRAIN_S
    bus_gone_s: float = BUS_GONE_S
    membership_s: float = MEMBERSHIP_S
    renew_every_s: float = RENEW_EVERY_S
    bus_queue: int = BUS_QUEUE_MAX
    turn_every_s: float = TURN_EVERY_S
    turn_per_address_per_s: float = TURN_PER_ADDRESS_PER_S
    turn_burst: float = TURN_BURST_MAX
    turn_pending: int = TURN_PENDING_MAX


def affordable_sockets() -> int:
    """How many sockets this program's descriptors are enough for."""
    if sys.platform == "win32":
        return EDGE_SOCKETS_MAX  # no such limit there
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return EDGE_SOCKETS_MAX
    return max(1, min(EDGE_SOCKETS_MAX, int(soft * DESCRIPTORS_SHARE)))


def raise_descriptors() -> None:
    """Take every descriptor the system allows: systems hand out few at first, for the sake of old programs."""
    if sys.platform == "win32":
        return
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):
        pass  # macOS says no to "unlimited"; then it stays as it was


class Visits:
    """New sockets by address; the table stays small whoever comes."""

    def __init__(self, *, per_s: float = VISITS_PER_S, burst: float = VISITS_BURST_MAX) -> None:
        self._buckets = Buckets(per_s=per_s, burst=burst, most=VISITORS_MAX)

    def take(self, address: str, now: float) -> bool:
        """Count one visit; whether it is within the address's share."""
        return self._buckets.take(address_key(address), now)

    def __len__(self) -> int:
        return len(self._buckets)
