"""Hours of the day in which this computer keeps quiet, such as `22:00-07:00`."""

import re
from dataclasses import dataclass
from typing import Final

from qrshared.settings.values import Expected, is_none, read_text

_HOURS: Final = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])\s*[-–]\s*([01]?[0-9]|2[0-3]):([0-5][0-9])")


@dataclass(frozen=True, slots=True)
class Hours:
    """From `begins` until before `ends`, in minutes after midnight; past midnight if need be."""

    begins: int
    ends: int

    def __str__(self) -> str:
        return "-".join(f"{minutes // 60:02}:{minutes % 60:02}" for minutes in (self.begins, self.ends))

    def holds(self, minute: int) -> bool:
        """Whether this minute of the day is among them."""
        if self.begins < self.ends:
            return self.begins <= minute < self.ends
        return minute >= self.begins or minute < self.ends


def read_hours(value: object) -> Hours | None:
    """Two times of the day; nothing, or "none", for no such hours."""
    if isinstance(value, Hours):
        return value
    text = read_text(value).strip()
    if is_none(text):
        return None
    found = _HOURS.fullmatch(text)
    if found is None:
        raise Expected("two times of the day such as 22:00-07:00, or empty for none")
    hour, minute, end_hour, end_minute = map(int, found.groups())
    hours = Hours(60 * hour + minute, 60 * end_hour + end_minute)
    if hours.begins == hours.ends:
        raise Expected("two different times: to be told nothing at all, switch notices off")
    return hours
