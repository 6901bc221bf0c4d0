"""Placement: three ways, none of which ever replaces a file; the fourth, look and rename, is the control."""

import errno
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from qrshared.inbox import Rung, disk
from qrshared.inbox.folder import Folder
from qrshared.inbox.place import Ladder, finish_link, remove_placeholder
from tests.adapters.inbox_world import listing

SENDERS = 40
ROUNDS = 25


def part_of(folder: Folder, content: bytes, name: str = ".qrshared-part") -> str:
    fd = folder.create(name)
    disk.write_all(fd, [content])
    os.close(fd)
    return name


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder.open(tmp_path)


@pytest.mark.parametrize("rung", Rung, ids=lambda rung: rung.name.lower())
def test_a_free_name_is_taken_and_the_part_is_gone(folder: Folder, rung: Rung) -> None:
    Ladder(rung).place(folder, part_of(folder, b"new"), folder, "photo.jpg")
    assert listing(folder.path) == ["photo.jpg"]
    assert (folder.path / "photo.jpg").read_bytes() == b"new"


@pytest.mark.parametrize("rung", Rung, ids=lambda rung: rung.name.lower())
@pytest.mark.parametrize("obstacle", ["file", "empty file", "folder", "link", "dangling link", "fifo"])
def test_whatever_has_the_name_stays_as_it_is(folder: Folder, rung: Rung, obstacle: str) -> None:
    taken = folder.path / "photo.jpg"
    match obstacle:
        case "file":
            taken.write_bytes(b"old")
        case "empty file":
            taken.touch()
        case "folder":
            taken.mkdir()
        case "link":
            taken.symlink_to("/etc/hostname")
        case "dangling link":
            taken.symlink_to(folder.path / "made-through-a-link")
        case "fifo":
            os.mkfifo(taken)
    before = os.lstat(taken)
    with pytest.raises(FileExistsError):
        Ladder(rung).place(folder, part_of(folder, b"new"), folder, "photo.jpg")
    assert os.path.samestat(before, os.lstat(taken))
    assert before.st_size == os.lstat(taken).st_size
    assert listing(folder.path) == [".qrshared-part", "photo.jpg"]


@pytest.mark.parametrize("rung", Rung, ids=lambda rung: rung.name.lower())
def test_a_part_moves_into_a_folder_inside(folder: Folder, rung: Rung) -> None:
    folder.make("trip")
    inside = folder.enter("trip")
    assert inside is not None
    Ladder(rung).place(folder, part_of(folder, b"new"), inside, "a.jpg")
    assert (folder.path / "trip" / "a.jpg").read_bytes() == b"new"


def refuse(*numbers: int) -> Callable[..., None]:
    def call(*_: object, **__: object) -> None:
        raise OSError(numbers[0], os.strerror(numbers[0]))

    return call


def test_exfat_sends_the_ladder_down_to_the_placeholder(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "rename_to_free", refuse(errno.EINVAL))
    monkeypatch.setattr(os, "link", refuse(errno.EPERM))
    ladder = Ladder()
    ladder.place(folder, part_of(folder, b"new"), folder, "photo.jpg")
    assert ladder.rung is Rung.PLACEHOLDER
    assert (folder.path / "photo.jpg").read_bytes() == b"new"


def test_ntfs_sends_the_ladder_down_to_links(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "rename_to_free", refuse(errno.EINVAL))
    ladder = Ladder()
    ladder.probe(folder, "a", "b", "c")
    assert ladder.rung is Rung.LINK
    assert listing(folder.path) == []


def test_a_full_disk_does_not_send_the_ladder_down(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "rename_to_free", refuse(errno.ENOSPC))
    ladder = Ladder()
    with pytest.raises(OSError, match="No space"):
        ladder.place(folder, part_of(folder, b"new"), folder, "photo.jpg")
    assert ladder.rung is Rung.RENAME


def test_a_file_system_that_ignores_the_flag_is_found_out_by_the_probe(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def careless(source_fd: int, source: str, target_fd: int, target: str) -> None:
        os.replace(source, target, src_dir_fd=source_fd, dst_dir_fd=target_fd)

    monkeypatch.setattr(disk, "rename_to_free", careless)
    ladder = Ladder()
    ladder.probe(folder, "a", "b", "c")
    assert ladder.rung is Rung.PLACEHOLDER


def test_this_file_system_needs_one_call_only(folder: Folder) -> None:
    ladder = Ladder()
    ladder.probe(folder, "a", "b", "c")
    assert ladder.rung is Rung.RENAME
    assert listing(folder.path) == []


def test_a_cut_between_link_and_unlink_can_be_finished(folder: Folder) -> None:
    part = part_of(folder, b"new")
    assert not finish_link(folder, part, folder, "photo.jpg")
    os.link(folder.path / part, folder.path / "photo.jpg")
    assert finish_link(folder, part, folder, "photo.jpg")
    assert listing(folder.path) == ["photo.jpg"]


def test_two_equal_files_are_not_taken_for_one(folder: Folder) -> None:
    part = part_of(folder, b"same")
    (folder.path / "photo.jpg").write_bytes(b"same")
    assert not finish_link(folder, part, folder, "photo.jpg")
    assert len(listing(folder.path)) == 2


def test_only_our_own_placeholder_is_removed(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "replace", refuse(errno.EIO))
    monkeypatch.setattr("qrshared.inbox.place.remove_placeholder", lambda *_, **__: None)  # as if killed right here
    part = part_of(folder, b"new")
    with pytest.raises(OSError, match="Input/output"):
        Ladder(Rung.PLACEHOLDER).place(folder, part, folder, "photo.jpg")
    monkeypatch.undo()
    for other in ("empty.jpg", "full.jpg"):
        (folder.path / other).write_bytes(b"" if other == "empty.jpg" else b"content")
        remove_placeholder(folder, other, part)
    remove_placeholder(folder, "photo.jpg", ".qrshared-another")
    assert listing(folder.path) == [part, "empty.jpg", "full.jpg", "photo.jpg"]
    for name in ("photo.jpg", "full.jpg"):
        remove_placeholder(folder, name, part, even_if_cut=True)
    assert listing(folder.path) == [part, "empty.jpg", "full.jpg"]


def test_a_placeholder_goes_when_its_rename_fails(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "replace", refuse(errno.EIO))
    with pytest.raises(OSError, match="Input/output"):
        Ladder(Rung.PLACEHOLDER).place(folder, part_of(folder, b"new"), folder, "photo.jpg")
    assert listing(folder.path) == [".qrshared-part"]


# --- the race ---------------------------------------------------------------------------------------------------------


def look_and_rename(source: Folder, part: str, target: Folder, name: str) -> None:
    """Control: what many programs do."""
    if target.status(name) is not None:
        raise FileExistsError(name)
    os.rename(part, name, src_dir_fd=source.fd, dst_dir_fd=target.fd)


Placement = Callable[[Folder, str, Folder, str], None]


def lost_in_a_round(root: Path, placement: Placement) -> int:
    """How many of 40 files with one name are not there after all were placed at once."""
    folder = Folder.open(root)
    parts = [part_of(folder, str(sender).encode(), f".part{sender}") for sender in range(SENDERS)]

    def send(part: str) -> None:
        for number in range(1, SENDERS + 1):
            try:
                placement(folder, part, folder, "photo.jpg" if number == 1 else f"photo ({number}).jpg")
                return
            except FileExistsError:
                continue

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(send, parts))
    kept = {path.read_text() for path in root.iterdir() if not path.name.startswith(".")}
    folder.close()
    return SENDERS - len(kept)


@pytest.mark.parametrize("rung", Rung, ids=lambda rung: rung.name.lower())
def test_no_file_is_lost_when_40_senders_use_one_name_25_times(tmp_path: Path, rung: Rung) -> None:
    ladder = Ladder(rung)
    rounds = [tmp_path / str(number) for number in range(ROUNDS)]
    for root in rounds:
        root.mkdir()
    assert sum(lost_in_a_round(root, ladder.place) for root in rounds) == 0


def test_looking_first_and_renaming_then_loses_files(tmp_path: Path) -> None:
    lost = 0
    for number in range(20 * ROUNDS):
        root = tmp_path / str(number)
        root.mkdir()
        lost += lost_in_a_round(root, look_and_rename)
        if lost:
            break
    assert lost > 0
