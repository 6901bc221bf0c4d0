"""What a session tells of the way away from home, and how a page goes on there; a slip in a verb costs no link."""

from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from qrshared.protocol import (
    KNOWN_PAGES_MAX,
    Answer,
    Ask,
    AwayFacts,
    BinEntry,
    Done,
    Envelope,
    GetStatus,
    Goodbye,
    Introduce,
    PeerKind,
    Reason,
    Refuse,
    RenameDevice,
)
from qrshared.seal import Refusal, Refused, known_proof
from qrshared.sessions.session import HANDED_MAX
from qrshared.tickets import Life, Road
from tests.adapters.inbox_world import MIB
from tests.adapters.sessions_world import Computer, computer
from tests.client import Batch, File, Phone, Repeated, Visit
from tests.desk_double import DeskDouble
from tests.waiting import until

EDGE = AwayFacts("https://share.example.org", 104_857_600)


def told(visit: Visit) -> AwayFacts | None:
    assert visit.hello is not None
    assert visit.hello.grant is not None
    return visit.hello.grant.away


def by_road_secret(phone: Phone, visit: Visit) -> Phone:
    """The same page, away from home."""
    away = told(visit)
    assert away is not None
    assert away.secret is not None
    return replace(phone, ticket=None, key=away.secret, is_enrolled=True, road="away")


async def away_phone(home: Computer) -> Phone:
    home.road = Road.AWAY
    return Phone(home.connect, (await home.book.personal(Life.ONCE, away=True)).secret, road="away")


@dataclass(frozen=True)
class Case:
    who: str
    road: Road
    edge: AwayFacts | None
    is_told: bool
    has_secret: bool = False


CASES = [
    Case("trusted", Road.HOME, EDGE, is_told=True, has_secret=True),
    Case("trusted", Road.LOOPBACK, EDGE, is_told=True, has_secret=True),
    Case("trusted", Road.SECURE, EDGE, is_told=True, has_secret=True),
    Case("trusted", Road.AWAY, EDGE, is_told=True, has_secret=False),
    Case("trusted", Road.HOME, None, is_told=False),
    Case("guest", Road.HOME, EDGE, is_told=False),
    Case("guest", Road.LOOPBACK, EDGE, is_told=False),
    Case("guest", Road.SECURE, EDGE, is_told=False),
    Case("guest by a printed code", Road.AWAY, EDGE, is_told=True, has_secret=False),  # asked before the relay is used
    Case("stranger", Road.HOME, EDGE, is_told=False),
    Case("stranger", Road.LOOPBACK, EDGE, is_told=False),
    Case("stranger", Road.AWAY, EDGE, is_told=False),
]


async def _phone(case: Case, home: Computer) -> Phone:
    home.road = case.road
    match case.who:
        case "trusted":
            ticket = await home.book.personal(Life.ONCE, away=True)
        case "guest":
            ticket = home.book.wall_ticket()
        case "guest by a printed code":
            ticket = await home.book.personal(Life.NEVER, away=True)
        case _:
            return Phone(home.connect, road=case.road.in_prologue)
    return Phone(home.connect, ticket.secret, road=case.road.in_prologue)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.who}-{case.road}-{'edge' if case.edge else 'none'}")
async def test_the_way_away_is_told_to_trusted_devices_and_to_who_came_by_it_and_its_secret_at_home_only(
    tmp_path: Path, case: Case
) -> None:
    async with computer(tmp_path, away=case.edge) as home:
        phone = await _phone(case, home)
        async with phone.visit() as visit:
            away = told(visit)
    assert (away is not None) == case.is_told
    if away is not None:
        assert (away.edge, away.relay_ask_bytes) == (EDGE.edge, EDGE.relay_ask_bytes)
        assert (away.secret is not None) == case.has_secret


async def test_a_living_page_goes_on_away_from_home_and_its_transfer_with_it(tmp_path: Path) -> None:
    async with computer(tmp_path, away=EDGE) as home:
        phone = await home.trusted_phone()
        movie = Repeated(12 * MIB)
        batch = Batch([File("trip.mov", movie)])
        async with phone.visit() as at_home:
            assert at_home.hello is not None
            assert at_home.hello.grant is not None
            device = at_home.hello.grant.device
            await at_home.send(batch, until=lambda: batch.sent_bytes > 4 * MIB)
            home.road = Road.AWAY
            async with by_road_secret(phone, at_home).visit() as away:
                assert away.hello is not None
                assert away.hello.grant is not None
                assert away.hello.grant.device == device
                assert away.hello.grant.rights == ("pick_up", "send")
                assert (await at_home.until_closed())[-1] == Goodbye(Reason.ANOTHER_TAB)
                await away.send(batch)
        await home.quiet()
        assert batch.receipts[0].sha256 == movie.sha256
        assert list(home.visible()) == ["trip.mov"]
        assert batch.sent_bytes <= movie.size + 4 * MIB  # no more than was under way is sent twice


async def test_a_road_secret_opens_no_road_but_the_one_away(tmp_path: Path) -> None:
    async with computer(tmp_path, away=EDGE) as home:
        phone = await home.trusted_phone()
        async with phone.visit() as visit:
            page = by_road_secret(phone, visit)
            for road in set(Road) - {Road.AWAY}:
                home.road = road
                with pytest.raises(Refused) as refused:
                    async with replace(page, road=road.in_prologue).visit():
                        pass
                assert refused.value.refusal is Refusal.UNKNOWN_KEY


async def test_a_road_secret_dies_with_its_device_and_so_does_its_session(tmp_path: Path) -> None:
    async with computer(tmp_path, away=EDGE) as home:
        phone = await home.trusted_phone()
        async with phone.visit() as visit:
            page = by_road_secret(phone, visit)
        home.road = Road.AWAY
        async with page.visit() as away:
            (device,) = home.book.register.devices()
            await home.book.revoke(device.id)
            assert (await away.until_closed())[-1] == Goodbye(Reason.REVOKED)
        with pytest.raises(Refused) as refused:
            async with page.visit():
                pass
        assert refused.value.refusal is Refusal.UNKNOWN_KEY
        assert home.book.rooms() == {}


async def test_a_road_secret_dies_with_the_daemon(tmp_path: Path) -> None:
    async with computer(tmp_path, away=EDGE) as home:
        phone = await home.trusted_phone()
        async with phone.visit() as visit:
            page = by_road_secret(phone, visit)
            assert page.key in home.book.rooms().values()  # the control
    async with computer(tmp_path, away=EDGE) as again:
        again.road = Road.AWAY
        with pytest.raises(Refused) as refused:
            async with replace(page, connect=again.connect).visit():
                pass
        assert refused.value.refusal is Refusal.UNKNOWN_KEY
        assert page.key not in again.book.rooms().values()


async def test_a_phone_that_scanned_away_earns_its_own_key_and_comes_back_without_a_code(tmp_path: Path) -> None:
    async with computer(tmp_path, away=EDGE) as home:
        phone = await away_phone(home)
        async with phone.visit():
            assert list(home.book.rooms().values()) == [phone.key]  # its code is used up
    async with computer(tmp_path, away=EDGE) as again:
        again.road = Road.AWAY
        phone = replace(phone, connect=again.connect)
        async with phone.visit() as visit:
            assert visit.hello is not None


async def test_who_enrolls_away_is_shown_of_each_key_that_the_computer_holds_it(tmp_path: Path) -> None:
    async with computer(tmp_path, away=EDGE) as home:
        earlier = await away_phone(home)
        async with earlier.visit() as first:
            assert first.hello is not None
            assert first.hello.proofs == (), "of its own new key nothing has to be shown"
        again = await away_phone(home)
        async with again.visit() as second:
            assert second.hello is not None
            assert second.hello.proofs == (known_proof(earlier.key, second.link.handshake_hash),)
        async with again.visit() as by_key:
            assert by_key.hello is not None
            assert by_key.hello.proofs == ()
        shown = 0
        for _ in range(KNOWN_PAGES_MAX):
            async with (await away_phone(home)).visit() as last:
                assert last.hello is not None
                shown = len(last.hello.proofs)
        assert shown == KNOWN_PAGES_MAX
        home.road = Road.HOME
        at_home = Phone(home.connect, (await home.book.personal(Life.ONCE, away=True)).secret)
        async with at_home.visit() as visit:
            assert visit.hello is not None
            assert visit.hello.proofs == ()


async def test_a_name_that_is_too_long_is_refused_with_a_sentence_and_the_link_goes_on(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        phone = await home.trusted_phone()
        async with phone.visit() as visit:
            await visit.say(Ask(1, RenameDevice("d" * 32, "x" * 61)), Ask(2, BinEntry("x" * 4097)), Ask(3, GetStatus()))
            for number in (1, 2):
                refused = await visit.hear_a(Refuse)
                assert (refused.id, refused.reason) == (number, Reason.PROTOCOL)
                assert "too long" in refused.sentence
            assert await visit.hear_a(Answer) == Answer(3, Done("well"))


async def test_envelopes_go_to_the_desk_and_what_waits_for_a_slow_reader_is_bounded(tmp_path: Path) -> None:
    desk = DeskDouble()
    async with computer(tmp_path, desk=desk) as home:
        phone = await home.trusted_phone()
        async with phone.visit() as visit:
            await visit.say(Envelope("e" * 32, b"sealed"))
            await desk.until(lambda: len(desk.envelopes) == 1)
            envelope, asker = desk.envelopes[0]
            assert (envelope.blob, asker.device) == (b"sealed", home.book.register.devices()[0].id)
            await visit.say(Introduce("e" * 32, "d" * 32, "x", PeerKind.PHONE, bytes(16)))  # drained: it is ours to say
            session = home.live.of(asker.device or "")
            assert session is not None
            handed = [session.hand(Envelope("e" * 32, bytes([n]))) for n in range(HANDED_MAX + 5)]
            assert handed == [True] * HANDED_MAX + [False] * 5
            heard = [await visit.hear_a(Envelope) for _ in range(HANDED_MAX)]
            assert [one.blob[0] for one in heard] == list(range(HANDED_MAX))
            assert session.hand(Envelope("e" * 32, b"again"))
        await until(lambda: not home.serving)
        assert not session.hand(Envelope("e" * 32, b"late"))


async def test_two_pages_of_one_device_by_road_secret_and_by_key_are_one_session(tmp_path: Path) -> None:
    async with computer(tmp_path, away=EDGE) as home, AsyncExitStack() as links:
        phone = await home.trusted_phone()
        first = await links.enter_async_context(phone.visit())
        page = by_road_secret(phone, first)
        home.road = Road.AWAY
        await links.enter_async_context(page.visit())
        await until(lambda: len(home.live) == 1)
        home.road = Road.HOME
        await links.enter_async_context(phone.visit())
        await until(lambda: len(home.live) == 1)
        (device,) = home.live.devices()
        session = home.live.of(device)
        assert session is not None
        assert session.asker.grant.road is Road.HOME
