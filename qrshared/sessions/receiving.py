"""All incoming transfers of the daemon, and one session's view on those of its device."""

import asyncio
import logging
import sys
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Final, Self, TypeAlias

from qrshared.inbox import Inbox, InboxError
from qrshared.protocol import (
    ITEMS_MAX,
    MANIFEST_BYTES_MAX,
    Cancel,
    Decline,
    DeviceId,
    Item,
    Message,
    Propose,
    ProtocolError,
    Reason,
    TransferFacts,
    TransferId,
    TransferMessage,
    UnfinishedItem,
)
from qrshared.sessions.asking import Questions
from qrshared.sessions.customs import Admittance, Customs
from qrshared.sessions.facts import Sender
from qrshared.sessions.incoming import Incoming
from qrshared.sessions.left_behind import LeftBehind
from qrshared.tickets import Grant, Right, Road
from qrshared.transfers import ReceiverPhase, WindowPool

log = logging.getLogger(__name__)

TRANSFERS_PER_SESSION_MAX: Final = 32
"""Transfers one device may have under way at once."""

ITEMS_PER_SESSION_MAX: Final = 2 * ITEMS_MAX
"""Items in all of them; an item takes about 400 bytes of memory, and its name."""

NAMES_PER_SESSION_MAX: Final = 2 * MANIFEST_BYTES_MAX
"""Bytes of memory that the names in all of them may take: one emoji in a name makes four of each of its characters.

The longest list that the wire allows fits twice, unless it was made to take four times its length.
"""

ITEMS_IN_ALL_MAX: Final = 4 * ITEMS_MAX
"""Items of all transfers in memory; beyond it a new one is told to come back: memory is everybody's."""

NAMES_IN_ALL_MAX: Final = 6 * MANIFEST_BYTES_MAX
"""What the names of all transfers in memory may take of it, for the same reason."""

WAITING_MAX: Final = 64
"""Transfers without a link that are kept in memory; the oldest gives way, its parts stay in the inbox."""

WAITING_ITEMS_MAX: Final = 2 * ITEMS_MAX
"""Items in all of those, for the same reason."""

WAITING_NAMES_MAX: Final = 2 * MANIFEST_BYTES_MAX
"""What their names may take."""

STOPPED_MAX: Final = 256
"""Transfers the owner stopped and whose sender may not have heard of it; the oldest is forgotten first."""

DECLINES_MAX: Final = 64
"""Refused proposals whose answer waits for a slow reader; one that proposes on without reading is let go."""

GIVE_WAY_S: Final = 5.0
"""How long a transfer waits for the end of one that it continues: two must not wait for each other for ever."""

TOLD_MAX: Final = 20
"""Transfers that ended and are still told of."""

Ended: TypeAlias = tuple[Sender, TransferFacts]
"""Who sent it, and how it stood at last."""


class IncomingTransfers:
    """Every transfer that comes in, whoever carries it now. Use: `async with IncomingTransfers(…) as transfers`."""

    def __init__(self, inbox: Inbox, customs: Customs, clock: Callable[[], float]) -> None:
        self._inbox = inbox
        self._customs = customs
        self._clock = clock
        self._windows = WindowPool()
        self.questions = Questions()
        """Proposals that wait for the owner's word."""
        self._left = LeftBehind()
        self._all: dict[tuple[DeviceId, TransferId], Incoming] = {}
        self._stopped: OrderedDict[tuple[DeviceId, TransferId], None] = OrderedDict()
        self._told: deque[Ended] = deque(maxlen=TOLD_MAX)
        self._tasks = asyncio.TaskGroup()
        self._running: set[asyncio.Task[None]] = set()
        self.changed: Callable[[], None] = _nothing
        """Called when a transfer begins, goes on, is cut or ends; the daemon sets it."""

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.questions.close()
        for task in self._running:
            task.cancel()
        await self._tasks.__aexit__(kind, fault, trace)

    def of(self, sender: Sender | None) -> "Receiving":
        """The view of one session; None is a peer without a device, which may send nothing."""
        return Receiving(self, sender)

    def facts(self) -> list[TransferFacts]:
        """Those under way first, then the last ones that ended, the newest first."""
        alive = {one.transfer for one in self._all.values()}
        over = (
            replace(facts, device=self._customs.name_of(sender))
            for sender, facts in self._told
            if facts.transfer not in alive
        )
        return [*(one.facts.as_told() for one in self._all.values()), *over]

    def recall(self, told: Sequence[Ended]) -> None:
        """These ended before this run, the newest first."""
        self._told.extend(told[: TOLD_MAX - len(self._told)])

    def active(self) -> Iterator[Incoming]:
        """Those that a link carries now."""
        return (one for one in self._all.values() if one.is_attached and not one.receiver.is_over)

    def waiting(self) -> Iterator[Incoming]:
        """Those whose link is cut, the oldest first."""
        return (one for one in self._all.values() if not one.is_attached and not one.receiver.is_over)

    def items_besides(self, transfer: TransferId) -> int:
        """Items that every transfer in memory but this one has proposed, or begun to."""
        return sum(one.promised for one in self._all.values() if one.transfer != transfer)

    def names(self) -> int:
        """Bytes that the names of every transfer in memory take, whether it moves, waits or is asked about."""
        return sum(one.names for one in self._all.values())

    def get(self, device: DeviceId, transfer: TransferId) -> Incoming | None:
        """A transfer that is under way or waits."""
        return self._all.get((device, transfer))

    def not_begun(self, device: DeviceId, begun: Collection[UnfinishedItem]) -> list[UnfinishedItem]:
        """Items that wait with their transfer for their device, and of which nothing is stored yet."""
        known = {(one.transfer, one.name, one.size) for one in begun}
        return [
            UnfinishedItem(one.transfer, item.name, item.size, 0)
            for one in self.waiting()
            if one.sender.device == device
            for number, item in enumerate(one.receiver.items)
            if not one.receiver.state(number).is_final and (one.transfer, item.name, item.size) not in known
        ] + self._left.of(device)

    def stays_out(self, device: DeviceId) -> bool:
        """Whether nothing comes in from this device as things stand, whatever its rights."""
        return self._customs.admits(device) is Admittance.STAYS_OUT

    def land_in(self, inbox: Inbox) -> None:
        """Transfers that begin from now on land there; others end where they began."""
        self._inbox = inbox

    def is_ending_in(self, inbox: Inbox) -> bool:
        """Whether a transfer that has not ended yet lands there."""
        return any(one.lands_in(inbox) for one in self._all.values())

    # --- what the owner does --------------------------------------------------------------------------------

    def stop(self, transfer: TransferId) -> bool:
        """The owner does not want a transfer; False if there is none of that id."""
        return self._stop([one for one in self._all.values() if one.transfer == transfer])

    async def forget(self, device: DeviceId, *, carried_too: bool) -> None:
        """Throw away what a device had begun to send; `carried_too`: also what it is just sending, or asks to send."""
        if carried_too:
            self.questions.forget(device)
        for transfer in self._left.transfers(device):
            self.questions.withdraw(device, transfer)
        self._left.forget(device)
        unwanted = [one for one in self._all.values() if one.sender.device == device]
        if not carried_too:
            unwanted = [one for one in unwanted if not one.is_attached]
        self._stop(unwanted)
        for one in unwanted:
            await one.wait_done()
        for stored in await asyncio.to_thread(self._inbox.unfinished, device):
            if (device, stored.key.transfer) in self._all:
                continue
            try:
                await self._inbox.discard(await self._inbox.begin(stored.key, stored.facts))
            except InboxError as fault:
                log.warning("transfer %s: a part stays for now: %s", stored.key.transfer[:8], fault.reason)

    def is_stopped(self, device: DeviceId, transfer: TransferId) -> bool:
        """Whether it was stopped here, perhaps while its sender was away."""
        return (device, transfer) in self._stopped

    def _stop(self, unwanted: list[Incoming]) -> bool:
        for one in unwanted:
            self._stopped[one.sender.device, one.transfer] = None
            one.cancel()
        while len(self._stopped) > STOPPED_MAX:
            self._stopped.popitem(last=False)
        return bool(unwanted)

    # --- what sessions do --------------------------------------------------------------------------------

    def begin(self, sender: Sender, transfer: TransferId) -> Incoming:
        """A new incoming transfer, which runs from now on."""
        incoming = Incoming(
            transfer, sender, inbox=self._inbox, windows=self._windows, customs=self._customs,
            questions=self.questions, clock=self._clock, take_over=partial(self._take_over, sender.device, transfer),
        )  # fmt: skip
        self._all[sender.device, transfer] = incoming
        task = self._tasks.create_task(self._run(incoming))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return incoming

    async def _take_over(
        self, device: DeviceId, transfer: TransferId, continues: Sequence[TransferId], items: Sequence[Item]
    ) -> None:
        """End what an earlier page load left waiting, once all that had arrived is written: its items come now."""
        self._left.go_on(device, [transfer, *continues], items)
        earlier = [self.get(device, one) for one in continues]
        with suppress(TimeoutError):
            async with asyncio.timeout(GIVE_WAY_S):
                for one in earlier:
                    if one is not None and not one.is_attached and not one.is_done:
                        await one.give_way()

    async def _run(self, incoming: Incoming) -> None:
        try:
            await incoming.run()
        finally:
            key = (incoming.sender.device, incoming.transfer)
            if self._all.get(key) is incoming:
                del self._all[key]
            if incoming.is_worth_telling:
                self._told = deque((one for one in self._told if one[1].transfer != incoming.transfer), TOLD_MAX)
                self._told.appendleft((incoming.sender, incoming.facts.as_told()))
            self._customs.ended(incoming.sender, incoming.transfer)
            self.changed()

    def is_cut(self, incoming: Incoming) -> None:
        """Its link is gone; what was proposed and not accepted is remembered by its names."""
        if incoming.receiver.phase is ReceiverPhase.PROPOSED:
            self._left.keep(incoming.sender.device, incoming.transfer, incoming.receiver.items)

    def were_cut(self) -> None:
        """More wait now: let the oldest go where they are too many."""
        waiting = list(self.waiting())
        items = sum(one.receiver.tally.items for one in waiting)
        names = sum(one.names for one in waiting)
        while len(waiting) > WAITING_MAX or items > WAITING_ITEMS_MAX or names > WAITING_NAMES_MAX:
            oldest = waiting.pop(0)
            items -= oldest.receiver.tally.items
            names -= oldest.names
            oldest.abandon()
        self.changed()


class Receiving:
    """What one session receives."""

    def __init__(self, transfers: IncomingTransfers, sender: Sender | None) -> None:
        self._transfers = transfers
        self._sender = sender
        self._carried: dict[TransferId, Incoming] = {}
        self._counts: dict[TransferId, int] = {}  # items that the carried ones propose
        self._refused: deque[TransferId] = deque(maxlen=TRANSFERS_PER_SESSION_MAX)  # the rest of their pages may come
        self._says: list[Decline | Cancel] = []
        self._wake: Callable[[], None] = _nothing

    def attach(self, wake: Callable[[], None]) -> None:
        """The session runs; `wake` makes it ask for messages to send."""
        self._wake = wake

    def detach(self) -> None:
        """The session is over: its transfers wait for the device's next one."""
        carried, self._carried = self._carried, {}
        for incoming in carried.values():
            self._transfers.is_cut(incoming)
            incoming.detach()
        if carried:
            self._transfers.were_cut()

    @property
    def is_idle(self) -> bool:
        """Nothing is under way over this session."""
        return not self._carried

    def take(self, message: TransferMessage, grant: Grant) -> None:
        """Route one message; those about a transfer that is not carried here are drained. Raises `ProtocolError`."""
        if isinstance(message, Propose) and not (self._is_let_in(message, grant) and self._has_room_for(message)):
            return
        incoming = self._carried.get(message.transfer)
        if incoming is not None:
            incoming.take(message)

    def messages_to_send(self) -> list[Message]:
        """What to tell the peer now, over all its transfers."""
        messages: list[Message] = [*self._says]
        self._says.clear()
        for transfer, incoming in list(self._carried.items()):
            messages += incoming.messages_to_send()
            if incoming.is_done:
                del self._carried[transfer], self._counts[transfer]
        return messages

    def _is_let_in(self, proposal: Propose, grant: Grant) -> bool:
        transfer = proposal.transfer
        if proposal.first == 0:
            others = sum(count for one, count in self._counts.items() if one != transfer)
            if others + proposal.count > ITEMS_PER_SESSION_MAX:
                raise ProtocolError("more items at once than one device may propose")
            if self._transfers.items_besides(transfer) + proposal.count > ITEMS_IN_ALL_MAX:
                self._refuse(transfer, Reason.BUSY)
                return False
        elif transfer in self._refused and transfer not in self._carried:
            return False
        if proposal.shelf and not grant.allows(Right.OWN):
            if proposal.first == 0:
                self._say(Decline(transfer, Reason.NOT_ALLOWED))
            return False
        if transfer not in self._carried:
            answer = self._carry(transfer, grant)
            if answer is not None:
                if proposal.first == 0:
                    self._say(answer)
                return False
        if proposal.shelf:
            self._carried[transfer].put_on_shelf()
        self._counts[transfer] = max(proposal.count, self._counts.get(transfer, 0))
        self._carried[transfer].promised = self._counts[transfer]
        return True

    def _carry(self, transfer: TransferId, grant: Grant) -> Decline | Cancel | None:
        if self._sender is None or not grant.allows(Right.SEND):
            return Decline(transfer, Reason.NOT_ALLOWED)
        if self._transfers.is_stopped(self._sender.device, transfer):
            return Cancel(transfer)
        if len(self._carried) >= TRANSFERS_PER_SESSION_MAX:
            return Decline(transfer, Reason.BUSY)
        incoming = self._transfers.get(self._sender.device, transfer)
        if incoming is None or not incoming.can_go_on:
            incoming = self._transfers.begin(self._sender, transfer)
        incoming.attach(self._wake, deflate=grant.road is Road.AWAY, tells_same=grant.is_trusted_to_pick_up)
        self._carried[transfer] = incoming
        self._transfers.changed()
        return None

    def _has_room_for(self, page: Propose) -> bool:
        """Whether there is memory for the names on this page; a list that has outgrown it is let go."""
        incoming = self._carried[page.transfer]
        if incoming.receiver.items:
            return True  # it goes on after a cut: the same names are here already
        incoming.names = sum(sys.getsizeof(item.name) for item in page.items) + (incoming.names if page.first else 0)
        is_too_long = incoming.names > NAMES_PER_SESSION_MAX
        of_session = sum(one.names for one in self._carried.values())
        if not is_too_long and of_session <= NAMES_PER_SESSION_MAX and self._transfers.names() <= NAMES_IN_ALL_MAX:
            return True
        del self._carried[page.transfer], self._counts[page.transfer]
        incoming.detach()
        self._refuse(page.transfer, Reason.MANIFEST_TOO_LARGE if is_too_long else Reason.BUSY)
        return False

    def _refuse(self, transfer: TransferId, reason: Reason) -> None:
        self._refused.append(transfer)
        self._say(Decline(transfer, reason))

    def _say(self, answer: Decline | Cancel) -> None:
        if len(self._says) >= DECLINES_MAX:
            raise ProtocolError("proposes on and on without reading the answers")
        self._says.append(answer)
        self._wake()


def _nothing() -> None:
    """There is nobody to tell yet."""
