"""The remote door with a real edge and real peer connections: who is let in, what is bounded, what survives."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from secrets import token_bytes

import pytest
from aiohttp import ClientSession

from qrshared.links import Link, LinkClosed
from qrshared.links.ice import IceServer
from qrshared.protocol import LineState
from qrshared.remote import RemoteDoor, RemoteVisitor
from tests.adapters.remote_world import away_page, linked, room_of
from tests.adapters.signaling_world import edge, until


@dataclass
class Door:
    """A remote door whose links say back what they hear."""

    door: RemoteDoor
    secrets: dict[str, bytes]
    visitors: list[RemoteVisitor] = field(default_factory=list)
    ended: int = 0

    def let_in(self, *secrets: bytes) -> None:
        self.secrets |= {room_of(secret): secret for secret in secrets}
        self.door.rooms_changed()

    def forget(self, secret: bytes) -> None:
        del self.secrets[room_of(secret)]
        self.door.rooms_changed()


@asynccontextmanager
async def door_at(url: str, *secrets: bytes) -> AsyncIterator[Door]:
    rooms = {room_of(secret): secret for secret in secrets}
    made: list[Door] = []

    async def echo(link: Link, visitor: RemoteVisitor) -> None:
        made[0].visitors.append(visitor)
        try:
            while True:
                await link.send(*await link.receive())
        except LinkClosed:
            made[0].ended += 1

    async def servers(_label: str) -> Sequence[IceServer]:
        return ()

    async with ClientSession() as session:
        door = RemoteDoor(
            session, url, rooms=lambda: rooms, on_link=echo, servers=servers, relay_ask_bytes=100,
            wait=lambda _attempt: 0.05,
        )  # fmt: skip
        made.append(Door(door, rooms))
        async with door.open():
            yield made[0]


async def echoed(link: Link, message: bytes = b"hello") -> None:
    async with asyncio.timeout(10):
        await link.send(message)
        assert list(await link.receive()) == [message]


@pytest.mark.parametrize("trickled", [False, True])
async def test_whoever_has_the_secret_gets_a_link(trickled: bool) -> None:
    secret = token_bytes(16)
    async with edge() as replica, door_at(replica.url, secret) as home, away_page(replica.url, secret) as page:
        async with linked(page, trickled=trickled) as link:
            await echoed(link)
            (visitor,) = home.visitors
            assert visitor.road() == "direct"
            assert visitor.moved_bytes() == 10
            assert home.door.state.state is LineState.CONNECTED
            assert page.servers is not None
            assert page.servers.relay_ask_bytes == 100
        await until(lambda: home.ended == 1)
        await until(lambda: home.door.connections == 0)
