"""Zips that are made while they are sent: with folders and times, and without what changed or cannot be read."""

import io
import os
import unicodedata
import zipfile
from pathlib import Path

import pytest

from qrshared.shelf import LEFT_OUT_NAME, SourceUnreadable, ZipOf, look_at
from qrshared.shelf.members import PART_BYTES_MAX, MemberNames

ID = "0" * 32


def test_a_folder_becomes_a_zip_that_unpacks_to_the_same(tmp_path: Path) -> None:
    top = tmp_path / "Reise"
    (top / "leer").mkdir(parents=True)
    content = {"Reise/a.bin": os.urandom(700_001), "Reise/名前 🎉.txt": b"hello", "Reise/nichts": b""}
    for name, some in content.items():
        (tmp_path / name).write_bytes(some)
    os.utime(top / "nichts", (0, 0))
    made = ZipOf("Reise", look_at(top, ID).sources())
    pieces = list(made.pieces())
    assert made.name == "Reise.zip"
    assert max(map(len, pieces)) < 300_000
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as read:
        assert read.testzip() is None
        assert {name: read.read(name) for name in read.namelist() if not name.endswith("/")} == content
        assert "Reise/leer/" in read.namelist()
        assert {one.compress_type for one in read.infolist()} == {zipfile.ZIP_STORED}
        assert read.getinfo("Reise/nichts").date_time == (1980, 1, 1, 0, 0, 0)


def test_what_changes_or_goes_is_left_out_and_named_and_all_else_is_whole(tmp_path: Path) -> None:
    top = tmp_path / "f"
    top.mkdir()
    content = {name: os.urandom(600_000) for name in ("a", "changes", "goes", "z")}
    for name, some in content.items():
        (top / name).write_bytes(some)
    zipped = ZipOf("f", look_at(top, ID).sources())
    pieces = zipped.pieces()
    stream = next(pieces)
    (top / "goes").unlink()
    while len(stream) < 1_000_000:  # in the middle of the second one
        stream += next(pieces)
    (top / "changes").write_bytes(b"other words")
    stream += b"".join(pieces)
    (tmp_path / "f.zip").write_bytes(stream)
    with zipfile.ZipFile(tmp_path / "f.zip") as read:
        assert read.testzip() is None
        assert read.namelist() == ["f/a", "f/z", f"f/{LEFT_OUT_NAME}"]
        assert (read.read("f/a"), read.read("f/z")) == (content["a"], content["z"])
        said = read.read(f"f/{LEFT_OUT_NAME}").decode()
    assert said == "".join(f"{fault.sentence}\r\n" for fault in zipped.left_out)
    assert "f/changes was changed" in said
    assert "f/goes cannot be read" in said
    assert zipped.bytes_whole == 1_200_000


def test_a_name_that_is_taken_is_not_used_twice_and_nothing_at_all_is_no_zip(tmp_path: Path) -> None:
    top = tmp_path / "f"
    top.mkdir()
    (top / LEFT_OUT_NAME.lower()).write_text("mine")
    (top / "zz").write_text("x")
    sources = look_at(top, ID).sources()
    (top / "zz").unlink()
    with zipfile.ZipFile(io.BytesIO(b"".join(ZipOf("f", sources).pieces()))) as read:
        assert read.namelist() == [f"f/{LEFT_OUT_NAME.lower()}", "f/NOT IN THIS ZIP (2).txt"]
    (top / LEFT_OUT_NAME.lower()).unlink()
    with pytest.raises(SourceUnreadable):
        next(ZipOf("f", sources).pieces())


def test_no_name_in_it_parts_where_it_should_not(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "a\\..\\..\\evil").write_text("x")
    with zipfile.ZipFile(io.BytesIO(b"".join(ZipOf("f", look_at(tmp_path / "f", ID).sources()).pieces()))) as read:
        assert read.namelist() == ["f/a_.._.._evil"]


def test_no_two_files_of_a_folder_unpack_over_each_other(tmp_path: Path) -> None:
    top = tmp_path / "f"
    (top / "B").mkdir(parents=True)
    (top / "b").mkdir()
    names = [
        b"a\\b",
        b"a_b",
        b"\xff",
        b"\xfe",
        b"X.TXT",
        b"x.txt",
        "é".encode(),
        b"e\xcc\x81",
        b"a.",
        b"a",
        b"B/x",
        b"b/x",
    ]
    for name in [*names, b"CON", b"aux.txt", b"com1.tar.gz", b"console"]:
        Path(os.fsdecode(os.fsencode(top) + b"/" + name)).write_bytes(name)
    with zipfile.ZipFile(io.BytesIO(b"".join(ZipOf("f", look_at(top, ID).sources()).pieces()))) as read:
        members = read.namelist()
        content = sorted(read.read(name) for name in members)
    assert content == sorted([*names, b"CON", b"aux.txt", b"com1.tar.gz", b"console"])
    seen = {unicodedata.normalize("NFC", name).casefold() for name in members}
    assert len(seen) == len(members)
    assert {"f/_CON", "f/_aux.txt", "f/_com1.tar.gz", "f/console", "f/a_b", "f/a_b (2)"} <= set(members)
    # A folder keeps its number for all that is in it, and no file has the name of a folder.
    assert {"f/B/x", "f/b (2)/x"} <= set(members)


def test_many_names_that_are_alike_are_all_free_short_enough_and_found_quickly() -> None:
    names = MemberNames()
    long = "é" * 200 + ".jpeg"
    given = [names.of(f"f/{long}") for _ in range(20_000)]
    assert len(set(given)) == len(given)
    lengths = [len(name.removeprefix("f/").encode()) for name in given]
    assert (lengths[0], max(lengths)) == (PART_BYTES_MAX - 1, PART_BYTES_MAX - 1 + len(" (20000)"))
    assert max(lengths) <= 255
    assert all(name.endswith(".jpeg") for name in given)
