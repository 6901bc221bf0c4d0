"""How many chunk bytes of one transfer are under way, and when it is time to open the window again."""

from typing import Final

TAKEN_EVERY_BYTES: Final = 256 * 1024
"""`taken` is said at least this often, or when half the window waits for it: the sender never stands still for it."""

TAKEN_EVERY_S: Final = 0.25
"""Or this often, so that progress on a slow road is seen."""


class Flow:
    """Counts since the last accept; the receiver's own bookkeeping."""

    def __init__(self) -> None:
        self._window = self._received = self._taken = self._said = 0
        self._said_at = float("-inf")

    def open(self, window: int) -> None:
        """A new accept: counting starts anew."""
        self._window, self._received, self._taken, self._said = window, 0, 0, 0

    def receive(self, count: int) -> bool:
        """So many bytes came; False when the window did not allow them."""
        self._received += count
        return self._received - self._said <= self._window

    def take(self, count: int) -> None:
        """So many bytes were written, or thrown away."""
        self._taken += count

    def say(self, now: float) -> int | None:
        """What `taken` shall say now; None while it need not."""
        unsaid = self._taken - self._said
        is_due = unsaid >= TAKEN_EVERY_BYTES or 2 * unsaid >= self._window or now - self._said_at >= TAKEN_EVERY_S
        if unsaid == 0 or not is_due:
            return None
        self._said, self._said_at = self._taken, now
        return self._taken
