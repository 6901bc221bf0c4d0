"""What strangers can make of the journal: long names cost little, it is shortened in time, and it keeps its room."""

import errno
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qrshared.inbox import ItemFacts, NoSpace, Placed, disk, kept_name
from qrshared.inbox.item import NAME_KEPT_MAX, is_same_item
from qrshared.inbox.journal import REWRITE_BYTES, REWRITE_GROWTH, Journal
from qrshared.inbox.ledger import RECEIPT_NAMES_MAX, RECEIPTS_MAX, Ledger
from qrshared.inbox.names import FOLDERS_MAX, NAME_BYTES_MAX
from qrshared.inbox.records import ItemPlaced, PartBegun, Placing, Record, decode, encode
from qrshared.inbox.reserve import JOURNAL_RESERVE_BYTES
from qrshared.protocol import NAME_CHARACTERS_MAX
from tests.adapters.inbox_world import MIB, World, key, receive

LONG = "\U0001f600" * NAME_CHARACTERS_MAX


def placed(item: int, name: str, final: str = "a") -> ItemPlaced:
    return ItemPlaced(f"p{item}", key(item), ItemFacts(name, 0), Placed(final, 0, "ab" * 32), 0)


# --- names


@given(st.text(st.characters(codec=None), max_size=400))
def test_of_any_name_a_little_is_kept_and_of_that_the_same(name: str) -> None:
    short = kept_name(name)
    assert len(short.encode("utf-8", "surrogatepass")) <= NAME_KEPT_MAX
    assert kept_name(short) == short
    assert is_same_item(ItemFacts(name, 1), ItemFacts(short, 1))
    assert not is_same_item(ItemFacts(name, 1), ItemFacts(short, 2))
    assert not is_same_item(ItemFacts(name, 1), ItemFacts(name + "x", 1))


def test_a_common_name_is_kept_whole_and_of_a_long_one_the_beginning_can_be_read() -> None:
    path = "Ferien 2026/Strand/" + "IMG_20261123_101112.jpg"
    assert kept_name(path) == path
    assert kept_name(path * 20).startswith(path[:40])
    assert kept_name(path * 20) != kept_name(path * 21)


@pytest.mark.parametrize("name", [LONG, "\x01" * NAME_CHARACTERS_MAX, "\ud83d" * NAME_CHARACTERS_MAX, '"' * 300])
def test_a_long_name_costs_the_journal_little_and_is_known_again_after_a_restart(tmp_path: Path, name: str) -> None:
    records: list[Record] = [placed(0, name), PartBegun("part", key(1), ItemFacts(name, 9 * MIB), 0)]
    assert max(len(encode(record)) for record in records) < 1000
    journal = Journal(tmp_path, tmp_path / "in")
    journal.note(*records)
    for _ in range(2):
        with journal.reading() as ledger:
            (receipt,) = ledger.receipts_of("d1", "t1")
            (part,) = ledger.parts.values()
        for facts in (receipt.facts, part.facts):
            assert is_same_item(facts, ItemFacts(name, facts.size))
            assert len(facts.name) <= NAME_KEPT_MAX
        journal.close()
        journal = Journal(tmp_path, tmp_path / "in")
    journal.close()


def test_a_placement_keeps_its_whole_name_for_it_may_have_to_be_placed_anew() -> None:
    placing = Placing("part", key(), ItemFacts(LONG, 1), Placed("a", 1, "ab"), 1, 1)
    assert decode(encode(placing)[:-1]) == placing


async def test_an_item_of_an_endless_name_is_not_placed_twice(tmp_path: Path) -> None:
    world = World(tmp_path)
    for _ in range(2):
        async with world.open() as inbox:
            await receive(inbox, b"one", LONG)
            assert (await inbox.begin(key(), ItemFacts(LONG, 3))).placed is not None
            assert (await inbox.begin(key(), ItemFacts(LONG[1:], 3))).placed is None  # the control
    assert len(world.visible()) == 1


# --- how long it gets


def test_receipts_are_forgotten_by_the_length_of_their_names_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert RECEIPT_NAMES_MAX > RECEIPTS_MAX * 2 * 100  # what was proposed, and what it is called, of 100 bytes each
    monkeypatch.setattr("qrshared.inbox.ledger.RECEIPT_NAMES_MAX", 1000)
    ledger = Ledger()
    for item in range(5):
        ledger.apply(placed(item, "a" * 200, "b" * 200))
    assert [one.key.item for one in ledger.receipts_of("d1", "t1")] == [3, 4]
    ledger.apply(placed(4, "a", "b"))  # once more, and shorter
    ledger.apply(placed(5, "a" * 200, "b" * 200))
    assert [one.key.item for one in ledger.receipts_of("d1", "t1")] == [3, 4, 5]


def test_a_journal_is_rewritten_as_soon_as_it_has_grown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qrshared.inbox.journal.REWRITE_BYTES", 10_000)
    monkeypatch.setattr("qrshared.inbox.ledger.RECEIPTS_MAX", 20)
    journal = Journal(tmp_path, tmp_path / "in")
    line = len(encode(placed(1000, "a")))
    longest = 0
    for item in range(1000):
        journal.note(placed(item, "a"))
        longest = max(longest, journal.path.stat().st_size)
    assert 10_000 - line < longest <= 10_000 + line
    monkeypatch.setattr("qrshared.inbox.ledger.RECEIPTS_MAX", 100)
    for item in range(1000, 2000):
        journal.note(placed(item, "a"))
        longest = max(longest, journal.path.stat().st_size)
    assert longest <= REWRITE_GROWTH * 102 * line
    journal.close()


def test_a_journal_that_cannot_be_shortened_takes_notes_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    journal = Journal(tmp_path, tmp_path / "in")
    monkeypatch.setattr("qrshared.inbox.journal.REWRITE_BYTES", 10_000)
    write_all, tries = disk.write_all, 0

    def full(fd: int, chunks: Sequence[bytes]) -> object:
        nonlocal tries
        if len(chunks[0]) > 5000:
            tries += 1
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_all(fd, chunks)

    with monkeypatch.context() as patch:
        patch.setattr(disk, "write_all", full)
        for item in range(500):
            journal.note(placed(item, "a"))
    assert 0 < tries < 10  # not with each note
    assert "could not be shortened" in caplog.text
    assert [path.name for path in tmp_path.iterdir()] == [journal.path.name]
    journal.close()
    again = Journal(tmp_path, tmp_path / "in")
    with again.reading() as ledger:
        assert len(ledger.receipts_of("d1", "t1")) == 500
    again.close()


def test_the_longest_journal_and_the_one_in_its_place_fit_in_its_reserve() -> None:
    """Names of 200 bytes in 16 folders each, whose receipts alone reach the limit of names."""
    final = "/".join("名" * (NAME_BYTES_MAX // 3) for _ in range(FOLDERS_MAX + 1))
    record = placed(99_999, LONG, final)
    names = len(final.encode()) + len(kept_name(LONG).encode())
    frame = len(encode(record)) - names
    longest = RECEIPT_NAMES_MAX + RECEIPTS_MAX * frame
    assert (REWRITE_GROWTH + 1) * longest <= JOURNAL_RESERVE_BYTES
    assert longest > REWRITE_BYTES


# --- its room


async def test_nothing_comes_in_once_the_journals_own_disk_is_nearly_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, left = shutil.disk_usage, 0
    world = World(tmp_path, reserve_bytes=MIB)

    def usage(path: str | int | Path) -> object:
        found = real(path)
        return SimpleNamespace(total=2**40, free=left if path == world.data_dir else 2**39, used=found.used)

    async with world.open() as inbox:
        await receive(inbox, b"before", "before", key(1))
        monkeypatch.setattr(shutil, "disk_usage", usage)
        assert not inbox.room().fits(1)
        with pytest.raises(NoSpace):
            await receive(inbox, b"x", "x", key(2))
        left = MIB
        await receive(inbox, b"after", "after", key(3))
    assert set(world.visible()) == {"before", "after"}
