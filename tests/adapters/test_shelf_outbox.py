"""The Outbox and trees: what is offered, when, under which id, and what never is."""

import asyncio
import os
import stat
import subprocess
import sys
import unicodedata
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from qrshared.shelf import (
    OUTBOX_ITEMS_MAX,
    OUTBOX_NAME,
    REST_S,
    Kind,
    Outbox,
    OutboxInTheWay,
    SourceChanged,
    SourceUnreadable,
    TreeTooLarge,
)
from qrshared.shelf import look_at as seen_at
from qrshared.shelf.tree import DEPTH_MAX, ENTRIES_MAX, walk
from qrshared.shelf.waiting import TEXT_BYTES_MAX, Waiting

SALT = b"s" * 16
ID = "0" * 32
HOSTILE = [
    "a\nb.txt", 'quo"te.txt', "semi;colon.txt", "\u202egnp.exe", "back\\slash.txt", "名前 🎉.jpg", "e\u0301.txt",
    "a" * 251, "-rf", "%2e%2e%2f", "<script>.html", "CON", "trail. ",
    "\x1b[2Jclear", os.fsdecode(b"not-\xff-text"),
]  # fmt: skip


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    (tmp_path / "inbox").mkdir()
    made = Outbox(lambda: tmp_path / "inbox", SALT)
    made.look(0)
    return made


@pytest.fixture
def top(tmp_path: Path, outbox: Outbox) -> Path:
    return tmp_path / "inbox" / OUTBOX_NAME


def rested(outbox: Outbox) -> list[Waiting]:
    """What waits once nothing changes any more."""
    outbox.look(1000.0)
    return sorted(outbox.look(1000.0 + REST_S).items, key=lambda one: one.name)


def test_the_folder_is_made_at_the_first_look_and_again_when_it_is_gone(outbox: Outbox, top: Path) -> None:
    assert top.is_dir()
    top.rmdir()
    assert outbox.look(1).items == ()
    assert top.is_dir()


def test_without_an_inbox_nothing_is_made_anywhere(tmp_path: Path) -> None:
    look = Outbox(lambda: None, SALT).look(0)
    assert (look.items, look.inbox) == ((), None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("plant", [lambda path: path.symlink_to("/tmp"), lambda path: path.write_text("a file")])
def test_something_else_of_that_name_is_a_problem_with_a_sentence(
    tmp_path: Path, plant: Callable[[Path], None]
) -> None:
    plant(tmp_path / OUTBOX_NAME)
    with pytest.raises(OutboxInTheWay, match="Move it away"):
        Outbox(lambda: tmp_path, SALT).look(0)


def test_a_file_that_grows_waits_until_it_rests(outbox: Outbox, top: Path) -> None:
    file = top / "film.mp4"
    file.write_bytes(b"a")
    for second in range(1, 6):
        look = outbox.look(float(second * 2))
        assert (look.items, look.is_restless) == ((), True)
        with file.open("ab") as growing:
            growing.write(b"more")
    outbox.look(20.0)
    assert outbox.look(20.0 + REST_S - 0.1).items == ()
    (one,) = outbox.look(20.0 + REST_S).items
    assert (one.name, one.size, one.kind) == ("film.mp4", 21, Kind.FILE)
    assert not outbox.look(30.0).is_restless


def test_a_folder_into_which_something_is_copied_waits_too(outbox: Outbox, top: Path) -> None:
    deep = top / "trip" / "day 1"
    deep.mkdir(parents=True)
    for second in range(1, 5):
        (deep / f"{second}.jpg").write_bytes(b"x" * second)
        assert outbox.look(second * 2.0).items == ()
    (one,) = rested(outbox)
    assert (one.name, one.kind, one.count, one.size) == ("trip", Kind.FOLDER, 4, 10)


def test_an_id_stays_over_restarts_and_goes_with_the_content(tmp_path: Path, outbox: Outbox, top: Path) -> None:
    (top / "a.txt").write_text("one")
    (top / "folder").mkdir()
    file, folder = rested(outbox)
    again = Outbox(lambda: tmp_path / "inbox", SALT)
    assert [one.id for one in rested(again)] == [file.id, folder.id]
    assert [one.id for one in rested(Outbox(lambda: tmp_path / "inbox", b"t" * 16))] != [file.id, folder.id]
    (top / "a.txt").write_text("other words")
    (top / "folder" / "new").write_text("x")
    changed, same = rested(outbox)
    assert changed.id != file.id
    assert (same.id, same.count) == (folder.id, 1)


def test_what_still_is_as_an_earlier_process_left_it_need_not_rest_again(
    tmp_path: Path, outbox: Outbox, top: Path
) -> None:
    for name in ("same.txt", "grown.txt", "same/a.txt", "grown/a.txt"):
        (top / name).parent.mkdir(exist_ok=True)
        (top / name).write_text("one")
    outbox.look(1000.0)
    marks = outbox.look(1000.0 + REST_S).marks
    assert len(marks) == 4
    for name in ("grown.txt", "grown/a.txt", "new.txt"):
        (top / name).write_text("another")
    again = Outbox(lambda: tmp_path / "inbox", SALT, marks)
    first = again.look(5.0)
    assert (sorted(one.name for one in first.items), first.is_restless) == (["same", "same.txt"], True)
    assert set(first.marks) < set(marks)
    assert not again.look(5.0 + REST_S).is_restless
    (top / "same.txt").write_text("now that it is known to both")
    assert "same.txt" not in [one.name for one in again.look(9.0).items]
    assert {one.name for one in Outbox(lambda: tmp_path / "inbox", b"t" * 16, marks).look(5.0).items} == set()


def test_a_folder_is_known_to_another_process_by_what_is_in_it(tmp_path: Path, outbox: Outbox, top: Path) -> None:
    (top / "trip").mkdir()
    (top / "trip" / "a.jpg").write_text("a")
    (here,) = rested(outbox)
    say = "import pathlib, sys; from qrshared.shelf import look_at; print(look_at(pathlib.Path(sys.argv[1]), ''))"
    said = subprocess.run([sys.executable, "-c", say, str(top / "trip")], check=True, capture_output=True, text=True)
    assert repr(here.signature) in said.stdout


def test_hidden_unfinished_and_special_things_are_not_offered(tmp_path: Path, outbox: Outbox, top: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (top / "link").symlink_to(tmp_path / "secret")
    (top / "folder-link").symlink_to(tmp_path)
    os.mkfifo(top / "pipe")
    for name in (".hidden", ".qrshared-x.part", "film.mp4.part", "a.crdownload", "~$letter.docx", "B.PARTIAL"):
        (top / name).write_text("no")
    (top / "yes").mkdir()
    (top / "yes" / "link").symlink_to(tmp_path / "secret")
    (top / "yes" / "folder-link").symlink_to(tmp_path)
    (top / "yes" / ".git").mkdir()
    os.mkfifo(top / "yes" / "pipe")
    (top / "yes" / "real").write_text("real")
    (one,) = rested(outbox)
    assert [source.name for source in one.sources()] == ["yes/real"]


@pytest.mark.skipif(sys.platform == "darwin", reason="this file system takes no such names")
def test_hostile_names_are_told_as_text_and_their_bytes_come_whole(outbox: Outbox, top: Path) -> None:
    for number, name in enumerate(HOSTILE):
        (top / name).write_bytes(b"%d" % number)
    found = rested(outbox)
    assert len(found) == len({one.id for one in found}) == len(HOSTILE)
    for one in found:
        one.name.encode()
        assert "/" not in one.name
        (source,) = one.sources()
        assert source.read(0, source.size) == b"%d" % HOSTILE.index(one.path.name)


def test_small_utf8_notes_are_texts_and_nothing_else_is(top: Path) -> None:
    for name, content, kind in [
        ("note.txt", "grüß".encode(), Kind.TEXT), ("NOTE.TXT", b"a", Kind.TEXT), ("latin.txt", b"gr\xfc", Kind.FILE),
        ("empty.txt", b"", Kind.FILE), ("long.txt", b"a" * (TEXT_BYTES_MAX + 1), Kind.FILE), ("a.md", b"a", Kind.FILE),
    ]:  # fmt: skip
        (top / name).write_bytes(content)
        assert seen_at(top / name, ID).kind is kind, name


def test_no_more_wait_than_a_list_holds_and_the_rest_is_counted(outbox: Outbox, top: Path) -> None:
    for number in range(OUTBOX_ITEMS_MAX + 3):
        (top / f"{number}.jpg").write_text("x")
        os.utime(top / f"{number}.jpg", (number, number))
    outbox.look(1.0)
    look = outbox.look(1.0 + REST_S)
    assert (len(look.items), look.left_out) == (OUTBOX_ITEMS_MAX, 3)
    assert "0.jpg" not in {one.name for one in look.items}


# --- trees ----------------------------------------------------------------------------------------------------------


def test_a_tree_of_1000_folders_is_found_whole_with_its_empty_ones(tmp_path: Path) -> None:
    top = tmp_path / "tree"
    for number in range(500):
        (top / f"{number % 20}" / f"{number}" / "full").mkdir(parents=True)
        (top / f"{number % 20}" / f"{number}" / "empty").mkdir()
        (top / f"{number % 20}" / f"{number}" / "full" / "file").write_text(str(number))
    held = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 -- a count of names that are numbers
    one = seen_at(top, ID)
    sources = one.sources()
    folders = [source for source in sources if source.kind is Kind.FOLDER]
    assert (one.count, len(folders)) == (500, 500)
    assert all(source.name.endswith("/empty") and source.size == 0 for source in folders)
    files = {source.name: source.read(0, source.size) for source in sources if source.kind is Kind.FILE}
    assert files["tree/19/499/full/file"] == b"499"
    assert len(os.listdir("/proc/self/fd")) == held  # noqa: PTH208 -- a count of names that are numbers


def test_a_tree_is_bounded_in_number_and_depth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "many").mkdir()
    for number in range(4):
        (tmp_path / "many" / str(number)).write_text("x")
    assert ENTRIES_MAX == 100_000
    monkeypatch.setattr("qrshared.shelf.tree.ENTRIES_MAX", 3)
    with pytest.raises(TreeTooLarge, match="3 files"):
        seen_at(tmp_path / "many", ID)
    for depth, is_fine in ((DEPTH_MAX, True), (DEPTH_MAX + 1, False)):
        top = tmp_path / f"deep{depth}"
        top.joinpath(*["d"] * depth).mkdir(parents=True)
        if is_fine:
            assert len(seen_at(top, ID).sources()) == 1
        else:
            with pytest.raises(TreeTooLarge):
                seen_at(top, ID)


def test_a_folder_swapped_for_a_link_or_another_folder_is_not_sent(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "key").write_text("secret")
    (tmp_path / "mine").mkdir()
    one = seen_at(tmp_path / "mine", ID)
    (tmp_path / "mine").rename(tmp_path / "moved")
    (tmp_path / "mine").symlink_to(tmp_path / "secrets")
    with pytest.raises(SourceUnreadable):
        one.sources()
    (tmp_path / "mine").unlink()
    (tmp_path / "secrets").rename(tmp_path / "mine")
    with pytest.raises(SourceUnreadable, match="not the folder any more"):
        one.sources()


def test_an_empty_folder_is_one_source_of_no_bytes(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    facts = (tmp_path / "empty").stat()
    tree = walk(tmp_path / "empty", "empty", (facts.st_dev, facts.st_ino))
    assert [(one.name, one.size, one.kind) for one in tree.sources] == [("empty", 0, Kind.FOLDER)]
    with pytest.raises(SourceUnreadable):
        tree.sources[0].read(0, 0)


def test_a_file_read_to_its_end_holds_no_descriptor(tmp_path: Path) -> None:
    sources = []
    for number in range(300):
        (tmp_path / str(number)).write_bytes(b"x" * 10)
        sources.append(seen_at(tmp_path / str(number), ID).sources()[0])
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 -- a count of names that are numbers
    for source in sources:
        assert source.read(0, 10) == b"x" * 10
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 -- a count of names that are numbers
    assert sources[0].read(5, 5) == b"x" * 5


def test_a_file_rewritten_in_place_is_not_sent_half_old_and_half_new_though_its_time_was_put_back(
    tmp_path: Path,
) -> None:
    vault = tmp_path / "vault.hc"
    vault.write_bytes(b"old " * 2)
    source = seen_at(vault, ID).sources()[0]
    assert source.read(0, 4) == b"old "
    for again in (source.close, lambda: None):  # opened anew after a cut, and still open
        before = vault.stat()
        with vault.open("r+b") as writing:
            writing.write(b"new " * 2)
        while vault.stat().st_ctime_ns == before.st_ctime_ns:  # within one tick of the disk's clock
            vault.chmod(0o600)
        os.utime(vault, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert vault.stat().st_mtime_ns == before.st_mtime_ns
        again()
        with pytest.raises(SourceChanged, match="Send it again"):
            source.read(4, 4)
        source = seen_at(vault, ID).sources()[0]
        assert source.read(0, 8) == b"new " * 2


def test_the_empty_file_with_which_firefox_keeps_a_name_is_not_offered(outbox: Outbox, top: Path) -> None:
    for name in ("film.mp4", "trip/film.mp4", "empty.txt", "trip/empty.txt"):
        (top / name).parent.mkdir(exist_ok=True)
        (top / name).touch()
    for name in ("film.LdFwNuNR.mp4.part", "trip/film.a1b2c3d4.mp4.part"):
        (top / name).write_bytes(b"half")
    found = {one.name: [source.name for source in one.sources()] for one in rested(outbox)}
    assert found == {"empty.txt": ["empty.txt"], "trip": ["trip/empty.txt"]}
    for name in ("film.LdFwNuNR.mp4.part", "trip/film.a1b2c3d4.mp4.part"):
        done = top / name.replace("LdFwNuNR.", "").replace("a1b2c3d4.", "").removesuffix(".part")
        (top / name).replace(done)
    assert [one.name for one in outbox.look(5_000.0).items] == ["empty.txt"]
    found = {one.name: [source.name for source in one.sources()] for one in outbox.look(5_000.0 + REST_S).items}
    assert found["film.mp4"] == ["film.mp4"]
    assert found["trip"] == ["trip/empty.txt", "trip/film.mp4"]


def test_nothing_here_changes_a_file(outbox: Outbox, top: Path) -> None:
    (top / "a.txt").write_text("mine")
    (top / "a.txt").chmod(0o400)
    before = (top / "a.txt").stat()
    (one,) = rested(outbox)
    one.sources()[0].read(0, 4)
    after = (top / "a.txt").stat()
    assert (after.st_mtime_ns, after.st_ino, stat.S_IMODE(after.st_mode)) == (before.st_mtime_ns, before.st_ino, 0o400)
    assert unicodedata.is_normalized("NFC", one.name)


async def test_the_watch_follows_an_inbox_that_becomes_another_folder(tmp_path: Path) -> None:
    inboxes = [tmp_path / "one", tmp_path / "two"]
    for inbox in inboxes:
        inbox.mkdir()
    here = inboxes[0]
    outbox = Outbox(lambda: here, SALT)
    outbox.turn_to(outbox.look(0))
    changes = outbox.changes()
    async with asyncio.timeout(60):
        await anext(changes)
        here = inboxes[1]
        outbox.turn_to(outbox.look(1))
        await anext(changes)  # the old watch ended
        await anext(changes)  # the new one is certainly at work
        told = asyncio.get_running_loop().create_task(_next(changes))
        (inboxes[1] / OUTBOX_NAME / "a.txt").write_text("x")
        await told


async def _next(changes: AsyncIterator[None]) -> None:
    await anext(changes)
