"""Idle sleep is held off exactly while transfers run, and a daemon that is killed leaves no hold behind."""

import asyncio
import os
import signal
import stat
import sys
from pathlib import Path

import pytest

from qrshared.daemon.idle import IdleGuard, hold_command, start_process_hold


class HoldDouble:
    def __init__(self) -> None:
        self.started = 0
        self.ended = 0
        self._changed = asyncio.Event()

    async def start(self) -> "HoldDouble":
        self.started += 1
        self._changed.set()
        return self

    async def let_go(self) -> None:
        self.ended += 1
        self._changed.set()

    async def until(self, started: int, ended: int) -> None:
        async with asyncio.timeout(60):
            while (self.started, self.ended) != (started, ended):
                self._changed.clear()
                await self._changed.wait()


async def test_a_hold_starts_with_the_first_transfer_and_ends_after_the_last() -> None:
    hold = HoldDouble()
    guard = IdleGuard(hold.start, linger_s=0.02)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(guard.run())
        guard.set_busy(True)
        guard.set_busy(True)
        await hold.until(1, 0)
        guard.set_busy(False)
        await hold.until(1, 1)
        guard.set_busy(True)
        await hold.until(2, 1)
        running.cancel()
    assert (hold.started, hold.ended) == (2, 2), "stopping the daemon lets go as well"


async def test_a_short_pause_between_two_batches_keeps_the_hold() -> None:
    hold = HoldDouble()
    guard = IdleGuard(hold.start, linger_s=60)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(guard.run())
        for busy in (True, False, True, False, True):
            guard.set_busy(busy)
            await hold.until(1, 0)
        running.cancel()


async def test_a_system_without_any_means_is_left_alone() -> None:
    asked = asyncio.Event()

    async def nothing() -> None:
        asked.set()

    guard = IdleGuard(nothing, linger_s=0)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(guard.run())
        guard.set_busy(True)
        await asked.wait()
        guard.set_busy(False)
        running.cancel()


@pytest.mark.parametrize(
    ("platform", "desktop", "programs", "begins"),
    [
        ("linux", "", {"systemd-inhibit"}, "systemd-inhibit"),
        ("linux", "KDE", {"systemd-inhibit", "gnome-session-inhibit"}, "systemd-inhibit"),
        ("linux", "ubuntu:GNOME", {"systemd-inhibit", "gnome-session-inhibit"}, "gnome-session-inhibit"),
        ("linux", "ubuntu:GNOME", {"systemd-inhibit"}, "systemd-inhibit"),
        ("linux", "", set(), None),
        ("darwin", "", {"caffeinate"}, "caffeinate"),
        ("freebsd14", "", {"systemd-inhibit"}, None),
    ],
)
def test_each_system_has_its_own_means(platform: str, desktop: str, programs: set[str], begins: str | None) -> None:
    command = hold_command(
        platform, {"XDG_CURRENT_DESKTOP": desktop}, lambda name: name if name in programs else None, 4711
    )
    assert (command[0] if command else None) == begins
    if begins == "caffeinate":
        assert command is not None
        assert command[-2:] == ("-w", "4711"), "it ends with the daemon"


def fake_inhibit(folder: Path) -> Path:
    """As systemd-inhibit does: runs the command it is given; says its pid where somebody waits for it."""
    path = folder / "inhibit"
    path.write_text(f'#!/bin/sh\n[ -p "{folder}/pid" ] && echo $$ > "{folder}/pid"\nexec "$@"\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


async def test_letting_go_ends_the_command(tmp_path: Path) -> None:
    hold = await start_process_hold((str(fake_inhibit(tmp_path)), "cat"))
    assert hold is not None
    async with asyncio.timeout(60):
        await hold.let_go()


async def test_a_command_that_does_not_end_is_ended(tmp_path: Path) -> None:
    hold = await start_process_hold(("sleep", "600"))
    assert hold is not None
    async with asyncio.timeout(60):
        await hold.let_go()


async def test_a_command_that_is_missing_is_no_fault() -> None:
    assert await start_process_hold(("/no/such/program",)) is None


DAEMON = """
import asyncio, sys
from qrshared.daemon.idle import start_process_hold
async def main():
    await start_process_hold((sys.argv[1], "cat"))
    print("held", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="watches the process through a pidfd")
async def test_a_killed_daemon_leaves_no_hold_behind(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pid")
    daemon = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DAEMON, str(fake_inhibit(tmp_path)), stdout=asyncio.subprocess.PIPE
    )
    assert daemon.stdout is not None
    assert await daemon.stdout.readline() == b"held\n"
    async with asyncio.timeout(60):
        pid = await asyncio.to_thread((tmp_path / "pid").read_text)
    held = os.pidfd_open(int(pid))
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(held, ended.set)
    assert not ended.is_set(), "the control: it holds"
    daemon.send_signal(signal.SIGKILL)
    await daemon.wait()
    async with asyncio.timeout(60):
        await ended.wait()
    asyncio.get_running_loop().remove_reader(held)
    os.close(held)
