"""Ways from Chromium's picker to the home computer's disk, each measured from the pick to the end its page shows."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench._memory import Watched, cpu_s
from tests.bench._servers import Server
from tests.browser.chromium import Chromium

DONE_WITHIN_S: Final = 600.0


@dataclass(frozen=True)
class Lane:
    """One way; `url` gives the address to open, `ready` and `done` are JavaScript, `{count}` stands for the files."""

    name: str
    server: Server
    url: Callable[[], Awaitable[str]]
    ready: str
    done: str
    selector: str = "input#files"


@dataclass(frozen=True)
class Run:
    """What one run took; memory in MiB, CPU in seconds."""

    seconds: float
    server_peak: float
    renderer_peak: float
    server_cpu_s: float
    browser_cpu_s: float


class Torn(Exception):
    """What arrived is not what was sent."""


async def run(lane: Lane, browser: Chromium, files: Sequence[Path]) -> Run:
    """Send the files once, and look whether they are there."""
    page = await browser.open(await lane.url())
    await page.wait_for(lane.ready)
    await asyncio.to_thread(os.sync)  # what another lane left to be written is not charged to this one
    processes = await processes_of(browser)
    renderers = [Watched(pid) for pid, kind in processes.items() if kind == "renderer"]
    server = Watched(lane.server.pid)
    cpu = cpu_s(lane.server.pid), sum(map(cpu_s, processes))
    began = time.monotonic()
    await page.pick(*files, selector=lane.selector)
    await page.wait_for(lane.done.replace("{count}", str(len(files))), within_s=DONE_WITHIN_S)
    seconds = time.monotonic() - began
    measured = Run(
        seconds,
        server_peak=server.peak_mib(),
        renderer_peak=max(renderer.peak_mib() for renderer in renderers),
        server_cpu_s=cpu_s(lane.server.pid) - cpu[0],
        browser_cpu_s=sum(map(cpu_s, await processes_of(browser))) - cpu[1],
    )
    await page.close()
    await asyncio.to_thread(_check, lane.server.files, files)
    return measured


async def processes_of(browser: Chromium) -> dict[int, str]:
    """The browser's processes and their kinds."""
    said = await browser.command("SystemInfo.getProcessInfo")
    listed = said["processInfo"]
    assert isinstance(listed, list)
    return {int(process["id"]): str(process["type"]) for process in listed}


def _check(folder: Path, files: Sequence[Path]) -> None:
    for file in files:
        arrived = folder / file.name
        if not _is_same(arrived, file):
            raise Torn(f"{arrived} is not what was sent")


def _is_same(one: Path, other: Path) -> bool:
    piece = 4 << 20
    with one.open("rb") as left, other.open("rb") as right:
        while (wanted := right.read(piece)) == left.read(piece):
            if not wanted:
                return True
    return False
