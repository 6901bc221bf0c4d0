"""The Outbox: a folder whose files and folders wait for phones as soon as nobody writes to them any more."""

import asyncio
import hashlib
import heapq
import logging
import os
import stat
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeAlias

from watchfiles import awatch

from qrshared.shelf.errors import OutboxInTheWay, ShelfError
from qrshared.shelf.source import Identity, Kind
from qrshared.shelf.tree import is_placeholder, is_sent, unfinished_in
from qrshared.shelf.waiting import Waiting, look_at

log = logging.getLogger(__name__)

OUTBOX_NAME: Final = "Outbox"

REST_S: Final = 1.5
"""A file whose size and time have not changed for so long is taken for whole; one that changes later is a new one."""

OUTBOX_ITEMS_MAX: Final = 256
"""Things of the Outbox that wait at once, the newest: what fits in one list."""

STEP_MS: Final = 100
WATCH_BEGINS_MS: Final = 2_000
"""After so long the watch is certainly at work; what came before is seen by a look at that time."""

RETRY_S: Final = 5.0
"""How often the folder is looked into where it cannot be watched: it is missing, or the system is out of watches."""

_Seen: TypeAlias = tuple[Identity, int, str]


@dataclass(frozen=True, slots=True)
class Look:
    """What was found."""

    items: tuple[Waiting, ...]
    is_restless: bool
    """Something is still being written: look again in a moment."""
    left_out: int = 0
    """Things beyond `OUTBOX_ITEMS_MAX`."""
    inbox: Path | None = None
    """The inbox whose Outbox this is; None when there was none."""
    problems: tuple[str, ...] = ()
    """Sentences about what cannot be offered."""
    marks: tuple[str, ...] = ()
    """One for each item, 32 hex digits: says of another look, also a later process's, that it is still just that."""


class Outbox:
    """One folder. `look` blocks: call it in a thread, one at a time."""

    def __init__(self, inbox: Callable[[], Path | None], salt: bytes, rested: Iterable[str] = ()) -> None:
        """`inbox`: the folder that holds the Outbox; None while it is not there. `salt` makes the ids ours.

        `rested`: the marks of an earlier process's last look; what still is just that has rested long enough.
        """
        self._inbox = inbox
        self._salt = salt
        self._rested = frozenset(rested)
        self._seen: dict[str, tuple[_Seen, float]] = {}
        self._watched: Path | None = None
        self._turned = asyncio.Event()

    def look(self, now: float) -> Look:
        """Make the folder if it is missing and see what is in it; `now` is monotonic seconds.

        Raises `OutboxInTheWay`, and OSError for a disk that refuses.
        """
        top = self._top()
        if top is None:
            self._seen.clear()
            return Look((), is_restless=False)
        found: list[Waiting] = []
        problems: list[str] = []
        newest = heapq.nlargest(OUTBOX_ITEMS_MAX, _entries(top))
        for _, name in newest:
            try:
                found.append(self._bound(look_at(top / name, "")))
            except ShelfError as fault:
                problems.append(fault.sentence)
        resting = [one for one in found if self._rests(one, now)]
        names = {one.path.name for one in found}
        self._seen = {name: seen for name, seen in self._seen.items() if name in names}
        left_out = sum(1 for _ in _entries(top)) - len(newest) if len(newest) == OUTBOX_ITEMS_MAX else 0
        marks = tuple(sorted(map(self._mark, resting)))
        return Look(tuple(resting), len(resting) < len(found), max(0, left_out), top.parent, tuple(problems), marks)

    async def changes(self) -> AsyncIterator[None]:
        """Something may have changed; until cancelled."""
        while True:
            self._turned = asyncio.Event()
            inbox = await asyncio.to_thread(self._inbox)
            try:
                if inbox is not None:
                    self._watched = inbox
                    async for _ in _seen_in(inbox / OUTBOX_NAME, self._turned):
                        yield
            except (OSError, RuntimeError, ExceptionGroup) as fault:
                if isinstance(fault, ExceptionGroup) and fault.split((OSError, RuntimeError))[1] is not None:
                    raise
                # RuntimeError is watchfiles' own, when inotify has no watch left, or a name that is no text.
                log.debug("the Outbox cannot be watched for now: %s", type(fault).__name__)
            yield
            if not self._turned.is_set():
                await asyncio.sleep(RETRY_S)

    def turn_to(self, look: Look) -> None:
        """Watch where things were found last: the inbox may be another folder by now."""
        if look.inbox is not None and look.inbox != self._watched:
            self._turned.set()

    def _top(self) -> Path | None:
        inbox = self._inbox()
        if inbox is None:
            return None
        top = inbox / OUTBOX_NAME
        try:
            facts = top.lstat()
        except FileNotFoundError:
            top.mkdir()
            return top
        if not stat.S_ISDIR(facts.st_mode):
            # Not even a link to a folder: what is offered to phones must be seen where it is.
            raise OutboxInTheWay(name=top, problem="a link" if stat.S_ISLNK(facts.st_mode) else "no folder")
        return top

    def _bound(self, seen: Waiting) -> Waiting:
        """With an id that stays over restarts, and goes with what was seen: other content is another thing."""
        facts = seen.identity
        what = [seen.kind is Kind.FOLDER, facts.inode, os.fsencode(seen.path.name)]
        if seen.kind is not Kind.FOLDER:
            what += [facts.size, facts.modified_ns]
        return replace(seen, id=self._digest(what))

    def _mark(self, one: Waiting) -> str:
        return self._digest([one.id, one.identity.device, one.identity.modified_ns, one.size, one.signature])

    def _digest(self, what: Sequence[object]) -> str:
        return hashlib.blake2b(repr(what).encode(), key=self._salt, digest_size=16).hexdigest()

    def _rests(self, one: Waiting, now: float) -> bool:
        state: _Seen = (one.identity, one.size, one.signature)
        before = self._seen.get(one.path.name)
        if before is None and self._mark(one) in self._rested:
            before = (state, now - REST_S)
        if before is None or before[0] != state:
            before = (state, now)
        self._seen[one.path.name] = before
        return now - before[1] >= REST_S


async def _seen_in(top: Path, turned: asyncio.Event) -> AsyncIterator[None]:
    """Until the folder is gone, or another is to be watched; once as well when the watch is certainly at work."""
    has_begun = False
    watched = awatch(
        top, watch_filter=None, step=STEP_MS, rust_timeout=WATCH_BEGINS_MS, yield_on_timeout=True, stop_event=turned
    )
    async for seen in watched:
        if seen or not has_begun:
            yield
        has_begun = True
        if not await asyncio.to_thread(top.is_dir):
            return


def _entries(top: Path) -> list[tuple[int, str]]:
    """When it was last written to, and its name; only what may be offered at all."""
    found = []
    with os.scandir(top) as entries:
        all_entries = list(entries)
    unfinished = unfinished_in(entry.name for entry in all_entries)
    for entry in all_entries:
        if not is_sent(entry.name):
            continue
        try:
            facts = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        if stat.S_ISREG(facts.st_mode) and is_placeholder(entry.name, facts.st_size, unfinished):
            continue
        if stat.S_ISREG(facts.st_mode) or stat.S_ISDIR(facts.st_mode):
            found.append((facts.st_mtime_ns, entry.name))
    return found
