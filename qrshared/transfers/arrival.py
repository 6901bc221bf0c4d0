"""One item on its way in: how far it has arrived, is written and safe, and whether it still awaits proof."""

from qrshared.protocol import PROOF_BLOCK_BYTES, Cancel, Fail, ItemReceipt
from qrshared.transfers.events import ItemState


class Arrival:
    """Offsets and state of one item; the receiver's own bookkeeping."""

    __slots__ = (
        "_counted",
        "_proof_blocks",
        "_proof_got",
        "arrived",
        "proof_offset",
        "receipt",
        "rewound",
        "safe",
        "size",
        "state",
        "told",
        "wrote",
    )

    def __init__(self, size: int) -> None:
        self.size = size
        self.state = ItemState.WAITING
        self.arrived = 0
        self.wrote = 0
        self.safe = 0
        self.rewound = False
        """A `rewind` was sent and no chunk at its offset has come yet."""
        self.receipt: ItemReceipt | None = None
        self.told: Fail | Cancel | None = None
        """How this side ended it, to be said again after a cut."""
        self._counted = 0
        """The offset up to which its bytes count as taken on this link."""
        self.proof_offset = 0
        """The kept bytes that await proof; 0: none."""
        self._proof_blocks = self._proof_got = 0

    @property
    def is_open(self) -> bool:
        """Bytes may still come for it."""
        return self.state is ItemState.WAITING or self.state is ItemState.MOVING

    @property
    def is_whole(self) -> bool:
        """All its bytes arrived."""
        return self.arrived == self.size

    @property
    def counts(self) -> bool:
        """It belongs in the sums that a person sees."""
        return self.state is not ItemState.FAILED and self.state is not ItemState.CANCELLED

    def start_at(self, offset: int, *, prove: bool) -> None:
        """The inbox holds this much of it already."""
        if not 0 <= offset <= self.size:
            raise ValueError("more is kept of an item than there is of it")
        self.arrived = self.wrote = self.safe = offset
        self.proof_offset = offset if prove else 0

    def relink(self) -> None:
        """A new accept: counting starts anew, and so does a proof that was under way."""
        self._counted = self.arrived
        if self.awaits_proof:
            self.proof_offset = self.arrived
            self._proof_blocks = -(-self.arrived // PROOF_BLOCK_BYTES)
            self._proof_got = 0

    def write(self, offset: int) -> int:
        """Written up to `offset`; returns how many bytes became taken by it."""
        if not offset <= self.arrived:
            return 0
        self.wrote = max(self.wrote, offset)
        return self._take(offset)

    def rewind_to(self, offset: int) -> int:
        """Back to `offset`, without proof from here on; returns how many bytes became taken by dropping them."""
        if not 0 <= offset < max(self.proof_offset, 1):
            raise ValueError("a rewind goes back into what was under proof")
        taken = self._take(self.arrived)
        self.arrived = self.wrote = self._counted = offset
        self.safe = min(self.safe, offset)
        self.proof_offset = 0
        return taken

    def end(self, state: ItemState) -> int:
        """Nothing more will come of it; returns how many bytes became taken by that."""
        self.state = state
        self.rewound = False
        taken = self._take(self.arrived)
        if state is ItemState.DONE:
            self.arrived = self.wrote = self.size
        return taken

    # --- proof --------------------------------------------------------------------------------------------------

    @property
    def awaits_proof(self) -> bool:
        """No receipt before its kept bytes are proven."""
        return self.proof_offset > 0

    @property
    def is_proof_whole(self) -> bool:
        """Every block's digest has come."""
        return self._proof_got == self._proof_blocks

    def prove(self, first: int, count: int) -> bool:
        """The digests of `count` more blocks came; False when they are out of order or too many."""
        if first != self._proof_got or first + count > self._proof_blocks:
            return False
        self._proof_got += count
        return True

    def trust(self) -> None:
        """Its proof matched."""
        self.proof_offset = 0

    def _take(self, offset: int) -> int:
        taken = max(0, offset - self._counted)
        self._counted += taken
        return taken
