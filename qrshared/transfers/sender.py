"""One outgoing transfer as its sender sees it: what to propose, what to read and send next, what is safe over there."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from qrshared.errors import LocalError
from qrshared.protocol import (
    CHUNK_BYTES_MAX,
    CONTINUES_MAX,
    DIGESTS_MAX,
    ITEMS_MAX,
    MANIFEST_BYTES_MAX,
    Accept,
    Cancel,
    Decline,
    Defer,
    Fail,
    Finish,
    Hold,
    Item,
    ItemReceipt,
    Kept,
    Message,
    Proof,
    Reason,
    Receipt,
    Rewind,
    Safe,
    Taken,
    TransferId,
    TransferMessage,
)
from qrshared.transfers.departure import Departure, Read, UnderWay
from qrshared.transfers.events import (
    Accepted,
    Declined,
    Deferred,
    Held,
    ItemCancelled,
    ItemDone,
    ItemFailed,
    ItemState,
    Over,
    ProofWanted,
    Rewound,
    SenderEvent,
    TransferCancelled,
    TransferFailed,
)
from qrshared.transfers.paging import item_weight, proposal
from qrshared.transfers.phases import REFUSES_THE_REST, SENDER_HEARS
from qrshared.transfers.phases import SenderPhase as Phase
from qrshared.transfers.tally import Tally

Events: TypeAlias = list[SenderEvent]


class Sender:
    """Outlives links: on each new one send `propose()`, after a cut call `detached()`.

    Then feed it messages, read and send what `next_read` says, and send `messages_to_send()` after every call that may
    have changed something.
    """

    def __init__(
        self,
        transfer: TransferId,
        items: Sequence[Item],
        continues: Sequence[TransferId] = (),
        *,
        skip_same: bool = False,
    ) -> None:
        if not 0 < len(items) <= ITEMS_MAX or sum(map(item_weight, items)) > MANIFEST_BYTES_MAX:
            raise LocalError(what="a transfer has 1 to 100 000 items, and 32 MiB of names")
        self.transfer = transfer
        self.items = tuple(items)
        self.phase = Phase.DETACHED
        self.tally = Tally(items=len(items), bytes=sum(item.size for item in items))
        """Sums for progress."""
        self.is_paused = False
        self.is_held = False
        """The person at the receiver paused it: nothing is read until it is let go on, or accepted anew."""
        self.may_deflate = False
        """The receiver takes deflated chunks on this link."""
        self._continues = tuple(continues[-CONTINUES_MAX:])
        self._skip_same = skip_same
        self._departures = [Departure(item.size) for item in items]
        self._left = len(items)
        self._outgoing: list[Message] = []
        self._untold: Cancel | Fail | None = None
        """Ended as a whole from here while there was no link, or before it could be said."""
        self._kept: list[Kept] = []
        self._receipts: list[ItemReceipt] = []
        self._window = self._claimed = self._sent = self._taken = 0
        self._under_way = UnderWay()
        self._cursor = 0
        self._unsent = 0
        """Items of which bytes are still to be sent; once there is none, `finish` is due."""
        self._finish_due = False

    @property
    def is_over(self) -> bool:
        """Every item has its end."""
        return self.phase is Phase.OVER

    def state(self, item: int) -> ItemState:
        """Where one item stands."""
        return self._departures[item].state

    def done(self, item: int) -> int:
        """Bytes of this item that the receiver has, as far as its `taken` can tell."""
        return self._departures[item].done

    def safe(self, item: int) -> int:
        """Bytes of this item that survive a crash of the receiver."""
        return self._departures[item].safe

    # --- messages -----------------------------------------------------------------------------------------------

    def propose(self) -> list[Message]:
        """The whole proposal, for a new link. A transfer that ended from here meanwhile only says so."""
        self.detached()
        if self.is_over:
            return self.messages_to_send()
        self.phase = Phase.PROPOSED
        return [*proposal(self.transfer, self.items, self._continues, skip_same=self._skip_same)]

    def receive(self, message: TransferMessage) -> Events:
        """Take one message about this transfer."""
        if type(message) not in SENDER_HEARS[self.phase]:
            return self.fail(Reason.PROTOCOL) if self.phase in REFUSES_THE_REST else []
        match message:
            case Defer():
                return [Deferred()]
            case Accept():
                return self._accept(message)
            case Decline(reason=reason, needed=needed, free=free):
                return self._end_all(ItemState.FAILED, Declined(reason, needed, free))
            case Hold(held=held):
                self.is_held = held
                return [Held(held)]
            case Taken(count=count):
                return self._take(count)
            case Safe(item=item, offset=offset):
                return self._safe(item, offset)
            case Receipt(receipts=receipts):
                return self._receive(receipts)
            case Rewind(item=item, offset=offset):
                return self._rewind(item, offset)
            case Cancel() | Fail():
                return self._ended_there(message)
            case _:
                return []

    def messages_to_send(self) -> list[Message]:
        """Everything to tell the peer by now, in order; empty while there is no link."""
        if self.phase is Phase.DETACHED:
            return []
        messages, self._outgoing = self._outgoing, []
        if self._untold is not None:
            messages.append(self._untold)
            self._untold = None
        if self.phase is Phase.OPEN and self._finish_due and self._unsent == 0:
            self._finish_due = False
            messages.append(Finish(self.transfer))
        return messages

    def detached(self) -> None:
        """The link is gone, with whatever was not taken; what was handed out for reading is not wanted any more."""
        self.is_held = False
        if not self.is_over:
            self.phase = Phase.DETACHED
            self._outgoing = []
            self._kept, self._receipts = [], []

    # --- bytes --------------------------------------------------------------------------------------------------

    def next_read(self, max_bytes: int) -> Read | None:
        """What to read and send next, at most `max_bytes`; None while there is nothing, or no room in the window."""
        if self.phase is not Phase.OPEN or self.is_paused or self.is_held:
            return None
        room = self._window - (self._claimed - self._taken)
        for index in range(self._cursor, len(self._departures)):
            departure = self._departures[index]
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
        """Say that these bytes go to the link now, as chunks in order; ask right before, with no wait in between.

        False: they are not wanted any more (a cut, a rewind, a cancel), throw them away.
        """
        departure = self._departures[read.item]
        if self.phase is not Phase.OPEN or read.turn != departure.turn or not departure.is_open:
            return False
        if read.offset != departure.sent:
            raise LocalError(what="the chunks of an item are sent in order")
        departure.sent += read.length
        self._sent += read.length
        self._under_way.push(read)
        if departure.is_sent:
            self._unsent -= 1
        return True

    def proved(self, item: int, first: int, digests: Sequence[bytes]) -> list[Message]:
        """Digests of an item's blocks from number `first` on, as `ProofWanted` asked; returns the messages to send."""
        departure = self._departures[item]
        if self.phase is not Phase.OPEN or departure.proof_offset == 0 or not departure.is_open:
            return []
        return [
            Proof(self.transfer, item, first + start, tuple(digests[start : start + DIGESTS_MAX]))
            for start in range(0, len(digests), DIGESTS_MAX)
        ]

    # --- what the person, or the shell, does --------------------------------------------------------------------

    def pause(self, item: int | None = None) -> None:
        """Nothing more of this item, or of the whole transfer, is read until `resume`."""
        if item is None:
            self._hold(held=True)
        else:
            self._departures[item].paused = True

    def resume(self, item: int | None = None) -> None:
        """It may be read again."""
        if item is None:
            self._hold(held=False)
        else:
            self._departures[item].paused = False

    def _hold(self, *, held: bool) -> None:
        if held is not self.is_paused and self.phase is Phase.OPEN:
            self._outgoing.append(Hold(self.transfer, held))
        self.is_paused = held

    def cancel(self, item: int | None = None) -> Events:
        """The person does not want this item, or the rest of the transfer."""
        if item is not None:
            return self._end_here(item, ItemState.CANCELLED, Cancel(self.transfer, item), ItemCancelled(item))
        if self.is_over:
            return []
        self._untold = Cancel(self.transfer)
        return self._end_all(ItemState.CANCELLED, TransferCancelled())

    def fail_item(self, item: int, reason: Reason) -> Events:
        """This item cannot be read here."""
        return self._end_here(item, ItemState.FAILED, Fail(self.transfer, reason, item), ItemFailed(item, reason))

    def fail(self, reason: Reason) -> Events:
        """The whole transfer cannot go on."""
        if self.is_over:
            return []
        self._untold = Fail(self.transfer, reason)
        return self._end_all(ItemState.FAILED, TransferFailed(reason))

    # --- within -------------------------------------------------------------------------------------------------

    def _accept(self, accept: Accept) -> Events:
        self._kept += accept.kept
        self._receipts += accept.receipts
        honest = (
            all(self._has(kept.item, kept.offset) for kept in accept.kept)
            and all(self._has(receipt.item, 0) for receipt in accept.receipts)
            and len(self._kept) + len(self._receipts) <= 2 * len(self.items)
        )
        if not honest:
            return self.fail(Reason.PROTOCOL)
        if accept.more:
            return []
        self.may_deflate = accept.deflate
        self._open(accept.window)
        wanted: Events = []
        for kept in self._kept:
            departure = self._departures[kept.item]
            if not departure.is_open:
                continue
            self._restart(departure, kept.offset)
            if kept.offset > 0:
                departure.state = ItemState.MOVING
                if kept.prove:
                    departure.proof_offset = kept.offset
                    wanted.append(ProofWanted(kept.item, kept.offset))
        receipts, self._kept, self._receipts = self._receipts, [], []
        self._unsent = sum(not departure.is_sent for departure in self._departures)
        done = self._receive(receipts)
        return [Accepted(self.tally.bytes_done), *wanted, *done]

    def _has(self, item: int, offset: int) -> bool:
        return item < len(self.items) and offset <= self.items[item].size

    def _open(self, window: int) -> None:
        self.phase = Phase.OPEN
        self.is_held = False
        self._window = window
        self._claimed = self._sent = self._taken = self._cursor = 0
        self._under_way.clear()
        self._finish_due = True
        for departure in self._departures:
            if departure.is_open:
                self._restart(departure, 0)
            departure.proof_offset = 0
            if departure.told is not None:
                self._outgoing.append(departure.told)
        if self.is_paused:  # the receiver may not know it any more
            self._outgoing.append(Hold(self.transfer, held=True))

    def _restart(self, departure: Departure, offset: int) -> int:
        self.tally.bytes_done += offset - departure.done
        return departure.restart(offset)

    def _take(self, count: int) -> Events:
        if not self._taken <= count <= self._sent:
            return self.fail(Reason.PROTOCOL)
        for item, turn, offset in self._under_way.take(count - self._taken):
            departure = self._departures[item]
            if departure.is_open and departure.turn == turn:
                self.tally.bytes_done += offset - departure.done
                departure.done = offset
        self._taken = count
        return []

    def _safe(self, item: int, offset: int) -> Events:
        if not self._has(item, offset):
            return self.fail(Reason.PROTOCOL)
        self._departures[item].safe = max(self._departures[item].safe, offset)
        return []

    def _receive(self, receipts: Iterable[ItemReceipt]) -> Events:
        events: Events = []
        for receipt in receipts:
            if not self._has(receipt.item, 0) or receipt.size != self.items[receipt.item].size:
                return [*events, *self.fail(Reason.PROTOCOL)]
            departure = self._departures[receipt.item]
            # One that was cancelled or failed here meanwhile is in the inbox all the same: that is what is told.
            if departure.state is ItemState.DONE:
                continue
            if departure.state.is_final:
                self._left += 1
                self.tally.reopen(departure.state, departure.size)
                departure.done = 0
                departure.told = None
            self._end(departure, ItemState.DONE)
            events.append(ItemDone(receipt.item, receipt))
        return self._with_over(events)

    def _ended_there(self, message: Cancel | Fail) -> Events:
        item = message.item
        if isinstance(message, Cancel):
            if item is None:
                return self._end_all(ItemState.CANCELLED, TransferCancelled())
            return self._end_item(item, ItemState.CANCELLED, message, ItemCancelled(item))
        reason, needed, free = message.reason, message.needed, message.free
        if item is None:
            return self._end_all(ItemState.FAILED, TransferFailed(reason, needed, free))
        return self._end_item(item, ItemState.FAILED, message, ItemFailed(item, reason, needed, free))

    def _rewind(self, item: int, offset: int) -> Events:
        if item >= len(self.items):
            return self.fail(Reason.PROTOCOL)
        departure = self._departures[item]
        if not departure.is_open:
            return []
        if offset >= departure.proof_offset:
            return self.fail(Reason.PROTOCOL)
        if departure.is_sent:
            self._unsent += 1
        self._claimed -= self._restart(departure, offset)
        departure.proof_offset = 0
        self._cursor = min(self._cursor, item)
        self._finish_due = True
        return [Rewound(item, offset)]

    def _end_here(self, item: int, state: ItemState, message: Fail | Cancel, event: SenderEvent) -> Events:
        departure = self._departures[item]
        if self.is_over or not departure.is_open:
            return []
        self._outgoing.append(message)
        return self._end_item(item, state, message, event)

    def _end_item(self, item: int, state: ItemState, message: Fail | Cancel, event: SenderEvent) -> Events:
        if item >= len(self.items):
            return self.fail(Reason.PROTOCOL)
        departure = self._departures[item]
        if not departure.is_open:
            return []
        departure.told = message
        self._end(departure, state)
        return self._with_over([event])

    def _end_all(self, state: ItemState, event: SenderEvent) -> Events:
        for departure in self._departures:
            if departure.is_open:
                self._end(departure, state)
        return self._with_over([event])

    def _end(self, departure: Departure, state: ItemState) -> None:
        if not departure.is_sent:
            self._unsent -= 1
        self._claimed -= departure.claimed - departure.sent
        departure.claimed = departure.sent
        departure.turn += 1
        self.tally.end(state, departure.size, departure.done)
        departure.state = state
        if state is ItemState.DONE:
            departure.done = departure.size
        self._left -= 1

    def _with_over(self, events: Events) -> Events:
        if self._left > 0 or self.is_over:
            return events
        self.phase = Phase.OVER
        return [*events, Over()]
