"""What the JUnit reports of pytest and node say: how many tests ended how, which failed, what was skipped and why."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET


@dataclass(frozen=True, slots=True)
class Count:
    """How many tests or checks ended how; which of them failed, and why others were skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    failures: tuple[str, ...] = field(default=(), compare=False)
    reasons: tuple[str, ...] = field(default=(), compare=False)
    unsteady: tuple[str, ...] = field(default=(), compare=False)

    def __add__(self, other: "Count") -> "Count":
        return Count(
            self.passed + other.passed,
            self.failed + other.failed,
            self.skipped + other.skipped,
            self.failures + other.failures,
            self.reasons + other.reasons,
            self.unsteady + other.unsteady,
        )


def settled(beside: Count, alone: Count) -> Count:
    """What counts when the tests that failed beside others ran once more, alone; as it was unless all ran."""
    if alone.passed + alone.failed != beside.failed:
        return beside
    unsteady = tuple(name for name in beside.failures if name not in alone.failures)
    passed = beside.passed + alone.passed
    return Count(passed, alone.failed, beside.skipped, alone.failures, beside.reasons, beside.unsteady + unsteady)


PASSED, FAILED = Count(passed=1), Count(failed=1)


def count_report(path: Path) -> Count:
    """Counts the test cases of a JUnit report; pytest and node both write one."""
    if not path.is_file():
        return FAILED
    cases = list(ET.parse(path).iter("testcase"))
    failures = tuple(_name(case) for case in cases if any(case.find(how) is not None for how in ("failure", "error")))
    reasons = tuple(said.get("message") or "" for case in cases for said in case.findall("skipped"))
    return Count(len(cases) - len(failures) - len(reasons), len(failures), len(reasons), failures, reasons)


def told(total: Count) -> Iterator[str]:
    """The lines after the table: each failure by name, and each reason to skip once, with the command that ends it."""
    for name in total.failures:
        yield f"failed: {name}"
    for name in total.unsteady:
        yield f"passed alone and not beside others, look at it: {name}"
    yield from _reasons(total.reasons)


def _reasons(reasons: Iterable[str]) -> Iterator[str]:
    for reason, times in Counter(reasons).most_common():
        yield f"skipped {times} ×: {reason}"


def _name(case: ET.Element) -> str:
    return "::".join(word for word in (case.get("classname"), case.get("name")) if word)
