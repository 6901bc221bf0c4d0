"""Descriptors stay bounded, whatever a peer begins: thousands of parts, or files deep in folders of their own."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from qrshared.inbox import Inbox, store
from qrshared.inbox.commit import FOLDERS_OPEN_MAX
from qrshared.inbox.descriptors import OPEN_PARTS_MAX, affordable_parts
from qrshared.inbox.folder import Folder
from tests.adapters.inbox_world import MIB, Taps, World, begin, content_of, fill, key

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open descriptors are counted in /proc")

PARTS = 60


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 -- a count is all that is wanted


async def _begin_many(inbox: Inbox, content: bytes) -> int:
    """Begins parts and leaves each half written; returns how many descriptors that took."""
    before = open_descriptors()
    for number in range(PARTS):
        part = await begin(inbox, content, f"{number}.bin", key(number))
        await fill(part, content, upto=len(content) // 2)
    return open_descriptors() - before


async def test_thousands_of_begun_parts_take_no_more_descriptors_than_they_may(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "affordable_parts", lambda: 5)
    content = content_of(2 * MIB)
    async with world.open() as inbox:
        assert await _begin_many(inbox, content) <= 5 + 12  # threads start meanwhile
        for number in range(PARTS):
            part = await begin(inbox, content, f"{number}.bin", key(number))
            assert part.offset == len(content) // 2
            await fill(part, content)
            assert (await inbox.commit(part)).name == f"{number}.bin"
    assert world.visible() == {f"{number}.bin": content for number in range(PARTS)}


async def test_without_that_bound_each_part_keeps_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "affordable_parts", lambda: OPEN_PARTS_MAX)
    async with world.open() as inbox:
        assert await _begin_many(inbox, b"xx") >= PARTS


async def test_a_part_that_cannot_stay_open_is_flushed_before_it_is_closed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "affordable_parts", lambda: 0)
    taps = Taps()
    async with world.open() as inbox:
        part = await begin(inbox, b"xx")
        with monkeypatch.context() as patch:
            taps.install(patch)
            await part.write([b"x"])
    assert taps.calls == ["open", "write_all", "flush_data"]


async def test_files_deep_in_folders_of_their_own_are_placed_with_few_folders_open(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = 0
    enter = Folder.enter

    def counted(self: Folder, name: str) -> Folder | None:
        nonlocal most
        most = max(most, open_descriptors())
        return enter(self, name)

    monkeypatch.setattr(Folder, "enter", counted)
    names = ["/".join([f"d{number}", *"abcdefghijklmno", "f"]) for number in range(PARTS)]
    async with world.open() as inbox:
        parts = [await begin(inbox, b"", name, key(number)) for number, name in enumerate(names)]
        before = open_descriptors()
        placings = [inbox.store.finish(part.live.file) for part in parts if part.live.file is not None]
        files = [part.live.file for part in parts if part.live.file is not None]
        outcomes = inbox.store.place_group(list(zip(files, placings, strict=True)))
    assert [getattr(outcome, "name", outcome) for outcome in outcomes] == names
    assert most <= before + FOLDERS_OPEN_MAX + 2
    assert sorted(world.visible()) == sorted(names)


@pytest.mark.skipif(sys.platform == "win32", reason="descriptor limits are POSIX")
def test_parts_leave_three_quarters_of_the_descriptors_to_others() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        assert affordable_parts() == 64
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_threads_that_list_one_folder_at_the_same_time_each_see_all_of_it(tmp_path: Path) -> None:
    for n in range(300):
        (tmp_path / f"{n}.jpg").touch()
    folder = Folder.open(tmp_path)
    try:
        with ThreadPoolExecutor(8) as threads:
            seen = list(threads.map(lambda _: len(folder.names()), range(400)))
    finally:
        folder.close()
    assert seen == [300] * 400
