"""Keeps the computer from falling asleep while a transfer runs, by the means its system has; without one, it may."""

import asyncio
import ctypes
import logging
import os
import shutil
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Protocol

log = logging.getLogger(__name__)

LINGER_S = 30.0
"""Between two batches the hold stays: phones pause, and each hold costs a process."""

_WHY = "Receiving files"


class Hold(Protocol):
    """Something that keeps the computer awake until it is let go."""

    async def let_go(self) -> None:
        """The computer may sleep again."""


Holder = Callable[[], Awaitable[Hold | None]]
"""Starts a hold; None where the system offers no way."""


def hold_command(
    platform: str, environment: Mapping[str, str], which: Callable[[str], str | None], pid: int
) -> tuple[str, ...] | None:
    """The command that holds off idle sleep while it runs, or None.

    Each ends by itself when the daemon dies, however it dies: `cat` at the end of its input, which is a pipe from the
    daemon, and caffeinate when the process it waits for is gone.
    """
    if platform == "darwin":
        return ("caffeinate", "-i", "-w", str(pid)) if which("caffeinate") else None
    if platform != "linux":
        return None
    # GNOME asks its own session manager before it suspends and not logind, so its own command goes first.
    if "GNOME" in environment.get("XDG_CURRENT_DESKTOP", "") and which("gnome-session-inhibit"):
        return ("gnome-session-inhibit", "--app-id", "qrshared", "--reason", _WHY, "--inhibit", "suspend", "cat")
    if which("systemd-inhibit"):
        # "idle" and not "sleep": a lid that is closed or a button that is pressed is somebody's wish.
        return ("systemd-inhibit", "--what=idle", "--who=qrshared", f"--why={_WHY}", "--mode=block", "cat")
    return None


class ProcessHold:
    """A command that holds as long as it runs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def let_go(self) -> None:
        """Close its input, and end it if that is not enough."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(1):
                await self._process.wait()
        except TimeoutError:
            self._process.terminate()
            await self._process.wait()


class WindowsHold:
    """The thread's own wish, spoken to the kernel (SetThreadExecutionState); made and ended in the loop's thread."""

    _CONTINUOUS, _SYSTEM_REQUIRED = 0x8000_0000, 0x0000_0001

    def __init__(self) -> None:
        self._say(self._CONTINUOUS | self._SYSTEM_REQUIRED)

    async def let_go(self) -> None:
        """Back to the system's own timetable."""
        self._say(self._CONTINUOUS)

    @staticmethod
    def _say(state: int) -> None:
        if sys.platform == "win32":
            ctypes.windll.kernel32.SetThreadExecutionState(ctypes.c_uint32(state))


async def start_hold() -> Hold | None:
    """A hold by this system's means."""
    if sys.platform == "win32":
        return WindowsHold()
    command = hold_command(sys.platform, os.environ, shutil.which, os.getpid())
    return await start_process_hold(command) if command else None


async def start_process_hold(command: Sequence[str]) -> Hold | None:
    """A hold by a command; None if it cannot be started."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError as fault:
        log.info("idle sleep cannot be held off: %s", fault.strerror)
        return None
    return ProcessHold(process)


class IdleGuard:
    """Holds from the first transfer until a while after the last one."""

    def __init__(self, start: Holder = start_hold, *, linger_s: float = LINGER_S) -> None:
        self._start = start
        self._linger_s = linger_s
        self._busy = asyncio.Event()
        self._quiet = asyncio.Event()

    def set_busy(self, busy: bool) -> None:
        """Say whether a transfer runs; costs nothing when nothing changed."""
        if busy:
            self._quiet.clear()
            self._busy.set()
        else:
            self._busy.clear()
            self._quiet.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._busy.wait()
            async with AsyncExitStack() as held:
                hold = await self._start()
                if hold is not None:
                    held.push_async_callback(hold.let_go)
                await self._stay_quiet()

    async def _stay_quiet(self) -> None:
        """Return when nothing has run for `linger_s`."""
        while True:
            await self._quiet.wait()
            try:
                async with asyncio.timeout(self._linger_s):
                    await self._busy.wait()
            except TimeoutError:
                return
