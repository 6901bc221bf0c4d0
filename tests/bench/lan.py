"""The LAN lane beside an unsealed PUT into nginx and aiohttp and beside copyparty, in one run on one machine.

    python -m tests bench lan [--quick] [--size MIB] [--runs N] [--only big,small,many]

Two network namespaces play the home: a computer and a phone, whose Chromium stands on an insecure origin. Rounds are
shuffled after a warm-up; compare within one run only. Needs Linux, root, Chromium and nginx.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench import _servers as servers
from tests.bench._lanes import Lane, Run, run
from tests.bench._memory import Watched
from tests.bench._servers import ROOT, NotHere, Server
from tests.bench._table import AtLeast, AtMost, Row, percentile, spread
from tests.browser.chromium import Chromium
from tests.namespaces import Host, home_network
from tests.parts import missing

SMALL_BYTES = 20_000
UPLOADERS = 20
UPLOADER_RUNS = 3
IDLE_S = 2.0
PROGRAM_ENDS_S = 5.0
MB_OF_MIB = 1.048576
LINE_BYTES = 16 << 20
"""Of another program's answer: some thousand numbers."""
SENDS_NOW = "[...document.querySelectorAll('button')].some(b => /^Send/.test(b.innerText.trim()) && !b.disabled)"
DONE = "document.querySelector('[role=status]')?.dataset.done == '{count}'"
UP2K_READY = "up2k && document.querySelector('#file1') && (up2k.uc.ask_up = false, true)"
"""It would ask before it begins."""
UP2K_DONE = "up2k.st.files.length == {count} && up2k.st.files.every((file) => file.done) && !up2k.st.is_busy"


@dataclass(frozen=True)
class Scope:
    """How much is measured."""

    size_mib: int
    small_files: int
    runs: int
    uploader_mib: int
    parts: frozenset[str]


@dataclass(frozen=True)
class Home:
    """The stage: two machines, the servers on one, and what the other sends."""

    computer: Host
    phone: Host
    folder: Path
    product: Server
    lanes: Mapping[str, Lane]
    small_lanes: Mapping[str, Lane]
    absent: Mapping[str, str]
    at_rest_mib: float
    """What the daemon held before it received anything."""


def scope() -> Scope:
    parser = argparse.ArgumentParser(prog="python -m tests bench lan", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="256 MiB, 1 000 small files, 3 runs")
    parser.add_argument("--size", type=int, metavar="MIB", help="the big file (default 1024)")
    parser.add_argument("--runs", type=int, metavar="N", help="measured runs of each lane (default 5)")
    parser.add_argument("--only", default="big,small,many", metavar="PARTS", help="which parts: big,small,many")
    words = parser.parse_args()
    return Scope(
        size_mib=words.size or (256 if words.quick else 1024),
        small_files=1_000 if words.quick else 5_000,
        runs=words.runs or (3 if words.quick else 5),
        uploader_mib=16 if words.quick else 64,
        parts=frozenset(words.only.split(",")),
    )


async def stage(computer: Host, phone: Host, folder: Path, stack: AsyncExitStack) -> Home:
    """Start every server that this machine can run."""
    product = await stack.enter_async_context(servers.daemon(computer, folder / "qrshared", 7774))
    plain = await stack.enter_async_context(servers.plain_aiohttp(computer, folder / "aiohttp", 7775))

    async def scan() -> str:
        return await asyncio.to_thread(servers.fresh_code, computer, folder / "qrshared")

    def at(url: str) -> Lane:
        async def address() -> str:
            return url

        return Lane("", plain, address, "document.body.dataset.done == '0'", "document.body.dataset.done == '{count}'")

    def put(name: str, server: Server, query: str = "") -> Lane:
        lane = at(f"{server.url}/{query}")
        return Lane(name, server, lane.url, lane.ready, lane.done)

    sealed = Lane("qrshared, sealed", product, scan, f"document.querySelector('input#files') && {SENDS_NOW}", DONE)
    lanes = {"qrshared": sealed, "aiohttp": put("PUT into aiohttp", plain)}
    small_lanes = {"qrshared": sealed, "requests": put("one durable request each", plain, "?to=durable")}
    absent: dict[str, str] = {}
    try:
        server = await stack.enter_async_context(servers.nginx(computer, folder / "nginx", 7776))
        lanes["nginx"] = put("PUT into nginx", server)
    except NotHere as reason:
        absent["nginx"] = str(reason)
    try:
        server = await stack.enter_async_context(servers.copyparty(computer, folder / "copyparty", 7777))
        url = at(f"{server.url}/?u").url
        lanes["copyparty"] = Lane("copyparty up2k", server, url, UP2K_READY, UP2K_DONE, selector="#file1")
    except NotHere as reason:
        absent["copyparty"] = str(reason)
    for name, reason_ in absent.items():
        print(f"!! {name} is left out: {reason_}")
    at_rest_mib = Watched(product.pid).now_mib()
    return Home(computer, phone, folder, product, lanes, small_lanes, absent, at_rest_mib)


async def rounds(home: Home, lanes: Mapping[str, Lane], sets: Sequence[Sequence[Path]]) -> dict[str, list[Run]]:
    """One round with each set of files, in an order of its own; the first one only warms up."""
    runs: dict[str, list[Run]] = {name: [] for name in lanes}
    for number, files in enumerate(sets):
        order = random.sample(sorted(lanes), len(lanes))
        async with Chromium(namespace=home.phone.namespace) as browser:
            for name in order:
                measured = await run(lanes[name], browser, files)
                if number:
                    runs[name].append(measured)
                print(
                    f"  {f'round {number}' if number else 'warm-up'}  {name:<10} {measured.seconds:7.2f} s", flush=True
                )
                if len(files) == 1:
                    (lanes[name].server.files / files[0].name).unlink()
    return runs


def make_files(folder: Path, sizes: Sequence[int]) -> list[Path]:
    """Files of random bytes, which are in the page cache afterwards."""
    folder.mkdir()
    paths = []
    for number, size in enumerate(sizes):
        path = folder / f"{folder.name}-{number:05}.bin"
        with path.open("wb") as file:
            for at in range(0, size, 1 << 20):
                file.write(os.urandom(min(1 << 20, size - at)))
        paths.append(path)
    return paths


def ratios(runs: Mapping[str, Sequence[Run]], other: str) -> list[float]:
    """How many times as fast as another lane, round by round."""
    pairs = zip(runs["qrshared"], runs.get(other, ()), strict=False)
    return [theirs.seconds / ours.seconds for ours, theirs in pairs]


def print_rates(lanes: Mapping[str, Lane], runs: Mapping[str, Sequence[Run]], amount: float, unit: str) -> None:
    """Each lane's speed and the CPU it cost for all of `amount`."""
    for name, measured in runs.items():
        speeds = [amount / one.seconds for one in measured]
        server, browser = median(one.server_cpu_s for one in measured), median(one.browser_cpu_s for one in measured)
        cost = f"CPU: server {server:.1f} s, browser {browser:.1f} s"
        print(f"  {lanes[name].name:<28} {median(speeds):7.0f} {unit} {f'({spread(speeds, 0)})':<14} {cost}")


async def big(home: Home, scope: Scope) -> list[Row]:
    files = await asyncio.to_thread(make_files, home.folder / "big", [scope.size_mib << 20])
    runs = await rounds(home, home.lanes, [files] * (1 + scope.runs))
    print(f"\n{scope.size_mib} MiB, Chromium to disk:")
    print_rates(home.lanes, runs, scope.size_mib * MB_OF_MIB, "MB/s")
    files[0].unlink()
    upload, ours = f"sealed upload, {scope.size_mib} MiB", runs["qrshared"]
    growth = [one.server_peak - home.at_rest_mib for one in ours]
    nginx, copyparty = (home.absent.get(name, "") for name in ("nginx", "copyparty"))
    return [
        Row(f"{upload} ÷ Chromium PUT into nginx", ratios(runs, "nginx"), AtLeast(0.40, 0.70), note=nginx),
        Row(f"{upload} ÷ copyparty up2k", ratios(runs, "copyparty"), AtLeast(1.2, 2), note=copyparty),
        Row(f"{upload} ÷ PairDrop", [], AtLeast(10, 25), note="PairDrop has no package that could be installed here"),
        Row(f"daemon peak RSS growth, {scope.size_mib} MiB", growth, AtMost(64, 32), "MiB"),
        Row(f"renderer peak RSS, {scope.size_mib} MiB", [one.renderer_peak for one in ours], None, "MiB"),
    ]


async def small(home: Home, scope: Scope) -> list[Row]:
    # Each round has files of its own and none is removed: ext4 is slow to make files where many were just removed.
    sizes = [SMALL_BYTES] * scope.small_files
    folders = [home.folder / f"small{number}" for number in range(1 + scope.runs)]
    runs = await rounds(home, home.small_lanes, [make_files(folder, sizes) for folder in folders])
    print(f"\n{scope.small_files} files of {SMALL_BYTES} bytes:")
    print_rates(home.small_lanes, runs, scope.small_files, "files/s")
    what = f"{scope.small_files} × 20 kB ÷ one durable request each, six at once"
    return [Row(what, ratios(runs, "requests"), AtLeast(3, 6))]


async def many(home: Home, scope: Scope) -> list[Row]:
    """Twenty phones at once, and whether the daemon still answers."""
    growth: list[float] = []
    slowest_ms: list[float] = []
    rate: list[float] = []
    async with probing(home) as idle_ms:
        await asyncio.sleep(IDLE_S)
    words = [home.product.url, str(UPLOADERS), str(scope.uploader_mib)]
    async with program(home.phone, "tests.bench._uploaders", *words) as phones:
        for _ in range(UPLOADER_RUNS):
            await asyncio.to_thread(os.sync)
            daemon = Watched(home.product.pid)
            async with probing(home) as took_ms:
                seconds = float(await phones.say(""))
            growth.append(daemon.peak_mib() - home.at_rest_mib)
            slowest_ms.append(percentile(took_ms, 0.99))
            rate.append(UPLOADERS * scope.uploader_mib * MB_OF_MIB / seconds)
            for file in home.product.files.glob("bench-*.bin"):
                file.unlink()
    print(f"\n{UPLOADERS} Python phones at once, {scope.uploader_mib} MiB each: {median(rate):.0f} MB/s together")
    idle = f"idle: {percentile(idle_ms, 0.99):.1f} ms"
    return [
        Row(f"daemon peak RSS growth, {UPLOADERS} uploads at once", growth, AtMost(120, 60), "MiB"),
        Row(f"p99 of GET /health, {UPLOADERS} uploads", slowest_ms, AtMost(100, 25), "ms", idle),
    ]


@asynccontextmanager
async def probing(home: Home) -> AsyncIterator[list[float]]:
    """Asks /health meanwhile; afterwards the list holds the milliseconds of each answer."""
    host, port = home.product.url.removeprefix("http://").split(":")
    took_ms: list[float] = []
    async with program(home.phone, "tests.bench._probe", host, port) as probe:
        yield took_ms
        took_ms += map(float, json.loads(await probe.say("")))


@dataclass(frozen=True)
class Program:
    """A part of this bench that runs on another machine and answers in lines."""

    module: str
    process: asyncio.subprocess.Process

    async def say(self, line: str) -> str:
        """Its next line, after one from here."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())
        return await self.hear()

    async def hear(self) -> str:
        assert self.process.stdout is not None
        said = await self.process.stdout.readline()
        if not said:
            raise NotHere(f"{self.module} ended early")
        return said.decode().strip()


@asynccontextmanager
async def program(host: Host, module: str, *words: str) -> AsyncIterator[Program]:
    """Runs a module of this bench on a machine, from when it is ready until the context ends."""
    command = [sys.executable, "-m", module, *words]
    process = await host.start(*command, stdin=PIPE, stdout=PIPE, cwd=ROOT, limit=LINE_BYTES)
    try:
        running = Program(module, process)
        await running.hear()
        yield running
    finally:
        try:
            assert process.stdin is not None
            process.stdin.close()
            async with asyncio.timeout(PROGRAM_ENDS_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def measure(scope: Scope) -> list[Row]:
    rows: list[Row] = []
    with (
        tempfile.TemporaryDirectory(prefix="qrshared-bench-") as folder,
        home_network("192.168.79.1", "192.168.79.20") as (computer, phone),
    ):
        async with AsyncExitStack() as stack:
            home = await stage(computer, phone, Path(folder), stack)
            for part, measured in (("big", big), ("small", small), ("many", many)):
                if part in scope.parts:
                    print(f"\n{part}: load {os.getloadavg()[0]:.1f}", flush=True)
                    rows += await measured(home, scope)
    return rows


def main() -> int:
    wanted = scope()
    for part in ("netns", "chromium"):
        if (remedy := missing(part)) is not None:
            print(f"This bench cannot run here. {remedy}")
            return 1
    print(f"{os.cpu_count()} cores; what else runs here weighs more on the lane that needs more of them")
    try:
        rows = asyncio.run(measure(wanted))
    except NotHere as reason:
        print(f"Could not measure: {reason}")
        return 1
    print("\nRatios first; median of all runs (least…most), what must hold, what is aimed at:")
    for row in rows:
        print(row.line())
    print("Downloads into the page are a later step: not built, not measured.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
