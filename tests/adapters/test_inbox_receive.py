"""Receiving: begin, write, make safe, commit; cuts, resumes, takeovers, cancelled callers, groups."""

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from qrshared.errors import LocalError
from qrshared.inbox import (
    BLOCK_BYTES,
    RECORD_ABOVE_BYTES,
    ItemFacts,
    NameRefused,
    PartTakenOver,
    Rung,
)
from qrshared.inbox.inbox import SIZE_MAX
from tests.adapters.inbox_world import MIB, World, begin, content_of, fill, key, listing, receive, sha256


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.mark.parametrize("rung", [None, *Rung])
@pytest.mark.parametrize("size", [0, 1, 65_280, RECORD_ABOVE_BYTES, RECORD_ABOVE_BYTES + 1, BLOCK_BYTES + 12_345])
async def test_a_file_arrives_whole_with_a_truthful_receipt(world: World, rung: Rung | None, size: int) -> None:
    world.rung = rung
    content = content_of(size)
    async with world.open() as inbox:
        placed = await receive(inbox, content)
    assert (placed.name, placed.size, placed.sha256) == ("photo.jpg", size, sha256(content))
    assert world.visible() == {"photo.jpg": content}
    assert world.own_files() == []


async def test_equal_names_are_numbered_and_nothing_is_overwritten(world: World) -> None:
    world.folder.mkdir(parents=True)
    (world.folder / "photo.jpg").write_bytes(b"was here")
    async with world.open() as inbox:
        names = [(await receive(inbox, b"%d" % n, at=key(n))).name for n in range(4)]
    assert names == ["photo (2).jpg", "photo (3).jpg", "photo (4).jpg", "photo (5).jpg"]
    assert world.visible()["photo.jpg"] == b"was here"


async def test_40_senders_of_one_name_at_once_all_get_their_own_file(world: World) -> None:
    async with world.open() as inbox:
        placed = await asyncio.gather(*[receive(inbox, b"%d" % n, at=key(n, device=f"d{n}")) for n in range(40)])
    assert len({one.name for one in placed}) == 40
    assert {one.name: sha256(world.visible()[one.name]) for one in placed} == {one.name: one.sha256 for one in placed}


async def test_a_tree_gets_its_folders_and_a_link_in_the_way_is_walked_around(world: World) -> None:
    outside = world.root / "outside"
    outside.mkdir()
    world.folder.mkdir(parents=True)
    (world.folder / "trip").symlink_to(outside)
    (world.folder / "day").write_bytes(b"a file in the way")
    async with world.open() as inbox:
        names = [
            (await receive(inbox, b"x", name, key(n))).name
            for n, name in enumerate(["trip/a.jpg", "trip/a.jpg", "day/one/b.jpg", "day/two/b.jpg", "outbox/c.jpg"])
        ]
    assert names == [
        "trip (2)/a.jpg", "trip (2)/a (2).jpg", "day (2)/one/b.jpg", "day (2)/two/b.jpg", "outbox (2)/c.jpg",
    ]  # fmt: skip
    assert listing(outside) == []


async def test_the_mode_is_what_the_owner_set_less_the_umask_and_never_executable(world: World) -> None:
    before = os.umask(0o027)
    try:
        async with world.open() as inbox:
            part = await begin(inbox, b"x")
            assert (world.folder / world.own_files()[0]).stat().st_mode & 0o777 == 0o600
            await fill(part, b"x")
            await inbox.commit(part)
    finally:
        os.umask(before)
    assert (world.folder / "photo.jpg").stat().st_mode & 0o777 == 0o640


async def test_more_bytes_than_announced_are_our_own_fault_and_change_nothing(world: World) -> None:
    async with world.open() as inbox:
        part = await inbox.begin(key(), ItemFacts("a", 3))
        await part.write([b"ab"])
        with pytest.raises(LocalError):
            await part.write([b"cd"])
        with pytest.raises(LocalError):
            await inbox.commit(part)
        assert part.offset == 2
        await part.write([b"c"])
        assert (await inbox.commit(part)).sha256 == sha256(b"abc")


@pytest.mark.parametrize("size", [-1, SIZE_MAX + 1])
async def test_an_impossible_size_is_refused(world: World, size: int) -> None:
    async with world.open() as inbox:
        with pytest.raises(LocalError):
            await inbox.begin(key(), ItemFacts("a", size))


async def test_an_escaping_name_is_refused_before_a_byte_is_sent(world: World) -> None:
    async with world.open() as inbox:
        with pytest.raises(NameRefused):
            await inbox.begin(key(), ItemFacts("../a", 1))
    assert world.own_files() == []


# --- cuts and resumes -------------------------------------------------------------------------------------------------


async def test_after_a_cut_the_same_run_goes_on_from_what_was_taken(world: World) -> None:
    content = content_of(3 * MIB)
    async with world.open() as inbox:
        part = await begin(inbox, content)
        await fill(part, content, upto=MIB + 5)
        part.close()
        assert [(one.key, one.offset, one.placed) for one in inbox.stored("d1", ["t1"])] == [(key(), MIB + 5, None)]
        again = await begin(inbox, content)
        assert again.offset == MIB + 5
        await fill(again, content)
        assert (await inbox.commit(again)).sha256 == sha256(content)
    assert world.own_files() == []


async def test_after_a_restart_it_goes_on_from_what_was_safe(world: World) -> None:
    content = content_of(20 * MIB)
    async with world.open() as inbox:
        part = await begin(inbox, content)
        await fill(part, content, upto=10 * MIB)
        assert await part.sync() == 10 * MIB
        await fill(part, content, upto=15 * MIB)
    async with world.open() as inbox:
        assert [one.offset for one in inbox.stored("d1", ["t1"])] == [10 * MIB]
        assert [one.offset for one in inbox.unfinished("d1")] == [10 * MIB]
        assert inbox.unfinished("d2") == []
        again = await begin(inbox, content)
        assert again.offset == 10 * MIB
        await fill(again, content)
        assert (await inbox.commit(again)).sha256 == sha256(content)
        assert [one.placed is not None for one in inbox.stored("d1", ["t1"])] == [True]
    assert world.visible() == {"photo.jpg": content}


async def test_a_part_that_was_whole_at_the_restart_needs_no_byte(world: World) -> None:
    content = content_of(2 * MIB)
    async with world.open() as inbox:
        part = await begin(inbox, content)
        await fill(part, content)
        await part.sync()
    async with world.open() as inbox:
        again = await begin(inbox, content)
        assert again.offset == len(content)
        assert (await inbox.commit(again)).sha256 == sha256(content)


async def test_small_parts_do_not_survive_a_restart_and_leave_nothing(world: World) -> None:
    async with world.open() as inbox:
        part = await begin(inbox, content_of(1000))
        await part.write([b"x" * 500])
        assert await part.sync() == 0
        assert len(world.own_files()) == 1
    async with world.open() as inbox:
        assert inbox.stored("d1", ["t1"]) == []
        assert world.own_files() == []


async def test_another_transfer_adopts_a_part_of_the_same_device_name_and_size(world: World) -> None:
    content = content_of(3 * MIB)
    async with world.open() as inbox:
        part = await begin(inbox, content, at=key(transfer="old"))
        await fill(part, content, upto=2 * MIB)
        await part.sync()
        part.close()
        live = await inbox.begin(key(7), ItemFacts("photo.jpg", len(content)), adopt=key(transfer="old"))
        assert live.offset == 2 * MIB
        assert [one.key for one in inbox.unfinished("d1")] == [key(7)]
    async with world.open() as inbox:
        new = await inbox.begin(key(8, transfer="new"), ItemFacts("photo.jpg", len(content)), adopt=key(7))
        assert new.offset == 2 * MIB
        await fill(new, content)
        assert (await inbox.commit(new)).sha256 == sha256(content)
        assert inbox.unfinished("d1") == []


@pytest.mark.parametrize("restart", [False, True])
async def test_a_part_of_another_name_or_size_is_not_adopted_and_stays(world: World, restart: bool) -> None:
    content = content_of(3 * MIB)
    async with world.open() as inbox:
        part = await begin(inbox, content)
        await fill(part, content, upto=2 * MIB)
        await part.sync()
        part.close()
        if not restart:
            other = await inbox.begin(key(9), ItemFacts("photo.jpg", 2 * MIB), adopt=key())
            assert (other.offset, (await begin(inbox, content)).offset) == (0, 2 * MIB)
    if restart:
        async with world.open() as inbox:
            other = await inbox.begin(key(9), ItemFacts("other.jpg", len(content)), adopt=key())
            assert (other.offset, (await begin(inbox, content)).offset) == (0, 2 * MIB)


async def test_a_part_of_another_device_is_never_adopted(world: World) -> None:
    async with world.open() as inbox:
        with pytest.raises(LocalError):
            await inbox.begin(key(), ItemFacts("a", 1), adopt=key(device="d2"))


async def test_a_changed_file_under_the_same_key_begins_anew(world: World) -> None:
    async with world.open() as inbox:
        part = await inbox.begin(key(), ItemFacts("a", 4))
        await part.write([b"old"])
        part.close()
        again = await inbox.begin(key(), ItemFacts("a", 5))
        assert again.offset == 0
        await again.write([b"fresh"])
        assert (await inbox.commit(again)).sha256 == sha256(b"fresh")
    assert world.own_files() == []


async def test_block_digests_are_of_what_was_kept_and_a_rewind_drops_the_rest(world: World) -> None:
    content, changed = content_of(20 * MIB), content_of(20 * MIB, seed=1)
    async with world.open() as inbox:
        part = await begin(inbox, changed)
        await fill(part, content, upto=BLOCK_BYTES)
        await fill(part, changed, upto=18 * MIB)
        await part.sync()
    async with world.open() as inbox:
        part = await begin(inbox, content)
        await fill(part, content, upto=19 * MIB)
        digests = [await part.block_digest(index) for index in range(3)]
        kept = content[:BLOCK_BYTES] + changed[BLOCK_BYTES : 18 * MIB]
        blocks = [kept[start : start + BLOCK_BYTES] for start in range(0, len(kept), BLOCK_BYTES)]
        assert digests == [hashlib.blake2b(block, digest_size=32).digest() for block in blocks]
        with pytest.raises(LocalError):
            await part.block_digest(3)
        await part.rewind(BLOCK_BYTES)
        assert part.offset == BLOCK_BYTES
        await fill(part, content)
        assert (await inbox.commit(part)).sha256 == sha256(content)
    assert world.visible() == {"photo.jpg": content}


async def test_a_rewind_is_not_forgotten_by_a_crash(world: World) -> None:
    content = content_of(4 * MIB)
    async with world.open() as inbox:
        part = await begin(inbox, content)
        await fill(part, b"wrong" * MIB, upto=3 * MIB)
        await part.sync()
        await part.rewind(MIB)
        await fill(part, content, upto=2 * MIB)
    async with world.open() as inbox:
        part = await begin(inbox, content)
        assert part.offset == 0
        await fill(part, content)
        assert (await inbox.commit(part)).sha256 == sha256(content)


async def test_a_discarded_part_leaves_nothing(world: World) -> None:
    async with world.open() as inbox:
        part = await begin(inbox, content_of(3 * MIB))
        await part.write([b"x" * 1000])
        await inbox.discard(part)
        assert (inbox.stored("d1", ["t1"]), world.own_files()) == ([], [])
        with pytest.raises(PartTakenOver):
            await part.write([b"x"])


async def test_a_repeated_proposal_gets_the_same_receipt_and_no_second_file(world: World) -> None:
    content = content_of(2 * MIB)
    async with world.open() as inbox:
        placed = await receive(inbox, content)
        again = await begin(inbox, content)
        assert (again.placed, again.offset, await inbox.commit(again)) == (placed, len(content), placed)
        await inbox.discard(again)
    async with world.open() as inbox:
        assert [one.placed for one in inbox.stored("d1", ["t1"])] == [placed]
        assert await inbox.commit(await begin(inbox, content)) == placed
    assert world.visible() == {"photo.jpg": content}
