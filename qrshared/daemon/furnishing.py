"""What stands on the desk: every verb with the part that carries it out, every topic with the part that shows it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from qrshared.daemon.changing import settings_deeds
from qrshared.daemon.deeds import Deeds
from qrshared.daemon.desk import FrontDesk
from qrshared.daemon.examining import Examiner, Look, examining_deeds
from qrshared.daemon.ground import Ground
from qrshared.daemon.introductions import Introductions
from qrshared.daemon.settings_live import LiveSettings
from qrshared.daemon.shelf import Shelf
from qrshared.daemon.shelf_deeds import ShelfDeeds
from qrshared.daemon.shelf_store import ShelfStore
from qrshared.daemon.store import Store
from qrshared.daemon.unreached import Unreached
from qrshared.daemon.views import Problems, Views
from qrshared.lan import Downloads
from qrshared.protocol import Topic
from qrshared.shelf import Outbox

NAMES_DEVICES: Final = (
    Topic.DEVICES, Topic.STATUS, Topic.NEARBY, Topic.INBOX, Topic.TRANSFERS, Topic.OFFERS, Topic.PICK_UPS,
)  # fmt: skip
"""What looks different when a device has another name."""


@dataclass(frozen=True, slots=True)
class Furniture:
    """What carries out verbs and shows topics."""

    problems: Problems
    introductions: Introductions
    unreached: Unreached
    views: Views
    downloads: Downloads
    shelf: Shelf
    examiner: Examiner


def furnish(
    desk: FrontDesk, changes: LiveSettings, ground: Ground, *, examine: Look, clock: Callable[[], float]
) -> Furniture:
    """From now on the desk knows every verb and every topic."""
    data_dir = changes.now.data_dir
    problems = Problems(changed=lambda: desk.changed(Topic.STATUS))
    introductions = Introductions(book=ground.book, live=ground.live, clock=clock)
    unreached = Unreached(data_dir, has_devices=ground.book.has_phones)
    views = Views(
        settings=lambda: changes.now, where=ground.where, book=ground.book, inbox=lambda: ground.inboxes.current,
        live=ground.live, transfers=ground.transfers, history=ground.history, problems=problems,
        introductions=introductions, networks=ground.networks, unreached=unreached,
    )  # fmt: skip
    downloads = Downloads(clock=clock, is_on=lambda: changes.now.plain_downloads)
    shelf = _make_shelf(ground, ShelfStore(Store(data_dir / "shelf.json")), downloads)
    examiner = Examiner(examine, problems.say)
    deeds = Deeds(
        book=ground.book, inbox=lambda: ground.inboxes.current, live=ground.live, transfers=ground.transfers,
        history=ground.history, where=ground.where, views=views, introductions=introductions, networks=ground.networks,
        changed=lambda: desk.changed(*NAMES_DEVICES),
    )  # fmt: skip
    shelf_deeds = ShelfDeeds(
        shelf=shelf, book=ground.book, inbox=lambda: ground.inboxes.current, where=ground.where, downloads=downloads
    )  # fmt: skip
    desk.furnish(
        {
            **deeds.table(), **ground.receipts.table(), **shelf_deeds.table(), **settings_deeds(changes),
            **examining_deeds(examiner),
        },
        {**views.table(), Topic.SHELF: shelf.list, Topic.OFFERS: shelf.offers.facts, Topic.PICK_UPS: shelf.picked_up},
        introductions.hand_on,
    )  # fmt: skip
    return Furniture(problems, introductions, unreached, views, downloads, shelf, examiner)


def _make_shelf(ground: Ground, store: ShelfStore, downloads: Downloads) -> Shelf:
    inboxes = ground.inboxes
    rested = () if store.kept is None else store.kept.marks
    outbox = Outbox(lambda: inboxes.current.folder if inboxes.current.is_there() else None, store.salt, rested)
    return Shelf(outbox=outbox, outgoing=ground.outgoing, book=ground.book, store=store, downloads=downloads)
