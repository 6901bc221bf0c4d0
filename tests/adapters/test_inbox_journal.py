"""The journal: what it says survives torn tails and damage; a damaged part never becomes a wrong file."""

import json
import random
import zlib
from pathlib import Path

import pytest

from qrshared.inbox import DiskError, InboxError, ItemFacts, NoSpace, Placed
from qrshared.inbox.journal import REWRITE_BYTES, Journal
from qrshared.inbox.ledger import KEPT_DAYS, RECEIPTS_MAX, Ledger
from qrshared.inbox.records import (
    BadLine,
    DaySeen,
    ItemPlaced,
    PartBegun,
    PartGone,
    PartSafe,
    Placing,
    Record,
    RunBegun,
    RunEnded,
    decode,
    encode,
)
from tests.adapters.inbox_world import MIB, World, begin, content_of, fill, folder_in_memory, key, receive, sha256

FACTS = ItemFacts("trip/é\ud800\n.jpg", 2**53 - 1, -5)
PLACED = Placed("trip/é (2).jpg", 2**53 - 1, "ab" * 32)
RECORDS: list[Record] = [
    RunBegun(".qrshared-0123456789ab"),
    RunEnded(".qrshared-0123456789ab"),
    DaySeen(19_000, 7),
    PartBegun("part", key(), FACTS, 3),
    PartSafe("part", 8 * MIB, "cd" * 32, 4),
    PartGone("part"),
    Placing("part", key(2**32 - 1), FACTS, PLACED, 2**64 - 1, 2**64 - 1),
    ItemPlaced("part", key(), ItemFacts("a", 0), PLACED, 1),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_is_one_line_and_comes_back_equal(record: Record) -> None:
    line = encode(record)
    assert line.count(b"\n") == 1
    assert decode(line[:-1]) == record
    checksum, _, body = line[:-1].partition(b" ")
    assert int(checksum, 16) == zlib.crc32(body)
    # As an earlier version wrote it.
    ascii_only = json.dumps(json.loads(body.decode("utf-8", "surrogatepass"))).encode()
    assert ascii_only.isascii()
    assert decode(b"%08x %s" % (zlib.crc32(ascii_only), ascii_only)) == record


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_line_with_one_changed_bit_is_refused(record: Record) -> None:
    line = encode(record)[:-1]
    for at in range(len(line)):
        for bit in range(8):
            changed = line[:at] + bytes([line[at] ^ 1 << bit]) + line[at + 1 :]
            if changed.lower() == line.lower() and at < 8:
                continue  # the checksum's hex digits may be of either case
            with pytest.raises(BadLine):
                decode(changed)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"5", b'["r"]', b'["r",5]', b'["x","y"]', b'["d",true,1]', b'["d",-1,1]']
)
def test_a_line_of_the_wrong_shape_is_refused_though_its_checksum_is_right(body: bytes) -> None:
    with pytest.raises(BadLine):
        decode(b"%08x %s" % (zlib.crc32(body), body))


def journal_at(root: Path) -> Journal:
    return Journal(root, root / "in")


def test_what_was_noted_is_known_again_and_a_torn_tail_is_no_matter(tmp_path: Path) -> None:
    journal = journal_at(tmp_path)
    for item in range(10):
        journal.note(ItemPlaced(f"p{item}", key(item), ItemFacts("a", 1), Placed("a", 1, "ab"), 0))
    journal.close()
    text = journal.path.read_bytes()
    assert journal.path.stat().st_mode & 0o777 == 0o600
    last = text.rstrip(b"\n").rfind(b"\n") + 1
    for cut in range(last, len(text)):
        journal.path.write_bytes(text[:cut])
        again = journal_at(tmp_path)
        with again.reading() as ledger:
            assert len(ledger.receipts_of("d1", "t1")) == 9
        again.note(RunBegun("after"))
        again.close()
        third = journal_at(tmp_path)
        with third.reading() as ledger:
            assert ledger.runs == {"after"}
        third.close()


def test_another_inbox_has_another_journal(tmp_path: Path) -> None:
    journals = [Journal(tmp_path, tmp_path / name) for name in ("a", "b")]
    assert journals[0].path != journals[1].path


def test_rewriting_says_the_same_in_fewer_lines(tmp_path: Path) -> None:
    journal = journal_at(tmp_path)
    journal.note(PartBegun("p", key(), ItemFacts("a", 9 * MIB), 0))
    for offset in range(1, 500):
        journal.note(PartSafe("p", offset, "ab", 0))
    before = journal.path.stat().st_size
    journal.rewrite()
    assert journal.path.stat().st_size < before // 50
    journal.note(PartSafe("p", 500, "cd", 0))
    journal.close()
    again = journal_at(tmp_path)
    with again.reading() as ledger:
        assert [(part.safe, part.sha256) for part in ledger.parts.values()] == [(500, "cd")]
    again.close()


def test_a_journal_that_has_grown_is_rewritten_by_itself(tmp_path: Path) -> None:
    journal = journal_at(tmp_path)
    journal.note(*[RunBegun("x" * 1000)] * (REWRITE_BYTES // 1000 // 2))
    journal.rewrite_if_grown()
    assert journal.path.stat().st_size > REWRITE_BYTES // 4
    journal.note(*[RunBegun("x" * 1000)] * (REWRITE_BYTES // 1000))
    journal.rewrite_if_grown()
    assert journal.path.stat().st_size < 3000
    journal.close()


def test_a_failed_append_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno
    import os

    from qrshared.inbox import disk

    journal = journal_at(tmp_path)
    journal.note(RunBegun("one"))

    def torn(fd: int, chunks: list[bytes]) -> int:
        os.write(fd, chunks[0][:7])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(disk, "write_all", torn)
        with pytest.raises(InboxError):
            journal.note(RunBegun("two"))
    journal.note(RunBegun("three"))
    journal.close()
    again = journal_at(tmp_path)
    with again.reading() as ledger:
        assert ledger.runs == {"one", "three"}
    again.close()


def test_the_oldest_receipts_give_way_to_new_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    assert RECEIPTS_MAX >= 100_000  # a whole transfer's
    monkeypatch.setattr("qrshared.inbox.ledger.RECEIPTS_MAX", 3)
    ledger = Ledger()
    for item in range(5):
        ledger.apply(ItemPlaced("p", key(item), ItemFacts("a", 1), Placed("a", 1, "ab"), 0))
    assert [one.key.item for one in ledger.receipts_of("d1", "t1")] == [2, 3, 4]


# --- damage -----------------------------------------------------------------------------------------------------------


async def half_received(world: World, content: bytes) -> None:
    async with world.open() as inbox:
        await receive(inbox, b"earlier", "earlier.txt", key(5))
        part = await begin(inbox, content)
        await fill(part, content, upto=2 * MIB)
        await part.sync()
        await fill(part, content, upto=3 * MIB)


async def finish(world: World, content: bytes) -> None:
    """What a sender does who never gives up: at most two tries, since damage is found and dropped at the first."""
    for attempt in range(2):
        async with world.open() as inbox:
            part = await begin(inbox, content)
            try:
                await fill(part, content)
                placed = await inbox.commit(part)
            except DiskError:
                assert attempt == 0
                continue
            assert placed.sha256 == sha256(content)
            return


def mutate(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    at = chance.randrange(len(data))
    match chance.randrange(5):
        case 0:
            data[at] ^= 1 << chance.randrange(8)
        case 1:
            del data[at:]
        case 2:
            data += chance.randbytes(100)
        case 3:
            data[at : at + 50] = chance.randbytes(50)
        case 4:
            lines = data.split(b"\n")
            chance.shuffle(lines)
            data = bytearray(b"\n".join(lines))
    path.write_bytes(data)


@pytest.mark.parametrize("seed", range(4))
async def test_25_damaged_journals_and_parts_never_give_a_wrong_file(seed: int) -> None:
    chance = random.Random(seed)
    content = content_of(4 * MIB, seed)
    with folder_in_memory() as root:
        for number in range(25):
            world = World(root / str(number))
            world.root.mkdir()
            await half_received(world, content)
            mutate(world.journal if number % 2 else world.folder / world.own_files()[0], chance)
            await finish(world, content)
            files = world.visible()
            assert files.pop("earlier.txt") == b"earlier"
            assert set(files.values()) == {content}
            assert world.own_files() == []


async def test_without_the_journaled_hash_a_damaged_part_would_become_a_wrong_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control: the damage above is of a kind that matters."""
    from qrshared.inbox.part import PartFile

    real = PartFile.reread

    def trusting(part: PartFile) -> None:
        part._claimed = (0, "")
        real(part)

    world, content = World(tmp_path), content_of(4 * MIB)
    await half_received(world, content)
    part = world.folder / world.own_files()[0]
    part.write_bytes(b"\0" + part.read_bytes()[1:])
    monkeypatch.setattr(PartFile, "reread", trusting)
    async with world.open() as inbox:
        hold = await begin(inbox, content)
        await fill(hold, content)
        await inbox.commit(hold)
    assert world.visible()["photo.jpg"] != content


async def test_a_computer_that_is_in_1970_after_each_start_counts_each_day_once(tmp_path: Path) -> None:
    world, content = World(tmp_path), content_of(3 * MIB)
    async with world.open() as inbox:
        await fill(part := await begin(inbox, content), content, upto=2 * MIB)
        await part.sync()
    today = world.clock.now
    for _ in range(2 * KEPT_DAYS):
        for now in (0.0, today):
            world.clock.now = now
            async with world.open() as inbox:
                assert [one.offset for one in inbox.unfinished("d1")] == [2 * MIB]


async def test_a_file_whose_placement_cannot_be_written_down_any_more_is_there_once_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, note = World(tmp_path), Journal.note

    def full(journal: Journal, *records: Record) -> None:
        if any(isinstance(record, ItemPlaced) for record in records):
            raise NoSpace(needed=1, free=0)
        note(journal, *records)

    async with world.open() as inbox:
        with monkeypatch.context() as patch:
            patch.setattr(Journal, "note", full)
            placed = await receive(inbox, b"mine")
        assert (await inbox.begin(key(), ItemFacts("photo.jpg", 4))).placed == placed
    async with world.open() as inbox:
        assert (await inbox.begin(key(), ItemFacts("photo.jpg", 4))).placed == placed
    assert world.visible() == {"photo.jpg": b"mine"}
