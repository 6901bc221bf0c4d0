"""Shares the bytes that may be under way among all transfers of a daemon."""

from qrshared.protocol import WINDOW_BYTES, WINDOW_BYTES_MIN, WINDOWS_BYTES_MAX


class WindowPool:
    """Grants each transfer a window. When room gets short grants get smaller, so that a newcomer still gets one.

    A quarter is kept for the smallest windows, or the thirty-third transfer would find nothing left.
    """

    def __init__(
        self, *, total: int = WINDOWS_BYTES_MAX, each: int = WINDOW_BYTES, least: int = WINDOW_BYTES_MIN
    ) -> None:
        self._each, self._least = each, least
        self._kept = total // 4
        self.free = total

    def grant(self) -> int | None:
        """A window in bytes, at most a quarter of what may be shared out; None when there is none: it is `busy`."""
        if self.free < self._least:
            return None
        window = max(self._least, min(self._each, (self.free - self._kept) // 4))
        window -= window % self._least
        self.free -= window
        return window

    def release(self, window: int) -> None:
        """The transfer that held this window ended, or lost its link."""
        self.free += window
