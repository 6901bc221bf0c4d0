"""The control socket: a Unix socket in the data folder, for this user alone."""

import asyncio
import os
import socket
import stat
import struct
import tempfile
from pathlib import Path

from qrshared.local.errors import AlreadyRunning, NotRunning, UnsafeDoor
from qrshared.local.lines import LINE_BYTES_MAX, Lines
from qrshared.local.lock import FolderLock

SOCKET_NAME = "control.sock"
POINTER_NAME = "control.path"
"""Says where the socket is when the data folder's own path is too long for one."""

SOCKET_PATH_BYTES_MAX = 100
"""sun_path holds 108 bytes on Linux and 104 on macOS, each with a closing zero (unix(7), unix(4))."""

KNOCK_S = 5.0
"""A daemon whose loop turns accepts at once; longer means that it is stuck."""


class UnixDoorway:
    """The daemon's side: creates the socket, vouches for who connects, clears away after itself."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._lock = FolderLock(data_dir)
        self._path: Path | None = None
        self._inode = 0

    def open(self) -> socket.socket:
        """A listening socket with mode 0600 in a folder with mode 0700."""
        _require_own_folder(self._data_dir)
        self._lock.take()
        try:
            _clear_away(find_socket(self._data_dir), self._data_dir)
            self._path = self._place()
            listening = _listen(self._path)
            self._inode = self._path.lstat().st_ino
        except BaseException:
            self._lock.give_back()
            raise
        return listening

    async def admit(self, connection: socket.socket, lines: Lines) -> bool:
        """The kernel's word decides: the mode of the socket alone would trust whoever changed it."""
        del lines
        return _is_ours(connection)

    def close(self) -> None:
        """Remove the socket, if it is still this one, and let the next daemon in."""
        if self._path is not None:
            try:
                if self._path.lstat().st_ino == self._inode:
                    _remove_socket(self._path, self._data_dir)
            except OSError:
                pass  # somebody cleared it away already
            self._path = None
        self._lock.give_back()

    def _place(self) -> Path:
        """The data folder itself, or for a long path a fresh private folder that `control.path` names."""
        path = self._data_dir / SOCKET_NAME
        pointer = self._data_dir / POINTER_NAME
        pointer.unlink(missing_ok=True)
        if len(os.fsencode(path)) <= SOCKET_PATH_BYTES_MAX:
            return path
        path = Path(tempfile.mkdtemp(prefix="qrshared-", dir=_short_folder())) / SOCKET_NAME
        descriptor = os.open(pointer, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.fsencode(path))
        return path


async def connect_unix(data_dir: Path) -> Lines:
    """Knock at the control socket of this data folder; raises `NotRunning`, `UnsafeDoor`."""
    path = find_socket(data_dir)
    if path.parent != data_dir:
        _require_own_folder(path.parent, gone=NotRunning(data_dir=data_dir))
    try:
        async with asyncio.timeout(KNOCK_S):
            reader, writer = await asyncio.open_unix_connection(str(path), limit=LINE_BYTES_MAX)
    except PermissionError:
        raise _another_users(path) from None
    except (OSError, TimeoutError):
        raise NotRunning(data_dir=data_dir) from None
    connection: socket.socket = writer.get_extra_info("socket")
    # Root may ask the daemon of any user; everybody else only an own one, or one that runs as root.
    if os.getuid() != 0 and not _is_ours(connection):
        writer.close()
        raise _another_users(path)
    return Lines(reader, writer)


def find_socket(data_dir: Path) -> Path:
    """Where the daemon of this data folder put its socket, or would put it."""
    try:
        named = os.fsdecode((data_dir / POINTER_NAME).read_bytes())
    except OSError:
        return data_dir / SOCKET_NAME
    return Path(named)


def peer_uid(connection: socket.socket) -> int:
    """The user at the other end, from the kernel (unix(7) on Linux, getpeereid(3) elsewhere)."""
    linux = getattr(socket, "SO_PEERCRED", None)
    if linux is not None:
        credentials = connection.getsockopt(socket.SOL_SOCKET, linux, struct.calcsize("3i"))
        uid: int = struct.unpack("3i", credentials)[1]
        return uid
    # LOCAL_PEERCRED = 1 at level SOL_LOCAL = 0 gives struct xucred, whose second u32 is the user (macOS, FreeBSD).
    _, uid = struct.unpack_from("=II", connection.getsockopt(0, 1, 128))
    return uid


def _is_ours(connection: socket.socket) -> bool:
    try:
        return peer_uid(connection) in {os.getuid(), 0}
    except OSError:
        return False


def _listen(path: Path) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        try:
            # On Linux bind() gives the file the mode of the socket: nobody can slip in before a chmod.
            os.fchmod(listening.fileno(), 0o600)
        except OSError:
            pass  # not so on macOS: there the folder's 0700 alone covers the moment until the chmod
        listening.bind(str(path))
        path.chmod(0o600)
        listening.listen(64)
        listening.setblocking(False)
    except BaseException:
        listening.close()
        raise
    return listening


def _clear_away(path: Path, data_dir: Path) -> None:
    """Remove a socket nobody answers on; we hold the lock, so it is not one that is about to answer."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise UnsafeDoor(path=path, problem="is not a socket", advice="Move it away.")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knocking:
        knocking.settimeout(1)
        try:
            knocking.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            _remove_socket(path, data_dir)
        except OSError:
            raise AlreadyRunning(data_dir=data_dir) from None
        else:
            raise AlreadyRunning(data_dir=data_dir)


def _remove_socket(path: Path, data_dir: Path) -> None:
    path.unlink(missing_ok=True)
    if path.parent != data_dir:
        path.parent.rmdir()
        (data_dir / POINTER_NAME).unlink(missing_ok=True)


def _short_folder() -> str:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    try:
        if runtime and Path(runtime).stat().st_uid == os.getuid():
            return runtime
    except OSError:
        pass
    return tempfile.gettempdir()


def _another_users(path: Path) -> UnsafeDoor:
    return UnsafeDoor(
        path=path, problem="is another user's", advice="Run the command as the user who started qrshared."
    )


def _require_own_folder(folder: Path, *, gone: Exception | None = None) -> None:
    """Raises `UnsafeDoor` unless the folder is a real one, ours, and closed to everybody else."""
    try:
        found = folder.lstat() if gone else folder.stat()
    except OSError as fault:
        raise gone or UnsafeDoor(
            path=folder, problem="cannot be used", advice="Choose another with --data-dir."
        ) from fault
    if not stat.S_ISDIR(found.st_mode) or (found.st_uid not in {os.getuid(), 0} and os.getuid() != 0):
        raise _another_users(folder)
    if found.st_mode & 0o077:
        raise UnsafeDoor(path=folder, problem="is open to others", advice=f"Run: chmod 700 {folder}")
