"""A composed daemon with an edge, and phones that come to it at home and away."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from qrshared.daemon.compose import OWNER_HERE, compose
from qrshared.daemon.parts import Daemon
from qrshared.links import Link, memory_links
from qrshared.links.ice import IceServer
from qrshared.protocol import (
    Done,
    Introduce,
    MakeOwnerTicket,
    Meet,
    NearbyList,
    Ping,
    Pong,
    TicketFacts,
    Topic,
    Verb,
    Watch,
)
from qrshared.remote import RemoteVisitor
from qrshared.seal import secret_from_fragment
from qrshared.sessions import Asker
from qrshared.settings import Settings
from qrshared.tickets import Life, Road
from tests.client import Phone, Visit, scan

EDGE = "http://127.0.0.1:9"  # the discard port: nobody answers there
OWNER = Asker(OWNER_HERE, on_control_socket=True)


@dataclass
class Person:
    """One phone in a visit."""

    visit: Visit
    device: str
    phone: Phone


def settings_with_edge(root: Path) -> Settings:
    """A daemon of its own, whose edge is down."""
    return Settings(
        host="127.0.0.1", port=0, inbox=root / "inbox", data_dir=root / "data", name="STUDY-PC", mdns=False,
        notices=False, edge=EDGE, stun=("stun:127.0.0.1:9",), relay_ask_mb=7,
    )  # fmt: skip


class Home:
    """Phones that come to a composed daemon, over sockets at home and over memory links away."""

    def __init__(self, daemon: Daemon, stack: AsyncExitStack, tasks: asyncio.TaskGroup) -> None:
        self.daemon = daemon
        self._stack = stack
        self._tasks = tasks

    async def _come(self, phone: Phone) -> Person:
        visit = await self._stack.enter_async_context(phone.visit())
        assert visit.hello is not None
        assert visit.hello.grant is not None
        return Person(visit, visit.hello.grant.device or "", phone)

    async def trusted(self, name: str) -> Person:
        ticket = await self.daemon.book.personal(Life.ONCE)
        return await self._come(scan(self.daemon.where.code_url(ticket.fragment), name=name))

    async def guest(self, name: str) -> Person:
        ticket = self.daemon.book.wall_ticket()
        return await self._come(scan(self.daemon.where.code_url(ticket.fragment), name=name))

    async def owner(self, name: str) -> Person:
        facts = await self.daemon.desk.ask(MakeOwnerTicket(), OWNER)
        assert isinstance(facts, TicketFacts)
        return await self._come(scan(facts.url, name=name))

    async def away(self, name: str, url: str) -> Person:
        return await self._come(
            Phone(self._connect, secret_from_fragment(url.partition("#")[2]), name=name, road="away")
        )

    async def visitor(self, name: str, url: str, borrow: Callable[[], Awaitable[Sequence[IceServer]]]) -> Person:
        """A phone that came by the edge, with what the edge lends it."""
        assert self.daemon.away is not None
        visitor = RemoteVisitor(lambda: "direct", lambda: 0, lambda: None, borrow)
        on_link = self.daemon.away._on_link

        @asynccontextmanager
        async def brought() -> AsyncIterator[Link]:
            ours, theirs = memory_links()
            self._tasks.create_task(on_link(ours, visitor))
            yield theirs

        return await self._come(Phone(brought, secret_from_fragment(url.partition("#")[2]), name=name, road="away"))

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator[Link]:
        assert self.daemon.away is not None
        ours, theirs = memory_links()
        welcome = self.daemon.away._welcome
        self._tasks.create_task(welcome.serve(ours, Road.AWAY, sealed=lambda _is_known: None, refused=lambda: None))
        yield theirs


async def made(daemon: Daemon, verb: Verb, asker: Asker = OWNER) -> str:
    facts = await daemon.desk.ask(verb, asker)
    assert isinstance(facts, TicketFacts)
    return facts.url


async def nearby(person: Person) -> list[str]:
    await person.visit.say(Watch((Topic.NEARBY,)))
    return [one.name for one in (await person.visit.news(NearbyList)).peers]


async def introduced(asker: Person, other: Person) -> tuple[Introduce, Introduce]:
    assert await asker.visit.ask(Meet(other.device)) == Done()
    return await asker.visit.hear_a(Introduce), await other.visit.hear_a(Introduce)


async def heard_until_pong(person: Person, n: int) -> list[object]:
    """Everything that came before the answer to a ping: what was said before it has been said."""
    await person.visit.say(Ping(n))
    heard: list[object] = []
    while (message := await person.visit.hear()) != Pong(n):
        heard.append(message)
    return heard


@asynccontextmanager
async def open_home(settings: Settings) -> AsyncIterator[Home]:
    """A daemon with these settings, and phones that may come until the block ends."""
    async with compose(settings) as daemon, asyncio.TaskGroup() as tasks, AsyncExitStack() as stack:
        yield Home(daemon, stack, tasks)
