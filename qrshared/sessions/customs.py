"""What incoming transfers ask and tell about their senders; the daemon implements it."""

from typing import Protocol

from qrshared.inbox import Placed
from qrshared.protocol import DeviceId, TransferId
from qrshared.sessions.facts import Sender


class Customs(Protocol):
    """Whether a device may bring in so many bytes, and who hears what has landed."""

    def allows(self, device: DeviceId, count: int) -> bool:
        """Whether so many bytes are within the device's allowance now."""

    def brings(self, device: DeviceId, count: int) -> bool:
        """Count bytes that are about to be written; False, and nothing counted, when its allowance is used up."""

    def landed(self, sender: Sender, transfer: TransferId, placed: Placed) -> None:
        """An item is in the inbox under its name."""

    def ended(self, sender: Sender, transfer: TransferId) -> None:
        """Nothing more of this transfer will land."""
