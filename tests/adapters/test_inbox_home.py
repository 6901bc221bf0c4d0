"""The folder itself: one daemon an inbox; deleted, moved, replaced while it runs; what is left over, and how long."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from qrshared.inbox import (
    Inbox,
    InboxGone,
    InboxInOutbox,
    InboxInUse,
    InboxNoFolder,
    InboxNoParent,
    InboxUnwritable,
    ItemFacts,
    LockInTheWay,
)
from qrshared.inbox.janitor import part_name, run_prefix
from qrshared.inbox.ledger import KEPT_DAYS
from tests.adapters.inbox_world import MIB, World, begin, content_of, fill, key, listing, receive, sha256


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


# --- one daemon an inbox ----------------------------------------------------------------------------------------------


async def test_a_second_daemon_hears_who_receives_here_already(world: World) -> None:
    second = World(world.root)
    async with world.open() as inbox:
        inbox.announce("http://192.168.1.7:7774/")
        with pytest.raises(InboxInUse) as caught:
            await second.open().__aenter__()
        assert f"process {os.getpid()} http://192.168.1.7:7774/" in caught.value.sentence
        assert caught.value.exit_code == 1
    async with second.open():
        pass


async def test_another_data_folder_does_not_get_around_the_lock(world: World) -> None:
    async with world.open():
        command = [sys.executable, "-m", "tests.adapters.inbox_child", str(world.folder), str(world.root / "d2"), "a"]
        child = subprocess.run(command, input=b"x", capture_output=True, check=False, cwd=Path(__file__).parents[2])  # noqa: ASYNC221 -- nothing else runs
        assert b"InboxInUse" in child.stderr
    assert world.visible() == {}


async def test_the_lock_ends_with_its_process_and_needs_no_clean_end(world: World) -> None:
    world.folder.mkdir(parents=True)
    (world.folder / ".qrshared-lock").write_text("garbage")
    async with world.open() as inbox:
        await receive(inbox, b"x")


@pytest.mark.parametrize("planted", ["hard link", "symlink", "folder"])
async def test_what_somebody_planted_in_the_place_of_the_lock_is_never_written_to(world: World, planted: str) -> None:
    world.folder.mkdir(parents=True)
    precious, lock = world.root / "precious", world.folder / ".qrshared-lock"
    precious.write_text("precious")
    match planted:
        case "hard link":
            lock.hardlink_to(precious)
        case "symlink":
            lock.symlink_to(precious)
        case _:
            lock.mkdir()
    with pytest.raises(LockInTheWay) as caught:
        await world.open().__aenter__()
    assert str(lock) in caught.value.sentence
    assert precious.read_text() == "precious"


# --- where the inbox is -----------------------------------------------------------------------------------------------


async def test_the_folder_is_made_but_not_the_one_above_it(world: World) -> None:
    async with world.open():
        assert world.folder.is_dir()
    missing = world.root / "unplugged" / "QRShare"
    with pytest.raises(InboxNoParent, match=f"There is no folder {missing.parent}. Make it first"):
        await Inbox.open(missing, world.data_dir).__aenter__()
    assert not missing.parent.exists()


@pytest.mark.parametrize("below", ["Outbox", "oUTBOX", "\uff2futbox", "Outbox/holiday", "link", "link/deeper"])
async def test_what_waits_for_phones_is_no_place_to_receive_into(world: World, below: str) -> None:
    async with world.open():
        wanted = world.folder / below
        (world.folder / "Outbox" / "holiday").mkdir(parents=True)
        (world.folder / "link").symlink_to(world.folder / "Outbox" / "holiday")
        with pytest.raises(InboxInOutbox, match="waits for phones"):
            await Inbox.open(wanted, world.data_dir).__aenter__()
        assert not wanted.exists() or not list(wanted.glob(".qrshared-lock"))


async def test_a_folder_called_outbox_elsewhere_is_a_folder(world: World) -> None:
    async with Inbox.open(world.root / "Outbox", world.data_dir) as inbox:
        await receive(inbox, b"x")


async def test_an_inbox_that_is_a_link_is_resolved_once(world: World) -> None:
    real = world.root / "disk" / "Files"
    real.mkdir(parents=True)
    world.folder.parent.mkdir()
    world.folder.symlink_to(real)
    async with world.open() as inbox:
        assert inbox.folder == real
        await receive(inbox, b"x")
    assert (real / "photo.jpg").read_bytes() == b"x"


async def test_a_file_in_the_place_of_the_folder_is_left_alone(world: World) -> None:
    world.folder.parent.mkdir()
    world.folder.write_bytes(b"mine")
    with pytest.raises(InboxNoFolder, match="is a file, and the inbox must be a folder"):
        await world.open().__aenter__()
    assert world.folder.read_bytes() == b"mine"


async def test_no_receipt_when_the_folder_was_deleted_and_the_next_try_finds_a_new_one(world: World) -> None:
    content = content_of(3 * MIB)
    async with world.open() as inbox:
        part = await begin(inbox, content)
        await fill(part, content)
        shutil.rmtree(world.folder)
        with pytest.raises(InboxGone):
            await inbox.commit(part)
        part.close()
        again = await begin(inbox, content)
        assert again.offset == 0
        await fill(again, content)
        assert (await inbox.commit(again)).sha256 == sha256(content)
        assert world.visible() == {"photo.jpg": content}
        with pytest.raises(InboxInUse):
            await World(world.root).open().__aenter__()


async def test_no_receipt_for_a_file_that_went_with_the_moved_folder(world: World) -> None:
    async with world.open() as inbox:
        part = await begin(inbox, b"x")
        await fill(part, b"x")
        world.folder.rename(world.root / "moved")
        with pytest.raises(InboxGone):
            await inbox.commit(part)
        assert not inbox.is_there()
        assert (await receive(inbox, b"x")).name == "photo.jpg"
        assert inbox.is_there()
    assert world.visible() == {"photo.jpg": b"x"}
    assert [name for name in listing(world.root / "moved") if not name.startswith(".")] == []


async def test_a_folder_moved_away_during_the_placement_gets_no_receipt_either(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qrshared.inbox.folder import Folder
    from qrshared.inbox.place import Ladder

    real = Ladder.place

    async with world.open() as inbox:
        part = await begin(inbox, b"x")
        await fill(part, b"x")

        def place_and_move(ladder: Ladder, source: Folder, part: str, target: Folder, name: str) -> None:
            real(ladder, source, part, target, name)
            world.folder.rename(world.root / "moved")

        with monkeypatch.context() as patch:
            patch.setattr(Ladder, "place", place_and_move)
            with pytest.raises(InboxGone):
                await inbox.commit(part)
        assert (await receive(inbox, b"x")).name == "photo.jpg"
    assert world.visible() == {"photo.jpg": b"x"}


@pytest.mark.parametrize("replacement", ["link", "dangling link", "file"])
async def test_a_folder_replaced_by_something_else_is_never_followed(world: World, replacement: str) -> None:
    outside = world.root / "outside"
    outside.mkdir()
    async with world.open() as inbox:
        part = await begin(inbox, b"x")
        await fill(part, b"x")
        world.folder.rename(world.root / "moved")
        match replacement:
            case "link":
                world.folder.symlink_to(outside)
            case "dangling link":
                world.folder.symlink_to(world.root / "nowhere")
            case "file":
                world.folder.touch()
        for _ in range(2):
            with pytest.raises(InboxGone):
                await inbox.commit(part)
            with pytest.raises(InboxGone):
                await inbox.begin(key(2), ItemFacts("a", 1))
        assert listing(outside) == []
        world.folder.unlink()
        await receive(inbox, b"y")
    assert world.visible() == {"photo.jpg": b"y"}


async def test_an_unplugged_disk_is_not_replaced_by_its_empty_mount_point(world: World) -> None:
    """The folder above is another one now, so nothing is made in it."""
    async with world.open() as inbox:
        world.folder.parent.rename(world.root / "unplugged")
        world.folder.parent.mkdir()
        with pytest.raises(InboxGone):
            await receive(inbox, b"x")
        assert listing(world.folder.parent) == []
        world.folder.parent.rmdir()
        (world.root / "unplugged").rename(world.folder.parent)
        await receive(inbox, b"x")
    assert world.visible() == {"photo.jpg": b"x"}


async def test_a_folder_nobody_may_write_to_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    world.folder.mkdir(parents=True)
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(InboxUnwritable, match=str(world.folder)):
        await world.open().__aenter__()


# --- what is left over ------------------------------------------------------------------------------------------------


async def test_only_parts_that_our_own_journal_knows_are_removed(world: World) -> None:
    async with world.open() as inbox:
        part = await begin(inbox, content_of(5000))
        await part.write([b"x" * 100])
        ours = world.own_files()[0]
    foreign = [part_name(run_prefix("0123456789ab")), ".qrshared-notes", ours.replace(".part", ".txt"), ours + "x"]
    for name in foreign:
        (world.folder / name).write_bytes(b"not ours")
    async with world.open():
        assert set(foreign) < set(listing(world.folder))
        assert ours not in listing(world.folder)


async def test_a_part_is_kept_for_seven_days_on_which_the_daemon_ran_and_then_goes(world: World) -> None:
    content = content_of(3 * MIB)
    async with world.open() as inbox:
        part = await begin(inbox, content)
        await fill(part, content, upto=2 * MIB)
        await part.sync()
    for _ in range(KEPT_DAYS):
        world.clock.days(1)
        async with world.open() as inbox:
            assert len(inbox.unfinished("d1")) == 1
    world.clock.days(1)
    async with world.open() as inbox:
        assert inbox.unfinished("d1") == []
        assert world.own_files() == []


@pytest.mark.parametrize("jump", [365.0, -365.0])
async def test_a_clock_that_jumps_by_a_year_costs_no_part_and_no_receipt(world: World, jump: float) -> None:
    content = content_of(3 * MIB)
    async with world.open() as inbox:
        await receive(inbox, b"x", "a.jpg", key(1))
        part = await begin(inbox, content)
        await fill(part, content, upto=2 * MIB)
        await part.sync()
    world.clock.days(jump)
    async with world.open() as inbox:
        assert sorted(one.offset for one in inbox.stored("d1", ["t1"])) == [1, 2 * MIB]


async def test_receipts_are_kept_for_seven_days_and_then_forgotten(world: World) -> None:
    async with world.open() as inbox:
        await receive(inbox, b"x")
        for day in range(KEPT_DAYS + 1):
            assert len(inbox.stored("d1", ["t1"])) == 1, day
            world.clock.days(1)
            await inbox.tidy()
        assert inbox.stored("d1", ["t1"]) == []
    assert world.visible() == {"photo.jpg": b"x"}


async def test_a_daemon_that_never_restarts_tidies_up_too(world: World) -> None:
    async with world.open() as inbox:
        left = await begin(inbox, content_of(5000))
        await left.write([b"x"])
        left.close()
        held = await inbox.begin(key(2), ItemFacts("held", 2))
        for _ in range(KEPT_DAYS + 1):
            world.clock.days(1)
            await inbox.tidy()
        await inbox.tidy()  # an hour later; the one before has noticed the day
        assert [one.key for one in inbox.unfinished("d1")] == [key(2)]
        assert len(world.own_files()) == 1
        await held.write([b"ab"])
        await inbox.commit(held)


async def test_a_large_part_in_use_outlives_the_seven_days(world: World) -> None:
    content = content_of(3 * MIB)
    async with world.open() as inbox:
        part = await begin(inbox, content)
        await fill(part, content, upto=2 * MIB)
        for _ in range(KEPT_DAYS + 2):
            world.clock.days(1)
            await inbox.tidy()
        await fill(part, content)
        assert (await inbox.commit(part)).sha256 == sha256(content)
