"""Sizes, times and names as people read them in a terminal."""

import datetime as dt
import re
from ipaddress import ip_address
from urllib.parse import urlsplit

HERE_ONLY = "but this address exists on this computer only, so no phone reaches it"
"""Of an edge at `localhost`."""

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION = re.compile(r"([0-9]{1,7})\s*([smhd])")
_UNITS = ("kB", "MB", "GB", "TB")
_ZERO_WIDTH_JOINER = "\u200d"
"""Holds an emoji family together; the one invisible character that names need."""


def is_here_only(url: str) -> bool:
    """Whether this address means each computer itself."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or host.endswith(".localhost") or ip_address(host).is_loopback
    except ValueError:
        return False


def size_words(count: int) -> str:
    """1000-based, as phones and file managers count: "2.1 GB"."""
    if count < 1000:
        return f"{count} B"
    value = count / 1000
    unit = 0
    while value >= 999.95 and unit < len(_UNITS) - 1:
        value /= 1000
        unit += 1
    return f"{value:.1f} {_UNITS[unit]}" if value < 99.95 else f"{value:.0f} {_UNITS[unit]}"


def duration_words(seconds: float) -> str:
    """About how long: "40 seconds", "3 minutes", "2 hours"."""
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= length * 1.5 or (unit != "minute" and seconds >= length):
            return counted(round(seconds / length), unit)
    return counted(max(1, round(seconds)), "second")


def seconds_of(text: str) -> int | None:
    """What a person types for a time: "30m", "2h", "7d"; None for anything else."""
    found = _DURATION.fullmatch(text.strip().lower())
    return int(found[1]) * _SECONDS[found[2]] or None if found else None


def time_words(milliseconds: int, now: float) -> str:
    """The hour for today, the day as well for other days, in this computer's time zone."""
    when = dt.datetime.fromtimestamp(milliseconds / 1000).astimezone()
    today = dt.datetime.fromtimestamp(now).astimezone().date()
    return f"{when:%H:%M}" if when.date() == today else f"{when:%Y-%m-%d %H:%M}"


def counted(count: int, noun: str) -> str:
    """ "1 file", "3 files"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def visible(text: str) -> str:
    """The same text without anything that could move a cursor, colour a line or turn its direction around."""
    return "".join(
        character if character.isprintable() or character == _ZERO_WIDTH_JOINER else "\ufffd" for character in text
    )
