"""Speed and time left of a transfer, smoothed so that a person can read them."""

import math
from typing import Final

SMOOTHING_S: Final = 3.0
"""A change of speed is two thirds visible after this long."""

STEP_S: Final = 0.25
"""Shorter steps say more about buffers than about the road."""


class Progress:
    """Feed it the bytes done now and then; it knows the rate and, from that, the time left."""

    def __init__(self) -> None:
        self._at: float | None = None
        self._done = 0
        self._rate: float | None = None

    @property
    def rate(self) -> int:
        """Bytes a second; 0 while unknown."""
        return round(self._rate or 0.0)

    def update(self, bytes_done: int, now: float) -> None:
        """So many bytes are done by now; fewer than before (a rewind) begins anew."""
        if self._at is None or bytes_done < self._done:
            self._at, self._done = now, bytes_done
            return
        step = now - self._at
        if step < STEP_S:
            return
        current = (bytes_done - self._done) / step
        weight = 1.0 if self._rate is None else 1 - math.exp(-step / SMOOTHING_S)
        self._rate = current * weight + (self._rate or 0.0) * (1 - weight)
        self._at, self._done = now, bytes_done

    def left_s(self, bytes_left: int) -> int | None:
        """Seconds until the rest is done, rounded up; None while nobody can know."""
        if bytes_left == 0:
            return 0
        if self._rate is None or self._rate < 1:
            return None
        return math.ceil(bytes_left / self._rate)

    def pause(self) -> None:
        """Nothing moves on purpose, or the link is gone: the time until the next update does not count."""
        self._at = None
