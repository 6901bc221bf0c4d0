"""Cancels, stops and revocations while bytes are on their way: nothing half stays, nothing whole is lost or doubled."""

import asyncio
import threading
from pathlib import Path

import pytest

from qrshared.inbox import DiskError
from qrshared.protocol import Fail, Reason
from qrshared.sessions.receiving import STOPPED_MAX
from tests.adapters.inbox_world import MIB, content_of
from tests.adapters.sessions_world import Gate, computer
from tests.client import Batch, File, Repeated, file_of
from tests.waiting import until


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


@pytest.mark.parametrize("tap", ["flush_file", "flush_folder"])
@pytest.mark.parametrize("end", ["cancel", "cancel item", "owner", "cut and stop"])
async def test_an_item_that_is_being_placed_when_its_transfer_ends_is_there_with_a_receipt_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tap: str, end: str
) -> None:
    async with computer(tmp_path) as home:
        phone = home.guest()
        async with phone.visit() as visit:
            gate = Gate(tap, monkeypatch)
            batch = Batch([file_of("first", content_of(2 * MIB)), File("second", Repeated(8 * MIB))])
            await visit.send(batch, until=lambda: batch.sent_bytes >= 4 * MIB)
            await until(gate.reached.is_set)
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
            gate.open()
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


async def test_a_sync_that_fails_behind_a_commit_does_not_call_a_placed_file_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    syncing, go_on = threading.Event(), threading.Event()

    def sync(_part: object) -> int:
        syncing.set()
        go_on.wait(20)
        raise DiskError(what="the part has its name already")

    async with computer(tmp_path) as home, home.guest().visit() as visit:
        monkeypatch.setattr(home.inbox.store, "sync", sync)
        batch = Batch([File("big", Repeated(9 * MIB))])
        await visit.say(*batch.sender.propose())
        await visit.send_on(batch, until=lambda: batch.sender.done(0) == 9 * MIB)
        assert syncing.is_set()
        go_on.set()
        await visit.send_on(batch)
        assert (batch.names, batch.failures) == (["big"], {})


async def test_a_batch_that_failed_while_an_item_was_being_placed_may_come_again_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with computer(tmp_path) as home:
        phone = home.guest()
        files = [file_of("first", content_of(2 * MIB)), file_of("second", content_of(5 * MIB))]
        async with phone.visit() as visit:
            gate = Gate("flush_folder", monkeypatch)
            batch = Batch(files)
            await visit.send(batch, until=lambda: batch.sent_bytes >= 4 * MIB)
            await until(gate.reached.is_set)
            await visit.say(Fail(batch.transfer, Reason.SOURCE_UNREADABLE))
        await until(lambda: len(home.live) == 0)
        again = Batch(files, transfer=batch.transfer)
        async with phone.visit() as visit:
            await visit.say(*again.sender.propose())
            await until(lambda: any(home.transfers.active()))
            gate.open()
            async with asyncio.timeout(60):
                await visit.send_on(again)
        assert home.visible() == {file.name: bytes(file.content.read(0, file.content.size)) for file in files}
