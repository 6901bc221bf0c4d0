"""A page away from home, as tests play it: its line to an edge, its meetings, and peer connections that it offers."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from aiohttp import ClientSession

from qrshared.links import Link, LinkClosed
from qrshared.links.ice import IceServer
from qrshared.links.peer_connection import PeerConnection
from qrshared.remote import (
    Answer,
    Call,
    Candidate,
    Failed,
    Heard,
    Meeting,
    MeetingMessage,
    Offer,
    Role,
    Servers,
    Verified,
)
from qrshared.seal import derive_keys
from qrshared.sessions import open_seal
from qrshared.signaling import Disconnected, Joined, Left, Relayed, SignalClient
from tests.adapters.signaling_world import PATIENCE_S
from tests.client import Phone, Visit

A = TypeVar("A", Servers, Answer)


def room_of(secret: bytes) -> str:
    """Where the holders of a secret meet."""
    return spelled(derive_keys(secret).rendezvous)


def spelled(some: bytes) -> str:
    return base64.urlsafe_b64encode(some).rstrip(b"=").decode()


def read(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class NoLink(Exception):
    """The home said so, or nothing at all."""


@dataclass
class Chat:
    """One meeting of a page, and what was heard in it."""

    peer: str
    meeting: Meeting
    is_verified: bool = False
    heard: list[MeetingMessage] = field(default_factory=list)


class AwayPage:
    """A page that is in the room of its secret at one edge, from `run` on."""

    def __init__(self, session: ClientSession, edge: str, secret: bytes) -> None:
        self.secret = secret
        self.room = room_of(secret)
        self.client = SignalClient(session, edge, wait=lambda _attempt: 0.05)
        self.chats: dict[str, Chat] = {}
        self.attempt = -1
        self.servers: Servers | None = None
        self._news = asyncio.Condition()
        self._clock = asyncio.get_running_loop().time

    # --- the line ----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled."""
        await self.client.join(self.room)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._say_again())
            async for event in self.client.events():
                match event:
                    case Joined(present=present):
                        for presence in present:
                            self._see(presence.peers)
                    case Left(peer=peer):
                        self.chats.pop(peer, None)
                    case Disconnected():
                        self.chats.clear()
                    case Relayed(peer=peer, blob=blob):
                        self._hear(peer, blob)
                    case _:
                        pass
                await self._flush()

    def _see(self, peers: Sequence[str]) -> None:
        for peer in [each for each in self.chats if each not in peers]:
            del self.chats[peer]
        for peer in peers:
            if peer not in self.chats:
                chat = self.chats[peer] = Chat(peer, Meeting(self.secret, Role.PAGE, now=self._clock()))
                chat.meeting.start(self._clock())

    def _hear(self, peer: str, blob: str) -> None:
        chat = self.chats.get(peer)
        if chat is None:
            return
        for event in chat.meeting.receive(read(blob), self._clock()):
            match event:
                case Verified():
                    chat.is_verified = True
                case Heard(message=message):
                    chat.heard.append(message)
                case _:
                    pass

    async def _flush(self) -> None:
        for chat in list(self.chats.values()):
            for blob in chat.meeting.blobs_to_send(self._clock()):
                await self.client.relay(self.room, chat.peer, spelled(blob))
        async with self._news:
            self._news.notify_all()

    async def _say_again(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            await self._flush()

    async def until(self, holds: Callable[[], bool], *, within_s: float = PATIENCE_S) -> None:
        """Wait for something that is heard."""
        async with asyncio.timeout(within_s), self._news:
            await self._news.wait_for(holds)

    # --- calls -------------------------------------------------------------------------------------

    @property
    def home(self) -> Chat | None:
        """The verified meeting with the home."""
        found = [chat for chat in self.chats.values() if chat.is_verified and chat.meeting.peer_role is Role.HOME]
        return found[-1] if found else None

    @property
    def heard(self) -> list[MeetingMessage]:
        """What the home said in this meeting."""
        return self.home.heard if self.home is not None else []

    async def meet(self, *, within_s: float = PATIENCE_S) -> Chat:
        """The home, once it proved itself."""
        await self.until(lambda: self.home is not None, within_s=within_s)
        assert self.home is not None
        return self.home

    async def say(self, chat: Chat, message: MeetingMessage) -> None:
        chat.meeting.say(message, self._clock())
        await self._flush()

    async def call(
        self, *, trickled: bool = False, relay_only: bool = False, within_s: float = PATIENCE_S
    ) -> PeerConnection:
        """A peer connection that was answered; raises `NoLink`. Whoever gets it closes it."""
        chat = await self.meet(within_s=within_s)
        number = self.attempt = self.attempt + 1
        await self.say(chat, Call(number))
        self.servers = await self._reply(chat, Servers, number)
        servers = [IceServer(one.urls, one.username, one.credential) for one in self.servers.servers]
        connection = PeerConnection(servers, relay_only=relay_only)
        try:
            sdp, candidates = _apart(await connection.offer(), trickled=trickled)
            await self.say(chat, Offer(number, sdp))
            for candidate in candidates:
                await self.say(chat, Candidate(number, candidate, "0", 0))
            await connection.accept((await self._reply(chat, Answer, number)).sdp)
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _reply(self, chat: Chat, kind: type[A], number: int) -> A:
        def found() -> list[MeetingMessage]:
            return [each for each in chat.heard if isinstance(each, (kind, Failed)) and each.attempt == number]

        await self.until(lambda: bool(found()) or chat.meeting.over_reason is not None)
        for each in found():
            if isinstance(each, kind):
                return each
        raise NoLink(found() or chat.meeting.over_reason)


def _apart(sdp: str, *, trickled: bool) -> tuple[str, list[str]]:
    """An offer without its candidates, and these, as a browser says them one by one."""
    if not trickled:
        return sdp, []
    lines = sdp.splitlines(keepends=True)
    named = [line for line in lines if line.startswith(("a=candidate:", "a=end-of-candidates"))]
    candidates = [line.strip().removeprefix("a=") for line in named if line.startswith("a=candidate:")]
    return "".join(line for line in lines if line not in named), [*candidates, ""]


@asynccontextmanager
async def away_page(edge: str, secret: bytes) -> AsyncIterator[AwayPage]:
    """A page at the edge, until the block ends."""
    async with ClientSession() as session, asyncio.TaskGroup() as tasks:
        page = AwayPage(session, edge, secret)
        running = tasks.create_task(page.run())
        try:
            yield page
        finally:
            running.cancel()


@asynccontextmanager
async def linked(page: AwayPage, *, trickled: bool = False, relay_only: bool = False) -> AsyncIterator[Link]:
    """A link home from this page; raises `NoLink`."""
    connection = await page.call(trickled=trickled, relay_only=relay_only)
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield_link = await connection.opened()
    except LinkClosed as closed:
        raise NoLink(closed.reason) from closed
    else:
        yield yield_link
    finally:
        await connection.close()


def away_phone(edge: str, secret: bytes, *, name: str = "Away phone") -> "AwayPhone":
    """A browser that has opened an any-network code."""
    phone = AwayPhone(connect=lambda: contextlib.nullcontext(_no_link()), ticket=secret, name=name)
    phone.edge = edge
    return phone


def _no_link() -> Link:
    raise AssertionError("an away phone connects by its edge")


@dataclass
class AwayPhone(Phone):
    """A phone whose links come about through an edge, in the room of the secret that it comes with."""

    edge: str = ""
    relay_only: bool = False

    def reloaded_away(self) -> "AwayPhone":
        """The same browser after a reload: another instance, another peer at the edge."""
        return AwayPhone(
            self.connect, self.ticket, self.key, name=self.name, is_enrolled=self.is_enrolled, edge=self.edge
        )

    @asynccontextmanager
    async def sealed(self, secret: bytes | None) -> AsyncIterator[Visit]:
        """A sealed link on which nothing was said yet."""
        assert secret is not None
        async with away_page(self.edge, secret) as page, linked(page, relay_only=self.relay_only) as link:
            try:
                yield Visit(await open_seal(link, "away", secret))
            finally:
                await link.close()
