"""Files through sealed links into a real inbox: whole, once, and with a clear word for whatever cannot be received."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from qrshared.inbox import (
    DiskError,
    EntryMissing,
    InboxError,
    InboxGone,
    InboxUnwritable,
    NameRefused,
    NoSpace,
    PartTakenOver,
)
from qrshared.protocol import (
    ITEMS_MAX,
    WINDOW_BYTES,
    Accept,
    Cancel,
    Chunk,
    Decline,
    Fail,
    Finish,
    Item,
    Propose,
    Reason,
    Safe,
    Taken,
    TransferState,
)
from qrshared.sessions.deciding import ITEM_BYTES_LEAST
from qrshared.sessions.incoming import COMMITS_MAX
from qrshared.sessions.receiving import (
    DECLINES_MAX,
    ITEMS_IN_ALL_MAX,
    ITEMS_PER_SESSION_MAX,
    TOLD_MAX,
    TRANSFERS_PER_SESSION_MAX,
    WAITING_ITEMS_MAX,
    WAITING_MAX,
)
from qrshared.sessions.worklist import WRITE_BYTES_MAX
from tests.adapters.inbox_world import MIB, Taps, content_of, sha256
from tests.adapters.sessions_world import computer
from tests.client import Batch, File, Repeated, file_of
from tests.waiting import until

SIZES = (0, 1, 65_280, 65_281, MIB, MIB + 1, WRITE_BYTES_MAX + 7, 9 * MIB)


async def test_files_of_all_sizes_land_whole_with_a_receipt_each(tmp_path: Path) -> None:
    contents = {f"file {size}.bin": content_of(size, seed) for seed, size in enumerate(SIZES)}
    async with computer(tmp_path) as home, home.guest().visit() as visit:
        batch = await visit.send(Batch([file_of(name, content) for name, content in contents.items()]))
        assert home.visible() == contents
        assert [one.sha256 for _, one in sorted(batch.receipts.items())] == [*map(sha256, contents.values())]
        assert batch.names == list(contents)
        await home.idle()
        (told,) = home.transfers.facts()
        assert (told.state, told.items_done, told.bytes_done) == (TransferState.DONE, len(SIZES), sum(SIZES))
        assert home.parts() == []
        await home.idle()


async def test_more_files_than_may_wait_for_their_commit(tmp_path: Path) -> None:
    count = 3 * COMMITS_MAX
    async with computer(tmp_path) as home, home.guest().visit() as visit:
        batch = await visit.send(Batch([file_of("a.txt", b"%d" % n) for n in range(count)]))
        assert len(set(batch.names)) == count
        assert sorted(home.visible().values()) == sorted(b"%d" % n for n in range(count))
        await home.idle()
        (landing,) = home.history.take_landings()
        assert len(landing.names) == count


async def test_the_same_proposal_again_gets_every_receipt_and_costs_no_byte(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        phone = home.guest()
        batch = Batch([file_of("a", b"one"), file_of("b", b""), file_of("c", content_of(3 * MIB))])
        async with phone.visit() as visit:
            await visit.send(batch)
        again = Batch(batch.files, transfer=batch.transfer)
        async with phone.visit() as visit:
            await visit.send(again)
        assert again.sent_bytes == 0
        assert again.receipts == batch.receipts
        assert len(home.visible()) == 3


# --- refusals ------------------------------------------------------------------------------------


async def test_a_peer_without_the_right_to_send_is_declined(tmp_path: Path) -> None:
    async with computer(tmp_path) as home, home.stranger().visit() as visit:
        batch = await visit.send(Batch([file_of("a", b"one")]))
        assert batch.refusal is Reason.NOT_ALLOWED
        assert home.visible() == {}


async def test_a_transfer_that_does_not_fit_on_the_disk_is_declined_with_numbers(tmp_path: Path) -> None:
    async with computer(tmp_path, reserve_bytes=2**60) as home, home.guest().visit() as visit:
        batch = Batch([file_of("a", content_of(1000))])
        await visit.say(*batch.sender.propose())
        assert await visit.hear_a(Decline) == Decline(batch.transfer, Reason.NO_SPACE, needed=1000, free=0)


async def test_guests_together_stay_within_their_day(tmp_path: Path) -> None:
    async with computer(tmp_path, guest_day_bytes=10 * MIB) as home:
        async with home.guest().visit() as visit:
            refused = await visit.send(Batch([file_of("a", content_of(11 * MIB))]))
            assert refused.refusal is Reason.ALLOWANCE
        async with home.guest().visit() as one, home.guest().visit() as other:
            ones = Batch([File("one", Repeated(8 * MIB))])
            others = Batch([File("other", Repeated(8 * MIB))])  # as much as is left, were it not promised already
            await one.send(ones, until=lambda: ones.sent_bytes >= MIB)
            await other.send(others)
            assert (others.refusal, others.sent_bytes) == (Reason.ALLOWANCE, 0)
            await one.send_on(ones)
            assert ones.refusal is None
        assert len(home.visible()) == 1
        async with (await home.trusted_phone()).visit() as visit:  # the control: the owner's own are not counted
            await visit.send(Batch([file_of("b", content_of(11 * MIB))]))
        assert len(home.visible()) == 2


async def test_what_a_guest_was_promised_and_did_not_bring_is_free_again(tmp_path: Path) -> None:
    async with computer(tmp_path, guest_day_bytes=10 * MIB) as home:
        cut = Batch([File("cut", Repeated(8 * MIB))])
        async with home.guest().visit() as visit:
            await visit.send(cut, until=lambda: cut.sent_bytes >= MIB)
        await until(lambda: len(home.live) == 0)  # its link is gone: what it was promised must not wait with it
        async with home.guest().visit() as visit:
            batch = await visit.send(Batch([file_of("cancelled", content_of(4 * MIB))]), until=lambda: True)
            await visit.hear_a(Accept)
            await visit.say(Cancel(batch.transfer))
            whole = await visit.send(Batch([file_of("whole", content_of(4 * MIB))]))
            assert [*home.visible()] == whole.names == ["whole"]
            batch = await visit.send(Batch([file_of("too much", content_of(7 * MIB))]))
            assert (batch.refusal, batch.sent_bytes) == (Reason.ALLOWANCE, 0)  # the control


async def test_a_small_file_that_no_longer_fits_into_the_guests_day_is_refused_with_its_transfer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        computer(tmp_path, guest_day_bytes=30_000) as home,
        home.guest().visit() as one,
        home.guest().visit() as other,
    ):
        ones, others = (Batch([file_of(name, content_of(12_000))]) for name in ("one", "other"))
        for visit, batch in ((one, ones), (other, others)):
            await visit.say(*batch.sender.propose())
            await visit.take(batch, await visit.hear_a(Accept))
        await one.send_on(ones)
        home.book.register.guest_day_bytes = 20_000  # less than both were promised
        await other.send_on(others)
        assert [len(ones.receipts), len(others.receipts)] == [1, 0]
        assert {others.refusal, *others.failures.values()} == {Reason.ALLOWANCE}
        await home.idle()
        assert [*home.visible()] == ["one"]
        assert "broke" not in caplog.text


FAULTS: dict[type[InboxError], Callable[[], InboxError]] = {
    NoSpace: lambda: NoSpace(needed=5, free=3),
    InboxUnwritable: lambda: InboxUnwritable(folder="/inbox"),
    InboxGone: lambda: InboxGone(folder="/inbox"),
    NameRefused: NameRefused,
    EntryMissing: lambda: EntryMissing(name="x"),
    PartTakenOver: PartTakenOver,
    DiskError: lambda: DiskError(what="bad sector"),
}


@pytest.mark.parametrize("step", ["begin", "write", "commit", "stored", "room"])
@pytest.mark.parametrize("kind", FAULTS)
async def test_whatever_the_inbox_refuses_is_said_with_its_reason_and_the_daemon_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[InboxError], step: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        fault = FAULTS[kind]()
        raise fault

    async with computer(tmp_path) as home, home.guest().visit() as visit:
        with monkeypatch.context() as patch:
            patch.setattr(home.inbox.store if step == "write" else home.inbox, step, refuse)
            batch = await visit.send(Batch([file_of("a", content_of(2 * MIB)), file_of("b", b"two")]))
        reasons = {batch.refusal} if batch.refusal else {*batch.failures.values()}
        assert reasons == {Reason(kind.reason)}
        assert home.visible() == {}
        assert (await visit.send(Batch([file_of("a", b"fine")]))).names == ["a"]
        await home.idle()


async def test_a_fault_of_ours_ends_one_transfer_loudly_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with computer(tmp_path) as home, home.guest().visit() as visit:
        begin = home.inbox.begin

        async def broken(key: object, facts: object, **more: object) -> object:
            if getattr(facts, "name", "") == "broken":
                raise ZeroDivisionError
            return await begin(key, facts, **more)  # type: ignore[arg-type] # handed through as it came

        monkeypatch.setattr(home.inbox, "begin", broken)
        batch = await visit.send(Batch([file_of("broken", content_of(MIB))]))
        assert batch.refusal is Reason.UNSUPPORTED
        assert "broke" in caplog.text
        assert (await visit.send(Batch([file_of("fine", b"fine")]))).names == ["fine"]
        await home.idle()


@pytest.mark.parametrize(
    ("words", "heard"),
    [
        (lambda t: [Propose(t, 0, (Item("a", 5),), False, 2, 5)], Decline("", Reason.PROTOCOL)),
        (lambda t: [Propose(t, 3, (Item("a", 5),), False, 1, 5)], Decline("", Reason.PROTOCOL)),
        (lambda t: [Propose(t, 0, (), False, 0, 0)], Decline("", Reason.PROTOCOL)),
        (lambda t: [Propose(t, 0, (Item("a", 5),), False, 1, 5), Chunk(t, 0, 1, b"x")], Fail("", Reason.PROTOCOL)),
        (lambda t: [Propose(t, 0, (Item("a", 5),), False, 1, 5), Finish(t)], Fail("", Reason.PROTOCOL)),
    ],
    ids=["count that lies", "no first page", "nothing", "chunk before the answer", "finish before the answer"],
)
async def test_proposals_that_make_no_sense_end_their_transfer_and_not_the_session(
    tmp_path: Path, words: Callable[[str], list[Propose]], heard: Decline | Fail
) -> None:
    async with computer(tmp_path) as home, home.guest().visit() as visit:
        transfer = "ab" * 16
        await visit.say(*words(transfer))
        answer = await visit.hear_a(type(heard), where=lambda one: one.reason is heard.reason)
        assert answer.transfer == transfer
        assert (await visit.send(Batch([file_of("a", b"fine")]))).names == ["a"]


async def test_bytes_beyond_the_window_beyond_the_size_or_out_of_order_are_not_written(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        async with home.guest().visit() as visit:
            batch = Batch([file_of("a", b"12345")])
            await visit.say(*batch.sender.propose())
            await visit.take(batch, await visit.hear())
            await visit.say(Chunk(batch.transfer, 0, 0, b"123456"))
            assert (await visit.hear_a(Fail)).reason is Reason.PROTOCOL
        async with home.guest().visit() as visit:
            batch = Batch([File("b", Repeated(2 * WINDOW_BYTES))])
            with pytest.MonkeyPatch.context() as patch:
                gate = threading.Event()

                def before(name: str, _count: int) -> None:
                    if name == "write_all":
                        gate.wait(10)

                Taps(before=before).install(patch)
                await visit.say(*batch.sender.propose())
                await visit.take(batch, await visit.hear())
                for start in range(0, WINDOW_BYTES + 65_280, 65_280):
                    await visit.say(Chunk(batch.transfer, 0, start, b"x" * 65_280))
                gate.set()
                assert await visit.hear_a(Fail) == Fail(batch.transfer, Reason.PROTOCOL)
        await home.quiet()
        assert home.visible() == {}


# --- bounds ------------------------------------------------------------------------------------


async def test_a_session_carries_so_many_transfers_and_no_more(tmp_path: Path) -> None:
    async with computer(tmp_path) as home, home.guest().visit() as visit:
        batches = [Batch([file_of("a", b"x")]) for _ in range(TRANSFERS_PER_SESSION_MAX + 1)]
        for batch in batches:
            await visit.say(*batch.sender.propose())
        declined = await visit.hear_a(Decline)
        assert (declined.transfer, declined.reason) == (batches[-1].transfer, Reason.BUSY)
        await until(lambda: len(list(home.transfers.active())) == TRANSFERS_PER_SESSION_MAX)


async def test_nobody_makes_the_daemon_remember_more_items_than_two_full_batches(tmp_path: Path) -> None:
    half = ITEMS_PER_SESSION_MAX // 2
    async with computer(tmp_path) as home, home.guest().visit() as visit:
        await visit.say(Propose("1" * 32, 0, (Item("a", 1),), True, half, half))
        await visit.say(Propose("2" * 32, 0, (Item("a", 1),), True, half, half))
        await visit.say(Propose("3" * 32, 0, (Item("a", 1),), True, 1, 1))
        assert str(Reason.PROTOCOL) in str(await visit.hear())


async def test_all_devices_together_cannot_fill_the_memory_with_items(tmp_path: Path) -> None:
    async with computer(tmp_path) as home, AsyncExitStack() as crowd:
        for n in range(ITEMS_IN_ALL_MAX // ITEMS_MAX):
            visit = await crowd.enter_async_context(home.guest().visit())
            await visit.say(Propose(f"{n:032x}", 0, (Item("a", 1),), True, ITEMS_MAX, ITEMS_MAX))
        await until(lambda: home.transfers.items_besides("") == ITEMS_IN_ALL_MAX)
        late = await crowd.enter_async_context(home.guest().visit())
        await late.say(Propose("f" * 32, 0, (Item("a", 1),), False, 1, 1))
        assert await late.hear_a(Decline) == Decline("f" * 32, Reason.BUSY)


async def test_an_empty_file_counts_a_block_of_the_disk_against_the_guests_day(tmp_path: Path) -> None:
    async with computer(tmp_path, guest_day_bytes=3 * ITEM_BYTES_LEAST) as home, home.guest().visit() as visit:
        batch = await visit.send(Batch([file_of(f"empty {n}", b"") for n in range(4)]))
        assert len(home.visible()) <= 3
        assert {batch.refusal, *batch.failures.values()} >= {Reason.ALLOWANCE}


async def test_answers_to_a_peer_that_proposes_and_never_reads_are_bounded(tmp_path: Path) -> None:
    async with computer(tmp_path) as home, home.stranger().visit() as visit:
        (session,) = home.live._others
        home.links[-1]._outgoing.held_bytes = 1 << 21  # type: ignore[attr-defined] # its queue is full
        for n in range(DECLINES_MAX + 16):
            await visit.say(Propose(f"{n:032x}", 0, (Item("a", 1),), False, 1, 1))
        await until(lambda: len(home.live) == 0)
        assert len(session._receiving._says) <= DECLINES_MAX


async def test_waiting_transfers_are_bounded_and_the_oldest_gives_way_with_its_part_kept(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        phone = home.guest()
        batches = [Batch([File(f"{n}", Repeated(2 * MIB))]) for n in range(WAITING_MAX + 2)]
        for start in range(0, len(batches), 20):
            async with phone.visit() as visit:
                for batch in batches[start : start + 20]:
                    await visit.send(batch, until=lambda batch=batch: batch.sent_bytes >= MIB)  # type: ignore[misc] # a lambda's default
            await until(lambda: not any(home.transfers.active()))
        await until(lambda: len(list(home.transfers.waiting())) <= WAITING_MAX)
        assert len(home.transfers.facts()) <= WAITING_MAX + TOLD_MAX
        assert len(batches) <= WAITING_ITEMS_MAX
        async with phone.visit() as visit:
            await visit.send(batches[0])
        assert batches[0].names == ["0"]


async def test_writes_go_on_while_a_sync_takes_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    syncing, release = threading.Event(), threading.Event()

    def before(name: str, _count: int) -> None:
        if name == "flush_data" and threading.current_thread().name.startswith("inbox-flush"):
            syncing.set()
            release.wait(20)

    async with computer(tmp_path) as home, home.guest().visit() as visit:
        Taps(before=before).install(monkeypatch)
        batch = Batch([File("big", Repeated(40 * MIB))])
        await visit.send(batch, until=syncing.is_set)
        at_sync = batch.sent_bytes
        async with asyncio.timeout(60):
            await visit.send_on(batch, until=lambda: batch.sent_bytes >= at_sync + 3 * WINDOW_BYTES)
        assert not release.is_set()
        release.set()
        await visit.send_on(batch)
        assert batch.names == ["big"]


async def test_a_slow_sync_costs_little_of_the_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = threading.Event()

    def before(name: str, _count: int) -> None:
        if name == "flush_data" and slow.is_set():
            never.wait(0.2)  # a disk that takes its time

    never = threading.Event()
    loop = asyncio.get_running_loop()
    async with computer(tmp_path) as home, home.guest().visit() as visit:
        Taps(before=before).install(monkeypatch)
        took: list[float] = []
        for is_slow in (False, True):
            (slow.set if is_slow else slow.clear)()
            began = loop.time()
            batch = Batch([File("big", Repeated(96 * MIB))])
            await visit.send(batch, until=lambda batch=batch: batch.sender.done(0) >= 90 * MIB)  # type: ignore[misc] # a lambda's default
            took.append(loop.time() - began)
            await visit.send_on(batch)
        print(f"a sync of 200 ms keeps {took[0] / took[1]:.2f} of the rate")


async def test_safe_and_taken_are_told_while_bytes_flow(tmp_path: Path) -> None:
    async with computer(tmp_path) as home, home.guest().visit() as visit:
        batch = Batch([File("big", Repeated(12 * MIB))])
        await visit.say(*batch.sender.propose())
        heard: list[object] = []
        while not batch.sender.is_over:
            await visit.step(batch, heard.append)
        taken = [one.count for one in heard if isinstance(one, Taken)]
        assert taken == sorted(taken)
        assert taken[-1] <= 12 * MIB
        assert any(isinstance(one, Safe) and one.offset > 0 for one in heard)
        assert Cancel(batch.transfer) not in heard
        assert home.visible().keys() == {"big"}
