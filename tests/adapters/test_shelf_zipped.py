"""Zips that are made while they are sent: whole, with folders and times, and never from a file that changed."""

import io
import os
import zipfile
from pathlib import Path

import pytest

from qrshared.shelf import SourceChanged, ZipOf, look_at

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


def test_a_file_that_changes_meanwhile_ends_the_zip_before_its_end(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "a").write_bytes(b"a" * 1_000_000)
    pieces = ZipOf("f", look_at(tmp_path / "f", ID).sources()).pieces()
    begun = [next(pieces)]
    (tmp_path / "f" / "a").write_bytes(b"b" * 1_000_000)
    with pytest.raises(SourceChanged):
        begun.extend(pieces)
    assert not zipfile.is_zipfile(io.BytesIO(b"".join(begun)))


def test_no_name_in_it_parts_where_it_should_not(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "a\\..\\..\\evil").write_text("x")
    with zipfile.ZipFile(io.BytesIO(b"".join(ZipOf("f", look_at(tmp_path / "f", ID).sources()).pieces()))) as read:
        assert read.namelist() == ["f/a_.._.._evil"]
