"""A phone in Python that takes what a daemon sends: accepts, keeps the bytes in memory, says receipts."""

import hashlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from qrshared.protocol import (
    Cancel,
    Chunk,
    Fail,
    Finish,
    ItemReceipt,
    Message,
    Proof,
    Propose,
    Reason,
)
from qrshared.transfers import BytesArrived, ItemComplete, Proposed, Receiver, ReceiverEvent
from tests.client import Visit

WINDOW_BYTES = 1024 * 1024

_FOR_RECEIVERS = (Propose, Chunk, Proof, Finish, Cancel, Fail)


@dataclass
class Pocket:
    """What one transfer brings; outlives visits."""

    refuses: Reason | None = None
    takes_deflated: bool = False
    receiver: Receiver | None = None
    names: list[str] = field(default_factory=list)
    content: dict[int, bytearray] = field(default_factory=dict)
    deflated: set[int] = field(default_factory=set)
    """Items of which something came deflated."""
    arrived_bytes: int = 0
    """Content on the wire, over all visits."""

    @property
    def is_over(self) -> bool:
        return self.receiver is not None and self.receiver.is_over

    def files(self) -> dict[str, bytes]:
        """What has arrived, by name."""
        return {self.names[item]: bytes(content) for item, content in sorted(self.content.items())}

    async def take(self, visit: Visit, *, until: Callable[[], bool] = lambda: False) -> None:
        """Take what comes on this visit until the transfer is over, or `until` says so. Raises `LinkClosed`."""
        while not self.is_over and not until():
            await self._hear(visit, await visit.hear())

    def cut(self) -> None:
        """The link is gone; the next visit goes on."""
        if self.receiver is not None:
            self.receiver.detached()

    async def _hear(self, visit: Visit, message: Message) -> None:
        if not isinstance(message, _FOR_RECEIVERS):
            return
        receiver = self.receiver = self.receiver or Receiver(message.transfer)
        receiver.takes_deflated = self.takes_deflated
        if isinstance(message, Chunk):
            self.deflated |= {message.item} if message.deflated else set()
            self.arrived_bytes += len(message.content)
        events = deque(receiver.receive(message, 0.0))
        while events:
            events += self._do(receiver, events.popleft())
        await visit.say(*receiver.messages_to_send(0.0))

    def _do(self, receiver: Receiver, event: ReceiverEvent) -> Sequence[ReceiverEvent]:
        match event:
            case Proposed() if self.refuses is not None:
                return receiver.decline(self.refuses)
            case Proposed(items=items):
                self.names = [item.name for item in items]
                return receiver.accept(WINDOW_BYTES)
            case BytesArrived(item=item, offset=offset, content=content):
                place = self.content.setdefault(item, bytearray())
                place[offset:] = content
                receiver.wrote(item, len(place))
            case ItemComplete(item=item):
                whole = bytes(self.content.setdefault(item, bytearray()))
                sha256 = hashlib.sha256(whole).hexdigest()
                return receiver.placed(item, ItemReceipt(item, self.names[item], len(whole), sha256, handed_over=True))
            case _:
                pass
        return ()
