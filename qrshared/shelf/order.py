"""The order in which several things go: small ones do not wait behind a big one, alike ones keep their order."""

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

T = TypeVar("T")

FIRST_BYTES: Final = 64 * 1024
STEP: Final = 16
"""What is smaller than the first is small; each further class is so many times larger, as in `small-first.ts`."""


def size_class(size: int) -> int:
    """0 for what is small. Photos of one camera are of one class, and stay in the order of their names."""
    found, bound = 0, FIRST_BYTES
    while size >= bound:
        found, bound = found + 1, bound * STEP
    return found


def small_first(things: Iterable[T], size_of: Callable[[T], int]) -> list[T]:
    """The same things, by the class of their size."""
    return sorted(things, key=lambda one: size_class(size_of(one)))  # stable
