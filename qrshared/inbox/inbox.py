"""The inbox as sessions see it; blocking work runs in threads of its own, and nothing here waits for a disk."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from qrshared.errors import LocalError
from qrshared.inbox.errors import InboxError
from qrshared.inbox.groups import Groups
from qrshared.inbox.hold import Live, Part
from qrshared.inbox.item import Change, Entry, ItemFacts, ItemKey, Placed, Stored, is_same_item
from qrshared.inbox.ledger import KEPT_DAYS
from qrshared.inbox.names import clean_path
from qrshared.inbox.place import Rung
from qrshared.inbox.reserve import Room
from qrshared.inbox.same import Wanted
from qrshared.inbox.store import Store
from qrshared.inbox.threads import Threads, alone, run
from qrshared.inbox.watch import watch_names

log = logging.getLogger(__name__)

SIZE_MAX = 2**53 - 1
"""The largest size that a page can count exactly."""

TIDY_S = 3600.0
"""How often the daemon looks whether a new day has begun."""


class Inbox:
    """Receives items into one folder. Use: `async with Inbox.open(folder, data_dir) as inbox`."""

    def __init__(self, make_store: Callable[[], Store]) -> None:
        self._make_store = make_store
        self._store: Store | None = None
        self._threads = Threads()
        self._groups = Groups(self._threads.placing, lambda group: self.store.place_group(group))
        self._live: dict[ItemKey, Live] = {}
        self._looking = asyncio.Lock()
        self._tidying: asyncio.TimerHandle | None = None

    @classmethod
    def open(
        cls,
        folder: Path,
        data_dir: Path,
        *,
        file_mode: int = 0o644,
        reserve_bytes: int | None = None,
        now: Callable[[], float] = time.time,
        holder: str = "",
        rung: Rung | None = None,
    ) -> Self:
        """An inbox to enter. `holder` tells a second daemon where this one runs; `rung` forces a way of placing."""
        return cls(
            lambda: Store(
                folder,
                data_dir,
                file_mode=file_mode,
                reserve_bytes=reserve_bytes,
                now=now,
                holder=holder,
                rung=rung,
            )
        )

    async def __aenter__(self) -> Self:
        """Raises InboxInUse, InboxGone, InboxUnwritable, NoSpace or DiskError."""
        self._store = await asyncio.to_thread(self._make_store)
        self._tidy_later()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Waits for what was begun; parts stay for a resume."""
        if self._tidying is not None:
            self._tidying.cancel()
        await self._threads.close()
        for live in self._live.values():
            if live.file is not None:
                live.file.release(live.file.begun)
        await asyncio.to_thread(self.store.close)

    @property
    def store(self) -> Store:
        if self._store is None:
            raise LocalError(what="the inbox was used before it was entered")
        return self._store

    @property
    def folder(self) -> Path:
        """Where files appear, with symlinks resolved."""
        return self.store.home.path

    def announce(self, holder: str) -> None:
        """Tells a second daemon where this one runs, once that is known."""
        self.store.home.announce(holder)

    # --- receiving ------------------------------------------------------------------------------------------------

    async def begin(self, key: ItemKey, facts: ItemFacts, *, adopt: ItemKey | None = None) -> Part:
        """A part to write to: the stored one of `key`, or of `adopt` (same device, name and size), or a new one.

        An item that was placed in the meantime comes back with `placed` set; `commit` then returns the same receipt.
        """
        _check_facts(key, facts, adopt)
        await self._settled(key)
        if placed := self._receipt(key, facts):
            return self._part(Live(key), placed)
        live = self._live.get(key) or (adopt and await self._adopted(key, adopt, facts)) or Live(key)
        self._live[key] = live
        part = live.holder = self._part(live)
        promised = self._promised(besides=live)

        def begin() -> None:
            live.file = self.store.begin(key, facts, stored=live.file, adopt=adopt, promised=promised)

        try:
            await alone(self._threads.writing, live.locks, begin)
        except InboxError:
            if live.file is None and self._live.get(key) is live:
                del self._live[key]
            raise
        self._live[key] = live
        return part

    def stored(self, device: str, transfers: Sequence[str]) -> list[Stored]:
        """What is here of these transfers: parts (taken offset if this run wrote them, else safe) and receipts."""
        found: dict[ItemKey, Stored] = {}
        with self.store.journal.reading() as ledger:
            for transfer in transfers:
                found.update({one.key: one for one in ledger.receipts_of(device, transfer)})
        wanted = set(transfers)
        found.update({one.key: one for one in self.unfinished(device) if one.key.transfer in wanted})
        return list(found.values())

    def unfinished(self, device: str) -> list[Stored]:
        """The parts of a device that are not placed."""
        with self.store.journal.reading() as ledger:
            earlier = [part for part in ledger.parts.values() if part.key.device == device]
        found = {part.key: Stored(part.key, part.facts, part.safe) for part in earlier}
        for key, live in list(self._live.items()):  # a copy: callers may be in a thread
            if key.device == device and live.file is not None and not live.file.is_spoilt:
                found[key] = Stored(key, live.file.facts, live.file.offset)
        return list(found.values())

    async def commit(self, part: Part) -> Placed:
        """Flushes, places, flushes the folder; only when this returns may the sender forget the item."""
        live = part.live
        if part.placed is not None:
            return part.placed
        if live.placing is None:
            file = live.file_of(part)
            finished = await alone(self._threads.flushing, live.locks, lambda: self.store.finish(file))
            live.file_of(part)  # taken over while it was flushed: the other sender commits it
            live.placing = self._groups.add(file, finished)
            live.placing.add_done_callback(partial(self._placed, live))
        return await asyncio.shield(live.placing)

    async def discard(self, part: Part) -> None:
        """Throws the part away; an item that is already placed stays."""
        live = part.live
        await self._settled(live.key)
        if part.placed is not None or live.holder is not part or live.file is None:
            return
        await alone(self._threads.flushing, live.locks, partial(self._forget, live))
        if live.holder is part:  # nobody began the item anew meanwhile
            self._live.pop(live.key, None)

    # --- the disk and the list ------------------------------------------------------------------------------------

    def room(self) -> Room:
        """Free bytes that nobody was promised, and the reserve."""
        return self.store.room(promised=self._promised())

    def entries(self, limit: int) -> list[Entry]:
        """The newest files and folders. Looks at each name: with thousands of files call it in a thread."""
        return self.store.entries(limit)

    def text_of(self, name: str) -> str | None:
        """What a small text says; None for anything else. Call it in a thread."""
        return self.store.text_of(name)

    def count(self) -> int:
        """How many entries there are. Call it in a thread."""
        return self.store.count()

    def is_there(self) -> bool:
        """Whether the path still leads to our folder and the folder answers. Call it in a thread."""
        return self.store.is_there()

    async def placed_digest(self, placed: Placed, index: int) -> bytes:
        """BLAKE2b-256 of an 8 MiB block of a placed item; EntryMissing if it was moved or has another size by now."""
        return await run(self._threads.flushing, partial(self.store.placed_digest, placed, index))

    async def find_same(self, wanted: Sequence[Wanted]) -> list[Placed | None]:
        """For each of these: where the very same file is in the inbox already, as read back since it changed last.

        Files take their time; callers take turns.
        """
        found: list[Placed | None] = []
        while len(found) < len(wanted):
            async with self._looking:
                found += await run(self._threads.flushing, partial(self.store.find_same, wanted[len(found) :]))
        await run(self._threads.flushing, self.store.same.save)
        return found

    async def rename(self, name: str, new: str) -> str:
        """Gives an entry a safe free name and returns it. Raises EntryMissing or NameRefused."""
        return await run(self._threads.writing, partial(self.store.rename, name, new))

    async def take_back(self, shelf: str, name: str) -> str:
        """Moves an entry out of the folder `shelf` into the inbox and returns its free name. Raises EntryMissing."""
        return await run(self._threads.writing, partial(self.store.take_back, shelf, name))

    async def bin(self, name: str) -> str:
        """Moves an entry to the computer's bin (`bin`), else to a hidden folder whose name it returns."""
        return await run(self._threads.writing, partial(self.store.to_bin, name))

    def changes(self) -> AsyncGenerator[list[Change], None]:
        """Batches of names that appeared or vanished, whoever did it."""
        return watch_names(lambda: self.folder)

    async def tidy(self) -> None:
        """Removes what has waited too many days; runs by itself once an hour."""
        await run(self._threads.flushing, self._tidying_work())

    # --- within ----------------------------------------------------------------------------------------------------

    def _part(self, live: Live, placed: Placed | None = None) -> Part:
        return Part(live, self.store, self._threads, self._leave, placed)

    async def _settled(self, key: ItemKey) -> None:
        """Waits until no placement of this item is under way."""
        while (live := self._live.get(key)) is not None and live.placing is not None:
            with suppress(InboxError):
                await asyncio.shield(live.placing)

    def _placed(self, live: Live, placing: "asyncio.Future[Placed]") -> None:
        live.placing = None
        if placing.exception() is not None:
            return
        if live.holder is not None:
            live.holder.placed = placing.result()
        live.file = None
        self._live.pop(live.key, None)

    def _leave(self, live: Live) -> None:
        live.holder = None
        live.left_on_day = self.store.journal.days_seen
        if live.file is not None:
            with suppress(RuntimeError):  # stopping: the inbox itself closes all files
                self._threads.flushing.submit(live.file.release, live.file.begun)

    def _forget(self, live: Live) -> None:
        """In a thread, alone on this part."""
        if live.file is not None:
            self.store.forget(live.file)
            live.file = None

    def _receipt(self, key: ItemKey, facts: ItemFacts) -> Placed | None:
        with self.store.journal.reading() as ledger:
            receipt = ledger.receipt(key)
        if receipt is None or not is_same_item(receipt.facts, facts):
            return None
        return receipt.placed

    async def _adopted(self, key: ItemKey, adopt: ItemKey, facts: ItemFacts) -> Live | None:
        await self._settled(adopt)
        live = self._live.get(adopt)
        if live is None:
            return None
        async with live.writing:  # somebody may just be beginning it
            pass
        if live.file is None or not is_same_item(live.file.facts, facts) or self._live.get(adopt) is not live:
            return None
        del self._live[adopt]
        live.key = key
        return live

    def _promised(self, besides: Live | None = None) -> int:
        lives = [live for live in list(self._live.values()) if live is not besides]
        return sum(live.file.outstanding for live in lives if live.file is not None)

    def _tidy_later(self) -> None:
        self._tidying = asyncio.get_running_loop().call_later(TIDY_S, self._tidy_now)

    def _tidy_now(self) -> None:
        self._tidy_later()
        work = asyncio.get_running_loop().run_in_executor(self._threads.flushing, self._tidying_work())
        work.add_done_callback(_log_failure)

    def _tidying_work(self) -> Callable[[], None]:
        oldest = self.store.journal.days_seen - KEPT_DAYS
        left = [live for live in self._live.values() if live.holder is None and live.left_on_day < oldest]
        for live in left:
            del self._live[live.key]
        in_use = {live.file.name for live in self._live.values() if live.file is not None}

        def work() -> None:
            for live in left:
                self._forget(live)
            self.store.tidy(in_use)

        return work


def _log_failure(work: "asyncio.Future[None]") -> None:
    error = work.exception()
    if isinstance(error, InboxError):
        log.warning("the inbox could not be tidied: %s", error)
    elif error is not None:
        log.error("tidying the inbox failed", exc_info=error)


def _check_facts(key: ItemKey, facts: ItemFacts, adopt: ItemKey | None) -> None:
    if not 0 <= facts.size <= SIZE_MAX:
        raise LocalError(what=f"an item of {facts.size} bytes")
    if facts.is_folder and facts.size:
        raise LocalError(what="a folder entry with bytes")
    if adopt is not None and adopt.device != key.device:
        raise LocalError(what="a part of another device was to be adopted")
    clean_path(facts.name)  # refuses before a byte is sent
