"""Deflating against leaving it, away from home: Chromium and the daemon over WebRTC on lines of several speeds.

    python -m tests bench deflate [--quick] [--runs N] [--speeds 10,50,200,0] [--only down,up] [--kinds log,mail]

Each pair is the same bytes under two names, one of which says "compressed already", in an order of its own; a quotient
below 1 says that deflating paid. The line is a token bucket (`tbf`) at both machines of a network made of namespaces,
without delay: not every kernel has `netem`. 0 is the bare network. Needs Linux, root and Chromium.
"""

import argparse
import asyncio
import itertools
import os
import random
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

from tests.bench._deflate_inputs import KINDS, NEVER_TRIED, Kind, write
from tests.bench._lanes import processes_of
from tests.bench._memory import cpu_s
from tests.bench._table import AtMost, Row, spread
from tests.browser.chromium import Page
from tests.browser.edge_world import AwayHome, make_away_home, on_road
from tests.browser.home import MIB, sha256
from tests.browser.test_shelf import row
from tests.browser.test_two_browsers import NO_PICKERS, open_tab
from tests.namespaces import Host
from tests.parts import missing

QUEUE_MS: Final = 100
"""So long a packet may wait at the line's end before the next is lost, as in a home's router."""
SLOW_MBIT: Final = 50
"""Up to here the line is the bound and deflating must pay."""
SIZES_MIB: Final = {10: 3, 50: 12, 200: 24, 0: 32}
"""What one run carries: some seconds each."""
RUN_WITHIN_S: Final = 240.0
LOOK_S: Final = 0.002
WAYS: Final = ("down", "up")


@dataclass(frozen=True)
class Scope:
    """How much is measured."""

    speeds: Sequence[int]
    ways: Sequence[str]
    kinds: Sequence[Kind]
    runs: int
    share: float
    """Of the sizes above."""

    def size(self, mbit: int) -> int:
        return int(SIZES_MIB.get(mbit, 16) * self.share * MIB)


@dataclass(frozen=True)
class Run:
    """One file on its way; CPU of the daemon and of all of the browser."""

    seconds: float
    wire_bytes: int
    cpu_s: float


@dataclass(frozen=True)
class Case:
    """One way, one speed, one kind."""

    way: str
    mbit: int
    kind: Kind

    def __str__(self) -> str:
        speed = f"{self.mbit} Mbit/s" if self.mbit else "bare line"
        return f"{self.way:<4} {speed:<10} {self.kind.name}"


@dataclass
class Pairs:
    """All runs of one case: `deflated` where it may be, `plain` where it is forbidden."""

    size: int
    deflated: list[Run] = field(default_factory=list)
    plain: list[Run] = field(default_factory=list)

    def row(self, case: Case) -> Row:
        """Quotients, pair by pair."""
        both = list(zip(self.deflated, self.plain, strict=True))
        times = [ours.seconds / theirs.seconds for ours, theirs in both]
        wire = [ours.wire_bytes / theirs.wire_bytes for ours, theirs in both]
        cpu = [ours.cpu_s / max(theirs.cpu_s, 0.01) for ours, theirs in both]
        must_pay = case.kind.shrinks and 0 < case.mbit <= SLOW_MBIT
        demand = AtMost(0.7, 0.5) if must_pay else AtMost(1.03, 1)
        rate = self.size / 1e6 / (sum(run.seconds for run in self.plain) / len(self.plain))
        note = f"wire {median(wire):.2f}, CPU {median(cpu):.2f} ({spread(cpu)}), as it is {rate:.1f} MB/s"
        return Row(str(case), times, demand, note=note)


class Bench:
    """The stage: a home, its edge, one page away from it."""

    def __init__(self, home: AwayHome, page: Page, downloads: Path) -> None:
        self._home = home
        self._page = page
        self._downloads = downloads
        self._numbers = itertools.count()

    def shape(self, mbit: int) -> None:
        """Both ends of the line send no faster from now on."""
        for host in (self._home.computer, self._home.phone):
            _shape(host, mbit)

    async def run(self, way: str, source: Path, ending: str) -> Run:
        """Carry these bytes once under a new name, and look whether they are there."""
        name = f"{source.stem}-{next(self._numbers):04}{ending}"
        sender = self._home.computer if way == "down" else self._home.phone
        await asyncio.to_thread(os.sync)  # what an earlier run left to be written is not charged to this one
        start = self._down if way == "down" else self._up
        async with asyncio.timeout(RUN_WITHIN_S):
            folder = await self._offered(name, source) if way == "down" else self._copied(name, source)
            cpu, wire = await self._cpu_s(), sender.sent_bytes()
            seconds, arrived = await start(name, folder)
            measured = Run(seconds, sender.sent_bytes() - wire, await self._cpu_s() - cpu)
            await _whole(arrived, source)
        arrived.unlink()
        (folder / name).unlink(missing_ok=True)
        return measured

    async def _down(self, name: str, _: Path) -> tuple[float, Path]:
        began = time.monotonic()
        await self._page.tap(f"Save {name}")
        await self._page.wait_for(f"{row(name)}?.dataset.state === 'saved'", within_s=RUN_WITHIN_S)
        return time.monotonic() - began, self._downloads / name

    async def _up(self, name: str, folder: Path) -> tuple[float, Path]:
        arrived = self._home.daemon.inbox / name
        began = time.monotonic()
        await self._page.pick(folder / name)
        while not arrived.exists():
            await asyncio.sleep(LOOK_S)
        return time.monotonic() - began, arrived

    async def _offered(self, name: str, source: Path) -> Path:
        outbox = self._home.daemon.inbox / "Outbox"
        outbox.mkdir(parents=True, exist_ok=True)
        (self._copied(name, source) / name).rename(outbox / name)
        await self._page.wait_for(f"{row(name)}?.dataset.state === 'waits'")
        return outbox

    def _copied(self, name: str, source: Path) -> Path:
        folder = self._home.folder / "copies"
        folder.mkdir(exist_ok=True)
        shutil.copyfile(source, folder / name)
        return folder

    async def _cpu_s(self) -> float:
        daemon = self._home.daemon.process
        assert daemon is not None
        return cpu_s(daemon.pid) + sum(map(cpu_s, await processes_of(self._page.browser)))


async def _whole(arrived: Path, source: Path) -> None:
    """Wait until the browser has it on the disk too."""
    while not arrived.exists() or arrived.stat().st_size != source.stat().st_size:
        await asyncio.sleep(LOOK_S)
    if sha256(arrived) != sha256(source):
        raise SystemExit(f"{arrived.name} is not what was sent")


def _shape(host: Host, mbit: int) -> None:
    if not mbit:
        host.run("tc", "qdisc", "replace", "dev", host.interface, "root", "pfifo_fast")
        return
    host.run(
        "tc", "qdisc", "replace", "dev", host.interface, "root",
        "tbf", "rate", f"{mbit}mbit", "burst", "64kb", "latency", f"{QUEUE_MS}ms",
    )  # fmt: skip


def scope() -> Scope:
    parser = argparse.ArgumentParser(prog="python -m tests bench deflate", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="3 pairs of half the size (else 7)")
    parser.add_argument("--runs", type=int, metavar="N", help="pairs of each case")
    parser.add_argument("--speeds", default="10,50,200,0", metavar="MBIT", help="lines in Mbit/s; 0: not shaped")
    parser.add_argument("--only", default=",".join(WAYS), metavar="WAYS", help="which ways: down,up")
    parser.add_argument("--kinds", default="", metavar="WORDS", help="only kinds whose name begins so: log,mail")
    words = parser.parse_args()
    return Scope(
        speeds=[int(word) for word in words.speeds.split(",")],
        ways=[way for way in WAYS if way in words.only.split(",")],
        kinds=[kind for kind in KINDS if kind.name.startswith(tuple(words.kinds.split(",")))],
        runs=words.runs or (3 if words.quick else 7),
        share=0.5 if words.quick else 1,
    )


def cases(wanted: Scope) -> Iterator[Case]:
    for mbit in wanted.speeds:
        for way in wanted.ways:
            yield from (Case(way, mbit, kind) for kind in wanted.kinds)


async def measure(wanted: Scope) -> dict[Case, Pairs]:
    measured: dict[Case, Pairs] = {}
    async with make_away_home() as home:
        browser = await home.browser_on(home.phone)
        tab = await open_tab(browser, home.away_url(), home.folder / "downloads")
        await tab.page.wait_for(on_road("direct"))
        await tab.page.evaluate(NO_PICKERS)
        bench = Bench(home, tab.page, tab.downloads)
        for mbit, each in itertools.groupby(cases(wanted), lambda case: case.mbit):
            bench.shape(mbit)
            for case in each:
                measured[case] = await pairs(bench, case, wanted, home.folder / f"{KINDS.index(case.kind)}.source")
                print(measured[case].row(case).line(), flush=True)
    return measured


async def pairs(bench: Bench, case: Case, wanted: Scope, source: Path) -> Pairs:
    """One run to warm up, then pair by pair."""
    found = Pairs(wanted.size(case.mbit))
    write(case.kind, source, found.size)
    await bench.run(case.way, source, NEVER_TRIED)
    lanes = [(found.deflated, case.kind.ending), (found.plain, NEVER_TRIED)]
    for _ in range(wanted.runs):
        for runs, ending in random.sample(lanes, 2):
            runs.append(await bench.run(case.way, source, ending))
    return found


def main() -> int:
    wanted = scope()
    for part in ("chromium", "netns"):
        if (remedy := missing(part)) is not None:
            print(f"This bench cannot run here. {remedy}")
            return 1
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
    print(f"time deflated ÷ as it is, median of {wanted.runs} pairs (least…most)")
    measured = asyncio.run(measure(wanted))
    short = [str(case) for case, found in measured.items() if found.row(case).falls_short]
    print(f"load now {os.getloadavg()[0]:.1f}; short of what was demanded: {'; '.join(short) or 'none'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
