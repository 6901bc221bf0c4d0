"""Sealed links in use: who is there, one task that reads, one that writes, and the transfers they carry.

Always true here:
- a peer without a device key sends nothing: `Grant` decides, and only here;
- a device has one live session; a transfer, in or out, outlives it and is carried by the next;
- the reader never waits for the writer, nor for a disk: what has arrived waits in the transfer's own queue, which the
  window bounds;
- a receipt is said only after the inbox placed the item durably;
- what the owner must be asked about takes no byte before the word, which holds for exactly the items that were asked.

Deliberately absent: how a link is carried (links), what a message looks like (protocol), who may do what (tickets),
which bytes are missing (transfers), where files go (inbox), what is offered (shelf, the daemon), who asks the owner and
how, and what the owner's verbs do (the daemon's desk).
"""

from qrshared.sessions.asking import OwnersWord, Question, Questions
from qrshared.sessions.customs import Admittance, Customs
from qrshared.sessions.desk import Asker, Desk, DeskRefusal
from qrshared.sessions.facts import ItemKind, Sender, kind_of
from qrshared.sessions.live import LiveSessions
from qrshared.sessions.outgoing import Outgoing
from qrshared.sessions.receiving import IncomingTransfers
from qrshared.sessions.sealed_link import SealedLink, answer_seal, open_seal
from qrshared.sessions.sending import OutgoingTransfers
from qrshared.sessions.session import Session
from qrshared.sessions.welcome import EnrollRefused, GuestBook, Welcome

__all__ = [
    "Admittance",
    "Asker",
    "Customs",
    "Desk",
    "DeskRefusal",
    "EnrollRefused",
    "GuestBook",
    "IncomingTransfers",
    "ItemKind",
    "LiveSessions",
    "Outgoing",
    "OutgoingTransfers",
    "OwnersWord",
    "Question",
    "Questions",
    "SealedLink",
    "Sender",
    "Session",
    "Welcome",
    "answer_seal",
    "kind_of",
    "open_seal",
]
