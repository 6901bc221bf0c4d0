"""What incoming transfers ask and tell about their senders; the daemon implements it."""

from enum import Enum, auto
from typing import Protocol

from qrshared.inbox import Placed
from qrshared.protocol import DeviceId, TransferId
from qrshared.sessions.facts import Sender


class Admittance(Enum):
    """What becomes of a device's proposals."""

    COMES_IN = auto()
    ASKS = auto()  # the owner is asked each time
    STAYS_OUT = auto()


class Customs(Protocol):
    """Whether a device may bring in so many bytes, and who hears what has landed."""

    def name_of(self, sender: Sender) -> str:
        """What its owner calls the device now: it may have another name than when its page connected."""

    def admits(self, device: DeviceId) -> Admittance:
        """Whether its proposals come in as things stand."""

    def allows(self, device: DeviceId, count: int) -> bool:
        """Whether so many bytes are within the device's allowance now."""

    def reserves(self, device: DeviceId, transfer: TransferId, count: int) -> bool:
        """Keep so many bytes of its allowance for this transfer; False, and nothing is kept, when they are not there.

        What was reserved for the transfer before is let go first.
        """

    def releases(self, device: DeviceId, transfer: TransferId) -> None:
        """Let go of what is still reserved: nobody carries the transfer, or it is over."""

    def brings(self, device: DeviceId, transfer: TransferId, count: int) -> bool:
        """Count bytes that are about to be written; False, and nothing counted, when its allowance is used up."""

    def landed(self, sender: Sender, transfer: TransferId, item: int, placed: Placed) -> None:
        """An item is in the inbox under its name."""

    def ended(self, sender: Sender, transfer: TransferId) -> None:
        """Nothing more of this transfer will land."""
