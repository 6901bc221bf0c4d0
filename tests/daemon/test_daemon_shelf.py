"""The Outbox in a composed daemon: who sees and gets what, over real WebSockets and from real files."""

import asyncio
import os
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from qrshared.daemon.compose import OWNER_HERE
from qrshared.daemon.offers import OFFERED_MAX
from qrshared.protocol import (
    SHELF_ITEMS_MAX,
    Ask,
    Done,
    Offer,
    OfferState,
    PickUp,
    PlainDownload,
    Propose,
    Reason,
    Refuse,
    ShelfList,
    Topic,
    Watch,
    Withdraw,
)
from qrshared.seal import Refused
from qrshared.sessions import Asker
from qrshared.shelf import Source, SourceUnreadable
from qrshared.tickets import Grant, Right, Road, Trust
from tests.client import Batch, Visit, file_of, scan
from tests.daemon.shelf_world import COMMAND, Home, home_in, made, pick_up, reason_of, refused, shelf_of
from tests.receiving import Pocket
from tests.waiting import until

MIB = 1024 * 1024


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
    with pytest.raises(Refused):
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


async def test_hostile_names_arrive_as_text_with_their_content(home: Home) -> None:
    names = ["a\nb", 'q"uo;te', "\u202egnp.exe", "back\\slash", "名前 🎉", "\x1b[2J", "CON", "%2e%2e", "<b>", "n" * 250]
    wild = [*names, os.fsdecode(b"\xff\xfe")]
    for name in wild:
        made(home.outbox, name, os.fsencode(name))
        made(home.outbox, f"tree/{name}/{name}", os.fsencode(name))
    items = await home.on_shelf([*names, "\ufffd\ufffd", "tree"])
    async with (await home.trusted()).visit() as visit:
        files = (await pick_up(visit, *[one.item for one in items])).files()
    assert len(files) == 2 * len(wild)
    for name in names:
        assert files[name] == files[f"tree/{name}/{name}"] == name.encode()


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
        await until(lambda: home.kept.pick_ups == ())


async def test_a_pick_up_of_something_else_by_now_is_not_taken_up_again(tmp_path: Path) -> None:
    async with home_in(tmp_path) as home:
        made(home.outbox, "tree/film.mp4", os.urandom(8 * MIB))
        (one,) = await home.on_shelf(["tree"])
        phone = await home.trusted()
        pocket = Pocket()
        async with phone.visit() as visit:
            assert await visit.ask(PickUp((one.item,))) == Done()
            await pocket.take(visit, until=lambda: pocket.arrived_bytes > MIB)
        await until(lambda: bool(home.kept.pick_ups))
    made(tmp_path / "inbox" / "Outbox", "tree/another", b"x")
    async with home_in(tmp_path) as home:
        await home.on_shelf(["tree"])
        await until(lambda: home.kept.pick_ups == ())
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
        device = home.daemon.live.devices()[0]
    home.daemon.outgoing.forget(device)
    rights = frozenset({Right.PICK_UP})
    asker = Asker(Grant(Road.HOME, rights=rights, trust=Trust.TRUSTED, device=device), device=device)
    await asyncio.gather(*(home.daemon.desk.ask(PickUp((one.item,)), asker) for _ in range(5)))
    assert len(list(home.daemon.shelf.pick_ups.moving())) == 1


async def test_what_failed_may_be_asked_for_again_while_the_rest_of_its_pick_still_comes(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(home.outbox, "film.mp4", os.urandom(24 * MIB))
    made(home.outbox, "note.txt", b"hello")
    items = {one.name: one.item for one in await home.on_shelf(["film.mp4", "note.txt"])}
    reads = Source.read

    def read(source: Source, at: int, count: int) -> bytes:
        if source.name == "note.txt":
            raise SourceUnreadable(name=source.name, problem="the disk is broken")
        return reads(source, at, count)

    async with (await home.trusted()).visit() as visit, asyncio.timeout(120):
        with monkeypatch.context() as broken:
            broken.setattr(Source, "read", read)
            assert await visit.ask(PickUp((items["film.mp4"], items["note.txt"]))) == Done()
            both = Pocket()
            await both.take(visit, until=lambda: both.arrived_bytes > MIB)
        states = {items["film.mp4"]: OfferState.MOVING, items["note.txt"]: OfferState.FAILED}
        await until(lambda: {row.item: row.state for row in home.pick_ups()} == states)
        for _ in range(2):  # the film is asked for as well, and not sent twice
            assert await visit.ask(PickUp((items["film.mp4"], items["note.txt"]))) == Done()
        moving = list(home.daemon.shelf.pick_ups.moving())
        assert [[part.item for part in one.parts] for one in moving[1:]] == [[items["note.txt"]]]
        assert moving[0].is_under_way(moving[0].parts[1])


async def test_two_taps_at_once_lose_nothing_that_only_one_of_them_names(home: Home) -> None:
    for name in ("a.bin", "b.bin", "c.bin"):
        made(home.outbox, name, os.urandom(MIB))
    a, b, c = [one.item for one in sorted(await home.on_shelf(["a.bin", "b.bin", "c.bin"]), key=lambda one: one.name)]
    async with (await home.trusted()).visit():
        device = home.daemon.live.devices()[0]
    await until(lambda: len(home.daemon.live) == 0)
    rights = frozenset({Right.PICK_UP})
    asker = Asker(Grant(Road.HOME, rights=rights, trust=Trust.TRUSTED, device=device), device=device)
    taps = [(a,), (a, b), (b, c), (c, a, b), (b,)]
    await asyncio.gather(*(home.daemon.desk.ask(PickUp(tap), asker) for tap in taps))
    moving = [part.item for one in home.daemon.shelf.pick_ups.moving() for part in one.parts]
    assert sorted(moving) == sorted([a, b, c])


async def test_a_tap_whose_session_ends_leaves_nothing_behind_that_would_be_sent_later(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(home.outbox, "a.bin", os.urandom(MIB))
    (one,) = await home.on_shelf(["a.bin"])
    begun = asyncio.Event()

    async def never() -> None:
        begun.set()
        await asyncio.Event().wait()

    phone = await home.trusted()
    with monkeypatch.context() as patch:
        patch.setattr(home.daemon.shelf, "_write_down", never)
        async with phone.visit() as visit:
            await visit.say(Ask(1, PickUp((one.item,))))
            await begun.wait()
        await until(lambda: len(home.daemon.live) == 0)
    assert home.daemon.shelf._noted == {}
    async with phone.visit() as visit:  # the same tap again brings it
        assert (await pick_up(visit, one.item)).files().keys() == {"a.bin"}


async def test_in_one_pick_small_things_come_before_big_ones(home: Home) -> None:
    made(home.outbox, "film.mp4", os.urandom(24 * MIB))
    made(home.outbox, "note.txt", b"hello")
    made(home.outbox, "trip/a-film.mp4", os.urandom(2 * MIB))
    for name in ("c.jpg", "b.jpg", "z.txt"):
        made(home.outbox, f"trip/{name}", os.urandom(1000))
    items = {one.name: one.item for one in await home.on_shelf(["film.mp4", "note.txt", "trip"])}
    async with (await home.trusted()).visit() as visit:
        pocket = await pick_up(visit, items["film.mp4"], items["trip"], items["note.txt"])
    assert list(pocket.files()) == [
        "note.txt", "trip/b.jpg", "trip/c.jpg", "trip/z.txt", "trip/a-film.mp4", "film.mp4",
    ]  # fmt: skip


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


async def test_the_outbox_moves_with_the_inbox(home: Home, tmp_path: Path) -> None:
    made(home.outbox, "old.txt", b"old")
    await home.on_shelf(["old.txt"])
    await home.daemon.inboxes.move(replace(home.daemon.settings, inbox=tmp_path / "another"))
    assert home.outbox == tmp_path / "another" / "Outbox"
    await home.on_shelf([])
    made(home.outbox, "new.txt", b"new")
    await home.on_shelf(["new.txt"])
    made(home.outbox, "newer.txt", b"newer")  # by now the watch alone tells
    await home.on_shelf(["new.txt", "newer.txt"])


def are_offered(home: Home, least: int) -> bool:
    return sum(1 for _ in home.daemon.shelf.offers.waiting()) >= least


async def test_what_commands_offer_and_the_outbox_hide_each_other_from_no_page(home: Home, tmp_path: Path) -> None:
    names = [f"{number:03}.jpg" for number in range(SHELF_ITEMS_MAX // 2 + 2)]
    for number, name in enumerate(names):
        os.utime(made(home.outbox, name, b"x"), (number, number))
    await home.on_shelf(names)
    assert "outbox" not in home.daemon.problems.by_part
    few, path = Asker(OWNER_HERE, on_control_socket=True, visit=2), made(tmp_path, "offered.bin", b"o")
    async with (await home.trusted()).visit() as visit:
        for asker, count, offered, lying in ((few, 3, 3, 130), (COMMAND, OFFERED_MAX - 3, 128, 128)):
            await home.offer(*[path] * count, asker=asker)
            await until(partial(are_offered, home, count))
            seen = [one.name for one in await shelf_of(visit)]
            assert seen == ["offered.bin"] * offered + names[::-1][:lying]
        await until(lambda: "130 things wait" in home.daemon.problems.by_part.get("outbox", ""))
        home.daemon.shelf.left(COMMAND)
        await shelf_of(visit, where=lambda told: len(told.items) == 3 + len(names))
        await until(lambda: "outbox" not in home.daemon.problems.by_part)


async def test_a_folder_in_its_way_is_said_and_mended(home: Home) -> None:
    while not home.outbox.is_symlink():  # the daemon may be just making it anew
        with suppress(FileExistsError, FileNotFoundError):
            home.outbox.rmdir()
            home.outbox.symlink_to("/tmp")
    await home.daemon.shelf.look()
    assert "Move it away" in home.daemon.problems.by_part["outbox"]
    home.outbox.unlink()
    await home.daemon.shelf.look()
    assert "outbox" not in home.daemon.problems.by_part
    assert home.outbox.is_dir()
