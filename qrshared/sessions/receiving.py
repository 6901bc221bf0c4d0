"""All incoming transfers of the daemon, and one session's view on those of its device."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Final, Self

from qrshared.inbox import Inbox
from qrshared.protocol import (
    Decline,
    DeviceId,
    Message,
    PeerKind,
    Propose,
    Reason,
    TransferFacts,
    TransferId,
    TransferMessage,
    TransferState,
)
from qrshared.sessions.facts import Sender
from qrshared.sessions.incoming import Customs, Incoming
from qrshared.tickets import Grant, Right
from qrshared.transfers import WindowPool

log = logging.getLogger(__name__)

TRANSFERS_PER_SESSION_MAX: Final = 32
"""Transfers one device may have under way at once."""

WAITING_MAX: Final = 64
"""Transfers without a link that are kept in memory; the oldest gives way, its parts stay in the inbox."""

TOLD_MAX: Final = 20
"""Transfers that ended and are still told of."""


class IncomingTransfers:
    """Every transfer that comes in, whoever carries it now. Use: `async with IncomingTransfers(…) as transfers`."""

    def __init__(self, inbox: Inbox, customs: Customs, clock: Callable[[], float]) -> None:
        self._inbox = inbox
        self._customs = customs
        self._clock = clock
        self._windows = WindowPool()
        self._all: dict[tuple[DeviceId, TransferId], Incoming] = {}
        self._told: deque[TransferFacts] = deque(maxlen=TOLD_MAX)
        self._ended: deque[Incoming] = deque(maxlen=TOLD_MAX)
        self._tasks = asyncio.TaskGroup()
        self.changed: Callable[[], None] = lambda: None
        """Called when a transfer begins or ends; the daemon's desk sets it."""

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._running: set[asyncio.Task[None]] = set()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._running:
            task.cancel()
        await self._tasks.__aexit__(kind, fault, trace)

    def of(self, device: DeviceId | None, kind: PeerKind, name: str) -> "Receiving":
        """The view of one session."""
        return Receiving(self, None if device is None else Sender(device, name, kind))

    def facts(self) -> list[TransferFacts]:
        """Those under way first, then the last ones that ended, the newest first."""
        return [*(one.facts.as_told() for one in self._all.values()), *self._told]

    def active(self) -> Iterator[Incoming]:
        """Those that a link carries now."""
        return (one for one in self._all.values() if one.is_attached and not one.receiver.is_over)

    def take_ended(self) -> list[Incoming]:
        """Those that ended since this was asked last."""
        ended = list(self._ended)
        self._ended.clear()
        return ended

    def cancel(self, transfer: TransferId) -> bool:
        """The owner stops a transfer; False if there is none of that id."""
        found = [one for one in self._all.values() if one.transfer == transfer]
        for one in found:
            one.cancel()
        return bool(found)

    def forget_device(self, device: DeviceId) -> None:
        """A device is revoked, or throws its unfinished transfers away."""
        for one in [one for one in self._all.values() if one.sender.device == device]:
            one.cancel()

    def get(self, device: DeviceId, transfer: TransferId) -> Incoming | None:
        """A transfer that is under way or waits."""
        return self._all.get((device, transfer))

    def begin(self, sender: Sender, transfer: TransferId) -> Incoming:
        """A new incoming transfer, which runs from now on."""
        self._make_room()
        incoming = Incoming(
            transfer, sender, inbox=self._inbox, windows=self._windows, customs=self._customs, clock=self._clock
        )
        self._all[sender.device, transfer] = incoming
        task = self._tasks.create_task(self._run(incoming))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        self.changed()
        return incoming

    async def _run(self, incoming: Incoming) -> None:
        try:
            await incoming.run()
        except* Exception:
            # Our own fault: this transfer ends, loudly; the daemon and everybody else's transfers go on.
            log.exception("transfer %s broke", incoming.transfer[:8])
            incoming.facts.state = TransferState.FAILED
        finally:
            key = (incoming.sender.device, incoming.transfer)
            if self._all.get(key) is incoming:
                del self._all[key]
            self._told.appendleft(incoming.facts.as_told())
            self._ended.append(incoming)
            self.changed()

    def _make_room(self) -> None:
        waiting = [one for one in self._all.values() if not one.is_attached]
        for one in waiting[: max(0, len(waiting) - WAITING_MAX + 1)]:
            one.abandon()


class Receiving:
    """What one session receives. `sender` is None for a peer without a device: it may send nothing."""

    def __init__(self, transfers: IncomingTransfers, sender: Sender | None) -> None:
        self._transfers = transfers
        self._sender = sender
        self._carried: dict[TransferId, Incoming] = {}
        self._says: list[Message] = []
        self._wake: Callable[[], None] = lambda: None

    def attach(self, wake: Callable[[], None]) -> None:
        """The session runs; `wake` makes it ask for messages to send."""
        self._wake = wake

    def detach(self) -> None:
        """The session is over: its transfers wait for the device's next one."""
        for incoming in self._carried.values():
            incoming.detach()
        self._carried.clear()
        self._transfers.changed()

    def take(self, message: TransferMessage, grant: Grant) -> None:
        """Route one message; those about a transfer that is not carried here are drained."""
        transfer = message.transfer
        if isinstance(message, Propose) and transfer not in self._carried:
            refusal = self._carry(transfer, grant)
            if refusal is not None:
                if message.first == 0:
                    self._says.append(Decline(transfer, refusal))
                    self._wake()
                return
        incoming = self._carried.get(transfer)
        if incoming is not None:
            incoming.take(message)

    def messages_to_send(self) -> list[Message]:
        """What to tell the peer now, over all its transfers."""
        messages, self._says = self._says, []
        for transfer, incoming in list(self._carried.items()):
            messages += incoming.messages_to_send()
            if incoming.is_done:
                del self._carried[transfer]
        return messages

    def _carry(self, transfer: TransferId, grant: Grant) -> Reason | None:
        if self._sender is None or not grant.allows(Right.SEND):
            return Reason.NOT_ALLOWED
        if len(self._carried) >= TRANSFERS_PER_SESSION_MAX:
            return Reason.BUSY
        known = self._transfers.get(self._sender.device, transfer)
        if known is None or known.receiver.is_over:
            known = self._transfers.begin(self._sender, transfer)
        known.attach(self._wake)
        self._carried[transfer] = known
        return None
