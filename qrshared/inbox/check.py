"""Tries out an inbox folder without receiving anything: whether it takes files, where it lies, how they are placed.

Safe beside a daemon that receives into it: only three throw-away names of its own are made, and removed again.
"""

import errno
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Final

from qrshared.inbox import disk
from qrshared.inbox.errors import FULL, READ_ONLY
from qrshared.inbox.folder import Folder
from qrshared.inbox.janitor import part_name, run_prefix
from qrshared.inbox.place import Ladder, Rung
from qrshared.inbox.reserve import Room, room_of

_MOUNTS: Final = Path("/proc/self/mountinfo")
_ESCAPED = re.compile(r"\\([0-7]{3})")

_IN_MEMORY: Final = frozenset({"tmpfs", "ramfs"})
_UNSAFE_OPTIONS: Final = frozenset({"volatile", "nobarrier", "barrier=0"})
"""overlayfs: no sync at all; ext4, xfs: the disk may keep what was synced in its cache."""


class State(Enum):
    """What became of the attempt."""

    FINE = auto()
    MISSING = auto()
    """Not there, and its parent is: the daemon makes it."""
    NO_PARENT = auto()
    NOT_A_FOLDER = auto()
    READ_ONLY = auto()
    """The file system is."""
    FORBIDDEN = auto()
    FULL = auto()
    BROKEN = auto()


class Sync(Enum):
    """What a power cut leaves of a file that was synced."""

    HONOURED = auto()
    FOLDERS_NOT = auto()
    """Content stays; the newest names may go."""
    IN_MEMORY = auto()
    SWITCHED_OFF = auto()


@dataclass(frozen=True, slots=True)
class Mount:
    """The file system that holds a folder."""

    point: str
    kind: str
    options: frozenset[str]


@dataclass(frozen=True, slots=True)
class Tried:
    """What an inbox folder can do."""

    folder: Path
    state: State
    mount: Mount | None = None
    """None where the system does not tell."""
    rung: Rung | None = None
    sync: Sync | None = None
    room: Room | None = None
    fault: str = ""


def try_inbox(folder: Path, *, reserve_bytes: int | None = None, mounts: Path = _MOUNTS) -> Tried:
    """Looks at the folder, and writes and places an empty file in it; takes as long as two small syncs."""
    path = Path(os.path.realpath(folder.expanduser()))
    mount = mount_of(path, mounts)
    try:
        opened = Folder.open(path)
    except OSError as fault:
        return Tried(path, _state_of_missing(path, fault), mount, fault=fault.strerror or "")
    try:
        room = room_of(opened, reserve_bytes=reserve_bytes)
        ladder, syncs_folders = _write_and_place(opened)
    except OSError as fault:
        return Tried(path, _state_of(fault), mount, fault=fault.strerror or "")
    finally:
        opened.close()
    return Tried(path, State.FINE, mount, ladder.rung, _sync_of(mount, syncs_folders=syncs_folders), room)


def _write_and_place(folder: Folder) -> tuple[Ladder, bool]:
    prefix = run_prefix(os.urandom(6).hex())
    first, second, third = (part_name(prefix) for _ in range(3))
    fd = folder.create(first)
    try:
        disk.write_all(fd, [b"qrshared doctor was here\n"])
        disk.flush_file(fd)
    finally:
        os.close(fd)
        folder.remove(first)
    ladder = Ladder()
    ladder.probe(folder, first, second, third)
    return ladder, _syncs_folders(folder)


def _syncs_folders(folder: Folder) -> bool:
    if folder.fd is None:  # Windows: NTFS journals its names
        return True
    try:
        os.fsync(folder.fd)
    except OSError as fault:
        if fault.errno not in disk.UNSUPPORTED:
            raise
        return False
    return True


def _sync_of(mount: Mount | None, *, syncs_folders: bool) -> Sync:
    if mount is not None and mount.kind in _IN_MEMORY:
        return Sync.IN_MEMORY
    if mount is not None and mount.options & _UNSAFE_OPTIONS:
        return Sync.SWITCHED_OFF
    return Sync.HONOURED if syncs_folders else Sync.FOLDERS_NOT


def _state_of(fault: OSError) -> State:
    if fault.errno == errno.EROFS:
        return State.READ_ONLY
    if fault.errno in READ_ONLY:
        return State.FORBIDDEN
    return State.FULL if fault.errno in FULL else State.BROKEN


def _state_of_missing(path: Path, fault: OSError) -> State:
    if isinstance(fault, NotADirectoryError) or fault.errno == errno.ELOOP:
        return State.NOT_A_FOLDER
    if not isinstance(fault, FileNotFoundError):
        return _state_of(fault)
    if not path.parent.is_dir():
        return State.NO_PARENT
    if sys.platform != "win32" and os.statvfs(path.parent).f_flag & os.ST_RDONLY:
        return State.READ_ONLY
    return State.MISSING if os.access(path.parent, os.W_OK | os.X_OK) else State.FORBIDDEN


def mount_of(path: Path, mounts: Path = _MOUNTS) -> Mount | None:
    """The last mount on the way to `path` (Linux); it need not exist."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    found: Mount | None = None
    for line in lines:
        read = _read_mount(line.split(" "))
        if read is not None and path.is_relative_to(read.point) and (
            found is None or len(Path(read.point).parts) >= len(Path(found.point).parts)
        ):  # fmt: skip
            found = read
    return found


def _read_mount(words: Sequence[str]) -> Mount | None:
    """One line of proc_pid_mountinfo(5): … point options [tags] - kind device options-of-the-file-system."""
    try:
        dash = words.index("-", 6)
        kind, _, its_options = words[dash + 1 : dash + 4]
    except ValueError:
        return None
    point = _ESCAPED.sub(lambda code: chr(int(code[1], 8)), words[4])
    return Mount(point, kind, frozenset([*words[5].split(","), *its_options.split(",")]))
