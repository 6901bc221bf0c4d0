"""How many part files may stay open between two writes: a peer that begins thousands must not take every descriptor."""

import sys
import threading

if sys.platform != "win32":
    import resource

OPEN_PARTS_MAX = 1024
"""More than all honest senders together ever begin at once."""


def affordable_parts() -> int:
    """A quarter of this program's descriptors: sockets have half, folders and everything else the last quarter."""
    if sys.platform == "win32":
        return OPEN_PARTS_MAX
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return OPEN_PARTS_MAX if soft == resource.RLIM_INFINITY else max(1, min(OPEN_PARTS_MAX, soft // 4))


class Descriptors:
    """Counts the part files that stay open; whoever finds no place here opens its file anew for each use."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Whether one more may stay open; if so, `give_back` ends it."""
        with self._lock:
            if self._free <= 0:
                return False
            self._free -= 1
            return True

    def give_back(self) -> None:
        """One that could stay open is closed."""
        with self._lock:
            self._free += 1
