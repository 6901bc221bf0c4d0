"""The verbs of the shelf: offering, picking up, taking back, and the download without a seal."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from qrshared.daemon.book import Book
from qrshared.daemon.deeds import NO_EDGE
from qrshared.daemon.desk import Deed, Standing
from qrshared.daemon.offers import Offer
from qrshared.daemon.shelf import OnShelf, Shelf, fetch
from qrshared.daemon.whereabouts import Whereabouts
from qrshared.inbox import Inbox
from qrshared.lan import DOWNLOAD_LIFE_S, Downloads
from qrshared.protocol import (
    DeviceId,
    Done,
    Facts,
    OfferFacts,
    OfferState,
    PickUp,
    PlainDownload,
    Reason,
    TicketFacts,
    Topic,
    Verb,
    Withdraw,
)
from qrshared.protocol import Offer as OfferVerb
from qrshared.sessions import Asker, DeskRefusal
from qrshared.shelf import OUTBOX_NAME, Kind, ShelfError, Source, TreeTooLarge, Waiting, ZipOf, look_at, small_first
from qrshared.tickets import Right, Road, UnknownDevice

V = TypeVar("V", bound=Verb)

DAY_S: Final = 86_400
"""An offer ends after this time if its command says no other: as long as its code lives."""

EXPIRES_S_MAX: Final = 30 * DAY_S
"""What is to wait for longer lies better in the Outbox, where it needs no command that runs."""


class ShelfDeeds:
    """Carries out the shelf's verbs."""

    def __init__(
        self, *, shelf: Shelf, book: Book, inbox: Callable[[], Inbox], where: Whereabouts, downloads: Downloads
    ) -> None:
        self._shelf = shelf
        self._book = book
        self._inbox = inbox
        self._where = where
        self._downloads = downloads

    def table(self) -> dict[type[Verb], Deed]:
        """Every verb: what it needs, and what does it."""
        return {
            OfferVerb: _deed(Standing.CONTROL_SOCKET, OfferVerb, self._offer),
            PickUp: _deed(Right.PICK_UP, PickUp, self._pick_up),
            PlainDownload: _deed(Right.PICK_UP, PlainDownload, self._plain_download),
            Withdraw: _deed(Right.OWN, Withdraw, self._withdraw),
        }

    async def _offer(self, verb: OfferVerb, asker: Asker) -> Facts:
        expires_s = DAY_S if verb.expires_s is None else verb.expires_s
        if not 0 < expires_s <= EXPIRES_S_MAX:
            raise DeskRefusal(Reason.UNSUPPORTED, "An offer may last from one second to thirty days.")
        if verb.to is not None:
            self._check_device(verb.to)
        if verb.away and self._where.away_url("") is None:
            raise DeskRefusal(Reason.UNSUPPORTED, NO_EDGE)
        things = [await _seen(path) for path in verb.paths]
        expires = self._shelf.now() + expires_s
        offer = Offer({one.id: one for one in things}, expires, asker.visit, verb.to, verb.once)
        self._shelf.offers.put(offer)
        url = None
        if verb.to is None:  # what is for one device needs no code, and a code would be for anybody
            try:
                ticket = await self._book.pick_up(offer.items, expires=expires, away=verb.away)
            except BaseException:  # also when its asker has gone: nothing half made stays
                self._shelf.offers.leave_out(offer)
                raise
            offer.ticket = ticket.id
            url = (self._where.away_url(ticket.fragment) if verb.away else None) or self._where.code_url(
                ticket.fragment
            )
        self._shelf.stir()
        return OfferFacts(tuple(OnShelf(one, offer).facts() for one in things), url)

    def _check_device(self, device: DeviceId) -> None:
        known = self._book.register.device(device)
        if Right.PICK_UP not in known.rights or known.items is not None:
            sentence = f"{known.name} may not pick up yet. `qrshared devices trust` lets it."
            raise DeskRefusal(Reason.NOT_ALLOWED, sentence)

    async def _pick_up(self, verb: PickUp, asker: Asker) -> Facts:
        device = asker.device or ""
        found = [self._shelf.find(item, asker) for item in dict.fromkeys(verb.items)]
        # A second tap, or a page that was loaded anew or cut: what is on its way already is not sent twice.
        while wanted := [one for one in found if not self._shelf.pick_ups.is_under_way(one.waiting.id, device)]:
            for one in wanted:
                self._check_once(one, device)
            if await self._begin(small_first(wanted, lambda one: one.waiting.size), asker):
                break
        return Done()

    async def _begin(self, wanted: Sequence[OnShelf], asker: Asker) -> bool:
        """Send these; False if another tap began to send some of them meanwhile."""
        device = asker.device or ""
        count = sum(1 if one.waiting.count is None else max(1, one.waiting.count) for one in wanted)
        with self._shelf.pick_ups.room(device, count):
            fetched = await fetch([one.waiting for one in wanted])
        async with self._shelf.noted(device, fetched) as transfer:
            for one in wanted:  # reading a large tree takes its time
                self._shelf.find(one.waiting.id, asker)
                self._check_once(one, device)
            if any(self._shelf.pick_ups.is_under_way(one.waiting.id, device) for one in wanted):
                return False
            self._shelf.begin(device, fetched, transfer)
        return True

    def _check_once(self, one: OnShelf, device: DeviceId) -> None:
        item = one.waiting.id
        if one.offer is None or not one.offer.once:
            return
        if self._shelf.pick_ups.is_under_way(item) or one.offer.is_promised(item, device, self._shelf.now()):
            raise DeskRefusal(Reason.BUSY, f"Another device is just picking up {one.waiting.name}.")

    async def _withdraw(self, verb: Withdraw, _asker: Asker) -> Facts:
        if self._shelf.take_off(verb.item):
            return Done()
        one = next((one.waiting for one in self._shelf.all() if one.waiting.id == verb.item), None)
        if one is None:
            raise DeskRefusal(Reason.NOT_FOUND, "That is not on the shelf any more.")
        name = await self._inbox().take_back(OUTBOX_NAME, one.path.name)
        self._shelf.pick_ups.cancel(one.id)
        await self._shelf.look()
        return Done(name)

    async def _plain_download(self, verb: PlainDownload, asker: Asker) -> Facts:
        if asker.grant.road not in (Road.HOME, Road.LOOPBACK):
            raise DeskRefusal(Reason.UNSUPPORTED, "That works at home only.")
        if not self._downloads.is_on:
            raise DeskRefusal(Reason.NOT_ALLOWED, "Downloads without encryption are switched off on this computer.")
        one = self._shelf.find(verb.item, asker)
        self._check_once(one, asker.device or "")
        path = self._downloads.issue(
            asker.device or "",
            one.waiting.id,
            partial(_content, one.waiting),
            on_done=partial(self._downloaded, one, asker.device),
            on_partly=partial(self._downloaded_partly, one, asker.device),
            on_moved=partial(self._download_moved, one, asker.device),
            is_allowed=partial(self._may_still, asker.device, one.waiting.id),
        )
        expires = self._shelf.now() + DOWNLOAD_LIFE_S
        if one.offer is not None:
            one.offer.promised[one.waiting.id] = (asker.device or "", expires)
        urls = self._where.urls()
        base = urls[-1] if asker.grant.road is Road.LOOPBACK else urls[0]
        return TicketFacts(base.rstrip("/") + path, int(expires * 1000))

    def _may_still(self, device: DeviceId | None, item: str) -> bool:
        """Whether a device that was given a token still has the right to what it opens."""
        try:
            known = self._book.register.device(device or "")
        except UnknownDevice:
            return False
        return Right.PICK_UP in known.rights and (known.items is None or item in known.items)

    def _downloaded(self, one: OnShelf, device: DeviceId | None) -> None:
        if device is not None:
            size = one.waiting.size
            self._shelf.takers.note(one.waiting.id, device, OfferState.HANDED_OVER, size=size, bytes_done=size)
        if one.offer is not None:
            one.offer.downloaded.add(one.waiting.id)
            one.offer.partly.pop((one.waiting.id, device or ""), None)
        self._shelf.stir()

    def _download_moved(self, one: OnShelf, device: DeviceId | None, is_moving: bool, bytes_done: int) -> None:
        """Its page hears nothing of it but from us."""
        if device is not None:
            size = one.waiting.size
            self._shelf.takers.note_plain(one.waiting.id, device, is_moving=is_moving, size=size, bytes_done=bytes_done)
        self._shelf.changed(Topic.SHELF)

    def _downloaded_partly(self, one: OnShelf, device: DeviceId | None, bytes_done: int) -> None:
        """It waits on: nobody has it whole, and what was missing may be there the next time."""
        if device is not None:
            size = one.waiting.size
            self._shelf.takers.note(one.waiting.id, device, OfferState.FAILED, size=size, bytes_done=bytes_done)
            if one.offer is not None:
                one.offer.partly[one.waiting.id, device] = bytes_done
        self._shelf.stir()


def _content(one: Waiting) -> Source | ZipOf:
    sources = one.sources()
    return ZipOf(one.name, sources) if one.kind is Kind.FOLDER else sources[0]


async def _seen(path: str) -> Waiting:
    """What a command named; only the control socket hands in paths."""
    if not Path(path).is_absolute() or "\0" in path:
        raise DeskRefusal(Reason.SOURCE_UNREADABLE, "Only whole paths are understood here.")
    try:
        return await asyncio.to_thread(look_at, Path(path), secrets.token_hex(16))
    except TreeTooLarge as fault:
        raise DeskRefusal(Reason.TOO_MANY_ITEMS, fault.sentence) from fault
    except ShelfError as fault:
        raise DeskRefusal(Reason.SOURCE_UNREADABLE, fault.sentence) from fault


def _deed(needs: Right | Standing, kind: type[V], do: Callable[[V, Asker], Awaitable[Facts]]) -> Deed:
    async def run(verb: Verb, asker: Asker) -> Facts:
        if not isinstance(verb, kind):
            raise TypeError(f"the table gave a {type(verb).__name__} to {kind.__name__}")
        return await do(verb, asker)

    return Deed(needs, run)
