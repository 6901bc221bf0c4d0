"""A composed daemon with a shelf, and phones that pick up from it over real WebSockets."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from qrshared.daemon.compose import OWNER_HERE, compose
from qrshared.daemon.parts import Daemon
from qrshared.daemon.shelf_store import KeptShelf
from qrshared.protocol import (
    Done,
    Facts,
    Offer,
    OfferFacts,
    OfferList,
    PickUp,
    PickUpFacts,
    PickUpList,
    Reason,
    Refuse,
    ShelfItem,
    ShelfList,
    Topic,
    Verb,
    Watch,
)
from qrshared.sessions import Asker, DeskRefusal
from qrshared.settings import Settings
from qrshared.tickets import Life
from tests.client import Phone, Visit, scan
from tests.receiving import Pocket
from tests.waiting import until

COMMAND = Asker(OWNER_HERE, on_control_socket=True, visit=1)
"""A command at the control socket."""


def settings_in(folder: Path, **others: object) -> Settings:
    """A daemon on loopback that nobody else notices."""
    return Settings(
        host="127.0.0.1", port=0, inbox=folder / "inbox", data_dir=folder / "data", name="STUDY-PC", mdns=False,
        notices=False, **others,  # type: ignore[arg-type] # each test knows what its setting holds
    )  # fmt: skip


@dataclass
class Home:
    """One running daemon."""

    daemon: Daemon
    told: list[OfferList] = field(default_factory=list)

    @property
    def outbox(self) -> Path:
        return self.daemon.inbox.folder / "Outbox"

    async def trusted(self, name: str = "Anna's phone") -> Phone:
        """A phone of the owner's."""
        ticket = await self.daemon.book.personal(Life.ONCE)
        return scan(self.daemon.where.code_url(ticket.fragment), name=name)

    def guest(self) -> Phone:
        """Somebody who scanned the wall."""
        url = self.daemon.views.code_url()
        assert url is not None
        return scan(url, name="Guest")

    async def offer(self, *paths: Path, asker: Asker = COMMAND, **terms: object) -> OfferFacts:
        """What `qrshared send` asks for."""
        verb = Offer(tuple(map(str, paths)), **terms)  # type: ignore[arg-type] # the terms of one test
        facts = await self.daemon.desk.ask(verb, asker)
        assert isinstance(facts, OfferFacts)
        return facts

    def follow(self, asker: Asker = COMMAND) -> Callable[[], None]:
        """Watch offers as their command does; the result is its end."""

        def tell(facts: Facts) -> None:
            assert isinstance(facts, OfferList)
            self.told.append(facts)

        return self.daemon.desk.watch((Topic.OFFERS,), asker, tell)

    @property
    def kept(self) -> KeptShelf:
        """What would be known after a restart."""
        kept = self.daemon.shelf._store.kept
        assert kept is not None
        return kept

    def pick_ups(self, asker: Asker = COMMAND) -> list[PickUpFacts]:
        """What the owner page is told of them now."""
        told: list[Facts] = []
        self.daemon.desk.watch((Topic.PICK_UPS,), asker, told.append)()
        return [row for facts in told if isinstance(facts, PickUpList) for row in facts.pick_ups]

    async def on_shelf(self, names: Sequence[str], *, within_s: float = 60) -> list[ShelfItem]:
        """Return once exactly these wait."""
        wanted = sorted(names)
        await until(lambda: sorted(one.waiting.name for one in self.daemon.shelf.all()) == wanted, within_s=within_s)
        return [one.facts() for one in self.daemon.shelf.all()]


def made(folder: Path, name: str, content: bytes) -> Path:
    """A file, with the folders that its name asks for."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


async def reason_of(home: Home, verb: Verb, asker: Asker = COMMAND) -> Reason | None:
    """Why the desk refuses; None if it does not."""
    try:
        await home.daemon.desk.ask(verb, asker)
    except DeskRefusal as refusal:
        return refusal.reason
    return None


@asynccontextmanager
async def home_in(folder: Path, **others: object) -> AsyncIterator[Home]:
    """From start to stop."""
    async with compose(settings_in(folder, **others)) as daemon:
        yield Home(daemon)


async def shelf_of(visit: Visit, *, where: Callable[[ShelfList], bool] = lambda _: True) -> tuple[ShelfItem, ...]:
    """What this device sees waiting."""
    await visit.say(Watch((Topic.SHELF,)))
    async with asyncio.timeout(60):
        return (await visit.news(ShelfList, where=where)).items


async def pick_up(visit: Visit, *items: str) -> Pocket:
    """Ask for these and take what comes."""
    assert await visit.ask(PickUp(items)) == Done()
    pocket = Pocket()
    async with asyncio.timeout(60):
        await pocket.take(visit)
    return pocket


async def refused(visit: Visit, *items: str) -> str:
    """Why these are not given."""
    answer = await visit.ask(PickUp(items))
    assert isinstance(answer, Refuse)
    return answer.reason.value
