"""What the door says to one peer of a room: nothing before it proved the secret, then servers, answers and refusals."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from qrshared.buckets import TokenBucket
from qrshared.errors import QrsharedError
from qrshared.links.ice import IceServer, has_relay
from qrshared.remote.answering import Attempt, Connect, OnLink
from qrshared.remote.limits import (
    ATTEMPTS_BURST_MAX,
    ATTEMPTS_PER_S,
    CONNECTIONS_MAX,
    CONNECTIONS_PER_ROOM_MAX,
    REFUSED_COST,
    ROOM_BURST_MAX,
    ROOM_PER_S,
    SERVERS_S,
)
from qrshared.remote.meeting import Heard, Meeting, Verified
from qrshared.remote.messages import (
    SERVERS_MAX,
    Bye,
    Call,
    Candidate,
    Failed,
    FailReason,
    MeetingMessage,
    Offer,
    RoadUsed,
    Servers,
)
from qrshared.remote.messages import IceServer as ToldServer

log = logging.getLogger(__name__)

MintServers = Callable[[str], Awaitable[Sequence[IceServer]]]
"""Servers for one connection; the label names it to a TURN provider, and names nobody."""


@dataclass
class House:
    """What all conversations share."""

    connect: Connect
    prepare: Callable[[], Coroutine[None, None, None]]
    """What `connect` will need, such as a large library: begun when a call comes, so that its offer need not wait."""
    servers: MintServers
    stun: Sequence[IceServer]
    """What there is when `servers` takes too long."""
    on_link: OnLink
    spawn: Callable[[Coroutine[None, None, None]], "asyncio.Task[None]"]
    """Starts a task that the door owns."""
    clock: Callable[[], float]
    changed: Callable[[], None]
    """Called when a visitor turns out to come by another road."""
    connections: int = 0

    async def mint(self) -> Sequence[IceServer]:
        """STUN and TURN, or STUN alone when that takes longer than a second."""
        try:
            async with asyncio.timeout(SERVERS_S):
                return await self.servers(secrets.token_hex(4))
        except (QrsharedError, OSError, TimeoutError) as fault:
            log.info("no relay could be had: %s", type(fault).__name__)
        except Exception:  # a provider may say anything; without a relay most still meet
            log.exception("no relay could be had")
        return self.stun


@dataclass
class RoomShare:
    """What one room may ask for; kept over all peers that come and go in it."""

    clock: Callable[[], float]
    connections: int = 0
    _envelopes: TokenBucket = field(init=False)
    _attempts: TokenBucket = field(init=False)

    def __post_init__(self) -> None:
        self._envelopes = TokenBucket(per_s=ROOM_PER_S, burst=ROOM_BURST_MAX, now=self.clock())
        self._attempts = TokenBucket(per_s=ATTEMPTS_PER_S, burst=ATTEMPTS_BURST_MAX, now=self.clock())

    def envelope(self) -> bool:
        """Whether one more is heard."""
        return self._envelopes.take(1, self.clock())

    def attempt(self, cost: float = 1) -> bool:
        """Whether one more is made."""
        return self._attempts.take(cost, self.clock())


Borrow: TypeAlias = Callable[[], Awaitable[Sequence[IceServer]]]
"""Relays that the edge lends, for a connection with one peer or of it."""


class Conversation:
    """One peer id of one room, until it leaves or the line is cut; what it opened lives on."""

    def __init__(
        self, meeting: Meeting, *, house: House, share: RoomShare, send: Callable[[bytes], None], borrow: Borrow,
        lend: Borrow,
    ) -> None:  # fmt: skip
        """`borrow` is for the links made here, `lend` for what their visitor opens elsewhere."""
        self._meeting = meeting
        self._house = house
        self._share = share
        self._send = send
        self._borrow = borrow
        self._lend = lend
        self._attempt: Attempt | None = None
        self._running: asyncio.Task[None] | None = None
        self._newest = -1
        self._admitted = -1
        self._minted: asyncio.Future[Sequence[IceServer]] | None = None
        self.is_verified = False
        self.is_over = False

    # --- the meeting -----------------------------------------------------------------------------------

    def hear(self, blob: bytes) -> None:
        """An envelope from the edge, whatever it is."""
        for event in self._meeting.receive(blob, self._house.clock()):
            match event:
                case Verified():
                    self.is_verified = True
                case Heard(message=message):
                    self._take(message)
                case _:
                    pass
        self.speak()

    def speak(self) -> None:
        """Say what is due."""
        for blob in self._meeting.blobs_to_send(self._house.clock()):
            self._send(blob)
        if self._meeting.over_reason is not None:
            self.is_over = True

    def next_due(self) -> float | None:
        """When there is something to say again."""
        return self._meeting.next_due()

    def lose(self) -> None:
        """Nothing more can be said to it; what it has begun may still succeed."""
        self.is_over = True

    def end(self) -> None:
        """It left, or may come no longer: what is not open yet stops; sessions end elsewhere, by their own rules."""
        self.lose()
        if self._running is not None and self._attempt is not None and not self._attempt.is_open:
            self._running.cancel()

    def _say(self, message: MeetingMessage) -> None:
        if not self.is_over and self._meeting.over_reason is None:
            self._meeting.say(message, self._house.clock())
            self.speak()

    # --- what the page asks for ------------------------------------------------------------------------

    def _take(self, message: MeetingMessage) -> None:
        match message:
            case Call(attempt=number):
                if self._admit(number):
                    self._minted = asyncio.get_running_loop().create_future()
                    self._house.spawn(self._provide(number, self._minted))
            case Offer(attempt=number, sdp=sdp):
                if number == self._admitted or self._admit(number):
                    self._answer(number, sdp)
            case Candidate(attempt=number):
                if self._attempt is not None and self._attempt.number == number:
                    self._attempt.hear(message)
            case RoadUsed(attempt=number, road=road):
                if self._attempt is not None and self._attempt.number == number:
                    self._attempt.note_road(road)
                    self._house.changed()
            case Failed(attempt=number):
                if self._attempt is not None and self._attempt.number == number:
                    self._give_up()
            case Bye():
                self.end()
            case _:
                pass  # servers and answers are ours to give

    def _admit(self, number: int) -> bool:
        """Whether this attempt is the next one, and within the room's share."""
        if number <= self._newest:
            return False
        self._newest = number
        self._minted = None
        if self._share.attempt():
            self._admitted = number
            return True
        self._say(Failed(number, FailReason.BUSY))
        return False

    async def _provide(self, number: int, minted: "asyncio.Future[Sequence[IceServer]]") -> None:
        self._house.spawn(self._house.prepare())
        servers = await self._house.mint()
        told = tuple(told_server(one) for one in servers)  # what the edge lends, the page asks it for itself
        self._say(Servers(number, told[:SERVERS_MAX]))
        minted.set_result(await self._with_relay(servers))

    async def _with_relay(self, servers: Sequence[IceServer]) -> Sequence[IceServer]:
        return servers if has_relay(servers) else (*servers, *await self._borrow())

    def _answer(self, number: int, sdp: str) -> None:
        if self._attempt is not None and self._attempt.number >= number:
            return
        self._give_up()
        if self._house.connections >= CONNECTIONS_MAX or self._share.connections >= CONNECTIONS_PER_ROOM_MAX:
            self._say(Failed(number, FailReason.BUSY))
            return
        minted = self._minted

        async def servers() -> Sequence[IceServer]:
            return await (self._with_relay(await self._house.mint()) if minted is None else asyncio.shield(minted))

        self._attempt = Attempt(
            number, sdp, connect=self._house.connect, servers=servers, say=self._say, on_link=self._house.on_link,
            refused=self._refused, borrow=self._lend,
        )  # fmt: skip
        self._house.connections += 1
        self._share.connections += 1
        self._running = self._house.spawn(self._attempt.run())
        self._running.add_done_callback(self._leave_place)

    def _leave_place(self, _over: "asyncio.Task[None]") -> None:
        self._house.connections -= 1
        self._share.connections -= 1

    def _refused(self) -> None:
        self._share.attempt(REFUSED_COST)

    def _give_up(self) -> None:
        """The attempt is replaced, or of no use to the page."""
        if self._attempt is None or self._running is None:
            return
        if self._attempt.is_open:
            self._house.spawn(self._attempt.hang_up())
        else:
            self._running.cancel()


def told_server(server: IceServer) -> ToldServer:
    """A server as the page hears of it."""
    return ToldServer(server.urls, server.username, server.credential)
