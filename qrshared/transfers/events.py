"""What a sender or a receiver has to tell its shell, as frozen values."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from qrshared.protocol import Item, ItemReceipt, Reason, TransferId


class ItemState(StrEnum):
    """Where one item stands, at either end."""

    WAITING = "waiting"
    MOVING = "moving"  # some of it was sent or has arrived
    PLACING = "placing"  # receiver only: all of it arrived, its shell was told to commit
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Nothing more will happen to it in this transfer."""
        return self in _FINAL


_FINAL = frozenset((ItemState.DONE, ItemState.FAILED, ItemState.CANCELLED))


# --- both ends --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ItemFailed:
    """This item cannot go on; both sides know, or will when the messages to send are sent."""

    item: int
    reason: Reason
    needed: int | None = None
    free: int | None = None


@dataclass(frozen=True, slots=True)
class ItemCancelled:
    """Somebody does not want this item any more: a receiver's shell discards its part."""

    item: int


@dataclass(frozen=True, slots=True)
class TransferFailed:
    """The whole transfer cannot go on; items without a receipt have failed. Kept bytes stay."""

    reason: Reason
    needed: int | None = None
    free: int | None = None


@dataclass(frozen=True, slots=True)
class TransferCancelled:
    """The whole transfer is not wanted any more: a receiver's shell discards the parts of items without a receipt."""


@dataclass(frozen=True, slots=True)
class Held:
    """The person at the other end paused the transfer, or lets it go on; for people to see."""

    held: bool


@dataclass(frozen=True, slots=True)
class Over:
    """Every item has a receipt, has failed or is cancelled. Always the last event."""


# --- sender -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Deferred:
    """A person over there is asked; the answer comes by itself."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The receiver wants it: bytes may be read. `kept` bytes of it are there already, receipts included."""

    kept: int


@dataclass(frozen=True, slots=True)
class Declined:
    """The receiver does not want this transfer, which is over; its items have failed."""

    reason: Reason
    needed: int | None = None
    free: int | None = None


@dataclass(frozen=True, slots=True)
class ItemDone:
    """The item is in the inbox: it may be forgotten here."""

    item: int
    receipt: ItemReceipt


@dataclass(frozen=True, slots=True)
class ProofWanted:
    """Hash the source's blocks up to `offset` and hand the digests to `proved`, while other bytes flow."""

    item: int
    offset: int


@dataclass(frozen=True, slots=True)
class Rewound:
    """The receiver dropped what differed: the item goes on from `offset`, its proof is not wanted any more."""

    item: int
    offset: int


SenderEvent: TypeAlias = (
    Deferred
    | Accepted
    | Declined
    | ItemDone
    | ItemFailed
    | ItemCancelled
    | ProofWanted
    | Rewound
    | Held
    | TransferCancelled
    | TransferFailed
    | Over
)


# --- receiver ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Proposed:
    """The manifest is whole: look into the inbox, then call `accept` or `decline`.

    `again`: this receiver has accepted it before the link was cut and knows itself what it holds.
    """

    items: tuple[Item, ...]
    continues: tuple[TransferId, ...]
    again: bool
    skip_same: bool = False
    """Its sender wishes that what is there already does not move."""


@dataclass(frozen=True, slots=True)
class BytesArrived:
    """The next bytes of an item: write them at `offset`, then call `wrote`."""

    item: int
    offset: int
    content: bytes


@dataclass(frozen=True, slots=True)
class ItemComplete:
    """All bytes arrived and none awaits proof: once they are written, commit, then call `placed`."""

    item: int


@dataclass(frozen=True, slots=True)
class ProofArrived:
    """Compare with the stored blocks `first`, …; then call `proof_ok` (when `last`) or `rewind`.

    The last block of the whole proof ends at `offset`: chunks behind it may be written already.
    """

    item: int
    first: int
    digests: tuple[bytes, ...]
    last: bool
    offset: int


@dataclass(frozen=True, slots=True)
class Drained:
    """So many bytes were thrown away: they were under way when their item was rewound or ended."""

    count: int


ReceiverEvent: TypeAlias = (
    Proposed
    | BytesArrived
    | ItemComplete
    | ProofArrived
    | Held
    | Drained
    | ItemFailed
    | ItemCancelled
    | TransferCancelled
    | TransferFailed
    | Over
)
