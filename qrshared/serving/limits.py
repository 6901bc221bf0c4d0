"""Every limit of the HTTP servers and of the door in one table, and the counters that need only a clock."""

import ipaddress
import sys
from dataclasses import dataclass, field
from typing import Final

from qrshared.buckets import Buckets

if sys.platform != "win32":
    import resource


@dataclass(frozen=True)
class Limit:
    """One number, its unit, and what happens to whoever goes beyond."""

    name: str
    number: float
    unit: str
    beyond: str


SOCKETS_MAX: Final = 512
"""Sockets open at once, everybody together; lowered where the system gives this program few descriptors."""

SOCKETS_PER_ADDRESS_MAX: Final = 128
"""Sockets open at once from one address: several phones behind one router, each with several tabs."""

WAITING_PER_ADDRESS_MAX: Final = 32
"""Sockets of one address that have not yet completed a request, or a handshake after an upgrade."""

HEADER_DEADLINE_S: Final = 10.0
"""From connecting (or from the first byte of a later request) to the end of the request's headers."""

IDLE_KEEP_ALIVE_S: Final = 30.0
"""Between one answer and the next request."""

STALL_S: Final = 30.0
"""Without one byte: of a body that was announced, or taken by a peer whose answer is waiting."""

HANDSHAKE_DEADLINE_S: Final = 10.0
"""From the upgrade to a WebSocket to the end of the seal's handshake."""

HANDSHAKE_BYTES_MAX: Final = 16 * 1024
"""From the upgrade to the end of the seal's handshake, which takes some 200; without it each stranger's half-sent
WebSocket message would hold up to a megabyte of ours."""

STRANGER_BYTES_MAX: Final = 64 * 1024
"""What a peer without a key may say at once after the seal: a wall says a hello, a watch and pings. Without it
480 walls could each make us hold most of a megabyte."""

STRANGER_BYTES_S: Final = 4 * 1024
"""Bytes a second by which that ration grows again."""

FAILED_HANDSHAKES_PER_MINUTE: Final = 10
"""Handshakes that may fail from one address in a minute; the bucket refills evenly. This computer itself is not
counted: every program and user on it has the same address, and any of them could lock the owner out."""

HEADER_BYTES_MAX: Final = 8190
"""The request line, and each header."""

LINGER_S: Final = 2.0
"""How long a body nobody wants is read after the answer, so that the peer sees the answer and not a reset."""

TRACKED_ADDRESSES_MAX: Final = 4096
"""Addresses whose failures are remembered; the one that failed longest ago is forgotten first."""

_REFUSED = "the socket is dropped at once"
_CUT = "the socket is dropped"

LIMITS: Final = (
    Limit("sockets", SOCKETS_MAX, "sockets", f"{_REFUSED}; this computer itself still gets in"),
    Limit("sockets per address", SOCKETS_PER_ADDRESS_MAX, "sockets", _REFUSED),
    Limit("waiting sockets per address", WAITING_PER_ADDRESS_MAX, "sockets", _REFUSED),
    Limit("header deadline", HEADER_DEADLINE_S, "seconds", _CUT),
    Limit("idle keep-alive", IDLE_KEEP_ALIVE_S, "seconds", _CUT),
    Limit("stall", STALL_S, "seconds", _CUT),
    Limit("handshake deadline", HANDSHAKE_DEADLINE_S, "seconds", _CUT),
    Limit("handshake bytes", HANDSHAKE_BYTES_MAX, "bytes", _CUT),
    Limit("stranger bytes", STRANGER_BYTES_MAX, "bytes", _CUT),
    Limit("stranger bytes a second", STRANGER_BYTES_S, "bytes a second", _CUT),
    Limit("failed handshakes", FAILED_HANDSHAKES_PER_MINUTE, "a minute and address", "429 until the bucket refills"),
    Limit("header bytes", HEADER_BYTES_MAX, "bytes", "400, and the socket is closed"),
    Limit("linger", LINGER_S, "seconds", "the socket is closed with the body unread"),
    Limit("tracked addresses", TRACKED_ADDRESSES_MAX, "addresses", "the oldest failure is forgotten"),
)


@dataclass(frozen=True)
class Caps:
    """How many sockets and for how long; the defaults are the table's."""

    sockets: int = field(default_factory=lambda: affordable_sockets())
    per_address: int = SOCKETS_PER_ADDRESS_MAX
    waiting_per_address: int = WAITING_PER_ADDRESS_MAX
    header_deadline_s: float = HEADER_DEADLINE_S
    idle_keep_alive_s: float = IDLE_KEEP_ALIVE_S
    stall_s: float = STALL_S
    handshake_deadline_s: float = HANDSHAKE_DEADLINE_S
    handshake_bytes: int = HANDSHAKE_BYTES_MAX
    stranger_bytes: int = STRANGER_BYTES_MAX
    stranger_bytes_s: int = STRANGER_BYTES_S


def affordable_sockets() -> int:
    """How many sockets leave half of this program's descriptors to files: none may fail because many connect."""
    if sys.platform == "win32":
        return SOCKETS_MAX  # no such limit there
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return SOCKETS_MAX if soft == resource.RLIM_INFINITY else max(1, min(SOCKETS_MAX, soft // 2))


def address_key(address: str) -> str:
    """Whom a count belongs to: an IPv4 address, or the /64 of an IPv6 one, because a host has the whole /64."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    # every host of a link shares fe80::/64, so there the whole address counts
    return str(ip) if ip.is_link_local or ip.is_loopback else str(ipaddress.ip_network((ip, 64), strict=False))


class FailedHandshakes:
    """A token bucket per address: failing costs one, succeeding nothing. `now` is monotonic seconds."""

    def __init__(self, *, per_minute: float = FAILED_HANDSHAKES_PER_MINUTE) -> None:
        self._refill_per_s = per_minute / 60.0
        self._buckets = Buckets(per_s=self._refill_per_s, burst=per_minute, most=TRACKED_ADDRESSES_MAX)

    def is_allowed(self, address: str, now: float) -> bool:
        """Whether this address may try another handshake."""
        return self._buckets.left(address_key(address), now) >= 1.0

    def retry_after_s(self, address: str, now: float) -> float:
        """How long until `is_allowed` becomes true again; 0 when it is."""
        return max(0.0, (1.0 - self._buckets.left(address_key(address), now)) / self._refill_per_s)

    def failed(self, address: str, now: float) -> None:
        """Count one failure."""
        self._buckets.lose(address_key(address), now)
