"""One incoming transfer as its receiver sees it: what is proposed, what has arrived, what may be said to be safe."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from qrshared.protocol import (
    Cancel,
    Chunk,
    Decline,
    Fail,
    Finish,
    Hold,
    Item,
    ItemReceipt,
    Kept,
    Message,
    Proof,
    Propose,
    Reason,
    Receipt,
    Rewind,
    Safe,
    Taken,
    TransferId,
    TransferMessage,
)
from qrshared.transfers.arrival import Arrival
from qrshared.transfers.events import (
    BytesArrived,
    Drained,
    Held,
    ItemCancelled,
    ItemComplete,
    ItemFailed,
    ItemState,
    Over,
    ProofArrived,
    Proposed,
    ReceiverEvent,
    TransferCancelled,
    TransferFailed,
)
from qrshared.transfers.flow import Flow
from qrshared.transfers.manifest import IncomingManifest, ManifestRefused
from qrshared.transfers.paging import acceptance, pages, receipt_weight
from qrshared.transfers.phases import RECEIVER_HEARS, REFUSES_THE_REST
from qrshared.transfers.phases import ReceiverPhase as Phase
from qrshared.transfers.tally import Tally

Events: TypeAlias = list[ReceiverEvent]


class Receiver:
    """Feed it messages and what the shell did; it returns events and keeps messages to send.

    It outlives links: `detached()` when one is gone, and the same transfer proposed on the next one goes on. Bytes
    handed out in `BytesArrived` stay the shell's to write across a cut; if it cannot, it calls `forget_unwritten`.
    """

    def __init__(self, transfer: TransferId) -> None:
        self.transfer = transfer
        self.phase = Phase.NEW
        self.moved_at: float | None = None
        """When the last bytes arrived."""
        self.is_stopped = False
        """Cancelled here as a whole: it answers the same proposal with its cancel, also on a later link."""
        self.takes_deflated = False
        """Its next accept says that chunks may come deflated: for roads that are slower than deflating."""
        self._has_agreed = False
        self._is_linked = False
        self.is_held = False
        """The person here paused the whole transfer; the shell says so, and accepts nothing until it goes on."""
        self._told_held = False
        self._incoming = IncomingManifest()
        self._manifest: tuple[Item, ...] = ()
        self._items: list[Arrival] = []
        self._left = 0
        self._accepted = False
        self.tally = Tally()
        """Sums for progress."""
        self._flow = Flow()
        self._outgoing: list[Message] = []
        self._receipts: list[ItemReceipt] = []
        self._safe: set[int] = set()

    # --- what a shell may ask -----------------------------------------------------------------------------------

    @property
    def is_over(self) -> bool:
        """Nothing will happen any more; unless it `is_stopped`, the same proposal again deserves a new receiver."""
        return self.phase is Phase.OVER

    @property
    def items(self) -> tuple[Item, ...]:
        """The manifest, once it was whole."""
        return self._manifest

    def state(self, item: int) -> ItemState:
        """Where one item stands."""
        return self._items[item].state

    def awaits_proof(self, item: int) -> bool:
        """Whether this item still awaits proof; after a rewind what is left of its proof is of no use."""
        return self._items[item].is_open and self._items[item].awaits_proof

    # --- what the peer says -------------------------------------------------------------------------------------

    def receive(self, message: TransferMessage, now: float) -> Events:
        """Take one message about this transfer."""
        if isinstance(message, Propose):
            self._is_linked = True
            if self.is_stopped:
                self._outgoing = [Cancel(self.transfer)]
        if type(message) not in RECEIVER_HEARS[self.phase]:
            return self.fail(Reason.PROTOCOL) if self.phase in REFUSES_THE_REST else []
        return self._with_over(self._hear(message, now))

    def _hear(self, message: TransferMessage, now: float) -> Events:
        match message:
            case Chunk():
                self.moved_at = now
                return self._chunk(message)
            case Propose():
                return self._page(message)
            case Proof():
                return self._proof(message)
            case Finish():
                return self._finish()
            case Hold(held=held):
                return [Held(held)]
            case Cancel(item=None):
                return self._end_all(ItemState.CANCELLED, TransferCancelled())
            case Fail(item=None, reason=reason, needed=needed, free=free):
                return self._end_all(ItemState.FAILED, TransferFailed(reason, needed, free))
            case Cancel(item=int(item)):
                return self._ended_by_sender(item, ItemCancelled(item))
            case Fail(item=int(item), reason=reason):
                return self._ended_by_sender(item, ItemFailed(item, reason))
            case _:
                return []

    def _page(self, page: Propose) -> Events:
        if self.phase is not Phase.PROPOSING:
            self.phase = Phase.PROPOSING
            self._incoming = IncomingManifest(self._manifest if self._accepted else None)
        try:
            if not self._incoming.add(page):
                return []
        except ManifestRefused as refused:
            self._outgoing.append(Decline(self.transfer, refused.refusal))
            return self._end_all(ItemState.FAILED, TransferFailed(refused.refusal))
        self.phase = Phase.PROPOSED
        if not self._accepted:
            self._manifest = self._incoming.items
            self._items = [Arrival(item.size) for item in self._manifest]
            self._left = len(self._items)
            self.tally = Tally(items=len(self._items), bytes=sum(item.size for item in self._items))
        return [Proposed(self._manifest, self._incoming.continues, self._accepted, self._incoming.skip_same)]

    def _chunk(self, chunk: Chunk) -> Events:
        count = len(chunk.content)
        is_agreed = self._has_agreed or not chunk.deflated
        if not (is_agreed and self._flow.receive(count)) or chunk.item >= len(self._items):
            return self._fail(Reason.PROTOCOL)
        item = self._items[chunk.item]
        if item.rewound and chunk.offset == item.arrived:
            item.rewound = False
        if item.rewound or not item.is_open:
            return [self._drain(count)]
        if chunk.offset != item.arrived or chunk.offset + count > item.size:
            return [self._drain(count), *self._fail_item(chunk.item, Reason.PROTOCOL)]
        item.arrived += count
        item.state = ItemState.MOVING
        return [BytesArrived(chunk.item, chunk.offset, chunk.content), *self._complete(chunk.item)]

    def _proof(self, proof: Proof) -> Events:
        if proof.item >= len(self._items):
            return self._fail(Reason.PROTOCOL)
        item = self._items[proof.item]
        if not self.awaits_proof(proof.item):
            return []
        if not item.prove(proof.first, len(proof.digests)):
            return self._fail_item(proof.item, Reason.PROTOCOL)
        return [ProofArrived(proof.item, proof.first, proof.digests, item.is_proof_whole, item.proof_offset)]

    def _finish(self) -> Events:
        # A rewound item is not short: the sender may not have heard of it yet, and says `finish` again.
        short = [i for i, item in enumerate(self._items) if item.is_open and not item.is_whole and not item.rewound]
        return [event for i in short for event in self._fail_item(i, Reason.SHORT)]

    def _ended_by_sender(self, index: int, event: ItemCancelled | ItemFailed) -> Events:
        if not self._items:
            return []
        if index >= len(self._items):
            return self._fail(Reason.PROTOCOL)
        if not self._items[index].is_open:
            return []  # too late: it is being placed, or was ended from here
        self._end(index, ItemState.CANCELLED if isinstance(event, ItemCancelled) else ItemState.FAILED)
        return [event]

    # --- what the shell does ------------------------------------------------------------------------------------

    def accept(self, window: int, kept: Iterable[Kept] = (), receipts: Iterable[ItemReceipt] = ()) -> Events:
        """Want it. `kept` and `receipts` are what the inbox holds; a receiver that has accepted before knows better.

        Without effect when the link was cut meanwhile.
        """
        if self.phase is not Phase.PROPOSED:
            return []
        if not self._accepted:
            self._recall(kept, receipts)
        self._accepted = True
        self._told_held = False
        self.phase = Phase.OPEN
        self._flow.open(window)
        self._has_agreed = self.takes_deflated
        # The acceptance says it all, whatever became of items since the last link.
        self._outgoing, self._receipts = self._acceptance(window), []
        self._safe.clear()
        for item in self._items:
            item.relink()
            if item.told is not None:
                self._outgoing.append(item.told)
        return self._with_over([event for index in range(len(self._items)) for event in self._complete(index)])

    def _recall(self, kept: Iterable[Kept], receipts: Iterable[ItemReceipt]) -> None:
        for receipt in receipts:
            if self._items[receipt.item].is_open:  # not cancelled since it was proposed
                self._items[receipt.item].receipt = receipt
                self._end(receipt.item, ItemState.DONE)
        for each in kept:
            if self._items[each.item].is_open:
                self._items[each.item].start_at(each.offset, prove=each.prove)
                self.tally.bytes_done += each.offset

    def _acceptance(self, window: int) -> list[Message]:
        kept = [
            Kept(index, item.arrived, item.awaits_proof)
            for index, item in enumerate(self._items)
            if item.arrived and not item.state.is_final
        ]
        receipts = [item.receipt for item in self._items if item.receipt is not None]
        return [*acceptance(self.transfer, window, kept, receipts, deflate=self._has_agreed)]

    def decline(self, reason: Reason, *, needed: int | None = None, free: int | None = None) -> Events:
        """Do not want it; without effect unless it is proposed."""
        if self.phase is not Phase.PROPOSED:
            return []
        self._outgoing.append(Decline(self.transfer, reason, needed, free))
        return self._with_over(self._end_all(ItemState.FAILED, TransferFailed(reason, needed, free)))

    def wrote(self, item: int, offset: int) -> None:
        """The first `offset` bytes of this item are in its part file."""
        arrival = self._items[item]
        if not arrival.state.is_final:
            before = arrival.wrote
            self._flow.take(arrival.write(offset))
            self.tally.bytes_done += arrival.wrote - before

    def synced(self, item: int, offset: int) -> None:
        """The first `offset` bytes of this item survive a crash."""
        arrival = self._items[item]
        if not arrival.state.is_final and arrival.safe < offset <= arrival.wrote:
            arrival.safe = offset
            self._safe.add(item)

    def proof_ok(self, item: int) -> Events:
        """All of its proof matched."""
        arrival = self._items[item]
        if not (self.awaits_proof(item) and arrival.is_proof_whole):
            return []
        arrival.trust()
        return self._complete(item) if self.phase is Phase.OPEN else []

    def rewind(self, item: int, offset: int) -> Events:
        """Its proof did not match: the shell has dropped everything from `offset` on, written or not."""
        arrival = self._items[item]
        if not self.awaits_proof(item):
            return []
        before = arrival.wrote
        self._flow.take(arrival.rewind_to(offset))
        self.tally.bytes_done += arrival.wrote - before
        self._safe.discard(item)
        if self.phase is Phase.OPEN:
            arrival.rewound = True
            self._outgoing.append(Rewind(self.transfer, item, offset))
        return []

    def placed(self, item: int, receipt: ItemReceipt) -> Events:
        """It is in the inbox under its name, durable."""
        if self._items[item].state is not ItemState.PLACING:
            return []
        self._items[item].receipt = receipt
        self._end(item, ItemState.DONE)
        self._receipts.append(receipt)
        return self._with_over([])

    def fail_item(self, item: int, reason: Reason, *, needed: int | None = None, free: int | None = None) -> Events:
        """This item cannot go on here; what is kept of it stays."""
        return self._with_over(self._fail_item(item, reason, needed, free))

    def fail(self, reason: Reason, *, needed: int | None = None, free: int | None = None) -> Events:
        """The whole transfer cannot go on here."""
        return self._with_over(self._fail(reason, needed, free))

    def cancel(self, item: int | None = None) -> Events:
        """The person here does not want this item, or any of it."""
        if item is None:
            if self.phase not in (Phase.CLOSING, Phase.OVER):
                self.is_stopped = True
                self._outgoing.append(Cancel(self.transfer))
            return self._with_over(self._end_all(ItemState.CANCELLED, TransferCancelled()))
        if not self._items[item].is_open:
            return []
        self._tell(item, Cancel(self.transfer, item))
        self._end(item, ItemState.CANCELLED)
        return self._with_over([ItemCancelled(item)])

    def detached(self) -> None:
        """The link is gone, and with it whatever was not sent."""
        self._is_linked = self._told_held = False
        self._outgoing.clear()
        self._receipts.clear()
        self._safe.clear()
        if self.phase not in (Phase.CLOSING, Phase.OVER):
            self.phase = Phase.DETACHED if self._accepted else Phase.NEW
        for item in self._items:
            item.rewound = False

    def forget_unwritten(self) -> None:
        """The shell has lost what it was handed and had not written."""
        for item in self._items:
            if item.is_open:
                item.arrived = item.wrote

    def messages_to_send(self, now: float) -> list[Message]:
        """Everything to tell the peer by now, in order; empty while there is no link, or no answer to its proposal."""
        if not self._is_linked or self.phase is Phase.PROPOSING:
            return []
        hold = self._say_hold()
        if self.phase is Phase.PROPOSED:
            return hold
        messages, self._outgoing = self._outgoing, []
        receipts, self._receipts = self._receipts, []
        messages += [Receipt(self.transfer, tuple(page)) for page in pages(receipts, receipt_weight)]
        messages += [
            Safe(self.transfer, item, self._items[item].safe)
            for item in sorted(self._safe)
            if not self._items[item].state.is_final
        ]
        self._safe.clear()
        taken = self._flow.say(now) if self.phase is Phase.OPEN else None
        if taken is not None:
            messages.append(Taken(self.transfer, taken))
        return messages + hold

    def _say_hold(self) -> list[Message]:
        if self.phase not in (Phase.PROPOSED, Phase.OPEN) or self.is_held is self._told_held:
            return []
        self._told_held = self.is_held
        return [Hold(self.transfer, self.is_held)]

    # --- within -------------------------------------------------------------------------------------------------

    def _drain(self, count: int) -> Drained:
        self._flow.take(count)
        return Drained(count)

    def _complete(self, index: int) -> Events:
        item = self._items[index]
        if not (item.is_open and item.is_whole) or item.awaits_proof:
            return []
        item.state = ItemState.PLACING
        return [ItemComplete(index)]

    def _fail_item(self, index: int, reason: Reason, needed: int | None = None, free: int | None = None) -> Events:
        if self._items[index].state.is_final:
            return []
        self._tell(index, Fail(self.transfer, reason, index, needed, free))
        self._end(index, ItemState.FAILED)
        return [ItemFailed(index, reason, needed, free)]

    def _fail(self, reason: Reason, needed: int | None = None, free: int | None = None) -> Events:
        if self.phase not in (Phase.CLOSING, Phase.OVER):
            self._outgoing.append(Fail(self.transfer, reason, None, needed, free))
        return self._end_all(ItemState.FAILED, TransferFailed(reason, needed, free))

    def _end_all(self, state: ItemState, event: TransferCancelled | TransferFailed) -> Events:
        if self.phase in (Phase.CLOSING, Phase.OVER):
            return []
        for index, item in enumerate(self._items):
            if item.is_open:
                self._end(index, state)
        self.phase = Phase.CLOSING
        return [event]

    def _end(self, index: int, state: ItemState) -> None:
        item = self._items[index]
        self.tally.end(state, item.size, item.wrote)
        self._flow.take(item.end(state))
        self._left -= 1

    def _tell(self, index: int, message: Fail | Cancel) -> None:
        self._items[index].told = message
        self._outgoing.append(message)

    def _with_over(self, events: Sequence[ReceiverEvent]) -> Events:
        is_done = self._left == 0 and (self.phase is Phase.CLOSING or bool(self._items))
        if not is_done or self.phase in (Phase.OVER, Phase.PROPOSING, Phase.PROPOSED):
            return list(events)
        self.phase = Phase.OVER
        return [*events, Over()]
