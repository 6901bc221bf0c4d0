"""Who may do what, with real keys on every road: each verb and topic of the wire's table, asked by each kind of peer.

`WIRE.md` says what each needs; which peers have that is written down here. So neither can change without the other.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

import pytest

import qrshared.protocol
from qrshared.daemon.compose import compose
from qrshared.daemon.parts import Daemon
from qrshared.links import Link, memory_links
from qrshared.protocol import (
    Accept,
    AllowTransfer,
    BinEntry,
    ChangeSetting,
    Decline,
    Examine,
    Facts,
    ForgetUnfinished,
    GetSettings,
    GetStatus,
    Goodbye,
    Item,
    ListDevices,
    ListInbox,
    ListReceipts,
    ListUnfinished,
    MakeOwnerTicket,
    MakeTicket,
    Meet,
    News,
    Offer,
    OpenInbox,
    PickUp,
    Ping,
    PlainDownload,
    Pong,
    Propose,
    Reason,
    Refuse,
    RefuseTransfer,
    RenameDevice,
    RenameEntry,
    RevokeDevice,
    StopTransfer,
    Topic,
    TrustDevice,
    TrustNetwork,
    UseAway,
    Verb,
    Watch,
    Withdraw,
)
from qrshared.seal import Refused
from qrshared.tickets import Life, Right, Road, Ticket
from tests.client import Phone, Visit
from tests.daemon.away_world import settings_with_edge

NOBODYS: Final = "d" * 32
"""An id that is no device's, item's, transfer's or question's: a verb that is allowed does no harm by it."""

ASKED: Final[tuple[Verb, ...]] = (
    GetStatus(), ListInbox(5), OpenInbox("../x"), RenameEntry("a", "b"), BinEntry("a"), ListDevices(),
    RenameDevice(NOBODYS, "x"), TrustDevice(NOBODYS), RevokeDevice(NOBODYS), MakeTicket("once"), MakeOwnerTicket(),
    StopTransfer(NOBODYS), ListUnfinished(), ForgetUnfinished(), UseAway(), Meet(NOBODYS), PickUp((NOBODYS,)),
    PlainDownload(NOBODYS), Offer(("nowhere",)), Withdraw(NOBODYS), AllowTransfer(NOBODYS), RefuseTransfer(NOBODYS),
    TrustNetwork(), GetSettings(), ChangeSetting("nothing", "x"), Examine(), ListReceipts(5),
)  # fmt: skip

ANYBODY, SEND, PICK_UP, OURS, OWN, COMMAND = "anybody", "send", "pick_up", "pick_up, no guest", "own", "control socket"

AT_HOME: Final = (Road.HOME, Road.LOOPBACK, Road.SECURE)
OWNERS: Final = (Road.LOOPBACK, Road.SECURE)
AWAY: Final = (Road.AWAY,)


@dataclass(frozen=True)
class Kind:
    """One kind of peer: what opens for it on which road."""

    name: str
    has: frozenset[str]
    roads: tuple[Road, ...]


def _kind(name: str, roads: tuple[Road, ...], *has: str) -> Kind:
    return Kind(name, frozenset({ANYBODY, *has}), roads)


KINDS: Final = (
    _kind("wall page", (*AT_HOME, *AWAY)),
    _kind("never enrolled", AT_HOME),
    _kind("guest", AT_HOME, SEND),
    _kind("guest from elsewhere", AWAY, SEND),
    _kind("printed code", AT_HOME, SEND),
    _kind("pick-up code", (*AT_HOME, *AWAY), PICK_UP),
    _kind("phone", AT_HOME, SEND, PICK_UP, OURS),
    _kind("phone by road secret", AWAY, SEND, PICK_UP, OURS),
    _kind("phone's second key", AWAY, SEND, PICK_UP, OURS),
    _kind("trusted guest", AT_HOME, SEND, PICK_UP, OURS),
    _kind("owner", OWNERS, SEND, PICK_UP, OURS, OWN),
    _kind("owner by road secret", AWAY, SEND, PICK_UP, OURS),
)


@dataclass
class Doors:
    """One daemon, whose every road is a link in memory."""

    daemon: Daemon
    tasks: asyncio.TaskGroup

    def phone(self, ticket: Ticket | None, road: Road) -> Phone:
        @asynccontextmanager
        async def connect() -> AsyncIterator[Link]:
            ours, theirs = memory_links()
            welcome = self.daemon.away._welcome if self.daemon.away else None
            assert welcome is not None
            self.tasks.create_task(welcome.serve(ours, road, sealed=lambda _is_known: None, refused=lambda: None))
            yield theirs

        return Phone(connect, None if ticket is None else ticket.secret, road=road.in_prologue)

    async def enrolled(self, ticket: Ticket, road: Road) -> tuple[Phone, str]:
        phone = self.phone(ticket, road)
        async with phone.visit() as visit:
            assert visit.hello is not None
            assert visit.hello.grant is not None
            assert visit.hello.grant.device is not None
            return phone, visit.hello.grant.device

    async def carried(self, ticket: Ticket, road: Road) -> Phone:
        """The page of a device that enrolled by this ticket and left home."""
        _, device = await self.enrolled(ticket, Road.LOOPBACK)
        phone = self.phone(None, road)
        phone.key, phone.is_enrolled = self.daemon.book.road_secret(device), True
        return phone

    async def of(self, kind: str, road: Road) -> Phone:
        book = self.daemon.book
        match kind:
            case "wall page":
                return self.phone(None, road)
            case "never enrolled":
                phone = self.phone(await book.personal(Life.ONCE), road)
                phone.key, phone.is_enrolled = phone.ticket or b"", True  # it brings no key of its own
                return phone
            case "phone by road secret":
                return await self.carried(await book.personal(Life.ONCE), road)
            case "owner by road secret":
                return await self.carried(await book.owner(), road)
            case "trusted guest":
                first, device = await self.enrolled(book.wall_ticket(), Road.HOME if road is Road.AWAY else road)
                await book.trust(device)
                phone = self.phone(None, road)
                phone.key, phone.is_enrolled = first.key, True
                return phone
        return self.phone(await self.ticket(kind), road)

    async def ticket(self, kind: str) -> Ticket:
        book = self.daemon.book
        match kind:
            case "guest":
                return book.wall_ticket()
            case "guest from elsewhere":
                return book.wall_ticket(away=True)
            case "printed code":
                return await book.personal(Life.NEVER)
            case "pick-up code":
                return await book.pick_up(["e" * 32], expires=None, away=True)
            case "phone":
                return await book.personal(Life.ONCE)
            case "phone's second key":
                _, device = await self.enrolled(await book.personal(Life.ONCE), Road.HOME)
                return await book.second_key(device)
            case "owner":
                return await book.owner()
        raise AssertionError(kind)


@pytest.fixture
async def doors(tmp_path: Path) -> AsyncIterator[Doors]:
    async with compose(settings_with_edge(tmp_path)) as daemon, asyncio.TaskGroup() as tasks:
        daemon.examiner._look = lambda: ()  # who may ask for it is the question, and not what this machine looks like
        yield Doors(daemon, tasks)


def _wire() -> str:
    return (Path(qrshared.protocol.__file__).parent / "WIRE.md").read_text(encoding="utf-8")


def _verbs_of_the_wire() -> dict[str, str]:
    """What each verb needs, as the table of verbs says."""
    table = _wire().partition("| verb | needs |")[2].partition("\n\n")[0]
    rows = (line.split("|") for line in table.splitlines()[2:])
    return {name: cells[2].strip() for cells in rows for name in re.findall(r"`(\w+)`", cells[1])}


def _topics_of_the_wire() -> dict[Topic, str]:
    """What each topic needs, as the row of `watch` says; what is not named there is the owner's."""
    (row,) = re.findall(r"^\| `watch` \|.*$", _wire(), re.MULTILINE)
    for sentence in (
        "`wall` is for anybody", "`shelf` needs `pick_up`", "`nearby` also a device that is no guest",
        "`offers` is for the control socket", "the others need `own`",
    ):  # fmt: skip
        assert sentence in row
    named = {Topic.WALL: ANYBODY, Topic.SHELF: PICK_UP, Topic.NEARBY: OURS, Topic.OFFERS: COMMAND}
    return {topic: named.get(topic, OWN) for topic in Topic}


def _name(verb: Verb) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(verb).__name__).lower()


def test_every_verb_is_asked_and_the_wire_says_of_each_what_it_needs() -> None:
    assert {type(verb) for verb in ASKED} == set(get_args(Verb))
    assert {_name(verb) for verb in ASKED} == set(_verbs_of_the_wire())
    assert set(_verbs_of_the_wire().values()) == {SEND, PICK_UP, OURS, OWN, COMMAND}


async def _may(visit: Visit, verb: Verb) -> bool:
    answer = await visit.ask(verb)
    return not (isinstance(answer, Refuse) and answer.reason is Reason.NOT_ALLOWED)


async def _told(visit: Visit) -> list[Facts]:
    """What a watch of everything shows at once."""
    await visit.say(Watch(tuple(Topic)))
    found: list[Facts] = []
    for n in (1, 2):  # news may stand behind a pong that goes out with it, and never behind the next one
        await visit.say(Ping(n))
        while (message := await visit.hear()) != Pong(n):
            if isinstance(message, News):
                found.append(message.facts)
    return found


_EACH: Final = [pytest.param(kind, road, id=f"{kind.name} {road}") for kind in KINDS for road in kind.roads]


@pytest.mark.parametrize(("kind", "road"), _EACH)
async def test_a_peer_may_do_and_see_what_the_wire_says_and_nothing_else(doors: Doors, kind: Kind, road: Road) -> None:
    needs, sees = _verbs_of_the_wire(), _topics_of_the_wire()
    async with (await doors.of(kind.name, road)).visit() as visit:
        allowed = {_name(verb) for verb in ASKED if await _may(visit, verb)}
        told = {re.sub(r"(_facts|_list)$", "", _name_of(facts)) for facts in await _told(visit)}
        assert visit.hello is not None
        grant = visit.hello.grant
    assert allowed == {name for name, need in needs.items() if need in kind.has}
    shown = {"transfer": "transfers", "device": "devices", "offer": "offers", "pick_up": "pick_ups"}
    assert {shown.get(one, one) for one in told} == {str(topic) for topic, need in sees.items() if need in kind.has}
    assert {str(one) for one in (grant.rights if grant else ())} == kind.has & set(map(str, Right))


async def _answer_to(visit: Visit, proposal: Propose) -> Accept | Decline:
    await visit.say(proposal)
    while not isinstance(message := await visit.hear(), Accept | Decline) or message.transfer != proposal.transfer:
        pass
    return message


@pytest.mark.parametrize(("kind", "road"), _EACH)
async def test_who_may_send_sends_into_the_inbox_and_the_owner_alone_onto_the_shelf(
    doors: Doors, kind: Kind, road: Road
) -> None:
    async with (await doors.of(kind.name, road)).visit() as visit, asyncio.timeout(60):
        for transfer, shelf, need in (("a" * 32, False, SEND), ("b" * 32, True, OWN)):
            answer = await _answer_to(visit, Propose(transfer, 0, (Item("a.txt", 5),), False, 1, 5, shelf=shelf))
            if need in kind.has:
                assert isinstance(answer, Accept)
            else:
                assert answer == Decline(transfer, Reason.NOT_ALLOWED)
    assert not list(doors.daemon.inbox.folder.rglob("a.txt"))


def _name_of(facts: Facts) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(facts).__name__).lower()


_SHUT: Final = [
    pytest.param(kind, road, id=f"{kind.name} {road}") for kind in KINDS for road in Road if road not in kind.roads
]


@pytest.mark.parametrize(("kind", "road"), _SHUT)
async def test_by_another_road_it_does_not_even_open(doors: Doors, kind: Kind, road: Road) -> None:
    with pytest.raises(Refused):
        async with (await doors.of(kind.name, road)).visit():
            pass


async def test_who_is_revoked_loses_the_session_and_never_comes_again(doors: Doors) -> None:
    phone = doors.phone(await doors.daemon.book.personal(Life.ONCE), Road.HOME)
    async with phone.visit() as visit:
        assert visit.hello is not None
        assert visit.hello.grant is not None
        assert await _may(visit, PickUp((NOBODYS,)))  # the control
        await doors.daemon.book.revoke(visit.hello.grant.device or "")
        assert Goodbye(Reason.REVOKED) in await visit.until_closed()
    for road in Road:
        again = doors.phone(None, road)
        again.key, again.is_enrolled = phone.key, True
        with pytest.raises(Refused):
            async with again.visit():
                pass
