"""A composed daemon with an edge: who is near, meetings, codes for elsewhere; and guests get none of it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from qrshared.daemon.compose import OWNER_HERE, Daemon, compose
from qrshared.daemon.meetings import ENVELOPES_BURST_MAX, MEETS_BURST_MAX
from qrshared.daemon.run import Keeper
from qrshared.links import Link, memory_links
from qrshared.links.ice import IceServer
from qrshared.protocol import (
    ENVELOPE_BYTES_MAX,
    DeviceList,
    Done,
    EdgeFacts,
    Envelope,
    Facts,
    Goodbye,
    Introduce,
    LineState,
    MakeOwnerTicket,
    MakeTicket,
    Meet,
    NearbyList,
    Ping,
    Pong,
    Reason,
    Refuse,
    RoadInUse,
    StatusFacts,
    TicketFacts,
    Topic,
    UseAway,
    Verb,
    WallFacts,
    Watch,
)
from qrshared.seal import secret_from_fragment
from qrshared.sessions import Asker, DeskRefusal
from qrshared.settings import Settings, Wall
from qrshared.tickets import Grant, Life, Right, Road, Trust, room_id
from tests.adapters.sessions_world import until
from tests.client import Phone, Visit, scan

EDGE = "http://127.0.0.1:9"  # the discard port: nobody answers there
OWNER = Asker(OWNER_HERE, on_control_socket=True)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        host="127.0.0.1", port=0, inbox=tmp_path / "inbox", data_dir=tmp_path / "data", name="STUDY-PC", mdns=False,
        notices=False, edge=EDGE, stun=("stun:127.0.0.1:9",), relay_ask_mb=7,
    )  # fmt: skip


@pytest.fixture
async def daemon(settings: Settings) -> AsyncIterator[Daemon]:
    async with compose(settings) as composed:
        yield composed


@dataclass
class Person:
    """One phone in a visit."""

    visit: Visit
    device: str
    phone: Phone


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

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator[Link]:
        assert self.daemon.away is not None
        ours, theirs = memory_links()
        welcome = self.daemon.away._welcome
        self._tasks.create_task(welcome.serve(ours, Road.AWAY, sealed=lambda _is_known: None, refused=lambda: None))
        yield theirs


@pytest.fixture
async def home(daemon: Daemon) -> AsyncIterator[Home]:
    async with asyncio.TaskGroup() as tasks, AsyncExitStack() as stack:
        yield Home(daemon, stack, tasks)


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


# --- guests and strangers get none of it ------------------------------------------------------------------------------

SEND, PICK_UP = frozenset({Right.SEND}), frozenset({Right.SEND, Right.PICK_UP})
STRANGERS = {
    "stranger": Grant(Road.HOME),
    "stranger on loopback": Grant(Road.LOOPBACK),
    "stranger away": Grant(Road.AWAY),
    "guest": Grant(Road.HOME, rights=SEND, trust=Trust.GUEST, device="d" * 32),
    "guest away": Grant(Road.AWAY, rights=SEND, trust=Trust.GUEST, device="d" * 32),
    "guest that picks up": Grant(Road.HOME, rights=PICK_UP, trust=Trust.GUEST, device="d" * 32),
    "trusted without pick up": Grant(Road.HOME, rights=SEND, trust=Trust.TRUSTED, device="d" * 32),
    "rights without a device": Grant(Road.HOME, rights=PICK_UP, trust=Trust.TRUSTED),
}
VERBS: list[Verb] = [UseAway(), Meet("e" * 32), MakeTicket("once", away=True)]


@pytest.mark.parametrize("who", STRANGERS)
async def test_who_is_not_trusted_gets_no_code_no_meeting_no_neighbours_and_no_envelope(home: Home, who: str) -> None:
    desk, grant = home.daemon.desk, STRANGERS[who]
    asker = Asker(grant, grant.device)
    before = home.daemon.book.register.tickets(0)
    for verb in VERBS:
        with pytest.raises(DeskRefusal) as refused:
            await desk.ask(verb, asker)
        assert refused.value.reason is Reason.NOT_ALLOWED
    assert home.daemon.book.register.tickets(0) == before
    told: list[Facts] = []
    desk.watch((Topic.NEARBY,), asker, told.append)
    desk.changed(Topic.NEARBY)
    assert told == []
    anna, ben = await home.trusted("Anna"), await home.trusted("Ben")
    meeting, _ = await introduced(anna, ben)
    desk.hand_on(Envelope(meeting.meeting, b"forged"), asker)
    if grant.trust is not Trust.TRUSTED:  # even if its record were mistaken for that of somebody in the meeting
        desk.hand_on(Envelope(meeting.meeting, b"forged"), replace(asker, device=anna.device))
    assert not [one for one in await heard_until_pong(ben, 1) if isinstance(one, Envelope)]


async def test_a_guest_sees_nobody_is_seen_by_nobody_and_meets_nobody(home: Home) -> None:
    anna, guest = await home.trusted("Anna"), await home.guest("Guest")
    assert await nearby(anna) == []
    refused = await anna.visit.ask(Meet(guest.device))
    assert isinstance(refused, Refuse)
    assert refused.reason is Reason.NOT_FOUND
    refused = await guest.visit.ask(Meet(anna.device))
    assert isinstance(refused, Refuse)
    assert refused.reason is Reason.NOT_ALLOWED


# --- who is near ------------------------------------------------------------------------------------------------------


async def test_devices_see_their_equals_by_name_and_never_themselves(home: Home) -> None:
    ben, anna = await home.trusted("Ben"), await home.trusted("Anna")
    carl, owner = await home.trusted("Carl"), await home.owner("Browser")
    assert await nearby(carl) == ["Anna", "Ben"]
    assert await nearby(anna) == ["Ben", "Carl"]
    assert await nearby(owner) == []  # it may do more than they: not its equals
    for one, other in ((anna, owner), (owner, anna), (anna, anna)):
        refused = await one.visit.ask(Meet(other.device))
        assert isinstance(refused, Refuse)
        assert refused.reason is Reason.NOT_FOUND
    await ben.visit.leave()
    await until(lambda: not home.daemon.live.is_online(ben.device))
    assert await nearby(carl) == ["Anna"]
    refused = await carl.visit.ask(Meet(ben.device))
    assert isinstance(refused, Refuse)
    assert "not here any more" in refused.sentence


async def test_who_comes_and_goes_is_told_at_once(home: Home) -> None:
    Keeper(home.daemon, lambda _event: None)
    anna = await home.trusted("Anna")
    assert await nearby(anna) == []
    ben = await home.trusted("Ben")
    assert [one.name for one in (await anna.visit.news(NearbyList, where=lambda told: bool(told.peers))).peers] == [
        "Ben"
    ]
    await ben.visit.leave()
    assert (await anna.visit.news(NearbyList, where=lambda told: not told.peers)).peers == ()


# --- meetings ---------------------------------------------------------------------------------------------------------


async def test_two_devices_are_introduced_and_only_they_hear_each_other(home: Home) -> None:
    anna, ben, carl = [await home.trusted(name) for name in ("Anna", "Ben", "Carl")]
    to_anna, to_ben = await introduced(anna, ben)
    assert (to_anna.device, to_anna.name) == (ben.device, "Ben")
    assert (to_ben.device, to_ben.name) == (anna.device, "Anna")
    assert (to_anna.meeting, to_anna.secret) == (to_ben.meeting, to_ben.secret)
    assert to_anna.servers == to_ben.servers == ()  # both are at home
    largest = Envelope(to_anna.meeting, bytes(ENVELOPE_BYTES_MAX))
    await anna.visit.say(largest)
    assert await ben.visit.hear_a(Envelope) == largest
    await ben.visit.say(Envelope(to_anna.meeting, b"answer"))
    assert (await anna.visit.hear_a(Envelope)).blob == b"answer"
    await carl.visit.say(Envelope(to_anna.meeting, b"forged"))
    assert await heard_until_pong(carl, 1) == []
    for person in (anna, ben):
        assert not [one for one in await heard_until_pong(person, 2) if isinstance(one, Envelope)]


async def test_a_revoked_devices_meetings_end_with_it(home: Home) -> None:
    anna, ben = await home.trusted("Anna"), await home.trusted("Ben")
    meeting, _ = await introduced(anna, ben)
    await home.daemon.book.revoke(ben.device)
    assert (await ben.visit.until_closed())[-1] == Goodbye(Reason.REVOKED)
    await anna.visit.say(Envelope(meeting.meeting, b"x"))
    assert await heard_until_pong(anna, 1) == []
    assert not home.daemon.book.rooms().get(room_id(meeting.secret))


async def test_a_flood_of_envelopes_is_cut_and_the_link_goes_on(home: Home) -> None:
    anna, ben = await home.trusted("Anna"), await home.trusted("Ben")
    meeting, _ = await introduced(anna, ben)
    flood = 3 * int(ENVELOPES_BURST_MAX)
    heard: list[Envelope] = []

    async def listen() -> None:
        while True:
            heard.append(await ben.visit.hear_a(Envelope))

    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(listen())
        await anna.visit.say(*(Envelope(meeting.meeting, n.to_bytes(2, "big")) for n in range(flood)))
        await heard_until_pong(anna, 1)
        await until(lambda: len(heard) >= 50)
        listening.cancel()
    assert 0 < len(heard) < flood
    assert await heard_until_pong(ben, 2) is not None


async def test_introductions_without_end_are_refused_with_a_sentence(home: Home) -> None:
    anna, ben = await home.trusted("Anna"), await home.trusted("Ben")
    answers = [await anna.visit.ask(Meet(ben.device)) for _ in range(int(MEETS_BURST_MAX) + 3)]
    refused = [one for one in answers if isinstance(one, Refuse)]
    assert 0 < len(refused) <= 3
    assert all(one.reason is Reason.BUSY and "Wait a minute" in one.sentence for one in refused)


async def test_with_one_of_them_away_both_get_servers_of_their_own(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    labels: list[str] = []

    async def mint(label: str) -> Sequence[IceServer]:
        labels.append(label)
        return (IceServer(("stun:127.0.0.1:9",)), IceServer(("turn:127.0.0.1:9",), label, "secret"))

    anna = await home.trusted("Anna")
    ben = await home.away("Ben", await made(home.daemon, MakeTicket("once", away=True)))
    monkeypatch.setattr(home.daemon.introductions, "servers", mint)
    told = await introduced(ben, anna)
    assert [one.servers[1].username for one in told] == labels
    assert len(set(labels)) == 2
    assert not {label for label in labels if anna.device.startswith(label) or ben.device.startswith(label)}


async def test_the_servers_of_an_introduction_are_those_of_the_settings(home: Home) -> None:
    anna = await home.trusted("Anna")
    ben = await home.away("Ben", await made(home.daemon, MakeTicket("once", away=True)))
    told = await introduced(anna, ben)
    assert [one.servers[0].urls for one in told] == [("stun:127.0.0.1:9",)] * 2


async def test_who_left_while_servers_were_made_is_not_introduced(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    anna = await home.trusted("Anna")
    ben = await home.away("Ben", await made(home.daemon, MakeTicket("once", away=True)))

    async def slow(_label: str) -> Sequence[IceServer]:
        await home.daemon.book.revoke(ben.device)
        await until(lambda: not home.daemon.live.is_online(ben.device))
        return ()

    monkeypatch.setattr(home.daemon.introductions, "servers", slow)
    refused = await anna.visit.ask(Meet(ben.device))
    assert isinstance(refused, Refuse)
    assert refused.reason is Reason.NOT_FOUND
    assert not [one for one in await ben.visit.until_closed() if isinstance(one, Introduce)]


# --- codes for elsewhere ----------------------------------------------------------------------------------------------


async def test_a_code_for_elsewhere_is_the_edges_address_and_opens_a_room(home: Home) -> None:
    url = await made(home.daemon, MakeTicket("once", away=True))
    assert url.startswith(f"{EDGE}/p#1")
    assert room_id(secret_from_fragment(url.partition("#")[2])) in home.daemon.book.rooms()
    at_home = await made(home.daemon, MakeTicket("once"))
    assert not at_home.startswith(EDGE)
    assert len(home.daemon.book.rooms()) == 1
    person = await home.away("Ben", url)
    (device,) = home.daemon.book.register.devices()
    assert (device.id, device.roads) == (person.device, frozenset({Road.AWAY}))


async def test_a_phone_takes_itself_away_under_its_own_name(home: Home) -> None:
    anna = await home.trusted("Anna")
    facts = await anna.visit.ask(UseAway())
    assert isinstance(facts, TicketFacts)
    assert facts.url.startswith(f"{EDGE}/p#1")
    assert facts.expires_ms is not None
    second = await home.away("", facts.url)
    names = {device.id: (device.name, device.trust) for device in home.daemon.book.register.devices()}
    assert names == {anna.device: ("Anna", Trust.TRUSTED), second.device: ("Anna", Trust.TRUSTED)}
    assert await nearby(second) == ["Anna"]


@pytest.mark.parametrize("verb", [MakeTicket("once", away=True), UseAway()], ids=["make_ticket", "use_away"])
async def test_without_an_edge_a_code_for_elsewhere_is_refused_with_a_sentence_and_not_made(
    settings: Settings, verb: Verb
) -> None:
    async with compose(replace(settings, edge=None)) as daemon, asyncio.TaskGroup() as tasks, AsyncExitStack() as stack:
        anna = await Home(daemon, stack, tasks).trusted("Anna")
        before = daemon.book.register.tickets(0)
        grant = Grant(Road.LOOPBACK, rights=frozenset(Right), trust=Trust.OWNER, device=anna.device)
        with pytest.raises(DeskRefusal) as refused:
            await daemon.desk.ask(verb, Asker(grant, grant.device))
        assert "config set edge" in refused.value.sentence
        assert daemon.book.register.tickets(0) == before
        assert anna.visit.hello is not None
        assert anna.visit.hello.grant is not None
        assert anna.visit.hello.grant.away is None


# --- what is told -----------------------------------------------------------------------------------------------------


async def test_the_status_says_how_the_edge_fares_and_what_the_relay_costs(home: Home) -> None:
    facts = home.daemon.views.status(OWNER)
    assert isinstance(facts, StatusFacts)
    assert facts.edge is not None
    assert facts.edge.url.startswith("http://127.0.0.1:9")
    assert facts.relay is not None
    assert (facts.relay.bytes, facts.relay.ask_bytes) == (0, 7 * 2**20)


async def test_the_list_of_devices_says_by_which_road_each_came(home: Home) -> None:
    anna, ben = await home.trusted("Anna"), await home.trusted("Ben")
    await ben.visit.leave()
    await until(lambda: not home.daemon.live.is_online(ben.device))
    facts = home.daemon.views.devices(OWNER)
    assert isinstance(facts, DeviceList)
    assert {one.device: one.road for one in facts.devices} == {anna.device: RoadInUse.HOME, ben.device: None}


@pytest.mark.parametrize("state", LineState)
@pytest.mark.parametrize("road", Road)
@pytest.mark.parametrize("wall", [Wall.LAN, Wall.OFF])
async def test_a_wall_leads_to_a_code_for_elsewhere_on_this_computers_own_screen_only_and_never_carries_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, state: LineState, road: Road, wall: Wall
) -> None:
    async with compose(replace(settings, wall=wall)) as daemon:
        assert daemon.away is not None
        monkeypatch.setattr(daemon.away, "edge_facts", lambda: EdgeFacts(EDGE, state))
        facts = daemon.views.wall(Asker(Grant(road)))
        assert isinstance(facts, WallFacts)
        assert facts.away == (state is LineState.CONNECTED and road is Road.LOOPBACK and wall is Wall.LAN)
        assert EDGE not in (facts.url or "")
        assert daemon.book.rooms() == {}


async def test_a_link_that_the_edge_brings_without_a_key_may_do_nothing(home: Home) -> None:
    async with Phone(home._connect, road="away").visit() as visit:
        assert visit.hello is not None
        assert visit.hello.grant is not None
        assert visit.hello.grant.rights == ()
        await visit.say(Watch(tuple(Topic)))
        heard = await visit.hear()
        assert "WallFacts" in repr(heard)
        assert EDGE not in repr(heard)
        refused = await visit.ask(UseAway())
        assert isinstance(refused, Refuse)
        assert refused.reason is Reason.NOT_ALLOWED
