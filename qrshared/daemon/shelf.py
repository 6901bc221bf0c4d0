"""The shelf at work: looks into the Outbox, says what waits for whom, and keeps pick-ups going over restarts."""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from qrshared.daemon.book import Book
from qrshared.daemon.offers import Offer, Offers
from qrshared.daemon.pickups import Fetched, PickUps, manifest_of
from qrshared.daemon.shelf_store import KeptPickUp, KeptShelf, ShelfStore
from qrshared.daemon.takers import Taker, Takers
from qrshared.jobs import keep_going
from qrshared.lan import Downloads
from qrshared.protocol import (
    SHELF_ITEMS_MAX,
    DeviceId,
    EntryKind,
    Facts,
    OfferState,
    Reason,
    ShelfItem,
    ShelfList,
    Topic,
    TransferId,
)
from qrshared.sessions import Asker, DeskRefusal, OutgoingTransfers
from qrshared.shelf import REST_S, Look, Outbox, OutboxInTheWay, ShelfError, TreeTooLarge, Waiting, small_first
from qrshared.tickets import Right, Road, TicketKind, UnknownDevice

log = logging.getLogger(__name__)

NEWS_EVERY_S: Final = 0.5
"""How often progress is told while something moves."""

LOOKS_APART_S: Final = REST_S / 3
"""Between two looks while something in the Outbox is still being written."""

FIRST_LOOK_S: Final = 10.0
"""How long a start waits for the first look: a disk that wakes up longer than this is seen when it is awake."""

TICKET_ENDS_S: Final = 2.0
"""From taking something off the shelf to closing the links of those who came for it: they hear it first."""


@dataclass(frozen=True, slots=True)
class OnShelf:
    """One thing, and whom it is for."""

    waiting: Waiting
    offer: Offer | None = None
    """None: it lies in the Outbox."""

    @property
    def to(self) -> DeviceId | None:
        """The one device it is for."""
        return None if self.offer is None else self.offer.to

    def facts(self, last: Taker | None = None) -> ShelfItem:
        """As desks tell it; `last`: how the asking device's last pick-up of it ended."""
        one = self.waiting
        taken, taken_ms, taken_bytes = (None,) * 3 if last is None else (last.state, last.at_ms, last.bytes_done)
        expires_ms = None if self.offer is None else int(self.offer.expires * 1000)
        return ShelfItem(
            one.id, one.name, one.size, EntryKind(one.kind), one.modified_ms, one.count, expires_ms, self.to,
            taken, taken_ms, taken_bytes,
        )  # fmt: skip


class Shelf:
    """Everything that waits. `changed` and `say_problem` are set by whoever has a desk."""

    def __init__(
        self, *, outbox: Outbox, outgoing: OutgoingTransfers, book: Book, store: ShelfStore, downloads: Downloads,
        now: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self.pick_ups = PickUps(outgoing)
        self.offers = Offers(self.pick_ups, ended=self._offer_ended, name_of=self._name_of)
        self.changed: Callable[[Topic], None] = lambda _topic: None
        self.on_moved: Callable[[], None] = lambda: None
        """Called when somebody begins to pick up, and when that ended: while it moves the computer stays awake."""
        self.say_problem: Callable[[str | None], None] = lambda _sentence: None
        self._outbox = outbox
        self._book = book
        self._store = store
        self._downloads = downloads
        self.now = now
        self._look = Look((), is_restless=True)
        kept = store.kept or KeptShelf()
        self.takers = Takers(kept.takers, pick_ups=self.pick_ups, name_of=self._name_of, now=now)
        self._left_over = list(kept.pick_ups)
        self._noted: dict[TransferId, KeptPickUp] = {}
        self._looking = asyncio.Lock()
        self._looked, self._stirred = asyncio.Event(), asyncio.Event()
        self._moved, self._unsaved = asyncio.Event(), asyncio.Event()
        self._ending: asyncio.Queue[str] = asyncio.Queue()

    # --- what waits --------------------------------------------------------------------------------

    def all(self) -> Iterator[OnShelf]:
        """What is offered, the newest first, then the Outbox, the newest first."""
        for waiting, offer in self.offers.waiting():
            if self.now() < offer.expires:  # a computer that slept takes it off only once its timers notice
                yield OnShelf(waiting, offer)
        for one in sorted(self._look.items, key=lambda one: one.modified_ms, reverse=True):
            yield OnShelf(one)

    def list(self, asker: Asker) -> Facts:
        """What this asker may know of."""
        seen = [one for one in self.all() if self._may_see(asker, one)]
        offered = [self._facts(one, asker) for one in seen if one.offer is not None]
        lying = [self._facts(one, asker) for one in seen if one.offer is None]
        # Neither hides the other: each has half, and what the other leaves.
        most = max(SHELF_ITEMS_MAX // 2, SHELF_ITEMS_MAX - len(lying))
        return ShelfList((*offered[:most], *lying)[:SHELF_ITEMS_MAX])

    def _facts(self, one: OnShelf, asker: Asker) -> ShelfItem:
        return one.facts(None if asker.device is None else self.takers.last(one.waiting.id, asker.device))

    def picked_up(self, _asker: Asker) -> Facts:
        """Who picks up what, and did; for the owner."""
        return self.takers.facts({one.waiting.id for one in self.all()})

    def find(self, item: str, asker: Asker) -> OnShelf:
        """One thing that this asker may take; raises `DeskRefusal` alike for what is not there and not for it."""
        for one in self.all():
            if one.waiting.id == item and self._may_take(asker, one):
                return one
        raise DeskRefusal(Reason.NOT_FOUND, "That is not on the shelf any more.")

    def _may_see(self, asker: Asker, one: OnShelf) -> bool:
        """Whoever may take it; and the owner, who may take it off."""
        is_owner = asker.grant.allows(Right.OWN) and asker.grant.road in (Road.LOOPBACK, Road.SECURE)
        return is_owner or self._may_take(asker, one)

    def _may_take(self, asker: Asker, one: OnShelf) -> bool:
        grant = asker.grant
        if asker.device is None or not grant.allows(Right.PICK_UP):
            return False
        if grant.items is not None and one.waiting.id not in grant.items:
            return False
        return one.to is None or self._is_in_hand(one.to, asker.device)

    def _is_in_hand(self, wanted: DeviceId, device: DeviceId) -> bool:
        """Whether this is the device, or its second key: the same phone, away from home."""
        try:
            return wanted in (device, self._book.register.device(device).second_of)
        except UnknownDevice:
            return wanted == device

    def take_off(self, item: str, state: OfferState = OfferState.WITHDRAWN) -> bool:
        """End what a command offered; False for anything else."""
        if not self.offers.end(item, state):
            return False
        self.stir()
        return True

    def stir(self) -> None:
        """Something may be different: look, and tell."""
        self._stirred.set()
        self._moved.set()
        self.changed(Topic.SHELF)
        self.changed(Topic.OFFERS)
        self.changed(Topic.PICK_UPS)

    @property
    def is_moving(self) -> bool:
        """Whether a device is picking something up now."""
        return any(one.outgoing.is_moving for one in self.pick_ups.moving())

    @asynccontextmanager
    async def noted(self, device: DeviceId, fetched: Sequence[Fetched]) -> AsyncIterator[TransferId]:
        """Written down that this device asks for these things, before anything is said: then a crash is only a cut.

        Gives the transfer to `begin` within the block; one that did not begin is forgotten at its end.
        """
        transfer = secrets.token_hex(16)
        items = tuple(one.id for one, _ in fetched)
        try:
            if self._is_outbox(items):
                manifest = manifest_of(source for _, some in fetched for source in some)
                self._noted[transfer] = KeptPickUp(device, transfer, items, manifest)
                await self._write_down()
            yield transfer
        finally:  # also when its session ends in between
            self._noted.pop(transfer, None)
            self._unsaved.set()

    def begin(self, device: DeviceId, fetched: Sequence[Fetched], transfer: TransferId) -> None:
        """Send them; raises `DeskRefusal`."""
        self.takers.look()  # how the last time ended is forgotten with the next
        self.pick_ups.begin(device, fetched, transfer=transfer)
        self.something_happened()

    def something_happened(self) -> None:
        """Something began to move, went on or ended."""
        self._moved.set()
        self.on_moved()

    def left(self, asker: Asker) -> None:
        """The command that offered is gone."""
        self.offers.leave(asker.visit)
        self.stir()

    # --- its jobs --------------------------------------------------------------------------------

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Watched, told and written down until the block ends."""
        for ticket in self._book.register.tickets(self.now()):
            if ticket.kind is TicketKind.PICK_UP:  # what it led to went with the daemon that had offered it
                await self._book.end_ticket(ticket.id)
        async with asyncio.TaskGroup() as tasks:
            jobs = [
                tasks.create_task(keep_going(job, for_ever=True))
                for job in (self._watch, self._follow, self._tell, self._keep, self._end_tickets)
            ]
            # What lay there before a restart is on the first list that a page gets, and the folder is there to put
            # something into, as soon as anybody hears that all is ready.
            with suppress(TimeoutError):
                async with asyncio.timeout(FIRST_LOOK_S):
                    await self._looked.wait()
            yield
            for job in jobs:
                job.cancel()

    async def _watch(self) -> None:
        await self._looked.wait()  # before, there may be no folder to watch
        async for _ in self._outbox.changes():
            self._stirred.set()

    async def _follow(self) -> None:
        while True:
            self._stirred.clear()
            await self.look()
            self._looked.set()
            if self._look.is_restless:
                await asyncio.sleep(LOOKS_APART_S)
            else:
                await self._stirred.wait()

    async def look(self) -> None:
        """See what is in the Outbox now, and do what follows from it."""
        async with self._looking:
            before = self._look.items
            self._look, problem = await self._seen()
            self._outbox.turn_to(self._look)
            self.say_problem(problem or self._overfull())
            if self._look.items != before:
                self._let_go({one.id for one in before} - {one.id for one in self._look.items})
            if self._look.inbox is not None and not self._look.is_restless:
                self.takers.keep({one.waiting.id for one in self.all()})
            self._unsaved.set()
            await self._resume()

    async def _seen(self) -> tuple[Look, str | None]:
        """What is there, and what the owner is to know of it."""
        try:
            look = await asyncio.to_thread(self._outbox.look, asyncio.get_running_loop().time())
        except OutboxInTheWay as fault:
            return Look((), is_restless=False), fault.sentence
        except OSError as fault:
            return Look((), is_restless=False), f"The Outbox cannot be read: {fault.strerror}."
        return look, _problem_of(look)

    def _overfull(self) -> str | None:
        more = sum(1 for _ in self.all()) - SHELF_ITEMS_MAX
        if more <= 0:
            return None
        things = "1 thing waits" if more == 1 else f"{more} things wait"
        return (
            f"{things} for phones beyond the {SHELF_ITEMS_MAX} that a page shows, of the Outbox and of what "
            "`qrshared send` offers. What is taken back makes room; a folder holds any number."
        )

    def _let_go(self, gone: Iterable[str]) -> None:
        for item in gone:
            self._downloads.withdraw(item)
        self.changed(Topic.SHELF)
        self.changed(Topic.PICK_UPS)  # whoever asked before it lay here was not told who has it

    async def _resume(self) -> None:
        """Take up what an earlier daemon was sending, as soon as the same things are there."""
        here = {one.id: one for one in self._look.items}
        for kept in list(self._left_over):
            if all(item in here for item in kept.items):
                with suppress(DeskRefusal):
                    await self._go_on(kept, [here[item] for item in kept.items])
            elif self._look.is_restless or self._look.inbox is None:
                continue  # it may come yet
            self._left_over.remove(kept)
            self._unsaved.set()

    async def _go_on(self, kept: KeptPickUp, things: Sequence[Waiting]) -> None:
        fetched = await fetch(things)
        is_same = manifest_of(source for _, some in fetched for source in some) == kept.manifest
        if is_same and self._may_resume(kept.device):
            self.pick_ups.begin(kept.device, fetched, transfer=kept.transfer)
            self._moved.set()

    def _may_resume(self, device: DeviceId) -> bool:
        try:
            known = self._book.register.device(device)
        except UnknownDevice:
            return False
        return Right.PICK_UP in known.rights and known.items is None

    async def _tell(self) -> None:
        while True:
            self._moved.clear()
            if self.offers.look(self.now()):
                self._stirred.set()  # whether too much waits is said by a look
                self.changed(Topic.SHELF)
            self.takers.look()
            self.pick_ups.forget(self.offers.is_told)
            self.changed(Topic.OFFERS)
            self.changed(Topic.PICK_UPS)
            self._unsaved.set()
            if self.is_moving:
                await asyncio.sleep(NEWS_EVERY_S)
                continue
            expiry = self.offers.next_expiry()
            try:
                async with asyncio.timeout(None if expiry is None else max(0.0, expiry - self.now()) + 0.05):
                    await self._moved.wait()
            except TimeoutError:
                pass

    async def _keep(self) -> None:
        while True:
            await self._unsaved.wait()
            self._unsaved.clear()
            await self._write_down()

    async def _write_down(self) -> None:
        pick_ups = (*self._left_over, *self._noted.values(), *self._under_way())
        takers = tuple(one for one in self.takers.all() if not self.offers.is_told(one.item))
        kept = KeptShelf(pick_ups, takers, self._look.marks)
        if kept == self._store.kept:
            return
        try:
            await self._store.save(kept)
        except OSError as fault:
            log.warning("what is being picked up could not be written down: %s", fault.strerror)

    def _under_way(self) -> Iterator[KeptPickUp]:
        for one in self.pick_ups.moving():
            items = tuple(part.item for part in one.parts)
            if self._is_outbox(items):
                yield KeptPickUp(one.device, one.outgoing.transfer, items, one.manifest)

    def _is_outbox(self, items: Sequence[str]) -> bool:
        """What a command offers goes with the command, and is not taken up again."""
        return {one.id for one in self._look.items}.issuperset(items)

    def _offer_ended(self, offer: Offer, item: str) -> None:
        self._downloads.withdraw(item)
        if offer.is_over and offer.ticket is not None:
            self._ending.put_nowait(offer.ticket)

    async def _end_tickets(self) -> None:
        while True:
            ticket = await self._ending.get()
            await asyncio.sleep(TICKET_ENDS_S)
            try:
                await self._book.end_ticket(ticket)
            except OSError as fault:
                log.warning("the list of devices could not be written: %s", fault.strerror)

    def _name_of(self, device: DeviceId) -> str:
        try:
            return self._book.name(device)
        except UnknownDevice:
            return "A device that is gone"


async def fetch(things: Sequence[Waiting]) -> list[Fetched]:
    """Each with what its transfer is made of, small ones first; raises `DeskRefusal`."""
    fetched: list[Fetched] = []
    for one in things:
        try:
            sources = await asyncio.to_thread(one.sources)
            fetched.append((one, small_first(sources, lambda source: source.size)))
        except TreeTooLarge as fault:
            raise DeskRefusal(Reason.TOO_MANY_ITEMS, fault.sentence) from fault
        except ShelfError as fault:
            raise DeskRefusal(Reason.SOURCE_UNREADABLE, fault.sentence) from fault
    return fetched


def _problem_of(look: Look) -> str | None:
    if look.left_out:
        return f"There is too much in the Outbox: the {look.left_out} oldest are not shown. A folder holds any number."
    return look.problems[0] if look.problems else None
