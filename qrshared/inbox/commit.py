"""Places a group of finished parts: one flush of the journal and one of each folder for all of them."""

import errno
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from qrshared.inbox.errors import DiskError, InboxError, InboxGone, from_os_error
from qrshared.inbox.folder import Folder
from qrshared.inbox.home import InboxHome
from qrshared.inbox.item import ItemFacts, Placed
from qrshared.inbox.journal import Journal
from qrshared.inbox.names import SafeName, SafePath, clean_path, folded, numbered, shelf_path, shortened
from qrshared.inbox.part import Finished
from qrshared.inbox.place import Ladder
from qrshared.inbox.records import ItemPlaced, Placing

log = logging.getLogger(__name__)

GROUP_MAX = 64
"""Files placed together; more wait for the next group."""

FOLDERS_OPEN_MAX = 64
"""Folders held open while files are placed: 64 items, each in 16 folders of its own, would take every descriptor."""

_HINTS_MAX = 10_000
_SHORTER_BYTES = 100
"""A name that is too long for this file system (eCryptfs: 143 bytes) is cut to this."""

Outcome = Placed | InboxError


@dataclass(frozen=True, slots=True)
class _Made:
    """An empty folder of a tree, made already. A second making finds it, so the journal need not know beforehand."""

    finished: Finished
    placed: Placed


@dataclass(slots=True)
class _Plan:
    """Where one finished part is about to go."""

    finished: Finished
    folders: tuple[SafeName, ...]
    target: Folder
    wanted: SafeName
    name: SafeName

    @property
    def placed(self) -> Placed:
        return Placed(str(SafePath(self.folders, self.name)), self.finished.facts.size, self.finished.sha256)

    def record(self) -> Placing:
        one = self.finished
        return Placing(one.part, one.key, one.facts, self.placed, one.device, one.inode)


class Placer:
    """Remembers the last number of each name, so that the 5000th `image.jpg` does not ask for the 4999 before it."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._numbers: dict[tuple[tuple[int, int], str], int] = {}

    def place_group(self, home: InboxHome, folder: Folder, ladder: Ladder, group: Sequence[Finished]) -> list[Outcome]:
        """One outcome for each part of `folder`; `Placed` only when the item survives a power cut under that name."""
        runs = _runs(group)
        return [outcome for run in runs for outcome in self._place_run(home, folder, ladder, run)]

    def _place_run(self, home: InboxHome, folder: Folder, ladder: Ladder, group: Sequence[Finished]) -> list[Outcome]:
        tree = _Tree(folder)
        try:
            return self._place_group(home, ladder, group, tree)
        except (OSError, InboxError) as error:
            failure = self._error_of(error, home)
            return [failure for _ in group]
        finally:
            tree.close()

    def _place_group(self, home: InboxHome, ladder: Ladder, group: Sequence[Finished], tree: "_Tree") -> list[Outcome]:
        if not home.leads_to(tree.top):
            raise InboxGone(folder=home.path)
        outcomes: list[Outcome | _Plan | _Made] = [self._planned(one, home, tree) for one in group]
        self._avoid_each_other([one for one in outcomes if isinstance(one, _Plan)])
        self._journal.note(*[one.record() for one in outcomes if isinstance(one, _Plan)])
        self._journal.make_durable()
        for index, plan in enumerate(outcomes):
            if isinstance(plan, _Plan):
                try:
                    self._place(tree.top, ladder, plan)
                except OSError as error:
                    outcomes[index] = self._error_of(error, home)
        tree.flush()
        if not home.leads_to(tree.top):  # moved away in between: the files are whole, but not in the inbox
            raise InboxGone(folder=home.path)
        for made in outcomes:
            if isinstance(made, _Made):
                tree.top.remove(made.finished.part)  # the empty file that stood for it
        return self._receipts(outcomes)

    def _receipts(self, outcomes: Sequence[Outcome | _Plan | _Made]) -> list[Outcome]:
        seen = self._journal.days_seen
        placed = [one for one in outcomes if isinstance(one, _Plan | _Made)]
        # Not flushed, and no failure: after a power cut the inode under the name says the same.
        self._journal.note_if_possible(
            *[ItemPlaced(p.finished.part, p.finished.key, p.finished.facts, p.placed, seen) for p in placed]
        )
        return [one.placed if isinstance(one, _Plan | _Made) else one for one in outcomes]

    def _planned(self, finished: Finished, home: InboxHome, tree: "_Tree") -> "Outcome | _Plan | _Made":
        try:
            path = _path_of(finished.facts)
            if finished.facts.is_folder:
                names, _ = tree.make((*path.folders, path.name))
                return _Made(finished, Placed("/".join(names), 0, finished.sha256))
            folders, target = tree.make(path.folders)
        except (OSError, InboxError) as error:
            return self._error_of(error, home)
        return _Plan(finished, folders, target, path.name, path.name)

    def _avoid_each_other(self, plans: Sequence[_Plan]) -> None:
        """Gives each plan a name that looks free; whether it is, the kernel decides later."""
        taken: set[tuple[tuple[int, int], str]] = set()
        for plan in plans:
            self._choose(plan, taken)
            taken.add((plan.target.identity, folded(plan.name)))

    def _choose(self, plan: _Plan, taken: set[tuple[tuple[int, int], str]]) -> None:
        place = plan.target.identity
        hint = (place, folded(plan.wanted))
        number = 1
        while True:
            plan.name = numbered(plan.wanted, number)
            if (place, folded(plan.name)) not in taken and plan.target.status(plan.name) is None:
                break
            number = max(number, self._numbers.get(hint, 1)) + 1
        if number > 1:
            if len(self._numbers) >= _HINTS_MAX:
                self._numbers.clear()
            self._numbers[hint] = number

    def _place(self, folder: Folder, ladder: Ladder, plan: _Plan) -> None:
        while True:
            try:
                ladder.place(folder, plan.finished.part, plan.target, plan.name)
                return
            except FileExistsError:
                self._choose(plan, {(plan.target.identity, folded(plan.name))})
            except OSError as error:
                if error.errno != errno.ENAMETOOLONG or len(plan.wanted.encode()) <= _SHORTER_BYTES:
                    raise
                plan.wanted = shortened(plan.wanted, _SHORTER_BYTES)
                self._choose(plan, set())
            # The journal must know the name before the file has it: after a crash this is how we know it is ours.
            self._journal.note(plan.record())
            self._journal.make_durable()

    def _error_of(self, error: OSError | InboxError, home: InboxHome) -> InboxError:
        if isinstance(error, InboxError):
            return error
        log.warning("placing failed: %s", error.strerror)
        if error.errno == errno.ENOENT and home.leads_to(home.folder):
            return DiskError(what="a half-received file was removed by another program")
        return from_os_error(error, folder=str(home.path))


def _path_of(facts: ItemFacts) -> SafePath:
    return shelf_path(facts.name) if facts.on_shelf else clean_path(facts.name)


def _runs(group: Sequence[Finished]) -> list[list[Finished]]:
    """The group in order, cut where its folders become too many to be open together; as a rule it is one run."""
    runs: list[list[Finished]] = [[]]
    folders: set[tuple[SafeName, ...]] = set()
    for one in group:
        try:
            where = _path_of(one.facts)
            path = (*where.folders, where.name) if one.facts.is_folder else where.folders
        except InboxError:
            path = ()  # it will be refused, and opens nothing
        new = {path[:depth] for depth in range(1, len(path) + 1)}
        if len(folders | new) > FOLDERS_OPEN_MAX and runs[-1]:
            runs.append([])
            folders = set()
        folders |= new
        runs[-1].append(one)
    return runs


class _Tree:
    """The folders of one run, each opened once; new ones are made real folders, never links."""

    def __init__(self, top: Folder) -> None:
        self.top = top
        self._open: dict[tuple[SafeName, ...], tuple[tuple[SafeName, ...], Folder]] = {}

    def make(self, folders: tuple[SafeName, ...]) -> tuple[tuple[SafeName, ...], Folder]:
        """The folder for these names, and the names it really has: ` (2)` where a file or a link is in the way."""
        if not folders:
            return (), self.top
        if folders not in self._open:
            above, parent = self.make(folders[:-1])
            name, inside = _make_inside(parent, folders[-1])
            self._open[folders] = ((*above, name), inside)
        return self._open[folders]

    def flush(self) -> None:
        """Innermost first, so that no durable folder is empty that should not be."""
        for _, folder in reversed(self._open.values()):
            folder.flush()
        self.top.flush()

    def close(self) -> None:
        for _, folder in self._open.values():
            folder.close()


def _make_inside(parent: Folder, wanted: SafeName) -> tuple[SafeName, Folder]:
    number = 1
    while True:
        name = numbered(wanted, number)
        if (inside := parent.enter(name)) is not None:
            return name, inside
        if not parent.make(name):
            # Somebody may have made the very folder in between; anything else of that name is in the way.
            if (inside := parent.enter(name)) is not None:
                return name, inside
            number += 1
