"""What each verb of the desk does, and the right it needs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from qrshared.daemon.book import Book
from qrshared.daemon.desk import Deed, Standing
from qrshared.daemon.history import History
from qrshared.daemon.introductions import Introductions
from qrshared.daemon.networks import Networks
from qrshared.daemon.screen import open_folder
from qrshared.daemon.views import Views
from qrshared.daemon.whereabouts import Whereabouts
from qrshared.inbox import Inbox, InboxError
from qrshared.protocol import (
    AllowTransfer,
    BinEntry,
    Done,
    Facts,
    ForgetUnfinished,
    GetStatus,
    ListDevices,
    ListInbox,
    ListUnfinished,
    MakeOwnerTicket,
    MakeTicket,
    Meet,
    OpenInbox,
    QuestionId,
    Reason,
    RefuseTransfer,
    RenameDevice,
    RenameEntry,
    RevokeDevice,
    StopTransfer,
    TicketFacts,
    TrustDevice,
    TrustNetwork,
    UnfinishedItem,
    UnfinishedList,
    UseAway,
    Verb,
)
from qrshared.sessions import Asker, DeskRefusal, IncomingTransfers, LiveSessions, OwnersWord
from qrshared.tickets import Grant, Right, Ticket, grant_of, life_of

log = logging.getLogger(__name__)

V = TypeVar("V", bound=Verb)

NO_EDGE = (
    "This computer is not set up for use away from home. Say where its meeting point is: in the settings of the owner "
    "page, or with `qrshared config set edge https://…`."
)

UNFINISHED_TOLD_MAX = 200
"""Interrupted items in one list: what fits in a message."""


class Deeds:
    """Carries out verbs. `table` is what the desk goes by."""

    def __init__(
        self, *, book: Book, inbox: Callable[[], Inbox], live: LiveSessions, transfers: IncomingTransfers,
        history: History, where: Whereabouts, views: Views, introductions: Introductions, networks: Networks,
        changed: Callable[[], None],
    ) -> None:  # fmt: skip
        self._book = book
        self._inbox = inbox
        self._live = live
        self._transfers = transfers
        self._history = history
        self._where = where
        self._views = views
        self._introductions = introductions
        self._networks = networks
        self._changed = changed

    def table(self) -> dict[type[Verb], Deed]:
        """Its verbs: what each needs, and what does it."""
        own, send = Right.OWN, Right.SEND
        return {
            GetStatus: Deed(own, self._get_status),
            ListInbox: _deed(own, ListInbox, self._list_inbox),
            OpenInbox: _deed(own, OpenInbox, self._open_inbox),
            RenameEntry: _deed(own, RenameEntry, self._rename_entry),
            BinEntry: _deed(own, BinEntry, self._bin_entry),
            ListDevices: Deed(own, self._list_devices),
            RenameDevice: _deed(own, RenameDevice, self._rename_device),
            TrustDevice: _deed(own, TrustDevice, self._trust_device),
            RevokeDevice: _deed(own, RevokeDevice, self._revoke_device),
            MakeTicket: _deed(own, MakeTicket, self._make_ticket),
            MakeOwnerTicket: Deed(Standing.CONTROL_SOCKET, self._make_owner_ticket),
            StopTransfer: _deed(own, StopTransfer, self._stop_transfer),
            ListUnfinished: Deed(send, self._list_unfinished),
            ForgetUnfinished: Deed(send, self._forget_unfinished),
            UseAway: Deed(Standing.TRUSTED, self._use_away),
            Meet: Deed(Standing.TRUSTED, self._meet),
            AllowTransfer: _deed(own, AllowTransfer, self._allow_transfer),
            RefuseTransfer: _deed(own, RefuseTransfer, self._refuse_transfer),
            TrustNetwork: Deed(own, self._trust_network),
        }

    async def _get_status(self, _verb: Verb, asker: Asker) -> Facts:
        with suppress(InboxError):  # a disk that is gone is told as a problem; the rest is as true as ever
            await asyncio.to_thread(self._views.read_room)
        return self._views.status(asker)

    # --- the inbox --------------------------------------------------------------------------------

    async def _list_inbox(self, verb: ListInbox) -> Facts:
        return await asyncio.to_thread(self._views.read_inbox, verb.limit)

    async def _open_inbox(self, verb: OpenInbox) -> Facts:
        # The folder, never the file: what a stranger sent is not opened for anybody.
        inside = verb.name.rpartition("/")[0] if verb.name else ""
        folder = self._inbox().folder / inside
        if "\0" in inside or not folder.resolve().is_relative_to(self._inbox().folder):
            raise DeskRefusal(Reason.NAME_REFUSED, "That is not a folder of the inbox.")
        if not await open_folder(folder, is_ours=folder.resolve() == self._inbox().folder):
            raise DeskRefusal(Reason.UNSUPPORTED, f"This computer shows no windows. The files are in {folder}.")
        return Done(str(folder))

    async def _rename_entry(self, verb: RenameEntry) -> Facts:
        name = await self._inbox().rename(verb.name, verb.to)
        self._history.renamed(verb.name, name)
        self._changed()
        return Done(name)

    async def _bin_entry(self, verb: BinEntry) -> Facts:
        return Done(await self._inbox().bin(verb.name))

    # --- devices and codes --------------------------------------------------------------------------------

    async def _list_devices(self, _verb: Verb, asker: Asker) -> Facts:
        return self._views.devices(asker)

    async def _rename_device(self, verb: RenameDevice) -> Facts:
        device = await self._book.rename(verb.device, verb.to)
        self._changed()
        return Done(device.name)

    async def _trust_device(self, verb: TrustDevice) -> Facts:
        device = await self._book.trust(verb.device)
        session = self._live.of(device.id)
        if session is not None:
            now = session.asker.grant
            grant = grant_of(device, now.road, by_road_secret=now.by_road_secret)
            session.give(Asker(grant, device.id))
            if session.is_idle:
                session.end(Reason.RESTARTING)  # its page comes back at once, and hears then what it may do now
        self._transfers.questions.allow_all_of(device.id)
        self._changed()
        return Done(device.name)

    async def _revoke_device(self, verb: RevokeDevice) -> Facts:
        self._introductions.end([verb.device])
        await self._book.revoke(verb.device)
        self._changed()
        return Done()

    async def _make_ticket(self, verb: MakeTicket) -> Facts:
        try:
            life = life_of(verb.life)
        except ValueError:
            sentence = 'A code lives "once", "never", or for a time such as "2h" or "7d", at most a year.'
            raise DeskRefusal(Reason.UNSUPPORTED, sentence) from None
        if verb.away:
            self._check_edge()
        ticket = await self._book.personal(life, away=verb.away)
        away_url = self._where.away_url(ticket.fragment) if verb.away else None
        return _ticket_facts(ticket, away_url or self._where.code_url(ticket.fragment))

    async def _use_away(self, _verb: Verb, asker: Asker) -> Facts:
        self._check_edge()
        ticket = await self._book.second_key(_device_of(asker.grant))
        return _ticket_facts(ticket, self._where.away_url(ticket.fragment) or "")

    def _check_edge(self) -> None:
        if self._where.away_url("") is None:
            raise DeskRefusal(Reason.UNSUPPORTED, NO_EDGE)

    # --- who is near --------------------------------------------------------------------------------

    async def _meet(self, verb: Verb, asker: Asker) -> Facts:
        if not isinstance(verb, Meet):
            raise TypeError(f"the table gave a {type(verb).__name__} to Meet")
        await self._introductions.meet(_device_of(asker.grant), verb.device)
        return Done()

    async def _make_owner_ticket(self, _verb: Verb, _asker: Asker) -> Facts:
        ticket = await self._book.owner()
        return _ticket_facts(ticket, self._where.owner_url(ticket.fragment))

    async def _trust_network(self, _verb: Verb, _asker: Asker) -> Facts:
        if not await self._networks.trust():
            raise DeskRefusal(Reason.NOT_FOUND, "This computer is in no network now.")
        return Done()

    # --- transfers --------------------------------------------------------------------------------

    async def _stop_transfer(self, verb: StopTransfer) -> Facts:
        if not self._transfers.stop(verb.transfer):
            raise DeskRefusal(Reason.NOT_FOUND, "That transfer has already ended.")
        return Done()

    async def _allow_transfer(self, verb: AllowTransfer) -> Facts:
        return self._answer(verb.question, OwnersWord.ALLOWED)

    async def _refuse_transfer(self, verb: RefuseTransfer) -> Facts:
        return self._answer(verb.question, OwnersWord.REFUSED)

    def _answer(self, question: QuestionId, word: OwnersWord) -> Facts:
        if not self._transfers.questions.answer(question, word):
            raise DeskRefusal(
                Reason.NOT_FOUND, "That question is not open any more: it was answered, or took too long."
            )
        return Done()

    async def _list_unfinished(self, _verb: Verb, asker: Asker) -> Facts:
        device = _device_of(asker.grant)
        stored = await asyncio.to_thread(self._inbox().unfinished, device)
        begun = [
            UnfinishedItem(one.key.transfer, one.facts.name, one.facts.size, one.offset)
            for one in stored
            if self._is_left_over(device, one.key.transfer)
        ]
        return UnfinishedList((*begun, *self._transfers.not_begun(device, begun))[:UNFINISHED_TOLD_MAX])

    async def _forget_unfinished(self, _verb: Verb, asker: Asker) -> Facts:
        await self._transfers.forget(_device_of(asker.grant), carried_too=False)
        return Done()

    def _is_left_over(self, device: str, transfer: str) -> bool:
        """Nobody carries it now: it is not what the asking page is just sending."""
        incoming = self._transfers.get(device, transfer)
        return incoming is None or not incoming.is_attached


def _deed(needs: Right, kind: type[V], do: Callable[[V], Awaitable[Facts]]) -> Deed:
    """A deed that needs nothing but its verb."""

    async def run(verb: Verb, _asker: Asker) -> Facts:
        if not isinstance(verb, kind):
            raise TypeError(f"the table gave a {type(verb).__name__} to {kind.__name__}")
        return await do(verb)

    return Deed(needs, run)


def _device_of(grant: Grant) -> str:
    if grant.device is None:
        raise DeskRefusal(Reason.NOT_ALLOWED, "This device has sent nothing yet.")
    return grant.device


def _ticket_facts(ticket: Ticket, url: str) -> TicketFacts:
    return TicketFacts(url, None if ticket.expires is None else int(ticket.expires * 1000))
