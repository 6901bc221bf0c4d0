"""An inbox in a temporary folder, and the words tests use for it."""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from qrshared.inbox import Inbox, ItemFacts, ItemKey, Part, Placed, Rung
from qrshared.inbox import disk as disk_calls

MIB = 1024 * 1024


@contextmanager
def folder_in_memory() -> Iterator[Path]:
    """A folder where a flush costs nothing, for tests that flush ten thousand times; on a disk where there is none."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder)


def key(item: int = 0, *, device: str = "d1", transfer: str = "t1") -> ItemKey:
    return ItemKey(device, transfer, item)


def listing(folder: Path) -> list[str]:
    """Every name in a folder, hidden ones too."""
    return sorted(path.name for path in folder.iterdir())


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def content_of(size: int, seed: int = 0) -> bytes:
    """Bytes that are cheap to make and differ everywhere."""
    block = hashlib.shake_256(seed.to_bytes(4, "big")).digest(min(size, 65_536))
    return b"".join(block[:-4] + at.to_bytes(4, "big") for at in range(size // 65_536 + 1))[:size] if size else b""


@dataclass
class Clock:
    """A wall clock that tests turn."""

    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now

    def days(self, count: float) -> None:
        self.now += count * 86_400


@dataclass
class World:
    """One computer: the folder, the data folder, a clock; the inbox is opened again and again."""

    root: Path
    clock: Clock = field(default_factory=Clock)
    rung: Rung | None = None
    reserve_bytes: int | None = 0

    @property
    def folder(self) -> Path:
        return self.root / "home" / "QRShare"

    @property
    def data_dir(self) -> Path:
        return self.root / "data"

    def open(self) -> AbstractAsyncContextManager[Inbox]:
        self.folder.parent.mkdir(exist_ok=True)
        return Inbox.open(self.folder, self.data_dir, now=self.clock, rung=self.rung, reserve_bytes=self.reserve_bytes)

    def visible(self) -> dict[str, bytes]:
        """What a person sees in the inbox: name → content, folders walked."""
        found = {}
        for path in sorted(self.folder.rglob("*")):
            name = path.relative_to(self.folder).as_posix()
            if not name.startswith(".qrshared-") and path.is_file():
                found[name] = path.read_bytes()
        return found

    def own_files(self) -> list[str]:
        """Our part files in the inbox."""
        return [name for name in listing(self.folder) if name.endswith(".part")]

    @property
    def journal(self) -> Path:
        (found,) = self.data_dir.glob("inbox-*.journal")
        return found


async def begin(inbox: Inbox, content: bytes, name: str = "photo.jpg", at: ItemKey | None = None) -> Part:
    return await inbox.begin(at or key(), ItemFacts(name, len(content)))


async def fill(part: Part, content: bytes, *, upto: int | None = None, step: int = MIB) -> None:
    """Writes the content from the part's offset on, as chunks of a session."""
    end = len(content) if upto is None else upto
    while part.offset < end:
        view = memoryview(content)[part.offset : min(end, part.offset + step)]
        await part.write([view[at : at + 65_280] for at in range(0, len(view), 65_280)])


async def receive(inbox: Inbox, content: bytes, name: str = "photo.jpg", at: ItemKey | None = None) -> Placed:
    part = await begin(inbox, content, name, at)
    await fill(part, content)
    return await inbox.commit(part)


@dataclass
class Taps:
    """Stands before each function of the disk: counts its calls, and runs `before(function, count of all)` first."""

    calls: list[str] = field(default_factory=list)
    before: Callable[[str, int], None] = lambda _name, _count: None

    def install(self, patch: pytest.MonkeyPatch) -> None:
        for name in ("flush_data", "flush_file", "flush_folder", "write_all", "allocate", "rename_to_free"):
            patch.setattr(disk_calls, name, self._tapped(name, getattr(disk_calls, name)))
        for name in ("open", "unlink", "link", "replace", "ftruncate", "fchmod", "mkdir"):
            patch.setattr(os, name, self._tapped(name, getattr(os, name)))

    def _tapped(self, name: str, real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            self.calls.append(name)
            self.before(name, len(self.calls))
            return real(*args, **kwargs)

        return call
