"""One answered offer: from the page's description to an open data channel, and to the end of its link."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from qrshared.errors import QrsharedError
from qrshared.links import Link, LinkClosed
from qrshared.links.ice import CandidateCounts, IceServer, over_tcp
from qrshared.remote.limits import ANSWER_S, CLOSE_S, OPEN_S
from qrshared.remote.messages import CANDIDATES_MAX, Answer, Candidate, Failed, FailReason, MeetingMessage

log = logging.getLogger(__name__)

UsedRoad: TypeAlias = Literal["direct", "relay"]
"""What carries a data channel: nothing between the two networks, or a TURN relay."""


class CountedLink(Link, Protocol):
    """A link that knows how much it carried."""

    @property
    def bytes_sent(self) -> int: ...

    @property
    def bytes_received(self) -> int: ...


class Connection(Protocol):
    """What is needed of a peer connection; aiortc's is behind `qrshared.links.peer_connection`."""

    async def answer(self, offer_sdp: str) -> str: ...

    async def add_candidate(self, candidate: str, mid: str | None, line: int | None) -> bool: ...

    async def opened(self) -> CountedLink: ...

    async def close(self) -> None: ...

    @property
    def road(self) -> UsedRoad | None: ...

    @property
    def counts(self) -> CandidateCounts: ...


Connect: TypeAlias = Callable[[Sequence[IceServer]], Awaitable[Connection]]


@dataclass(frozen=True, slots=True)
class RemoteVisitor:
    """Who came through an edge, as far as the connection can tell."""

    road: Callable[[], UsedRoad | None]
    """What carries it, as either side sees it; None until that is known."""
    moved_bytes: Callable[[], int]
    """What the link has carried, both directions together."""
    refused: Callable[[], None]
    """To be called when the handshake failed: it counts against the room."""
    borrow: Callable[[], Awaitable[Sequence[IceServer]]]
    """Relays that the edge lends for a connection of this visitor with somebody else; none is the usual answer."""


OnLink: TypeAlias = Callable[[Link, RemoteVisitor], Awaitable[None]]


class Attempt:
    """One peer connection. `run` returns when it is over, and raises nothing but a cancellation."""

    def __init__(
        self, number: int, sdp: str, *, connect: Connect, servers: Callable[[], Awaitable[Sequence[IceServer]]],
        say: Callable[[MeetingMessage], None], on_link: OnLink, refused: Callable[[], None],
        borrow: Callable[[], Awaitable[Sequence[IceServer]]],
    ) -> None:  # fmt: skip
        self.number = number
        self._sdp = sdp
        self._connect = connect
        self._servers = servers
        self._say = say
        self._on_link = on_link
        self._refused = refused
        self._borrow = borrow
        self._candidates: asyncio.Queue[Candidate] = asyncio.Queue(CANDIDATES_MAX)
        self._candidates_heard = 0
        self._link: CountedLink | None = None
        self._told_road: UsedRoad | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is a link: from then on it lives and dies without the edge."""
        return self._link is not None

    def hear(self, candidate: Candidate) -> None:
        """A way to reach the page that it found after its offer."""
        self._candidates_heard += 1
        if self._candidates_heard <= CANDIDATES_MAX:
            self._candidates.put_nowait(candidate)

    def note_road(self, road: UsedRoad) -> None:
        """The page sees this in its own statistics; a relay of its own choice is invisible from here."""
        if self._told_road is None:
            log.info("the road of a device from away, as its page sees it: %s", road)
        self._told_road = road

    async def hang_up(self) -> None:
        """End the link; `run` then ends by itself."""
        if self._link is not None:
            await self._link.close()

    async def run(self) -> None:
        """Answer, open, serve, close."""
        try:
            async with asyncio.timeout(ANSWER_S):
                servers = await self._servers()
                # A second attempt follows one that found no way: perhaps this home's network drops UDP.
                connection = await self._connect(servers if self.number == 1 else over_tcp(servers))
        except Exception:  # a library and a peer's words are in it; this call fails, nothing else
            log.exception("no peer connection could be made")
            self._fail(FailReason.OFFER)
            return
        try:
            link = await self._open(connection)
            if link is not None:
                self._link = link
                await self._on_link(link, self._visitor(connection, link))
        except Exception:  # it ends this link alone
            log.exception("a link from away broke")
        finally:
            await _close(connection)

    async def _open(self, connection: Connection) -> CountedLink | None:
        try:
            async with asyncio.timeout(ANSWER_S):
                answer = await connection.answer(self._sdp)
        except (QrsharedError, TimeoutError) as fault:
            log.info("an offer was not answered: %s", type(fault).__name__)
            self._fail(FailReason.OFFER)
            return None
        self._say(Answer(self.number, answer))
        async with asyncio.TaskGroup() as tasks:
            feeding = tasks.create_task(self._feed(connection))
            link = await self._until_open(connection)
            feeding.cancel()
        return link

    async def _until_open(self, connection: Connection) -> CountedLink | None:
        try:
            async with asyncio.timeout(OPEN_S):
                link = await connection.opened()
        except (LinkClosed, TimeoutError):
            log.info("no connection came of an offer: candidates of our own: %s", connection.counts)
            self._fail(FailReason.ICE)
            return None
        # Only a relay of our own is certain so soon; one of the page's choice is told by the page.
        known = "; road relay" if connection.road == "relay" else ""
        log.info("a device came from away, candidates of our own: %s%s", connection.counts, known)
        return link

    async def _feed(self, connection: Connection) -> None:
        while True:
            heard = await self._candidates.get()
            await connection.add_candidate(heard.candidate, heard.mid, heard.line)

    def _visitor(self, connection: Connection, link: CountedLink) -> RemoteVisitor:
        def road() -> UsedRoad | None:
            return "relay" if self._told_road == "relay" else connection.road or self._told_road

        return RemoteVisitor(road, lambda: link.bytes_sent + link.bytes_received, self._refused, self._borrow)

    def _fail(self, reason: FailReason) -> None:
        self._say(Failed(self.number, reason))


async def _close(connection: Connection) -> None:
    try:
        async with asyncio.timeout(CLOSE_S):
            await connection.close()
    except Exception:  # it is left to the library; nobody waits for it
        log.exception("a peer connection did not close")
