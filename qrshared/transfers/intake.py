"""The bytes of all items on their way in: what arrived, is written and safe, how much is under way, what is left."""

from collections.abc import Iterator, Sequence

from qrshared.protocol import ItemReceipt, Kept
from qrshared.transfers.arrival import Arrival
from qrshared.transfers.events import ItemState
from qrshared.transfers.flow import Flow
from qrshared.transfers.tally import Tally


class Intake:
    """The receiver's own bookkeeping: it counts, and the receiver says to peer and shell what that means."""

    def __init__(self, sizes: Sequence[int] = ()) -> None:
        self._arrivals = [Arrival(size) for size in sizes]
        self.left = len(sizes)
        """Items that have no end yet."""
        self.tally = Tally(items=len(sizes), bytes=sum(sizes))
        self._flow = Flow()
        self._safe: set[int] = set()

    def __len__(self) -> int:
        return len(self._arrivals)

    def __getitem__(self, index: int) -> Arrival:
        return self._arrivals[index]

    def __iter__(self) -> Iterator[Arrival]:
        return iter(self._arrivals)

    # --- link by link -------------------------------------------------------------------------------------------

    def start_at(self, index: int, offset: int, *, prove: bool) -> None:
        """The inbox holds this much of an item already."""
        self[index].start_at(offset, prove=prove)
        self.tally.bytes_done += offset

    def open(self, window: int) -> None:
        """A new accept: counting starts anew."""
        self._flow.open(window)
        self._safe.clear()
        for arrival in self:
            arrival.relink()

    def detached(self) -> None:
        """The link is gone; what is safe is said by the next accept."""
        self._safe.clear()
        for arrival in self:
            arrival.rewound = False

    def kept(self) -> list[Kept]:
        """What the sender need not send again."""
        return [
            Kept(index, arrival.arrived, arrival.awaits_proof)
            for index, arrival in enumerate(self)
            if arrival.arrived and not arrival.state.is_final
        ]

    def receipts(self) -> list[ItemReceipt]:
        """What is in the inbox under its name."""
        return [arrival.receipt for arrival in self if arrival.receipt is not None]

    # --- bytes --------------------------------------------------------------------------------------------------

    def receive(self, count: int) -> bool:
        """So many bytes came; False when the window did not allow them."""
        return self._flow.receive(count)

    def drain(self, count: int) -> None:
        """So many bytes that came are thrown away."""
        self._flow.take(count)

    def wrote(self, index: int, offset: int) -> None:
        """The first `offset` bytes of an item are in its part file."""
        arrival = self[index]
        if not arrival.state.is_final:
            before = arrival.wrote
            self._flow.take(arrival.write(offset))
            self.tally.bytes_done += arrival.wrote - before

    def synced(self, index: int, offset: int) -> None:
        """The first `offset` bytes of an item survive a crash."""
        arrival = self[index]
        if not arrival.state.is_final and arrival.safe < offset <= arrival.wrote:
            arrival.safe = offset
            self._safe.add(index)

    def rewind(self, index: int, offset: int) -> None:
        """Everything of an item from `offset` on was dropped, written or not."""
        arrival = self[index]
        before = arrival.wrote
        self._flow.take(arrival.rewind_to(offset))
        self.tally.bytes_done += arrival.wrote - before
        self._safe.discard(index)

    def forget_unwritten(self) -> None:
        """What had arrived and was not written is lost."""
        for arrival in self:
            if arrival.is_open:
                arrival.arrived = arrival.wrote

    def say_taken(self, now: float) -> int | None:
        """What `taken` shall say now; None while it need not."""
        return self._flow.say(now)

    def say_safe(self) -> list[tuple[int, int]]:
        """Items, and how much of each has become safe since this was asked."""
        items = sorted(self._safe)
        self._safe.clear()
        return [(index, self[index].safe) for index in items if not self[index].state.is_final]

    # --- ends ---------------------------------------------------------------------------------------------------

    def end(self, index: int, state: ItemState) -> None:
        """Nothing more will come of an item."""
        arrival = self[index]
        self.tally.end(state, arrival.size, arrival.wrote)
        self._flow.take(arrival.end(state))
        self.left -= 1

    def end_open(self, state: ItemState) -> None:
        """Nothing more will come of any; those being placed still have their own end before them."""
        for index, arrival in enumerate(self):
            if arrival.is_open:
                self.end(index, state)
