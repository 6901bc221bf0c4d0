"""Tells systemd how the daemon is, and keeps its watchdog content only while the daemon really works (sd_notify(3))."""

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

log = logging.getLogger(__name__)

LOOP_LAG_S_MAX = 1.0
"""An event loop this late keeps every phone waiting: no ping until it is back."""

CHECK_S_MAX = 5.0
"""A check that takes longer has failed: a disk that hangs looks exactly like that."""

DOOR_CHECK_EVERY_S = 60.0
"""A server that stopped accepting still looks alive from inside; knocking once a minute costs nothing."""


class Systemd:
    """The line to the service manager; says nothing where there is none."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        self.watchdog_s = _watchdog_s(environment)

    @property
    def is_there(self) -> bool:
        """Whether systemd started this process and wants to hear of it."""
        return bool(self._address)

    def ready(self, status: str) -> None:
        """The doors are open."""
        self._say(f"READY=1\nSTATUS={_one_line(status)}\nMAINPID={os.getpid()}")

    def status(self, status: str) -> None:
        """The line that `systemctl status` shows."""
        self._say(f"STATUS={_one_line(status)}")

    def stopping(self) -> None:
        """Said before transfers are brought to a stop."""
        self._say("STOPPING=1")

    def alive(self) -> None:
        """One ping of the watchdog."""
        self._say("WATCHDOG=1")

    def _say(self, state: str) -> None:
        if not self._address or not hasattr(socket, "AF_UNIX"):
            return
        # "@" stands for the zero byte of an abstract socket (sd_notify(3)).
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as telling:
                telling.setblocking(False)
                telling.connect(address)
                telling.send(state.encode())
        except OSError as fault:
            log.warning("systemd could not be told %s: %s", state.partition("=")[0], fault.strerror)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be so while the daemon is alive; asked at most once in `every_s`."""

    name: str
    is_well: Callable[[], Awaitable[bool]]
    every_s: float = 0.0


class Watchdog:
    """Pings systemd while loop and checks are well; when they are not for long, systemd restarts the daemon."""

    def __init__(self, systemd: Systemd, checks: Sequence[Check]) -> None:
        self._systemd = systemd
        self._checks = checks
        self._asked_at: dict[str, float] = {}
        self._problem = ""

    async def run(self) -> None:
        """Until cancelled; returns at once where no watchdog is wanted."""
        period_s = self._systemd.watchdog_s
        if period_s is None:
            return
        loop = asyncio.get_running_loop()
        # A third of the period: one ping may be missed for a stall of a moment without a restart.
        pause_s = period_s / 3
        while True:
            asleep_at = loop.time()
            await asyncio.sleep(pause_s)
            lag_s = loop.time() - asleep_at - pause_s
            problem = "the event loop is late" if lag_s >= LOOP_LAG_S_MAX else await self.problem(loop.time())
            if not problem:
                self._systemd.alive()
            if problem != self._problem:
                log.log(logging.ERROR if problem else logging.INFO, "watchdog: %s", problem or "well again")
                self._problem = problem

    async def problem(self, now: float) -> str:
        """The first check that fails, as words for the log, or nothing; a failed one is asked again next time."""
        for check in self._checks:
            asked_at = self._asked_at.get(check.name)
            if asked_at is not None and now - asked_at < check.every_s:
                continue
            try:
                async with asyncio.timeout(CHECK_S_MAX):
                    is_well = await check.is_well()
            except (OSError, TimeoutError):
                is_well = False
            if not is_well:
                self._asked_at.pop(check.name, None)
                return f"{check.name} does not answer"
            self._asked_at[check.name] = now
        return ""


def door_check(port: int) -> Check:
    """The door answers `GET /health` on loopback."""

    async def answers() -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            request = f"GET /health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
            writer.write(request.encode())
            await writer.drain()
            return (await reader.readline()).split()[1:2] == [b"200"]
        finally:
            writer.close()

    return Check("the door", answers, every_s=DOOR_CHECK_EVERY_S)


def thread_check(name: str, is_well: Callable[[], bool]) -> Check:
    """A check that touches a disk, asked in a thread: a disk that hangs must not hold the loop as well."""
    return Check(name, lambda: asyncio.to_thread(is_well))


def _watchdog_s(environment: Mapping[str, str]) -> float | None:
    """WATCHDOG_USEC, if it is meant for this process (sd_watchdog_enabled(3))."""
    microseconds = environment.get("WATCHDOG_USEC", "")
    pid = environment.get("WATCHDOG_PID", "")
    if not microseconds.isascii() or not microseconds.isdigit() or int(microseconds) == 0:
        return None
    if pid and pid != str(os.getpid()):
        return None
    return int(microseconds) / 1_000_000


def _one_line(text: str) -> str:
    """A line break would begin another variable, and a file name may hold one."""
    return " ".join(text.split())
