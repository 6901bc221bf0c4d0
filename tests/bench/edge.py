"""The edge as `qrshared signal` runs it, with the limits it has: idle sockets, relayed envelopes, one replica and two.

    python -m tests bench edge [--quick] [--sockets N] [--rate N]

Peers are a program of their own; what counts is the CPU and memory of the edge. Delays are those of the whole machine,
peers included: on a busy one they say little. Needs Linux; for two replicas redis-server.
"""

import argparse
import asyncio
import json
import os
import re
import socket
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench._memory import cpu_s
from tests.bench._table import AtLeast, AtMost, Row, percentile
from tests.parts import find, missing

ROOT = Path(__file__).resolve().parents[2]
READY_S = 30.0
ANSWER_BYTES = 64 << 20
"""One line: a number for each envelope."""

ENVELOPES_A_SOCKET = 80
"""Of the 100 that a socket may send at once: the limits stay as they are."""


@dataclass(frozen=True)
class Scope:
    """How much is measured."""

    sockets: int
    pairs: int
    rate: float
    runs: int


@dataclass(frozen=True)
class Measured:
    """One run of envelopes."""

    cpu_s: float
    count: int
    lost: int
    rate: float
    p99_ms: float

    @property
    def per_cpu_s(self) -> float:
        return self.count / max(self.cpu_s, 0.01)


def scope() -> Scope:
    parser = argparse.ArgumentParser(prog="python -m tests bench edge", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2 000 sockets, 2 000 envelopes a second, 3 runs")
    parser.add_argument("--sockets", type=int, metavar="N", help="idle sockets (default 16 000)")
    parser.add_argument("--rate", type=float, metavar="N", help="envelopes a second (default 10 000)")
    words = parser.parse_args()
    return Scope(
        sockets=words.sockets or (2_000 if words.quick else 16_000),
        pairs=200 if words.quick else 1_000,
        rate=words.rate or (2_000 if words.quick else 10_000),
        runs=3 if words.quick else 5,
    )


@asynccontextmanager
async def program(*words: str, **variables: str) -> AsyncIterator[Process]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    process = await asyncio.create_subprocess_exec(*words, stdin=PIPE, stdout=PIPE, limit=ANSWER_BYTES, env=environment)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def line_of(process: Process) -> str:
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    if not line:
        raise SystemExit("a program of this bench ended before its time")
    return line


@asynccontextmanager
async def an_edge(*words: str) -> AsyncIterator[tuple[Process, int]]:
    command = (sys.executable, "-m", "qrshared.cli.main", "signal", "--host", "127.0.0.1", "--port", "0", *words)
    async with program(*command) as process, asyncio.timeout(None) as patience:
        patience.reschedule(asyncio.get_running_loop().time() + READY_S)
        found = re.search(r"The edge is at \S+:(\d+)", await line_of(process))
        patience.reschedule(None)
        assert found is not None
        yield process, int(found[1])


@asynccontextmanager
async def peers(sockets: int, *ports: int) -> AsyncIterator[Process]:
    """All connected, two a room."""
    async with program(sys.executable, "-m", "tests.bench._edge_peers", str(sockets), *map(str, ports)) as process:
        met = json.loads(await line_of(process))
        if met["lost"] or met["met"] != sockets // 2:
            raise SystemExit(f"of {sockets // 2} pairs {met['met']} met and {met['lost']} peers were lost")
        yield process


def rss_kib(pid: int) -> int:
    words = Path(f"/proc/{pid}/statm").read_text().split()
    return int(words[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


async def relayed(those: Process, count: int, rate: float, pids: Sequence[int]) -> Measured:
    before = sum(map(cpu_s, pids))
    assert those.stdin is not None
    those.stdin.write(f"{count} {rate}\n".encode())
    told = json.loads(await line_of(those))
    took_ms = told["took_ms"] or [float("inf")]
    used = sum(map(cpu_s, pids)) - before
    return Measured(used, count - told["lost"], told["lost"], told["rate"], percentile(took_ms, 0.99))


async def idle(wanted: Scope) -> list[Row]:
    async with an_edge() as (process, port):
        before = rss_kib(process.pid)
        async with peers(wanted.sockets, port):
            each = (rss_kib(process.pid) - before) / wanted.sockets
    note = f"all that were asked for; a program here gets {os.sysconf('SC_OPEN_MAX')} descriptors"
    return [
        Row("idle sockets at once, each in a room", [wanted.sockets], AtLeast(20_000, 50_000), note=note),
        Row("memory of an idle socket", [each], AtMost(20, 12), "KiB"),
    ]


async def one_replica(wanted: Scope) -> tuple[list[Row], float]:
    runs: list[Measured] = []
    for _ in range(wanted.runs):
        async with an_edge() as (process, port), peers(2 * wanted.pairs, port) as those:
            runs.append(await relayed(those, wanted.pairs * ENVELOPES_A_SOCKET, wanted.rate, [process.pid]))
    rate = f"at {min(run.rate for run in runs):.0f}/s"
    rows = [
        Row("1 kB envelopes relayed, a second of CPU", [run.per_cpu_s for run in runs], AtLeast(10_000, 25_000)),
        Row(f"their delay, 99 of 100 below ({rate})", [run.p99_ms for run in runs], AtMost(50, 50), "ms"),
        Row("envelopes lost", [run.lost for run in runs], AtMost(0, 0)),
    ]
    return rows, min(run.cpu_s / run.count for run in runs)


async def two_replicas(wanted: Scope, alone: float) -> list[Row]:
    what = "CPU an envelope across two replicas and Redis ÷ within one"
    lacking = missing("redis-server")
    server = find("redis-server")
    if lacking is not None or server is None:
        return [Row(what, [], AtMost(3, 2), note=lacking or "")]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        redis_port = int(probe.getsockname()[1])
    ratios: list[float] = []
    delays: list[float] = []
    losses: list[float] = []
    url = f"redis://127.0.0.1:{redis_port}/0"
    with tempfile.TemporaryDirectory() as folder:
        command = (server, "--port", str(redis_port), "--bind", "127.0.0.1", "--save", "", "--dir", folder)
        for _ in range(wanted.runs):
            async with AsyncExitStack() as stack:
                redis = await stack.enter_async_context(program(*command))
                while "Ready to accept" not in await line_of(redis):
                    pass
                first, here = await stack.enter_async_context(an_edge("--redis", url))
                second, there = await stack.enter_async_context(an_edge("--redis", url))
                those = await stack.enter_async_context(peers(2 * wanted.pairs, here, there))
                pids = [first.pid, second.pid, redis.pid]
                run = await relayed(those, wanted.pairs * ENVELOPES_A_SOCKET, wanted.rate, pids)
            ratios.append(run.cpu_s / max(run.count, 1) / alone)
            delays.append(run.p99_ms)
            losses.append(run.lost)
    return [
        Row(what, ratios, AtMost(3, 2)),
        Row("their delay, 99 of 100 below", delays, None, "ms"),
        Row("envelopes lost", losses, AtMost(0, 0)),
    ]


async def main() -> None:
    wanted = scope()
    rows = await idle(wanted)
    alone, cost = await one_replica(wanted)
    rows += alone
    rows += await two_replicas(wanted, cost)
    print(f"Load of this machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.")
    for row in rows:
        print(row.line())


if __name__ == "__main__":
    asyncio.run(main())
