"""What the owner does with the inbox's list: look, rename, bin. Nothing here is ever deleted for good."""

import hashlib
import heapq
import logging
import os
import stat
from dataclasses import replace

from send2trash import TrashPermissionError, send2trash

from qrshared.inbox import disk
from qrshared.inbox.errors import EntryMissing, NameRefused
from qrshared.inbox.folder import Folder, walk
from qrshared.inbox.item import Entry, Placed
from qrshared.inbox.names import OWN_PREFIX, RESERVED_AT_TOP, SafeName, clean_name, folded, numbered
from qrshared.inbox.part import BLOCK_BYTES
from qrshared.inbox.place import Ladder

log = logging.getLogger(__name__)

TEXT_BYTES_MAX = 64 * 1024
"""A larger text is a document: nobody looks into it here."""

TEXTS_MAX = 12
"""Texts of one list that are looked into."""

TEXT_SHOWN_MAX = 2_000
"""A text with more characters than this is shown by its beginning."""

BEGINNING_SHOWN = 300
"""Characters of it that are."""

BIN_NAME = OWN_PREFIX + "bin"
"""Takes what the computer's own bin does not (no desktop, a sandbox, another disk); the owner empties it by hand."""


def is_listed(name: str) -> bool:
    """Whether a top-level name belongs to the inbox's list: not ours, not hidden, not the Outbox."""
    return not name.startswith(".") and folded(name) not in RESERVED_AT_TOP


def entries(folder: Folder, limit: int) -> list[Entry]:
    """The newest files and folders at the top level, newest first, and what the newest texts among them say."""
    found = (_entry(folder, name) for name in folder.names() if is_listed(name))
    newest = heapq.nlargest(limit, filter(None, found), key=lambda entry: (entry.arrived_ms, entry.name))
    texts = [at for at, entry in enumerate(newest) if is_text(entry.name) and not entry.is_folder][:TEXTS_MAX]
    for at in texts:
        newest[at] = _with_text(folder, newest[at])
    return newest


def is_text(name: str) -> bool:
    """Whether a name promises a text that anybody may look into."""
    return name.casefold().endswith(".txt")


def text_of(folder: Folder, name: str) -> str | None:
    """What a small UTF-8 text in the inbox says; None for anything else, and for what is not there any more."""
    if not is_text(name):
        return None
    try:
        parent, last = _find(folder, name)
    except (EntryMissing, NameRefused):
        return None
    try:
        fd = parent.open_file(last, flags=os.O_RDONLY)
    except OSError:
        return None
    finally:
        if parent is not folder:
            parent.close()
    try:
        size = os.fstat(fd).st_size
        content = b"".join(disk.read_range(fd, 0, size)) if size <= TEXT_BYTES_MAX else b"\0"
    except (OSError, EOFError):
        return None
    finally:
        os.close(fd)
    try:
        text = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        return None
    return None if not text or "\0" in text else text


def count(folder: Folder) -> int:
    """How many entries the list has in all."""
    return sum(is_listed(name) for name in folder.names())


def block_digest(folder: Folder, placed: Placed, index: int) -> bytes:
    """BLAKE2b-256 of an 8 MiB block of a placed item; raises EntryMissing if the owner moved or cut it since."""
    parent, last = _find(folder, placed.name)
    try:
        fd = parent.open_file(last, flags=os.O_RDONLY)
        try:
            start = index * BLOCK_BYTES
            if os.fstat(fd).st_size != placed.size or not 0 <= start < placed.size:
                raise EntryMissing(name=placed.name)
            digest = hashlib.blake2b(digest_size=32)
            for piece in disk.read_range(fd, start, min(start + BLOCK_BYTES, placed.size)):
                digest.update(piece)
            return digest.digest()
        finally:
            os.close(fd)
    finally:
        if parent is not folder:
            parent.close()


def rename(folder: Folder, ladder: Ladder, name: str, new: str) -> str:
    """Renames within its folder, under a safe free name; returns the final one. Raises EntryMissing."""
    parent, last = _find(folder, name)
    try:
        wanted = clean_name(new)
        if parent is folder and folded(wanted) in RESERVED_AT_TOP:
            raise NameRefused
        final = last if wanted == last else _move(parent, ladder, last, parent, wanted)
    finally:
        if parent is not folder:
            parent.close()
    return "/".join([*name.split("/")[:-1], final])


def take_back(folder: Folder, ladder: Ladder, shelf: str, name: str) -> str:
    """Moves an entry of the folder `shelf`, whose files wait for phones, into the inbox under a free name.

    Returns that name. Raises EntryMissing.
    """
    if not name or "/" in name or "\0" in name or name.startswith("."):
        raise NameRefused
    parent = folder.enter(shelf)
    if parent is None:
        raise EntryMissing(name=name)
    try:
        if parent.status(name) is None:
            raise EntryMissing(name=name)
        wanted = clean_name(name)
        return _move(parent, ladder, name, folder, numbered(wanted, 2) if not is_listed(wanted) else wanted)
    finally:
        parent.close()


def to_bin(folder: Folder, ladder: Ladder, name: str) -> str:
    """Moves to the computer's bin, else to a hidden folder in the inbox; says which: `bin` or its name."""
    parent, last = _find(folder, name)
    try:
        try:
            send2trash(str(parent.path / last))
        except (OSError, TrashPermissionError) as error:
            log.info("the computer's bin did not take a file (%s): it is kept in %s", type(error).__name__, BIN_NAME)
            return _to_own_bin(folder, ladder, parent, last)
        return "bin"
    finally:
        if parent is not folder:
            parent.close()


def _to_own_bin(folder: Folder, ladder: Ladder, parent: Folder, last: str) -> str:
    folder.make(BIN_NAME)
    own = folder.enter(BIN_NAME)
    if own is None:
        raise NotADirectoryError(BIN_NAME)
    try:
        _move(parent, ladder, last, own, clean_name(last))
    finally:
        own.close()
    return BIN_NAME


def _move(source: Folder, ladder: Ladder, last: str, target: Folder, wanted: SafeName) -> str:
    number = 1
    while True:
        final = numbered(wanted, number)
        try:
            if _is_folder(source, last):
                _move_folder(source, last, target, final)
            else:
                ladder.place(source, last, target, final)
        except FileExistsError:
            number += 1
            continue
        target.flush()
        source.flush()
        return final


def _move_folder(source: Folder, last: str, target: Folder, final: str) -> None:
    """A folder cannot be linked; where it cannot be renamed to a free name, it replaces an empty one of ours."""
    try:
        disk.rename_to_free(source.fd, source.at(last), target.fd, target.at(final))
    except OSError as error:
        if error.errno not in disk.UNSUPPORTED:
            raise
        if not target.make(final):
            raise FileExistsError(final) from error
        os.rename(source.at(last), target.at(final), src_dir_fd=source.fd, dst_dir_fd=target.fd)


def _find(folder: Folder, name: str) -> tuple[Folder, str]:
    """The folder that holds an entry, walked without following links; raises NameRefused or EntryMissing."""
    *above, last = name.split("/")
    if any(part in {"", ".", ".."} or part.startswith(OWN_PREFIX) or "\0" in part for part in (*above, last)):
        raise NameRefused
    if not above and folded(last) in RESERVED_AT_TOP:
        raise NameRefused
    parent = walk(folder, above) if above else folder
    if parent is None:
        raise EntryMissing(name=name)
    if parent.status(last) is None:
        if parent is not folder:
            parent.close()
        raise EntryMissing(name=name)
    return parent, last


def _is_folder(folder: Folder, name: str) -> bool:
    status = folder.status(name)
    return status is not None and stat.S_ISDIR(status.st_mode)


def _entry(folder: Folder, name: str) -> Entry | None:
    status = folder.status(name)
    if status is None:  # vanished while we looked
        return None
    is_folder = stat.S_ISDIR(status.st_mode)
    if not is_folder and not stat.S_ISREG(status.st_mode):
        return None
    # Not the time of its content, which is the sender's: a photo of last summer has arrived today.
    return Entry(name, 0 if is_folder else status.st_size, status.st_ctime_ns // 1_000_000, is_folder=is_folder)


def _with_text(folder: Folder, entry: Entry) -> Entry:
    text = text_of(folder, entry.name)
    if text is None:
        return entry
    is_cut = len(text) > TEXT_SHOWN_MAX
    return replace(entry, text=text[:BEGINNING_SHOWN] if is_cut else text, is_cut=is_cut)
