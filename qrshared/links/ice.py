"""Which STUN and TURN servers a connection uses, and how many ways it found: plain values, no WebRTC library."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

_URL: Final = re.compile(
    r"(?P<scheme>stun|turns?):(?P<host>[A-Za-z0-9.-]{1,253})(?::(?P<port>[0-9]{1,5}))?(?:\?transport=(?P<over>udp|tcp))?"
)

_CHEAPEST_FIRST: Final = (("turn", "udp"), ("turn", "tcp"), ("turns", "tcp"))
"""UDP loses the least time on the way; TLS costs the most and needs a certificate."""

_SUREST_FIRST: Final = (("turn", "tcp"), ("turns", "tcp"), ("turn", "udp"))
"""Who is to use nothing but a relay has mostly failed without: where UDP is blocked, only TCP gets out."""


@dataclass(frozen=True, slots=True)
class IceServer:
    """A STUN or TURN server as WebRTC knows it: all its URLs, with one name and password."""

    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class CandidateCounts:
    """How many ways of our own there are to reach us, by ICE's names."""

    host: int = 0
    srflx: int = 0
    relay: int = 0

    def __str__(self) -> str:
        return f"host {self.host}, srflx {self.srflx}, relay {self.relay}"


def count_candidates(kinds: Iterable[str]) -> CandidateCounts:
    """Count candidates by their ICE type."""
    found = list(kinds)
    return CandidateCounts(found.count("host"), found.count("srflx"), found.count("relay"))


def has_relay(servers: Iterable[IceServer]) -> bool:
    """Whether there is a TURN server among them, usable or not."""
    return any(url.lower().startswith(("turn:", "turns:")) for server in servers for url in server.urls)


def choose_servers(servers: Sequence[IceServer], *, relay_only: bool = False) -> tuple[IceServer, ...]:
    """At most one STUN and one TURN server, each with one URL: aiortc uses the first of either and ignores the others.

    STUN: the first listed. TURN: by the tables above, then as listed. URLs that aiortc cannot use are passed over.
    """
    stun: IceServer | None = None
    turns: dict[tuple[str, str], IceServer] = {}
    for server in servers:
        for url in server.urls:
            kind = _kind_of(url)
            if kind is None:
                continue
            if kind == ("stun", ""):
                stun = stun or IceServer((url,))
            elif server.username and server.credential:
                turns.setdefault(kind, IceServer((url,), server.username, server.credential))
    order = _SUREST_FIRST if relay_only else _CHEAPEST_FIRST
    turn = next((turns[kind] for kind in order if kind in turns), None)
    # Asking STUN would only cost time where nothing but a relay may be used.
    return tuple(server for server in (None if relay_only else stun, turn) if server is not None)


def over_tcp(servers: Sequence[IceServer]) -> tuple[IceServer, ...]:
    """The same without TURN over UDP, where there is a TURN server for anything else: for networks that drop UDP."""
    slow = [_but_udp(server) for server in servers]
    has_tcp = any(_kind_of(url) in _SUREST_FIRST[:2] for server in slow for url in server.urls)
    return tuple(server for server in slow if server.urls) if has_tcp else tuple(servers)


def _but_udp(server: IceServer) -> IceServer:
    return replace(server, urls=tuple(url for url in server.urls if _kind_of(url) != ("turn", "udp")))


def _kind_of(url: str) -> tuple[str, str] | None:
    """Scheme and transport of a usable URL. RFC 7064, RFC 7065; aiortc knows neither stuns nor IPv6 literals."""
    found = _URL.fullmatch(url)
    if found is None or int(found["port"] or 3478) not in range(1, 1 << 16):
        return None
    scheme, over = found["scheme"], found["over"]
    if scheme == "stun":
        return None if over else ("stun", "")
    kind = scheme, over or ("tcp" if scheme == "turns" else "udp")
    return kind if kind in _CHEAPEST_FIRST else None
