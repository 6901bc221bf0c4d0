"""Our data channel link beside stock aiortc and beside Chromium alone, all on this machine, in one run.

    python -m tests bench remote [--quick] [--size MIB] [--runs N]

Every run is a new connection and a new process; rounds are shuffled after a warm-up. All are measured at the receiver,
from the first message to the last, in the message size of a transfer and without the seal. Needs Linux and Chromium.
"""

import argparse
import asyncio
import os
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from tests.bench._rtc_ends import JAVASCRIPT, an_end
from tests.bench._rtc_peer import MESSAGE_BYTES
from tests.bench._table import AtLeast, AtMost, Row, spread
from tests.browser.chromium import Chromium, Page
from tests.parts import missing

RUN_WITHIN_S: Final = 300.0
LANES: Final = {
    "Chromium → Chromium": ("chromium", "chromium"),
    "Chromium → ours": ("chromium", "ours"),
    "Chromium → stock aiortc": ("chromium", "stock"),
    "ours → Chromium": ("ours", "chromium"),
    "stock aiortc → Chromium": ("stock", "chromium"),
    "ours → ours": ("ours", "ours"),
    "stock aiortc → stock aiortc": ("stock", "stock"),
}
"""Who sends, who receives. The browser offers, as the page does; between two of a kind the sender offers."""


@dataclass(frozen=True)
class Scope:
    """How much is measured."""

    messages: int
    runs: int

    @property
    def megabytes(self) -> float:
        return self.messages * MESSAGE_BYTES / 1e6


@dataclass(frozen=True)
class Run:
    """One connection."""

    rate: float
    """MB/s."""
    cpu_ms: float
    """Of the programs in Python, for each MB."""


def scope() -> Scope:
    parser = argparse.ArgumentParser(prog="python -m tests bench remote", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="8 MiB, 3 runs")
    parser.add_argument("--size", type=int, metavar="MIB", help="what each run sends (default 32)")
    parser.add_argument("--runs", type=int, metavar="N", help="measured runs of each lane (default 5)")
    words = parser.parse_args()
    size_mib = words.size or (8 if words.quick else 32)
    return Scope(messages=(size_mib << 20) // MESSAGE_BYTES, runs=words.runs or (3 if words.quick else 5))


async def measure(lane: str, wanted: Scope, page: Page) -> Run:
    sending, receiving = LANES[lane]
    async with asyncio.timeout(RUN_WITHIN_S), an_end(sending, page) as sender, an_end(receiving, page) as receiver:
        offers, answers = (receiver, sender) if receiving == "chromium" != sending else (sender, receiver)
        await offers.ask("accept", await answers.ask("answer", await offers.ask("offer")))
        await sender.ask("opened")
        await receiver.ask("opened")
        before = sender.cpu_s() + receiver.cpu_s()
        seconds, _ = await asyncio.gather(receiver.ask("receive", wanted.messages), sender.ask("send", wanted.messages))
        cpu = sender.cpu_s() + receiver.cpu_s() - before
    assert isinstance(seconds, int | float)
    share = (wanted.messages - 1) / wanted.messages  # the first message starts the clock
    return Run(wanted.megabytes * share / max(seconds, 1e-6), cpu * 1000 / wanted.megabytes)


async def measure_all(wanted: Scope) -> Mapping[str, Sequence[Run]]:
    runs: dict[str, list[Run]] = {lane: [] for lane in LANES}
    # With an obfuscated address half a second of name lookups would come before each run.
    async with Chromium(flags=("--disable-features=WebRtcHideLocalIpsWithMdns",)) as browser:
        page = await browser.open()
        await page.evaluate(JAVASCRIPT)
        warm = Scope(messages=max(1, wanted.messages // 8), runs=1)
        for lane in LANES:
            await measure(lane, warm, page)
        for round_number in range(wanted.runs):
            print(f"round {round_number + 1} of {wanted.runs}: load {os.getloadavg()[0]:.1f}", flush=True)
            for lane in random.sample(list(LANES), len(LANES)):
                runs[lane].append(await measure(lane, wanted, page))
    return runs


def table(runs: Mapping[str, Sequence[Run]]) -> list[Row]:
    def ratio(what: Callable[[Run], float], lane: str, reference: str) -> list[float]:
        return [what(a) / max(what(b), 1e-9) for a, b in zip(runs[lane], runs[reference], strict=True)]

    def rate(run: Run) -> float:
        return run.rate

    def cpu(run: Run) -> float:
        return run.cpu_ms

    up, down, pair = "Chromium → ours", "ours → Chromium", "ours → ours"
    stock_up, stock_down, stock_pair = LANE_OF_STOCK
    alone = "Chromium → Chromium"
    return [
        Row("upload (Chromium → ours) ÷ the same into stock aiortc", ratio(rate, up, stock_up), AtLeast(2.5, 6)),
        Row("upload ÷ Chromium → Chromium", ratio(rate, up, alone), AtLeast(1.2, 3)),
        Row("upload, CPU a MB ÷ stock aiortc", ratio(cpu, up, stock_up), AtMost(0.33, 0.12)),
        Row("download (ours → Chromium) ÷ Chromium → Chromium", ratio(rate, down, alone), AtLeast(1, 2)),
        Row("download ÷ the same from stock aiortc", ratio(rate, down, stock_down), None),
        Row("download, CPU a MB ÷ stock aiortc", ratio(cpu, down, stock_down), AtMost(0.75, 0.4)),
        Row("ours → ours ÷ stock aiortc → stock aiortc", ratio(rate, pair, stock_pair), AtLeast(8, 12)),
    ]


LANE_OF_STOCK: Final = ("Chromium → stock aiortc", "stock aiortc → Chromium", "stock aiortc → stock aiortc")


def main() -> int:
    wanted = scope()
    if (remedy := missing("chromium")) is not None:
        print(f"This bench cannot run here. {remedy}")
        return 1
    print(f"{os.cpu_count()} cores; {wanted.megabytes:.0f} MB a run in messages of {MESSAGE_BYTES} bytes")
    runs = asyncio.run(measure_all(wanted))
    print("\nRatios first; median of all runs (least…most), what must hold, what is aimed at:")
    for row in table(runs):
        print(row.line())
    print("\nThe lanes themselves:")
    for lane, measured in runs.items():
        rates, cpu = [run.rate for run in measured], [run.cpu_ms for run in measured]
        used = f"CPU {median(cpu):5.1f} ms a MB" if any(cpu) else ""
        print(f"{lane:<30} {median(rates):6.1f} MB/s ({spread(rates, 1)})  {used}".rstrip())
    print("A slow line with losses between the two is a later step: not measured.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
