"""One item on its way out: how far it is read, sent and taken, and whether a proof of it is wanted."""

from collections import deque
from dataclasses import dataclass

from qrshared.protocol import Cancel, Fail
from qrshared.transfers.events import ItemState


@dataclass(frozen=True, slots=True)
class Read:
    """What to read and send next; `turn` tells an outdated one apart."""

    item: int
    offset: int
    length: int
    turn: int


class Departure:
    """Offsets and state of one item; the sender's own bookkeeping."""

    __slots__ = ("claimed", "done", "paused", "proof_offset", "safe", "sent", "size", "state", "told", "turn")

    def __init__(self, size: int) -> None:
        self.size = size
        self.state = ItemState.WAITING
        self.paused = False
        self.claimed = 0
        """Handed out for reading up to here."""
        self.sent = 0
        self.done = 0
        """The receiver has this much, as far as its `taken` can tell."""
        self.safe = 0
        """This much survives a crash of the receiver."""
        self.proof_offset = 0
        """The kept offset whose proof is wanted; 0: none."""
        self.turn = 0
        """Raised whenever what was handed out for reading is not wanted any more."""
        self.told: Fail | Cancel | None = None
        """How it ended without a receipt: said on every new link, for the receiver may have forgotten."""

    @property
    def is_open(self) -> bool:
        """It has no end yet."""
        return not self.state.is_final

    @property
    def is_sent(self) -> bool:
        """No more bytes of it are to be sent."""
        return self.state.is_final or self.sent == self.size

    def restart(self, offset: int) -> int:
        """It goes on from `offset`; returns how many claimed bytes will never be sent."""
        dropped = self.claimed - self.sent
        self.turn += 1
        self.claimed = self.sent = self.done = offset
        self.safe = min(self.safe, offset)
        return dropped


@dataclass(slots=True)
class _Run:
    item: int
    turn: int
    end: int
    left: int


class UnderWay:
    """Sent bytes that the receiver has not taken yet, in the order of sending.

    Which item a taken byte belongs to is not said. In the order of sending is near enough, for it serves the person who
    watches and nothing else.
    """

    def __init__(self) -> None:
        self._runs: deque[_Run] = deque()

    def push(self, read: Read) -> None:
        """These bytes go out."""
        self._runs.append(_Run(read.item, read.turn, read.offset + read.length, read.length))

    def take(self, count: int) -> list[tuple[int, int, int]]:
        """So many more were taken; returns (item, turn, offset) of what that reaches."""
        reached: list[tuple[int, int, int]] = []
        while count > 0 and self._runs:
            run = self._runs[0]
            part = min(count, run.left)
            count -= part
            run.left -= part
            reached.append((run.item, run.turn, run.end - run.left))
            if run.left == 0:
                self._runs.popleft()
        return reached

    def clear(self) -> None:
        """The link is gone, and they with it."""
        self._runs.clear()
