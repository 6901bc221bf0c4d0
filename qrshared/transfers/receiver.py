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
from qrshared.transfers.intake import Intake
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
        self._intake = Intake()
        self._accepted = False
        self._outgoing: list[Message] = []
        self._receipts: list[ItemReceipt] = []

    # --- what a shell may ask -----------------------------------------------------------------------------------

    @property
    def is_over(self) -> bool:
        """Nothing will happen any more; unless it `is_stopped`, the same proposal again deserves a new receiver."""
        return self.phase is Phase.OVER

    @property
    def items(self) -> tuple[Item, ...]:
        """The manifest, once it was whole."""
        return self._manifest

    @property
    def tally(self) -> Tally:
        """Sums for progress."""
        return self._intake.tally

    def state(self, item: int) -> ItemState:
        """Where one item stands."""
        return self._intake[item].state

    def awaits_proof(self, item: int) -> bool:
        """Whether this item still awaits proof; after a rewind what is left of its proof is of no use."""
        return self._intake[item].is_open and self._intake[item].awaits_proof

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
            self._intake = Intake([item.size for item in self._manifest])
        return [Proposed(self._manifest, self._incoming.continues, self._accepted, self._incoming.skip_same)]

    def _chunk(self, chunk: Chunk) -> Events:
        count = len(chunk.content)
        is_agreed = self._has_agreed or not chunk.deflated
        if not (is_agreed and self._intake.receive(count)) or chunk.item >= len(self._intake):
            return self._fail(Reason.PROTOCOL)
        item = self._intake[chunk.item]
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
        if proof.item >= len(self._intake):
            return self._fail(Reason.PROTOCOL)
        item = self._intake[proof.item]
        if not self.awaits_proof(proof.item):
            return []
        if not item.prove(proof.first, len(proof.digests)):
            return self._fail_item(proof.item, Reason.PROTOCOL)
        return [ProofArrived(proof.item, proof.first, proof.digests, item.is_proof_whole, item.proof_offset)]

    def _finish(self) -> Events:
        # A rewound item is not short: the sender may not have heard of it yet, and says `finish` again.
        short = [i for i, item in enumerate(self._intake) if item.is_open and not item.is_whole and not item.rewound]
        return [event for i in short for event in self._fail_item(i, Reason.SHORT)]

    def _ended_by_sender(self, index: int, event: ItemCancelled | ItemFailed) -> Events:
        if not self._intake:
            return []
        if index >= len(self._intake):
            return self._fail(Reason.PROTOCOL)
        if not self._intake[index].is_open:
            return []  # too late: it is being placed, or was ended from here
        self._intake.end(index, ItemState.CANCELLED if isinstance(event, ItemCancelled) else ItemState.FAILED)
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
        self._intake.open(window)
        self._has_agreed = self.takes_deflated
        # The acceptance says it all, whatever became of items since the last link.
        self._outgoing, self._receipts = self._acceptance(window), []
        self._outgoing += [item.told for item in self._intake if item.told is not None]
        return self._with_over([event for index in range(len(self._intake)) for event in self._complete(index)])

    def _recall(self, kept: Iterable[Kept], receipts: Iterable[ItemReceipt]) -> None:
        for receipt in receipts:
            if self._intake[receipt.item].is_open:  # not cancelled since it was proposed
                self._intake[receipt.item].receipt = receipt
                self._intake.end(receipt.item, ItemState.DONE)
        for each in kept:
            if self._intake[each.item].is_open:
                self._intake.start_at(each.item, each.offset, prove=each.prove)

    def _acceptance(self, window: int) -> list[Message]:
        kept, receipts = self._intake.kept(), self._intake.receipts()
        return [*acceptance(self.transfer, window, kept, receipts, deflate=self._has_agreed)]

    def decline(self, reason: Reason, *, needed: int | None = None, free: int | None = None) -> Events:
        """Do not want it; without effect unless it is proposed."""
        if self.phase is not Phase.PROPOSED:
            return []
        self._outgoing.append(Decline(self.transfer, reason, needed, free))
        return self._with_over(self._end_all(ItemState.FAILED, TransferFailed(reason, needed, free)))

    def wrote(self, item: int, offset: int) -> None:
        """The first `offset` bytes of this item are in its part file."""
        self._intake.wrote(item, offset)

    def synced(self, item: int, offset: int) -> None:
        """The first `offset` bytes of this item survive a crash."""
        self._intake.synced(item, offset)

    def proof_ok(self, item: int) -> Events:
        """All of its proof matched."""
        arrival = self._intake[item]
        if not (self.awaits_proof(item) and arrival.is_proof_whole):
            return []
        arrival.trust()
        return self._complete(item) if self.phase is Phase.OPEN else []

    def rewind(self, item: int, offset: int) -> Events:
        """Its proof did not match: the shell has dropped everything from `offset` on, written or not."""
        if not self.awaits_proof(item):
            return []
        self._intake.rewind(item, offset)
        if self.phase is Phase.OPEN:
            self._intake[item].rewound = True
            self._outgoing.append(Rewind(self.transfer, item, offset))
        return []

    def placed(self, item: int, receipt: ItemReceipt) -> Events:
        """It is in the inbox under its name, durable."""
        if self._intake[item].state is not ItemState.PLACING:
            return []
        self._intake[item].receipt = receipt
        self._intake.end(item, ItemState.DONE)
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
        if not self._intake[item].is_open:
            return []
        self._tell(item, Cancel(self.transfer, item))
        self._intake.end(item, ItemState.CANCELLED)
        return self._with_over([ItemCancelled(item)])

    def detached(self) -> None:
        """The link is gone, and with it whatever was not sent."""
        self._is_linked = self._told_held = False
        self._outgoing.clear()
        self._receipts.clear()
        self._intake.detached()
        if self.phase not in (Phase.CLOSING, Phase.OVER):
            self.phase = Phase.DETACHED if self._accepted else Phase.NEW

    def forget_unwritten(self) -> None:
        """The shell has lost what it was handed and had not written."""
        self._intake.forget_unwritten()

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
        messages += [Safe(self.transfer, item, offset) for item, offset in self._intake.say_safe()]
        taken = self._intake.say_taken(now) if self.phase is Phase.OPEN else None
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
        self._intake.drain(count)
        return Drained(count)

    def _complete(self, index: int) -> Events:
        item = self._intake[index]
        if not (item.is_open and item.is_whole) or item.awaits_proof:
            return []
        item.state = ItemState.PLACING
        return [ItemComplete(index)]

    def _fail_item(self, index: int, reason: Reason, needed: int | None = None, free: int | None = None) -> Events:
        if self._intake[index].state.is_final:
            return []
        self._tell(index, Fail(self.transfer, reason, index, needed, free))
        self._intake.end(index, ItemState.FAILED)
        return [ItemFailed(index, reason, needed, free)]

    def _fail(self, reason: Reason, needed: int | None = None, free: int | None = None) -> Events:
        if self.phase not in (Phase.CLOSING, Phase.OVER):
            self._outgoing.append(Fail(self.transfer, reason, None, needed, free))
        return self._end_all(ItemState.FAILED, TransferFailed(reason, needed, free))

    def _end_all(self, state: ItemState, event: TransferCancelled | TransferFailed) -> Events:
        if self.phase in (Phase.CLOSING, Phase.OVER):
            return []
        self._intake.end_open(state)
        self.phase = Phase.CLOSING
        return [event]

    def _tell(self, index: int, message: Fail | Cancel) -> None:
        self._intake[index].told = message
        self._outgoing.append(message)

    def _with_over(self, events: Sequence[ReceiverEvent]) -> Events:
        is_done = self._intake.left == 0 and (self.phase is Phase.CLOSING or len(self._intake) > 0)
        if not is_done or self.phase in (Phase.OVER, Phase.PROPOSING, Phase.PROPOSED):
            return list(events)
        self.phase = Phase.OVER
        return [*events, Over()]
