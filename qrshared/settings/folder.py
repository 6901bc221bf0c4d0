"""Makes the data folder, and makes it this user's alone."""

import os
import stat
import sys
from pathlib import Path

from qrshared.errors import UserError

_MARK = "ABOUT.txt"
_ABOUT = """This folder belongs to qrshared. It holds the keys of your devices, the settings and what is under way.
Nobody else may read it. `qrshared service remove --purge` deletes it; your files are elsewhere and stay.
"""


class UnsafeDataFolder(UserError):
    """The data folder {path} {problem}. It holds the keys of your devices: choose a folder that is only yours."""


def make_data_dir(path: Path) -> None:
    """Make the data folder if need be, and make it ours alone (0700); raises UnsafeDataFolder."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_fresh = not any(path.iterdir())
        found = path.stat()
        if sys.platform == "win32":
            _mark(path, is_fresh)
            return
        if found.st_uid != os.getuid():
            raise UnsafeDataFolder(path=path, problem="belongs to another user")
        if found.st_mode & stat.S_IWOTH and (found.st_mode & stat.S_ISVTX or not is_fresh):
            # What lies in it may have been put there by anyone; a shared folder such as /tmp is not ours to lock.
            raise UnsafeDataFolder(path=path, problem="may be written by every user of this computer")
        if found.st_mode & 0o077:
            path.chmod(0o700)
        _mark(path, is_fresh)
    except OSError as problem:
        raise UnsafeDataFolder(path=path, problem=f"cannot be used ({problem.strerror})") from problem


def _mark(path: Path, is_fresh: bool) -> None:
    """Only in a folder that was empty: what was there before is not ours to delete."""
    if is_fresh:
        (path / _MARK).write_text(_ABOUT, encoding="utf-8")


def is_own_data_dir(path: Path) -> bool:
    """Whether this folder holds nothing but what qrshared put there, so that deleting it harms nobody."""
    try:
        return (path / _MARK).read_text(encoding="utf-8") == _ABOUT
    except (OSError, UnicodeDecodeError):
        return False
