"""Use away from home: the remote door with its relays, what `status` says of it, and by which road devices come."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final, Protocol

from aiohttp import ClientSession

from qrshared.daemon.store import Store, StoreDamaged
from qrshared.errors import UserError
from qrshared.links import CloseReason, Link
from qrshared.links.ice import IceServer
from qrshared.protocol import EdgeFacts, RelayFacts, RoadInUse, TurnKind
from qrshared.remote import EdgeState, RemoteDoor, RemoteVisitor
from qrshared.remote.relayed import RelayedBytes
from qrshared.sessions import LiveSessions, Welcome
from qrshared.settings import Settings
from qrshared.signaling import TurnSource, edge_session, read_turn_config, turn_source
from qrshared.tickets import Road

log = logging.getLogger(__name__)

STRANGER_S: Final = 45.0
"""How long a link may be no device's: handshake, hello and a slow disk. Elsewhere there is no wall to look at."""

_MB = 10**6


class Rooms(Protocol):
    """What the book knows of rooms."""

    on_rooms_changed: Callable[[], None]

    def rooms(self) -> Mapping[str, bytes]:
        """Room id → secret, of everybody who may come from away."""


def this_month() -> str:
    """The calendar month, in UTC as providers count."""
    return time.strftime("%Y-%m", time.gmtime())


class Away:
    """Everything of a daemon that has an edge; without one there is none of this."""

    def __init__(
        self, settings: Settings, edge: str, *, session: ClientSession, book: Rooms, welcome: Welcome,
        live: LiveSessions, month: Callable[[], str] = this_month,
    ) -> None:  # fmt: skip
        self._turn: TurnSource | None = None
        self.relay_problem: str | None = None
        """Why the relay of the settings is not used; everything else works."""
        try:
            self._turn = _turn_source(settings, session)
        except UserError as wrong:
            self.relay_problem = f"The relay is not used. {wrong.sentence}"
        self._stun = (IceServer(settings.stun),) if settings.stun else ()
        self._ask_bytes = settings.relay_ask_mb * _MB
        self._welcome = welcome
        self._live = live
        self._visitors: dict[Link, RemoteVisitor] = {}
        self._store = Store(settings.data_dir / "relayed.json")
        self._relayed = RelayedBytes(month)
        self._kept: dict[str, int] = {}
        self.changed: Callable[[], None] = lambda: None
        """Called when the line to the edge fares otherwise, or a device turns out to come by another road."""
        self.door = RemoteDoor(
            session, edge, rooms=book.rooms, on_link=self._on_link, servers=self.servers, stun=self._stun,
            changed=lambda: self.changed(),
        )  # fmt: skip
        book.on_rooms_changed = self.door.rooms_changed

    @property
    def state(self) -> EdgeState:
        """How the line to the edge fares."""
        return self.door.state

    async def servers(self, label: str) -> Sequence[IceServer]:
        """STUN, and a relay for ten minutes if there is one; the label names nobody."""
        minted = () if self._turn is None else await self._turn.mint(label)
        return (*self._stun, *(IceServer(one.urls, one.username, one.credential) for one in minted))

    def edge_facts(self) -> EdgeFacts:
        """For `status` and the owner page."""
        return EdgeFacts(self.state.url, self.state.state, self.state.sentence)

    def relay_facts(self) -> RelayFacts:
        """Whose relay is used, and what went through it this month."""
        kind = TurnKind.NONE if self._turn is None else TurnKind(self._turn.kind.value)
        borrowed = self._turn is None and self.door.lends_relay
        return RelayFacts(kind, self._relayed.month, self._relayed.bytes(), self._ask_bytes, borrowed)

    def road_of(self, device: str) -> RoadInUse | None:
        """By which road a device is here; None when it is not, or came in at home."""
        session = self._live.of(device)
        visitor = None if session is None else self._visitors.get(session.carrier)
        return None if visitor is None else RoadInUse(visitor.road() or "direct")

    async def borrow(self, device: str) -> Sequence[IceServer]:
        """A relay that the edge lends this device, which came by it; none to one that is at home."""
        session = self._live.of(device)
        visitor = None if session is None else self._visitors.get(session.carrier)
        return () if visitor is None else await visitor.borrow()

    async def restore(self) -> None:
        """Take up what was counted before the start."""
        try:
            self._relayed.restore(self._store.load())
        except StoreDamaged as fault:
            log.warning("relayed bytes are counted from zero: %s", fault)
        self._kept = self._relayed.dump()

    async def make_round(self) -> None:
        """Write down what was counted since; raises OSError."""
        counted = self._relayed.dump()
        if counted != self._kept:
            await self._store.save(counted)
            self._kept = counted

    async def _on_link(self, link: Link, visitor: RemoteVisitor) -> None:
        self._visitors[link] = visitor
        try:
            async with asyncio.TaskGroup() as tasks:
                showing_out = tasks.create_task(self._show_out(link))
                with self._relayed.following(visitor):
                    await self._welcome.serve(link, Road.AWAY, sealed=lambda _is_known: None, refused=visitor.refused)
                showing_out.cancel()
        finally:
            del self._visitors[link]

    async def _show_out(self, link: Link) -> None:
        """A code ends; whoever came by it and never became a device would stay, and keep a place from the others."""
        await asyncio.sleep(STRANGER_S)
        sessions = (self._live.of(device) for device in self._live.devices())
        if not any(session is not None and session.carrier is link for session in sessions):
            log.info("a link from away was no device's; it is closed")
            await link.close(CloseReason.DONE)


@asynccontextmanager
async def open_away(
    settings: Settings, *, book: Rooms, welcome: Welcome, live: LiveSessions
) -> AsyncIterator[Away | None]:
    """The remote door, running until the block ends; None without an edge."""
    if settings.edge is None:
        yield None
        return
    async with edge_session() as session:
        away = Away(settings, settings.edge, session=session, book=book, welcome=welcome, live=live)
        await away.restore()
        async with away.door.open():
            yield away
        book.on_rooms_changed = lambda: None
        try:
            await away.make_round()
        except OSError as fault:
            log.warning("relayed bytes could not be written down: %s", fault.strerror)


def _turn_source(settings: Settings, session: ClientSession) -> TurnSource | None:
    config = read_turn_config(
        turn_url=settings.turn_url,
        turn_secret_file=settings.turn_secret_file,
        turn_user=settings.turn_user,
        turn_password_file=settings.turn_password_file,
        metered_app=settings.metered_app,
        metered_key_file=settings.metered_key_file,
    )
    return None if config is None else turn_source(config, session)
