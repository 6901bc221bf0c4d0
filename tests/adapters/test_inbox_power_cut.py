"""The power goes: what was confirmed is on the disk, what was safe can be resumed, nothing else looks whole.

A power cut is played by copying the image of a mounted ext4 file system: what the kernel had not written is not in it.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from qrshared.inbox import ItemFacts, Placed
from qrshared.inbox.store import Store
from tests.adapters.inbox_world import content_of, key

ROOT = Path(__file__).parents[2]
CHILD = [sys.executable, "-m", "tests.adapters.inbox_child"]
IMAGE_BYTES = 64 * 1024 * 1024
CONTENT = content_of(5_500_000)

pytestmark = [pytest.mark.soak, pytest.mark.needs("loop")]


def run(*command: str | Path) -> None:
    subprocess.run([str(word) for word in command], check=True, capture_output=True)


@contextmanager
def mounted(image: Path, at: Path) -> Iterator[Path]:
    at.mkdir(exist_ok=True)
    run("mount", "-o", "loop", image, at)
    try:
        yield at
    finally:
        run("umount", "-l", at)


@pytest.fixture
def bench() -> Iterator[Path]:
    """The images live in memory: the copy must not wait for a real disk."""
    with TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


def fresh_image(bench: Path) -> Path:
    image = bench / "disk"
    image.unlink(missing_ok=True)
    with open(image, "wb") as file:
        file.truncate(IMAGE_BYTES)
    run("mkfs.ext4", "-q", "-F", image)
    return image


def cut_the_power(bench: Path, until: str, *options: str) -> tuple[Path, list[bytes]]:
    """Runs a receiver until it says a line, copies the disk at that moment; returns the copy and all that was said."""
    image = fresh_image(bench)
    said: list[bytes] = []
    with mounted(image, bench / "mounted") as disk:
        (disk / "in").mkdir()
        os.sync()
        command = [*CHILD, str(disk / "in"), str(disk / "data"), "photo.jpg", f"--stay-at={until}", *options]
        with (
            open(bench / "content", "w+b") as content,
            subprocess.Popen(
                command, stdin=content, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT
            ) as child,
        ):
            content.write(CONTENT)
            content.seek(0)
            assert child.stdout is not None
            for line in child.stdout:
                said.append(line.strip())
                if line.startswith(until.encode()):
                    break
            copy = Path(shutil.copyfile(image, bench / "copy"))
            child.kill()
    return copy, said


def finish_on(copy: Path, bench: Path) -> tuple[int, Placed, dict[str, bytes]]:
    """Starts again on the copied disk, mounted where it was.

    Returns where the sender could go on, its receipt, and every file there is.
    """
    with mounted(copy, bench / "mounted") as disk:
        store = Store(
            disk / "in", disk / "data", file_mode=0o644, reserve_bytes=0, now=lambda: 0.0, holder="", rung=None
        )
        with store.journal.reading() as ledger:
            receipt = ledger.receipt(key(device="d", transfer="t"))
        if receipt is not None:
            offset, placed = len(CONTENT), receipt.placed
        else:
            facts = ItemFacts("photo.jpg", len(CONTENT))
            part = store.begin(key(device="d", transfer="t"), facts, stored=None, adopt=None, promised=0)
            offset = part.offset
            if part.must_reread:
                store.reread(part)
            store.write(part, [CONTENT[offset:]])
            (outcome,) = store.place_group([(part, store.finish(part))])
            assert isinstance(outcome, Placed)
            placed = outcome
        files = {path.name: path.read_bytes() for path in (disk / "in").iterdir() if path.name != ".qrshared-lock"}
        store.close()
    return offset, placed, files


def test_a_receipt_survives_the_power_cut_25_times(bench: Path) -> None:
    for _ in range(25):
        copy, said = cut_the_power(bench, "RECEIPT")
        offset, placed, files = finish_on(copy, bench)
        assert said[-1].decode().split() == ["RECEIPT", placed.name, placed.sha256]
        assert offset == len(CONTENT)  # nothing had to be sent again
        assert files == {"photo.jpg": CONTENT}


@pytest.mark.parametrize("step", range(1, 6))
def test_what_was_safe_is_there_after_the_power_cut(bench: Path, step: int) -> None:
    safe = step * 1024 * 1024
    for _ in range(5):
        copy, _ = cut_the_power(bench, f"SAFE {safe}")
        offset, placed, files = finish_on(copy, bench)
        assert offset >= safe
        assert placed.sha256 == hashlib.sha256(CONTENT).hexdigest()
        assert files == {"photo.jpg": CONTENT}


def test_without_flushing_the_power_cut_takes_confirmed_files(bench: Path) -> None:
    """Control: the copy really lacks what was not flushed."""
    copy, _ = cut_the_power(bench, "RECEIPT", "--careless")
    with mounted(copy, bench / "mounted") as disk:
        photo = disk / "in" / "photo.jpg"
        assert not photo.exists() or photo.read_bytes() != CONTENT
