"""One incoming transfer at work: its receiver decides, its parts are written, one task does it in order."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import Final, TypeAlias

from qrshared.inbox import DiskError, Inbox, InboxError, NoSpace, Part
from qrshared.protocol import Defer, Item, ItemReceipt, Message, Reason, TransferId, TransferMessage
from qrshared.sessions.asking import Questions
from qrshared.sessions.customs import Customs
from qrshared.sessions.deciding import Asked, Decider, Fits, Unfit, weight
from qrshared.sessions.facts import IncomingFacts, Sender
from qrshared.sessions.holdings import Holdings
from qrshared.sessions.parts import Parts
from qrshared.sessions.unsynced import Unsynced
from qrshared.sessions.worklist import GiveWay, Job, Worklist
from qrshared.transfers import (
    BytesArrived,
    Held,
    ItemCancelled,
    ItemComplete,
    ItemFailed,
    ItemState,
    Over,
    ProofArrived,
    Proposed,
    Receiver,
    ReceiverEvent,
    ReceiverPhase,
    TransferCancelled,
    TransferFailed,
    WindowPool,
    block_start,
    first_difference,
)

log = logging.getLogger(__name__)

COMMITS_MAX: Final = 128
"""Whole items of one transfer that may wait for their group's fsync; each holds a descriptor."""

TakeOver: TypeAlias = Callable[[Sequence[TransferId], Sequence[Item]], Awaitable[None]]


class Incoming:
    """One transfer that comes in. It outlives sessions: `attach` and `detach` as links come and go.

    `run` is its task; it returns when the transfer is over and every part is placed, kept or thrown away.
    """

    def __init__(
        self, transfer: TransferId, sender: Sender, *, inbox: Inbox, windows: WindowPool, customs: Customs,
        questions: Questions, clock: Callable[[], float], take_over: TakeOver,
    ) -> None:  # fmt: skip
        """`take_over` ends earlier transfers of the sender that this one continues, and hears which items come now."""
        self.transfer = transfer
        self.sender = sender
        self.receiver = receiver = Receiver(transfer)
        self.facts = IncomingFacts(self.receiver, sender, clock, name=lambda: customs.name_of(sender))
        self._inbox = inbox
        self._windows = windows
        self._window = 0
        self._customs = customs
        self._decider = Decider(transfer, sender, inbox=inbox, customs=customs, questions=questions)
        self._clock = clock
        self._take_over = take_over
        # No circle: a list of names may take 64 MiB, and is free as soon as nobody carries it.
        self._parts = Parts(sender.device, transfer, inbox=inbox, items=lambda: receiver.items)
        self._jobs = Worklist()
        self._unsynced = Unsynced()
        self._commits: set[asyncio.Task[None]] = set()
        self._wake: Callable[[], None] = lambda: None
        self._says: list[Message] = []
        self.is_attached = False
        self.is_worth_telling = True
        """Whether desks should hear of it once it is over."""
        self.promised = 0
        """Items its proposal is about, even before all of its pages are here."""
        self.names = 0
        """Bytes of memory that the names on those pages take."""
        self._done = asyncio.Event()

    # --- what its session does --------------------------------------------------------------------------------

    def attach(self, wake: Callable[[], None], *, deflate: bool = False, tells_same: bool = False) -> None:
        """A session carries it from now on; `wake` is called when there is something to send.

        `deflate`: its road is slower than deflating is. `tells_same`: its sender may learn what is in the inbox.
        """
        self._decider.tells_same = tells_same and not self._parts.on_shelf
        self.receiver.takes_deflated = deflate
        self._wake = wake
        self.is_attached = True
        self.facts.goes_on()

    def put_on_shelf(self) -> None:
        """Its owner says that it is for phones, not for the inbox."""
        self._parts.on_shelf = True
        self._decider.tells_same = False

    def detach(self) -> None:
        """Its link is gone: what arrived is still written and made safe, the rest waits for the next link."""
        self._wake = lambda: None
        self.is_attached = False
        self.receiver.detached()
        self._says.clear()
        self.facts.cut()
        self._close_window()
        self._decider.leave()
        if self.receiver.phase is ReceiverPhase.NEW:  # never accepted: there is nothing to go on with
            self.is_worth_telling = False
            self.abandon()

    def lands_in(self, inbox: Inbox) -> bool:
        """Whether its items land there."""
        return self._inbox is inbox

    @property
    def can_go_on(self) -> bool:
        """Whether the same proposal may come again; if not, it deserves a new `Incoming`."""
        return not self.is_done and self.receiver.phase not in (ReceiverPhase.CLOSING, ReceiverPhase.OVER)

    @property
    def is_done(self) -> bool:
        """Everything that was to be done and said about it is."""
        return self._done.is_set()

    async def wait_done(self) -> None:
        """Return once it is."""
        await self._done.wait()

    def take(self, message: TransferMessage) -> None:
        """A message about it has come."""
        events = self.receiver.receive(message, self._clock())
        if any(isinstance(event, TransferCancelled | TransferFailed) for event in events):
            self._decider.withdraw()
        self._do_later(events)

    def cancel(self) -> None:
        """Nobody wants it any more; what is kept of it is thrown away."""
        self._decider.withdraw()
        self._do_later(self.receiver.cancel())
        # Whole, but not yet begun to be placed: after a revocation no further file appears.
        for job in self._jobs.complete():
            self._do_later(self.receiver.fail_item(job.item, Reason.DECLINED))

    def abandon(self) -> None:
        """End `run` soon and keep every part: too many transfers wait, or there is nothing to wait for."""
        self._do_later(self.receiver.fail(Reason.BUSY))

    async def give_way(self) -> None:
        """Its sender goes on in another transfer: write what arrived, place what is whole, and end."""
        self.is_worth_telling = False
        self._jobs.add(GiveWay.NOW)
        await self._done.wait()

    def messages_to_send(self) -> Sequence[Message]:
        """What its session should tell the peer now."""
        says, self._says = self._says, []
        return [*says, *self.receiver.messages_to_send(self._clock())]

    # --- its task --------------------------------------------------------------------------------

    async def run(self) -> None:
        """Do what the receiver asks for, in order, until the transfer is over."""
        try:
            async with asyncio.TaskGroup() as tasks:
                safety = tasks.create_task(self._keep_safe())
                await self._work_off(tasks)
                if self._commits:
                    await asyncio.wait(self._commits)
                safety.cancel()
        except* Exception:
            # Our own fault: this transfer ends, loudly; the daemon and everybody else's transfers go on.
            log.exception("transfer %s broke", self.transfer[:8])
            self.receiver.fail(Reason.UNSUPPORTED)
            self.facts.ended()
        finally:
            self._close_window()
            self._decider.leave()
            self._parts.keep_all()
            self._done.set()
            self._wake()

    async def _work_off(self, tasks: asyncio.TaskGroup) -> None:
        while not (self.receiver.is_over and not self._jobs):
            await self._jobs.stirred()
            for job in self._jobs.take():
                await self._do(job, tasks)
            self._wake()

    async def _do(self, event: Job, tasks: asyncio.TaskGroup) -> None:
        match event:
            case BytesArrived():
                await self._arrived(event, tasks)
            case ItemComplete(item=item) if self.receiver.state(item) is ItemState.PLACING:
                await self._begin_commit(item, tasks)
            case Proposed():
                await self._decide(event)
            case ProofArrived(item=item):
                await self._guarded(item, self._compare(event))
            case ItemCancelled(item=item):
                await self._discard([item])
            case TransferCancelled():
                await self._discard(self._unplaced())
            case ItemFailed(item=item):
                self._parts.keep([item])
            case TransferFailed():
                self._parts.keep(self._unplaced())
            case Held(held=held):
                self.facts.held(held)
            case Over():
                self.facts.ended()
            case GiveWay.NOW:
                self.abandon()
            case _:
                pass  # drained: already counted as taken; or complete, but its last bytes could not be written

    async def _discard(self, items: Sequence[int]) -> None:
        for item in items:
            await self._guarded(None, self._parts.discard(item))

    def _do_later(self, events: Sequence[ReceiverEvent]) -> None:
        self._jobs.add(*events)
        self._wake()

    async def _guarded(self, item: int | None, work: Coroutine[None, None, None]) -> None:
        """Turn what the disk refuses into the item's failure; everything else of the transfer goes on."""
        try:
            await work
        except InboxError as fault:
            log.warning("transfer %s: %s", self.transfer[:8], fault.reason)
            log.debug("transfer %s: %s", self.transfer[:8], fault)
            needed, free = (fault.needed, fault.free) if isinstance(fault, NoSpace) else (None, None)
            if item is not None:
                self._do_later(self.receiver.fail_item(item, Reason(fault.reason), needed=needed, free=free))

    # --- before bytes move --------------------------------------------------------------------------------

    async def _decide(self, proposed: Proposed) -> None:
        self._close_window()
        if proposed.again:
            # A proof after a cut is about all that arrived by now, so parts must count anew what they keep.
            self._parts.keep(self._unplaced())
            tally = self.receiver.tally
            self._accept(Holdings(), tally.bytes - tally.bytes_done)
            return
        await self._take_over(proposed.continues, proposed.items)
        if not self.is_attached:
            return  # cut meanwhile: the next link brings the proposal once more
        match await self._decider.decide(proposed, partial(self._do_later, [proposed])):
            case Fits(here=here, missing=missing):
                self._accept(here, missing)
            case Unfit(reason=reason, needed=needed, free=free):
                self._do_later(self.receiver.decline(reason, needed=needed, free=free))
            case Asked():
                self.facts.asks()
                self._defer()

    def _defer(self) -> None:
        if self.is_attached:  # it may have been cut while the owner was asked
            self._says = [Defer(self.transfer)]

    def _accept(self, here: Holdings, missing: int) -> None:
        if not self.is_attached:
            return  # cut again meanwhile; the next link brings the proposal once more
        if not self._customs.reserves(self.sender.device, self.transfer, missing):
            self._do_later(self.receiver.decline(Reason.ALLOWANCE))
            return
        window = self._windows.grant(self.sender.device)
        if window is None:
            self._do_later(self.receiver.decline(Reason.BUSY))
            return
        self._window = window
        self._parts.go_on_from(here)
        self.facts.accepted()
        self._do_later(self.receiver.accept(window, here.kept, here.receipts))

    # --- bytes --------------------------------------------------------------------------------

    async def _arrived(self, content: BytesArrived, tasks: asyncio.TaskGroup) -> None:
        if content.offset == 0 and self._jobs.take_complete(content.item):
            # Small files wait for threads most of the time, so they wait beside each other.
            await self._begin_commit(content.item, tasks, content)
        else:
            await self._guarded(content.item, self._write(content))

    async def _write(self, first: BytesArrived) -> None:
        item, chunks = first.item, self._jobs.take_with(first)
        count = sum(map(len, chunks))
        if self.receiver.state(item).is_final:
            return  # it failed or was cancelled after they had arrived, and they were counted as taken then
        if not self._may_bring(item, count):
            return
        part = await self._parts.begin(item)
        if part.placed is not None:  # an earlier commit came through behind our back: these bytes are in the inbox
            offset = first.offset + count
        else:
            if part.offset > first.offset:
                await part.rewind(first.offset)
            elif part.offset < first.offset:
                raise DiskError(what=f"{first.offset - part.offset} bytes of a part are gone")
            offset = await part.write(chunks)
            self._unsynced.note(item, count)
        self.receiver.wrote(item, offset)
        self.facts.moved(self.receiver.items[item])
        self._wake()

    async def _keep_safe(self) -> None:
        """Sync what was written, beside the writes."""
        while True:
            for item in await self._unsynced.due():
                part = self._parts.get(item)
                if part is not None:
                    await self._guarded(item, self._sync(item, part))
            self._wake()

    async def _sync(self, item: int, part: Part) -> None:
        try:
            offset = await part.sync()
        except InboxError:
            if self._parts.get(item) is not part or self.receiver.state(item) is ItemState.PLACING:
                return  # its commit came first, and makes it safer than any sync
            raise
        self.receiver.synced(item, offset)

    async def _compare(self, proof: ProofArrived) -> None:
        item = proof.item
        if self.receiver.state(item).is_final:
            return
        stored = await self._parts.digests(item, proof)
        if stored is None:
            await self._rewind(item, 0)
            return
        different = first_difference(proof.digests, stored)
        if different is not None:
            await self._rewind(item, block_start(proof.first + different))
        elif proof.last:
            self._do_later(self.receiver.proof_ok(item))

    async def _rewind(self, item: int, offset: int) -> None:
        """Its proof did not match: drop everything from `offset` on, also what waits to be written."""
        if self._parts.already.pop(item, None) is not None:
            offset = 0  # another file of that name: it stays, and this one comes whole
        else:
            part = await self._parts.begin(item)
            await part.rewind(offset)
        self._jobs.rewound(item)
        self._do_later(self.receiver.rewind(item, offset))

    # --- the end of an item --------------------------------------------------------------------------------

    async def _begin_commit(self, item: int, tasks: asyncio.TaskGroup, content: BytesArrived | None = None) -> None:
        if len(self._commits) >= COMMITS_MAX:
            await asyncio.wait(self._commits, return_when=asyncio.FIRST_COMPLETED)
        commit = tasks.create_task(self._guarded(item, self._commit(item, content)))
        self._commits.add(commit)
        commit.add_done_callback(self._commits.discard)

    async def _commit(self, item: int, content: BytesArrived | None) -> None:
        if content is not None:
            await self._write(content)
            if self.receiver.state(item) is not ItemState.PLACING:
                return
        placed = self._parts.already.pop(item, None)
        if placed is None:
            # An empty file takes room on the disk too, and a folder of a million of them is no gift.
            proposed = self.receiver.items[item]
            if not self._may_bring(item, weight([proposed]) - proposed.size):
                return
            part = await self._parts.begin(item)
            placed = await self._inbox.commit(part)
            self._parts.keep([item])
            self._customs.landed(self.sender, self.transfer, item, placed)
        self.facts.placed()
        receipt = ItemReceipt(item, placed.name, placed.size, placed.sha256)
        self._do_later(self.receiver.placed(item, receipt))

    def _may_bring(self, item: int, count: int) -> bool:
        """Count bytes against the sender's allowance; used up, it ends the transfer."""
        if self._customs.brings(self.sender.device, self.transfer, count):
            return True
        # Then the item itself: with its last bytes arrived it counts as being placed, which nothing else ends.
        self._do_later(self.receiver.fail(Reason.ALLOWANCE))
        self._do_later(self.receiver.fail_item(item, Reason.ALLOWANCE))
        return False

    def _unplaced(self) -> list[int]:
        """Items with a part, without those being placed: a commit under way comes to its own end."""
        return [item for item in sorted(self._parts.held()) if self.receiver.state(item) is not ItemState.PLACING]

    def _close_window(self) -> None:
        if self._window:
            self._windows.release(self.sender.device, self._window)
            self._window = 0
