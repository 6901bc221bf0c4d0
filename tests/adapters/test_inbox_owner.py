"""The owner's list: look, rename, bin, and hear what changes, whoever did it."""

import asyncio
import os
import shutil
import time
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from qrshared.inbox import BLOCK_BYTES, Change, EntryMissing, Inbox, NameRefused, Placed, Rung, owner
from qrshared.inbox.watch import RETRY_S, watch_names
from tests.adapters.inbox_world import World, content_of, listing, receive


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    def no_bin(_path: str) -> None:
        raise OSError("no bin here")

    monkeypatch.setattr(owner, "send2trash", no_bin)
    return World(tmp_path)


def put(world: World, name: str, content: bytes = b"x", *, at: int = 0) -> None:
    path = world.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (at, at))


async def test_the_list_is_newest_first_and_shows_neither_ours_nor_hidden_nor_the_outbox(world: World) -> None:
    for at, name in enumerate(["a.jpg", "b.jpg", ".hidden", ".qrshared-x", "OUTBOX/offered.txt", "trip/c.jpg"]):
        put(world, name, b"x" * at, at=at)
    (world.folder / "link").symlink_to("/etc/hostname")
    os.utime(world.folder / "trip", (99, 99))
    async with world.open() as inbox:
        assert [(one.name, one.size, one.is_folder) for one in inbox.entries(10)] == [
            ("trip", 0, True), ("b.jpg", 1, False), ("a.jpg", 0, False),
        ]  # fmt: skip
        assert abs(inbox.entries(1)[0].arrived_ms / 1000 - time.time()) < 60, (
            "the time of its content is not its arrival"
        )
        assert inbox.count() == 4  # the link counts as a name


@pytest.mark.parametrize("rung", Rung, ids=lambda rung: rung.name.lower())
async def test_a_rename_takes_a_safe_free_name(world: World, rung: Rung) -> None:
    world.rung = rung
    for name in ("a.jpg", "b.jpg", "trip/c.jpg"):
        put(world, name, name.encode())
    async with world.open() as inbox:
        assert await inbox.rename("a.jpg", "b.jpg") == "b (2).jpg"
        assert await inbox.rename("b.jpg", "../../c:*.lnk") == "c__.lnk.download"
        assert await inbox.rename("trip/c.jpg", "d.jpg") == "trip/d.jpg"
        assert await inbox.rename("trip", "holiday") == "holiday"
        assert await inbox.rename("holiday", "holiday") == "holiday"
    assert world.visible() == {"b (2).jpg": b"a.jpg", "c__.lnk.download": b"b.jpg", "holiday/d.jpg": b"trip/c.jpg"}


@pytest.mark.parametrize("name", ["", "..", "../x", "/etc/passwd", "a//b", "./a", ".qrshared-lock", "Outbox", "a\0b"])
async def test_names_that_are_not_entries_are_refused(world: World, name: str) -> None:
    put(world, "Outbox/x")
    async with world.open() as inbox:
        for deed in (inbox.rename(name, "y"), inbox.bin(name)):
            with pytest.raises(NameRefused):
                await deed
        with pytest.raises(EntryMissing):
            await inbox.rename("missing.jpg", "y")
        with pytest.raises(EntryMissing):
            await inbox.bin("missing/x.jpg")


async def test_nothing_can_be_renamed_to_the_outbox_or_through_a_link(world: World) -> None:
    outside = world.root / "outside"
    outside.mkdir()
    (outside / "x").touch()
    put(world, "a.jpg")
    (world.folder / "link").symlink_to(outside)
    async with world.open() as inbox:
        with pytest.raises(NameRefused):
            await inbox.rename("a.jpg", "outBOX")
        for deed in (inbox.rename("link/x", "y"), inbox.bin("link/x")):
            with pytest.raises(EntryMissing):
                await deed
        await inbox.bin("link")
    assert listing(outside) == ["x"]


@pytest.mark.parametrize("rung", Rung, ids=lambda rung: rung.name.lower())
async def test_without_a_bin_of_the_computer_things_are_kept_in_a_hidden_folder(world: World, rung: Rung) -> None:
    world.rung = rung
    async with world.open() as inbox:
        for content in (b"1", b"2"):
            put(world, "a.jpg", content)
            assert await inbox.bin("a.jpg") == owner.BIN_NAME
        put(world, "trip/b.jpg")
        await inbox.bin("trip")
        assert inbox.entries(10) == []
    kept = world.folder / owner.BIN_NAME
    assert sorted(path.relative_to(kept).as_posix() for path in kept.rglob("*") if path.is_file()) == [
        "a (2).jpg", "a.jpg", "trip/b.jpg",
    ]  # fmt: skip


async def test_the_computer_s_bin_gets_the_path_of_the_entry(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    binned: list[str] = []
    monkeypatch.setattr(owner, "send2trash", binned.append)
    put(world, "trip/a.jpg")
    async with world.open() as inbox:
        assert await inbox.bin("trip/a.jpg") == "bin"
    assert binned == [str(world.folder / "trip" / "a.jpg")]


async def test_a_placed_item_proves_itself_until_it_changes(world: World) -> None:
    import hashlib

    content = content_of(BLOCK_BYTES + 1000)
    async with world.open() as inbox:
        placed = await receive(inbox, content)
        last = hashlib.blake2b(content[BLOCK_BYTES:], digest_size=32).digest()
        assert await inbox.placed_digest(placed, 1) == last
        for wrong, index in ((placed, 2), (placed, -1), (Placed(placed.name, 5, ""), 0), (Placed("no", 5, ""), 0)):
            with pytest.raises(EntryMissing):
                await inbox.placed_digest(wrong, index)


# --- watching ---------------------------------------------------------------------------------------------------------


class Heard:
    """Collects what the watch tells until a test has seen enough."""

    def __init__(self, inbox: Inbox) -> None:
        self.changes: list[Change] = []
        self._iterator = inbox.changes()

    async def until(self, change: Change, deed: Callable[[], object]) -> None:
        """Does it again and again (the watch needs a moment to begin) until it is told."""
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            doing = tasks.create_task(self._repeat(deed))
            async for batch in self._iterator:
                self.changes += batch
                if change in self.changes:
                    break
            doing.cancel()

    @staticmethod
    async def _repeat(deed: Callable[[], object]) -> None:
        while True:
            deed()
            await asyncio.sleep(0.05)


async def test_what_appears_and_vanishes_is_told_whoever_did_it(world: World) -> None:
    async with world.open() as inbox:
        heard = Heard(inbox)
        await heard.until(Change("by-hand.txt", appeared=True), lambda: put(world, "by-hand.txt"))
        (world.folder / ".hidden").touch()
        placed = await receive(inbox, b"x")
        await heard.until(Change(placed.name, appeared=True), lambda: None)
        (world.folder / "by-hand.txt").unlink()
        await heard.until(Change("by-hand.txt", appeared=False), lambda: None)
    assert {one.name for one in heard.changes} == {"by-hand.txt", "photo.jpg"}


async def test_a_folder_that_vanishes_is_watched_again_when_it_is_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert RETRY_S > 1
    monkeypatch.setattr("qrshared.inbox.watch.RETRY_S", 0.05)
    folder = world.root / "watched"

    def make(name: str) -> None:
        folder.mkdir(exist_ok=True)
        (folder / name).write_text("x")

    async def wait_for(change: Change, deed: Callable[[], None]) -> None:
        async with asyncio.TaskGroup() as tasks:
            doing = tasks.create_task(Heard._repeat(deed))
            async for batch in names:
                if change in batch:
                    break
            doing.cancel()

    async with asyncio.timeout(60), aclosing(watch_names(lambda: folder)) as names:
        await wait_for(Change("a.txt", appeared=True), lambda: make("a.txt"))
        shutil.rmtree(folder)
        await wait_for(Change("b.txt", appeared=True), lambda: make("b.txt"))


async def test_a_name_that_is_no_text_does_not_end_the_watch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qrshared.inbox.watch.RETRY_S", 0.05)
    wild = world.folder / os.fsdecode(b"no-\xff-text")
    async with world.open() as inbox:
        heard = Heard(inbox)
        await heard.until(Change(wild.name, appeared=True), lambda: wild.write_text("x"))
        await heard.until(Change("after.txt", appeared=True), lambda: put(world, "after.txt"))
