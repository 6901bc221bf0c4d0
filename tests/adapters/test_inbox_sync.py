"""A sync that comes while its item is being placed, or after: the file has left its old name, and nothing is wrong."""

import asyncio
import threading
from pathlib import Path

import pytest

from tests.adapters.inbox_world import MIB, Taps, World, begin, content_of, fill


async def test_a_sync_beside_a_placement_finds_nothing_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world, taps = World(tmp_path), Taps()
    renamed, go_on = threading.Event(), threading.Event()
    content = content_of(2 * MIB)

    def hold(call: str, _count: int) -> None:
        if call == "flush_folder":
            renamed.set()
            go_on.wait(10)

    async with world.open() as inbox:
        part = await begin(inbox, content)
        await fill(part, content)
        taps.before = hold
        taps.install(monkeypatch)
        async with asyncio.TaskGroup() as tasks:
            commit = tasks.create_task(inbox.commit(part))
            await asyncio.to_thread(renamed.wait, 10)
            try:
                assert world.own_files() == []
                assert await part.sync() <= len(content)
            finally:
                go_on.set()
        assert (await commit).size == len(content)
        assert await part.sync() == len(content)
