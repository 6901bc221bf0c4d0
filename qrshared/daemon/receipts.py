"""Receipts kept at the computer: what landed, when, from whom, and its SHA-256, for longer than any device is known."""

import asyncio
import json
import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from qrshared.daemon.desk import Deed
from qrshared.daemon.store import sync_folder
from qrshared.inbox import Placed
from qrshared.protocol import (
    DeviceId,
    Facts,
    ListReceipts,
    PeerKind,
    ReceiptFacts,
    ReceiptList,
    TransferFacts,
    TransferId,
    TransferState,
    Verb,
)
from qrshared.sessions import Asker, Sender
from qrshared.tickets import Right

log = logging.getLogger(__name__)

KEPT_MAX: Final = 10_000
"""The newest so many are kept."""

KEPT_BYTES_MAX: Final = 8 * 1024 * 1024
"""In so many bytes: names may be long."""

BEYOND: Final = 1_000
"""So many more may stand in the file before it is written anew, or ten thousand photos would write it as often."""


@dataclass(frozen=True, slots=True)
class KeptReceipt:
    """One line of the file."""

    placed_ms: int
    sender: str
    """What the device was called then."""
    transfer: TransferId
    item: int
    name: str
    size: int
    sha256: str
    device: DeviceId = ""
    """Older lines do not say it."""
    now: str = ""
    """What the owner has renamed it to, if it was."""


@dataclass(frozen=True, slots=True)
class Renamed:
    """A line that says of an earlier one what its item is called from then on."""

    was: str
    now: str
    size: int


class Receipts:
    """A file of JSON lines, mode 0600. Use: `async with Receipts(path) as receipts`.

    `note` returns at once; what was noted is on the disk a moment later, and when the daemon has stopped. Until then
    the inbox's own journal knows the item: a sender never waits for this list.
    """

    def __init__(
        self, path: Path, *, now: Callable[[], float] = time.time,
        called: Callable[[DeviceId, str], str] = lambda _device, before: before,
    ) -> None:  # fmt: skip
        """`called`: the name of a device now, or the one from before where it is known no more."""
        self._path = path
        self._called = called
        self._now = now
        self._waiting: list[KeptReceipt | Renamed] = []
        self._saving: asyncio.Task[None] | None = None
        self._tasks = asyncio.TaskGroup()
        self._lines = self._bytes = 0
        self._is_open = False

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._saved()
        await self._tasks.__aexit__(kind, fault, trace)

    def note(self, sender: Sender, transfer: TransferId, item: int, placed: Placed) -> None:
        """An item is in the inbox."""
        placed_ms = int(self._now() * 1000)
        name, size, sha256 = placed.name, placed.size, placed.sha256
        self._keep(KeptReceipt(placed_ms, sender.name, transfer, item, name, size, sha256, sender.device))

    def note_renamed(self, was: str, now: str, size: int) -> None:
        """The owner gave an item of the inbox another name."""
        self._keep(Renamed(was, now, size))

    def _keep(self, line: KeptReceipt | Renamed) -> None:
        self._waiting.append(line)
        if self._saving is None:
            self._saving = self._tasks.create_task(self._save())

    async def newest(self, limit: int) -> list[KeptReceipt]:
        """The newest first."""
        await self._saved()
        return await asyncio.to_thread(self._newest, limit)

    def table(self) -> dict[type[Verb], Deed]:
        """The verb of the desk, and the right it needs."""
        return {ListReceipts: Deed(Right.OWN, self._list)}

    async def _list(self, verb: Verb, _asker: Asker) -> Facts:
        if not isinstance(verb, ListReceipts):
            raise TypeError(f"the table gave a {type(verb).__name__} to ListReceipts")
        kept = await self.newest(verb.limit)
        return ReceiptList(
            tuple(ReceiptFacts(k.name, k.size, k.sha256, k.placed_ms, self._called(k.device, k.sender)) for k in kept)
        )

    # --- on the disk --------------------------------------------------------------------------------

    async def _saved(self) -> None:
        while self._saving is not None:
            await asyncio.shield(self._saving)

    async def _save(self) -> None:
        try:
            while self._waiting:  # what is noted meanwhile goes out with the next flush, together
                batch, self._waiting = self._waiting, []
                try:
                    await asyncio.to_thread(self._append, batch)
                except OSError as fault:  # the files are safe all the same
                    log.warning("%d receipts could not be kept: %s", len(batch), fault.strerror)
        finally:
            self._saving = None

    def _append(self, batch: Iterable[KeptReceipt | Renamed]) -> None:
        if not self._is_open:
            self._lines = sum(1 for _ in self._read())  # a torn end of an earlier run goes with this, too
            self._write_anew()
            self._is_open = True
        lines = [_line(kept) for kept in batch]
        self._lines += len(lines)
        self._bytes += sum(map(len, lines))
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_CLOEXEC", 0))
            with os.fdopen(descriptor, "wb") as file:
                file.writelines(lines)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            self._is_open = False  # perhaps half a line: the next one begins with a clean file
            raise
        if self._lines > KEPT_MAX + BEYOND or self._bytes > KEPT_BYTES_MAX:
            self._write_anew()

    def _write_anew(self) -> None:
        """Nothing but the newest; whole old or whole new, never half."""
        lines: deque[bytes] = deque(map(_line, self._newest(KEPT_MAX)))
        # Full by its bytes, a file that keeps seven eighths of them is not written anew for each line.
        spare = KEPT_BYTES_MAX * 7 // 8
        while sum(map(len, lines)) > spare:
            for _ in range(max(1, len(lines) // 8)):
                lines.pop()
        beside = self._path.with_name(self._path.name + ".new")
        beside.unlink(missing_ok=True)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(reversed(lines))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
        sync_folder(self._path.parent)
        self._lines, self._bytes = len(lines), sum(map(len, lines))

    def _newest(self, limit: int) -> list[KeptReceipt]:
        newest: deque[KeptReceipt] = deque(maxlen=limit)
        for line in self._read():
            if isinstance(line, KeptReceipt):
                newest.append(line)
                continue
            for at in range(len(newest) - 1, -1, -1):
                if newest[at].size == line.size and (newest[at].now or newest[at].name) == line.was:
                    newest[at] = replace(newest[at], now=line.now)
                    break
        return list(newest)[::-1]

    def _read(self) -> Iterator[KeptReceipt | Renamed]:
        try:
            with self._path.open("rb") as file:
                for line in file:
                    kept = _kept(line)
                    if kept is not None:
                        yield kept
        except FileNotFoundError:
            return


def as_transfers(kept: Iterable[KeptReceipt]) -> list[tuple[Sender, TransferFacts]]:
    """What these prove of transfers, the newest of both first: all that came. None says what kind of device it was."""
    together: dict[tuple[str, TransferId], list[KeptReceipt]] = {}
    for one in kept:
        together.setdefault((one.device or one.sender, one.transfer), []).append(one)
    return [_as_transfer(parts) for parts in together.values()]


def _as_transfer(parts: Sequence[KeptReceipt]) -> tuple[Sender, TransferFacts]:
    newest, size = parts[0], sum(one.size for one in parts)
    sender = Sender(newest.device, newest.sender, PeerKind.PHONE)
    return sender, TransferFacts(
        transfer=newest.transfer, device=sender.name, kind=sender.kind, state=TransferState.DONE, items=len(parts),
        items_done=len(parts), items_failed=0, bytes=size, bytes_done=size, rate=0, left_s=None,
        started_ms=parts[-1].placed_ms,
    )  # fmt: skip


def _line(kept: KeptReceipt | Renamed) -> bytes:
    return json.dumps(asdict(kept), ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


def _kept(line: bytes) -> KeptReceipt | Renamed | None:
    """None for a line that is torn, or is not ours."""
    try:
        fields: object = json.loads(line)
    except (ValueError, RecursionError):
        return None
    match fields:
        case {
            "placed_ms": int(placed_ms), "sender": str(sender), "transfer": str(transfer), "item": int(item),
            "name": str(name), "size": int(size), "sha256": str(sha256), **rest,
        }:  # fmt: skip
            device, now = (rest.get(each) for each in ("device", "now"))
            return KeptReceipt(placed_ms, sender, transfer, item, name, size, sha256, _text(device), _text(now))
        case {"was": str(was), "now": str(now), "size": int(size)}:
            return Renamed(was, now, size)
        case _:
            return None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
