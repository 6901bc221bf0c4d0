"""What one incoming transfer still has to do, in order; bytes that wait behind each other go to the disk together."""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from enum import Enum, auto
from typing import Final, TypeAlias

from qrshared.transfers import BytesArrived, ItemComplete, ProofArrived, ReceiverEvent

WRITE_BYTES_MAX: Final = 2 * 1024 * 1024
"""Chunks of one item that go to the disk in one call."""

_OF_PROOF: Final = (BytesArrived, ProofArrived)
"""Jobs that mean nothing any more once their item was rewound."""


class GiveWay(Enum):
    """The job behind all others of a transfer whose sender goes on in another one."""

    NOW = auto()


Job: TypeAlias = ReceiverEvent | GiveWay


class Worklist:
    """Bounded by the window: whatever waits here was let in by it."""

    def __init__(self) -> None:
        self._jobs: deque[Job] = deque()
        self._stirred = asyncio.Event()

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, *jobs: Job) -> None:
        """These come last."""
        self._jobs.extend(jobs)
        self._stirred.set()

    async def stirred(self) -> None:
        """Return when something was added since, even if it is nothing."""
        await self._stirred.wait()
        self._stirred.clear()

    def take(self) -> Iterator[Job]:
        """Each job that waits, and those that are added meanwhile."""
        while self._jobs:
            yield self._jobs.popleft()

    def complete(self) -> Sequence[ItemComplete]:
        """Whole items that wait to be placed."""
        return [job for job in self._jobs if isinstance(job, ItemComplete)]

    def take_complete(self, item: int) -> bool:
        """Take the next job if it is that this item is whole."""
        if self._jobs and self._jobs[0] == ItemComplete(item):
            self._jobs.popleft()
            return True
        return False

    def take_with(self, first: BytesArrived) -> list[bytes]:
        """Its bytes, and whatever already waits right behind for the same item."""
        chunks, count = [first.content], len(first.content)
        while self._jobs and count < WRITE_BYTES_MAX:
            ahead = self._jobs[0]
            if not isinstance(ahead, BytesArrived) or ahead.item != first.item:
                break
            self._jobs.popleft()
            chunks.append(ahead.content)
            count += len(ahead.content)
        return chunks

    def rewound(self, item: int) -> None:
        """Drop what waits of this item: it comes once more."""
        self._jobs = deque(job for job in self._jobs if not (isinstance(job, _OF_PROOF) and job.item == item))
