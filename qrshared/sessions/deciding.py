"""Whether a proposal comes in: what is here of it, the allowance, room on the disk, and the owner's word."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from qrshared.inbox import Inbox, InboxError
from qrshared.protocol import Item, Reason, TransferId
from qrshared.sessions.asking import OwnersWord, Questions, manifest_digest
from qrshared.sessions.customs import Admittance, Customs
from qrshared.sessions.facts import Sender
from qrshared.sessions.holdings import Holdings, holdings, with_same
from qrshared.transfers import Proposed

ITEM_BYTES_LEAST: Final = 4096
"""What every item counts at least against its sender's allowance: a block of the disk, even when it is empty.

Beside its name, of which the computer keeps a record.
"""


@dataclass(frozen=True, slots=True)
class Fits:
    """It may come in; `missing` is what the rest of it counts against its sender's allowance."""

    here: Holdings
    missing: int


@dataclass(frozen=True, slots=True)
class Unfit:
    """It is declined."""

    reason: Reason
    needed: int | None = None
    free: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """The owner is asked; once there is a word it is decided anew."""


Decision: TypeAlias = Fits | Unfit | Asked


class Decider:
    """Decides about one transfer."""

    def __init__(
        self, transfer: TransferId, sender: Sender, *, inbox: Inbox, customs: Customs, questions: Questions
    ) -> None:
        self._transfer = transfer
        self._sender = sender
        self._inbox = inbox
        self._customs = customs
        self._questions = questions
        self.tells_same = False
        """Its sender may learn what is in the inbox already."""

    async def decide(self, proposed: Proposed, heard: Callable[[], None]) -> Decision:
        """`heard` is called, once, when the owner was asked and there is a word."""
        found = await self._look(proposed)  # first: what cannot come in is no question
        if isinstance(found, Unfit):
            return found
        if len(found.receipts) == len(proposed.items):
            return Fits(found, 0)  # it has come in already: whoever may send, its receipts are owed
        match self._customs.admits(self._sender.device):
            case Admittance.STAYS_OUT:
                return Unfit(Reason.NOT_ALLOWED)
            case Admittance.ASKS:
                answer = await self._word(proposed, heard)
                if answer is not None:
                    return answer
            case Admittance.COMES_IN:
                pass
        return Fits(found, weight(proposed.items) - found.size)

    def leave(self) -> None:
        """Nobody carries the transfer for now: its question stays, its reservation does not."""
        self._customs.releases(self._sender.device, self._transfer)
        self._questions.leave(self._sender.device, self._transfer)

    def withdraw(self) -> None:
        """It is not wanted any more: there is nothing to ask."""
        self._questions.withdraw(self._sender.device, self._transfer)

    async def _look(self, proposed: Proposed) -> Holdings | Unfit:
        transfers = [self._transfer, *proposed.continues]
        try:
            stored = await asyncio.to_thread(self._inbox.stored, self._sender.device, transfers)
            room = await asyncio.to_thread(self._inbox.room)
        except InboxError as fault:
            return Unfit(Reason(fault.reason))
        here = await asyncio.to_thread(holdings, self._transfer, proposed, stored)  # there may be 100 000 of each
        if proposed.skip_same and self.tells_same:
            try:
                here = await with_same(here, proposed.items, self._inbox)
            except InboxError as fault:
                return Unfit(Reason(fault.reason))
        missing = sum(item.size for item in proposed.items) - here.size
        if not self._customs.allows(self._sender.device, missing):
            return Unfit(Reason.ALLOWANCE)
        if missing > 0 and not room.fits(missing):
            return Unfit(Reason.NO_SPACE, needed=missing, free=max(0, room.free - room.reserve))
        return here

    async def _word(self, proposed: Proposed, heard: Callable[[], None]) -> Unfit | Asked | None:
        """None: the owner allowed it."""
        manifest = await asyncio.to_thread(manifest_digest, proposed.items)
        self._questions.pass_on(self._sender.device, proposed.continues, self._transfer, manifest)
        match self._questions.word(self._sender.device, self._transfer, manifest):
            case OwnersWord.ALLOWED:
                return None
            case OwnersWord.REFUSED:
                return Unfit(Reason.DECLINED)
            case None:
                is_asked = self._questions.ask(self._sender, self._transfer, proposed.items, manifest, heard)
                return Asked() if is_asked else Unfit(Reason.BUSY)


def weight(items: Sequence[Item]) -> int:
    """What these items count against their sender's allowance; the journal keeps their names, so these count too."""
    return sum(max(item.size, ITEM_BYTES_LEAST) + len(item.name.encode("utf-8", "surrogatepass")) for item in items)
