"""Cancels, stops and revocations while bytes are on their way: nothing half stays, nothing whole is lost or doubled."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from qrshared.sessions.receiving import STOPPED_MAX
from tests.adapters.inbox_world import MIB, Taps, content_of
from tests.adapters.sessions_world import computer, until
from tests.client import Batch, File, Repeated, Visit, file_of


async def test_a_cancelled_item_leaves_no_part_and_the_rest_arrives(tmp_path: Path) -> None:
    async with computer(tmp_path) as home, home.guest().visit() as visit:
        batch = Batch([File("big", Repeated(8 * MIB)), file_of("small", b"small")])
        await visit.send(batch, until=lambda: batch.sent_bytes >= 2 * MIB)
        await visit.cancel(batch, 0)
        await visit.send_on(batch)
        await until(lambda: home.parts() == [])
        assert home.visible() == {"small": b"small"}


async def test_a_cancelled_transfer_leaves_no_part(tmp_path: Path) -> None:
    async with computer(tmp_path) as home, home.guest().visit() as visit:
        batch = Batch([File("big", Repeated(8 * MIB)), File("next", Repeated(8 * MIB))])
        await visit.send(batch, until=lambda: batch.sent_bytes >= 3 * MIB)
        await until(lambda: home.parts() != [])
        await visit.cancel(batch)
        await home.idle()
        assert home.parts() == []


async def _sent_and_held_at_commit(visit: Visit, hold: Callable[[], Awaitable[None]]) -> Batch:
    """A batch whose first item is whole and held while it is placed, and whose second has begun."""
    batch = Batch([file_of("first", content_of(2 * MIB)), File("second", Repeated(8 * MIB))])
    await visit.send(batch, until=lambda: batch.sent_bytes >= 4 * MIB)
    await hold()
    return batch


@pytest.mark.parametrize("tap", ["flush_file", "flush_folder"])
@pytest.mark.parametrize("end", ["cancel", "cancel item", "owner", "cut and stop"])
async def test_an_item_that_is_being_placed_when_its_transfer_ends_is_there_with_a_receipt_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tap: str, end: str
) -> None:
    reached, release = threading.Event(), threading.Event()

    def before(name: str, _count: int) -> None:
        if name == tap:
            reached.set()
            release.wait(20)

    async with computer(tmp_path) as home:
        phone = home.guest()
        async with phone.visit() as visit:
            Taps(before=before).install(monkeypatch)
            batch = await _sent_and_held_at_commit(visit, lambda: until(reached.is_set))
            match end:
                case "cancel":
                    await visit.cancel(batch)
                case "cancel item":
                    await visit.cancel(batch, 0)
                    await visit.cancel(batch, 1)
                case "owner":
                    assert home.transfers.stop(batch.transfer)
                case _:
                    await visit.leave()
                    await until(lambda: not any(home.transfers.active()))
                    assert home.transfers.stop(batch.transfer)
            await asyncio.sleep(0)
            release.set()
        await home.quiet()
        assert home.visible() in ({"first": content_of(2 * MIB)}, {})
        assert home.parts() == []
        assert "broke" not in caplog.text
        async with phone.visit() as visit:  # whatever the phone heard: the same batch makes no second file
            again = Batch([batch.files[0]], continues=[batch.transfer])
            await visit.send(again)
        assert list(home.visible()) == ["first"]


async def test_what_the_owner_stops_while_the_phone_is_away_stays_stopped(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        phone = home.guest()
        batch = Batch([File("big", Repeated(8 * MIB))])
        async with phone.visit() as visit:
            await visit.send(batch, until=lambda: batch.sent_bytes >= 2 * MIB)
        await until(lambda: any(home.transfers.waiting()))
        assert home.transfers.stop(batch.transfer)
        await home.quiet()
        assert home.parts() == []
        async with phone.visit() as visit:
            await visit.send(batch)
        assert batch.is_cancelled
        assert len(home.transfers._stopped) <= STOPPED_MAX


async def test_a_device_revoked_in_mid_transfer_leaves_nothing_that_another_could_go_on_with(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        phone = home.guest()
        batch = Batch([File("big", Repeated(24 * MIB)), file_of("done", b"done")])
        async with phone.visit() as visit:
            device = visit.hello and visit.hello.grant and visit.hello.grant.device
            assert device
            await visit.send(batch, until=lambda: batch.sent_bytes >= 10 * MIB)
            await until(lambda: home.parts() != [])
            await home.book.revoke(device)
            await home.transfers.forget(device, carried_too=True)
        await home.quiet()
        assert home.parts() == []
        assert home.inbox.unfinished(device) == []
        await home.idle()


async def test_a_part_belongs_to_its_device_alone(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        batch = Batch([File("big", Repeated(8 * MIB))])
        async with home.guest().visit() as visit:
            await visit.send(batch, until=lambda: batch.sent_bytes >= 4 * MIB)
        await until(lambda: any(home.transfers.waiting()))
        stolen = Batch(batch.files, continues=[batch.transfer], transfer=batch.transfer)
        async with home.guest().visit() as visit:
            await visit.send(stolen)
        assert stolen.sent_bytes == 8 * MIB
        assert list(home.visible()) == ["big"]
