"""Gathers finished parts into groups: those who wait while one group is placed make up the next."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor

from qrshared.inbox.commit import GROUP_MAX, Outcome
from qrshared.inbox.errors import DiskError, InboxError
from qrshared.inbox.item import Placed
from qrshared.inbox.part import Finished, PartFile

log = logging.getLogger(__name__)

Group = Sequence[tuple[PartFile, Finished]]


class Groups:
    """No delay for a file alone, one flush for many at once; a group runs to its end whoever is cancelled."""

    def __init__(self, pool: Executor, place_group: Callable[[Group], list[Outcome]]) -> None:
        self._pool = pool
        self._place_group = place_group
        self._waiting: list[tuple[PartFile, Finished, asyncio.Future[Placed]]] = []
        self._is_running = False

    def add(self, part: PartFile, finished: Finished) -> "asyncio.Future[Placed]":
        """The future has the receipt, or an InboxError. Cancel it and nothing changes but the future."""
        future: asyncio.Future[Placed] = asyncio.get_running_loop().create_future()
        self._waiting.append((part, finished, future))
        self._start()
        return future

    def _start(self) -> None:
        if self._is_running or not self._waiting:
            return
        group, self._waiting = self._waiting[:GROUP_MAX], self._waiting[GROUP_MAX:]
        futures = [future for _, _, future in group]
        parts = [(part, finished) for part, finished, _ in group]
        try:
            work = asyncio.get_running_loop().run_in_executor(self._pool, self._place_group, parts)
        except RuntimeError:  # stopping: the parts are whole and flushed, a repeated proposal finds them
            _settle(futures, [DiskError(what="qrshared is stopping")] * len(futures))
            return
        self._is_running = True
        work.add_done_callback(lambda done: self._done(futures, done))

    def _done(self, futures: "list[asyncio.Future[Placed]]", work: "asyncio.Future[list[Outcome]]") -> None:
        self._is_running = False
        error = work.exception()
        if error is not None:
            log.error("placing a group failed", exc_info=error)
        _settle(futures, [DiskError(what=str(error))] * len(futures) if error is not None else work.result())
        self._start()


def _settle(futures: "Sequence[asyncio.Future[Placed]]", outcomes: Sequence[Outcome]) -> None:
    for future, outcome in zip(futures, outcomes, strict=True):
        if future.done():
            continue
        if isinstance(outcome, InboxError):
            future.set_exception(outcome)
            future.exception()  # looked at: the sender may have gone meanwhile
        else:
            future.set_result(outcome)
