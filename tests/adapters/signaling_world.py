"""Edges on loopback for tests, peers that speak raw words to them, and a Redis of one's own."""

import asyncio
import dataclasses
import json
import secrets
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse, ClientWSTimeout, TCPConnector, WSMsgType

from qrshared.serving import BuiltPage
from qrshared.serving.page import Asset
from qrshared.signaling import (
    TURN_TTL_S,
    Bus,
    EdgeLimits,
    EdgeServer,
    MemoryBoard,
    MemoryBus,
    TurnKind,
    TurnServer,
    TurnSource,
)
from tests.parts import find
from tests.waiting import until_listening

PATIENCE_S = 60.0
Said = dict[str, Any]


def room_id() -> str:
    """A room nobody knows."""
    return secrets.token_urlsafe(16)


class Peer:
    """A WebSocket that says and hears one JSON object at a time."""

    def __init__(self, websocket: ClientWebSocketResponse) -> None:
        self.websocket = websocket

    async def say(self, **words: object) -> None:
        await self.websocket.send_str(json.dumps(words))

    async def hear(self, kind: str) -> Said:
        """The next message of this kind; anything else but a ping is wrong."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                message = await self.websocket.receive()
                assert message.type is WSMsgType.TEXT, (kind, message)
                said: Said = json.loads(message.data)
                if said["t"] == kind:
                    return said
                assert said["t"] == "ping", f"waited for {kind}, heard {said}"

    async def silent(self) -> None:
        """Nothing was said to it: what it asks now is answered first."""
        await self.say(t="ping")
        await self.hear("pong")

    async def ended(self) -> int:
        """Read to the end; the close code."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                message = await self.websocket.receive()
                if message.type is WSMsgType.CLOSE:
                    return int(message.data)  # what the client itself remembers depends on how its own goodbye went
                if message.type is not WSMsgType.TEXT:
                    return self.websocket.close_code or 1006

    async def join(self, *rooms: str) -> list[Said]:
        await self.say(t="join", rooms=list(rooms))
        present: list[Said] = (await self.hear("joined"))["present"]
        return present


@dataclass
class Replica:
    """One edge, and how to reach it."""

    server: EdgeServer
    port: int
    session: ClientSession

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def peer(self, **headers: str) -> AsyncIterator[Peer]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        patience = ClientWSTimeout(ws_close=0.5)
        async with self.session.ws_connect(f"{self.url}/signal", headers=sent, timeout=patience) as websocket:
            peer = Peer(websocket)
            turn = {"turn": True} if self.server.edge.welcome().turn else {}
            assert await peer.hear("welcome") == {"t": "welcome", "version": 1, **turn}
            yield peer

    async def status(self, path: str = "/signal", **headers: str) -> int:
        """What plain HTTP is answered; a WebSocket's headers are sent to `/signal`."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if path == "/signal":
            sent |= {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                     "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}  # fmt: skip
        async with self.session.get(f"{self.url}{path}", headers=sent) as answer:
            return answer.status

    async def json(self, path: str) -> Said:
        async with self.session.get(f"{self.url}{path}") as answer:
            found: Said = json.loads(await answer.text())
            return found


def session_of_many() -> ClientSession:
    """Without a client's own limit of 100 connections."""
    return ClientSession(connector=TCPConnector(limit=0))


GENEROUS = EdgeLimits(visits_burst=10_000, sockets_per_address=5_000, sockets=10_000)
"""All peers of a test come from one address."""


FREE = dataclasses.replace(GENEROUS, messages_burst=1e9, bytes_burst=1e12)
"""And a test may say much."""


_HTML = Asset(b"<title>page</title>", "text/html; charset=utf-8", "etag", "no-cache")
PAGE = BuiltPage({"/": _HTML, "/p": _HTML})
"""So that tests need no build."""


@asynccontextmanager
async def edge(
    bus: Bus | None = None,
    *,
    limits: EdgeLimits = GENEROUS,
    trusted: Sequence[Any] = (),
    turn: TurnSource | None = None,
    page: BuiltPage = PAGE,
    port: int = 0,
) -> AsyncIterator[Replica]:
    """A running edge; alone unless it gets a bus."""
    clock = asyncio.get_running_loop().time
    own = bus if bus is not None else MemoryBus(MemoryBoard(clock), secrets.token_urlsafe(6))
    server = EdgeServer(own, limits=limits, trusted_proxies=trusted, turn=turn, page=page)
    async with session_of_many() as session, server:
        yield Replica(server, await server.listen(host="127.0.0.1", port=port), session)


@dataclass
class RedisServer:
    """A Redis that a test may kill and start again, on the same port."""

    port: int
    folder: Path
    process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    async def start(self) -> None:
        program = find("redis-server")
        assert program is not None
        self.process = await asyncio.create_subprocess_exec(
            program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
            "--dir", str(self.folder), "--daemonize", "no", stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        await until_listening("127.0.0.1", self.port)

    async def kill(self) -> None:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def redis_server(folder: Path) -> AsyncIterator[RedisServer]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = RedisServer(port, folder)
    await server.start()
    try:
        yield server
    finally:
        await server.kill()


class CountingTurn:
    """A source that notes who asked, and may be made to have nothing, or to take its time."""

    kind = TurnKind.STATIC

    def __init__(self) -> None:
        self.labels: list[str] = []
        self.is_down = False
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def mint(self, label: str, ttl_s: int = TURN_TTL_S) -> tuple[TurnServer, ...]:
        self.labels.append(label)
        await self.may_answer.wait()
        return () if self.is_down else (TurnServer(("turn:relay.example.org:3478",), f"9:{label}", "pw"),)


async def met(a: Peer, b: Peer, room: str, *, both_ways: bool = True) -> tuple[str, str]:
    """Put two peers into a room and let them exchange envelopes; their ids, as the other sees them."""
    (alone,) = await a.join(room)
    (second,) = await b.join(room)
    while not second["peers"]:
        (second,) = (await b.hear("joined"))["present"]
    await a.hear("joined")
    await a.say(t="relay", room=room, to=second["you"], seq=1, blob="YQ")
    await b.hear("relayed")
    if both_ways:
        await b.say(t="relay", room=room, to=alone["you"], seq=1, blob="Yg")
        await a.hear("relayed")
    return alone["you"], second["you"]


async def meet(here: Replica, there: Replica | None = None) -> None:
    """Two peers find each other in a room and exchange an envelope each way."""
    room = room_id()
    async with here.peer() as a, (there or here).peer() as b:
        (alone,) = await a.join(room)
        assert alone["peers"] == []
        (second,) = await b.join(room)
        while not second["peers"]:
            (second,) = (await b.hear("joined"))["present"]
        (first,) = (await a.hear("joined"))["present"]
        assert first["peers"] == [second["you"]]
        assert second["peers"] == [first["you"]]
        for sender, receiver, mine, yours in ((a, b, first, second), (b, a, second, first)):
            await sender.say(t="relay", room=room, to=yours["you"], seq=7, blob="b3BhcXVl")
            heard = await receiver.hear("relayed")
            assert heard == {"t": "relayed", "room": room, "peer": mine["you"], "seq": 7, "blob": "b3BhcXVl"}
            await sender.silent()
