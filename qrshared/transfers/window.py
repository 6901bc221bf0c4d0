"""Shares the bytes that may be under way among all transfers of a daemon."""

from collections import Counter
from typing import Final

from qrshared.protocol import WINDOW_BYTES, WINDOW_BYTES_MIN, WINDOWS_BYTES_MAX

LARGE_WINDOWS_MAX: Final = 2
"""A page sends one batch after the other, and a small one beside a big one: two large windows are all it can use."""

MIDDLING_WINDOWS_MAX: Final = 6
"""So many more of one holder are an eighth of a large one. A photo beside films, each with a large window under way,
would go through a smallest one in sixteen round trips: 158 MB of five films went before it. Now it is two."""


class WindowPool:
    """Grants each transfer a window. When room gets short grants get smaller, so that a newcomer still gets one.

    A quarter is kept for the smallest windows, or the thirty-third transfer would find nothing left; and a holder's
    third window at once is a middling one and its ninth a smallest, or a few devices could leave nothing for the rest.
    """

    def __init__(
        self, *, total: int = WINDOWS_BYTES_MAX, each: int = WINDOW_BYTES, least: int = WINDOW_BYTES_MIN
    ) -> None:
        self._each, self._least = each, least
        self._kept = total // 4
        self._held: Counter[str] = Counter()
        self.free = total

    def grant(self, holder: str) -> int | None:
        """A window in bytes, at most a quarter of what may be shared out; None when there is none: it is `busy`."""
        if self.free < self._least:
            return None
        wanted = self._wanted(self._held[holder])
        window = max(self._least, min(wanted, (self.free - self._kept) // 4))
        window -= window % self._least
        self.free -= window
        self._held[holder] += 1
        return window

    def _wanted(self, held: int) -> int:
        if held < LARGE_WINDOWS_MAX:
            return self._each
        return self._each // 8 if held < LARGE_WINDOWS_MAX + MIDDLING_WINDOWS_MAX else self._least

    def release(self, holder: str, window: int) -> None:
        """The transfer that held this window ended, or lost its link."""
        self.free += window
        self._held[holder] -= 1
        if not self._held[holder]:
            del self._held[holder]
