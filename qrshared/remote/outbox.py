"""What one side of a meeting has said and the other has not confirmed: said again until it has, or given up."""

from dataclasses import dataclass
from typing import Final

from qrshared.errors import LocalError
from qrshared.remote.messages import Bye, MeetingMessage, encode_said

AGAIN_S: Final = 1.0
"""Before a message is said again for the first time: a slow mobile network answers within that."""

AGAIN_GROWTH: Final = 1.6

AGAIN_LONGEST_S: Final = 8.0
"""A peer that comes back after a cut should not wait longer than this."""

GIVEN_UP_S: Final = 30.0
"""After its first saying; a bus between replicas that was gone is back by then, or is not."""

UNCONFIRMED_MAX: Final = 256
"""Three attempts with all their candidates; whoever says more without an answer has a fault."""


@dataclass(slots=True)
class _Waiting:
    n: int
    plaintext: bytes
    due: float
    wait_s: float = AGAIN_S
    first_said: float | None = None


class Outbox:
    """The messages of one side, each with its place and the moment when it is due."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []
        self._said = 0
        self._is_closed = False

    def say(self, message: MeetingMessage, now: float) -> None:
        """Due at once, after what waits already."""
        if len(self._waiting) >= UNCONFIRMED_MAX:
            raise LocalError(what="a meeting in which much is said and nothing confirmed")
        self._waiting.append(_Waiting(self._said, encode_said(self._said, message), now))
        self._said += 1

    def say_last(self, message: Bye, now: float) -> None:
        """Everything unconfirmed once more, this after it, and then nothing."""
        self._waiting.append(_Waiting(self._said, encode_said(self._said, message), now))
        for waiting in self._waiting:
            waiting.due = now
        self._is_closed = True

    def confirm(self, through: int) -> bool:
        """Everything before `through` has arrived; False when so much was never said."""
        self._waiting = [waiting for waiting in self._waiting if waiting.n >= through]
        return through <= self._said

    def due(self, now: float) -> list[bytes]:
        """What is to be said now, in order."""
        plaintexts = []
        for waiting in self._waiting:
            if waiting.due <= now:
                plaintexts.append(waiting.plaintext)
                waiting.first_said = now if waiting.first_said is None else waiting.first_said
                waiting.due = now + waiting.wait_s
                waiting.wait_s = min(waiting.wait_s * AGAIN_GROWTH, AGAIN_LONGEST_S)
        if self._is_closed:
            self._waiting.clear()
        return plaintexts

    def next_due(self) -> float | None:
        """When something is to be said again, or given up."""
        moments = [waiting.due for waiting in self._waiting]
        moments += [waiting.first_said + GIVEN_UP_S for waiting in self._waiting if waiting.first_said is not None]
        return min(moments, default=None)

    def is_given_up(self, now: float) -> bool:
        """Whether something was said for so long in vain that nobody will answer."""
        return any(
            waiting.first_said is not None and now >= waiting.first_said + GIVEN_UP_S for waiting in self._waiting
        )
