"""What was demanded beside what was measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

SHORT: Final = "FALLS SHORT"


@dataclass(frozen=True)
class AtLeast:
    """More is better."""

    must: float
    aim: float
    sign = "≥"

    def holds(self, measured: float, limit: float) -> bool:
        return measured >= limit


@dataclass(frozen=True)
class AtMost:
    """Less is better."""

    must: float
    aim: float
    sign = "≤"

    def holds(self, measured: float, limit: float) -> bool:
        return measured <= limit


@dataclass(frozen=True)
class Row:
    """One line; `values` one for each run, empty when it could not be measured (then `note` says why)."""

    what: str
    values: Sequence[float]
    demand: AtLeast | AtMost | None
    unit: str = ""
    note: str = ""

    def line(self) -> str:
        """What, median (least…most), must, aim, and whether it holds."""
        words = [f"{self.what:<58}", f"{self._measured():<30}", f"{self._demanded():<22}", self._verdict(), self.note]
        return " ".join(words).rstrip()

    @property
    def falls_short(self) -> bool:
        """It was measured, and not what it must be."""
        return self._verdict() == SHORT

    def _measured(self) -> str:
        if not self.values:
            return "not measured"
        return f"{median(self.values):.2f} {self.unit} ({spread(self.values)})".replace("  ", " ")

    def _demanded(self) -> str:
        if self.demand is None:
            return "no demand"
        return f"must {self.demand.sign} {self.demand.must:g}, aim {self.demand.aim:g}"

    def _verdict(self) -> str:
        if self.demand is None or not self.values:
            return ""
        middle = median(self.values)
        if self.demand.holds(middle, self.demand.aim):
            return "aim reached"
        return "holds" if self.demand.holds(middle, self.demand.must) else SHORT


def spread(values: Sequence[float], digits: int = 2) -> str:
    """The least and the most."""
    return f"{min(values):.{digits}f}…{max(values):.{digits}f}"


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
