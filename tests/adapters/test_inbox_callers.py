"""Several callers at once: takeovers, cancelled callers, slow flushes, groups that share them."""

import asyncio
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from qrshared.inbox import PartTakenOver, disk
from qrshared.inbox.commit import GROUP_MAX
from tests.adapters.inbox_world import MIB, Taps, World, begin, content_of, fill, key, receive, sha256


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_a_second_sender_takes_the_part_over_and_the_first_one_is_told(world: World) -> None:
    content = content_of(3 * MIB)
    async with world.open() as inbox:
        first = await begin(inbox, content)
        await fill(first, content, upto=MIB)
        second = await begin(inbox, content)
        assert second.offset == MIB
        for attempt in (first.write([b"x"]), first.sync(), first.rewind(0), inbox.commit(first)):
            with pytest.raises(PartTakenOver):
                await attempt
        await inbox.discard(first)
        first.close()
        await fill(second, content)
        assert (await inbox.commit(second)).sha256 == sha256(content)


async def test_a_cancelled_write_finishes_before_the_next_sender_begins(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = content_of(2 * MIB)
    taps, writing, go_on = Taps(), threading.Event(), threading.Event()
    async with world.open() as inbox:
        part = await begin(inbox, content)
        taps.install(monkeypatch)

        def stand(name: str, _count: int) -> None:
            if name == "write_all" and not writing.is_set():
                writing.set()
                assert go_on.wait(10)

        taps.before = stand
        async with asyncio.TaskGroup() as tasks:
            write = tasks.create_task(part.write([content[:MIB]]))
            await asyncio.to_thread(writing.wait, 10)
            write.cancel()
            beginning = tasks.create_task(begin(inbox, content))
            await asyncio.sleep(0)
            assert not beginning.done()
            go_on.set()
        again = beginning.result()
        assert again.offset == MIB
        await fill(again, content)
        assert (await inbox.commit(again)).sha256 == sha256(content)


async def test_a_cancelled_commit_still_places_and_the_next_proposal_hears_of_it(world: World) -> None:
    content = content_of(100)
    async with world.open() as inbox:
        for cancel_after in range(8):
            at = key(cancel_after)
            part = await begin(inbox, content, f"{cancel_after}.jpg", at)
            await fill(part, content)
            async with asyncio.TaskGroup() as tasks:
                commit = tasks.create_task(inbox.commit(part))
                for _ in range(cancel_after):
                    await asyncio.sleep(0)
                commit.cancel()
            part.close()
            again = await begin(inbox, content, f"{cancel_after}.jpg", at)
            assert (await inbox.commit(again)).sha256 == sha256(content)
    assert sorted(world.visible()) == [f"{n}.jpg" for n in range(8)]


async def test_writes_go_on_while_a_slow_disk_makes_them_safe(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    content = content_of(32 * MIB)
    flushing, go_on = threading.Event(), threading.Event()
    real = disk.flush_data

    def slow(fd: int) -> None:
        flushing.set()
        assert go_on.wait(10)
        real(fd)

    async with world.open() as inbox:
        part = await begin(inbox, content)
        await fill(part, content, upto=4 * MIB)
        monkeypatch.setattr(disk, "flush_data", slow)
        async with asyncio.TaskGroup() as tasks:
            sync = tasks.create_task(part.sync())
            await asyncio.to_thread(flushing.wait, 10)
            await fill(part, content)  # all of it passes while the flush stands still
            assert not sync.done()
            go_on.set()
        assert sync.result() == 4 * MIB  # only what was written before the flush began
        assert await part.sync() == len(content)
        assert (await inbox.commit(part)).sha256 == sha256(content)


async def test_files_that_finish_together_share_the_flushes_of_journal_and_folder(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 3 * GROUP_MAX
    async with world.open() as inbox:
        parts = [await begin(inbox, b"x", f"{n}.jpg", key(n)) for n in range(count)]
        for part in parts:
            await part.write([b"x"])
        taps = Taps()
        taps.install(monkeypatch)
        await asyncio.gather(*[inbox.commit(part) for part in parts])
        calls = Counter(taps.calls)
    assert calls["flush_file"] == count
    assert calls["rename_to_free"] == count
    assert calls["flush_folder"] == calls["flush_data"] <= count // 4
    assert len(world.visible()) == count


async def test_the_receipt_comes_after_file_journal_name_and_folder_in_this_order(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world.open() as inbox:
        part = await begin(inbox, b"x")
        await part.write([b"x"])
        taps = Taps()
        taps.install(monkeypatch)
        await inbox.commit(part)
        steps = [call for call in taps.calls if call.startswith(("flush", "rename", "write"))]
    assert steps == ["flush_file", "write_all", "flush_data", "rename_to_free", "flush_folder", "write_all"]


async def test_small_files_arrive_by_the_hundred_in_a_second(world: World) -> None:
    count, content = 1_000, content_of(20_000)
    turn = asyncio.Semaphore(64)

    async def one(item: int) -> None:
        async with turn:
            await receive(inbox, content, f"{item}.jpg", key(item))

    async with world.open() as inbox:
        started = time.monotonic()
        await asyncio.gather(*map(one, range(count)))
        seconds = time.monotonic() - started
    assert len(world.visible()) == count
    assert count / seconds > 100, f"{count / seconds:.0f} files a second"  # 900 alone on two cores; CI may be slow


async def test_a_write_that_queued_behind_a_rewind_still_gives_the_right_hash(world: World) -> None:
    content = content_of(4 * MIB)
    async with world.open() as inbox:
        part = await begin(inbox, content)
        await fill(part, content, upto=3 * MIB)
        await asyncio.gather(part.rewind(MIB), part.write([content[MIB : 2 * MIB]]))
        await fill(part, content)
        assert (await inbox.commit(part)).sha256 == sha256(content)
    assert world.visible() == {"photo.jpg": content}
