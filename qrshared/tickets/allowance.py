"""How much guests may send together in a day, so that a stranger on the sofa cannot fill the disk."""

from dataclasses import dataclass
from typing import Final

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
