"""The shelf in a composed daemon: who sees and gets what, over real WebSockets and from real files."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from qrshared.daemon.compose import OWNER_HERE
from qrshared.daemon.offers import OFFERED_MAX
from qrshared.daemon.offers import Offer as Offered
from qrshared.daemon.pickups import PICK_UPS_PER_DEVICE_MAX, PickUps
from qrshared.daemon.shelf_deeds import EXPIRES_S_MAX
from qrshared.links import LinkClosed
from qrshared.protocol import (
    Done,
    Hello,
    Offer,
    OfferState,
    PickUp,
    PlainDownload,
    Propose,
    Reason,
    Refuse,
    ShelfList,
    TicketFacts,
    Topic,
    Verb,
    Watch,
    Withdraw,
)
from qrshared.sessions import Asker, DeskRefusal, OutgoingTransfers
from qrshared.shelf import look_at
from qrshared.tickets import Grant, Right, Road, Trust
from tests.adapters.sessions_world import until
from tests.client import Batch, Unwelcome, Visit, file_of, scan
from tests.daemon.shelf_world import COMMAND, Home, home_in, pick_up, refused, shelf_of
from tests.receiving import Pocket

MIB = 1024 * 1024
OWNER = Asker(OWNER_HERE, device="f" * 32)


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    async with home_in(tmp_path) as running:
        await until(lambda: running.outbox.is_dir())
        yield running


async def reason_of(home: Home, verb: Verb, asker: Asker = COMMAND) -> Reason | None:
    """Why the desk refuses; None if it does not."""
    try:
        await home.daemon.desk.ask(verb, asker)
    except DeskRefusal as refusal:
        return refusal.reason
    return None


def made(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


# --- the Outbox -----------------------------------------------------------------------------------------------------


async def test_three_phones_pick_up_at_once_and_all_have_it_whole(home: Home) -> None:
    content = {"film.mp4": os.urandom(24 * MIB + 11), "note.txt": b"hello"}
    for name, some in content.items():
        made(home.outbox, name, some)
    await home.on_shelf(list(content))

    async def fetches(name: str) -> dict[str, bytes]:
        phone = await home.trusted(name)
        async with phone.visit() as visit:
            return (await pick_up(visit, *[one.item for one in await shelf_of(visit)])).files()

    async with asyncio.timeout(60):
        found = await asyncio.gather(*(fetches(f"Phone {number}") for number in range(3)))
    assert all(one == content for one in found)


async def test_a_page_that_is_open_sees_at_once_what_is_put_there_and_what_goes(home: Home) -> None:
    phone = await home.trusted()
    async with phone.visit() as visit:
        assert await shelf_of(visit) == ()
        file = made(home.outbox, "a.txt", b"x")
        async with asyncio.timeout(10):
            (one,) = (await visit.news(ShelfList, where=lambda listed: bool(listed.items))).items
            assert (one.name, one.size) == ("a.txt", 1)
            file.unlink()
            await visit.news(ShelfList, where=lambda listed: not listed.items)
        assert await refused(visit, one.item) == "not_found"


async def test_a_guest_sees_nothing_and_gets_nothing(home: Home) -> None:
    made(home.outbox, "mine.txt", b"mine")
    (one,) = await home.on_shelf(["mine.txt"])
    guest, stranger = home.guest(), scan(home.daemon.where.code_url("1" + "A" * 22))
    async with guest.visit() as visit:
        await visit.say(Watch((Topic.SHELF, Topic.OFFERS, Topic.WALL)))
        assert await refused(visit, one.item) == "not_allowed"
        assert isinstance(await visit.ask(PlainDownload(one.item)), Refuse)
        assert isinstance(await visit.ask(Withdraw(one.item)), Refuse)
        assert isinstance(await visit.ask(Offer(("/etc/hostname",))), Refuse)
    with pytest.raises((LinkClosed, Unwelcome, Exception)):
        async with stranger.visit():
            pass
    # The control: the same watch shows it to whom it is for.
    async with (await home.trusted()).visit() as visit:
        assert [seen.name for seen in await shelf_of(visit)] == ["mine.txt"]


async def test_a_tree_of_1000_folders_and_10_000_small_files_arrive(home: Home) -> None:
    tree = home.outbox / "tree"
    for number in range(1000):
        made(tree, f"{number % 10}/{number}/f.txt", str(number).encode())
    photos = home.outbox / "photos"
    photos.mkdir()
    for number in range(10_000):
        (photos / f"{number:05}.jpg").write_bytes(os.urandom(1024))
    (tree / "empty").mkdir()
    items = await home.on_shelf(["tree", "photos"], within_s=30)
    assert {one.name: (one.count, one.size) for one in items}["photos"] == (10_000, 10_000 * 1024)
    async with (await home.trusted()).visit() as visit:
        files = (await pick_up(visit, *[one.item for one in items])).files()
    assert len(files) == 11_001
    assert files["tree/7/337/f.txt"] == b"337"
    assert files["tree/empty"] == b""
    assert files["photos/09999.jpg"] == (photos / "09999.jpg").read_bytes()


async def test_after_a_restart_the_outbox_is_as_it_was_and_a_cut_pick_up_goes_on(tmp_path: Path) -> None:
    content = os.urandom(24 * MIB)
    pocket = Pocket()
    async with home_in(tmp_path) as home:
        made(home.outbox, "film.mp4", content)
        made(home.outbox, "note.txt", b"hello")
        before = {one.name: one.item for one in await home.on_shelf(["film.mp4", "note.txt"])}
        phone = await home.trusted()
        async with phone.visit() as visit:
            assert await visit.ask(PickUp((before["film.mp4"],))) == Done()
            await pocket.take(visit, until=lambda: pocket.arrived_bytes > 8 * MIB)
        pocket.cut()
    async with home_in(tmp_path) as home:
        assert {one.name: one.item for one in await home.on_shelf(["film.mp4", "note.txt"])} == before
        async with phone.visit() as visit, asyncio.timeout(20):
            await pocket.take(visit)
        assert pocket.files() == {"film.mp4": content}
        assert pocket.arrived_bytes - len(content) <= 4 * MIB
        await until(lambda: home.daemon.shelf._store.kept == ())


async def test_a_pick_up_of_something_else_by_now_is_not_taken_up_again(tmp_path: Path) -> None:
    async with home_in(tmp_path) as home:
        made(home.outbox, "tree/film.mp4", os.urandom(8 * MIB))
        (one,) = await home.on_shelf(["tree"])
        phone = await home.trusted()
        pocket = Pocket()
        async with phone.visit() as visit:
            assert await visit.ask(PickUp((one.item,))) == Done()
            await pocket.take(visit, until=lambda: pocket.arrived_bytes > MIB)
        await until(lambda: bool(home.daemon.shelf._store.kept))
    made(tmp_path / "inbox" / "Outbox", "tree/another", b"x")
    async with home_in(tmp_path) as home:
        await home.on_shelf(["tree"])
        await until(lambda: home.daemon.shelf._store.kept == ())
        assert list(home.daemon.shelf.pick_ups.moving()) == []


async def test_a_file_that_changes_fails_and_the_others_arrive(home: Home) -> None:
    made(home.outbox, "changing.bin", os.urandom(8 * MIB))
    made(home.outbox, "steady.txt", b"steady")
    items = {one.name: one.item for one in await home.on_shelf(["changing.bin", "steady.txt"])}
    async with (await home.trusted()).visit() as visit:
        assert await visit.ask(PickUp((items["changing.bin"], items["steady.txt"]))) == Done()
        pocket = Pocket()
        await pocket.take(visit, until=lambda: pocket.arrived_bytes > MIB)
        made(home.outbox, "changing.bin", b"other words")
        async with asyncio.timeout(20):
            await pocket.take(visit)
    assert pocket.files()["steady.txt"] == b"steady"
    assert pocket.files()["changing.bin"] != b"other words"


async def test_what_is_on_its_way_is_not_sent_twice(home: Home) -> None:
    made(home.outbox, "a.bin", os.urandom(8 * MIB))
    (one,) = await home.on_shelf(["a.bin"])
    async with (await home.trusted()).visit() as visit:
        for _ in range(3):
            assert await visit.ask(PickUp((one.item,))) == Done()
        assert len(list(home.daemon.shelf.pick_ups.moving())) == 1


async def test_what_is_withdrawn_from_the_outbox_lies_in_the_inbox_and_is_nobodys_to_fetch(home: Home) -> None:
    made(home.daemon.inbox.folder, "a.txt", b"was here before")
    made(home.outbox, "a.txt", b"mine")
    made(home.outbox, "tree/deep/file", b"in a tree")
    items = {one.name: one.item for one in await home.on_shelf(["a.txt", "tree"])}
    async with (await home.trusted()).visit() as visit:
        assert await home.daemon.desk.ask(Withdraw(items["a.txt"]), COMMAND) == Done("a (2).txt")
        assert await home.daemon.desk.ask(Withdraw(items["tree"]), COMMAND) == Done("tree")
        assert await shelf_of(visit) == ()
        assert await refused(visit, items["a.txt"]) == "not_found"
    inbox = home.daemon.inbox.folder
    assert (inbox / "a.txt").read_bytes() == b"was here before"
    assert (inbox / "a (2).txt").read_bytes() == b"mine"
    assert (inbox / "tree/deep/file").read_bytes() == b"in a tree"
    assert await reason_of(home, Withdraw(items["tree"])) is Reason.NOT_FOUND


async def drop(visit: Visit, batch: Batch) -> Batch:
    """Send it as the owner's page does with what is dropped on its shelf."""
    pages = batch.sender.propose()
    assert isinstance(pages[0], Propose)
    await visit.say(replace(pages[0], shelf=True), *pages[1:])
    async with asyncio.timeout(20):
        return await visit.send_on(batch)


async def test_what_the_owner_drops_waits_for_phones_and_nobody_else_can_put_it_there(home: Home) -> None:
    owner = scan(home.daemon.where.owner_url((await home.daemon.book.owner()).fragment), name="Owner")
    content = {"a.txt": b"a", "Outbox/trip/b.jpg": os.urandom(MIB), "../evil": b"evil", "outbox": b"x"}
    async with owner.visit() as visit:
        batch = await drop(visit, Batch([file_of(name, some) for name, some in content.items()]))
    assert batch.failures == {2: Reason.NAME_REFUSED}
    assert batch.names == ["Outbox/a.txt", "Outbox/Outbox (2)/trip/b.jpg", "Outbox/outbox (2)"]
    assert sorted(path.name for path in home.daemon.inbox.folder.iterdir() if path.name[0] != ".") == ["Outbox"]
    await home.on_shelf(["a.txt", "Outbox (2)", "outbox (2)"])
    phone = await home.trusted()
    async with phone.visit() as visit:
        refusal = await drop(visit, Batch([file_of("c.txt", b"c")]))
        assert (refusal.refusal, refusal.receipts) == (Reason.NOT_ALLOWED, {})
        await visit.send(Batch([file_of("Outbox/d.txt", b"d")]))
    assert (home.daemon.inbox.folder / "Outbox (2)" / "d.txt").read_bytes() == b"d"
    assert not (home.outbox / "d.txt").exists()


async def test_a_folder_in_its_way_is_said_and_mended(home: Home) -> None:
    home.outbox.rmdir()
    home.outbox.symlink_to("/tmp")
    await home.daemon.shelf.look()
    assert "Move it away" in home.daemon.problems.by_part["outbox"]
    home.outbox.unlink()
    await home.daemon.shelf.look()
    assert "outbox" not in home.daemon.problems.by_part
    assert home.outbox.is_dir()


# --- what a command offers ------------------------------------------------------------------------------------------


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
        async with asyncio.timeout(10):
            await his.until_closed()
    with pytest.raises(Exception):  # noqa: B017 -- however it is refused, its key opens nothing any more
        async with second.visit():
            pass


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
        async with asyncio.timeout(10):
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
        one = look_at(path, f"{number:032}")
        ups.begin("d" * 32, [(one, one.sources())])
    with pytest.raises(DeskRefusal):
        ups.begin("d" * 32, [(one, one.sources())])
    ups.begin("e" * 32, [(one, one.sources())])
    assert not Offered({}, 0.0, 1, None).items


async def test_codes_of_offers_end_with_the_daemon(tmp_path: Path) -> None:
    async with home_in(tmp_path) as home:
        offered = await home.offer(made(tmp_path, "a.txt", b"a"))
        assert offered.url is not None
        phone = scan(offered.url)
        async with phone.visit() as visit:
            assert isinstance(visit.hello, Hello)
    async with home_in(tmp_path) as home:
        assert home.daemon.book.register.devices() == []
        with pytest.raises(Exception):  # noqa: B017 -- however it is refused
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
