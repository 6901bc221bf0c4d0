"""Names made to fill the memory: counted by what they take, for one session, for those that wait, and in all."""

import gc
import secrets
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from qrshared.protocol import (
    ITEMS_MAX,
    MANIFEST_BYTES_MAX,
    NAME_CHARACTERS_MAX,
    Accept,
    Decline,
    Defer,
    Item,
    Ping,
    Pong,
    Reason,
)
from qrshared.sessions.deciding import ITEM_BYTES_LEAST, weight
from qrshared.sessions.receiving import NAMES_IN_ALL_MAX, NAMES_PER_SESSION_MAX, WAITING_NAMES_MAX
from qrshared.settings import Accept as Policy
from qrshared.transfers.manifest import IncomingManifest
from qrshared.transfers.paging import proposal
from tests.adapters.inbox_world import MIB
from tests.adapters.sessions_world import computer
from tests.client import Batch, File, Repeated, Visit, file_of
from tests.waiting import until

WIDE = "a" * (NAME_CHARACTERS_MAX - 20) + "\U0001f600"
"""One emoji makes four bytes of each of its characters: 16 kB as it lies in memory, 4 kB on the wire."""
WIDE_BYTES = 4 * NAME_CHARACTERS_MAX


@pytest.fixture
def _small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten of those names in a session, twenty in all, ten that wait."""
    for name, count in (("NAMES_PER_SESSION_MAX", 10), ("NAMES_IN_ALL_MAX", 20), ("WAITING_NAMES_MAX", 10)):
        monkeypatch.setattr(f"qrshared.sessions.receiving.{name}", count * WIDE_BYTES)


def wide(count: int, size: int = 1) -> list[Item]:
    return [Item(f"{n:06d}{WIDE}", size) for n in range(count)]


async def propose(visit: Visit, items: Sequence[Item]) -> str:
    transfer = secrets.token_hex(16)
    for page in proposal(transfer, items, ()):
        await visit.say(page)
    return transfer


def test_the_limits_leave_room_for_the_longest_list_of_the_wire_and_for_others() -> None:
    assert MANIFEST_BYTES_MAX < NAMES_PER_SESSION_MAX <= 64 * MIB
    assert max(NAMES_PER_SESSION_MAX, WAITING_NAMES_MAX) <= NAMES_IN_ALL_MAX // 3
    assert NAMES_IN_ALL_MAX <= 192 * MIB


async def test_a_hundred_thousand_photos_of_common_names_come_in(tmp_path: Path) -> None:
    items = [Item(f"Ferien 2026 \U0001f3d6/Kamera/IMG_20261123_{n:06d}.jpg", 0) for n in range(ITEMS_MAX)]
    async with computer(tmp_path) as home, home.guest().visit() as visit:
        transfer = await propose(visit, items)
        assert (await visit.hear_a(Accept)).transfer == transfer
        assert home.transfers.names() < NAMES_PER_SESSION_MAX // 2
        home.transfers.stop(transfer)


@pytest.mark.usefixtures("_small_limits")
async def test_a_list_whose_names_alone_take_too_much_is_refused_as_too_large(tmp_path: Path) -> None:
    async with computer(tmp_path) as home, home.guest().visit() as visit:
        transfer = await propose(visit, wide(50))
        assert await visit.hear_a(Decline) == Decline(transfer, Reason.MANIFEST_TOO_LARGE)
        await until(lambda: home.transfers.names() == 0)
        # Its further pages were drained, and the session goes on.
        assert (await visit.send(Batch([File("after", Repeated(5))]))).names == ["after"]
        await propose(visit, wide(9))
        await visit.hear_a(Accept)  # the control


@pytest.mark.usefixtures("_small_limits")
async def test_one_device_is_told_to_come_back_once_its_lists_together_take_too_much(tmp_path: Path) -> None:
    async with computer(tmp_path) as home, home.guest().visit() as visit, home.guest().visit() as other:
        one = await propose(visit, wide(6))
        await visit.hear_a(Accept)
        refused = await propose(visit, wide(6))
        assert await visit.hear_a(Decline) == Decline(refused, Reason.BUSY)
        await propose(other, wide(6))  # nobody else's business
        await other.hear_a(Accept)
        home.transfers.stop(one)
        await until(lambda: home.transfers.names() < 10 * WIDE_BYTES)
        await propose(visit, wide(6))
        await visit.hear_a(Accept)


@pytest.mark.usefixtures("_small_limits")
async def test_the_memory_of_a_list_that_was_refused_or_stopped_is_free_at_once(tmp_path: Path) -> None:
    gc.collect()
    gc.disable()  # nothing may wait for it
    try:
        async with computer(tmp_path) as home, home.guest().visit() as visit:
            await propose(visit, wide(30))
            await visit.hear_a(Decline)
            await _read_another(visit)
            await until(lambda: _wide_items() == 0)
            transfer = await propose(visit, wide(9))
            await visit.hear_a(Accept)
            assert _wide_items() >= 9  # the control
            home.transfers.stop(transfer)
            await _read_another(visit)
            await until(lambda: _wide_items() == 0)
    finally:
        gc.enable()


async def _read_another(visit: Visit) -> None:
    """What a session read last is forgotten with its next message."""
    await visit.say(Ping(1))
    await visit.hear_a(Pong)


def _wide_items() -> int:
    return sum(isinstance(one, Item) and one.name.endswith(WIDE) for one in gc.get_objects())


@pytest.mark.usefixtures("_small_limits")
async def test_names_that_wait_for_the_owners_word_count_until_they_are_let_go(tmp_path: Path) -> None:
    async with computer(tmp_path, accept=Policy.ASK) as home, AsyncExitStack() as crowd:
        guests = [await crowd.enter_async_context(home.guest().visit()) for _ in range(3)]
        for visit in guests[:2]:
            await propose(visit, wide(9))
            await visit.hear_a(Defer)
        refused = await propose(guests[2], wide(9))
        assert await guests[2].hear_a(Decline) == Decline(refused, Reason.BUSY)
        await guests[0].leave()
        await until(lambda: home.transfers.names() < 10 * WIDE_BYTES)
        await propose(guests[2], wide(9))
        await guests[2].hear_a(Defer)


@pytest.mark.usefixtures("_small_limits")
async def test_of_those_that_wait_for_their_device_the_oldest_gives_way(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        for _ in range(3):
            async with home.guest().visit() as visit:
                await propose(visit, wide(6))
                await visit.hear_a(Accept)
            await until(lambda: not any(home.transfers.active()))
        await until(lambda: home.transfers.names() <= 10 * WIDE_BYTES)
        assert len(list(home.transfers.waiting())) == 1


def test_a_list_that_comes_once_more_after_a_cut_is_not_held_twice() -> None:
    known = tuple(wide(30))
    again = IncomingManifest(known)
    pages = [*proposal("a" * 32, wide(30), ())]
    assert [again.add(page) for page in pages] == [False] * (len(pages) - 1) + [True]
    assert all(one.name is other.name for one, other in zip(known, again.items, strict=True))


async def test_files_of_endless_names_are_known_again_after_a_restart_and_by_another_page_load(tmp_path: Path) -> None:
    files = [file_of(f"{n}{WIDE}", b"%d" % n) for n in range(3)]
    first = Batch(files)
    async with computer(tmp_path) as home:
        phone = home.guest()
        async with phone.visit() as visit:
            await visit.send(first)
        names = sorted(home.visible())
    async with computer(tmp_path) as home:
        phone.connect = home.connect
        for again in (Batch(files, transfer=first.transfer), Batch(files[::-1], continues=[first.transfer])):
            async with phone.visit() as visit:
                await visit.send(again)
            assert (again.sent_bytes, len(again.receipts)) == (0, 3)
        assert sorted(home.visible()) == names
        others = [file_of(f"{n}{WIDE}x", b"%d" % n) for n in range(3)]  # the control
        async with phone.visit() as visit:
            await visit.send(Batch(others, continues=[first.transfer]))
        assert len(home.visible()) == 6


async def test_a_name_counts_against_the_guests_day_for_the_computer_keeps_a_record_of_it(tmp_path: Path) -> None:
    long = [file_of(f"{n}" + "é" * (NAME_CHARACTERS_MAX // 2), b"") for n in range(2)]
    assert weight([one.item for one in long]) == 2 * (ITEM_BYTES_LEAST + 1 + NAME_CHARACTERS_MAX)
    async with computer(tmp_path, guest_day_bytes=3 * ITEM_BYTES_LEAST) as home, home.guest().visit() as visit:
        assert (await visit.send(Batch(long))).refusal is Reason.ALLOWANCE
        assert len((await visit.send(Batch(long[:1]))).receipts) == 1  # the control
        assert (await visit.send(Batch([file_of("short", b"")]))).refusal is Reason.ALLOWANCE
