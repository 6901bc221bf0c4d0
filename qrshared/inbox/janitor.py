"""Puts the inbox in order at start and every day: placements that were cut, parts nobody will resume."""

import hashlib
import logging
import os
import re
from collections.abc import Collection
from dataclasses import replace

from qrshared.inbox import disk
from qrshared.inbox.commit import Placer
from qrshared.inbox.errors import InboxError
from qrshared.inbox.folder import Folder, walk
from qrshared.inbox.home import InboxHome
from qrshared.inbox.item import Placed
from qrshared.inbox.journal import Journal
from qrshared.inbox.names import OWN_PREFIX, SHELF_FOLDER
from qrshared.inbox.part import Finished
from qrshared.inbox.place import Ladder, Rung, finish_link, remove_placeholder
from qrshared.inbox.records import DaySeen, ItemPlaced, PartGone, Placing, RunEnded

log = logging.getLogger(__name__)

_SECONDS_A_DAY = 86_400
_RUN_HEX = 12
_PART = re.compile(re.escape(OWN_PREFIX) + r"[0-9a-f]{24}\.part")


def run_prefix(run: str) -> str:
    """How the names of a run's part files begin; `run` is 12 hex digits."""
    return OWN_PREFIX + run


def part_name(prefix: str) -> str:
    return f"{prefix}{os.urandom(_RUN_HEX // 2).hex()}.part"


def finish_placements(home: InboxHome, journal: Journal, placer: Placer, ladder: Ladder) -> None:
    """Decides every placement that was begun and not confirmed: it happened, it is done now, or it is forgotten."""
    with journal.reading() as ledger:
        begun = list(ledger.placings.values())
    for placing in begun:
        if placed := _finished_before(home.folder, placing, ladder):
            journal.note(ItemPlaced(placing.part, placing.key, placing.facts, placed, journal.days_seen))
            continue
        outcome = _place_now(home, placer, ladder, placing)
        if isinstance(outcome, InboxError):
            log.warning("a finished file could not be placed yet: %s", outcome)
        elif outcome is None:
            home.folder.remove(placing.part)
            journal.note(PartGone(placing.part))
    journal.make_durable()


def drop_lost_parts(folder: Folder, journal: Journal) -> None:
    """Forgets parts whose stored bytes are not there; their senders begin anew."""
    with journal.reading() as ledger:
        parts = [part for part in ledger.parts.values() if part.part not in ledger.placings]
    for part in parts:
        status = folder.status(part.part)
        if part.safe == 0 or status is None or status.st_size < part.safe:
            _remove(folder, journal, part.part)


def sweep(folder: Folder, journal: Journal, *, this_run: str) -> None:
    """Removes what earlier runs left: only names that our own journal knows, whole pattern, plain files."""
    with journal.reading() as ledger:
        runs = ledger.runs - {this_run}
        known = ledger.parts.keys() | ledger.placings.keys()
    left = False
    for name in folder.names():
        if not _PART.fullmatch(name) or name in known or name[: len(OWN_PREFIX) + _RUN_HEX] not in runs:
            continue
        try:
            folder.remove(name)
        except OSError as error:
            left = True
            log.warning("a stale part file could not be removed: %s", error.strerror)
    if not left:
        journal.note(*map(RunEnded, runs))


def see_day(journal: Journal, now: float) -> None:
    """Counts a day on which the daemon was alive; a clock that jumps by years, to and fro, counts as one day."""
    day = max(0, int(now // _SECONDS_A_DAY))
    with journal.reading() as ledger:
        is_new, seen = day not in ledger.days, ledger.days_seen
    if is_new:
        journal.note(DaySeen(day, seen + 1))


def expire(folder: Folder, journal: Journal, *, in_use: Collection[str]) -> None:
    """Removes parts and forgets receipts that have seen too many days."""
    with journal.reading() as ledger:
        old = [part.part for part in ledger.expire()]
    for part in old:
        if part not in in_use:
            _remove(folder, journal, part)


def _remove(folder: Folder, journal: Journal, part: str) -> None:
    try:
        folder.remove(part)
    except OSError as error:
        log.warning("an old part file could not be removed: %s", error.strerror)
        return
    journal.note(PartGone(part))


def _finished_before(folder: Folder, placing: Placing, ladder: Ladder) -> Placed | None:
    *folders, name = placing.target.name.split("/")
    inner = walk(folder, folders) if folders else folder
    if inner is None:
        return None
    try:
        if folder.status(placing.part) is not None:
            if finish_link(folder, placing.part, inner, name):
                return placing.target
            remove_placeholder(inner, name, placing.part, even_if_cut=ladder.rung is Rung.PLACEHOLDER)
            return None
        return placing.target if _is_there(inner, name, placing) else None
    finally:
        if inner is not folder:
            inner.close()


def _is_there(folder: Folder, name: str, placing: Placing) -> bool:
    """Whether the name leads to our file: the same inode, or (exFAT gives new ones at each mount) the same bytes."""
    status = folder.status(name)
    if status is None or status.st_size != placing.target.size:
        return False
    same = (status.st_dev, status.st_ino) == (placing.device, placing.inode)
    if not same and _sha256(folder, name) != placing.target.sha256:
        return False
    folder.flush()  # the rename may be in memory only; the receipt says it is not
    return True


def _place_now(home: InboxHome, placer: Placer, ladder: Ladder, placing: Placing) -> Placed | InboxError | None:
    """Places a part that is complete; None if it is not there or its bytes are not the ones we flushed."""
    folder = home.folder
    status = folder.status(placing.part)
    if (
        status is None
        or status.st_size != placing.target.size
        or _sha256(folder, placing.part) != placing.target.sha256
    ):
        return None
    # The journal knows where it was to go, and that says for whom.
    facts = replace(placing.facts, on_shelf=placing.target.name.startswith(f"{SHELF_FOLDER}/"))
    finished = Finished(placing.part, placing.key, facts, placing.target.sha256, status.st_dev, status.st_ino)
    return placer.place_group(home, folder, ladder, [finished])[0]


def _sha256(folder: Folder, name: str) -> str | None:
    digest = hashlib.sha256()
    try:
        fd = folder.open_file(name, flags=os.O_RDONLY)
    except OSError:
        return None
    try:
        for piece in disk.read_range(fd, 0, os.fstat(fd).st_size):
            digest.update(piece)
    except (OSError, EOFError):
        return None
    finally:
        os.close(fd)
    return digest.hexdigest()
