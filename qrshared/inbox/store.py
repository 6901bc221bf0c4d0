"""The inbox without an event loop: opens it, makes and finds parts, places finished ones, keeps it tidy. It blocks."""

import os
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from qrshared.inbox import janitor, owner
from qrshared.inbox.commit import Outcome, Placer
from qrshared.inbox.descriptors import Descriptors, affordable_parts
from qrshared.inbox.errors import InboxError, InboxGone, NoSpace, disk_errors
from qrshared.inbox.folder import Folder
from qrshared.inbox.home import InboxHome
from qrshared.inbox.item import Entry, ItemFacts, ItemKey, Placed, is_same_item
from qrshared.inbox.journal import Journal
from qrshared.inbox.part import Finished, PartFile
from qrshared.inbox.place import Ladder, Rung
from qrshared.inbox.records import PartBegun, RunBegun
from qrshared.inbox.reserve import Room, has_room_for_notes, room_of
from qrshared.inbox.same import SameFiles, Wanted

T = TypeVar("T")


class Store:
    """Everything about one inbox that blocks. Any thread may call; one part is used by one caller at a time."""

    def __init__(
        self,
        folder: Path,
        data_dir: Path,
        *,
        file_mode: int,
        reserve_bytes: int | None,
        now: Callable[[], float],
        holder: str,
        rung: Rung | None,
    ) -> None:
        """Opens the inbox and finishes what an earlier run had begun."""
        self._file_mode = file_mode & 0o666  # never executable, whatever the settings say
        self._final_mode = 0o600
        self._reserve_bytes = reserve_bytes
        self._now = now
        self._forced_rung = rung
        self._descriptors = Descriptors(affordable_parts())
        self._home_lock = threading.Lock()
        self._retired: list[Folder] = []
        self.home = InboxHome(folder, holder=holder)
        try:
            self.journal = Journal(data_dir, self.home.path)
            self._placer = Placer(self.journal)
            self.same = SameFiles(self.journal.path.with_suffix(".hashes"))
            self._prefix = janitor.run_prefix(os.urandom(6).hex())
            with disk_errors(str(self.home.path)):
                self._start()
        except BaseException:
            self.home.close()
            raise

    def close(self) -> None:
        self.journal.close()
        self.home.close()
        for folder in self._retired:
            folder.close()

    def folder(self) -> Folder:
        """The inbox as its path has it now; found again or made anew if it is not the one we held."""
        with self._home_lock:
            if not self.home.leads_to(self.home.folder):
                self._retired.append(self.home.reopen())
                self._ladder = self._probed()
            return self.home.folder

    def room(self, *, promised: int = 0) -> Room:
        with disk_errors(str(self.home.path)):
            room = room_of(self.home.folder, reserve_bytes=self._reserve_bytes, promised=promised)
            if has_room_for_notes(self.journal.path, reserve=room.reserve):
                return room
            return Room(free=0, reserve=room.reserve)  # without the journal nothing may be placed

    def begin(
        self, key: ItemKey, facts: ItemFacts, *, stored: PartFile | None, adopt: ItemKey | None, promised: int
    ) -> PartFile:
        """A part ready to be written: `stored`, or one of an earlier run, or a new one."""
        folder = self.folder()
        part = stored or self._from_earlier_run(key, folder)
        if part is None and adopt is not None:
            part = self._from_earlier_run(adopt, folder, like=facts)
        with disk_errors(str(self.home.path), needed=facts.size, free=self.room().free):
            if part is not None:
                is_usable = is_same_item(part.facts, facts) and part.folder is folder and not part.is_spoilt
                if is_usable and self._ready(part, promised):
                    self._give_key(part, key, facts)
                    return part
                self.forget(part)
            part = PartFile(
                folder,
                janitor.part_name(self._prefix),
                key,
                facts,
                self.journal,
                check=self._check,
                descriptors=self._descriptors,
            )
            try:
                self._ready(part, promised)
            except (OSError, InboxError):
                part.remove()
                raise
            if part.is_recorded:
                self._record(part)
            return part

    def forget(self, part: PartFile) -> None:
        """Removes a part for good."""
        with disk_errors(str(self.home.path)):
            part.remove()

    def write(self, part: PartFile, chunks: Sequence[bytes | memoryview]) -> int:
        if part.must_reread:  # a rewind came between
            self.reread(part)
        needed = part.facts.size - part.offset
        try:
            return part.write(chunks)
        except OSError as error:
            with disk_errors(str(self.home.path), needed=needed, free=self._usable()):
                raise error from None

    def sync(self, part: PartFile) -> int:
        return self._trusting(part, part.sync)

    def reread(self, part: PartFile) -> None:
        self._trusting(part, part.reread)

    def finish(self, part: PartFile) -> Finished:
        if not self.home.leads_to(part.folder):
            raise InboxGone(folder=self.home.path)
        if part.must_reread:
            self.reread(part)
        finished = self._trusting(part, lambda: part.finish(self._final_mode, now_ms=int(self._now() * 1000)))
        part.release(part.begun)  # it is placed by name; its sender has nothing more to write
        return finished

    def block_digest(self, part: PartFile, index: int) -> bytes:
        with disk_errors(str(self.home.path)):
            return part.block_digest(index)

    def rewind(self, part: PartFile, offset: int) -> None:
        with disk_errors(str(self.home.path)):
            part.rewind(offset)

    def place_group(self, group: Sequence[tuple[PartFile, Finished]]) -> list[Outcome]:
        """Gives names to finished parts; none to those whose folder is not the inbox any more."""
        with self._home_lock:
            folder, ladder = self.home.folder, self._ladder
        here = [finished for part, finished in group if part.folder is folder]
        placed = dict(
            zip([one.part for one in here], self._placer.place_group(self.home, folder, ladder, here), strict=True)
        )
        return [placed.get(finished.part, InboxGone(folder=self.home.path)) for _, finished in group]

    def entries(self, limit: int) -> list[Entry]:
        with disk_errors(str(self.home.path)):
            return owner.entries(self.folder(), limit)

    def text_of(self, name: str) -> str | None:
        with disk_errors(str(self.home.path)):
            return owner.text_of(self.folder(), name)

    def count(self) -> int:
        with disk_errors(str(self.home.path)):
            return owner.count(self.folder())

    def is_there(self) -> bool:
        try:
            return self.home.leads_to(self.home.folder) and owner.count(self.home.folder) >= 0
        except OSError:
            return False

    def placed_digest(self, placed: Placed, index: int) -> bytes:
        with disk_errors(str(self.home.path)):
            return owner.block_digest(self.folder(), placed, index)

    def find_same(self, wanted: Sequence[Wanted]) -> list[Placed | None]:
        with disk_errors(str(self.home.path)):
            return self.same.find(self.folder(), wanted)

    def rename(self, name: str, new: str) -> str:
        with disk_errors(str(self.home.path)):
            return owner.rename(self.folder(), self._ladder, name, new)

    def take_back(self, shelf: str, name: str) -> str:
        with disk_errors(str(self.home.path)):
            return owner.take_back(self.folder(), self._ladder, shelf, name)

    def to_bin(self, name: str) -> str:
        with disk_errors(str(self.home.path)):
            return owner.to_bin(self.folder(), self._ladder, name)

    def tidy(self, in_use: Collection[str]) -> None:
        """Once an hour: counts days, removes what is too old, shortens the journal."""
        janitor.see_day(self.journal, self._now())
        janitor.expire(self.folder(), self.journal, in_use=in_use)
        self.journal.rewrite_if_grown()

    def _start(self) -> None:
        janitor.see_day(self.journal, self._now())
        self.journal.note(RunBegun(self._prefix))
        self.journal.make_durable()  # before the first file of ours is in the inbox
        folder = self.home.folder
        self._ladder = self._probed()
        janitor.finish_placements(self.home, self.journal, self._placer, self._ladder)
        janitor.drop_lost_parts(folder, self.journal)
        janitor.sweep(folder, self.journal, this_run=self._prefix)
        janitor.expire(folder, self.journal, in_use=())

    def _probed(self) -> Ladder:
        folder = self.home.folder
        # What the kernel and the folder's default ACL leave of the mode is asked once; reading the umask by setting
        # it would change it for all other threads.
        name = janitor.part_name(self._prefix)
        fd = folder.create(name, self._file_mode)
        self._final_mode = os.fstat(fd).st_mode & 0o666
        os.close(fd)
        folder.remove(name)
        if self._forced_rung is not None:
            return Ladder(self._forced_rung)
        ladder = Ladder()
        ladder.probe(folder, *[janitor.part_name(self._prefix) for _ in range(3)])
        return ladder

    def _from_earlier_run(self, key: ItemKey, folder: Folder, like: ItemFacts | None = None) -> PartFile | None:
        with self.journal.reading() as ledger:
            known = next((part for part in ledger.parts.values() if part.key == key), None)
        if known is None or known.part.startswith(self._prefix) or (like and not is_same_item(known.facts, like)):
            return None
        return PartFile(
            folder,
            known.part,
            known.key,
            known.facts,
            self.journal,
            check=self._check,
            descriptors=self._descriptors,
            stored=known.safe,
            sha256=known.sha256,
        )

    def _ready(self, part: PartFile, promised: int) -> bool:
        self._demand_room(part.facts.size - part.offset, promised)
        return part.prepare()

    def _give_key(self, part: PartFile, key: ItemKey, facts: ItemFacts) -> None:
        if (part.key, part.facts) != (key, facts):
            part.key, part.facts = key, facts
            if part.is_recorded:
                self._record(part)

    def _record(self, part: PartFile) -> None:
        self.journal.note(PartBegun(part.name, part.key, part.facts, self.journal.days_seen))

    def _check(self, room_too: bool) -> None:
        if not self.home.leads_to(self.home.folder):
            raise InboxGone(folder=self.home.path)
        if room_too:
            self._demand_room(0, 0)

    def _demand_room(self, needed: int, promised: int) -> None:
        room = self.room(promised=promised)
        if not room.fits(needed):
            raise NoSpace(needed=needed, free=max(0, room.free - room.reserve))

    def _usable(self) -> int:
        with suppress(InboxError):
            room = self.room()
            return max(0, room.free - room.reserve)
        return 0

    def _trusting(self, part: PartFile, work: Callable[[], T]) -> T:
        """Runs work after whose failure the part may have to go."""
        try:
            with disk_errors(str(self.home.path), needed=part.facts.size, free=0):
                return work()
        except InboxError:
            if part.is_spoilt:
                with suppress(OSError, InboxError):
                    part.remove()
            raise
