"""Disks that fail: each failure is the right error, no receipt is given, and the next file works."""

import asyncio
import errno
import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qrshared.inbox import (
    DiskError,
    InboxError,
    InboxUnwritable,
    ItemFacts,
    NoSpace,
    Room,
    disk,
)
from qrshared.inbox.part import ALLOCATE_ABOVE_BYTES, CHECK_BYTES
from qrshared.inbox.reserve import RESERVE_BYTES, RESERVE_SHARE
from tests.adapters.inbox_world import MIB, World, begin, content_of, fill, key, receive, sha256


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def fail(number: int, *, when: Callable[[str], bool] = lambda _: True) -> Callable[..., None]:
    """A system call that fails with this number."""

    def call(*arguments: object) -> None:
        if when(str(arguments)):
            raise OSError(number, os.strerror(number))

    return call


ERRORS = [
    ("write_all", errno.ENOSPC, NoSpace),
    ("write_all", errno.EDQUOT, NoSpace),
    ("write_all", errno.EIO, DiskError),
    ("flush_file", errno.EIO, DiskError),
    ("flush_file", errno.ENOSPC, NoSpace),
    ("rename_to_free", errno.EIO, DiskError),
    ("rename_to_free", errno.EROFS, InboxUnwritable),
    ("rename_to_free", errno.ENOSPC, NoSpace),
    ("flush_folder", errno.EIO, DiskError),
]


@pytest.mark.parametrize(("call", "number", "error"), ERRORS, ids=lambda value: getattr(value, "__name__", str(value)))
async def test_a_failing_disk_gives_the_right_error_and_the_next_try_works(
    world: World, monkeypatch: pytest.MonkeyPatch, call: str, number: int, error: type[InboxError]
) -> None:
    content = content_of(100_000)
    async with world.open() as inbox:
        with monkeypatch.context() as patch:
            patch.setattr(disk, call, fail(number))
            with pytest.raises(error) as caught:
                await receive(inbox, content)
            assert caught.value.sentence.count("{") == 0
        if call != "flush_folder":
            assert world.visible() == {}
        placed = await receive(inbox, content)
        assert sha256(world.visible()[placed.name]) == placed.sha256 == sha256(content)
    assert world.own_files() == []


@pytest.mark.parametrize("step", ["sync", "commit"])
async def test_a_part_whose_flush_failed_is_thrown_away_and_begun_anew(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The kernel may have dropped the pages: a second flush would succeed and prove nothing."""
    content = content_of(3 * MIB)
    async with world.open() as inbox:
        part = await begin(inbox, content)
        await fill(part, content)
        with monkeypatch.context() as patch:
            patch.setattr(disk, "flush_data", fail(errno.EIO))
            patch.setattr(disk, "flush_file", fail(errno.EIO))
            with pytest.raises(DiskError):
                await (part.sync() if step == "sync" else inbox.commit(part))
        assert (inbox.unfinished("d1"), world.own_files()) == ([], [])
        again = await begin(inbox, content)
        assert again.offset == 0
        await fill(again, content)
        assert (await inbox.commit(again)).sha256 == sha256(content)


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
async def test_a_file_system_that_cannot_flush_folders_is_tolerated_and_named_once(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    real = os.fsync

    def fsync(fd: int) -> None:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(number, os.strerror(number))
        real(fd)

    disk._say_weak_once.cache_clear()
    monkeypatch.setattr(os, "fsync", fsync)
    async with world.open() as inbox:
        for item in range(3):
            await receive(inbox, b"x", at=key(item))
    assert len(world.visible()) == 3
    assert [record.message for record in caplog.records].count(
        "this file system cannot flush folders: a power cut may take back the newest names"
    ) == 1


async def test_a_failing_journal_flush_writes_the_journal_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    failures: list[int] = []

    def once(fd: int) -> None:
        if not failures:
            failures.append(fd)
            raise OSError(errno.EIO, "Input/output error")
        os.fdatasync(fd)

    async with world.open() as inbox:
        part = await begin(inbox, b"x")
        await part.write([b"x"])
        before = world.journal.stat().st_ino
        monkeypatch.setattr(disk, "flush_data", once)
        placed = await inbox.commit(part)
        assert world.journal.stat().st_ino != before
    async with world.open() as inbox:
        assert [one.placed for one in inbox.stored("d1", ["t1"])] == [placed]


async def test_no_receipt_without_a_durable_journal(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world.open() as inbox:
        part = await begin(inbox, b"x")
        await part.write([b"x"])
        with monkeypatch.context() as patch:
            patch.setattr(disk, "flush_data", fail(errno.EIO))
            patch.setattr(disk, "flush_file", fail(errno.EIO))
            part2 = await begin(inbox, b"y", at=key(2))
            await part2.write([b"y"])
            for one in (part, part2):
                with pytest.raises(InboxError):
                    await inbox.commit(one)
        assert world.visible() == {}


async def test_short_writes_are_completed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.writev

    def stingy(fd: int, buffers: list[memoryview]) -> int:
        return real(fd, [buffers[0][:1000]])

    monkeypatch.setattr(os, "writev", stingy)
    content = content_of(200_000)
    async with world.open() as inbox:
        assert (await receive(inbox, content)).sha256 == sha256(content)
    assert world.visible() == {"photo.jpg": content}


# --- room -------------------------------------------------------------------------------------------------------------


async def test_a_file_that_would_eat_the_reserve_is_refused_before_it_begins(world: World) -> None:
    world.reserve_bytes = 2**60
    async with world.open() as inbox:
        assert not inbox.room().fits(1)
        with pytest.raises(NoSpace) as caught:
            await inbox.begin(key(), ItemFacts("a", 1))
        assert (caught.value.needed, caught.value.free) == (1, 0)
    assert world.own_files() == []


def test_the_reserve_is_the_smaller_of_a_size_and_a_share(tmp_path: Path) -> None:
    from qrshared.inbox.folder import Folder
    from qrshared.inbox.reserve import room_of

    folder = Folder.open(tmp_path)
    total = os.statvfs(tmp_path).f_blocks * os.statvfs(tmp_path).f_frsize
    room = room_of(folder, reserve_bytes=None)
    assert room.reserve == min(RESERVE_BYTES, int(total * RESERVE_SHARE))
    assert room_of(folder, reserve_bytes=None, promised=1 << 60).free == 0
    assert (Room(10, 4).fits(6), Room(10, 4).fits(7)) == (True, False)


async def test_what_others_were_promised_is_not_promised_twice(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "allocate", lambda _fd, _size: False)  # as on exFAT
    async with world.open() as inbox:
        free = inbox.room().free
        await inbox.begin(key(1), ItemFacts("a", free * 6 // 10))
        with pytest.raises(NoSpace):
            await inbox.begin(key(2), ItemFacts("b", free * 6 // 10))
        assert inbox.room().free < free // 2


async def test_a_disk_that_fills_up_under_way_is_noticed_every_64_mib(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "allocate", lambda _fd, _size: False)
    piece = bytes(MIB)
    async with world.open() as inbox:
        part = await inbox.begin(key(), ItemFacts("a", 2 * CHECK_BYTES))
        inbox.store._reserve_bytes = 2**60
        while part.offset < CHECK_BYTES - MIB:
            await part.write([piece])
        with pytest.raises(NoSpace):
            await part.write([piece])
        inbox.store._reserve_bytes = 0
        assert await part.write([piece]) == CHECK_BYTES


async def test_a_large_file_gets_its_space_at_once_and_gives_it_back_when_its_sender_leaves(world: World) -> None:
    async with world.open() as inbox:
        part = await inbox.begin(key(), ItemFacts("a", ALLOCATE_ABOVE_BYTES * 2))
        path = world.folder / world.own_files()[0]
        if path.stat().st_blocks == 0:
            pytest.skip("this file system cannot allocate ahead")
        assert path.stat().st_size == 0
        await part.write([b"x" * 1000])
        part.close()
        again = await inbox.begin(key(2), ItemFacts("b", 1))
        async with asyncio.timeout(60):
            while path.stat().st_blocks > 64:
                await again.sync()
        assert path.stat().st_size == 1000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 4 MiB."""
    mount = tmp_path / "home"
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(mount)], check=True)
    yield mount
    subprocess.run(["umount", "-l", str(mount)], check=True)


@pytest.mark.needs("root")
async def test_a_really_full_disk_keeps_the_part_and_goes_on_when_there_is_room(world: World, small_disk: Path) -> None:
    content = content_of(3 * MIB)
    async with world.open() as inbox:
        part = await begin(inbox, content)
        (small_disk / "other").write_bytes(bytes(3 * MIB))
        with pytest.raises(NoSpace) as caught:
            await fill(part, content)
        assert 0 < caught.value.needed <= len(content)
        with pytest.raises(NoSpace):
            await receive(inbox, content, "second.jpg", key(2))
        (small_disk / "other").unlink()
        await fill(part, content)
        assert (await inbox.commit(part)).sha256 == sha256(content)
    assert world.visible() == {"photo.jpg": content}


async def test_a_disk_that_turns_read_only_refuses_and_recovers(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def read_only(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if flags & os.O_CREAT:
            raise OSError(errno.EROFS, "Read-only file system")
        return real(path, flags, mode, dir_fd=dir_fd)

    async with world.open() as inbox:
        await receive(inbox, b"one", "one.jpg", key(1))
        with monkeypatch.context() as patch:
            patch.setattr(os, "open", read_only)
            with pytest.raises(InboxUnwritable):
                await receive(inbox, b"two", "two.jpg", key(2))
        await receive(inbox, b"two", "two.jpg", key(2))
    assert world.visible() == {"one.jpg": b"one", "two.jpg": b"two"}


@pytest.mark.needs("root")
async def test_an_inbox_on_a_read_only_disk_is_not_opened(world: World, small_disk: Path) -> None:
    world.folder.mkdir()
    await asyncio.to_thread(subprocess.run, ["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(InboxUnwritable):
        await world.open().__aenter__()
