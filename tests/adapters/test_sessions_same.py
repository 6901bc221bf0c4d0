"""What is there already does not move, for devices that may pick up; guests never learn what is there."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from qrshared.inbox import SAME_BYTES_MAX, Placed, Wanted, disk
from qrshared.inbox import same as same_module
from qrshared.inbox.folder import Folder
from qrshared.inbox.same import SameFiles
from qrshared.protocol import Reason
from tests.adapters.sessions_world import computer
from tests.client import Batch, Bytes, File, Phone


def told(name: str, content: bytes) -> File:
    """A file whose sender says what is in it."""
    return File(name, Bytes(content), sha256=hashlib.sha256(content).hexdigest())


async def send(phone: Phone, *files: File, skip_same: bool = True) -> Batch:
    async with phone.visit() as visit:
        return await visit.send(Batch(files, skip_same=skip_same))


def already(batch: Batch) -> list[str]:
    return [receipt.name for _, receipt in sorted(batch.receipts.items()) if receipt.already]


async def test_only_what_is_not_there_moves_and_both_are_kept_where_they_differ(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        phone = await home.trusted_phone()
        first = await send(phone, told("a.jpg", b"one"), told("b.jpg", b"two"), told("trip/c.jpg", b"three"))
        assert already(first) == []
        copied = home.folder / "by hand.txt"
        copied.write_bytes(b"somebody put it here")
        again = await send(
            phone,
            told("a.jpg", b"one"),
            told("b.jpg", b"TWO"),  # same name and size, another content
            told("trip/c.jpg", b"three"),
            told("new.jpg", b"four"),
            told("by hand.txt", b"somebody put it here"),
        )
        assert already(again) == ["a.jpg", "trip/c.jpg", "by hand.txt"]
        assert again.sent_bytes == len(b"TWO" + b"four")
        assert [again.receipts[n].name for n in range(5)] == [
            "a.jpg", "b (2).jpg", "trip/c.jpg", "new.jpg", "by hand.txt",
        ]  # fmt: skip
        assert home.visible() == {
            "a.jpg": b"one", "b.jpg": b"two", "b (2).jpg": b"TWO", "trip/c.jpg": b"three", "new.jpg": b"four",
            "by hand.txt": b"somebody put it here",
        }  # fmt: skip


async def test_without_the_wish_everything_moves(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        phone = await home.trusted_phone()
        await send(phone, told("a.jpg", b"one"))
        batch = await send(phone, told("a.jpg", b"one"), skip_same=False)
        assert (already(batch), batch.sent_bytes) == ([], 3)
        assert home.visible() == {"a.jpg": b"one", "a (2).jpg": b"one"}


async def test_a_guest_learns_nothing_and_nothing_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Wanted] = []
    find = SameFiles.find

    def seen(self: SameFiles, top: Folder, wanted: Sequence[Wanted]) -> list[Placed | None]:
        asked.extend(wanted)
        return find(self, top, wanted)

    monkeypatch.setattr(SameFiles, "find", seen)
    async with computer(tmp_path) as home:
        await send(await home.trusted_phone(), told("a.jpg", b"one"), skip_same=False)
        guest = home.guest()
        batch = await send(guest, told("a.jpg", b"one"))
        assert (already(batch), batch.sent_bytes, asked) == ([], 3, [])
        assert home.visible() == {"a.jpg": b"one", "a (2).jpg": b"one"}
        # The control: for a device of the owner's the same is looked at.
        assert already(await send(await home.trusted_phone(), told("a.jpg", b"one"))) == ["a.jpg"]
        assert len(asked) == 1


@pytest.mark.parametrize(
    "name",
    ["../outside.txt", "Outbox/secret.txt", "/etc/passwd", "link.txt", "linked/x.txt", "two.txt"],
)
async def test_nothing_outside_the_inbox_is_told_of(tmp_path: Path, name: str) -> None:
    async with computer(tmp_path) as home:
        content = b"a secret"
        (tmp_path / "outside.txt").write_bytes(content)
        (home.folder / "Outbox").mkdir()
        (home.folder / "Outbox" / "secret.txt").write_bytes(content)
        (home.folder / "link.txt").symlink_to(tmp_path / "outside.txt")
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "elsewhere" / "x.txt").write_bytes(content)
        (home.folder / "linked").symlink_to(tmp_path / "elsewhere")
        (home.folder / "two.txt").hardlink_to(tmp_path / "outside.txt")
        batch = await send(await home.trusted_phone(), told(name, content))
        assert already(batch) == []
        assert batch.failures.get(0) in (None, Reason.NAME_REFUSED)


async def test_a_file_is_read_back_once_until_it_changes_also_over_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(same_module, "SETTLED_S", -60.0)
    reads: list[int] = []
    read_range = disk.read_range

    def counted(fd: int, start: int, end: int) -> Iterator[bytes]:
        reads.append(end - start)
        return read_range(fd, start, end)

    async with computer(tmp_path) as home:
        await send(await home.trusted_phone(), told("a.jpg", b"one"))
    monkeypatch.setattr(disk, "read_range", counted)
    async with computer(tmp_path) as home:
        phone = await home.trusted_phone()
        assert already(await send(phone, told("a.jpg", b"one"))) == ["a.jpg"]
        assert already(await send(phone, told("a.jpg", b"one"))) == ["a.jpg"]
        assert reads == [3]
    async with computer(tmp_path) as home:
        phone = await home.trusted_phone()
        assert already(await send(phone, told("a.jpg", b"one"))) == ["a.jpg"]
        assert reads == [3]
        before = (home.folder / "a.jpg").stat()
        (home.folder / "a.jpg").write_bytes(b"ONE")
        os.utime(home.folder / "a.jpg", ns=(before.st_atime_ns, before.st_mtime_ns))  # as a copying program does
        assert already(await send(phone, told("a.jpg", b"one"))) == []
        assert home.visible() == {"a.jpg": b"ONE", "a (2).jpg": b"one"}
    (hashes,) = (tmp_path / "data").glob("*.hashes")
    assert hashes.stat().st_mode & 0o777 == 0o600


def test_what_changed_a_moment_ago_is_not_remembered_and_what_is_remembered_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(same_module, "REMEMBERED_MAX", 3)
    folder = tmp_path / "inbox"
    folder.mkdir()
    wanted = []
    for n in range(5):
        content = f"file {n}".encode()
        (folder / str(n)).write_bytes(content)
        wanted.append(Wanted(str(n), len(content), hashlib.sha256(content).hexdigest()))
    top = Folder.open(folder)
    fresh = SameFiles(tmp_path / "fresh.hashes")
    assert [placed is not None for placed in fresh.find(top, wanted)] == [True] * 5
    fresh.save()
    assert not (tmp_path / "fresh.hashes").exists()
    late = SameFiles(tmp_path / "late.hashes", now=lambda: 4e9)
    assert [placed is not None for placed in late.find(top, wanted)] == [True] * 5
    late.save()
    assert len((tmp_path / "late.hashes").read_bytes().splitlines()) == 3
    (tmp_path / "late.hashes").write_bytes(b'[1,2\nnull\n[1,2,3,4,5,"short"]\n')
    damaged = SameFiles(tmp_path / "late.hashes")
    assert damaged.find(top, wanted)[0] is not None
    top.close()


async def test_what_is_larger_than_is_read_back_moves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert SAME_BYTES_MAX == 64 * 2**20
    monkeypatch.setattr(same_module, "SAME_BYTES_MAX", 2)
    async with computer(tmp_path) as home:
        phone = await home.trusted_phone()
        await send(phone, told("a.jpg", b"one"), told("b", b"2"))
        batch = await send(phone, told("a.jpg", b"one"), told("b", b"2"))
        assert (already(batch), batch.sent_bytes) == (["b"], 3)


async def test_many_are_looked_at_in_turns_and_all_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(same_module, "LOOK_BYTES", 10)
    monkeypatch.setattr(same_module, "LOOK_NAMES", 7)
    async with computer(tmp_path) as home:
        phone = await home.trusted_phone()
        files = [told(f"{n}.jpg", f"photo {n}".encode()) for n in range(300)]
        await send(phone, *files)
        batch = await send(phone, *files, told("last.jpg", b"x"))
        assert (len(already(batch)), batch.sent_bytes) == (300, 1)
        assert len(home.visible()) == 301


async def test_a_proposal_that_is_wholly_there_is_over_at_once_and_so_is_its_repetition(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        phone = await home.trusted_phone()
        await send(phone, told("a.jpg", b"one"))
        batch = await send(phone, told("a.jpg", b"one"))
        assert already(batch) == ["a.jpg"]
        repeated = Batch(batch.files, skip_same=True, transfer=batch.transfer)
        async with phone.visit() as visit:
            await visit.send(repeated)
        assert already(repeated) == ["a.jpg"]
        await home.quiet()
