"""A small JSON file that survives a power cut: whole old or whole new, never half, readable by its owner alone."""

import asyncio
import json
import os
import threading
from pathlib import Path

from qrshared.errors import UserError

STORE_BYTES_MAX = 8 * 1024 * 1024
"""256 devices and 256 tickets take about 200 KiB; more than this is not our file."""


class StoreDamaged(UserError):
    """{path} cannot be read ({problem}). Move it away to start anew: every phone then scans the code once more."""


class Store:
    """One JSON document in one file; `save` returns when it is on the disk, and is not undone by a cancelled caller."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = threading.Lock()
        self._asked = 0
        self._written = 0

    def load(self) -> object | None:
        """The document, or None if there is none yet; raises `StoreDamaged`."""
        try:
            with self._path.open("rb") as file:
                text = file.read(STORE_BYTES_MAX + 1)
        except FileNotFoundError:
            return None
        except OSError as fault:
            raise StoreDamaged(path=self._path, problem=fault.strerror or fault) from fault
        if len(text) > STORE_BYTES_MAX:
            raise StoreDamaged(path=self._path, problem="it is far too large")
        try:
            document: object = json.loads(text)
        except (ValueError, RecursionError) as fault:
            raise StoreDamaged(path=self._path, problem="it is not JSON") from fault
        return document

    async def save(self, document: object) -> None:
        """Replace the document durably; raises OSError. The caller gives a value that nobody changes meanwhile."""
        text = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
        self._asked += 1
        # Shielded: whoever asked may leave, but a revoked device must not be back after the next start.
        saving = asyncio.get_running_loop().run_in_executor(None, self._replace, text, self._asked)
        saving.add_done_callback(_look_at)
        await asyncio.shield(saving)

    def _replace(self, text: bytes, number: int) -> None:
        with self._turn:
            if number < self._written:
                return  # a later document was faster
            beside = self._path.with_name(self._path.name + ".new")
            beside.unlink(missing_ok=True)  # left over from a crash
            # The mode argument of open() is no mode: only os.open sets one before the first byte is in.
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
            sync_folder(self._path.parent)
            self._written = number


def _look_at(saving: "asyncio.Future[None]") -> None:
    """An error whose caller has left is nobody's to handle; the book knows that it has to save again."""
    if not saving.cancelled():
        saving.exception()


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut, where the system knows such a thing."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
