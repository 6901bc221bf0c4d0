"""What is more than bytes: empty folders of a tree, the sender's time, what a small text says."""

import asyncio
import ctypes
import os
import sys
from pathlib import Path

import pytest

from qrshared.errors import LocalError
from qrshared.inbox import DiskError, ItemFacts, ItemKey, NameRefused, Placed, Rung, disk, origin
from qrshared.inbox.inbox import Inbox
from qrshared.inbox.owner import BEGINNING_SHOWN, TEXT_BYTES_MAX, TEXT_SHOWN_MAX, TEXTS_MAX
from tests.adapters.inbox_world import MIB, World, content_of, fill, key, receive, sha256

EMPTY = sha256(b"")
SUMMER = 1_689_000_000_123


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def receive_folder(inbox: Inbox, name: str, at: ItemKey) -> Placed:
    return await inbox.commit(await inbox.begin(at, ItemFacts(name, 0, is_folder=True)))


def folders(world: World) -> list[str]:
    found = (path for path in world.folder.rglob("*") if path.is_dir())
    return sorted(path.relative_to(world.folder).as_posix() for path in found)


@pytest.mark.parametrize("rung", [None, *Rung])
async def test_an_empty_folder_is_placed_as_a_folder_with_a_receipt(world: World, rung: Rung | None) -> None:
    world.rung = rung
    async with world.open() as inbox:
        placed = await receive_folder(inbox, "trip/day one/nothing", key(0))
        assert await receive_folder(inbox, "trip/day one/nothing", key(0)) == placed, "the same item, the same receipt"
        await receive(inbox, b"x", "trip/day one/a.jpg", key(1))
    assert placed == Placed("trip/day one/nothing", 0, EMPTY)
    assert folders(world) == ["trip", "trip/day one", "trip/day one/nothing"]
    assert world.own_files() == []
    async with world.open() as inbox:
        assert next(one.placed for one in inbox.stored("d1", ["t1"])) == placed


async def test_a_tree_of_a_thousand_folders_arrives_with_each_of_them(world: World) -> None:
    names = [f"tree/{n % 10}/{n // 10 % 10}/leaf {n}" for n in range(1000)]
    async with world.open() as inbox:
        got = await asyncio.gather(*[receive_folder(inbox, name, key(n)) for n, name in enumerate(names)])
    assert [one.name for one in got] == names
    assert len(folders(world)) == 1 + 10 + 100 + 1000
    assert world.own_files() == []


async def test_a_file_in_the_way_of_a_folder_stays_and_the_folder_gets_a_number(world: World) -> None:
    async with world.open() as inbox:
        await receive(inbox, b"x", "trip", key(0))
        first = await receive_folder(inbox, "trip/empty", key(1))
        again = await receive_folder(inbox, "trip/empty", key(2))
        reserved = await receive_folder(inbox, "Outbox", key(3))
    assert (first.name, again.name, reserved.name) == ("trip (2)/empty", "trip (2)/empty", "Outbox (2)")
    assert world.visible() == {"trip": b"x"}


async def test_a_link_where_a_folder_should_be_is_walked_around(world: World) -> None:
    outside = world.root / "outside"
    outside.mkdir()
    world.folder.mkdir(parents=True)
    (world.folder / "trip").symlink_to(outside)
    async with world.open() as inbox:
        assert (await receive_folder(inbox, "trip", key(0))).name == "trip (2)"
        assert (await receive_folder(inbox, "trip/in", key(1))).name == "trip (2)/in"
        with pytest.raises(NameRefused):
            await receive_folder(inbox, "../out", key(2))
        with pytest.raises(LocalError):
            await inbox.begin(key(3), ItemFacts("heavy", 1, is_folder=True))
    assert list(outside.iterdir()) == []


async def test_a_folder_that_was_made_before_a_crash_is_the_same_one_afterwards(world: World) -> None:
    async with world.open() as inbox:
        await receive_folder(inbox, "a/b", key(0))
    world.journal.unlink()  # as if the record had not reached the disk
    async with world.open() as inbox:
        assert (await receive_folder(inbox, "a/b", key(0))).name == "a/b"
    assert folders(world) == ["a", "a/b"]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (SUMMER, SUMMER),
        (0, origin.EARLIEST_MS),
        (-5, origin.EARLIEST_MS),
        (2**53 - 1, 1_700_000_000_000 + origin.AHEAD_MS_MAX),
    ],
)
async def test_the_senders_time_is_kept_between_1980_and_tomorrow(world: World, said: int, kept: int) -> None:
    async with world.open() as inbox:
        part = await inbox.begin(key(), ItemFacts("photo.jpg", 3, said))
        await fill(part, b"abc")
        await inbox.commit(part)
    path = world.folder / "photo.jpg"
    assert path.stat().st_mtime_ns // 1_000_000 == kept
    assert path.read_bytes() == b"abc"
    if sys.platform == "linux":
        assert os.listxattr(path) == [], "no trace of an address that holds a secret"


async def test_a_time_that_cannot_be_set_fails_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_args: object, **_more: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "utime", refuses)
    async with world.open() as inbox:
        part = await inbox.begin(key(), ItemFacts("photo.jpg", 3, SUMMER))
        await fill(part, b"abc")
        assert (await inbox.commit(part)).name == "photo.jpg"


@pytest.mark.parametrize("size", [5, 3 * MIB])
async def test_a_receipt_says_what_was_read_back_from_the_file(
    world: World, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    flush = disk.flush_file

    def spoils(fd: int) -> None:
        flush(fd)
        os.pwrite(fd, b"!", size // 2)

    content = content_of(size)
    async with world.open() as inbox:
        part = await inbox.begin(key(), ItemFacts("photo.jpg", size))
        await fill(part, content)
        with monkeypatch.context() as broken:
            broken.setattr(disk, "flush_file", spoils)
            with pytest.raises(DiskError, match="not read back"):
                await inbox.commit(part)
        assert world.visible() == {}
        assert (await receive(inbox, content, at=key(1))).sha256 == sha256(content), "control"


async def test_without_a_time_of_its_sender_a_file_has_that_of_its_arrival(world: World) -> None:
    async with world.open() as inbox:
        await receive(inbox, b"abc")
    assert (world.folder / "photo.jpg").stat().st_mtime > 1_700_000_000


async def test_the_list_says_what_small_texts_say_and_the_beginning_of_longer_ones(world: World) -> None:
    texts = {
        "Note.txt": "Milk, 2 l\nhttps://example.org/größe".encode(),
        "most.txt": ("ü" * TEXT_SHOWN_MAX).encode(),
        "long.TXT": ("ü" * (TEXT_SHOWN_MAX + 1)).encode(),
        "huge.txt": b"x" * (TEXT_BYTES_MAX + 1),
        "latin.txt": b"gr\xfc\xdfe",
        "zero.txt": b"a\0b",
        "photo.jpg": b"hello",
    }
    async with world.open() as inbox:
        for item, (name, content) in enumerate(texts.items()):
            await receive(inbox, content, name, key(item))
        (world.folder / "link.txt").symlink_to("/etc/hostname")
        os.mkfifo(world.folder / "fifo.txt")
        said = {one.name: (one.text, one.is_cut) for one in inbox.entries(20)}
        assert inbox.text_of("../../etc/hostname") is None
        assert inbox.text_of("link.txt") is None
    assert said == {
        "Note.txt": ("Milk, 2 l\nhttps://example.org/größe", False),
        "most.txt": ("ü" * TEXT_SHOWN_MAX, False),
        "long.TXT": ("ü" * BEGINNING_SHOWN, True),
        **dict.fromkeys(["huge.txt", "latin.txt", "zero.txt", "photo.jpg"], (None, False)),
    }


async def test_a_list_looks_into_its_newest_texts_only(world: World) -> None:
    async with world.open() as inbox:
        for item in range(TEXTS_MAX + 3):
            await receive(inbox, b"said", f"{item:02}.txt", key(item))
        assert sum(one.text is not None for one in inbox.entries(100)) == TEXTS_MAX


def test_the_mark_of_macos_is_written_as_launch_services_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    set_there: list[tuple[object, ...]] = []

    class System:
        def fsetxattr(self, *said: object) -> int:
            set_there.append(said)
            return 0

    monkeypatch.setattr(ctypes, "CDLL", lambda *_args, **_more: System())
    monkeypatch.setattr(sys, "platform", "darwin")
    origin.mark_as_received(7, Path("x"), now_ms=1_700_000_000_000)
    assert set_there[0][1:3] == (b"com.apple.quarantine", b"0081;6553f100;QR Share;")


def test_the_mark_of_windows_names_no_address(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    origin.mark_as_received(7, tmp_path / "x", now_ms=0)
    assert (tmp_path / "x:Zone.Identifier").read_bytes() == b"[ZoneTransfer]\r\nZoneId=3\r\n"
