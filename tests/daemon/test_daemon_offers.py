"""What a command puts on the shelf, and downloads without a seal, in a composed daemon."""

import asyncio
import os
import time
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from qrshared.daemon.compose import OWNER_HERE
from qrshared.daemon.offers import OFFERED_MAX
from qrshared.daemon.offers import Offer as Offered
from qrshared.daemon.pickups import (
    ITEMS_IN_ALL_MAX,
    ITEMS_PER_DEVICE_MAX,
    PICK_UPS_PER_DEVICE_MAX,
    Fetched,
    PickUps,
)
from qrshared.daemon.pickups import PickUp as PickUpOfThem
from qrshared.daemon.shelf_deeds import EXPIRES_S_MAX
from qrshared.lan import DOWNLOAD_LIFE_S
from qrshared.protocol import (
    Done,
    Hello,
    Offer,
    OfferState,
    PickUp,
    PlainDownload,
    Reason,
    Refuse,
    RevokeDevice,
    ShelfItem,
    ShelfList,
    TicketFacts,
    Withdraw,
)
from qrshared.seal import Refused
from qrshared.sessions import Asker, DeskRefusal, OutgoingTransfers
from qrshared.shelf import look_at
from qrshared.tickets import Grant, Right, Road, Trust
from tests.client import scan
from tests.daemon.shelf_world import COMMAND, Home, home_in, made, pick_up, reason_of, refused, shelf_of
from tests.receiving import Pocket
from tests.waiting import until

MIB = 1024 * 1024
OWNER = Asker(OWNER_HERE, device="f" * 32)


async def test_its_code_leads_to_these_things_alone(home: Home, tmp_path: Path) -> None:
    made(home.outbox, "other.txt", b"other")
    await home.on_shelf(["other.txt"])
    home.follow()
    offered = await home.offer(made(tmp_path, "a.txt", b"a"), made(tmp_path, "folder/b.txt", b"b").parent)
    assert offered.url is not None
    phone = scan(offered.url, name="Friend")
    async with phone.visit() as visit:
        seen = await shelf_of(visit)
        assert sorted(one.name for one in seen) == ["a.txt", "folder"]
        hidden = next(one.waiting.id for one in home.daemon.shelf.all() if one.waiting.name == "other.txt")
        assert await refused(visit, hidden) == "not_found"
        files = (await pick_up(visit, *[one.item for one in seen])).files()
    assert files == {"a.txt": b"a", "folder/b.txt": b"b"}
    await until(lambda: [row.state for row in home.told[-1].offers] == [OfferState.HANDED_OVER] * 2)
    assert {row.device for row in home.told[-1].offers} == {"Friend"}
    assert all(row.bytes_done == row.bytes for row in home.told[-1].offers)


async def test_for_one_device_means_that_no_other_sees_it(home: Home, tmp_path: Path) -> None:
    anna, ben = await home.trusted("Anna"), await home.trusted("Ben")
    async with anna.visit() as hers, ben.visit() as his:
        device = next(one.id for one in home.daemon.book.register.devices() if one.name == "Anna")
        offered = await home.offer(made(tmp_path, "for-anna.txt", b"secret"), to=device)
        assert offered.url is None
        item = offered.items[0].item
        assert await shelf_of(his) == ()
        assert await refused(his, item) == "not_found"
        assert isinstance(await his.ask(PlainDownload(item)), Refuse)
        assert [one.to for one in await shelf_of(hers)] == [device]
        assert (await pick_up(hers, item)).files() == {"for-anna.txt": b"secret"}
        # The owner's page lists it, and does not fetch it.
        listed = home.daemon.shelf.list(OWNER)
        assert isinstance(listed, ShelfList)
        assert [one.item for one in listed.items] == [item]
        assert await reason_of(home, PickUp((item,)), OWNER) is Reason.NOT_FOUND


async def test_once_is_for_the_first_who_takes_it_whole(home: Home, tmp_path: Path) -> None:
    home.follow()
    offered = await home.offer(made(tmp_path, "a.bin", os.urandom(16 * MIB)), once=True)
    item = offered.items[0].item
    assert offered.url is not None
    first, second = await home.trusted("Anna"), scan(offered.url, name="Ben")
    async with first.visit() as hers, second.visit() as his:
        assert await hers.ask(PickUp((item,))) == Done()
        pocket = Pocket()
        await pocket.take(hers, until=lambda: pocket.arrived_bytes > MIB)
        assert await refused(his, item) == "busy"
        await pocket.take(hers)
        await until(lambda: not list(home.daemon.shelf.all()))
        assert await refused(his, item) == "not_found"
        await until(lambda: home.told[-1].offers[0].state is OfferState.HANDED_OVER)
        async with asyncio.timeout(60):
            await his.until_closed()
    with pytest.raises(Refused):
        async with second.visit():
            pass


async def test_once_means_nobody_else_also_in_the_moment_after_it_was_taken(home: Home, tmp_path: Path) -> None:
    offered = await home.offer(made(tmp_path, "a.bin", b"a"), made(tmp_path, "b.bin", b"b"), once=True)
    items = [one.item for one in offered.items]
    first, second = await home.trusted("Anna"), await home.trusted("Ben")
    async with first.visit() as hers, second.visit() as his:
        await pick_up(hers, items[0])
        ticket = await hers.ask(PlainDownload(items[1]))
        assert isinstance(ticket, TicketFacts)
        assert await get(ticket.url) == (200, b"b")
        assert await refused(his, items[0]) == "not_found"
        # For a moment longer it is hers who downloads it, until her side has confirmed the last byte.
        assert await refused(his, items[1]) in ("busy", "not_found")


async def test_once_goes_to_one_at_a_time_also_by_plain_download(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered = await home.offer(made(tmp_path, "a.bin", b"a"), once=True)
    (item,) = (one.item for one in offered.items)
    first, second = await home.trusted("Anna"), await home.trusted("Ben")
    async with first.visit() as hers, second.visit() as his:
        for _ in range(2):  # a second tap of hers is hers
            assert isinstance(await hers.ask(PlainDownload(item)), TicketFacts)
        answer = await his.ask(PlainDownload(item))
        assert isinstance(answer, Refuse)
        assert answer.reason is Reason.BUSY
        assert await refused(his, item) == "busy"
        monkeypatch.setattr(home.daemon.shelf, "now", lambda: time.time() + DOWNLOAD_LIFE_S)  # she never came for it
        assert isinstance(await his.ask(PlainDownload(item)), TicketFacts)


async def test_who_pauses_is_told_as_paused_and_nothing_moves_until_it_goes_on(home: Home, tmp_path: Path) -> None:
    home.follow()
    offered = await home.offer(made(tmp_path, "a.bin", os.urandom(16 * MIB)))
    anna = await home.trusted("Anna")
    async with anna.visit() as visit:
        assert await visit.ask(PickUp((offered.items[0].item,))) == Done()
        pocket = Pocket()
        await pocket.take(visit, until=lambda: pocket.arrived_bytes > MIB)
        assert pocket.receiver is not None
        was_moving = home.daemon.shelf.is_moving
        assert was_moving, "control: while it moves the computer stays awake"
        pocket.receiver.is_held = True
        await visit.say(*pocket.receiver.messages_to_send(0.0))
        await until(lambda: home.told[-1].offers[0].state is OfferState.PAUSED)
        assert not home.daemon.shelf.is_moving
        pocket.receiver.is_held = False
        await visit.say(*pocket.receiver.messages_to_send(0.0))
        await until(lambda: home.told[-1].offers[0].state is OfferState.MOVING)
        await pocket.take(visit)
        await until(lambda: home.told[-1].offers[0].state is OfferState.HANDED_OVER)


async def test_a_command_that_leaves_takes_its_offers_along(home: Home, tmp_path: Path) -> None:
    stop, other = home.follow(), replace(COMMAND, visit=2)
    home.follow(other)
    offered = await home.offer(made(tmp_path, "a.bin", os.urandom(16 * MIB)))
    await home.offer(made(tmp_path, "b.txt", b"b"), asker=other)
    assert offered.url is not None
    async with scan(offered.url).visit() as visit:
        assert await visit.ask(PickUp((offered.items[0].item,))) == Done()
        pocket = Pocket()
        await pocket.take(visit, until=lambda: pocket.arrived_bytes > MIB)
        stop()
        assert [one.waiting.name for one in home.daemon.shelf.all()] == ["b.txt"]
        async with asyncio.timeout(60):
            await pocket.take(visit)  # the receiver hears that it is cancelled
            assert pocket.arrived_bytes < 16 * MIB
            await visit.until_closed()
    kinds = [ticket.kind for ticket in home.daemon.book.register.tickets(0)]
    assert kinds.count(kinds[0]) == 1


async def test_an_offer_ends_with_its_time(home: Home, tmp_path: Path) -> None:
    home.follow()
    await home.offer(made(tmp_path, "a.txt", b"a"), expires_s=1)
    assert len(list(home.daemon.shelf.all())) == 1
    await until(lambda: not list(home.daemon.shelf.all()))
    await until(lambda: home.told[-1].offers[0].state is OfferState.WITHDRAWN)
    for seconds in (0, -1, EXPIRES_S_MAX + 1):
        assert await reason_of(home, Offer(("/etc/hostname",), expires_s=seconds)) is Reason.UNSUPPORTED


async def test_a_code_for_elsewhere_names_the_edge_and_opens_at_home_too(tmp_path: Path) -> None:
    async with home_in(tmp_path, edge="https://127.0.0.1:9", stun=()) as home:
        offered = await home.offer(made(tmp_path, "a.txt", b"a"), away=True)
        assert offered.url is not None
        assert offered.url.startswith("https://127.0.0.1:9/p#1")
        (ticket,) = home.daemon.book.register.tickets(0)
        assert ticket.roads >= {Road.AWAY, Road.HOME}
        assert ticket.items == frozenset({offered.items[0].item})
        phone = scan(home.daemon.where.code_url(offered.url.partition("#")[2]))
        async with phone.visit() as visit:
            assert (await pick_up(visit, offered.items[0].item)).files() == {"a.txt": b"a"}


async def test_paths_come_from_the_control_socket_only_and_must_be_things_to_send(home: Home, tmp_path: Path) -> None:
    file = made(tmp_path, "a.txt", b"a")
    (tmp_path / "link").symlink_to(file)
    os.mkfifo(tmp_path / "pipe")
    page = Asker(Grant(Road.LOOPBACK, rights=frozenset(Right), trust=Trust.OWNER, device="d" * 32), device="d" * 32)
    assert await reason_of(home, Offer((str(file),)), page) is Reason.NOT_ALLOWED
    for path in (str(tmp_path / "link"), str(tmp_path / "pipe"), str(tmp_path / "none"), "a.txt", "/a\0b", "/dev/zero"):
        assert await reason_of(home, Offer((path,))) is Reason.SOURCE_UNREADABLE, path
    assert await reason_of(home, Offer((str(file),), to="e" * 32)) is Reason.NOT_FOUND
    async with home.guest().visit():
        device = home.daemon.live.devices()[0]
    assert await reason_of(home, Offer((str(file),), to=device)) is Reason.NOT_ALLOWED
    assert await reason_of(home, Offer((str(file),), away=True)) is Reason.UNSUPPORTED
    assert list(home.daemon.shelf.all()) == []


async def test_what_waits_and_what_is_asked_for_is_bounded(home: Home, tmp_path: Path) -> None:
    path = made(tmp_path, "a.txt", b"a")
    await home.offer(*[path] * OFFERED_MAX)
    assert await reason_of(home, Offer((str(path),))) is Reason.TOO_MANY_ITEMS
    ups = PickUps(OutgoingTransfers())
    for number in range(PICK_UPS_PER_DEVICE_MAX):
        each = look_at(path, f"{number:032}")
        ups.begin("d" * 32, [(each, each.sources())])
    one = look_at(path, "f" * 32)
    with pytest.raises(DeskRefusal):
        ups.begin("d" * 32, [(one, one.sources())])
    ups.begin("e" * 32, [(one, one.sources())])
    assert not Offered({}, 0.0, 1, None).items


async def test_items_on_their_way_are_bounded_for_a_device_and_for_all_and_who_is_away_gives_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (ITEMS_PER_DEVICE_MAX, ITEMS_IN_ALL_MAX) == (200_000, 400_000)
    monkeypatch.setattr("qrshared.daemon.pickups.ITEMS_PER_DEVICE_MAX", 10)
    monkeypatch.setattr("qrshared.daemon.pickups.ITEMS_IN_ALL_MAX", 20)
    for number in range(5):
        made(tmp_path, f"{number}.txt", b"a")
    outgoing = OutgoingTransfers()
    ups = PickUps(outgoing)
    here = [letter * 32 for letter in "abcd"]
    for device in here:
        outgoing.came(device, outgoing.of(device))

    def five(number: int) -> list[Fetched]:
        seen = look_at(tmp_path, f"{number:032}")
        return [(seen, seen.sources())]

    def begin(device: str, number: int) -> PickUpOfThem:
        with ups.room(device, 5):
            return ups.begin(device, five(number))

    def refused(device: str) -> None:
        with pytest.raises(DeskRefusal) as refusal, ups.room(device, 5):
            pytest.fail("it must not be read")
        assert refusal.value.reason is Reason.BUSY
        with pytest.raises(DeskRefusal):
            ups.begin(device, five(99))

    away = [begin("e" * 32, 1), begin("f" * 32, 2)]
    one = begin(here[0], 1)
    begin(here[0], 2)
    refused(here[0])
    begin(here[1], 1)  # the oldest of those that are away gives way, and no more of them than that
    assert list(outgoing.waiting("e" * 32)) == []
    assert list(outgoing.waiting("f" * 32)) == [away[1].outgoing]
    assert not away[0].outgoing.is_over, "it is not cancelled: its page asks again"
    with ups.room(here[2], 5), pytest.raises(DeskRefusal), ups.room(here[3], 5):
        pytest.fail("what is being read counts")
    begin(here[2], 1)
    refused(here[3])
    one.outgoing.cancel()
    begin(here[3], 1)


async def test_codes_of_offers_end_with_the_daemon(tmp_path: Path) -> None:
    async with home_in(tmp_path) as home:
        offered = await home.offer(made(tmp_path, "a.txt", b"a"))
        assert offered.url is not None
        phone = scan(offered.url)
        async with phone.visit() as visit:
            assert isinstance(visit.hello, Hello)
    async with home_in(tmp_path) as home:
        assert home.daemon.book.register.devices() == []
        with pytest.raises(Refused):
            async with phone.visit():
                pass


# --- plain downloads ------------------------------------------------------------------------------------------------


async def get(url: str) -> tuple[int, bytes]:
    async with aiohttp.ClientSession() as client, client.get(url) as answer:
        return answer.status, await answer.read()


async def test_a_plain_download_is_for_whom_the_thing_is_and_while_it_waits(home: Home, tmp_path: Path) -> None:
    home.follow()
    offered = await home.offer(made(tmp_path, "film.mp4", b"film" * 1000), made(tmp_path, "trip/a.jpg", b"jpg").parent)
    film, trip = (one.item for one in offered.items)
    async with (await home.trusted()).visit() as visit:
        ticket = await visit.ask(PlainDownload(film))
        assert isinstance(ticket, TicketFacts)
        assert await get(ticket.url) == (200, b"film" * 1000)
        zipped = await visit.ask(PlainDownload(trip))
        assert isinstance(zipped, TicketFacts)
        status, body = await get(zipped.url)
        assert (status, body[:2]) == (200, b"PK")
        assert isinstance(await visit.ask(PlainDownload("0" * 32)), Refuse)
        await until(lambda: all(row.state is OfferState.HANDED_OVER for row in home.told[-1].offers))
        await home.daemon.desk.ask(Withdraw(film), COMMAND)
        assert (await get(ticket.url))[0] == 404


async def test_a_plain_download_that_stops_is_told_to_its_own_device_and_that_it_goes_on(home: Home) -> None:
    size = 64 << 20
    made(home.outbox, "film.mp4", b"film" * (size // 4))
    (film,) = await home.on_shelf(["film.mp4"])
    async with (await home.trusted()).visit() as visit, (await home.trusted("Ben's phone")).visit() as other:
        ticket = await visit.ask(PlainDownload(film.item))
        assert isinstance(ticket, TicketFacts)

        async def told(state: OfferState) -> ShelfItem:
            (one,) = await shelf_of(visit, where=lambda shelf: shelf.items[0].taken is state)
            return one

        async with aiohttp.ClientSession() as client:
            async with client.get(ticket.url) as answer:
                await answer.content.readexactly(1 << 20)
                await told(OfferState.MOVING)
            stopped = (await told(OfferState.WAITING)).taken_bytes
            assert stopped is not None
            assert 1 << 20 <= stopped < size
            async with client.get(ticket.url, headers={"Range": f"bytes={1 << 20}-"}) as answer:
                assert (await told(OfferState.MOVING)).taken_bytes == stopped
                assert len(await answer.read()) == size - (1 << 20)
        assert (await told(OfferState.HANDED_OVER)).taken_bytes == size
        assert (await shelf_of(other))[0].taken is None
        assert home.pick_ups()[0].state is OfferState.HANDED_OVER


async def test_a_revoked_phone_gets_nothing_by_a_plain_download_that_it_asked_for_before(
    home: Home, tmp_path: Path
) -> None:
    offered = await home.offer(made(tmp_path, "film.mp4", b"film" * 1000))
    async with (await home.trusted()).visit() as visit, (await home.trusted("Ben's phone")).visit() as other:
        ticket = await visit.ask(PlainDownload(offered.items[0].item))
        kept = await other.ask(PlainDownload(offered.items[0].item))
        assert isinstance(ticket, TicketFacts)
        assert isinstance(kept, TicketFacts)
        (device,) = (one.id for one in home.daemon.book.register.devices() if one.name == "Anna's phone")
        await home.daemon.desk.ask(RevokeDevice(device), COMMAND)
        assert (await get(ticket.url))[0] == 404
        assert (await get(kept.url))[0] == 200  # the control


async def test_what_expired_while_the_computer_slept_is_given_to_nobody_when_it_wakes(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered = await home.offer(made(tmp_path, "film.mp4", b"film"), expires_s=3600)
    async with (await home.trusted()).visit() as visit:
        monkeypatch.setattr(home.daemon.shelf, "now", lambda: time.time() + 7200)
        assert await refused(visit, offered.items[0].item) == "not_found"


async def test_plain_downloads_can_be_switched_off(tmp_path: Path) -> None:
    async with home_in(tmp_path, plain_downloads=False) as home:
        made(home.outbox, "a.txt", b"a")
        (one,) = await home.on_shelf(["a.txt"])
        async with (await home.trusted()).visit() as visit:
            answer = await visit.ask(PlainDownload(one.item))
            assert isinstance(answer, Refuse)
            assert "switched off" in answer.sentence


async def test_away_from_home_there_is_no_plain_download(home: Home) -> None:
    made(home.outbox, "a.txt", b"a")
    (one,) = await home.on_shelf(["a.txt"])
    for road in (Road.AWAY, Road.SECURE):
        grant = Grant(road, rights=frozenset({Right.PICK_UP}), trust=Trust.TRUSTED, device="d" * 32)
        asker = Asker(grant, device="d" * 32)
        assert await reason_of(home, PlainDownload(one.item), asker) is Reason.UNSUPPORTED
