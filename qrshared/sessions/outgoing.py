"""One outgoing transfer at work: its sender decides what comes next, files are read for it; it outlives sessions."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from qrshared.links import BATCH_MESSAGES_MAX
from qrshared.protocol import (
    CHUNK_BYTES_MAX,
    PROOF_BLOCK_BYTES,
    Chunk,
    EntryKind,
    Item,
    ItemReceipt,
    Message,
    Reason,
    TransferId,
    TransferMessage,
)
from qrshared.sessions.squeeze import Squeezer
from qrshared.shelf import ShelfError, Source, SourceChanged
from qrshared.transfers import (
    Accepted,
    Declined,
    Held,
    ItemCancelled,
    ItemDone,
    ItemFailed,
    Over,
    ProofWanted,
    Read,
    Sender,
    SenderEvent,
    SenderPhase,
    TransferCancelled,
    TransferFailed,
)

log = logging.getLogger(__name__)

READ_BYTES: Final = BATCH_MESSAGES_MAX * CHUNK_BYTES_MAX
"""What one reading gives: a link's whole batch."""


class Outgoing:
    """A transfer of ours. `attach` and `detach` as links come and go; `wait_over` tells when every item has its end."""

    def __init__(
        self,
        sources: Sequence[Source],
        *,
        changed: Callable[[], None] = lambda: None,
        transfer: TransferId | None = None,
    ) -> None:
        """`changed` is called when it begins to move or is cut, and when an item or the whole ended.

        `transfer` is one that an earlier daemon had begun.
        """
        self.transfer = transfer or secrets.token_hex(16)
        self.sender = Sender(self.transfer, [_item(one) for one in sources])
        self.receipts: dict[int, ItemReceipt] = {}
        self.failures: dict[int, Reason] = {}
        self.refusal: Reason | None = None
        """Why the whole of it was declined or failed."""
        self._sources = list(sources)
        self._changed = changed
        self._squeezer = Squeezer()
        self._proofs: list[ProofWanted] = []
        self._proposal: list[Message] = []
        self._wake: Callable[[], None] = lambda: None
        self._over = asyncio.Event()

    @property
    def is_over(self) -> bool:
        """Every item has a receipt, has failed or is cancelled."""
        return self.sender.is_over

    @property
    def is_moving(self) -> bool:
        """Its device is here and takes it."""
        return self.sender.phase is SenderPhase.OPEN and not self.sender.is_held

    @property
    def is_held(self) -> bool:
        """Its device is here, and the person there has paused it."""
        return self.sender.is_held

    async def wait_over(self) -> None:
        """Return once it is."""
        await self._over.wait()

    def attach(self, wake: Callable[[], None]) -> None:
        """A session carries it from now on."""
        self._wake = wake
        self._proposal = self.sender.propose()
        wake()

    def detach(self) -> None:
        """Its link is gone: it goes on with the next."""
        self._wake = lambda: None
        self._proposal, self._proofs = [], []
        self.sender.detached()
        self._changed()

    def cancel(self, items: Iterable[int] | None = None) -> None:
        """Nobody wants these items any more, or all of it."""
        if items is None:
            self._note(self.sender.cancel())
        else:
            for item in items:
                self._note(self.sender.cancel(item))
        self._wake()

    def take(self, message: TransferMessage) -> None:
        """One message about this transfer."""
        self._note(self.sender.receive(message))
        self._wake()

    def messages_to_send(self) -> list[Message]:
        """What to tell the receiver now."""
        proposal, self._proposal = self._proposal, []
        return [*proposal, *self.sender.messages_to_send()]

    async def next_batch(self) -> list[Message]:
        """Read what may be sent next: proofs first, then chunks; empty while there is nothing or no room."""
        if self._proofs:
            return await self._prove(self._proofs.pop(0))
        read = self.sender.next_read(READ_BYTES)
        if read is None:
            return []
        deflates = self.sender.may_deflate
        try:
            chunks = await asyncio.to_thread(self._prepare, read, deflates=deflates)
        except ShelfError as fault:
            self._give_up(read.item, fault)
            return self.sender.messages_to_send()
        return chunks if self.sender.sent(read) else []

    def _prepare(self, read: Read, *, deflates: bool) -> list[Message]:
        """In a thread: read, cut, and made smaller where that pays."""
        source = self._sources[read.item]
        content = source.read(read.offset, read.length)
        deflates = deflates and self._squeezer.may_pay(read.item, source.name, source.size)
        chunks: list[Message] = []
        for at in range(0, read.length, CHUNK_BYTES_MAX):
            piece = content[at : at + CHUNK_BYTES_MAX]
            raw = self._squeezer.squeeze(read.item, piece) if deflates else b""
            chunks.append(Chunk(self.transfer, read.item, read.offset + at, piece, raw=raw))
        return chunks

    async def _prove(self, wanted: ProofWanted) -> list[Message]:
        try:
            digests = await asyncio.to_thread(self._sources[wanted.item].digests, wanted.offset, PROOF_BLOCK_BYTES)
        except ShelfError as fault:
            self._give_up(wanted.item, fault)
            return self.sender.messages_to_send()
        return self.sender.proved(wanted.item, 0, digests)

    def _give_up(self, item: int, fault: ShelfError) -> None:
        log.info("transfer %s: item %d cannot be sent: %s", self.transfer[:8], item, type(fault).__name__)
        reason = Reason.SOURCE_CHANGED if isinstance(fault, SourceChanged) else Reason.SOURCE_UNREADABLE
        self._note(self.sender.fail_item(item, reason))

    def _note(self, events: Sequence[SenderEvent]) -> None:
        for event in events:
            match event:
                case Accepted():
                    self._changed()
                case Held():
                    self._changed()
                case ItemDone(item=item, receipt=receipt):
                    self.receipts[item] = receipt
                    self._let_go(item)
                case ItemFailed(item=item, reason=reason):
                    self.failures[item] = reason
                    self._let_go(item)
                case ItemCancelled(item=item):
                    self.failures[item] = Reason.DECLINED
                    self._let_go(item)
                case Declined(reason=reason) | TransferFailed(reason=reason):
                    self.refusal = reason
                case TransferCancelled():
                    self.refusal = Reason.DECLINED
                case ProofWanted():
                    self._proofs.append(event)
                case Over():
                    self.close()
                    self._over.set()
                    self._changed()
                case _:
                    pass

    def _let_go(self, item: int) -> None:
        self._sources[item].close()
        self._changed()

    def close(self) -> None:
        """Let go of every file."""
        for source in self._sources:
            source.close()


def _item(source: Source) -> Item:
    return Item(source.name, source.size, source.modified_ms, EntryKind(source.kind))
