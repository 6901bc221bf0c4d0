"""Notices that a code is shown and no phone ever arrives, so that the wall can say what to try next."""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from qrshared.protocol import WallHint

log = logging.getLogger(__name__)

SHOWN_S: Final = 180.0
"""So long a code is shown without anybody's opening the page: by then a person has scanned it, more than once."""

OPENED_S: Final = 20.0
"""So long after a phone opened the page it would have said hello by any road that works."""

_MARK: Final = "reached"


class Unreached:
    """One phone that arrived, ever, and nothing is said again: a wall that has worked is not nagged."""

    def __init__(
        self, data_dir: Path, *, has_devices: Callable[[], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`has_devices`: whether any phone is known, the owner's own page not counted."""
        self._mark = data_dir / _MARK
        self._has_devices = has_devices
        self._clock = clock
        self._has_worked = self._mark.exists()
        self._is_marked = self._has_worked
        self._shown: float | None = None
        self._opened: float | None = None

    def shown(self) -> None:
        """A wall shows a code."""
        if self._shown is None:
            self._shown = self._clock()

    def opened(self) -> None:
        """Another machine fetched the page that the code leads to."""
        if self._opened is None:
            self._opened = self._clock()

    def hint(self) -> WallHint | None:
        """What a wall should speak of now."""
        if self._has_worked or self._has_devices():
            self._has_worked = True
            return None
        now = self._clock()
        if self._opened is not None:
            return WallHint.OPENED if now - self._opened >= OPENED_S else None
        if self._shown is not None and now - self._shown >= SHOWN_S:
            return WallHint.UNREACHED
        return None

    def remember(self) -> None:
        """Write down that it has worked, for guests are forgotten; blocks."""
        if self.hint() is None and self._has_worked and not self._is_marked:
            try:
                self._mark.touch(mode=0o600)
            except OSError as fault:
                log.debug("not marked as reached: %s", fault.strerror)
            self._is_marked = True
