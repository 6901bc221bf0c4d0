"""Where a transfer stands at either end, and the tables of what is heard in each phase."""

from enum import Enum, auto
from typing import Final

from qrshared.protocol import (
    Accept,
    Cancel,
    Chunk,
    Decline,
    Defer,
    Fail,
    Finish,
    Hold,
    Proof,
    Propose,
    Receipt,
    Rewind,
    Safe,
    Taken,
)


class SenderPhase(Enum):
    """Where an outgoing transfer stands."""

    DETACHED = auto()  # no link, or not proposed on it yet
    PROPOSED = auto()  # pages of the acceptance may be coming
    OPEN = auto()  # accepted: bytes flow
    OVER = auto()


class ReceiverPhase(Enum):
    """Where an incoming transfer stands."""

    NEW = auto()
    PROPOSING = auto()  # pages of the manifest are coming
    PROPOSED = auto()  # the manifest is whole, the shell decides
    OPEN = auto()  # accepted: bytes flow
    DETACHED = auto()  # no link; what arrived stays
    CLOSING = auto()  # ended as a whole, but some items are still being placed
    OVER = auto()


# What is heard in each phase. Anything else is refused where the peer should know better, and drained where it may
# have been under way (`WIRE.md` 3.2: messages about a transfer that is over are ignored).
RECEIVER_HEARS: Final[dict[ReceiverPhase, frozenset[type]]] = {
    ReceiverPhase.NEW: frozenset((Propose,)),
    ReceiverPhase.PROPOSING: frozenset((Propose, Cancel, Fail)),
    ReceiverPhase.PROPOSED: frozenset((Cancel, Fail)),
    ReceiverPhase.OPEN: frozenset((Chunk, Proof, Hold, Finish, Cancel, Fail)),
    ReceiverPhase.DETACHED: frozenset((Propose, Cancel, Fail)),
    ReceiverPhase.CLOSING: frozenset(),
    ReceiverPhase.OVER: frozenset(),
}
SENDER_HEARS: Final[dict[SenderPhase, frozenset[type]]] = {
    SenderPhase.DETACHED: frozenset(),
    SenderPhase.PROPOSED: frozenset((Defer, Accept, Hold, Decline, Cancel, Fail)),
    SenderPhase.OPEN: frozenset((Hold, Taken, Safe, Receipt, Rewind, Cancel, Fail)),
    SenderPhase.OVER: frozenset(),
}
REFUSES_THE_REST: Final[frozenset[Enum]] = frozenset(
    (
        ReceiverPhase.PROPOSING,
        ReceiverPhase.PROPOSED,
        ReceiverPhase.OPEN,
        SenderPhase.PROPOSED,
        SenderPhase.OPEN,
    )
)
