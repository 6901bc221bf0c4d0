"""The transfer family: items proposed, bytes moved, receipts given (`WIRE.md` 3.2)."""

from dataclasses import dataclass, field
from typing import Annotated, TypeAlias

from qrshared.protocol.fields import BlockDigest, ItemIndex, Several, Sha256, TransferId
from qrshared.protocol.limits import CONTINUES_MAX, DIGESTS_MAX
from qrshared.protocol.vocabulary import EntryKind, Reason


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to send: `name` may hold "/" for a tree of folders; `size` in bytes, 0 for a folder."""

    name: str
    size: int
    modified_ms: int | None = None
    kind: EntryKind = EntryKind.FILE
    sha256: Sha256 | None = None


@dataclass(frozen=True, slots=True)
class Propose:
    """One page of a manifest; the first page (`first == 0`) says the totals and what it continues.

    `shelf`: the owner puts it on the shelf, not into the inbox. `skip_same`: what is there already need not move.
    """

    transfer: TransferId
    first: ItemIndex
    items: tuple[Item, ...]
    more: bool
    count: int
    bytes: int
    continues: Annotated[tuple[TransferId, ...], Several(CONTINUES_MAX)] = ()
    shelf: bool = False
    skip_same: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """The receiver already holds `offset` bytes of `item`; with `prove` it wants proof before it trusts them."""

    item: ItemIndex
    offset: int
    prove: bool = False


@dataclass(frozen=True, slots=True)
class ItemReceipt:
    """What the receiver proves of one item: final name, size in bytes, SHA-256 in hex."""

    item: ItemIndex
    name: str
    size: int
    sha256: Sha256
    handed_over: bool = False
    already: bool = False  # nothing was moved: this name with this content had been there


@dataclass(frozen=True, slots=True)
class Accept:
    """Answers a whole proposal, in pages; items in neither list start at offset 0."""

    transfer: TransferId
    window: int
    kept: tuple[Kept, ...] = ()
    receipts: tuple[ItemReceipt, ...] = ()
    more: bool = False
    deflate: bool = False  # chunks of this transfer may come deflated


@dataclass(frozen=True, slots=True)
class Decline:
    """Answers a proposal that the receiver will not take."""

    transfer: TransferId
    reason: Reason
    needed: int | None = None
    free: int | None = None


@dataclass(frozen=True, slots=True)
class Defer:
    """Before the answer to a proposal: a person is asked about it, which may take minutes."""

    transfer: TransferId


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes of one item at `offset`; the one binary message."""

    transfer: TransferId
    item: ItemIndex
    offset: int
    content: bytes
    deflated: bool = field(default=False, compare=False)
    """It came deflated, which its receiver must have agreed to; `content` is what came out."""
    raw: bytes = field(default=b"", compare=False)
    """The content as raw DEFLATE, where that is smaller and its receiver agreed: this goes on the wire instead."""


@dataclass(frozen=True, slots=True)
class Proof:
    """BLAKE2b-256 digests of the stored 8 MiB blocks of `item`, from block number `first` on."""

    transfer: TransferId
    item: ItemIndex
    first: ItemIndex
    digests: Annotated[tuple[BlockDigest, ...], Several(DIGESTS_MAX, least=1)]


@dataclass(frozen=True, slots=True)
class Rewind:
    """The receiver dropped what it held of `item` from `offset` on: send from there again."""

    transfer: TransferId
    item: ItemIndex
    offset: int


@dataclass(frozen=True, slots=True)
class Taken:
    """Chunk bytes of this transfer that the receiver disposed of since its last `Accept`; opens the window."""

    transfer: TransferId
    count: int


@dataclass(frozen=True, slots=True)
class Safe:
    """The first `offset` bytes of `item` survive a crash of the receiver."""

    transfer: TransferId
    item: ItemIndex
    offset: int


@dataclass(frozen=True, slots=True)
class Finish:
    """The sender has sent every byte it will send."""

    transfer: TransferId


@dataclass(frozen=True, slots=True)
class Hold:
    """The person at one end paused this transfer, or lets it go on; said to the other."""

    transfer: TransferId
    held: bool


@dataclass(frozen=True, slots=True)
class Receipt:
    """These items are in the inbox under their names: the sender may forget them."""

    transfer: TransferId
    receipts: tuple[ItemReceipt, ...]


@dataclass(frozen=True, slots=True)
class Cancel:
    """The user does not want this transfer (`item` None) or this item any more; from either side."""

    transfer: TransferId
    item: ItemIndex | None = None


@dataclass(frozen=True, slots=True)
class Fail:
    """This transfer (`item` None) or this item cannot go on; from either side."""

    transfer: TransferId
    reason: Reason
    item: ItemIndex | None = None
    needed: int | None = None
    free: int | None = None


TransferMessage: TypeAlias = (
    Propose | Defer | Accept | Decline | Chunk | Proof | Rewind | Taken | Safe | Hold | Finish | Receipt | Cancel | Fail
)
