"""A sender's hold on a part file: what sessions write to, and how a second sender takes it over."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from qrshared.inbox.errors import PartTakenOver
from qrshared.inbox.item import ItemKey, Placed
from qrshared.inbox.part import PartFile
from qrshared.inbox.store import Store
from qrshared.inbox.threads import Threads, alone, run

T = TypeVar("T")


class Live:
    """A part file that this run has touched, with who holds it and what runs on it."""

    def __init__(self, key: ItemKey) -> None:
        self.key = key
        self.file: PartFile | None = None
        self.holder: Part | None = None
        self.writing = asyncio.Lock()
        self.syncing = asyncio.Lock()
        self.placing: asyncio.Future[Placed] | None = None
        self.left_on_day = 0

    @property
    def locks(self) -> tuple[asyncio.Lock, asyncio.Lock]:
        """Both, always taken in this order."""
        return (self.writing, self.syncing)

    def file_of(self, part: "Part") -> PartFile:
        """The file, if that sender still holds it; asked again in the thread, once it is a call's turn."""
        if self.holder is not part or self.file is None:
            raise PartTakenOver
        return self.file


class Part:
    """One sender's hold on a part file. When another sender begins the same item, this hold ends."""

    def __init__(
        self, live: Live, store: Store, threads: Threads, leave: Callable[[Live], None], placed: Placed | None = None
    ) -> None:
        self.live = live
        self.placed = placed
        """The receipt, once the item is in the inbox; set from the start if it was there already."""
        self._store = store
        self._threads = threads
        self._leave = leave

    @property
    def key(self) -> ItemKey:
        return self.live.key

    @property
    def offset(self) -> int:
        """Bytes written so far, contiguous from 0."""
        return self.placed.size if self.placed else self.live.file_of(self).offset

    async def write(self, chunks: Sequence[bytes | memoryview]) -> int:
        """Appends at `offset` and returns the new one. After an error the offset is as before."""
        if self.live.file_of(self).must_reread:
            await self._alone(self._store.reread)
        work = partial(self._with_file, lambda file: self._store.write(file, chunks))
        return await alone(self._threads.writing, (self.live.writing,), work)

    async def sync(self) -> int:
        """Makes what is written safe while more is written; returns the safe offset. Small parts never are: 0."""

        def work() -> int:
            return self.placed.size if self.placed else self._with_file(self._store.sync)

        return await alone(self._threads.flushing, (self.live.syncing,), work)

    async def block_digest(self, index: int) -> bytes:
        """BLAKE2b-256 of a kept 8 MiB block; the last one ends at the offset with which this part began."""
        work = partial(self._with_file, lambda file: self._store.block_digest(file, index))
        return await run(self._threads.flushing, work)

    async def rewind(self, offset: int) -> None:
        """Drops everything from `offset` on."""
        await self._alone(lambda file: self._store.rewind(file, offset))

    def close(self) -> None:
        """Ends this hold and keeps the part for a resume."""
        if self.live.holder is self:
            self._leave(self.live)

    async def _alone(self, work: Callable[[PartFile], None]) -> None:
        await alone(self._threads.flushing, self.live.locks, partial(self._with_file, work))

    def _with_file(self, work: Callable[[PartFile], T]) -> T:
        return work(self.live.file_of(self))
