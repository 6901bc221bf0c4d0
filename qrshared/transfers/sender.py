"""One outgoing transfer as its sender sees it: what to propose, what to read and send next, what is safe over there."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from qrshared.errors import LocalError
from qrshared.protocol import (
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
from qrshared.transfers.departure import Read
from qrshared.transfers.dispatch import Dispatch
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
        self.is_paused = False
        self.is_held = False
        """The person at the receiver paused it: nothing is read until it is let go on, or accepted anew."""
        self.may_deflate = False
        """The receiver takes deflated chunks on this link."""
        self._continues = tuple(continues[-CONTINUES_MAX:])
        self._skip_same = skip_same
        self._dispatch = Dispatch([item.size for item in items])
        self._outgoing: list[Message] = []
        self._untold: Cancel | Fail | None = None
        """Ended as a whole from here while there was no link, or before it could be said."""
        self._kept: list[Kept] = []
        self._receipts: list[ItemReceipt] = []

    @property
    def is_over(self) -> bool:
        """Every item has its end."""
        return self.phase is Phase.OVER

    @property
    def tally(self) -> Tally:
        """Sums for progress."""
        return self._dispatch.tally

    def state(self, item: int) -> ItemState:
        """Where one item stands."""
        return self._dispatch[item].state

    def done(self, item: int) -> int:
        """Bytes of this item that the receiver has, as far as its `taken` can tell."""
        return self._dispatch[item].done

    def safe(self, item: int) -> int:
        """Bytes of this item that survive a crash of the receiver."""
        return self._dispatch[item].safe

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
                return [] if self._dispatch.take(count) else self.fail(Reason.PROTOCOL)
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
        if self.phase is Phase.OPEN and self._dispatch.say_finish():
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
        return self._dispatch.next_read(max_bytes)

    def sent(self, read: Read) -> bool:
        """Say that these bytes go to the link now, as chunks in order; ask right before, with no wait in between.

        False: they are not wanted any more (a cut, a rewind, a cancel), throw them away.
        """
        return self.phase is Phase.OPEN and self._dispatch.sent(read)

    def proved(self, item: int, first: int, digests: Sequence[bytes]) -> list[Message]:
        """Digests of an item's blocks from number `first` on, as `ProofWanted` asked; returns the messages to send."""
        departure = self._dispatch[item]
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
            self._dispatch[item].paused = True

    def resume(self, item: int | None = None) -> None:
        """It may be read again."""
        if item is None:
            self._hold(held=False)
        else:
            self._dispatch[item].paused = False

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
            if not self._dispatch[kept.item].is_open:
                continue
            self._dispatch.go_on(kept.item, kept.offset, prove=kept.prove)
            if kept.prove and kept.offset > 0:
                wanted.append(ProofWanted(kept.item, kept.offset))
        receipts, self._kept, self._receipts = self._receipts, [], []
        done = self._receive(receipts)
        return [Accepted(self.tally.bytes_done), *wanted, *done]

    def _has(self, item: int, offset: int) -> bool:
        return item < len(self.items) and offset <= self.items[item].size

    def _open(self, window: int) -> None:
        self.phase = Phase.OPEN
        self.is_held = False
        self._dispatch.open(window)
        self._outgoing += [departure.told for departure in self._dispatch if departure.told is not None]
        if self.is_paused:  # the receiver may not know it any more
            self._outgoing.append(Hold(self.transfer, held=True))

    def _safe(self, item: int, offset: int) -> Events:
        if not self._has(item, offset):
            return self.fail(Reason.PROTOCOL)
        self._dispatch[item].safe = max(self._dispatch[item].safe, offset)
        return []

    def _receive(self, receipts: Iterable[ItemReceipt]) -> Events:
        events: Events = []
        for receipt in receipts:
            if not self._has(receipt.item, 0) or receipt.size != self.items[receipt.item].size:
                return [*events, *self.fail(Reason.PROTOCOL)]
            # One that was cancelled or failed here meanwhile is in the inbox all the same: that is what is told.
            if self.state(receipt.item) is ItemState.DONE:
                continue
            self._dispatch.end_done(receipt.item)
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
        if not self._dispatch[item].is_open:
            return []
        return [Rewound(item, offset)] if self._dispatch.rewind(item, offset) else self.fail(Reason.PROTOCOL)

    def _end_here(self, item: int, state: ItemState, message: Fail | Cancel, event: SenderEvent) -> Events:
        if self.is_over or not self._dispatch[item].is_open:
            return []
        self._outgoing.append(message)
        return self._end_item(item, state, message, event)

    def _end_item(self, item: int, state: ItemState, message: Fail | Cancel, event: SenderEvent) -> Events:
        if item >= len(self.items):
            return self.fail(Reason.PROTOCOL)
        if not self._dispatch[item].is_open:
            return []
        self._dispatch[item].told = message
        self._dispatch.end(item, state)
        return self._with_over([event])

    def _end_all(self, state: ItemState, event: SenderEvent) -> Events:
        self._dispatch.end_open(state)
        return self._with_over([event])

    def _with_over(self, events: Events) -> Events:
        if self._dispatch.left > 0 or self.is_over:
            return events
        self.phase = Phase.OVER
        return [*events, Over()]
