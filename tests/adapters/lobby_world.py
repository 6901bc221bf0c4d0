"""A remote door whose edge is the test, and pages that speak with it by their meetings alone."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from secrets import token_bytes

import pytest
from aiohttp import ClientSession

from qrshared.links import Link
from qrshared.links.ice import CandidateCounts, IceServer
from qrshared.remote import (
    Connection,
    CountedLink,
    Heard,
    Meeting,
    MeetingMessage,
    RemoteDoor,
    RemoteVisitor,
    Role,
    UsedRoad,
    Verified,
)
from qrshared.signaling import Joined, Relayed
from qrshared.signaling.client import SignalEvent
from tests.adapters.remote_world import room_of, spelled
from tests.waiting import until


class Stuck:
    """A connection that answers and never opens; or does not even answer."""

    road: UsedRoad | None = None
    counts = CandidateCounts()

    def __init__(self, *, answers: bool = True) -> None:
        self._answers = answers
        self.candidates = 0
        self.is_closed = False

    async def answer(self, _offer_sdp: str) -> str:
        if not self._answers:
            await asyncio.Event().wait()
        return "v=0"

    async def add_candidate(self, _candidate: str, _mid: str | None, _line: int | None) -> bool:
        self.candidates += 1
        return True

    async def opened(self) -> CountedLink:
        await asyncio.Event().wait()
        raise AssertionError

    async def close(self) -> None:
        self.is_closed = True


@dataclass
class Guest:
    """A page's meeting with the door, without an edge between."""

    lobby: "Lobby"
    room: str
    peer: str
    meeting: Meeting
    heard: list[MeetingMessage] = field(default_factory=list)
    is_verified: bool = False

    def flush(self) -> None:
        for blob in self.meeting.blobs_to_send(self.lobby.clock()):
            self.lobby.door._hear(Relayed(self.room, self.peer, 0, spelled(blob)))

    def take(self, blob: bytes) -> None:
        for event in self.meeting.receive(blob, self.lobby.clock()):
            if isinstance(event, Heard):
                self.heard.append(event.message)
            self.is_verified = self.is_verified or isinstance(event, Verified)

    def say(self, *messages: MeetingMessage) -> None:
        for message in messages:
            self.meeting.say(message, self.lobby.clock())
        self.flush()

    def throw(self, blob: bytes) -> None:
        self.lobby.door._hear(Relayed(self.room, self.peer, 0, spelled(blob)))


class Lobby:
    """A door whose edge is this test."""

    def __init__(self, door: RemoteDoor, rooms: dict[str, bytes]) -> None:
        self.door = door
        self.clock = asyncio.get_running_loop().time
        self.connections: list[Stuck] = []
        self._rooms = rooms
        self._guests: dict[tuple[str, str], Guest] = {}
        self._waiting: list[tuple[str, str, bytes]] = []

    def hand_over(self, room: str, peer: str, blob: bytes) -> None:
        """What the door says."""
        self._waiting.append((room, peer, blob))

    def deliver(self) -> None:
        while self._waiting:
            room, peer, blob = self._waiting.pop(0)
            guest = self._guests.get((room, peer))
            if guest is not None:
                guest.take(blob)
                guest.flush()

    def guest(self, secret: bytes | None = None) -> Guest:
        """Somebody new, in a room of its own unless it knows another's secret; it has said hello."""
        secret = secret or token_bytes(16)
        room = room_of(secret)
        if room not in self._rooms:
            self._rooms[room] = secret
            self.door.rooms_changed()
        peer = spelled(token_bytes(6))
        guest = Guest(self, room, peer, Meeting(secret, Role.PAGE, now=self.clock()))
        self._guests[room, peer] = guest
        guest.meeting.start(self.clock())
        guest.flush()
        return guest

    def met(self, secret: bytes | None = None) -> Guest:
        """The same, and both have proved themselves."""
        guest = self.guest(secret)
        self.deliver()
        assert guest.is_verified
        return guest

    async def hears(self, guest: Guest, message: MeetingMessage) -> None:
        def heard() -> bool:
            self.deliver()
            return message in guest.heard

        await until(heard, within_s=60)


async def silence() -> AsyncIterator[SignalEvent]:
    """An edge that says nothing."""
    await asyncio.Event().wait()
    yield Joined(())


@asynccontextmanager
async def lobby(patch: pytest.MonkeyPatch, *, answers: bool = True) -> AsyncIterator[Lobby]:
    rooms: dict[str, bytes] = {}
    made: list[Lobby] = []

    async def connect(_servers: Sequence[IceServer]) -> Connection:
        made[0].connections.append(Stuck(answers=answers))
        return made[0].connections[-1]

    async def on_link(_link: Link, _visitor: RemoteVisitor) -> None:
        raise AssertionError("nothing opens here")

    async def nothing() -> None:
        return

    async def servers(_label: str) -> Sequence[IceServer]:
        if not answers:
            await asyncio.Event().wait()
        return ()

    async with ClientSession() as session:
        door = RemoteDoor(
            session, "http://127.0.0.1:9", rooms=lambda: rooms, on_link=on_link, servers=servers,
            connect=connect, prepare=nothing,
        )  # fmt: skip
        made.append(Lobby(door, rooms))
        patch.setattr(door._line, "say", made[0].hand_over)  # the edge is left out
        patch.setattr(door._line._client, "events", silence)
        async with door.open():
            yield made[0]
