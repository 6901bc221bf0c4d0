"""Phones in Python on the machines of a home: what a page keeps, and links on which anything can be said."""

import contextlib
import socket
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import aiohttp

from qrshared.links import Link, connect_websocket
from qrshared.protocol import Topic, WallFacts, Watch
from qrshared.seal import secret_from_fragment
from tests.browser.home import Home
from tests.client import Phone
from tests.namespaces import Host


def phone_on(host: Host, url: str, *, address: str | None = None, name: str = "Test phone") -> Phone:
    """A phone on that machine that opens `url`, from `address` if the machine has several."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"

    def make_socket(_: object) -> socket.socket:
        made = host.socket()
        made.setblocking(False)
        if address is not None:
            made.bind((address, 0))
        return made

    @contextlib.asynccontextmanager
    async def connect() -> AsyncIterator[Link]:
        connector = aiohttp.TCPConnector(socket_factory=make_socket)
        async with aiohttp.ClientSession(connector=connector) as session:
            yield await connect_websocket(session, f"{origin}/link", origin=origin)

    return Phone(connect, secret_from_fragment(parts.fragment) if parts.fragment else None, name=name)


async def wall_url(home: Home) -> str:
    """What the wall's code says now."""
    async with phone_on(home.phone, home.url()).visit() as wall:
        await wall.say(Watch((Topic.WALL,)))
        facts = await wall.news(WallFacts)
    assert facts.url is not None
    return facts.url
