"""Keeps a composed daemon going until it is told to stop: addresses, rounds, news, notices, watchdog."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Final

from qrshared.daemon.asks import OwnerAsks
from qrshared.daemon.compose import compose
from qrshared.daemon.events import AddressChanged, Landed, Moved, Problem, Ready, RunEvent
from qrshared.daemon.examining import Look, problem_of
from qrshared.daemon.idle import IdleGuard
from qrshared.daemon.left_outbox import LeftOutbox
from qrshared.daemon.notices import Batch, Notices
from qrshared.daemon.parts import Daemon
from qrshared.daemon.runtime import fit_to_transfers
from qrshared.daemon.systemd import Systemd, Watchdog, door_check, thread_check
from qrshared.daemon.wiring import listen
from qrshared.inbox import Inbox, InboxError
from qrshared.jobs import keep_going
from qrshared.lan import Candidate, Network, advertised_addresses, candidates, choose, read_network, watch
from qrshared.protocol import Topic, TransferList
from qrshared.sessions import ItemKind, Question
from qrshared.settings import Loaded, Settings

log = logging.getLogger(__name__)

ROOM_AGAIN_S: Final = 1.0
"""No oftener is it looked whether rooms at the edge have ended."""

ROUND_EVERY_S: Final = 60.0
"""How often ended keys are forgotten and visits written down."""

WALL_EVERY_S: Final = 20.0
"""How often walls are told again: their code changes every five minutes."""

ROOM_EVERY_S: Final = 1.0
"""How often it is told how much room is left while files come and go."""

NEWS_EVERY_S: Final = 0.5
"""How often progress is told while something moves."""

HEARD_STILL_S: Final = 30.0
"""How often it is looked, where nothing changes, whether mDNS still carries our name."""

WATCH_BEGINS_S: Final = 2.0
"""After so long the watch of the inbox folder is certainly at work."""

INBOX_TOLD: Final = 200
"""Entries that watchers of the inbox see."""

Show = Callable[[RunEvent], None]
Job = Callable[[], Coroutine[None, None, None]]


async def run(
    settings: Settings, *, show: Show, reload: Callable[[], Loaded] | None = None, examine: Look = tuple,
    is_first: bool = False,
) -> None:  # fmt: skip
    """Run until SIGTERM or SIGINT; raises `UserError` for what a person can mend.

    `reload` reads all settings anew: without it none can change. `examine` looks, blocking, for what is in the way of
    phones; at a first start it is asked at once.
    """
    fit_to_transfers()
    systemd = Systemd(os.environ)
    stop = asyncio.Event()
    with _signals(stop):
        async with compose(settings, reload=reload, examine=examine) as daemon:
            keeper = Keeper(daemon, show)
            async with asyncio.TaskGroup() as tasks:
                jobs = [tasks.create_task(keep_going(job)) for job in keeper.jobs(systemd)]
                show(_ready(daemon))
                systemd.ready(f"Sending to {settings.name}: {daemon.where.urls()[0]}")
                if is_first:  # once said, it would only be noise at each start
                    jobs.append(tasks.create_task(keeper.look()))
                await stop.wait()
                log.debug("stopping")
                systemd.stopping()
                for job in jobs:
                    job.cancel()


@contextmanager
def _signals(stop: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    try:
        for number in signals:
            loop.add_signal_handler(number, stop.set)
    except NotImplementedError:  # Windows: Ctrl-C arrives as KeyboardInterrupt instead
        yield
        return
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


def _ready(daemon: Daemon) -> Ready:
    return Ready(
        computer=daemon.settings.name,
        urls=daemon.where.urls(),
        code_url=daemon.views.code_url,
        local_name=lambda: daemon.where.local_name,
        inbox=daemon.inbox.folder,
        data_dir=daemon.settings.data_dir,
    )


class Keeper:
    """The jobs that run beside the door."""

    def __init__(self, daemon: Daemon, show: Show) -> None:
        self._daemon = daemon
        self._show = show
        self._notices = Notices(daemon.inbox.folder, is_quiet=self._is_quiet)
        self._left_outbox = LeftOutbox(daemon.inbox.folder)
        self._inbox_moved = asyncio.Event()
        self._idle = IdleGuard()
        self._moved, self._room_moved = asyncio.Event(), asyncio.Event()
        self._ours: dict[str, Network | None] = {}
        self._heard_elsewhere = asyncio.Event()
        self._asks = OwnerAsks(
            questions=daemon.transfers.questions, networks=daemon.networks, show=show, notify=self._notices.tell,
            changed=self.asking_changed,
        )  # fmt: skip
        listen(daemon, self)
        self.edge_moved()

    # --- what it hears: see `wiring.Listener`

    def something_moved(self) -> None:
        """Progress is told in a moment."""
        self._moved.set()
        self._room_moved.set()

    def inbox_moved(self, inbox: Inbox) -> None:
        """Follow the new folder."""
        self._notices.folder = inbox.folder
        self._left_outbox.moved(inbox.folder)
        self.say_problem("old outbox", self._left_outbox.sentence())
        self._inbox_moved.set()

    def settings_changed(self) -> None:
        """Our name may be another one."""
        daemon = self._daemon
        if daemon.advertiser is not None:
            daemon.advertiser.rename(daemon.settings.name)
            self._heard_elsewhere.set()

    def network_moved(self) -> None:
        """Be heard there, or not, and show a code or none."""
        self._asks.network_moved()
        self._heard_elsewhere.set()
        self._moved.set()
        self._daemon.desk.changed(Topic.WALL, Topic.STATUS)

    def edge_moved(self) -> None:
        """Tell how use away from home fares."""
        away = self._daemon.away
        self.say_problem("edge", None if away is None else away.state.sentence)
        self.say_problem("relay", None if away is None else away.relay_problem)
        self._daemon.desk.changed(Topic.STATUS, Topic.DEVICES, Topic.WALL)

    def asked(self, question: Question) -> None:
        """Put it to the owner."""
        name = self._daemon.history.name_of(question.sender)
        self._asks.ask_about_transfer(replace(question, sender=replace(question.sender, name=name)))

    def asking_changed(self) -> None:
        """Desks tell what is asked."""
        self._moved.set()
        self._daemon.desk.changed(Topic.STATUS, Topic.TRANSFERS)

    def say_problem(self, part: str, sentence: str | None) -> None:
        """On the owner page, and once in the terminal."""
        if self._daemon.problems.say(part, sentence) and sentence is not None:
            self._show(Problem(sentence))

    # --- what it does

    def _is_quiet(self) -> bool:
        settings, now = self._daemon.settings, time.localtime()
        hours = settings.quiet_hours
        return not settings.notices or (hours is not None and hours.holds(60 * now.tm_hour + now.tm_min))

    def jobs(self, systemd: Systemd) -> list[Job]:
        """Everything to run until the end."""
        daemon = self._daemon
        is_there = thread_check("the inbox", lambda: daemon.inbox.is_there())
        watchdog = Watchdog(systemd, [door_check(daemon.where.port), is_there])
        jobs = [
            self._follow_network, self._advertise, self._follow_inbox, self._make_rounds, self._refresh_walls,
            self._tell_progress, self._tell_room, self._idle.run, self._asks.ask_about_networks, self._asks.keep_word,
        ]  # fmt: skip
        return [*jobs, watchdog.run, self._notices.run, daemon.changes.follow, daemon.inboxes.let_go]

    async def look(self) -> None:
        """Tell of what is in the way of phones, under the code."""
        try:
            found = await self._daemon.examiner.look()
        except Exception:  # doctor's looks are many and may meet anything; the daemon runs on
            log.exception("looking for problems failed")
            return
        for one in found.findings:
            if not one.ok:
                self._show(Problem(problem_of(one)))

    async def _follow_network(self) -> None:
        daemon = self._daemon
        async for found, network, ours in watch(self._look_around):
            self._ours = ours
            # before anything is shown: this may be a café
            await daemon.networks.look(network, [one for one in ours.values() if one is not None])
            if daemon.where.move(found):
                log.info("codes carry another address now")
                self._show(AddressChanged(daemon.where.urls()))
            if daemon.away is not None:
                daemon.away.door.wake()
            no_network = None if daemon.where.address else "This computer is in no network that a phone could reach."
            self.say_problem("network", no_network)
            self.network_moved()

    def _look_around(self) -> tuple[list[Candidate], Network | None, dict[str, Network | None]]:
        """The addresses there are, the network of the one that codes carry, and those of all where we may be heard."""
        found = candidates()
        ours = {address: read_network(address, found) for address in advertised_addresses(found)}
        return found, read_network(choose(found, host=self._daemon.settings.host), found), ours

    async def _advertise(self) -> None:
        """Be heard where we are, and only in networks that the owner has agreed to; it takes seconds each time."""
        daemon = self._daemon
        if daemon.advertiser is None:
            return
        while True:
            try:
                async with asyncio.timeout(HEARD_STILL_S):
                    await self._heard_elsewhere.wait()
            except TimeoutError:
                pass  # nothing is new here: whether it is heard still
            self._heard_elsewhere.clear()
            await daemon.advertiser.follow(self._heard_on() if daemon.networks.is_known else [])
            if daemon.where.call(daemon.advertiser.local_name):
                daemon.desk.changed(Topic.WALL, Topic.STATUS)

    def _heard_on(self) -> list[str]:
        """Our addresses in networks that are known: at home by cable, a computer may be in a café by Wi-Fi."""
        known = self._daemon.networks.knows
        return [address for address, network in self._ours.items() if network is None or known(network)]

    async def _follow_inbox(self) -> None:
        while True:
            self._inbox_moved.clear()
            async with asyncio.TaskGroup() as tasks:
                jobs = [
                    tasks.create_task(self._read_inbox_at_first()),
                    tasks.create_task(self._follow_one(self._daemon.inbox)),
                ]
                await self._inbox_moved.wait()
                for job in jobs:
                    job.cancel()

    async def _follow_one(self, inbox: Inbox) -> None:
        async for _ in inbox.changes():
            await self._read_inbox()

    async def _read_inbox_at_first(self) -> None:
        await self._read_inbox()
        # The watch takes a moment to begin: what came in between is seen by a second look.
        await asyncio.sleep(WATCH_BEGINS_S)
        await self._read_inbox()

    async def _read_inbox(self) -> None:
        daemon = self._daemon
        try:
            daemon.views.remember_inbox(await asyncio.to_thread(daemon.views.read_inbox, INBOX_TOLD))
        except InboxError as fault:
            self.say_problem("inbox", fault.sentence)
        else:
            self.say_problem("inbox", None)
            daemon.desk.changed(Topic.INBOX)
            self._room_moved.set()

    async def _tell_room(self) -> None:
        views, told = self._daemon.views, -1
        while True:
            await self._room_moved.wait()
            self._room_moved.clear()
            with suppress(InboxError):  # the inbox itself is a problem then, and told as one
                await asyncio.to_thread(views.read_room)
            if views.free_bytes != told:
                told = views.free_bytes
                self._daemon.desk.changed(Topic.STATUS)
            await asyncio.sleep(ROOM_EVERY_S)

    async def _until_round(self) -> None:
        """A code that has ended keeps no room at the edge meanwhile."""
        until = time.monotonic() + ROUND_EVERY_S
        while (left := until - time.monotonic()) > 0:
            next_end = self._daemon.book.leave_rooms()
            await asyncio.sleep(min(left, max(next_end, ROOM_AGAIN_S)))

    async def _make_rounds(self) -> None:
        while True:
            await self._until_round()
            daemon = self._daemon
            for device in daemon.live.devices():
                daemon.book.seen(device)  # whoever is there has not been away, however long it stays
            for waiting in daemon.transfers.waiting():
                daemon.history.ended(waiting.sender, waiting.transfer)  # what has landed is worth a word by now
            await self._tell_landings()
            try:
                await daemon.book.make_round()
            except OSError as fault:
                self.say_problem("book", f"The list of devices cannot be written: {fault.strerror}.")
            else:
                self.say_problem("book", None)
            await self._keep_relayed()
            self.say_problem("old outbox", await asyncio.to_thread(self._left_outbox.sentence))
            await asyncio.to_thread(daemon.unreached.remember)

    async def _keep_relayed(self) -> None:
        try:
            if self._daemon.away is not None:
                await self._daemon.away.make_round()
        except OSError as fault:
            self.say_problem("relayed", f"What went through the relay cannot be written down: {fault.strerror}.")
        else:
            self.say_problem("relayed", None)

    async def _refresh_walls(self) -> None:
        while True:
            await asyncio.sleep(WALL_EVERY_S)
            self._daemon.desk.changed(Topic.WALL, Topic.DEVICES)

    async def _tell_progress(self) -> None:
        daemon = self._daemon
        while True:
            self._moved.clear()
            busy = daemon.shelf.is_moving or any(True for _ in daemon.transfers.active())
            self._idle.set_busy(busy)
            daemon.desk.changed(Topic.WALL, Topic.TRANSFERS)
            self._show(Moved(TransferList(tuple(daemon.transfers.facts()))))
            await self._tell_landings()
            await asyncio.sleep(NEWS_EVERY_S)
            if not busy:
                await self._moved.wait()

    async def _text_of(self, names: Sequence[str]) -> str | None:
        """What came says, if it is one small text."""
        if len(names) != 1:
            return None
        try:
            return await asyncio.to_thread(self._daemon.inbox.text_of, names[0])
        except InboxError:
            return None

    async def _tell_landings(self) -> None:
        for landing in self._daemon.history.take_landings():
            kinds = landing.kinds
            batch = Batch((landing.sender,), kinds[ItemKind.PHOTO], kinds[ItemKind.VIDEO], kinds[ItemKind.OTHER])
            self._notices.arrived(replace(batch, text=await self._text_of(landing.names)))
            self._show(Landed(landing.sender, tuple(landing.names), landing.size))
