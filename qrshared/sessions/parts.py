"""The part files of one incoming transfer: begun when needed, kept, thrown away, or found in the inbox already."""

from collections.abc import Callable, Sequence

from qrshared.inbox import EntryMissing, Inbox, ItemFacts, ItemKey, Part, Placed
from qrshared.protocol import DeviceId, EntryKind, Item, TransferId
from qrshared.sessions.holdings import Holdings
from qrshared.transfers import ProofArrived


class Parts:
    """By item number."""

    def __init__(
        self, device: DeviceId, transfer: TransferId, *, inbox: Inbox, items: Callable[[], Sequence[Item]]
    ) -> None:
        self._device = device
        self._transfer = transfer
        self._inbox = inbox
        self._items = items
        self._open: dict[int, Part] = {}
        self._adopt: dict[int, ItemKey] = {}
        self.on_shelf = False
        """The owner puts these on the shelf."""
        self.already: dict[int, Placed] = {}
        """In the inbox under its name since an earlier page load."""

    def go_on_from(self, here: Holdings) -> None:
        """These were here before the transfer began."""
        self._adopt.update(here.parts)
        self.already.update(here.placed)

    def held(self) -> set[int]:
        """Items of which a part is open, or will be found."""
        return {*self._open, *self._adopt}

    def get(self, item: int) -> Part | None:
        """Its part, if one is open."""
        return self._open.get(item)

    async def begin(self, item: int) -> Part:
        """Its part, opened or made if need be. Raises `InboxError`."""
        part = self._open.get(item)
        if part is None:
            wanted = self._items()[item]
            key = ItemKey(self._device, self._transfer, item)
            is_folder = wanted.kind is EntryKind.FOLDER
            facts = ItemFacts(wanted.name, wanted.size, wanted.modified_ms, is_folder, self.on_shelf)
            part = await self._inbox.begin(key, facts, adopt=self._adopt.pop(item, None))
            self._open[item] = part
        return part

    async def digests(self, item: int, proof: ProofArrived) -> list[bytes] | None:
        """What is here of the blocks of a proof; None if somebody else shortened the part. Raises `InboxError`."""
        blocks = range(proof.first, proof.first + len(proof.digests))
        placed = self.already.get(item)
        if placed is None:
            part = await self.begin(item)
            if part.offset < proof.offset:  # so the inbox began a new one
                return None
            return [await part.block_digest(block) for block in blocks]
        try:
            return [await self._inbox.placed_digest(placed, block) for block in blocks]
        except EntryMissing:  # changed or gone since: then nothing is alike
            return [b""] * len(blocks)

    async def discard(self, item: int) -> None:
        """Throw away what is kept of it. Raises `InboxError`."""
        if item in self._adopt:
            await self.begin(item)
        part = self._open.pop(item, None)
        if part is not None:
            await self._inbox.discard(part)

    def keep(self, items: Sequence[int]) -> None:
        """Let go of these; what was written stays for a later try."""
        for item in items:
            part = self._open.pop(item, None)
            if part is not None:
                part.close()

    def keep_all(self) -> None:
        """Let go of every one."""
        self.keep(list(self._open))
