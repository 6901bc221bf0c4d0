"""Relays of the edge's own, for a home that has none: asked for when a peer that proved itself calls."""

import asyncio
import ipaddress
import logging
import re
import socket
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from qrshared.links.ice import IceServer
from qrshared.remote.limits import BORROW_S, BORROWED_ANEW_S, BORROWED_FRESH_S
from qrshared.serving.guard import is_near
from qrshared.signaling import Refuse, RefuseReason, Servers, TurnServer

log = logging.getLogger(__name__)

_HOST: Final = re.compile(r"(turns?:)([A-Za-z0-9.-]{1,253})((?::[0-9]{1,5})?(?:\?.*)?)")

HOSTS_MAX: Final = 4
"""Names that one answer of the edge has us look up; providers give one, with several ports."""

AskEdge: TypeAlias = Callable[[str, str], Awaitable[bool]]
"""Asks the edge for a relay towards a peer of a room; False when there is no edge, or it has none to give."""

Resolve: TypeAlias = Callable[[str], Awaitable[Sequence[str]]]


class Places:
    """What an edge lends, as it may be used: an edge may be anybody's, and must not have a router at home spoken to."""

    def __init__(self, edge_url: str, resolve: Resolve | None = None) -> None:
        self._edge_host = urlsplit(edge_url).hostname or ""
        self._resolve = resolve or _resolve

    async def usable(self, told: Sequence[TurnServer]) -> tuple[IceServer, ...]:
        """Those that are on the internet, or beside the edge."""
        places: dict[str, str | None] = {self._edge_host: self._edge_host}
        usable = []
        for server in told:
            urls = [url for each in server.urls if (url := await self._placed(each, places)) is not None]
            if urls:
                usable.append(IceServer(tuple(urls), server.username, server.credential))
        return tuple(usable)

    async def _placed(self, url: str, places: dict[str, str | None]) -> str | None:
        found = _HOST.fullmatch(url)
        if found is None:
            return None
        scheme, host, rest = found.groups()
        if host not in places and len(places) <= HOSTS_MAX:
            places[host] = await self._outside(host)
        place = places.get(host)
        # The same name may lead elsewhere when it is looked up again; with TLS its certificate is looked at, too.
        return None if place is None else url if scheme == "turns:" else f"{scheme}{place}{rest}"

    async def _outside(self, host: str) -> str | None:
        try:
            addresses = await self._resolve(host)
        except OSError:
            return None
        if not addresses or any(map(_is_inside, addresses)):
            log.info("the edge lends a relay that is not on the internet; it is not used")
            return None
        return addresses[0]


@dataclass(frozen=True, slots=True)
class _Kept:
    servers: tuple[IceServer, ...]
    since: float


class BorrowedRelays:
    """What the edge last lent for each room; one question a room at a time."""

    def __init__(
        self, edge_url: str, *, ask: AskEdge, clock: Callable[[], float], resolve: Resolve | None = None
    ) -> None:
        self._places = Places(edge_url, resolve)
        self._ask = ask
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._asked: dict[str, asyncio.Future[Sequence[TurnServer]]] = {}

    async def for_peer(self, room: str, peer: str) -> Sequence[IceServer]:
        """Relays for a connection with this peer; none when the edge has none, or does not say so in time."""
        kept = self._lent_within(BORROWED_FRESH_S, room)
        return kept or await self._anew(room, peer)

    async def for_device(self, room: str, peer: str | None) -> Sequence[IceServer]:
        """The same for whoever came from this room and is to connect elsewhere: as new as the edge gives them.

        `peer`: who stands for it in the room now; None when nobody does, because its code has ended. Then, and when the
        edge gives no other, it is what was lent lately.
        """
        kept = self._lent_within(BORROWED_ANEW_S, room)
        if not kept and peer is not None:
            kept = await self._anew(room, peer)
        return kept or self._lent_within(BORROWED_FRESH_S, room)

    def _lent_within(self, seconds: float, room: str) -> Sequence[IceServer]:
        kept = self._kept.get(room)
        return () if kept is None or self._clock() - kept.since >= seconds else kept.servers

    async def _anew(self, room: str, peer: str) -> Sequence[IceServer]:
        try:
            async with asyncio.timeout(BORROW_S):
                told = await self._told(room, peer)
                servers = await self._places.usable(told)
        except TimeoutError:
            return ()
        if servers:
            self._kept[room] = _Kept(servers, self._clock())
        return servers

    def hear(self, event: Servers | Refuse) -> None:
        """The edge's answer, or a word about something else."""
        if isinstance(event, Refuse) and event.reason is not RefuseReason.TURN:
            return
        asked = self._asked.get(event.room or "")
        if asked is not None and not asked.done():
            asked.set_result(event.servers if isinstance(event, Servers) else ())

    def keep_only(self, rooms: Collection[str]) -> None:
        """Of rooms where nobody can come any more, what is too old for those who came."""
        self._kept = {
            room: kept
            for room, kept in self._kept.items()
            if room in rooms or self._lent_within(BORROWED_FRESH_S, room)
        }

    def lose(self) -> None:
        """The line is cut: what was asked is not answered any more. What was lent stays good."""
        for asked in self._asked.values():
            if not asked.done():
                asked.set_result(())

    async def _told(self, room: str, peer: str) -> Sequence[TurnServer]:
        asked = self._asked.get(room)
        if asked is not None:  # the edge answers once a minute and room
            return await asyncio.shield(asked)
        asked = self._asked[room] = asyncio.get_running_loop().create_future()
        try:
            if not await self._ask(room, peer):
                return ()
            return await asyncio.shield(asked)
        finally:
            del self._asked[room]
            if not asked.done():
                asked.set_result(())


def _is_inside(address: str) -> bool:
    ip = ipaddress.ip_address(address)
    return is_near(address, ()) or ip.is_link_local or ip.is_unspecified or ip.is_multicast


async def _resolve(host: str) -> Sequence[str]:
    """IPv4 alone: aiortc takes no IPv6 literal in a URL. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, family=socket.AF_INET, type=socket.SOCK_DGRAM)
    return [str(place[0]) for *_, place in found]
