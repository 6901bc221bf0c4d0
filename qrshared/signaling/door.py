"""The door of the edge: turns `GET /signal` into lines, within every limit, and reads what their peers say."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import WSCloseCode, WSMsgType, hdrs, web

from qrshared.serving import Caps, Gate, Socket, address_key
from qrshared.signaling.client_address import Network, client_address, is_within
from qrshared.signaling.codec import WrongMessage, decode_to_edge
from qrshared.signaling.edge import Edge
from qrshared.signaling.limits import SIGNAL_BYTES_MAX, Visits
from qrshared.signaling.line import CLOSE_WAIT_S, PeerLine, Spawn
from qrshared.signaling.messages import Join, Refuse, RefuseReason

RETRY_AFTER_S: Final = 30
"""What somebody is told who is turned away."""

SPARE_SOCKETS: Final = 256
"""Beside the visitors': for `/health`, and for an answer to whoever is one too many."""

SPARE_PER_ADDRESS: Final = 28
"""The same, for one address."""


class EdgeGate(Gate):
    """A trusted proxy speaks for many: each of its sockets counts alone here, and its visitors by their own address."""

    def __init__(self, caps: Caps, trusted: Sequence[Network]) -> None:
        super().__init__(caps)
        self._trusted = trusted
        self._proxied = 0

    def admit(self, socket: Socket) -> bool:
        if is_within(socket.address, self._trusted):
            self._proxied += 1
            socket.key = f"proxied {self._proxied}"
        return super().admit(socket)


@dataclass(frozen=True)
class _TurnedAway:
    """Who gets no socket, and why."""

    limit: str
    status: int
    sentence: str

    def answer(self) -> web.Response:
        return web.Response(
            status=self.status, headers={hdrs.RETRY_AFTER: str(RETRY_AFTER_S)}, text=self.sentence + "\n"
        )


_TOO_OFTEN: Final = _TurnedAway("visits", 429, "Too many connections at once.")
_TOO_MANY: Final = _TurnedAway("sockets_per_address", 429, "Too many connections are open.")
_NO_ROOM: Final = _TurnedAway("sockets", 503, "Everything is taken at the moment.")
_DRAINING: Final = _TurnedAway("draining", 503, "This server is going; another one is there.")


class SignalDoor:
    """Lets visitors in until `is_closed`."""

    def __init__(self, edge: Edge, *, trusted_proxies: Sequence[Network], spawn: Spawn) -> None:
        self.is_closed = False
        self._edge = edge
        self._limits = edge.limits
        self._counts = edge.counts
        self._trusted = tuple(trusted_proxies)
        self._spawn = spawn
        self._clock = asyncio.get_running_loop().time
        self._visits = Visits(per_s=self._limits.visits_per_s, burst=self._limits.visits_burst)
        self._by_address: Counter[str] = Counter()
        self._number = 0
        self.gate = EdgeGate(
            Caps(
                sockets=self._limits.sockets + SPARE_SOCKETS,
                per_address=self._limits.sockets_per_address + SPARE_PER_ADDRESS,
                handshake_deadline_s=self._limits.join_deadline_s,
            ),
            self._trusted,
        )

    async def enter(self, request: web.Request) -> web.StreamResponse:
        """The route's handler."""
        if not web.WebSocketResponse().can_prepare(request):
            return web.Response(status=426, headers={hdrs.UPGRADE: "websocket"}, text="This is not a page.\n")
        forwarded = request.headers.getall("X-Forwarded-For", ())
        address = client_address(request.remote or "", forwarded, self._trusted)
        key = address_key(address)
        away = self._objection(address, key)
        if away is not None:
            self._counts.turned_away[away.limit] += 1
            return away.answer()
        socket = self.gate.socket_of(request)
        if socket is not None:
            socket.upgraded()
        self._by_address[key] += 1
        try:
            # No compression: sealed envelopes do not shrink, and an inflater is a way to fill our memory.
            websocket = web.WebSocketResponse(
                compress=False, autoclose=False, autoping=False, timeout=CLOSE_WAIT_S, max_msg_size=SIGNAL_BYTES_MAX
            )
            await websocket.prepare(request)
            websocket.headers.clear()  # sent; an idle socket would keep a kilobyte of them
            if request.transport is not None:  # else gone already
                await self._converse(websocket, key, request.transport, socket)
        finally:
            self._by_address[key] -= 1
            if not self._by_address[key]:
                del self._by_address[key]
        return websocket

    def _objection(self, address: str, key: str) -> _TurnedAway | None:
        if self.is_closed:
            return _DRAINING
        if not self._visits.take(address, self._clock()):
            return _TOO_OFTEN
        if self._by_address[key] >= self._limits.sockets_per_address:
            return _TOO_MANY
        return _NO_ROOM if len(self._edge) >= self._limits.sockets else None

    async def _converse(
        self, websocket: web.WebSocketResponse, key: str, transport: asyncio.Transport, socket: Socket | None
    ) -> None:
        self._number += 1
        line = PeerLine(
            self._number, key, websocket, transport, limits=self._limits, counts=self._counts, spawn=self._spawn,
            now=self._clock(),
        )  # fmt: skip
        self._edge.arrive(line)
        try:
            await line.say(self._edge.welcome())
            code = await self._listen_to(line, websocket, socket)
            if code is not None:
                await line.close(code)
        finally:
            line.is_gone = True
            await self._edge.depart(line)

    async def _listen_to(
        self, line: PeerLine, websocket: web.WebSocketResponse, socket: Socket | None
    ) -> WSCloseCode | None:
        """Read until the peer goes (None), or until it says what ends the socket."""
        while True:
            message = await websocket.receive()
            match message.type:
                case WSMsgType.TEXT | WSMsgType.PING | WSMsgType.PONG:
                    if not line.hear(len(message.data), self._clock()):
                        return await self._refuse(line, RefuseReason.TOO_FAST)
                    if message.type is WSMsgType.PING:
                        await line.pong(bytes(message.data))
                    if message.type is not WSMsgType.TEXT:
                        continue
                case WSMsgType.BINARY:
                    return await self._refuse(line, RefuseReason.MALFORMED)
                case WSMsgType.CLOSE:
                    return WSCloseCode.OK
                case _:
                    return None
            try:
                said = decode_to_edge(message.data)
            except WrongMessage:
                return await self._refuse(line, RefuseReason.MALFORMED)
            if socket is not None and isinstance(said, Join):
                socket.sealed()  # it has business here: the deadline to join is lifted
                socket = None
            self._counts.heard[type(said).__name__.lower()] += 1
            await self._edge.hear(line, said)

    async def _refuse(self, line: PeerLine, reason: RefuseReason) -> WSCloseCode:
        self._counts.refused[reason] += 1
        await line.say(Refuse(reason))
        return WSCloseCode.POLICY_VIOLATION
