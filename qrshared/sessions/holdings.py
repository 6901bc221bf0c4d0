"""What the inbox already holds of a proposal: receipts, parts to go on from, and placed items to be proven."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from qrshared.inbox import Inbox, ItemKey, Placed, Stored, Wanted, kept_name
from qrshared.protocol import Item, ItemReceipt, Kept, TransferId
from qrshared.transfers import Proposed, StoredPart, match_parts


@dataclass(frozen=True, slots=True)
class Holdings:
    """For the acceptance, and for what follows it."""

    kept: Sequence[Kept] = ()
    receipts: Sequence[ItemReceipt] = ()
    parts: Mapping[int, ItemKey] = field(default_factory=dict)
    """Items whose part has a key, perhaps of an earlier transfer."""
    placed: Mapping[int, Placed] = field(default_factory=dict)
    """Items that an earlier page load seems to have brought: proven, they get that receipt and no second file."""

    @property
    def size(self) -> int:
        """Bytes that need not come."""
        return sum(one.offset for one in self.kept) + sum(one.size for one in self.receipts)


def holdings(transfer: TransferId, proposed: Proposed, stored: Sequence[Stored]) -> Holdings:
    """What of the proposal is here, given what is stored of this transfer and of those it continues."""
    receipts = [
        ItemReceipt(one.key.item, one.placed.name, one.placed.size, one.placed.sha256)
        for one in stored
        if one.placed is not None and one.key.transfer == transfer and _is_of(one, proposed.items)
    ]
    by_key = {(one.key.transfer, one.key.item): one for one in stored}
    names = {kept_name(item.name): item.name for item in proposed.items}
    candidates = [_as_part(one, names) for one in stored if one.placed is None or one.key.transfer != transfer]
    kept: list[Kept] = []
    parts: dict[int, ItemKey] = {}
    placed: dict[int, Placed] = {}
    for item, match in match_parts(transfer, proposed.items, proposed.continues, candidates).items():
        one = by_key[match.stored.transfer, match.stored.item]
        if one.placed is not None:
            placed[item] = one.placed
        else:
            parts[item] = one.key
        kept.append(Kept(item, match.stored.offset, match.prove))
    return Holdings(kept, receipts, parts, placed)


async def with_same(here: Holdings, items: Sequence[Item], inbox: Inbox) -> Holdings:
    """With receipts for items that are in the inbox already, whoever put them there. Raises `InboxError`."""
    settled = {*(receipt.item for receipt in here.receipts), *here.parts}
    asked = {
        number: Wanted(item.name, item.size, item.sha256)
        for number, item in enumerate(items)
        if item.sha256 is not None and number not in settled
    }
    found = zip(asked, await inbox.find_same(list(asked.values())), strict=True)
    same = {number: placed for number, placed in found if placed is not None}
    return Holdings(
        kept=[one for one in here.kept if one.item not in same],
        receipts=[
            *here.receipts,
            *(ItemReceipt(n, placed.name, placed.size, placed.sha256, already=True) for n, placed in same.items()),
        ],
        parts=here.parts,
        placed={number: placed for number, placed in here.placed.items() if number not in same},
    )


def _is_of(one: Stored, items: Sequence[Item]) -> bool:
    """Whether a receipt is about the item that bears its number now."""
    number = one.key.item
    if number >= len(items) or items[number].size != one.facts.size:
        return False
    return kept_name(items[number].name) == kept_name(one.facts.name)


def _as_part(one: Stored, names: Mapping[str, str]) -> StoredPart:
    """`names`: those of the proposal, by what the inbox keeps of them."""
    facts = one.facts
    name = names.get(facts.name, facts.name)
    offset = facts.size if one.placed is not None else one.offset
    return StoredPart(one.key.transfer, one.key.item, name, facts.size, facts.mtime_ms, offset)
