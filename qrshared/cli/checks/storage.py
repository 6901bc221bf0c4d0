"""Whether files can land: the inbox folder, the file system under it, and its room."""

import getpass
import os
import shlex
import sys
from pathlib import Path

from qrshared.cli.checks.surroundings import Surroundings
from qrshared.cli.words import size_words
from qrshared.inbox import Rung
from qrshared.inbox.check import Mount, State, Sync, Tried, try_inbox
from qrshared.remote.checkup import Finding

LOW_BYTES = 1_000_000_000
"""One film, or three hundred photos."""

_MB = 10**6
_ELSEWHERE = "choose another folder, and start qrshared again: qrshared config set inbox FOLDER"


def examine_storage(around: Surroundings) -> list[Finding]:
    """The inbox and its disk."""
    settings = around.settings
    reserve = None if settings.reserve_mb is None else settings.reserve_mb * _MB
    # A daemon may have been started with a flag; the folder that it uses is the one that matters.
    folder = settings.inbox if around.status is None else Path(around.status.inbox)
    tried = try_inbox(folder, reserve_bytes=reserve)
    findings = [_inbox(tried)]
    if tried.state is State.FINE:
        findings.append(_sync(tried))
    return [*findings, *_disk(tried)]


def _inbox(tried: Tried) -> Finding:
    folder, path = tried.folder, shlex.quote(str(tried.folder))
    on = f" on {tried.mount.kind}" if tried.mount else ""
    match tried.state:
        case State.FINE:
            return Finding(
                "inbox", True, f"{folder}{on} takes files; they are placed {_RUNGS[tried.rung or Rung.RENAME]}"
            )
        case State.MISSING:
            return Finding("inbox", True, f"{folder} is not there yet; qrshared makes it{on}")
        case State.NO_PARENT:
            return Finding(
                "inbox",
                False,
                f"{folder.parent} is not there, in which {folder.name} should be",
                f"If it is on a disk that is not plugged in, plug it in. If not, make it: mkdir -p {path}",
            )
        case State.NOT_A_FOLDER:
            return Finding(
                "inbox", False, f"{folder} is no folder", f"Move it away (mv {path} {path}.old), or {_ELSEWHERE}"
            )
        case State.READ_ONLY:
            return Finding("inbox", False, f"{folder}{on} is read-only", _writable_again(tried.mount))
        case State.FORBIDDEN:
            return Finding(
                "inbox", False, f"this user ({getpass.getuser()}) may not write to {folder}", _give_rights(tried)
            )
        case State.FULL:
            return Finding("inbox", False, f"{folder}{on} is full", f"Make room there, or {_ELSEWHERE}")
        case State.BROKEN:
            return Finding(
                "inbox",
                False,
                f"{folder}{on} takes no files ({tried.fault or 'no reason given'})",
                f"See to that disk (sudo dmesg says more), or {_ELSEWHERE}",
            )


_RUNGS = {
    Rung.RENAME: "in one step",
    Rung.LINK: "by a second name, as this file system needs it",
    Rung.PLACEHOLDER: "over an empty file that keeps their name, as this file system needs it",
}


def _writable_again(mount: Mount | None) -> str:
    if mount is None or sys.platform != "linux":
        return f"Make that disk writable again, or {_ELSEWHERE}"
    return (
        f"Make it writable: sudo mount -o remount,rw {shlex.quote(mount.point)} (if it became read-only by itself, its "
        f"disk may be failing: sudo dmesg says more). Or {_ELSEWHERE}"
    )


def _give_rights(tried: Tried) -> str:
    if sys.platform == "win32":
        return f'icacls "{tried.folder}" /grant "{getpass.getuser()}:(OI)(CI)M"'
    folder = tried.folder if os.access(tried.folder, os.F_OK) else tried.folder.parent
    path = shlex.quote(str(folder))
    if folder != tried.folder:
        return f"It lies in {folder}, where only others may write: {_ELSEWHERE}"
    user = shlex.quote(getpass.getuser())
    return f"Make it this user's: sudo chown {user} {path} && chmod u+rwx {path}. Or {_ELSEWHERE}"


def _sync(tried: Tried) -> Finding:
    kind = tried.mount.kind if tried.mount else "this file system"
    match tried.sync:
        case Sync.IN_MEMORY:
            return Finding(
                "sync",
                False,
                f"the inbox is in memory ({kind}): all of it is gone when this computer restarts",
                f"On a disk files stay: {_ELSEWHERE}",
            )
        case Sync.SWITCHED_OFF:
            return Finding(
                "sync",
                False,
                "the disk is told not to wait for what is written: a power cut may take files back",
                _sync_again(tried.mount),
            )
        case Sync.FOLDERS_NOT:
            return Finding(
                "sync",
                True,
                f"{kind} keeps what was written, but a power cut may take back the newest names",
                f"If that matters: {_ELSEWHERE}",
            )
        case _:
            return Finding("sync", True, "what was written is kept through a power cut, as far as the disk is honest")


def _sync_again(mount: Mount | None) -> str:
    if mount is None or mount.kind == "overlay":
        return f"Give the container a volume for the inbox, or {_ELSEWHERE}"
    return f"Mount it without that: sudo mount -o remount,barrier=1 {shlex.quote(mount.point)} (and correct /etc/fstab)"


def _disk(tried: Tried) -> list[Finding]:
    if tried.room is None:
        return []
    usable = max(0, tried.room.free - tried.room.reserve)
    seen = f"room for {size_words(usable)}; {size_words(tried.room.reserve)} more always stay free"
    if usable >= LOW_BYTES:
        return [Finding("disk", True, seen)]
    return [Finding("disk", False, seen, f"Make room on the disk of {tried.folder}, or {_ELSEWHERE}")]
