"""The door away from home: hears the edge, keeps one conversation a peer, and survives whatever the edge says."""

import asyncio
import base64
import binascii
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Final

from aiohttp import ClientSession

from qrshared.errors import LocalError
from qrshared.jobs import keep_going
from qrshared.links.ice import IceServer
from qrshared.remote.answering import Connect, Connection, OnLink
from qrshared.remote.borrowed import BorrowedRelays
from qrshared.remote.conversation import Conversation, House, MintServers, RoomShare
from qrshared.remote.limits import MEETINGS_MAX, MEETINGS_PER_ROOM_MAX
from qrshared.remote.line import EdgeLine, EdgeState
from qrshared.remote.meeting import Meeting
from qrshared.seal import Role
from qrshared.signaling import Disconnected, Joined, Left, Refuse, Relayed, Servers
from qrshared.signaling.client import SignalEvent, full_jitter

log = logging.getLogger(__name__)

SWEEP_EVERY_S: Final = 10.0
"""How often all is looked through even if nothing is due."""

MIN_WAIT_S: Final = 0.05
"""However many peers have something due, they wait for the next look."""


async def load_aiortc() -> None:
    """Read the WebRTC library, in a thread: it takes a second, and most daemons are called once a day."""
    await asyncio.to_thread(_peer_connection)


async def connect_aiortc(servers: Sequence[IceServer]) -> Connection:
    """A peer connection of aiortc."""
    await load_aiortc()
    return _peer_connection()(servers)


def _peer_connection() -> Callable[[Sequence[IceServer]], Connection]:
    from qrshared.links.peer_connection import PeerConnection

    return PeerConnection


class RemoteDoor:
    """Keeps one line to one edge for as long as it is `open`."""

    def __init__(
        self,
        session: ClientSession,
        edge_url: str,
        *,
        rooms: Callable[[], Mapping[str, bytes]],
        on_link: OnLink,
        servers: MintServers,
        stun: Sequence[IceServer] = (),
        changed: Callable[[], None] = lambda: None,
        connect: Connect = connect_aiortc,
        prepare: Callable[[], Coroutine[None, None, None]] = load_aiortc,
        wait: Callable[[int], float] = full_jitter,
    ) -> None:
        """`rooms`: room id → secret of all who may come; say `rooms_changed` when they have.

        `on_link` owns a link until it returns; `changed` is called when `state` has, or a visitor's road.
        """
        self._line = EdgeLine(session, edge_url, changed=changed, wait=wait)
        self._wanted_rooms = rooms
        self._clock = asyncio.get_running_loop().time
        self._house = House(
            connect=connect, prepare=prepare, servers=servers, stun=stun, on_link=on_link,
            spawn=self._spawn, clock=self._clock, changed=changed,
        )  # fmt: skip
        self._borrowed = BorrowedRelays(edge_url, ask=self._line.ask_relay, clock=self._clock)
        self._rooms: dict[str, bytes] = {}
        self._shares: dict[str, RoomShare] = {}
        self._ours: dict[str, str] = {}
        self._conversations: dict[tuple[str, str], Conversation] = {}
        self._due = asyncio.Event()
        self._next_due = 0.0
        self._tasks: asyncio.TaskGroup | None = None
        self._spawned: set[asyncio.Task[None]] = set()
        self.rooms_changed()

    @property
    def state(self) -> EdgeState:
        """How the line fares."""
        return self._line.state

    @property
    def lends_relay(self) -> bool:
        """Whether the edge lends relays to a home that has none."""
        return self._line.lends_relay

    @property
    def connections(self) -> int:
        """Peer connections there are, those that are being opened included."""
        return self._house.connections

    @property
    def meetings(self) -> int:
        """Peers that are spoken with."""
        return len(self._conversations)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Reachable until the block ends, and its links with it."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            jobs = [
                tasks.create_task(keep_going(job, for_ever=True))
                for job in (self._line.follow, self._line.speak, self._say_again, self._listen)
            ]
            try:
                yield
            finally:
                self._tasks = None
                for task in [*jobs, *self._spawned]:
                    task.cancel()

    async def _listen(self) -> None:
        async with aclosing(self._line.events()) as events:
            async for event in events:
                self._hear(event)

    def wake(self) -> None:
        """The network has changed: look at once whether the edge is there."""
        self._line.wake()

    def rooms_changed(self) -> None:
        """Look again who may come."""
        wanted = dict(self._wanted_rooms())
        gone = [key for key in self._conversations if wanted.get(key[0]) != self._rooms.get(key[0])]
        for key in gone:
            self._conversations.pop(key).end()
        self._rooms = wanted
        self._shares = {room: share for room, share in self._shares.items() if room in wanted}
        self._ours = {room: ours for room, ours in self._ours.items() if room in wanted}
        self._borrowed.keep_only(wanted)
        self._line.enter(wanted)

    def _spawn(self, work: Coroutine[None, None, None]) -> "asyncio.Task[None]":
        if self._tasks is None:
            work.close()
            raise LocalError(what="a remote door that works while it is closed")
        task = self._tasks.create_task(_safely(work))
        self._spawned.add(task)
        task.add_done_callback(self._spawned.discard)
        return task

    # --- what the edge says ----------------------------------------------------------------------------

    def _hear(self, event: SignalEvent) -> None:
        try:
            match event:
                case Relayed():
                    self._hear_envelope(event)
                case Joined(present=present):
                    for presence in present:
                        if presence.room in self._rooms:
                            self._meet_anew(presence.room, presence.you, presence.peers)
                case Left(room=room, peer=peer):
                    self._lose([(room, peer)])
                case Servers() | Refuse():
                    self._borrowed.hear(event)
                case Disconnected():
                    self._borrowed.lose()
                    self._lose(list(self._conversations))  # all have other ids when the line is back; links live on
                    self._ours.clear()
                case _:
                    pass
        except Exception:  # an edge is not to be trusted; the door outlives it
            log.exception("what the edge said could not be dealt with")

    def _meet_anew(self, room: str, ours: str, peers: Sequence[str]) -> None:
        """Forget whoever is not there, or knows us by another id."""
        is_same = self._ours.get(room) == ours
        self._ours[room] = ours
        self._lose([key for key in self._conversations if key[0] == room and not (is_same and key[1] in peers)])

    def _lose(self, keys: Sequence[tuple[str, str]]) -> None:
        for key in keys:
            conversation = self._conversations.pop(key, None)
            if conversation is not None:
                conversation.lose()

    def _hear_envelope(self, envelope: Relayed) -> None:
        secret = self._rooms.get(envelope.room)
        if secret is None or not self._share(envelope.room).envelope():
            return
        try:
            blob = base64.urlsafe_b64decode(envelope.blob + "=" * (-len(envelope.blob) % 4))
        except (ValueError, binascii.Error):
            return
        key = (envelope.room, envelope.peer)
        conversation = self._conversations.pop(key, None)
        if conversation is None:
            conversation = self._begin(envelope.room, envelope.peer, secret)
        self._conversations[key] = conversation  # at the end: the dict stays ordered by who was heard last
        try:
            conversation.hear(blob)
        except Exception:  # it ends this conversation alone
            log.exception("a conversation broke")
            conversation.is_over = True
        if conversation.is_over:
            self._conversations.pop(key, None)
        else:
            self._note_due(conversation)

    def _begin(self, room: str, peer: str, secret: bytes) -> Conversation:
        here = [key for key in self._conversations if key[0] == room]
        if len(here) >= MEETINGS_PER_ROOM_MAX:
            self._lose([self._least(here)])
        elif len(self._conversations) >= MEETINGS_MAX:
            self._lose([self._least(list(self._conversations))])
        meeting = Meeting(secret, Role.HOME, now=self._clock())
        meeting.start(self._clock())
        return Conversation(
            meeting,
            house=self._house,
            share=self._share(room),
            send=lambda blob: self._line.say(room, peer, blob),
            borrow=lambda: self._borrowed.for_peer(room, peer),
            lend=lambda: self._lend(room),
        )

    async def _lend(self, room: str) -> Sequence[IceServer]:
        """Its page may know the edge by another id by now, or its code may have ended; the link lives on."""
        here = (key[1] for key in reversed(self._conversations) if key[0] == room and self._is_verified(key))
        return await self._borrowed.for_device(room, next(here, None))

    def _is_verified(self, key: tuple[str, str]) -> bool:
        return self._conversations[key].is_verified

    def _least(self, keys: Sequence[tuple[str, str]]) -> tuple[str, str]:
        """Who can be spared: one that proved nothing, else the one that was heard of longest ago."""
        return next((key for key in keys if not self._conversations[key].is_verified), keys[0])

    def _share(self, room: str) -> RoomShare:
        share = self._shares.get(room)
        if share is None:
            share = self._shares[room] = RoomShare(self._clock)
        return share

    # --- what is said again ----------------------------------------------------------------------------

    def _note_due(self, conversation: Conversation) -> None:
        due = conversation.next_due()
        if due is not None and due < self._next_due:
            self._due.set()

    async def _say_again(self) -> None:
        """One timer for all: says what is due, and forgets whose time is over."""
        while True:
            self._due.clear()
            now = self._clock()
            for key, conversation in list(self._conversations.items()):
                self._say_due(key, conversation, now)
            dues = [due for each in self._conversations.values() if (due := each.next_due()) is not None]
            self._next_due = min([now + SWEEP_EVERY_S, *dues])
            try:
                async with asyncio.timeout(max(MIN_WAIT_S, self._next_due - now)):
                    await self._due.wait()
            except TimeoutError:
                pass

    def _say_due(self, key: tuple[str, str], conversation: Conversation, now: float) -> None:
        try:
            due = conversation.next_due()
            if due is not None and due <= now:
                conversation.speak()
        except Exception:  # it ends this conversation alone
            log.exception("a conversation broke")
            conversation.is_over = True
        if conversation.is_over:
            self._conversations.pop(key, None)


async def _safely(work: Coroutine[None, None, None]) -> None:
    """A task that breaks is heard of, and ends nothing but itself."""
    try:
        await work
    except Exception:  # it ends this task alone
        log.exception("a task of the remote door broke")
