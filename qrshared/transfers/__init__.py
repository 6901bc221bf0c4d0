"""What outlives a session: items, offsets, windows, and who may resume; pure.

Invariants: an item has exactly one end (receipt, failure or cancellation) at each side; content is handed out in order
and without gaps; bytes under way never exceed the window; no receipt before a wanted proof matched; nothing a peer says
raises, it ends its own transfer. Deliberately absent: files, sockets, clocks (`now` is an argument), sessions and
rights. A shell feeds messages in, does what the events say, and asks for `messages_to_send`.
"""

from qrshared.transfers.departure import Read
from qrshared.transfers.events import (
    Accepted,
    BytesArrived,
    Declined,
    Deferred,
    Drained,
    Held,
    ItemCancelled,
    ItemComplete,
    ItemDone,
    ItemFailed,
    ItemState,
    Over,
    ProofArrived,
    ProofWanted,
    Proposed,
    ReceiverEvent,
    Rewound,
    SenderEvent,
    TransferCancelled,
    TransferFailed,
)
from qrshared.transfers.instance import Verdict, settle
from qrshared.transfers.phases import ReceiverPhase, SenderPhase
from qrshared.transfers.progress import Progress
from qrshared.transfers.receiver import Receiver
from qrshared.transfers.resume import Match, StoredPart, block_count, block_start, first_difference, match_parts
from qrshared.transfers.sender import Sender
from qrshared.transfers.tally import Tally
from qrshared.transfers.window import WindowPool

__all__ = [
    "Accepted",
    "BytesArrived",
    "Declined",
    "Deferred",
    "Drained",
    "Held",
    "ItemCancelled",
    "ItemComplete",
    "ItemDone",
    "ItemFailed",
    "ItemState",
    "Match",
    "Over",
    "Progress",
    "ProofArrived",
    "ProofWanted",
    "Proposed",
    "Read",
    "Receiver",
    "ReceiverEvent",
    "ReceiverPhase",
    "Rewound",
    "Sender",
    "SenderEvent",
    "SenderPhase",
    "StoredPart",
    "Tally",
    "TransferCancelled",
    "TransferFailed",
    "Verdict",
    "WindowPool",
    "block_count",
    "block_start",
    "first_difference",
    "match_parts",
    "settle",
]
