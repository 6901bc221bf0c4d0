"""What each topic of the desk looks like now, from the parts that know it."""

import json
import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from qrshared import __version__
from qrshared.daemon.away import Away
from qrshared.daemon.book import Book
from qrshared.daemon.history import History
from qrshared.daemon.introductions import Introductions
from qrshared.daemon.networks import Networks
from qrshared.daemon.unreached import Unreached
from qrshared.daemon.whereabouts import Whereabouts
from qrshared.inbox import Inbox
from qrshared.protocol import (
    ArrivalFacts,
    AskingFacts,
    DeviceFacts,
    DeviceList,
    EntryFacts,
    Facts,
    InboxList,
    LineState,
    NearbyList,
    PeerFacts,
    PeerKind,
    RoadInUse,
    StatusFacts,
    Topic,
    TransferList,
    TransferState,
    WallFacts,
    WallHint,
)
from qrshared.sessions import Asker, IncomingTransfers, ItemKind, LiveSessions, Question
from qrshared.settings import Settings, Wall
from qrshared.tickets import WALL_RENEW_S, Device, Road, Ticket, TooManyTickets

WALL_GRACE_S: Final = 60.0
"""A wall that hears nothing covers its code this long after a new one was due; the code itself lives on a while."""

TOLD_DEVICES_MAX: Final = 100
"""Devices in one list: what fits in a message."""

ASKED_NAME_CHARACTERS: Final = 80
"""Of each name in a question; sixteen questions with five names each fit in a message in any script."""

TOLD_ENTRIES_BYTES: Final = 48 * 1024
"""Names in one list: what fits in a message beside the rest."""


@dataclass(slots=True)
class Problems:
    """What the owner should know and do, one sentence each, by the part that says it; desks hear what is new."""

    changed: Callable[[], None]
    by_part: dict[str, str] = field(default_factory=dict)

    def say(self, part: str, sentence: str | None) -> bool:
        """This part has a problem, or none any more; True if that is news."""
        before = self.by_part.get(part)
        if sentence is None:
            self.by_part.pop(part, None)
        else:
            self.by_part[part] = sentence
        if before != sentence:
            self.changed()
        return before != sentence


def asking_facts(question: Question, *, name: str | None = None, away: bool = False) -> AskingFacts:
    """What the owner is asked, with names short enough for the list to fit in a message.

    `name`: what the sender is called by now. `away`: its page does not wait for the word now.
    """
    return AskingFacts(
        question=question.id,
        transfer=question.transfer,
        device=question.sender.name if name is None else name,
        kind=question.sender.kind,
        items=question.items,
        bytes=question.bytes,
        first=tuple(replace(item, name=_short(item.name), sha256=None) for item in question.first),
        until_ms=int(question.until * 1000),
        since_ms=None if question.sender.since is None else int(question.sender.since * 1000),
        away=away,
    )


def _short(name: str) -> str:
    """The end says more than the beginning: it is the file's own name, and its kind."""
    return name if len(name) <= ASKED_NAME_CHARACTERS else f"…{name[1 - ASKED_NAME_CHARACTERS :]}"


class Views:
    """Facts for every topic. Only what is called `read_…` touches the disk."""

    def __init__(
        self, *, settings: Callable[[], Settings], where: Whereabouts, book: Book, inbox: Callable[[], Inbox],
        live: LiveSessions, transfers: IncomingTransfers, history: History, problems: Problems,
        introductions: Introductions, networks: Networks, unreached: Unreached,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._where = where
        self._book = book
        self._inbox = inbox
        self._live = live
        self._transfers = transfers
        self._history = history
        self._problems = problems
        self._introductions = introductions
        self._networks = networks
        self.away: Away | None = None
        """What is open of use away from home."""
        self._unreached = unreached
        self._started_ms = int(time.time() * 1000)
        self._entries = InboxList(str(inbox().folder), (), 0)
        self.free_bytes = 0
        """Room on the inbox's disk, as it was read last."""

    def table(self) -> dict[Topic, Callable[[Asker], Facts]]:
        """What each topic looks like."""
        return {
            Topic.WALL: self.wall,
            Topic.STATUS: self.status,
            Topic.TRANSFERS: self.transfers,
            Topic.INBOX: self.inbox,
            Topic.DEVICES: self.devices,
            Topic.NEARBY: self.nearby,
        }

    def code_url(self) -> str | None:
        """A live wall code for this computer's own terminal; None while the wall is off."""
        if self._settings().wall is Wall.OFF or not self._where.port or not self._networks.is_known:
            return None
        ticket = self._wall_ticket()
        return None if ticket is None else self._where.code_url(ticket.fragment)

    def wall(self, asker: Asker) -> WallFacts:
        """What a wall shows; without a code where the settings allow none."""
        is_here = asker.grant.road is Road.LOOPBACK
        is_at_home = asker.grant.road is not Road.AWAY  # what opens doors at home is not told elsewhere
        setting = self._settings().wall
        shows_code = (setting is Wall.LAN and is_at_home) or (setting is Wall.COMPUTER and is_here)
        url, fresh_until_ms = None, 0
        shows_code = shows_code and self._networks.is_known  # in a café it would be everybody's there
        ticket = self._wall_ticket() if shows_code and self._where.port else None
        if ticket is not None:
            url = self._where.code_url(ticket.fragment)
            fresh_until_ms = int((ticket.made + WALL_RENEW_S + WALL_GRACE_S) * 1000)
        # A code that works from elsewhere is for whoever stands before this screen, and only sends.
        is_for_elsewhere = is_here and setting is not Wall.OFF and self._is_reached_from_elsewhere()
        elsewhere = self._wall_ticket(away=True) if is_for_elsewhere else None
        away_url = None if elsewhere is None else self._where.away_url(elsewhere.fragment)
        hint = self._hint(url)
        return WallFacts(
            self._settings().name, url, fresh_until_ms, self._where.spoken(), self._arrivals(), away_url, hint,
            only_own=self._history.keeps_guests_out,
        )  # fmt: skip

    def _hint(self, url: str | None) -> WallHint | None:
        if url is None:
            return None
        self._unreached.shown()
        return self._unreached.hint()

    def status(self, asker: Asker) -> StatusFacts:
        """The daemon as a whole."""
        asks = self._transfers.questions
        return StatusFacts(
            version=__version__,
            pid=os.getpid(),
            computer=self._settings().name,
            urls=self._where.urls(),
            local_name=self._where.local_name,
            inbox=str(self._inbox().folder),
            free_bytes=self.free_bytes,
            sessions=len(self._live),
            started_ms=self._started_ms,
            addresses=self._where.facts(),
            problems=tuple(self._problems.by_part.values()),
            devices=self.devices(asker).devices,
            transfers=self.transfers(asker).transfers,
            edge=None if self.away is None else self.away.edge_facts(),
            relay=None if self.away is None else self.away.relay_facts(),
            network=self._networks.facts(),
            asking=tuple(
                asking_facts(one, name=self._history.name_of(one.sender), away=not asks.is_carried(one))
                for one in asks.pending()
            ),
        )

    def transfers(self, _asker: Asker) -> TransferList:
        """Transfers under way and the last ones that ended."""
        return TransferList(tuple(self._transfers.facts()))

    def inbox(self, _asker: Asker) -> InboxList:
        """The entries as they were read last; who sent them may be called otherwise by now."""
        return self._with_origins(self._entries)

    def _with_origins(self, listed: InboxList) -> InboxList:
        """Who brought each; and when, of those whose own time is that of a later name."""
        told: list[EntryFacts] = []
        for one in listed.entries:
            origin = self._history.origin_of(one.name, one.size)
            arrived_ms = origin.placed_ms if origin is not None and origin.is_renamed else one.arrived_ms
            told.append(replace(one, sender=None if origin is None else origin.sender, arrived_ms=arrived_ms))
        told.sort(key=lambda one: one.arrived_ms, reverse=True)
        return replace(listed, entries=tuple(told))

    def devices(self, _asker: Asker) -> DeviceList:
        """All devices, the last seen first."""
        return DeviceList(tuple(self._device(one) for one in self._book.register.devices()[:TOLD_DEVICES_MAX]))

    def nearby(self, asker: Asker) -> NearbyList:
        """Who else is here, for this device."""
        near = [] if asker.device is None else self._introductions.near(asker.device)
        return NearbyList(tuple(PeerFacts(one.id, one.name, PeerKind(one.kind)) for one in near))

    def read_inbox(self, limit: int) -> InboxList:
        """Look into the folder; call it in a thread. Raises `InboxError`."""
        self.read_room()
        entries = self._inbox().entries(limit)
        told: list[EntryFacts] = []
        room = TOLD_ENTRIES_BYTES
        for one in entries:
            room -= len(one.name.encode("utf-8", "replace")) + 120
            if room < 0:
                break
            # A text that does not fit is still a file of the list: the owner opens it in its folder.
            weight = len(json.dumps(one.text, ensure_ascii=False).encode("utf-8", "replace"))
            text = one.text if weight <= room // 2 else None
            room -= weight if text else 0
            told.append(EntryFacts(one.name, one.size, one.arrived_ms, None, one.is_folder, text, one.is_cut))
        return self._with_origins(InboxList(str(self._inbox().folder), tuple(told), self._inbox().count()))

    def read_room(self) -> None:
        """Look how full the disk is, for `status`; call it in a thread. Raises `InboxError`."""
        self.free_bytes = max(0, self._inbox().room().free)

    def remember_inbox(self, entries: InboxList) -> None:
        """What `read_inbox` gave is what watchers see from now on."""
        self._entries = entries

    def _wall_ticket(self, *, away: bool = False) -> Ticket | None:
        try:
            return self._book.wall_ticket(away=away)
        except TooManyTickets:  # a wall without a code is still a wall; `qrshared qr` says what to do
            return None

    def _device(self, device: Device) -> DeviceFacts:
        return DeviceFacts(
            device=device.id,
            name=device.name,
            kind=PeerKind(device.kind),
            trust=device.trust,
            rights=tuple(sorted(device.rights)),
            made_ms=int(device.made * 1000),
            seen_ms=int(device.seen * 1000),
            online=self._live.is_online(device.id),
            road=self._road_of(device.id),
            second_of=device.second_of,
        )

    def _is_reached_from_elsewhere(self) -> bool:
        return self.away is not None and self.away.edge_facts().state is LineState.CONNECTED

    def _road_of(self, device: str) -> RoadInUse | None:
        if not self._live.is_online(device):
            return None
        by_edge = None if self.away is None else self.away.road_of(device)
        return by_edge or RoadInUse.HOME

    def _arrivals(self) -> ArrivalFacts:
        moving = [one for one in self._transfers.active() if one.facts.state is TransferState.ARRIVING]
        kinds: Counter[ItemKind] = Counter()
        for one in moving:
            kinds += one.facts.kinds
        told = [one.facts.as_told() for one in moving]
        total = sum(one.bytes for one in told)
        return ArrivalFacts(
            senders=len({one.sender.device for one in moving}),
            arriving=sum(one.items - one.items_done - one.items_failed for one in told),
            photos=kinds[ItemKind.PHOTO],
            videos=kinds[ItemKind.VIDEO],
            others=kinds[ItemKind.OTHER],
            landed=sum(one.items_done for one in told) if told else self._history.landed_lately(),
            percent=100 * sum(one.bytes_done for one in told) // total if total else 0,
        )
