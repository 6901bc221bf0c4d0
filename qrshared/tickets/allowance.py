"""How much guests may send together in a day, so that a stranger on the sofa cannot fill the disk."""

from dataclasses import dataclass
from typing import Final, TypeAlias

from qrshared.tickets.ticket import DAY_S

GUEST_DAY_BYTES: Final = 20 * 2**30


@dataclass(slots=True)
class GuestDay:
    """Bytes that guests sent in the day that began with the first of them."""

    began: float = 0.0
    spent: int = 0

    def left(self, limit_bytes: int, now: float) -> int:
        """Bytes still allowed."""
        return limit_bytes if self._is_over(now) else max(0, limit_bytes - self.spent)

    def spend(self, count: int, now: float) -> None:
        """Counts bytes as sent."""
        if self._is_over(now):
            self.began, self.spent = now, 0
        self.spent += count

    def _is_over(self, now: float) -> bool:
        """A clock set back a little gives no new day; one that had been days ahead does not lock the guests out."""
        return not self.began - DAY_S < now < self.began + DAY_S


Bringer: TypeAlias = tuple[str, str]
"""A device and one of its transfers."""


class Reserved:
    """Bytes of the guests' day that were promised to transfers and have not come yet; they are not kept on disk.

    Without it several proposals could be accepted that together exceed the day, and all of them would fail half-way.
    """

    def __init__(self) -> None:
        self._of: dict[Bringer, int] = {}
        self._sum = 0

    def besides(self, bringer: Bringer | None) -> int:
        """What is promised to everybody else."""
        return self._sum - (0 if bringer is None else self._of.get(bringer, 0))

    def keep(self, bringer: Bringer, count: int) -> None:
        """Promise so much to a transfer, instead of what it was promised before."""
        self.release(bringer)
        self._of[bringer] = count
        self._sum += count

    def draw(self, bringer: Bringer, count: int) -> None:
        """So much of the promise has come; more than was promised is nobody's promise."""
        drawn = min(count, self._of.get(bringer, 0))
        if drawn:
            self._of[bringer] -= drawn
            self._sum -= drawn

    def release(self, bringer: Bringer) -> None:
        """Nothing more of it will come for now."""
        self._sum -= self._of.pop(bringer, 0)
