"""What a process of this computer holds and has spent, as Linux counts it."""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_RESET_PEAK = "5"  # proc(5), clear_refs


class Watched:
    """A process whose peak of resident memory counts from now on."""

    def __init__(self, pid: int) -> None:
        self._folder = Path(f"/proc/{pid}")
        (self._folder / "clear_refs").write_text(_RESET_PEAK)

    def peak_mib(self) -> float:
        """The most it has held since."""
        return self._field("VmHWM")

    def now_mib(self) -> float:
        """What it holds now."""
        return self._field("VmRSS")

    def _field(self, name: str) -> float:
        lines = (self._folder / "status").read_text().splitlines()
        found = next(line for line in lines if line.startswith(f"{name}:"))
        return int(found.split()[1]) / 1024


def cpu_s(pid: int) -> float:
    """Seconds of CPU that a process has used; 0 when it is gone."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return (int(words[11]) + int(words[12])) / _TICKS
