"""Who picked up what, as the owner page is told: each device for itself, kept over a restart, told to nobody else."""

import asyncio
import json
import os
from pathlib import Path

import pytest

from qrshared.daemon.pickups import ROWS_TOLD_MAX, PickUps
from qrshared.daemon.takers import KEPT_MAX, Takers
from qrshared.protocol import (
    Done,
    Facts,
    News,
    OfferState,
    PickUp,
    PickUpFacts,
    PickUpList,
    PlainDownload,
    ShelfList,
    TicketFacts,
    Topic,
    Watch,
)
from qrshared.sessions import OutgoingTransfers
from qrshared.shelf import Source, SourceUnreadable
from tests.daemon.shelf_world import COMMAND, Home, home_in, made, pick_up, shelf_of
from tests.daemon.test_daemon_offers import get
from tests.receiving import Pocket
from tests.waiting import until

MIB = 1024 * 1024


def states(home: Home) -> dict[str, OfferState]:
    return {row.device: row.state for row in home.pick_ups()}


async def test_each_device_that_picks_it_up_has_a_line_while_it_moves_and_once_it_has_it(home: Home) -> None:
    made(home.outbox, "film.mp4", os.urandom(24 * MIB))
    (film,) = await home.on_shelf(["film.mp4"])
    assert home.pick_ups() == []
    anna, ben = await home.trusted("Anna"), await home.trusted("Ben")
    async with asyncio.timeout(120), anna.visit() as hers, ben.visit() as his:
        assert await hers.ask(PickUp((film.item,))) == Done()
        pocket = Pocket()
        await pocket.take(hers, until=lambda: pocket.arrived_bytes > 8 * MIB)
        await until(lambda: states(home) == {"Anna": OfferState.MOVING})
        (moving,) = home.pick_ups()
        assert 0 < moving.bytes_done < moving.bytes == 24 * MIB
        assert moving.at_ms is None
        await pick_up(his, film.item)
        await until(lambda: states(home) == {"Anna": OfferState.MOVING, "Ben": OfferState.HANDED_OVER})
        await pocket.take(hers)
        await until(lambda: states(home) == {"Anna": OfferState.HANDED_OVER, "Ben": OfferState.HANDED_OVER})
    newest, oldest = home.pick_ups()
    assert (newest.device, oldest.device) == ("Anna", "Ben")
    assert newest.at_ms is not None
    assert oldest.at_ms is not None
    assert abs(newest.at_ms / 1000 - home.daemon.shelf.now()) < 600
    assert newest.at_ms >= oldest.at_ms


async def test_it_is_told_at_once_and_to_the_owner_alone(home: Home) -> None:
    made(home.outbox, "a.txt", b"a")
    (one,) = await home.on_shelf(["a.txt"])
    told: list[object] = []
    stop = home.daemon.desk.watch((Topic.PICK_UPS,), COMMAND, told.append)
    anna, ben = await home.trusted("Anna"), await home.trusted("Ben")
    async with anna.visit() as hers, ben.visit() as his, asyncio.timeout(60):
        await his.say(Watch((Topic.PICK_UPS, Topic.SHELF)))
        await pick_up(hers, one.item)
        await until(lambda: bool(told) and _rows(told[-1]) == ["Anna"])
        stop()
        made(home.outbox, "b.txt", b"b")
        heard: list[Facts] = []
        while not (heard and isinstance(heard[-1], ShelfList) and len(heard[-1].items) == 2):
            heard.append((await his.hear_a(News)).facts)
    assert not [facts for facts in heard if isinstance(facts, PickUpList)]


def _rows(facts: object) -> list[str]:
    assert isinstance(facts, PickUpList)
    return [row.device for row in facts.pick_ups]


async def test_it_is_known_after_a_restart_and_forgotten_with_the_thing_itself(tmp_path: Path) -> None:
    async with home_in(tmp_path) as home:
        made(home.outbox, "film.mp4", os.urandom(MIB))
        made(home.outbox, "note.txt", b"hello")
        items = {one.name: one.item for one in await home.on_shelf(["film.mp4", "note.txt"])}
        async with (await home.trusted("Pixel 8")).visit() as visit:
            await pick_up(visit, items["film.mp4"])
            await pick_up(visit, items["note.txt"])
        await until(lambda: len(home.kept.takers) == 2)
        before = home.pick_ups()
        assert {row.item for row in before} == set(items.values())
    async with home_in(tmp_path) as home:
        assert home.pick_ups() == before, "the first that a page hears"
        made(home.outbox, "note.txt", b"another note")  # another thing, which nobody has
        await until(lambda: [row.item for row in home.pick_ups()] == [items["film.mp4"]])
        await until(lambda: len(home.kept.takers) == 1)


async def test_a_page_that_came_before_the_outbox_was_known_is_told_who_has_what_lies_there(tmp_path: Path) -> None:
    async with home_in(tmp_path) as home:
        made(home.outbox, "a.txt", b"a")
        (one,) = await home.on_shelf(["a.txt"])
        async with (await home.trusted("Anna")).visit() as visit:
            await pick_up(visit, one.item)
        await until(lambda: len(home.kept.takers) == 1)
    shelf = tmp_path / "data" / "shelf.json"
    kept = json.loads(shelf.read_text())
    shelf.write_text(json.dumps(kept | {"marks": []}))  # as if it had been put there again meanwhile
    async with home_in(tmp_path) as home:
        assert home.pick_ups() == []
        told: list[object] = []
        stop = home.daemon.desk.watch((Topic.PICK_UPS,), COMMAND, told.append)
        async with asyncio.timeout(60):
            await until(lambda: bool(told) and _rows(told[-1]) == ["Anna"])
        stop()


async def test_what_a_command_offered_is_remembered_no_longer_than_the_command_runs(home: Home, tmp_path: Path) -> None:
    stop = home.follow()
    offered = await home.offer(made(tmp_path, "a.txt", b"a"))
    async with (await home.trusted("Anna")).visit() as visit:
        await pick_up(visit, offered.items[0].item)
    await until(lambda: states(home) == {"Anna": OfferState.HANDED_OVER})
    stop()
    assert home.pick_ups() == []
    await until(lambda: list(home.daemon.shelf.takers.all()) == [])
    await until(lambda: home.kept.takers == ())


async def test_a_download_without_a_seal_counts_too_and_a_thing_that_failed_says_so(home: Home) -> None:
    made(home.outbox, "film.mp4", b"film" * 1000)
    made(home.outbox, "changing.bin", os.urandom(16 * MIB))
    items = {one.name: one.item for one in await home.on_shelf(["film.mp4", "changing.bin"])}
    async with (await home.trusted("Anna")).visit() as visit:
        ticket = await visit.ask(PlainDownload(items["film.mp4"]))
        assert isinstance(ticket, TicketFacts)
        assert [each.taken for each in await shelf_of(visit)] == [None, None]
        assert (await get(ticket.url))[0] == 200
        await until(lambda: states(home) == {"Anna": OfferState.HANDED_OVER})
        taken = await shelf_of(visit, where=lambda shelf: OfferState.HANDED_OVER in {one.taken for one in shelf.items})
        told = {each.name: each.taken for each in taken}
        assert told == {"film.mp4": OfferState.HANDED_OVER, "changing.bin": None}  # its page hears it in no other way
        async with (await home.trusted("Ben")).visit() as other:
            assert [each.taken for each in await shelf_of(other)] == [None, None]
        assert await visit.ask(PickUp((items["changing.bin"],))) == Done()
        pocket = Pocket()
        await pocket.take(visit, until=lambda: pocket.arrived_bytes > MIB)
        os.utime(home.outbox / "changing.bin", (1, 1))
        await until(lambda: OfferState.FAILED in [taker.state for taker in home.daemon.shelf.takers.all()])


async def test_a_zip_that_left_something_out_says_who_has_it_in_part_and_is_offered_on(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path, "trip/b.jpg", b"b" * 70)
    offered = await home.offer(made(tmp_path, "trip/a.jpg", b"a" * 30).parent, once=True)
    (trip,) = (one.item for one in offered.items)
    home.follow()
    reads = Source.read

    def read(source: Source, at: int, count: int) -> bytes:
        if source.name == "trip/b.jpg":
            raise SourceUnreadable(name=source.name, problem="the disk is broken")
        return reads(source, at, count)

    async with (await home.trusted("Anna")).visit() as visit:
        ticket = await visit.ask(PlainDownload(trip))
        assert isinstance(ticket, TicketFacts)
        with monkeypatch.context() as broken:
            broken.setattr(Source, "read", read)
            assert (await get(ticket.url))[0] == 200
        await until(lambda: states(home) == {"Anna": OfferState.FAILED})
        assert [(row.bytes, row.bytes_done) for row in home.pick_ups()] == [(100, 30)]
        rows = {row.device: (row.state, row.bytes_done) for row in home.told[-1].offers}
        assert rows == {"Anna": (OfferState.FAILED, 30), None: (OfferState.WAITING, 0)}
        assert home.daemon.shelf.offers.find(trip) is not None
        assert (await get(ticket.url))[0] == 200
        await until(lambda: home.daemon.shelf.offers.find(trip) is None)
    assert {row.state for row in home.told[-1].offers} == {OfferState.HANDED_OVER}


def test_what_is_remembered_is_bounded_and_the_newest_stay() -> None:
    takers = Takers((), pick_ups=PickUps(OutgoingTransfers()), name_of=str, now=lambda: 1.0)
    for number in range(KEPT_MAX + 10):
        takers.note(f"{number:032x}", "d" * 32, OfferState.DONE, size=1, bytes_done=1)
    kept = list(takers.all())
    assert len(kept) == KEPT_MAX
    assert kept[0].item == f"{10:032x}"
    told = takers.facts({one.item for one in kept}).pick_ups
    assert told[0] == PickUpFacts(kept[-1].item, "d" * 32, OfferState.DONE, 1, 1, 1000)
    assert len(told) == ROWS_TOLD_MAX
