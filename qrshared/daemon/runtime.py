"""Fits the process to what it does all day: moving megabytes between a socket, a cipher and a file, in several threads.

The first two settings were measured with a 1 GiB upload on Linux.
"""

import ctypes
import sys
from typing import Final

KEPT_BYTES: Final = 32 * 1024**2
"""Freed memory that stays with the process; the frames and chunks of some windows."""

OWN_MAPPING_BYTES: Final = 16 * 1024**2
"""A larger block gets a mapping of its own; naming a number also stops glibc from moving it."""

THREAD_TURN_S: Final = 0.001
"""How long a thread may keep the interpreter from others. Python's 5 ms made the loop wait behind each write."""

DESCRIPTORS_WANTED: Final = 8192
"""What the systemd unit asks for, too."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h of glibc


def fit_to_transfers() -> None:
    """Call once, before the first transfer."""
    sys.setswitchinterval(THREAD_TURN_S)
    keep_freed_memory()
    take_descriptors()


def take_descriptors() -> None:
    """Use as many descriptors as this user may: a terminal gives 1 024 of many more."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS_WANTED if hard == resource.RLIM_INFINITY else min(DESCRIPTORS_WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def keep_freed_memory() -> bool:
    """Let glibc keep what is freed for the next frame; False where the C library is another one.

    By default it gives each freed megabyte back to the kernel and faults it in again, zeroed, for the next one: 1.2 s
    of CPU for each GiB, a quarter of all that the daemon used.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # musl gives no such advice, and needs none
        return False
    asked = ((_M_MMAP_THRESHOLD, OWN_MAPPING_BYTES), (_M_TRIM_THRESHOLD, KEPT_BYTES))
    return all(mallopt(ctypes.c_int(what), ctypes.c_int(count)) == 1 for what, count in asked)
