"""Every limit of the remote door in one table: whatever an edge says, this is all that it costs."""

from typing import Final

from qrshared.remote.meeting import VERIFY_S
from qrshared.remote.messages import CANDIDATES_MAX
from qrshared.serving.limits import Limit

CONNECTIONS_MAX: Final = 32
"""Peer connections at once, those that are still being opened included."""

CONNECTIONS_PER_ROOM_MAX: Final = 8
"""The same of one room, as many as an honest edge lets in: the guests of one code leave room for everybody else."""

MEETINGS_MAX: Final = 256
"""Conversations with peers of all rooms: a few KiB each."""

MEETINGS_PER_ROOM_MAX: Final = 8
"""The same of one room: as many as an honest edge lets in."""

READ_PER_S: Final = 100.0
"""Messages of the edge that are read in the long run; what is more waits in its socket."""

READ_BURST_MAX: Final = 500.0
"""The same at once: a line that comes back is told of all its rooms."""

ROOM_PER_S: Final = 20.0
"""Envelopes of one room in the long run, so that no room keeps the others waiting."""

ROOM_BURST_MAX: Final = 150.0
"""The same at once: a phone's offer and candidates are twenty."""

SAY_PER_S: Final = 15.0
"""What we say to the edge in the long run: below what it takes from one socket."""

SAY_BURST_MAX: Final = 80.0
"""The same at once."""

UNSENT_MAX: Final = 256
"""Envelopes that wait for the edge; later ones are dropped, and said again in their time."""

UNSENT_PER_ROOM_MAX: Final = 32
"""The same of one room: nobody waits behind another room's chatter for longer than two seconds."""

ATTEMPTS_PER_S: Final = 1 / 6
"""Attempts at a connection of one room in the long run."""

ATTEMPTS_BURST_MAX: Final = 12.0
"""The same at once."""

REFUSED_COST: Final = 4.0
"""What a handshake that failed costs its room, in attempts."""

SERVERS_S: Final = 1.0
"""How long a caller waits for TURN; then there is STUN alone."""

BORROW_S: Final = 2.0
"""How long an answer waits for a relay of the edge's own, where this home has none."""

BORROWED_FRESH_S: Final = 300.0
"""How long such a relay is good for new connections: credentials end after ten minutes, and a second try needs some."""

BORROWED_ANEW_S: Final = 60.0
"""How old one may be that a device gets for a connection with another device: the edge gives no newer one sooner."""

OPEN_S: Final = 30.0
"""From the answer to an open data channel: two tries of 15 s, the second through a relay."""

ANSWER_S: Final = 15.0
"""From the offer to the answer: a STUN server that is gone holds up gathering for 5 s."""

CLOSE_S: Final = 8.0
"""How long the end of a connection is waited for; it has a shorter patience of its own."""

LIMITS: Final = (
    Limit("peer connections", CONNECTIONS_MAX, "connections", "failed `busy`"),
    Limit("connections per room", CONNECTIONS_PER_ROOM_MAX, "connections", "the same"),
    Limit("meetings", MEETINGS_MAX, "meetings", "the one least heard of ends, those that proved nothing first"),
    Limit("meetings per room", MEETINGS_PER_ROOM_MAX, "meetings", "the same"),
    Limit("unverified", VERIFY_S, "seconds", "the meeting is forgotten"),
    Limit("read", READ_PER_S, f"messages a second, {READ_BURST_MAX:g} at once", "read later"),
    Limit("envelopes of a room", ROOM_PER_S, f"a second, {ROOM_BURST_MAX:g} at once", "dropped"),
    Limit("said", SAY_PER_S, f"a second, {SAY_BURST_MAX:g} at once", "said later"),
    Limit("unsent", UNSENT_MAX, "envelopes", "dropped"),
    Limit("unsent per room", UNSENT_PER_ROOM_MAX, "envelopes", "dropped"),
    Limit("attempts of a room", ATTEMPTS_PER_S, f"a second, {ATTEMPTS_BURST_MAX:g} at once", "failed `busy`"),
    Limit("candidates", CANDIDATES_MAX, "an attempt", "dropped"),
    Limit("servers", SERVERS_S, "seconds", "STUN alone"),
    Limit("borrowing", BORROW_S, "seconds", "no relay; one question a room at a time"),
    Limit("answer", ANSWER_S, "seconds", "failed `offer`"),
    Limit("open", OPEN_S, "seconds", "failed `ice`"),
)
