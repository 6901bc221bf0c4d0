"""Away from home: how a peer of a room at the edge becomes a link.

Invariants
- To anybody without the room's secret an edge can give no link and no plaintext, whatever it changes, swaps, replays or
  reflects: it can only drop.
- A peer costs nothing (no credentials, no peer connection) before a sealed envelope of it has opened.
- What an edge lends, a relay, is spoken to only outside this home; a relay of this home's own is taken before it.
- The door survives whatever an edge says, and links live on without it; `limits` holds all that an edge can cost.
- aiortc is read when the first call comes: most daemons are called once a day, and many never.
- `messages`, `meeting` and `outbox` are pure: time is an argument, blobs go in and out. `WIRE.md` is what they say.

Deliberately absent: the edge itself (`signaling`), what carries bytes (`links`), and who may do what (`tickets`).
"""

from qrshared.remote.answering import Connection, CountedLink, RemoteVisitor, UsedRoad
from qrshared.remote.door import RemoteDoor
from qrshared.remote.errors import MeetingSpoiled, NoAnswer, SpeaksDifferently
from qrshared.remote.line import EdgeState
from qrshared.remote.meeting import Heard, Meeting, Over, OverReason, State, Verified
from qrshared.remote.messages import (
    Answer,
    Bye,
    Call,
    Candidate,
    Failed,
    FailReason,
    IceServer,
    MeetingMessage,
    Offer,
    RoadUsed,
    Servers,
)
from qrshared.seal import Role

__all__ = [
    "Answer",
    "Bye",
    "Call",
    "Candidate",
    "Connection",
    "CountedLink",
    "EdgeState",
    "FailReason",
    "Failed",
    "Heard",
    "IceServer",
    "Meeting",
    "MeetingMessage",
    "MeetingSpoiled",
    "NoAnswer",
    "Offer",
    "Over",
    "OverReason",
    "RemoteDoor",
    "RemoteVisitor",
    "RoadUsed",
    "Role",
    "Servers",
    "SpeaksDifferently",
    "State",
    "UsedRoad",
    "Verified",
]
