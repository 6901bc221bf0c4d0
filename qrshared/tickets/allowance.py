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
        """Bytes still allowed; a clock that was set back does not give a new day."""
        return limit_bytes if now >= self.began + DAY_S else max(0, limit_bytes - self.spent)

    def spend(self, count: int, now: float) -> None:
        """Counts bytes as sent."""
        if now >= self.began + DAY_S:
            self.began, self.spent = now, 0
        self.began = min(self.began, now)
        self.spent += count
