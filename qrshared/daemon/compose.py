"""Builds a daemon from the settings and starts it; leaving stops it in reverse. Read it from top to bottom.

The steps are modules of their own: `ground`, `furnishing`, `wiring`, `home_door`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from qrshared.daemon.away_live import AwaySwitch
from qrshared.daemon.changing import Told, away_facts, let_change
from qrshared.daemon.desk import FrontDesk
from qrshared.daemon.examining import Look
from qrshared.daemon.furnishing import Furniture, furnish
from qrshared.daemon.ground import Ground, firm_ground, save_at_last
from qrshared.daemon.home_door import open_home_door
from qrshared.daemon.parts import Daemon
from qrshared.daemon.settings_live import LiveSettings
from qrshared.daemon.wiring import wire
from qrshared.lan import Advertiser
from qrshared.local import ControlServer
from qrshared.protocol import Reason
from qrshared.sessions import Welcome
from qrshared.settings import Loaded, Settings, make_data_dir
from qrshared.tickets import Grant, Right, Road, Trust

OWNER_HERE: Final = Grant(Road.LOOPBACK, rights=frozenset(Right), trust=Trust.OWNER)
"""Whoever may open the control socket is the owner."""


@asynccontextmanager
async def compose(
    settings: Settings, *, reload: Callable[[], Loaded] | None = None, examine: Look = tuple
) -> AsyncIterator[Daemon]:
    """Build and start every part; leaving stops them in reverse. Raises `UserError` for what a person can mend.

    `reload` reads all sources of settings anew, `examine` is the home part of doctor and blocks.
    """
    make_data_dir(settings.data_dir)
    clock = asyncio.get_running_loop().time
    async with AsyncExitStack() as parts:
        # The control socket first: its lock makes this the only daemon of the data folder, and the journal is in there.
        desk = FrontDesk()
        await parts.enter_async_context(ControlServer(settings.data_dir, desk, OWNER_HERE))
        changes = LiveSettings(settings, reload)
        ground = await parts.enter_async_context(firm_ground(settings, clock))
        furniture = furnish(desk, changes, ground, examine=examine, clock=clock)
        welcome = Welcome(
            computer=lambda: changes.now.name, book=ground.book, desk=desk, transfers=ground.transfers,
            outgoing=ground.outgoing, live=ground.live, clock=clock, away=away_facts(settings),
        )  # fmt: skip
        reach = AwaySwitch(book=ground.book, welcome=welcome, live=ground.live)
        wire(desk, changes, ground, furniture, welcome, reach)
        let_change(changes, Told(ground.book, ground.inboxes, ground.transfers, ground.history, ground.live, reach))
        door = open_home_door(changes, ground, welcome, downloads=furniture.downloads, unreached=furniture.unreached)
        await parts.enter_async_context(door)
        await parts.enter_async_context(reach.running(settings))
        await parts.enter_async_context(furniture.shelf.running())
        parts.push_async_callback(ground.live.end_all, Reason.RESTARTING)
        ground.inboxes.announce(ground.where.urls()[-1])
        advertiser = None
        if settings.mdns:
            advertiser = await parts.enter_async_context(Advertiser(name=settings.name, port=ground.where.port))
        parts.push_async_callback(save_at_last, ground.book)
        yield _assembled(desk, changes, ground, furniture, reach, advertiser)


def _assembled(
    desk: FrontDesk, changes: LiveSettings, ground: Ground, furniture: Furniture, reach: AwaySwitch,
    advertiser: Advertiser | None,
) -> Daemon:  # fmt: skip
    return Daemon(
        changes=changes, desk=desk, live=ground.live, book=ground.book, inboxes=ground.inboxes, history=ground.history,
        transfers=ground.transfers, outgoing=ground.outgoing, where=ground.where, networks=ground.networks,
        problems=furniture.problems, introductions=furniture.introductions, unreached=furniture.unreached,
        views=furniture.views, shelf=furniture.shelf, examiner=furniture.examiner, reach=reach, advertiser=advertiser,
    )  # fmt: skip
