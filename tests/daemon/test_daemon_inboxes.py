"""The inbox of a running daemon is moved: what lands where, what still ends in the old one, and what is refused."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.adapters.inbox_world import MIB
from tests.client import Batch, File, Repeated, scan
from tests.daemon.test_daemon_composed import RUN, Kept
from tests.daemon.test_daemon_settings import House, house_in
from tests.waiting import until


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setenv("HOME", str(tmp_path))
    async with house_in(tmp_path, f'inbox = "{tmp_path}/in"\n') as made:
        yield made


async def test_files_land_in_the_new_inbox_and_those_before_stay(house: House, tmp_path: Path) -> None:
    await house.send("before.bin")
    await house.change("inbox", str(tmp_path / "other"))
    await house.send("after.bin")
    assert (tmp_path / "in" / "before.bin").is_file()
    assert (tmp_path / "other" / "after.bin").is_file()
    assert not (tmp_path / "in" / "after.bin").exists()
    assert (await house.status()).inbox == str(tmp_path / "other")
    await house.change("inbox", str(tmp_path / "in"))  # back again, while the first one is still held
    await house.send("again.bin")
    assert (tmp_path / "in" / "again.bin").is_file()


async def test_what_waits_in_the_old_outbox_is_told_of_until_nothing_does(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RUN, "ROUND_EVERY_S", 0.05)
    old = tmp_path / "in" / "Outbox"
    for name in ("film.mp4", "holiday", ".hidden"):
        (old / name).mkdir(parents=True)

    async def told() -> list[str]:
        return [one for one in (await house.status()).problems if "old Outbox" in one]

    async with Kept(house.daemon):
        assert await told() == []
        await house.change("inbox", str(tmp_path / "other"))
        (sentence,) = await told()
        assert sentence.startswith(f"2 things wait in the old Outbox, {old}, and are not offered any more.")
        await house.change("inbox", str(tmp_path / "in"))
        assert await told() == [], "they are offered again"
        await house.change("inbox", str(tmp_path / "other"))
        (old / "film.mp4").rmdir()
        (old / "holiday").rmdir()

        async def is_quiet() -> bool:
            return not await told()

        await until(is_quiet)


async def test_a_transfer_that_is_under_way_ends_where_it_began_and_then_that_folder_is_let_go(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qrshared.daemon.inboxes.LOOK_EVERY_S", 0.01)
    size = 64 * MIB
    batch = Batch([File("long.bin", Repeated(size))])
    url = house.daemon.where.code_url(house.daemon.book.wall_ticket().fragment)
    async with scan(url).visit() as visit, asyncio.TaskGroup() as tasks:
        letting_go = tasks.create_task(house.daemon.inboxes.let_go())
        await visit.send(batch, until=lambda: batch.sent_bytes > size // 8)
        before = house.daemon.inbox
        await house.change("inbox", str(tmp_path / "other"))
        assert house.daemon.inbox is not before
        await visit.send_on(batch)
        await until(lambda: not house.daemon.inboxes._earlier)
        letting_go.cancel()
    assert (tmp_path / "in" / "long.bin").stat().st_size == size
    assert not (tmp_path / "other" / "long.bin").exists()


async def test_an_inbox_that_cannot_be_used_is_refused_and_nothing_changes(house: House, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    far, outbox = tmp_path / "no" / "such", tmp_path / "in" / "Outbox"
    outbox.mkdir(exist_ok=True)
    for wrong, why in {
        str(tmp_path / "file"): "is a file, and the inbox must be a folder",
        str(far / "place"): f"There is no folder {far}. Make it first",
        "relative/place": "must be a path that begins with ~/ or /",
        str(outbox): "waits for phones",
        "~/in/Outbox/deeper": "waits for phones",
        "": "Something is needed here: the path of a folder.",
    }.items():
        assert why in await house.refused("inbox", wrong)
    assert (await house.status()).inbox == str(tmp_path / "in")
    await house.send("still.bin")
    assert (tmp_path / "in" / "still.bin").is_file()
