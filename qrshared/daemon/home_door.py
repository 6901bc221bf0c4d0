"""Opens the door at home: the page, and links whose road is told by where the visitor comes from."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from qrshared.assets import built_page
from qrshared.daemon.ground import Ground
from qrshared.daemon.ports import KeptPort
from qrshared.daemon.settings_live import LiveSettings
from qrshared.daemon.unreached import Unreached
from qrshared.lan import Downloads, LanServer, Visitor, build_app
from qrshared.links import Link
from qrshared.serving import BuiltPage, Gate
from qrshared.sessions import Welcome
from qrshared.signaling import signal_url
from qrshared.tickets import Road


@asynccontextmanager
async def open_home_door(
    changes: LiveSettings, ground: Ground, welcome: Welcome, *, downloads: Downloads, unreached: Unreached
) -> AsyncIterator[None]:
    """Open until the block ends; `ground.where` knows the port from then on."""
    settings, where, gate = changes.now, ground.where, Gate()

    async def on_link(link: Link, visitor: Visitor) -> None:
        road = Road.SECURE if visitor.is_secure else Road.LOOPBACK if visitor.is_loopback else Road.HOME
        await welcome.serve(link, road, sealed=visitor.sealed, refused=visitor.refused)

    def connect_to() -> tuple[str, ...]:
        edge = changes.now.edge  # else the browser forbids it to the page
        return () if edge is None else (signal_url(edge),)

    app = build_app(
        page=BuiltPage.load(built_page()),
        sessions=lambda: len(ground.live),
        on_link=on_link,
        admission=lambda: where.admission,
        gate=gate,
        connect_to=connect_to,
        downloads=downloads,
        on_opened=unreached.opened,
    )
    async with LanServer(app, gate) as server:
        where.port = await KeptPort(settings.data_dir).listen(server, host=settings.host, port=settings.port)
        yield
