"""Who is near, who meets whom, and that guests and strangers get none of it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from qrshared.daemon.meetings import ENVELOPES_BURST_MAX, MEETS_BURST_MAX
from qrshared.daemon.run import Keeper
from qrshared.links.ice import IceServer
from qrshared.protocol import (
    ENVELOPE_BYTES_MAX,
    Envelope,
    Facts,
    Goodbye,
    Introduce,
    MakeTicket,
    Meet,
    NearbyList,
    Reason,
    Refuse,
    TicketFacts,
    Topic,
    UseAway,
    Verb,
)
from qrshared.sessions import Asker, DeskRefusal
from qrshared.settings import Settings
from qrshared.tickets import Grant, Right, Road, Trust, room_id
from tests.daemon.away_world import (
    Home,
    Person,
    heard_until_pong,
    introduced,
    made,
    nearby,
    open_home,
    settings_with_edge,
)
from tests.waiting import until


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_with_edge(tmp_path)


@pytest.fixture
async def home(settings: Settings) -> AsyncIterator[Home]:
    async with open_home(settings) as opened:
        yield opened


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


async def test_one_phone_with_two_keys_is_not_near_itself(home: Home) -> None:
    anna, ben = await home.trusted("Anna"), await home.trusted("Ben")
    facts = await anna.visit.ask(UseAway())
    assert isinstance(facts, TicketFacts)
    her_other_page = await home.away("Anna", facts.url)
    near = home.daemon.introductions.near
    assert [one.id for one in near(her_other_page.device)] == [ben.device]
    assert [one.id for one in near(anna.device)] == [ben.device]


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


@pytest.mark.parametrize("has_own", [True, False])
async def test_each_that_is_away_gets_a_relay_of_the_edge_where_this_home_has_none(
    home: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, has_own: bool
) -> None:
    stun, own = IceServer(("stun:127.0.0.1:9",)), IceServer(("turn:127.0.0.1:9",), "own", "own-word")

    async def servers(_label: str) -> Sequence[IceServer]:
        return (stun, own) if has_own else (stun,)

    async def visit(number: int) -> Sequence[IceServer]:
        return (IceServer(("turn:20.0.1.1",), f"lent {number}", "lent-word"),)

    anna = await home.trusted("Anna")
    ben, carl = [
        await home.visitor(name, await made(home.daemon, MakeTicket("once", away=True)), partial(visit, number))
        for number, name in enumerate(("Ben", "Carl"))
    ]
    monkeypatch.setattr(home.daemon.introductions, "servers", servers)
    caplog.set_level(logging.DEBUG)

    async def relays(asker: Person, other: Person) -> list[list[str | None]]:
        told = await introduced(asker, other)
        return [[one.username for one in each.servers if one.credential] for each in told]

    assert await relays(ben, carl) == ([["own"], ["own"]] if has_own else [["lent 0"], ["lent 1"]])
    assert await relays(anna, ben) == ([["own"], ["own"]] if has_own else [[], ["lent 0"]])
    assert "-word" not in caplog.text


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
