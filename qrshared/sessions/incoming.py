"""One incoming transfer at work: its receiver decides, its parts are written, one task does it in order."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Final, Protocol

from qrshared.errors import LocalError
from qrshared.inbox import DiskError, EntryMissing, Inbox, InboxError, ItemFacts, ItemKey, NoSpace, Part, Placed, Stored
from qrshared.protocol import (
    SAFE_EVERY_BYTES,
    SAFE_EVERY_S,
    DeviceId,
    Item,
    ItemReceipt,
    Kept,
    Message,
    Reason,
    TransferId,
    TransferMessage,
)
from qrshared.sessions.facts import IncomingFacts, Sender
from qrshared.transfers import (
    BytesArrived,
    ItemCancelled,
    ItemComplete,
    ItemFailed,
    Over,
    ProofArrived,
    Proposed,
    Receiver,
    ReceiverEvent,
    StoredPart,
    TransferCancelled,
    TransferFailed,
    WindowPool,
    block_start,
    first_difference,
    match_parts,
)

log = logging.getLogger(__name__)

WRITE_BYTES_MAX: Final = 2 * 1024 * 1024
"""Chunks of one item that go to the disk in one call."""

COMMITS_MAX: Final = 128
"""Whole items of one transfer that may wait for their group's fsync; each holds a descriptor."""


class Customs(Protocol):
    """Whether a device may bring in so many bytes, and who hears that an item is in the inbox."""

    def allows(self, device: DeviceId, count: int) -> bool:
        """Whether so many bytes are within the device's allowance now."""

    def brought(self, device: DeviceId, count: int) -> None:
        """So many bytes were written."""

    def landed(self, sender: Sender, transfer: TransferId, placed: Placed) -> None:
        """An item is in the inbox under its name."""


class Incoming:
    """One transfer that comes in. It outlives sessions: `attach` and `detach` as links come and go.

    `run` is its task; it returns when the transfer is over and every part is placed, kept or thrown away.
    """

    def __init__(
        self, transfer: TransferId, sender: Sender, *, inbox: Inbox, windows: WindowPool, customs: Customs,
        clock: Callable[[], float],
    ) -> None:  # fmt: skip
        self.transfer = transfer
        self.sender = sender
        self.receiver = Receiver(transfer)
        self.facts = IncomingFacts(self.receiver, sender, clock)
        self._inbox = inbox
        self._windows = windows
        self._window = 0
        self._customs = customs
        self._clock = clock
        self._parts: dict[int, Part] = {}
        self._adopt: dict[int, ItemKey] = {}
        self._already: dict[int, Placed] = {}  # in the inbox under its name since an earlier page load
        self._jobs: deque[ReceiverEvent] = deque()
        self._work = asyncio.Event()
        self._dirty: dict[int, int] = {}  # item → bytes written since its last sync
        self._some_dirty = asyncio.Event()
        self._much_dirty = asyncio.Event()
        self._commits: set[asyncio.Task[None]] = set()
        self._wake: Callable[[], None] = _nobody
        self.is_attached = False
        self._is_done = False

    # --- what its session does --------------------------------------------------------------------------------

    def attach(self, wake: Callable[[], None]) -> None:
        """A session carries it from now on; `wake` is called when there is something to send."""
        self._wake = wake
        self.is_attached = True
        self.facts.goes_on()

    def detach(self) -> None:
        """Its link is gone: what arrived is still written and made safe, the rest waits for the next link."""
        self._wake = _nobody
        self.is_attached = False
        self.receiver.detached()
        self.facts.cut()
        self._close_window()

    @property
    def is_done(self) -> bool:
        """Everything that was to be done and said about it is."""
        return self._is_done

    def take(self, message: TransferMessage) -> None:
        """A message about it has come."""
        self._do_later(self.receiver.receive(message, self._clock()))

    def cancel(self) -> None:
        """The owner does not want it."""
        self._do_later(self.receiver.cancel())

    def messages_to_send(self) -> Sequence[Message]:
        """What its session should tell the peer now."""
        return self.receiver.messages_to_send(self._clock())

    def abandon(self) -> None:
        """End `run` soon and keep every part: there are too many waiting transfers, or the daemon stops."""
        self._do_later(self.receiver.fail(Reason.BUSY))

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
        finally:
            self._close_window()
            self._keep(list(self._parts))
            self._is_done = True
            self._wake()

    async def _work_off(self, tasks: asyncio.TaskGroup) -> None:
        while not (self.receiver.is_over and not self._jobs):
            await self._work.wait()
            self._work.clear()
            while self._jobs:
                await self._do(self._jobs.popleft(), tasks)
            self._wake()

    async def _do(self, event: ReceiverEvent, tasks: asyncio.TaskGroup) -> None:
        match event:
            case BytesArrived(item=item):
                await self._guarded(item, self._write(event))
            case ItemComplete(item=item):
                if len(self._commits) >= COMMITS_MAX:
                    await asyncio.wait(self._commits, return_when=asyncio.FIRST_COMPLETED)
                commit = tasks.create_task(self._guarded(item, self._commit(item)))
                self._commits.add(commit)
                commit.add_done_callback(self._commits.discard)
            case Proposed():
                await self._decide(event)
            case ProofArrived(item=item):
                await self._guarded(item, self._compare(event))
            case ItemCancelled(item=item):
                await self._guarded(item, self._discard([item]))
            case TransferCancelled():
                await self._guarded(None, self._discard(list(self._parts)))
            case ItemFailed(item=item):
                self._keep([item])
            case TransferFailed():
                self._keep(list(self._parts))
            case Over():
                self.facts.ended()
            case _:
                pass  # Drained: already counted as taken

    def _do_later(self, events: Sequence[ReceiverEvent]) -> None:
        self._jobs.extend(events)
        self._work.set()
        self._wake()

    async def _guarded(self, item: int | None, work: Coroutine[None, None, None]) -> None:
        """Turn what the disk refuses into the item's failure; everything else of the transfer goes on."""
        try:
            await work
        except InboxError as fault:
            log.warning("transfer %s: %s", self.transfer[:8], fault)
            needed, free = (fault.needed, fault.free) if isinstance(fault, NoSpace) else (None, None)
            if item is not None:
                self._do_later(self.receiver.fail_item(item, Reason(fault.reason), needed=needed, free=free))

    # --- before bytes move --------------------------------------------------------------------------------

    async def _decide(self, proposed: Proposed) -> None:
        self._close_window()
        window = self._windows.grant()
        if window is None:
            self._do_later(self.receiver.decline(Reason.BUSY))
            return
        self._window = window
        if proposed.again:
            self._do_later(self.receiver.accept(window))
            return
        held = await asyncio.to_thread(self._inbox.stored, self.sender.device, [self.transfer, *proposed.continues])
        needed = sum(item.size for item in proposed.items)
        missing = needed - sum(one.facts.size if one.placed else one.offset for one in held)
        room = await asyncio.to_thread(self._inbox.room)
        if not self._customs.allows(self.sender.device, max(0, missing)):
            self._do_later(self.receiver.decline(Reason.ALLOWANCE))
        elif missing > 0 and not room.fits(missing):
            self._do_later(self.receiver.decline(Reason.NO_SPACE, needed=missing, free=room.free - room.reserve))
        else:
            self._do_later(self.receiver.accept(window, *self._go_on_from(proposed, held)))

    def _go_on_from(self, proposed: Proposed, held: Sequence[Stored]) -> tuple[list[Kept], list[ItemReceipt]]:
        """What of the proposal is here already: receipts of this very transfer, parts, and placed items to prove."""
        receipts = [
            ItemReceipt(one.key.item, one.placed.name, one.placed.size, one.placed.sha256)
            for one in held
            if one.placed is not None and one.key.transfer == self.transfer and _is_of(one, proposed.items)
        ]
        by_key = {(one.key.transfer, one.key.item): one for one in held}
        parts = [_as_part(one) for one in held if one.placed is None or one.key.transfer != self.transfer]
        kept: list[Kept] = []
        for item, match in match_parts(self.transfer, proposed.items, proposed.continues, parts).items():
            one = by_key[match.stored.transfer, match.stored.item]
            if one.placed is not None:
                self._already[item] = one.placed
            else:
                self._adopt[item] = one.key
            kept.append(Kept(item, match.stored.offset, match.prove))
        return kept, receipts

    # --- bytes --------------------------------------------------------------------------------

    async def _part(self, item: int) -> Part:
        part = self._parts.get(item)
        if part is None:
            wanted = self.receiver.items[item]
            key = ItemKey(self.sender.device, self.transfer, item)
            facts = ItemFacts(wanted.name, wanted.size, wanted.modified_ms)
            part = await self._inbox.begin(key, facts, adopt=self._adopt.pop(item, None))
            self._parts[item] = part
        return part

    async def _write(self, first: BytesArrived) -> None:
        chunks, count = [first.content], len(first.content)
        # Whatever already waits behind for the same item goes to the disk in the same call.
        while self._jobs and count < WRITE_BYTES_MAX:
            ahead = self._jobs[0]
            if not isinstance(ahead, BytesArrived) or ahead.item != first.item:
                break
            self._jobs.popleft()
            chunks.append(ahead.content)
            count += len(ahead.content)
        part = await self._part(first.item)
        if part.offset > first.offset:
            await part.rewind(first.offset)
        elif part.offset < first.offset:
            raise DiskError(what=f"{first.offset - part.offset} bytes of a part are gone")
        offset = await part.write(chunks)
        self.receiver.wrote(first.item, offset)
        self.facts.moved(self.receiver.items[first.item])
        self._customs.brought(self.sender.device, count)
        self._dirty[first.item] = self._dirty.get(first.item, 0) + count
        self._some_dirty.set()
        if self._dirty[first.item] >= SAFE_EVERY_BYTES:
            self._much_dirty.set()
        self._wake()

    async def _keep_safe(self) -> None:
        """Sync what was written, beside the writes, every 8 MiB or second."""
        while True:
            await self._some_dirty.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(SAFE_EVERY_S):
                    await self._much_dirty.wait()
            self._some_dirty.clear()
            self._much_dirty.clear()
            dirty, self._dirty = self._dirty, {}
            for item in dirty:
                part = self._parts.get(item)
                if part is not None:
                    await self._guarded(item, self._sync(item, part))
            self._wake()

    async def _sync(self, item: int, part: Part) -> None:
        self.receiver.synced(item, await part.sync())

    async def _compare(self, proof: ProofArrived) -> None:
        already = self._already.get(proof.item)
        blocks = range(proof.first, proof.first + len(proof.digests))
        part: Part | None = None
        stored = [b""] * len(proof.digests)
        if already is not None:
            with suppress(EntryMissing):  # changed or gone since: then nothing is alike
                stored = [await self._inbox.placed_digest(already, block) for block in blocks]
        else:
            part = await self._part(proof.item)
            stored = [await part.block_digest(block) for block in blocks]
        different = first_difference(proof.digests, stored)
        if different is None:
            if proof.last:
                self._do_later(self.receiver.proof_ok(proof.item))
            return
        offset = 0
        if part is not None:
            offset = block_start(proof.first + different)
            await part.rewind(offset)
        else:  # another file of that name: it stays, and this one comes whole
            del self._already[proof.item]
        self._do_later(self.receiver.rewind(proof.item, offset))

    # --- the end of an item --------------------------------------------------------------------------------

    async def _commit(self, item: int) -> None:
        placed = self._already.pop(item, None)
        if placed is None:
            part = await self._part(item)
            placed = await self._inbox.commit(part)
            if self._parts.pop(item, None) is None:
                raise LocalError(what="an item was placed twice")
            part.close()
            self._customs.landed(self.sender, self.transfer, placed)
        self.facts.placed()
        receipt = ItemReceipt(item, placed.name, placed.size, placed.sha256)
        self._do_later(self.receiver.placed(item, receipt))

    async def _discard(self, items: Sequence[int]) -> None:
        for item in items:
            part = self._parts.pop(item, None)
            if part is None and item in self._adopt:
                part = await self._part(item)
                del self._parts[item]
            if part is not None:
                await self._inbox.discard(part)

    def _keep(self, items: Sequence[int]) -> None:
        for item in items:
            part = self._parts.pop(item, None)
            if part is not None:
                part.close()

    def _close_window(self) -> None:
        if self._window:
            self._windows.release(self._window)
            self._window = 0


def _is_of(one: Stored, items: Sequence[Item]) -> bool:
    """Whether a receipt is about the item that bears its number now."""
    number = one.key.item
    return number < len(items) and (items[number].name, items[number].size) == (one.facts.name, one.facts.size)


def _as_part(one: Stored) -> StoredPart:
    facts = one.facts
    offset = facts.size if one.placed is not None else one.offset
    return StoredPart(one.key.transfer, one.key.item, facts.name, facts.size, facts.mtime_ms, offset)


def _nobody() -> None:
    """There is no session to wake."""
