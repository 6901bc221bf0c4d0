"""A daemon's sessions without its doors: real seal, register, inbox and transfers behind links in memory."""

import asyncio
import base64
import threading
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from qrshared.daemon.book import Book
from qrshared.daemon.history import History
from qrshared.daemon.store import Store
from qrshared.inbox import Inbox
from qrshared.links import Link, memory_links
from qrshared.protocol import WINDOWS_BYTES_MAX, AwayFacts, Reason
from qrshared.sessions import Desk, IncomingTransfers, LiveSessions, OutgoingTransfers, Welcome
from qrshared.settings import Accept
from qrshared.tickets import Life, Road
from tests.adapters.inbox_world import Taps
from tests.client import Phone
from tests.desk_double import DeskDouble
from tests.waiting import until


class Gate:
    """Holds one function of the disk until it is opened: a disk that takes its time."""

    def __init__(self, tap: str, patch: pytest.MonkeyPatch) -> None:
        self.reached = threading.Event()
        self._tap = tap
        self._open = threading.Event()
        Taps(before=self._before).install(patch)

    def _before(self, name: str, _count: int) -> None:
        if name == self._tap:
            self.reached.set()
            self._open.wait(20)

    def open(self) -> None:
        self._open.set()


@dataclass
class Skewed:
    """The loop's clock, which a test sets forward."""

    ahead_s: float = 0.0

    def __call__(self) -> float:
        return asyncio.get_running_loop().time() + self.ahead_s


@dataclass
class Computer:
    """One computer at home, as far as sessions know it."""

    folder: Path
    data_dir: Path
    inbox: Inbox
    book: Book
    history: History
    live: LiveSessions
    transfers: IncomingTransfers
    desk: Desk
    clock: Skewed
    tasks: asyncio.TaskGroup
    road: Road = Road.HOME
    away: AwayFacts | None = None
    outgoing: OutgoingTransfers = field(default_factory=OutgoingTransfers)
    sealed: int = 0
    refused: int = 0
    faults: list[BaseException] = field(default_factory=list)
    serving: set[asyncio.Task[None]] = field(default_factory=set)
    links: list[Link] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.welcome = Welcome(
            computer=lambda: "STUDY-PC", book=self.book, desk=self.desk, transfers=self.transfers,
            outgoing=self.outgoing, live=self.live, clock=self.clock, away=self.away,
        )  # fmt: skip

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Link]:
        """The phone's end of a link that the daemon serves."""
        ours, theirs = memory_links()
        self.links.append(ours)
        task = self.tasks.create_task(self._serve(ours))
        self.serving.add(task)
        task.add_done_callback(self.serving.discard)
        yield theirs

    async def _serve(self, link: Link) -> None:
        def count(name: str) -> None:
            setattr(self, name, getattr(self, name) + 1)

        try:
            await self.welcome.serve(
                link, self.road, sealed=lambda _is_known: count("sealed"), refused=lambda: count("refused")
            )
        except Exception as fault:  # noqa: BLE001 - whatever comes out is a fault that the test must see
            self.faults.append(fault)

    async def trusted_phone(self, name: str = "Anna's phone") -> Phone:
        """A phone with a fresh personal ticket."""
        return Phone(self.connect, (await self.book.personal(Life.ONCE)).secret, name=name)

    def guest(self, name: str = "Guest") -> Phone:
        """A phone that scanned the wall."""
        return Phone(self.connect, self.book.wall_ticket().secret, name=name)

    def stranger(self) -> Phone:
        """A page without a ticket."""
        return Phone(self.connect)

    async def idle(self) -> None:
        """Return once no transfer runs and no window is held."""
        await until(lambda: not self.transfers._running)
        assert self.transfers._windows.free == WINDOWS_BYTES_MAX

    async def quiet(self) -> None:
        """Return once no link is served and no transfer runs."""
        await until(lambda: not self.serving)
        await self.idle()

    def visible(self) -> dict[str, bytes]:
        """What a person sees in the inbox."""
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and not path.name.startswith(".qrshared-")
        }

    def parts(self) -> list[str]:
        """Part files in the inbox."""
        return sorted(path.name for path in self.folder.glob("*.part"))


@asynccontextmanager
async def computer(
    root: Path,
    *,
    desk: Desk | None = None,
    store: Store | None = None,
    guest_day_bytes: int = 20 * 2**30,
    reserve_bytes: int = 0,
    away: AwayFacts | None = None,
    accept: Accept = Accept.EVERYONE,
) -> AsyncIterator[Computer]:
    """Running until the block ends; then everything stops as when the daemon does."""
    data_dir = root / "data"
    data_dir.mkdir(exist_ok=True)
    clock = Skewed()
    live = LiveSessions(clock)
    ended: list[tuple[tuple[str, ...], Reason]] = []

    async with asyncio.TaskGroup() as tasks:

        def end(devices: Iterable[str], reason: Reason) -> None:
            names = tuple(devices)
            ended.append((names, reason))
            tasks.create_task(live.end(names, reason))

        book = Book(store or Store(data_dir / "devices.json"), guest_day_bytes=guest_day_bytes, on_ended=end)
        history = History(book, accept=accept)
        async with (
            Inbox.open(root / "QRShare", data_dir, reserve_bytes=reserve_bytes) as inbox,
            IncomingTransfers(inbox, history, clock) as transfers,
        ):
            made = Computer(
                inbox.folder,
                data_dir,
                inbox,
                book,
                history,
                live,
                transfers,
                desk or DeskDouble(),
                clock,
                tasks,
                away=away,
            )
            try:
                yield made
            finally:
                await live.end_all(Reason.RESTARTING)
                for task in list(made.serving):
                    task.cancel()
            assert not made.faults


def is_written(home: Computer, phone: Phone) -> bool:
    """Whether this phone's key is in the register on the disk."""
    return base64.b64encode(phone.key).decode() in (home.data_dir / "devices.json").read_text()
