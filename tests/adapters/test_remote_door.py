"""The remote door with a real edge and real peer connections: who is let in, what is bounded, what survives."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_bytes

import pytest
from aiohttp import ClientSession

from qrshared.links import Link, LinkClosed
from qrshared.links.ice import IceServer
from qrshared.links.peer_connection import PeerConnection
from qrshared.protocol import LineState
from qrshared.remote import (
    Call,
    Failed,
    FailReason,
    Offer,
    RemoteDoor,
    RemoteVisitor,
    RoadUsed,
    Servers,
    answering,
    conversation,
)
from qrshared.remote.conversation import MintServers
from qrshared.remote.limits import REFUSED_COST
from tests.adapters.remote_world import NoLink, away_page, linked, room_of
from tests.adapters.signaling_world import edge
from tests.waiting import until


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


async def _none() -> Sequence[IceServer]:
    return ()


@asynccontextmanager
async def door_at(
    url: str, *secrets: bytes, servers: MintServers = lambda _label: _none(), stun: Sequence[IceServer] = ()
) -> AsyncIterator[Door]:
    rooms = {room_of(secret): secret for secret in secrets}
    made: list[Door] = []

    async def echo(link: Link, visitor: RemoteVisitor) -> None:
        made[0].visitors.append(visitor)
        try:
            while True:
                await link.send(*await link.receive())
        except LinkClosed:
            made[0].ended += 1

    async with ClientSession() as session:
        door = RemoteDoor(
            session, url, rooms=lambda: rooms, on_link=echo, servers=servers, stun=stun,
            wait=lambda _attempt: 0.05,
        )  # fmt: skip
        made.append(Door(door, rooms))
        async with door.open():
            yield made[0]


async def echoed(link: Link, message: bytes = b"hello") -> None:
    async with asyncio.timeout(60):
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
        await until(lambda: home.ended == 1)
        await until(lambda: home.door.connections == 0)


async def test_a_link_lives_on_without_its_edge_and_a_new_one_comes_by_the_next() -> None:
    secret = token_bytes(32)
    async with AsyncExitStack() as first:
        replica = await first.enter_async_context(edge())
        async with door_at(replica.url, secret) as home, away_page(replica.url, secret) as page, linked(page) as link:
            await echoed(link)
            await first.aclose()
            await until(lambda: home.door.state.state is not LineState.CONNECTED)
            await until(lambda: home.door.meetings == 0)
            await echoed(link, b"still there")
            async with edge(port=replica.port):
                await until(lambda: home.door.state.state is LineState.CONNECTED)
                async with linked(page) as another:
                    await echoed(another)
                    await echoed(link, b"and the old one too")
                    assert home.door.connections == 2


async def test_rooms_follow_who_may_come() -> None:
    early, late = token_bytes(16), token_bytes(32)
    async with edge() as replica, door_at(replica.url, early) as home, away_page(replica.url, late) as page:
        with pytest.raises(TimeoutError):
            await page.meet(within_s=0.5)
        home.let_in(late)
        async with linked(page) as link:
            await echoed(link)
            home.forget(late)
            await page.until(lambda: not page.chats)
            await echoed(link, b"what is open is ended by whoever ends its session")
        await until(lambda: home.door.connections == 0)
        with pytest.raises(TimeoutError):
            await page.meet(within_s=0.5)


async def test_a_newer_offer_of_the_same_page_ends_the_older_connection() -> None:
    secret = token_bytes(16)
    async with (
        edge() as replica,
        door_at(replica.url, secret) as home,
        away_page(replica.url, secret) as page,
        linked(page) as old,
        linked(page) as new,
    ):
        await echoed(new)
        with pytest.raises(LinkClosed):
            await old.receive()
        assert home.ended == 1
        await until(lambda: home.door.connections == 1)


async def test_more_attempts_than_a_room_may_make_are_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "ATTEMPTS_BURST_MAX", 2.0)
    secret, other = token_bytes(16), token_bytes(16)
    async with edge() as replica, door_at(replica.url, secret, other), away_page(replica.url, secret) as page:
        for _ in range(2):
            async with linked(page) as link:
                await echoed(link)
        with pytest.raises(NoLink, match="busy"):
            await page.call()
        async with away_page(replica.url, other) as neighbour, linked(neighbour) as link:
            await echoed(link)  # the control: another room has its own share


async def test_a_call_that_is_busy_gets_no_answer_to_its_offer_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "ATTEMPTS_BURST_MAX", 1.0)
    secret = token_bytes(16)
    async with edge() as replica, door_at(replica.url, secret) as home, away_page(replica.url, secret) as page:
        chat = await page.meet()
        for number in (0, 1):
            await page.say(chat, Call(number))
        await page.until(lambda: Failed(1, FailReason.BUSY) in page.heard)
        async with PeerConnection([]) as connection:
            await page.say(chat, Offer(1, await connection.offer()))
            await page.say(chat, Call(2))
            await page.until(lambda: Failed(2, FailReason.BUSY) in page.heard)
            assert home.door.connections == 0


async def test_handshakes_that_fail_cost_a_room_its_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "ATTEMPTS_BURST_MAX", 1 + 2 * REFUSED_COST)
    secret = token_bytes(16)
    async with edge() as replica, door_at(replica.url, secret) as home, away_page(replica.url, secret) as page:
        async with linked(page):
            await until(lambda: bool(home.visitors))
            home.visitors[0].refused()
            home.visitors[0].refused()
        with pytest.raises(NoLink, match="busy"):
            await page.call()


async def test_servers_that_take_too_long_are_stun_alone_and_a_fault_in_them_is_no_dead_end() -> None:
    secret = token_bytes(16)

    async def broken(_label: str) -> Sequence[IceServer]:
        raise RuntimeError("a provider speaks in tongues")

    async def slow(_label: str) -> Sequence[IceServer]:
        await asyncio.Event().wait()
        return ()

    stun = IceServer(("stun:127.0.0.1:9",))
    for servers in (broken, slow):
        async with edge() as replica, door_at(replica.url, secret, servers=servers, stun=[stun]) as home:
            async with away_page(replica.url, secret) as page:
                chat = await page.meet()
                await page.say(chat, Call(0))
                await page.until(lambda: bool(page.heard), within_s=60)
                (told,) = page.heard
                assert isinstance(told, Servers)
                assert [one.urls for one in told.servers] == [stun.urls]
            assert home.door.connections == 0


async def test_more_connections_than_there_may_be_are_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "CONNECTIONS_MAX", 1)
    mine, yours = token_bytes(16), token_bytes(16)
    async with (
        edge() as replica,
        door_at(replica.url, mine, yours) as home,
        away_page(replica.url, mine) as first,
        away_page(replica.url, yours) as second,
    ):
        async with linked(first) as link:
            await echoed(link)
            with pytest.raises(NoLink, match="busy"):
                await second.call()
        await until(lambda: home.door.connections == 0)
        async with linked(second) as link:
            await echoed(link)


async def test_an_offer_that_nobody_follows_up_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "OPEN_S", 0.3)
    secret = token_bytes(16)
    async with edge() as replica, door_at(replica.url, secret) as home, away_page(replica.url, secret) as page:
        connection = await page.call()
        await connection.close()
        await page.until(lambda: any(isinstance(each, Failed) for each in page.heard))
        assert page.heard[-1] == Failed(0, FailReason.ICE)
        await until(lambda: home.door.connections == 0)
        assert not home.visitors


async def test_an_offer_that_is_none_fails_and_the_next_one_is_answered() -> None:
    secret = token_bytes(16)
    async with edge() as replica, door_at(replica.url, secret) as home, away_page(replica.url, secret) as page:
        chat = await page.meet()
        for number, sdp in enumerate(("", "v=0", "v=0\r\nm=audio 9 RTP/AVP 0\r\n", "\r\n" * 5000)):
            page.attempt = number
            await page.say(chat, Offer(number, sdp))
            await page.until(lambda: Failed(number, FailReason.OFFER) in page.heard)  # noqa: B023 - awaited here
        async with linked(page) as link:
            await echoed(link)
        assert len(home.visitors) == 1


async def test_the_page_may_know_better_that_it_goes_through_a_relay() -> None:
    secret = token_bytes(16)
    async with (
        edge() as replica,
        door_at(replica.url, secret) as home,
        away_page(replica.url, secret) as page,
        linked(page),
    ):
        chat = await page.meet()
        await page.say(chat, RoadUsed(7, "relay"))
        await page.say(chat, RoadUsed(page.attempt, "relay"))
        await until(lambda: bool(home.visitors) and home.visitors[0].road() == "relay")


NO_CALL = """
import asyncio, sys
from aiohttp import ClientSession
from qrshared.daemon.compose import compose
from qrshared.remote.door import load_aiortc
from qrshared.settings import Settings
from pathlib import Path

async def main(url, folder):
    settings = Settings(host="127.0.0.1", port=0, inbox=folder / "inbox", data_dir=folder / "data", mdns=False,
                        notices=False, edge=url, stun=())
    async with compose(settings) as daemon:
        async with asyncio.timeout(60):
            while daemon.away.state.state != "connected":
                await asyncio.sleep(0.02)
        print("before", "aiortc" in sys.modules or "av" in sys.modules)
        await load_aiortc()
        print("after", "aiortc" in sys.modules)

asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
"""


async def test_the_webrtc_library_is_not_read_before_a_call(tmp_path: Path) -> None:
    async with edge() as replica:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", NO_CALL, replica.url, str(tmp_path), stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        said, _ = await process.communicate()
    assert said.decode().split("\n") == ["before False", "after True", ""]
