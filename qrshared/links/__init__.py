"""Links carry ordered binary messages to one peer, and nothing more.

Always true here:
- a message is 1 … 65 535 bytes, a batch 1 … 16 messages; more is a bug of ours (`LocalError`) or ends the link;
- messages arrive whole, once and in the order they were sent, or the link ends: `LinkClosed` tells the reason;
- a slow peer makes `send` wait; no adapter holds more than its stated bound in memory;
- every adapter passes `check_link`.

Not imported here: `peer_connection` and `datachannel`, which bring aiortc along. Import them when a call comes.

Deliberately absent: what a message means (protocol), secrecy (seal), heartbeats and who is there (sessions).
"""

from qrshared.links.check import check_link
from qrshared.links.ice import CandidateCounts, IceServer
from qrshared.links.memory import MemoryLink, memory_links
from qrshared.links.port import BATCH_MESSAGES_MAX, MESSAGE_BYTES_MAX, CloseReason, Link, LinkClosed
from qrshared.links.sdp import BadOffer
from qrshared.links.websocket import WebSocketLink, connect_websocket, serve_websocket

__all__ = [
    "BATCH_MESSAGES_MAX",
    "MESSAGE_BYTES_MAX",
    "BadOffer",
    "CandidateCounts",
    "CloseReason",
    "IceServer",
    "Link",
    "LinkClosed",
    "MemoryLink",
    "WebSocketLink",
    "check_link",
    "connect_websocket",
    "memory_links",
    "serve_websocket",
]
