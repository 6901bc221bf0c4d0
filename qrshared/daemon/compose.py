"""The one place that knows how the parts of a daemon fit together."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from qrshared.assets import built_page
from qrshared.daemon.away import Away
from qrshared.daemon.away_live import AwaySwitch
from qrshared.daemon.book import Book
from qrshared.daemon.changing import Parts, away_facts, let_change, settings_deeds
from qrshared.daemon.deeds import Deeds
from qrshared.daemon.desk import Deed, FrontDesk
from qrshared.daemon.examining import Examiner, Look
from qrshared.daemon.history import History
from qrshared.daemon.inboxes import Inboxes, opened_inboxes
from qrshared.daemon.introductions import Introductions
from qrshared.daemon.networks import Networks
from qrshared.daemon.ports import KeptPort
from qrshared.daemon.receipts import Receipts
from qrshared.daemon.settings_live import LiveSettings
from qrshared.daemon.shelf import Shelf
from qrshared.daemon.shelf_deeds import ShelfDeeds
from qrshared.daemon.shelf_store import ShelfStore
from qrshared.daemon.store import Store
from qrshared.daemon.unreached import Unreached
from qrshared.daemon.views import Problems, Views
from qrshared.daemon.whereabouts import Whereabouts
from qrshared.inbox import Inbox
from qrshared.lan import Advertiser, Downloads, LanServer, Visitor, build_app, candidates, read_network
from qrshared.links import Link
from qrshared.local import ControlServer
from qrshared.protocol import DeviceId, Examine, Facts, Reason, Topic, Verb
from qrshared.serving import BuiltPage, Gate
from qrshared.sessions import Asker, IncomingTransfers, LiveSessions, OutgoingTransfers, Welcome
from qrshared.settings import Loaded, Settings, make_data_dir
from qrshared.shelf import Outbox
from qrshared.signaling import signal_url
from qrshared.tickets import Grant, Right, Road, Trust

log = logging.getLogger(__name__)

OWNER_HERE: Final = Grant(Road.LOOPBACK, rights=frozenset(Right), trust=Trust.OWNER)
"""Whoever may open the control socket is the owner."""

_GB: Final = 10**9


@dataclass(frozen=True, slots=True)
class Daemon:
    """Every part that runs, for `run.py` to keep going."""

    changes: LiveSettings
    book: Book
    desk: FrontDesk
    inboxes: Inboxes
    live: LiveSessions
    transfers: IncomingTransfers
    outgoing: OutgoingTransfers
    history: History
    where: Whereabouts
    views: Views
    introductions: Introductions
    problems: Problems
    server: LanServer
    advertiser: Advertiser | None
    gate: Gate
    reach: AwaySwitch
    shelf: Shelf
    networks: Networks
    unreached: Unreached
    examiner: Examiner

    @property
    def settings(self) -> Settings:
        """What counts now."""
        return self.changes.now

    @property
    def inbox(self) -> Inbox:
        """Where transfers that begin now land."""
        return self.inboxes.current

    @property
    def away(self) -> Away | None:
        """What is open of use away from home."""
        return self.reach.now


@asynccontextmanager
async def compose(
    settings: Settings, *, reload: Callable[[], Loaded] | None = None, examine: Look = tuple
) -> AsyncIterator[Daemon]:
    """Build and start every part; leaving stops them in reverse. Raises `UserError` for what a person can mend.

    `reload` reads all sources of settings anew, `examine` is the home part of doctor and blocks.
    """
    make_data_dir(settings.data_dir)
    clock = asyncio.get_running_loop().time
    async with AsyncExitStack() as parts:
        # The control socket first: its lock makes this the only daemon of the data folder, and the journal is in there.
        desk = FrontDesk()
        await parts.enter_async_context(ControlServer(settings.data_dir, desk, OWNER_HERE))
        changes = LiveSettings(settings, reload)
        live = LiveSessions(clock)
        endings = _Endings()
        receipts = await parts.enter_async_context(Receipts(settings.data_dir / "receipts.jsonl"))
        book = _open_book(settings, endings, live)
        inboxes = await parts.enter_async_context(opened_inboxes(settings))
        history = History(book, accept=settings.accept)
        transfers = await parts.enter_async_context(IncomingTransfers(inboxes.current, history, clock))
        history.on_placed = receipts.note
        outgoing = OutgoingTransfers()
        await parts.enter_async_context(endings.of(live, transfers, outgoing))
        where = Whereabouts(host=settings.host, public_host=settings.public_host, edge=settings.edge)
        networks = await _look_around(settings, where)
        problems = Problems()
        introductions = Introductions(book=book, live=live, clock=clock)
        views = Views(
            settings=lambda: changes.now, where=where, book=book, inbox=lambda: inboxes.current, live=live,
            transfers=transfers, history=history, problems=problems, introductions=introductions,
            networks=networks,
        )  # fmt: skip
        views.unreached = unreached = Unreached(settings.data_dir, has_devices=book.has_phones)
        deeds = Deeds(
            book=book, inbox=lambda: inboxes.current, live=live, transfers=transfers, where=where, views=views,
            introductions=introductions, networks=networks,
            changed=lambda: desk.changed(Topic.DEVICES, Topic.STATUS, Topic.NEARBY),
        )  # fmt: skip
        downloads = Downloads(clock=clock, is_on=lambda: changes.now.plain_downloads)
        shelf = _make_shelf(settings, inboxes, outgoing, book, downloads, desk, problems)
        shelf_deeds = ShelfDeeds(
            shelf=shelf, book=book, inbox=lambda: inboxes.current, where=where, downloads=downloads
        )  # fmt: skip
        examiner = Examiner(examine, _problem_sayer(problems, desk))
        desk.furnish(
            {
                **deeds.table(),
                **receipts.table(),
                **shelf_deeds.table(),
                **settings_deeds(changes),
                **_examining(examiner),
            },
            {**views.table(), Topic.SHELF: shelf.list, Topic.OFFERS: shelf.offers.facts},
            introductions.hand_on,
        )
        desk.on_left = shelf.left
        welcome = Welcome(
            computer=lambda: changes.now.name, book=book, desk=desk, transfers=transfers, outgoing=outgoing, live=live,
            clock=clock, away=away_facts(settings),
        )  # fmt: skip
        gate = Gate()
        server = await parts.enter_async_context(_open_door(changes, gate, welcome, live, where, downloads, unreached))
        reach = AwaySwitch(book=book, welcome=welcome, live=live)
        let_change(
            changes,
            Parts(desk, book, inboxes, transfers, history, views, where, introductions, welcome, reach, shelf),
        )
        await parts.enter_async_context(reach.running(settings))
        await parts.enter_async_context(shelf.running())
        parts.push_async_callback(live.end_all, Reason.RESTARTING)
        inboxes.announce(where.urls()[-1])
        advertiser = None
        if settings.mdns:
            advertiser = await parts.enter_async_context(Advertiser(name=settings.name, port=where.port))
        parts.push_async_callback(_save_at_last, book)
        yield Daemon(
            changes, book, desk, inboxes, live, transfers, outgoing, history, where, views, introductions, problems,
            server, advertiser, gate, reach, shelf, networks, unreached, examiner,
        )  # fmt: skip


async def _look_around(settings: Settings, where: Whereabouts) -> Networks:
    """Where we are, before anybody is shown a code."""
    found = await asyncio.to_thread(candidates)
    where.move(found)
    networks = Networks(Store(settings.data_dir / "networks.json"))
    await networks.look(await asyncio.to_thread(read_network, where.address, found))
    return networks


class _Endings:
    """Closes the sessions of devices whose key has ended; the book, which says so, waits for nobody."""

    def __init__(self) -> None:
        self._end: Callable[[Iterable[DeviceId], Reason], None] = lambda _devices, _reason: None

    @asynccontextmanager
    async def of(
        self, live: LiveSessions, transfers: IncomingTransfers, outgoing: OutgoingTransfers
    ) -> AsyncIterator[None]:
        """From here on somebody may be connected."""
        async with asyncio.TaskGroup() as tasks:

            def end(devices: Iterable[DeviceId], reason: Reason) -> None:
                tasks.create_task(_end_devices(list(devices), reason, live, transfers, outgoing))

            self._end = end
            yield

    def __call__(self, devices: Iterable[DeviceId], reason: Reason) -> None:
        self._end(devices, reason)


async def _end_devices(
    devices: Sequence[DeviceId],
    reason: Reason,
    live: LiveSessions,
    transfers: IncomingTransfers,
    outgoing: OutgoingTransfers,
) -> None:
    try:
        await live.end(devices, reason)
        if reason is Reason.REVOKED:  # nobody else may go on with what it had begun
            for device in devices:
                await transfers.forget(device, carried_too=True)
                outgoing.forget(device)
    except Exception:
        log.exception("a device that has ended was not cleared away")


async def _save_at_last(book: Book) -> None:
    try:
        await book.save()
    except OSError as fault:
        log.warning("the list of devices could not be written: %s", fault.strerror)


def _open_book(settings: Settings, endings: _Endings, live: LiveSessions) -> Book:
    store = Store(settings.data_dir / "devices.json")
    guest_day_bytes = settings.guest_daily_gb * _GB
    return Book(store, guest_day_bytes=guest_day_bytes, on_ended=endings, is_online=live.is_online)


def _problem_sayer(problems: Problems, desk: FrontDesk) -> Callable[[str, str | None], None]:
    def say(part: str, sentence: str | None) -> None:
        if problems.say(part, sentence):
            desk.changed(Topic.STATUS)

    return say


def _examining(examiner: Examiner) -> dict[type[Verb], Deed]:
    async def examine(_verb: Verb, _asker: Asker) -> Facts:
        return await examiner.look()

    return {Examine: Deed(Right.OWN, examine)}


def _make_shelf(
    settings: Settings, inboxes: Inboxes, outgoing: OutgoingTransfers, book: Book, downloads: Downloads,
    desk: FrontDesk, problems: Problems,
) -> Shelf:  # fmt: skip
    store = ShelfStore(Store(settings.data_dir / "shelf.json"))
    outbox = Outbox(lambda: inboxes.current.folder if inboxes.current.is_there() else None, store.salt)
    shelf = Shelf(outbox=outbox, outgoing=outgoing, book=book, store=store, downloads=downloads)

    say = _problem_sayer(problems, desk)
    shelf.changed = desk.changed
    shelf.say_problem = lambda sentence: say("outbox", sentence)
    return shelf


@asynccontextmanager
async def _open_door(
    changes: LiveSettings, gate: Gate, welcome: Welcome, live: LiveSessions, where: Whereabouts, downloads: Downloads,
    unreached: Unreached,
) -> AsyncIterator[LanServer]:  # fmt: skip
    settings = changes.now

    async def on_link(link: Link, visitor: Visitor) -> None:
        road = Road.SECURE if visitor.is_secure else Road.LOOPBACK if visitor.is_loopback else Road.HOME
        await welcome.serve(link, road, sealed=visitor.sealed, refused=visitor.refused)

    def connect_to() -> tuple[str, ...]:
        edge = changes.now.edge  # else the browser forbids it to the page
        return () if edge is None else (signal_url(edge),)

    app = build_app(
        page=BuiltPage.load(built_page()),
        sessions=lambda: len(live),
        on_link=on_link,
        admission=lambda: where.admission,
        gate=gate,
        connect_to=connect_to,
        downloads=downloads,
        on_opened=unreached.opened,
    )
    kept = KeptPort(Path(settings.data_dir))
    async with LanServer(app, gate) as server:
        where.port = await kept.listen(server, host=settings.host, port=settings.port)
        yield server
