"""What a received file carries besides its bytes: the time its sender gave, and a mark that it came from elsewhere.

Linux has `user.xdg.origin.url` for where a file came from. It stays unset: the only address there is holds the secret
of a code, and the mark would travel with every copy of the file. The marks of macOS and Windows name no address; these
two branches are checked by syntax only.
"""

import ctypes
import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

EARLIEST_MS: Final = 315_532_800_000
"""1980-01-01: FAT and zip know no earlier time, and a camera whose battery was empty says 1970."""

AHEAD_MS_MAX: Final = 24 * 3600 * 1000
"""A sender's clock may be wrong by so much; a time farther ahead would stay on top of every list for years."""

_FROM_THE_INTERNET = b"[ZoneTransfer]\r\nZoneId=3\r\n"


def clamped(modified_ms: int, *, now_ms: int) -> int:
    """The time a sender gave, brought between 1980 and tomorrow."""
    return min(max(modified_ms, EARLIEST_MS), now_ms + AHEAD_MS_MAX)


def keep_time(fd: int, path: Path, modified_ms: int | None, *, now_ms: int) -> None:
    """Give a file the time its sender gave it; where that is not possible it keeps the time of its arrival."""
    if modified_ms is None:
        return
    times = (now_ms * 1_000_000, clamped(modified_ms, now_ms=now_ms) * 1_000_000)
    with suppress(OSError):
        os.utime(fd if os.utime in os.supports_fd else path, ns=times)


def mark_as_received(fd: int, path: Path, *, now_ms: int) -> None:
    """Let macOS and Windows ask before they run it; where that cannot be noted (FAT, shares) nothing happens."""
    with suppress(OSError):
        if sys.platform == "darwin":
            _quarantine(fd, now_ms)
        elif sys.platform == "win32":
            # A stream of the file itself: it goes along when the file gets its name.
            Path(f"{path}:Zone.Identifier").write_bytes(_FROM_THE_INTERNET)


def _quarantine(fd: int, now_ms: int) -> None:
    """`flags;time in hex;who;` as Launch Services writes it; 0081 is: downloaded, not yet opened."""
    value = f"0081;{now_ms // 1000:08x};QR Share;".encode()
    setxattr = getattr(ctypes.CDLL(None, use_errno=True), "fsetxattr", None)
    if setxattr is None:
        return
    if setxattr(ctypes.c_int(fd), b"com.apple.quarantine", value, ctypes.c_size_t(len(value)), 0, 0) != 0:
        log.debug("a file could not be marked as received (%d)", ctypes.get_errno())
