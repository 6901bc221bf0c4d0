"""What all else stands on: who may come in, who is here, what is under way, where files land, and where we are."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from qrshared.daemon.book import Book
from qrshared.daemon.endings import Endings
from qrshared.daemon.history import SENDERS_TOLD_MAX, History, Origin
from qrshared.daemon.inboxes import Inboxes, opened_inboxes
from qrshared.daemon.networks import Networks
from qrshared.daemon.receipts import Receipts, as_transfers
from qrshared.daemon.store import Store
from qrshared.daemon.whereabouts import Whereabouts
from qrshared.lan import advertised_addresses, candidates, read_network
from qrshared.sessions import IncomingTransfers, LiveSessions, OutgoingTransfers
from qrshared.settings import Settings

log = logging.getLogger(__name__)

_GB: Final = 10**9


@dataclass(frozen=True, slots=True)
class Ground:
    """Nobody has to be told for these to work."""

    live: LiveSessions
    book: Book
    receipts: Receipts
    inboxes: Inboxes
    history: History
    transfers: IncomingTransfers
    outgoing: OutgoingTransfers
    where: Whereabouts
    networks: Networks


@asynccontextmanager
async def firm_ground(settings: Settings, clock: Callable[[], float]) -> AsyncIterator[Ground]:
    """Ready until the block ends; raises `UserError` for what a person can mend."""
    async with AsyncExitStack() as parts:
        live = LiveSessions(clock)
        endings = Endings()
        book = Book(
            Store(settings.data_dir / "devices.json"), guest_day_bytes=settings.guest_daily_gb * _GB,
            on_ended=endings, is_online=live.is_online,
        )  # fmt: skip
        receipts = await parts.enter_async_context(Receipts(settings.data_dir / "receipts.jsonl", called=book.called))
        inboxes = await parts.enter_async_context(opened_inboxes(settings))
        history = History(book, accept=settings.accept, on_placed=receipts.note, on_renamed=receipts.note_renamed)
        earlier = await receipts.newest(SENDERS_TOLD_MAX)  # who sent what is known over a restart
        for kept in reversed(earlier):
            origin = Origin(kept.device, kept.sender, kept.size, kept.placed_ms, is_renamed=kept.now != "")
            history.remember(kept.now or kept.name, origin)
        transfers = await parts.enter_async_context(IncomingTransfers(inboxes.current, history, clock))
        transfers.recall(as_transfers(earlier))
        outgoing = OutgoingTransfers()
        await parts.enter_async_context(endings.of(live, transfers, outgoing))
        where = Whereabouts(host=settings.host, public_host=settings.public_host, edge=settings.edge)
        networks = await _look_around(settings, where)
        yield Ground(live, book, receipts, inboxes, history, transfers, outgoing, where, networks)


async def _look_around(settings: Settings, where: Whereabouts) -> Networks:
    """Where we are, before anybody is shown a code."""
    found = await asyncio.to_thread(candidates)
    where.move(found)
    networks = Networks(Store(settings.data_dir / "networks.json"))
    beside = [await asyncio.to_thread(read_network, address, found) for address in advertised_addresses(found)]
    here = await asyncio.to_thread(read_network, where.address, found)
    await networks.look(here, [one for one in beside if one is not None])
    return networks


async def save_at_last(book: Book) -> None:
    """Write the book down when everybody has gone; there is nobody left to be told that it failed."""
    try:
        await book.save()
    except OSError as fault:
        log.warning("the list of devices could not be written: %s", fault.strerror)
