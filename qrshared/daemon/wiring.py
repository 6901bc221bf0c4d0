"""The one place where parts that were made apart are told of each other: who calls whom when something changes.

A part that others must hear of has a slot, an attribute that holds a function and does nothing at first. `wire` and
`listen` set them all. One more is `Book.on_rooms_changed`: the door away from home comes and goes with the settings,
and puts itself there while it is open (`away.py`).
"""

from collections.abc import Callable
from typing import ParamSpec, Protocol

from qrshared.daemon.away import Away
from qrshared.daemon.away_live import AwaySwitch
from qrshared.daemon.changing import away_facts
from qrshared.daemon.desk import FrontDesk
from qrshared.daemon.furnishing import Furniture
from qrshared.daemon.ground import Ground
from qrshared.daemon.parts import Daemon
from qrshared.daemon.settings_live import LiveSettings
from qrshared.inbox import Inbox
from qrshared.protocol import InboxList, Topic
from qrshared.sessions import Question, Welcome
from qrshared.settings import Settings

P = ParamSpec("P")


class Listener(Protocol):
    """Whoever keeps a composed daemon going."""

    def something_moved(self) -> None:
        """Bytes or items did, in either direction."""

    def inbox_moved(self, inbox: Inbox) -> None:
        """Files land in another folder now."""

    def settings_changed(self) -> None:
        """Something counts that did not before."""

    def network_moved(self) -> None:
        """The owner has agreed to a network."""

    def edge_moved(self) -> None:
        """The line to the edge fares otherwise, or a device turns out to come by another road."""

    def asked(self, question: Question) -> None:
        """Only the owner can say whether these files come in."""

    def asking_changed(self) -> None:
        """A question is there, or is not any more."""

    def say_problem(self, part: str, sentence: str | None) -> None:
        """This part has a problem, or none any more."""


def wire(
    desk: FrontDesk, changes: LiveSettings, ground: Ground, furniture: Furniture, welcome: Welcome, reach: AwaySwitch
) -> None:
    """Inside the daemon, before a door opens."""
    shelf, problems = furniture.shelf, furniture.problems

    def land(inbox: Inbox) -> None:
        ground.transfers.land_in(inbox)
        shelf.stir()  # the Outbox is another one, too
        furniture.views.remember_inbox(InboxList(str(inbox.folder), (), 0))  # read again in a moment

    def switched(wanted: Settings, away: Away | None) -> None:
        furniture.views.away = away
        furniture.introductions.serve(away)
        ground.where.reach_at(wanted.edge)
        welcome.away = away_facts(wanted)
        reach.changed()

    def settings_changed() -> None:
        ground.live.call_all(changes.now.name)
        desk.changed(Topic.WALL, Topic.STATUS, Topic.INBOX)

    def say_of_outbox(sentence: str | None) -> None:
        problems.say("outbox", sentence)

    desk.on_left = shelf.left
    shelf.changed = desk.changed
    shelf.say_problem = say_of_outbox
    ground.outgoing.changed = shelf.something_happened
    ground.inboxes.is_in_use = ground.transfers.is_ending_in
    ground.inboxes.moved = land
    changes.changed = settings_changed
    reach.switched = switched


def listen(daemon: Daemon, listener: Listener) -> None:
    """From now on the listener hears of what happens, after the parts themselves."""
    daemon.inboxes.moved = _both(daemon.inboxes.moved, listener.inbox_moved)
    daemon.changes.changed = _both(daemon.changes.changed, listener.settings_changed)
    daemon.changes.say_problem = lambda sentence: listener.say_problem("settings", sentence)
    daemon.networks.trusted = listener.network_moved
    daemon.live.changed = lambda: daemon.desk.changed(Topic.DEVICES, Topic.STATUS, Topic.NEARBY)
    daemon.transfers.changed = listener.something_moved
    daemon.transfers.questions.asked = listener.asked
    daemon.transfers.questions.changed = listener.asking_changed
    daemon.shelf.on_moved = listener.something_moved
    daemon.history.on_landed = listener.something_moved
    daemon.reach.changed = listener.edge_moved


def _both(first: Callable[P, None], second: Callable[P, None]) -> Callable[P, None]:
    def call(*args: P.args, **kwargs: P.kwargs) -> None:
        first(*args, **kwargs)
        second(*args, **kwargs)

    return call
