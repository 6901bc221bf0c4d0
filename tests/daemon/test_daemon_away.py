"""A composed daemon with an edge: codes for elsewhere, and what is told of the way there."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from qrshared.daemon import away
from qrshared.daemon.compose import compose
from qrshared.links import Link, LinkClosed, memory_links
from qrshared.links.ice import IceServer
from qrshared.protocol import (
    DeviceList,
    EdgeFacts,
    Goodbye,
    LineState,
    ListDevices,
    MakeTicket,
    Offer,
    OfferFacts,
    Ping,
    Pong,
    Reason,
    Refuse,
    RevokeDevice,
    RoadInUse,
    StatusFacts,
    TicketFacts,
    Topic,
    UseAway,
    Verb,
    WallFacts,
    Watch,
)
from qrshared.remote import RemoteVisitor
from qrshared.seal import secret_from_fragment
from qrshared.sessions import Asker, DeskRefusal
from qrshared.settings import Settings, Wall
from qrshared.tickets import Grant, Right, Road, Trust, room_id
from tests.client import Phone, Visit
from tests.daemon.away_world import EDGE, OWNER, Home, Person, made, nearby, open_home, settings_with_edge
from tests.daemon.shelf_world import COMMAND, pick_up, refused, shelf_of
from tests.waiting import until


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_with_edge(tmp_path)


@pytest.fixture
async def home(settings: Settings) -> AsyncIterator[Home]:
    async with open_home(settings) as opened:
        yield opened


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
    assert await nearby(second) == [], "they are one phone"


@pytest.mark.parametrize(("to", "whose"), [("Anna", {"Anna", "Anna, away"}), ("Anna, away", {"Anna, away"})])
async def test_what_is_for_one_phone_is_for_its_key_for_elsewhere_too_and_for_no_other_phones(
    home: Home, tmp_path: Path, to: str, whose: set[str]
) -> None:
    people: dict[str, Person] = {}
    for name in ("Anna", "Ben"):
        people[name] = await home.trusted(name)
        facts = await people[name].visit.ask(UseAway())
        assert isinstance(facts, TicketFacts)
        people[f"{name}, away"] = await home.away("", facts.url)
    (tmp_path / "for-anna.txt").write_bytes(b"hers")
    verb = Offer((str(tmp_path / "for-anna.txt"),), to=people[to].device)
    offered = await home.daemon.desk.ask(verb, COMMAND)
    assert isinstance(offered, OfferFacts)
    item = offered.items[0].item
    shown = {name for name, one in people.items() if item in {each.item for each in await shelf_of(one.visit)}}
    assert shown == whose
    for name in people.keys() - whose:
        assert await refused(people[name].visit, item) == "not_found"
    assert (await pick_up(people["Anna, away"].visit, item)).files() == {"for-anna.txt": b"hers"}


async def test_a_phone_that_is_removed_is_out_at_home_and_away_from_home_at_once_and_no_other_is(home: Home) -> None:
    anna, ben = await home.trusted("Anna"), await home.trusted("Ben")
    facts = await anna.visit.ask(UseAway())
    assert isinstance(facts, TicketFacts)
    second = await home.away("", facts.url)
    listed = await home.daemon.desk.ask(ListDevices(), OWNER)
    assert isinstance(listed, DeviceList)
    assert {one.device: one.second_of for one in listed.devices}[second.device] == anna.device
    assert room_id(second.phone.key) in home.daemon.book.rooms()
    await home.daemon.desk.ask(RevokeDevice(anna.device), OWNER)
    for gone in (anna, second):
        assert (await gone.visit.until_closed())[-1] == Goodbye(Reason.REVOKED)
    assert [device.id for device in home.daemon.book.register.devices()] == [ben.device]
    assert room_id(second.phone.key) not in home.daemon.book.rooms()
    await ben.visit.say(Ping(1))
    await ben.visit.hear_a(Pong)


@pytest.mark.parametrize("verb", [MakeTicket("once", away=True), UseAway()], ids=["make_ticket", "use_away"])
async def test_without_an_edge_a_code_for_elsewhere_is_refused_with_a_sentence_and_not_made(
    settings: Settings, verb: Verb
) -> None:
    async with open_home(replace(settings, edge=None)) as home:
        anna, daemon = await home.trusted("Anna"), home.daemon
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
    assert (facts.relay.bytes, facts.relay.ask_bytes) == (0, 7 * 10**6)


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
async def test_a_wall_has_a_code_for_elsewhere_on_this_computers_own_screen_only_and_it_only_sends(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, state: LineState, road: Road, wall: Wall
) -> None:
    async with compose(replace(settings, wall=wall)) as daemon:
        assert daemon.away is not None
        monkeypatch.setattr(daemon.away, "edge_facts", lambda: EdgeFacts(EDGE, state))
        facts = daemon.views.wall(Asker(Grant(road)))
        assert isinstance(facts, WallFacts)
        has_one = state is LineState.CONNECTED and road is Road.LOOPBACK and wall is Wall.LAN
        assert (facts.away_url is not None) == has_one
        assert EDGE not in (facts.url or "")
        assert (facts.url is not None) == (wall is Wall.LAN and road is not Road.AWAY)
        assert len(daemon.book.rooms()) == has_one
        if facts.away_url is not None:
            assert facts.away_url.startswith(f"{EDGE}/p#1")
            (ticket,) = (one for one in daemon.book.register.tickets(time.time()) if Road.AWAY in one.roads)
            assert (set(ticket.rights), set(ticket.roads), ticket.trust) == ({Right.SEND}, {Road.AWAY}, Trust.GUEST)


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


async def nothing_lent() -> Sequence[IceServer]:
    return ()


async def heard_for_ever(visit: Visit) -> None:
    while True:
        await visit.hear()


async def test_who_comes_from_away_and_becomes_no_device_is_shown_out(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(away, "STRANGER_S", 0.3)
    url = await made(home.daemon, MakeTicket("once", away=True))
    visitor = RemoteVisitor(road=lambda: "direct", moved_bytes=lambda: 0, refused=lambda: None, borrow=nothing_lent)
    daemons = home.daemon.away
    assert daemons is not None

    async with asyncio.TaskGroup() as tasks:

        @asynccontextmanager
        async def brought() -> AsyncIterator[Link]:
            ours, theirs = memory_links()
            tasks.create_task(daemons._on_link(ours, visitor))
            yield theirs

        ben = Phone(brought, secret_from_fragment(url.partition("#")[2]), name="Ben", road="away")
        async with ben.visit() as device, Phone(brought, road="away").visit() as stranger:
            with pytest.raises(LinkClosed):
                await heard_for_ever(stranger)
            await device.say(Ping(7))
            while await device.hear() != Pong(7):
                pass
            assert daemons.road_of(home.daemon.book.register.devices()[0].id) is RoadInUse.DIRECT
