"""Makes the data folder, and makes it this user's alone."""

import os
import stat
import sys
from pathlib import Path

from qrshared.errors import UserError


class UnsafeDataFolder(UserError):
    """The data folder {path} {problem}. It holds the keys of your devices: choose a folder that is only yours."""


def make_data_dir(path: Path) -> None:
    """Make the data folder if need be, and make it ours alone (0700); raises UnsafeDataFolder."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.stat()
        if sys.platform == "win32":
            return
        if found.st_uid != os.getuid():
            raise UnsafeDataFolder(path=path, problem="belongs to another user")
        if found.st_mode & stat.S_IWOTH and (found.st_mode & stat.S_ISVTX or any(path.iterdir())):
            # What lies in it may have been put there by anyone; a shared folder such as /tmp is not ours to lock.
            raise UnsafeDataFolder(path=path, problem="may be written by every user of this computer")
        if found.st_mode & 0o077:
            path.chmod(0o700)
    except OSError as problem:
        raise UnsafeDataFolder(path=path, problem=f"cannot be used ({problem.strerror})") from problem
