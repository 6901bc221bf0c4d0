"""All outgoing transfers of the daemon, and one session's view on those for its device."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from qrshared.protocol import (
    Accept,
    Cancel,
    Decline,
    Defer,
    DeviceId,
    Fail,
    Hold,
    Message,
    Receipt,
    Rewind,
    Safe,
    Taken,
    TransferId,
    TransferMessage,
)
from qrshared.sessions.outgoing import Outgoing
from qrshared.shelf import Source

OUTGOING_PER_DEVICE_MAX: Final = 32
"""Transfers that one device may be sent at once; more wait for an earlier one to end."""

_FOR_SENDERS: Final = (Defer, Accept, Decline, Hold, Taken, Safe, Receipt, Rewind, Cancel, Fail)


class OutgoingTransfers:
    """Every transfer that goes out, whoever carries it now."""

    def __init__(self) -> None:
        self._all: dict[DeviceId, dict[TransferId, Outgoing]] = {}
        self._views: dict[DeviceId, Sending] = {}
        self.changed: Callable[[], None] = _nothing
        """Called when a transfer begins to move or is cut, and when an item or a transfer ended."""

    def offer(self, device: DeviceId, sources: Sequence[Source], *, transfer: TransferId | None = None) -> Outgoing:
        """Send these files to a device: now if it is here, else when it comes; until it ends or the daemon does.

        `transfer`: the same one that an earlier daemon had begun, so that its receiver goes on with what it has.
        """
        outgoing = Outgoing(sources, changed=lambda: self.changed(), transfer=transfer)
        self._all.setdefault(device, {})[outgoing.transfer] = outgoing
        view = self._views.get(device)
        if view is not None:
            view.look()
        return outgoing

    def of(self, device: DeviceId | None) -> "Sending":
        """The view of one session; None is a peer without a device, which is sent nothing."""
        return Sending(self, device)

    def waiting(self, device: DeviceId) -> Iterator[Outgoing]:
        """What is not over of a device, the oldest first."""
        ours = self._all.get(device, {})
        for transfer in [transfer for transfer, one in ours.items() if one.is_over]:
            del ours[transfer]
        if not ours:
            self._all.pop(device, None)
        return iter(list(ours.values()))

    def forget(self, device: DeviceId) -> None:
        """The device is gone for good."""
        for one in self._all.pop(device, {}).values():
            one.cancel()
            one.close()

    def let_go(self, device: DeviceId, outgoing: Outgoing) -> None:
        """Forget one of a device that is away, without a word: it asks again when it comes."""
        self._all.get(device, {}).pop(outgoing.transfer, None)
        outgoing.close()

    def is_here(self, device: DeviceId) -> bool:
        """Whether a session carries its transfers."""
        return device in self._views

    def came(self, device: DeviceId, view: "Sending") -> None:
        """A session of this device carries its transfers from now on."""
        self._views[device] = view

    def left(self, device: DeviceId, view: "Sending") -> None:
        """It carries them no longer."""
        if self._views.get(device) is view:
            del self._views[device]


class Sending:
    """What one session sends."""

    def __init__(self, transfers: OutgoingTransfers, device: DeviceId | None) -> None:
        self._transfers = transfers
        self._device = device
        self._carried: dict[TransferId, Outgoing] = {}
        self._wake: Callable[[], None] = _nothing
        self._is_open = False

    def attach(self, wake: Callable[[], None]) -> None:
        """The session runs and its peer may pick up."""
        self._wake = wake
        self._is_open = True
        if self._device is not None:
            self._transfers.came(self._device, self)
        self.look()

    def detach(self) -> None:
        """The session is over: its transfers wait for the device's next one."""
        self._is_open = False
        if self._device is not None:
            self._transfers.left(self._device, self)
        carried, self._carried = self._carried, {}
        for one in carried.values():
            one.detach()

    @property
    def is_idle(self) -> bool:
        """Nothing is under way over this session."""
        return not self._carried

    def look(self) -> None:
        """Carry what waits, as far as there is room."""
        if not self._is_open or self._device is None:
            return
        for one in self._transfers.waiting(self._device):
            if len(self._carried) >= OUTGOING_PER_DEVICE_MAX:
                return
            if one.transfer not in self._carried:
                self._carried[one.transfer] = one
                one.attach(self._wake)

    def take(self, message: TransferMessage) -> bool:
        """Route one message; False if it is about no transfer that is sent here."""
        one = self._carried.get(message.transfer)
        if one is None or not isinstance(message, _FOR_SENDERS):
            return False
        one.take(message)
        return True

    def messages_to_send(self) -> list[Message]:
        """What to tell the peer now, over all its transfers."""
        messages: list[Message] = []
        for transfer, one in list(self._carried.items()):
            messages += one.messages_to_send()
            if one.is_over:
                del self._carried[transfer]
                self.look()
        return messages

    async def next_batch(self) -> list[Message]:
        """The next bytes of one transfer; they take turns, so that a small one does not wait behind a big one."""
        for transfer, one in list(self._carried.items()):
            batch = await one.next_batch()
            if batch:
                if transfer in self._carried:  # to the end of the queue
                    self._carried[transfer] = self._carried.pop(transfer)
                return batch
        return []


def _nothing() -> None:
    """There is nobody to tell yet."""
