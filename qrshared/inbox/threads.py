"""Runs blocking file work in a few threads of the inbox's own; a cancelled caller never frees a lock too early."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

WRITING_THREADS = 4
"""Writes are short; more threads only take turns at the same disk."""

FLUSHING_THREADS = 8
"""Flushes and reading again are long and mostly wait; they must not keep writes from a thread."""


class Threads:
    """Three small pools: writing, flushing, and placing (one thread: groups follow each other)."""

    def __init__(self) -> None:
        self.writing = ThreadPoolExecutor(WRITING_THREADS, "inbox-write")
        self.flushing = ThreadPoolExecutor(FLUSHING_THREADS, "inbox-flush")
        self.placing = ThreadPoolExecutor(1, "inbox-place")

    async def close(self) -> None:
        """Waits for all work that was begun."""
        for pool in (self.writing, self.flushing, self.placing):
            await asyncio.to_thread(pool.shutdown)


async def run(pool: Executor, work: Callable[[], T]) -> T:
    """Runs `work` to its end, even if the caller is cancelled meanwhile."""
    return await alone(pool, (), work)


async def alone(pool: Executor, locks: Sequence[asyncio.Lock], work: Callable[[], T]) -> T:
    """Runs `work` holding all `locks` until the *thread* is done: a cancelled caller does not free them early."""
    held: list[asyncio.Lock] = []

    def release(_: object = None) -> None:
        for lock in reversed(held):
            lock.release()

    try:
        for lock in locks:
            await lock.acquire()
            held.append(lock)
        future = asyncio.get_running_loop().run_in_executor(pool, work)
    except BaseException:
        release()
        raise
    future.add_done_callback(release)
    future.add_done_callback(_look_at)
    return await asyncio.shield(future)


def _look_at(future: "asyncio.Future[T]") -> None:
    """An error whose caller was cancelled is nobody's to handle; without this asyncio complains at shutdown."""
    if not future.cancelled():
        future.exception()
