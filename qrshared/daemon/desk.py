"""The daemon's desk: carries out verbs by a table of rights, and tells watchers how things stand."""

import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from enum import Enum
from typing import Final, get_args

from qrshared.errors import LocalError
from qrshared.inbox import InboxError
from qrshared.protocol import Envelope, Facts, Reason, Topic, Verb
from qrshared.sessions import Asker, DeskRefusal
from qrshared.tickets import Right, Road, TooManyTickets, UnknownDevice

log = logging.getLogger(__name__)


class Standing(Enum):
    """What a verb or a topic asks for where no right by itself says it."""

    ANYBODY = "anybody"
    """Whoever the door let in."""
    TRUSTED = "trusted"
    """A device that may pick up and is no guest."""
    CONTROL_SOCKET = "control socket"
    """A command on this computer, and no page."""


SEES: Final[dict[Topic, Right | Standing]] = {
    Topic.WALL: Standing.ANYBODY,
    Topic.STATUS: Right.OWN,
    Topic.TRANSFERS: Right.OWN,
    Topic.INBOX: Right.OWN,
    Topic.DEVICES: Right.OWN,
    Topic.NEARBY: Standing.TRUSTED,  # who picks up a few files by a code does not see who else is here
    Topic.SHELF: Right.PICK_UP,
    Topic.PICK_UPS: Right.OWN,
    Topic.OFFERS: Standing.CONTROL_SOCKET,
}
"""What each topic needs."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What a verb needs and does."""

    needs: Right | Standing
    do: Callable[[Verb, Asker], Awaitable[Facts]]


@dataclass(frozen=True, slots=True, eq=False)
class _Watcher:
    topics: frozenset[Topic]
    asker: Asker
    tell: Callable[[Facts], None]


class FrontDesk:
    """Implements `sessions.Desk`. Until it is furnished it knows no verb and shows nothing."""

    def __init__(self) -> None:
        self._deeds: dict[type[Verb], Deed] = {}
        self._views: dict[Topic, Callable[[Asker], Facts]] = {}
        self._watchers: set[_Watcher] = set()
        self._hand_on: Callable[[Envelope, str], None] = lambda _envelope, _device: None
        self.on_left: Callable[[Asker], None] = lambda _asker: None
        """Called when a command at the control socket that watched its offers is gone, or watches them no longer."""

    def furnish(
        self,
        deeds: dict[type[Verb], Deed],
        views: dict[Topic, Callable[[Asker], Facts]],
        hand_on: Callable[[Envelope, str], None],
    ) -> None:
        """From now on: what each verb needs and does, what each topic looks like, who takes a device's envelopes.

        A verb that nobody carries out, or a topic that nobody shows, is a bug of ours and said at the start.
        """
        idle = sorted(kind.__name__ for kind in deeds.keys() ^ set(get_args(Verb)))
        unseen = sorted(topic.name for topic in views.keys() ^ set(Topic))
        if idle or unseen:
            what = f"a verb without a deed or the other way round: {idle}; a topic without a view: {unseen}"
            raise LocalError(what=what)
        self._deeds = deeds
        self._views = views
        self._hand_on = hand_on

    async def ask(self, verb: Verb, asker: Asker) -> Facts:
        """Carry out one verb; raises `DeskRefusal`."""
        deed = self._deeds.get(type(verb))
        if deed is None:
            raise DeskRefusal(Reason.UNSUPPORTED, "This qrshared does not know how to do that yet. Update it.")
        if not _may(asker, deed.needs):
            raise DeskRefusal(Reason.NOT_ALLOWED, "This device may not do that. Run `qrshared open` at the computer.")
        try:
            return await deed.do(verb, asker)
        except UnknownDevice as fault:
            raise DeskRefusal(Reason.NOT_FOUND, fault.sentence) from fault
        except InboxError as fault:
            raise DeskRefusal(Reason(fault.reason), fault.sentence) from fault
        except TooManyTickets as fault:
            raise DeskRefusal(Reason.BUSY, fault.sentence) from fault
        except FileNotFoundError as fault:
            raise DeskRefusal(Reason.NOT_FOUND, "That file is not in the inbox any more.") from fault
        except OSError as fault:
            log.warning("a verb met the disk: %s", fault.strerror)
            raise DeskRefusal(Reason.DISK_ERROR, f"The computer's disk refused: {fault.strerror}.") from fault

    def hand_on(self, envelope: Envelope, asker: Asker) -> None:
        """Give an envelope to the other side of its meeting; a guest is in none."""
        if asker.device is not None and _may(asker, Standing.TRUSTED):
            self._hand_on(envelope, asker.device)

    def watch(self, topics: Collection[Topic], asker: Asker, tell: Callable[[Facts], None]) -> Callable[[], None]:
        """Tell the present state of each topic the asker may see, at once and at every change; the result stops it."""
        seen = frozenset(topic for topic in topics if _may(asker, SEES[topic]))
        watcher = _Watcher(seen, asker, tell)
        self._watchers.add(watcher)
        for topic in sorted(seen):
            self._show(topic, watcher)
        return lambda: self._stop(watcher)

    def _stop(self, watcher: _Watcher) -> None:
        if watcher in self._watchers:
            self._watchers.discard(watcher)
            if Topic.OFFERS in watcher.topics:
                self.on_left(watcher.asker)

    def changed(self, *topics: Topic) -> None:
        """These look different now: tell whoever watches."""
        for watcher in list(self._watchers):
            for topic in topics:
                if topic in watcher.topics:
                    self._show(topic, watcher)

    def _show(self, topic: Topic, watcher: _Watcher) -> None:
        if topic in self._views:
            watcher.tell(self._views[topic](watcher.asker))


def _may(asker: Asker, needs: Right | Standing) -> bool:
    match needs:
        case Standing.ANYBODY:
            return True
        case Standing.TRUSTED:
            return asker.device is not None and asker.grant.is_trusted_to_pick_up
        case Standing.CONTROL_SOCKET:
            return asker.on_control_socket
    # An owner's right counts only where nobody can change the page; the grant says so, and so does this line.
    if needs is Right.OWN and asker.grant.road not in (Road.LOOPBACK, Road.SECURE):
        return False
    return asker.grant.allows(needs)
