"""A daemon as it is handed to whoever keeps it going."""

from dataclasses import dataclass

from qrshared.daemon.away import Away
from qrshared.daemon.away_live import AwaySwitch
from qrshared.daemon.book import Book
from qrshared.daemon.desk import FrontDesk
from qrshared.daemon.examining import Examiner
from qrshared.daemon.history import History
from qrshared.daemon.inboxes import Inboxes
from qrshared.daemon.introductions import Introductions
from qrshared.daemon.networks import Networks
from qrshared.daemon.settings_live import LiveSettings
from qrshared.daemon.shelf import Shelf
from qrshared.daemon.unreached import Unreached
from qrshared.daemon.views import Problems, Views
from qrshared.daemon.whereabouts import Whereabouts
from qrshared.inbox import Inbox
from qrshared.lan import Advertiser
from qrshared.sessions import IncomingTransfers, LiveSessions, OutgoingTransfers
from qrshared.settings import Settings


@dataclass(frozen=True, slots=True)
class Daemon:
    """Every part that runs."""

    changes: LiveSettings
    desk: FrontDesk
    live: LiveSessions
    book: Book
    inboxes: Inboxes
    history: History
    transfers: IncomingTransfers
    outgoing: OutgoingTransfers
    where: Whereabouts
    networks: Networks
    problems: Problems
    introductions: Introductions
    unreached: Unreached
    views: Views
    shelf: Shelf
    examiner: Examiner
    reach: AwaySwitch
    advertiser: Advertiser | None

    @property
    def settings(self) -> Settings:
        """What counts now."""
        return self.changes.now

    @property
    def inbox(self) -> Inbox:
        """Where transfers that begin now land."""
        return self.inboxes.current

    @property
    def away(self) -> Away | None:
        """What is open of use away from home."""
        return self.reach.now
