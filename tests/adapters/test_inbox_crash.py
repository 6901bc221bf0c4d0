"""A kill at every step that touches the disk: no file lost, torn, overwritten or there twice."""

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import pytest

from qrshared.inbox import ItemFacts, ItemKey, Placed, Rung, janitor
from qrshared.inbox.store import Store
from tests.adapters.inbox_world import Taps, content_of, folder_in_memory, key, listing, sha256

SMALL = content_of(3_000)
LARGE = content_of(3 * 1024 * 1024, seed=1)
STEPS_MAX = 400
"""A run touches the disk fewer times than this, or the loop below would never end."""


@pytest.fixture
def root() -> Iterator[Path]:
    with folder_in_memory() as folder:
        yield folder


class Killed(BaseException):
    """Stands for SIGKILL: from one step on, nothing reaches the disk any more."""


class Computer:
    """A folder with somebody's files in it, and a program that is killed and started again."""

    def __init__(self, root: Path, rung: Rung | None) -> None:
        self.root = root
        self.rung = rung
        self.receipts: dict[ItemKey, Placed] = {}
        (root / "in").mkdir(parents=True)
        (root / "in" / "photo.jpg").write_bytes(b"OLD")

    @contextmanager
    def running(self, *, killed_at: int | None = None) -> Iterator[Store]:
        """A store; with `killed_at` everything from that disk call on fails with `Killed`."""
        taps, patch = Taps(), pytest.MonkeyPatch()
        if killed_at is not None:
            taps.before = lambda _name, number: self._kill(number, killed_at)
        taps.install(patch)
        store: Store | None = None
        held = set(listing(Path("/proc/self/fd")))
        try:
            store = Store(
                self.root / "in", self.root / "data",
                file_mode=0o644, reserve_bytes=0, now=lambda: 0.0, holder="", rung=self.rung,
            )  # fmt: skip
            yield store
            store.close()
        finally:
            patch.undo()
            # What the kernel does for a killed process: close everything, which also ends its lock.
            for fd in set(listing(Path("/proc/self/fd"))) - held:
                with suppress(OSError):
                    os.close(int(fd))

    @staticmethod
    def _kill(number: int, killed_at: int) -> None:
        if number >= killed_at:
            raise Killed

    def receive(self, store: Store, item: int, name: str, content: bytes) -> None:
        """What a session does: ask what is here, send the rest, keep the receipt."""
        with store.journal.reading() as ledger:
            receipt = ledger.receipt(key(item))
        if receipt is None:
            part = store.begin(key(item), ItemFacts(name, len(content)), stored=None, adopt=None, promised=0)
            if part.must_reread:
                store.reread(part)
            while part.offset < len(content):
                store.write(part, [content[part.offset : part.offset + 1_000_000]])
                store.sync(part)
            (outcome,) = store.place_group([(part, store.finish(part))])
            assert isinstance(outcome, Placed)
            self.receipts[key(item)] = outcome
        else:
            assert self.receipts.setdefault(key(item), receipt.placed) == receipt.placed

    def receive_both(self, store: Store) -> None:
        self.receive(store, 0, "photo.jpg", SMALL)
        self.receive(store, 1, "trip/film.mov", LARGE)

    def finals(self) -> list[Path]:
        paths = [path for path in (self.root / "in").rglob("*") if path.is_file()]
        return sorted(path for path in paths if not path.name.startswith(".qrshared-"))

    def check(self) -> None:
        """Holds at every moment: what was there stays, every visible file is whole, every receipt is true."""
        assert (self.root / "in" / "photo.jpg").read_bytes() == b"OLD"
        new = [path.read_bytes() for path in self.finals() if path.name != "photo.jpg"]
        assert all(content in (SMALL, LARGE) for content in new)
        for placed in self.receipts.values():
            assert sha256((self.root / "in" / placed.name).read_bytes()) == placed.sha256

    def check_end(self) -> None:
        """Holds once both senders have their receipts: exactly one file each and nothing of ours left over."""
        self.check()
        assert sorted(len(path.read_bytes()) for path in self.finals()) == [3, len(SMALL), len(LARGE)]
        own = [name for name in listing(self.root / "in") if name.startswith(".qrshared-")]
        assert own == [".qrshared-lock"]


def kill_and_recover(root: Path, rung: Rung | None, killed_at: int, again_at: int | None = None) -> bool:
    """One life of a computer; False if it was over before the kill."""
    computer = Computer(root, rung)
    try:
        with computer.running(killed_at=killed_at) as store:
            computer.receive_both(store)
        was_killed = False
    except Killed:
        was_killed = True
    if rung is not Rung.PLACEHOLDER:
        computer.check()
    if again_at is not None:
        with suppress(Killed), computer.running(killed_at=again_at) as store:
            computer.receive_both(store)
    with computer.running() as store:
        computer.check()
        computer.receive_both(store)
    computer.check_end()
    return was_killed


@pytest.mark.parametrize("rung", [None, *Rung], ids=lambda rung: rung.name.lower() if rung else "probed")
def test_a_kill_at_any_step_loses_tears_overwrites_and_doubles_nothing(root: Path, rung: Rung | None) -> None:
    for step in count(1):
        assert step < STEPS_MAX
        if not kill_and_recover(root / str(step), rung, step):
            break
    assert step > 40


def test_a_second_kill_while_recovering_changes_nothing_about_that(root: Path) -> None:
    chance = random.Random(2)
    rungs = [None, *Rung]
    for life in range(150):
        kill_and_recover(root / str(life), rungs[life % 4], chance.randrange(20, 90), chance.randrange(1, 60))


@pytest.mark.parametrize("forgotten", ["finish_placements", "sweep"])
def test_without_the_recovery_at_start_the_same_kills_do_harm(
    root: Path, monkeypatch: pytest.MonkeyPatch, forgotten: str
) -> None:
    """Control: the checks above see it when the journal is not obeyed."""
    monkeypatch.setattr(janitor, forgotten, lambda *_, **__: None)
    harm = 0
    for step in range(1, STEPS_MAX):
        try:
            if not kill_and_recover(root / str(step), None, step):
                break
        except AssertionError:
            harm += 1
    assert harm > 0


# --- a real kill, by the kernel ---------------------------------------------------------------------------------------

CHILD = [sys.executable, "-m", "tests.adapters.inbox_child"]
ROOT = Path(__file__).parents[2]


def run_child(root: Path, *inject: str) -> "subprocess.CompletedProcess[bytes]":
    """Receives one file in a process of its own, under strace; prints the receipt."""
    tracer = ["strace", "-f", "-o", "/dev/null", *inject] if inject else []
    command = [*tracer, *CHILD, str(root / "in"), str(root / "data"), "photo.jpg"]
    return subprocess.run(command, input=LARGE, capture_output=True, cwd=ROOT, check=False)


def kill_child(root: Path, call: str, number: int) -> bool:
    """Kills the receiver at a system call, starts it again, and checks; False if the call came less often."""
    (root / "in").mkdir(parents=True)
    (root / "in" / "photo.jpg").write_bytes(b"OLD")
    first = run_child(root, "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}")
    second = run_child(root)
    assert second.stdout.startswith(b"RECEIPT "), second.stderr.decode()[-800:]
    if first.stdout:
        assert first.stdout == second.stdout
    assert (root / "in" / "photo.jpg").read_bytes() == b"OLD"
    assert listing(root / "in") == [".qrshared-lock", "photo (2).jpg", "photo.jpg"]
    assert (root / "in" / "photo (2).jpg").read_bytes() == LARGE
    return first.returncode != 0


@pytest.mark.needs("strace")
@pytest.mark.parametrize(("call", "number"), [("renameat2", 3), ("fsync", 4), ("fdatasync", 4), ("fchmod", 1)])
def test_a_real_kill_inside_a_system_call_does_no_harm_either(tmp_path: Path, call: str, number: int) -> None:
    assert kill_child(tmp_path, call, number)


@pytest.mark.soak
@pytest.mark.needs("strace")
@pytest.mark.parametrize(
    "call",
    ["writev", "fsync", "fdatasync", "fallocate", "renameat2", "rename", "fchmod", "unlinkat", "unlink", "ftruncate"],
)
def test_a_real_kill_at_every_system_call(tmp_path: Path, call: str) -> None:
    for number in count(1):
        if not kill_child(tmp_path / str(number), call, number):
            break
