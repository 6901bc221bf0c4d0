"""Cuts, reloads and restarts: what has arrived is not sent again, and nothing lands twice."""

import asyncio
import random
from pathlib import Path

import pytest

from qrshared.links import LinkClosed
from qrshared.protocol import (
    PROOF_BLOCK_BYTES,
    WINDOW_BYTES,
    WINDOWS_BYTES_MAX,
    Accept,
    Goodbye,
    Message,
    Reason,
    Rewind,
    Taken,
)
from tests.adapters.inbox_world import MIB, content_of
from tests.adapters.sessions_world import Gate, computer
from tests.client import Batch, Bytes, File, Phone, Repeated, file_of
from tests.waiting import until

CUT_BYTES_MAX = WINDOW_BYTES
"""What one cut may cost on the wire (design 3)."""


async def _send_and_cut(phone: Phone, batch: Batch, at: int) -> None:
    """Send until so many bytes are on the wire, then lose the link without a word."""
    try:
        async with phone.visit() as visit:
            await visit.send(batch, until=lambda: batch.sent_bytes >= at)
    except LinkClosed:
        pass


async def _finish(phone: Phone, batch: Batch) -> Batch:
    async with phone.visit() as visit:
        return await visit.send(batch)


@pytest.mark.parametrize("seed", range(6))
async def test_a_link_cut_at_any_moment_costs_at_most_a_window_and_each_file_lands_once(
    tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    contents = {f"{n}.bin": content_of(rng.choice((0, 3, 70_000, MIB, 5 * MIB, 12 * MIB)), n) for n in range(7)}
    async with computer(tmp_path) as home:
        phone = home.guest()
        batch = Batch([file_of(name, content) for name, content in contents.items()])
        total = sum(map(len, contents.values()))
        cuts = 0
        while not batch.sender.is_over:
            cuts += 1
            await _send_and_cut(phone, batch, batch.sent_bytes + rng.randrange(1, 6 * MIB))
            if rng.random() < 0.5:
                await until(lambda: not any(home.transfers.active()))
        await home.quiet()
        assert home.visible() == contents
        assert home.parts() == []
        assert batch.sent_bytes <= total + cuts * CUT_BYTES_MAX


async def test_a_cut_while_the_daemon_decides_writes_or_waits_for_pages_leaves_the_next_link_free(
    tmp_path: Path,
) -> None:
    async with computer(tmp_path) as home:
        phone = home.guest()
        batch = Batch([file_of("a", content_of(3 * MIB))])
        for _ in range(10):  # proposed, and gone before the answer
            async with phone.visit() as visit:
                await visit.say(*batch.sender.propose())
        await _finish(phone, batch)
        await home.quiet()
        assert home.visible().keys() == {"a"}
        assert [one.items_done for one in home.transfers.facts()] == [1]  # nothing was told of the ten


async def test_the_next_session_goes_on_at_once_although_the_old_link_still_looks_alive(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        phone = home.guest()
        batch = Batch([File("big", Repeated(24 * MIB))])
        async with phone.visit() as old:
            await old.send(batch, until=lambda: batch.sent_bytes >= 9 * MIB)
            async with phone.visit() as new:  # the phone changed its network; nobody told the daemon
                await new.send(batch)
            assert await old.hear_a(Goodbye) == Goodbye(Reason.ANOTHER_TAB)
        assert batch.names == ["big"]
        assert batch.sent_bytes <= 24 * MIB + CUT_BYTES_MAX


# --- a new pick ------------------------------------------------------------------------------------


async def test_picking_an_interrupted_batch_again_sends_no_byte_twice_and_doubles_no_file(tmp_path: Path) -> None:
    files = [file_of("small.jpg", b"small"), file_of("empty", b""), File("big", Repeated(30 * MIB)), file_of("z", b"z")]
    async with computer(tmp_path) as home:
        phone = home.guest()
        first = Batch(files)
        await _send_and_cut(phone, first, 20 * MIB)
        await until(lambda: any(home.transfers.waiting()))
        again = Batch(files, continues=[first.transfer])
        await _finish(phone.reloaded(), again)
        assert sorted(home.visible()) == ["big", "empty", "small.jpg", "z"]
        assert len(again.receipts) == 4
        assert first.sent_bytes + again.sent_bytes <= 30 * MIB + 6 + CUT_BYTES_MAX
        await _finish(phone.reloaded(), once_more := Batch(files, continues=[first.transfer, again.transfer]))
        assert (once_more.sent_bytes, len(once_more.receipts)) == (0, 4)
        assert len(home.visible()) == 4


@pytest.mark.parametrize("changed_block", [0, 1, 2])
async def test_a_file_that_changed_behind_its_name_is_sent_from_the_first_block_that_differs(
    tmp_path: Path, changed_block: int
) -> None:
    old = content_of(36 * MIB, 1)
    new = bytearray(old)
    new[changed_block * PROOF_BLOCK_BYTES + 5] ^= 1
    async with computer(tmp_path) as home:
        phone = home.guest()
        first = Batch([file_of("video.mp4", old)])
        await _send_and_cut(phone, first, 30 * MIB)
        await until(lambda: any(home.transfers.waiting()))
        again = Batch([file_of("video.mp4", bytes(new))], continues=[first.transfer])
        rewinds: list[Rewind] = []
        async with phone.reloaded().visit() as visit:
            await visit.say(*again.sender.propose())
            while not again.sender.is_over:
                await visit.step(again, lambda one: rewinds.append(one) if isinstance(one, Rewind) else None)
        assert [one.offset for one in rewinds] == [changed_block * PROOF_BLOCK_BYTES]
        assert home.visible() == {"video.mp4": bytes(new)}


async def test_another_file_of_the_same_name_and_size_comes_whole_beside_the_first(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        phone = home.guest()
        first = await _finish(phone, Batch([file_of("image.jpg", b"1" * 3000)]))
        again = Batch([file_of("image.jpg", b"2" * 3000)], continues=[first.transfer])
        await _finish(phone.reloaded(), again)
        assert home.visible() == {"image.jpg": b"1" * 3000, "image (2).jpg": b"2" * 3000}


async def test_a_file_that_was_moved_out_of_the_inbox_is_simply_sent_again(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        phone = home.guest()
        first = await _finish(phone, Batch([file_of("a", b"content")]))
        (home.folder / "a").unlink()
        await _finish(phone.reloaded(), Batch([file_of("a", b"content")], continues=[first.transfer]))
        assert home.visible() == {"a": b"content"}


@pytest.mark.parametrize("cut_after", [1, 2, 3])
async def test_a_cut_in_the_middle_of_a_proof_begins_the_proof_again(tmp_path: Path, cut_after: int) -> None:
    content = Repeated(40 * MIB)
    async with computer(tmp_path) as home:
        phone = home.guest()
        first = Batch([File("big", content)])
        await _send_and_cut(phone, first, 26 * MIB)
        await until(lambda: any(home.transfers.waiting()))
        again = Batch([File("big", content)], continues=[first.transfer])
        reloaded = phone.reloaded()
        for cut in range(cut_after):
            async with reloaded.visit() as visit:
                await visit.say(*again.sender.propose())
                accept = await visit.hear_a(Accept)
                if cut == 0:
                    assert [kept.prove for kept in accept.kept] == [True]
                await visit.take(again, accept)  # its proof is on the way, and some chunks behind it
                for _ in range(2):
                    await visit.step(again)
        await _finish(reloaded, again)
        assert home.visible().keys() == {"big"}
        assert again.receipts[0].sha256 == content.sha256


async def test_a_proof_after_a_cut_is_about_all_that_has_arrived_by_then(tmp_path: Path) -> None:
    content = Repeated(40 * MIB)
    async with computer(tmp_path) as home:
        phone = home.guest()
        first = Batch([File("big", content)])
        await _send_and_cut(phone, first, 26 * MIB)
        await until(lambda: any(home.transfers.waiting()))
        again = Batch([File("big", content)], continues=[first.transfer])
        reloaded = phone.reloaded()
        async with reloaded.visit() as visit:
            await visit.say(*again.sender.propose())
            accept = await visit.hear_a(Accept)
            again.sender.receive(accept)  # the proof takes its time: chunks go first
            await visit.step(again)
            await visit.hear_a(Taken)
        heard: list[Message] = []
        async with reloaded.visit() as visit:
            await visit.say(*again.sender.propose())
            while not again.sender.is_over:
                await visit.step(again, heard.append)
        assert not [one for one in heard if isinstance(one, Rewind)]
        assert again.sent_bytes == 40 * MIB - accept.kept[0].offset
        assert again.receipts[0].sha256 == content.sha256


async def test_what_an_earlier_page_load_still_has_to_write_is_written_before_its_batch_is_picked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with computer(tmp_path) as home:
        phone = home.guest()
        first = Batch([File("big", Repeated(16 * MIB))])
        gate = Gate("write_all", monkeypatch)
        await _send_and_cut(phone, first, 3 * MIB)
        await until(lambda: any(home.transfers.waiting()) and gate.reached.is_set())
        again = Batch(first.files, continues=[first.transfer])
        async with phone.reloaded().visit() as visit:
            await visit.say(*again.sender.propose())
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await visit.hear_a(Accept)
            gate.open()
            await visit.send_on(again)
        assert first.sent_bytes + again.sent_bytes == 16 * MIB
        assert [one.transfer for one in home.transfers.facts()] == [again.transfer]


async def test_a_proposal_that_is_decided_after_its_link_went_holds_no_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with computer(tmp_path) as home:
        phone = home.guest()
        batch = Batch([File("big", Repeated(16 * MIB))])
        gate = Gate("write_all", monkeypatch)
        await _send_and_cut(phone, batch, 2 * MIB)
        async with phone.visit() as visit:
            await visit.say(*batch.sender.propose())
            await until(lambda: any(home.transfers.active()))
        await until(lambda: any(home.transfers.waiting()))
        (waiting,) = home.transfers.waiting()
        gate.open()
        await until(lambda: not waiting._jobs and home.transfers._windows.free == WINDOWS_BYTES_MAX)
        await _finish(phone, batch)
        assert batch.names == ["big"]


async def test_a_lie_about_the_proof_gives_nobody_the_stored_bytes(tmp_path: Path) -> None:
    secret = content_of(9 * MIB, 1)
    async with computer(tmp_path) as home:
        phone = home.guest()
        first = Batch([file_of("a", secret)])
        await _send_and_cut(phone, first, 8 * MIB + 1)
        await until(lambda: any(home.transfers.waiting()))
        liar = Batch([File("a", Bytes(b"0" * 9 * MIB))], continues=[first.transfer])
        await _finish(phone.reloaded(), liar)
        assert home.visible() == {"a": b"0" * 9 * MIB}


# --- cancels of what is resumed ------------------------------------------------------------------------------------


async def test_cancelling_what_was_just_resumed_throws_the_kept_part_away(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        phone = home.guest()
        first = Batch([File("big", Repeated(16 * MIB)), File("more", Repeated(16 * MIB))])
        await _send_and_cut(phone, first, 8 * MIB)
        await until(lambda: any(home.transfers.waiting()))
        again = Batch(first.files, continues=[first.transfer])
        async with phone.reloaded().visit() as visit:
            await visit.say(*again.sender.propose())
            await visit.hear_a(Accept)
            await visit.cancel(again)
            await until(lambda: home.parts() == [])


# --- the daemon stops ------------------------------------------------------------------------------------


async def test_what_was_safe_when_the_daemon_stopped_is_not_sent_again(tmp_path: Path) -> None:
    content = Repeated(320 * MIB)  # a disk that is busy with others says `safe` late, and by then it must not be over
    batch = Batch([File("big", content), file_of("small", b"small")])
    async with computer(tmp_path) as home:
        phone = home.guest()
        visited = phone.visit()
        visit = await visited.__aenter__()
        await visit.send(batch, until=lambda: batch.sender.safe(0) >= 8 * MIB)
        safe = batch.sender.safe(0)
    sent = batch.sent_bytes
    assert len(list((tmp_path / "QRShare").glob(".qrshared-*.part"))) == 1
    async with computer(tmp_path) as home:
        phone.connect = home.connect
        await _finish(phone, batch)
        assert home.visible().keys() == {"big", "small"}
        assert batch.receipts[0].sha256 == content.sha256
        assert batch.sent_bytes - sent <= content.size - safe + 5
    with pytest.raises(LinkClosed):
        await visit.hear_a(Accept)


async def test_a_stop_in_the_middle_of_many_small_files_loses_and_doubles_none(tmp_path: Path) -> None:
    batch = Batch([file_of(f"{n}.txt", b"%d" % n) for n in range(300)])
    phone: Phone | None = None
    found: dict[str, bytes] = {}
    for stop_at in (40, 120, 200, 300):
        async with computer(tmp_path) as home:
            if phone is None:
                phone = home.guest()
            phone.connect = home.connect
            async with phone.visit() as visit:
                await visit.send(batch, until=lambda stop_at=stop_at: len(batch.receipts) >= stop_at)  # type: ignore[misc] # mypy cannot infer a lambda's default
            found = home.visible()
    assert len(batch.receipts) == 300
    assert found == {f"{n}.txt": b"%d" % n for n in range(300)}
