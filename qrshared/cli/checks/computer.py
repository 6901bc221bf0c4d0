"""The computer itself: its clock, the service that starts qrshared, and the one daemon that should run."""

import datetime as dt
import os
import shlex
import sys
import time
from pathlib import Path

import qrshared
from qrshared.cli import service
from qrshared.cli.checks.surroundings import Surroundings
from qrshared.errors import QrsharedError
from qrshared.local.errors import AlreadyRunning
from qrshared.local.lock import FolderLock
from qrshared.remote.checkup import Finding


def examine_computer(around: Surroundings) -> list[Finding]:
    """Clock, service, daemon."""
    return [_clock(around, time.time()), _service(around), _running(around)]


def _clock(around: Surroundings, now: float, *, installed: float | None = None) -> Finding:
    if installed is None:
        installed = Path(qrshared.__file__).stat().st_mtime
    seen = f"{dt.datetime.fromtimestamp(now).astimezone():%Y-%m-%d %H:%M %Z}"
    # A day of patience: a package may bring the times of the place where it was built.
    if now < installed - 86_400:
        return Finding(
            "clock", False, f"{seen}, which is before qrshared was installed here", f"Set it: {_set_clock()}"
        )
    if sys.platform != "linux":
        return Finding("clock", True, seen)
    ran = around.run("timedatectl", "show", "--property=NTP", "--value", within_s=5)
    if ran.is_fine and ran.text.strip() == "no":
        return Finding("clock", True, f"{seen}; nothing keeps it right", f"To keep it right: {_set_clock()}")
    return Finding("clock", True, seen)


def _set_clock() -> str:
    if sys.platform == "win32":
        return "w32tm /resync (in a terminal opened as administrator)"
    if sys.platform == "darwin":
        return "sudo sntp -sS time.apple.com"
    return "sudo timedatectl set-ntp true"


def _service(around: Surroundings) -> Finding:
    try:
        state = service.status(service.plan(around.loaded, say=lambda _: None, run=around.run))
    except (QrsharedError, OSError, ValueError) as fault:
        return Finding("service", True, f"what this system says of it cannot be read ({type(fault).__name__})")
    if not state.is_installed:
        return Finding(
            "service",
            True,
            "none is set up: qrshared runs while somebody lets it run",
            "To start it by itself from now on: qrshared service install",
        )
    # What the daemon says of itself there is no complaint.
    complaints = [each for each in state.details if not each.startswith("Sending to ")]
    if complaints:
        is_running = "running" if state.is_running else "not running"
        return Finding("service", False, f"set up, {is_running}", " ".join(complaints))
    if not state.is_running:
        return Finding("service", False, "set up, but it does not run", "Start it: qrshared service install")
    lingers = ", also when nobody is logged in" if sys.platform == "linux" else ""
    return Finding("service", True, f"set up and running{lingers}")


def _running(around: Surroundings) -> Finding:
    """One daemon is right; one that does not answer, or is of another version, is not."""
    status = around.status
    if status is not None:
        seen = f"qrshared {status.version} runs here (process {status.pid})"
        if status.version != qrshared.__version__:
            return Finding(
                "running",
                False,
                f"{seen}; this command is of version {qrshared.__version__}",
                "Start it again with the new one: qrshared service install (or Ctrl-C, and qrshared)",
            )
        return Finding("running", True, seen)
    folder = around.settings.data_dir
    if _is_held(folder):
        return Finding(
            "running",
            False,
            "qrshared runs here, but does not answer",
            f"End it and start it again; its process is named by: fuser {shlex.quote(str(folder / LOCK))}",
        )
    return Finding("running", True, "qrshared does not run here at the moment (`qrshared` starts it)")


LOCK = "control.lock"


def _is_held(data_dir: Path) -> bool:
    if not os.access(data_dir / LOCK, os.W_OK):
        return False  # never made, or another user's: whoever it is, not ours to judge
    lock = FolderLock(data_dir)
    try:
        lock.take()
    except AlreadyRunning:
        return True
    except OSError:
        return False
    lock.give_back()
    return False
