"""The bytes of all items on their way out: what to read next within the window, what is under way, what is left."""

from collections.abc import Iterator, Sequence

from qrshared.errors import LocalError
from qrshared.protocol import CHUNK_BYTES_MAX
from qrshared.transfers.departure import Departure, Read, UnderWay
from qrshared.transfers.events import ItemState
from qrshared.transfers.tally import Tally


class Dispatch:
    """The sender's own bookkeeping: it counts, and the sender says to peer and shell what that means."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self._departures = [Departure(size) for size in sizes]
        self.left = len(sizes)
        """Items that have no end yet."""
        self.tally = Tally(items=len(sizes), bytes=sum(sizes))
        self._window = self._sent = self._taken = 0
        self._claimed = 0
        """Bytes handed out for reading since the accept that were sent or still may be."""
        self._under_way = UnderWay()
        self._cursor = 0
        self._unsent = sum(not departure.is_sent for departure in self)
        """Items of which bytes are still to be sent; once there is none, `finish` is due."""
        self._finish_due = False

    def __len__(self) -> int:
        return len(self._departures)

    def __getitem__(self, item: int) -> Departure:
        return self._departures[item]

    def __iter__(self) -> Iterator[Departure]:
        return iter(self._departures)

    # --- link by link -------------------------------------------------------------------------------------------

    def open(self, window: int) -> None:
        """A new accept: everything that has no end goes out from its start, unless `go_on` says more of it is there."""
        for departure in self:
            if departure.is_open:
                self._restart(departure, 0)
            departure.proof_offset = 0
        self._window = window
        self._claimed = self._sent = self._taken = self._cursor = 0
        self._under_way.clear()
        self._finish_due = True

    def go_on(self, item: int, offset: int, *, prove: bool) -> None:
        """The receiver holds this much of an item already."""
        departure = self[item]
        self._restart(departure, offset)
        if offset > 0:
            departure.state = ItemState.MOVING
            if prove:
                departure.proof_offset = offset

    def rewind(self, item: int, offset: int) -> bool:
        """Back to `offset`, for an item's proof did not match; False when that was not under proof."""
        departure = self[item]
        if offset >= departure.proof_offset:
            return False
        self._restart(departure, offset)
        departure.proof_offset = 0
        self._cursor = min(self._cursor, item)
        self._finish_due = True
        return True

    def _restart(self, departure: Departure, offset: int) -> None:
        self._unsent -= not departure.is_sent
        self.tally.bytes_done += offset - departure.done
        self._claimed -= departure.restart(offset)
        self._unsent += not departure.is_sent

    # --- bytes --------------------------------------------------------------------------------------------------

    def next_read(self, max_bytes: int) -> Read | None:
        """What to read and send next, at most `max_bytes`; None while there is nothing, or no room in the window."""
        room = self._window - (self._claimed - self._taken)
        for index in range(self._cursor, len(self)):
            departure = self[index]
            left = departure.size - departure.claimed if departure.is_open else 0
            if left == 0 and index == self._cursor:
                self._cursor += 1
            if left == 0 or departure.paused:
                continue
            # Small rests of a window make small chunks; the receiver opens it again before half of it is closed.
            if room < min(left, CHUNK_BYTES_MAX, max(1, self._window // 4)):
                return None
            length = min(left, room, max_bytes)
            if CHUNK_BYTES_MAX < length < left:
                length -= length % CHUNK_BYTES_MAX
            read = Read(index, departure.claimed, length, departure.turn)
            departure.claimed += length
            departure.state = ItemState.MOVING
            self._claimed += length
            return read
        return None

    def sent(self, read: Read) -> bool:
        """These bytes go to the link now, in order; False when they are not wanted any more."""
        departure = self[read.item]
        if read.turn != departure.turn or not departure.is_open:
            return False
        if read.offset != departure.sent:
            raise LocalError(what="the chunks of an item are sent in order")
        departure.sent += read.length
        self._sent += read.length
        self._under_way.push(read)
        self._unsent -= departure.is_sent
        return True

    def take(self, count: int) -> bool:
        """The receiver has taken so many bytes since the accept; False when that cannot be."""
        if not self._taken <= count <= self._sent:
            return False
        for item, turn, offset in self._under_way.take(count - self._taken):
            departure = self[item]
            if departure.is_open and departure.turn == turn:
                self.tally.bytes_done += offset - departure.done
                departure.done = offset
        self._taken = count
        return True

    def say_finish(self) -> bool:
        """Whether `finish` is to be said now: all was sent, and that is news."""
        is_due = self._finish_due and self._unsent == 0
        if is_due:
            self._finish_due = False
        return is_due

    # --- ends ---------------------------------------------------------------------------------------------------

    def end(self, item: int, state: ItemState) -> None:
        """Nothing more goes out of an item."""
        departure = self[item]
        self._unsent -= not departure.is_sent
        self._claimed -= departure.claimed - departure.sent
        departure.claimed = departure.sent
        departure.turn += 1
        self.tally.end(state, departure.size, departure.done)
        departure.state = state
        if state is ItemState.DONE:
            departure.done = departure.size
        self.left -= 1

    def end_open(self, state: ItemState) -> None:
        """Nothing more goes out of any."""
        for item, departure in enumerate(self):
            if departure.is_open:
                self.end(item, state)

    def end_done(self, item: int) -> None:
        """It has arrived, even if it was cancelled or failed here meanwhile."""
        departure = self[item]
        if departure.state.is_final:
            self.left += 1
            self.tally.reopen(departure.state, departure.size)
            departure.done = 0
            departure.told = None
        self.end(item, ItemState.DONE)
