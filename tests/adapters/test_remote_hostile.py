"""An edge that wants in: whatever it changes, swaps, replays or reflects, it gets no connection and no plaintext."""

import asyncio
import json
import secrets
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final

import pytest
from aiohttp import ClientConnectionResetError, ClientError, ClientSession, ClientWebSocketResponse, WSMsgType, web

from qrshared.links import Link, LinkClosed
from qrshared.links.ice import IceServer
from qrshared.remote import Connection, RemoteDoor, RemoteVisitor, limits, line
from qrshared.remote.door import connect_aiortc
from qrshared.seal import Role
from qrshared.seal.envelopes import Hello, encode_hello, is_sealed, parse_hello
from tests.adapters.remote_world import AwayPage, NoLink, away_page, linked, read, room_of, spelled
from tests.adapters.signaling_world import FREE, Replica, edge
from tests.waiting import until

HOME, PAGE = "home", "page"
TRY_S: Final = 4.0
"""The control needs a tenth of it, with all others beside it."""


@dataclass
class Seen:
    """What the edge knows of one room."""

    to: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    """Everything that was for each side, as it was said."""


Meddle = Callable[[str, bytes, Seen, Seen], bytes | None]
"""(for whom, envelope, what was seen in this room, and in another one) → what is handed over instead, or nothing."""


def other(side: str) -> str:
    return PAGE if side == HOME else HOME


def flip(at: float, bit: int) -> Meddle:
    """One bit, at this share of the envelope."""

    def meddle(_to: str, blob: bytes, _here: Seen, _there: Seen) -> bytes:
        place = min(int(at * len(blob)), len(blob) - 1)
        return blob[:place] + bytes([blob[place] ^ bit]) + blob[place + 1 :]

    return meddle


def cut(keep: Callable[[bytes], bytes]) -> Meddle:
    return lambda _to, blob, _here, _there: keep(blob)


def only_sealed(meddle: Meddle) -> Meddle:
    return lambda to, blob, here, there: meddle(to, blob, here, there) if is_sealed(blob) else blob


def only_hellos(meddle: Meddle) -> Meddle:
    return lambda to, blob, here, there: blob if is_sealed(blob) else meddle(to, blob, here, there)


def only_for(side: str, meddle: Meddle) -> Meddle:
    return lambda to, blob, here, there: meddle(to, blob, here, there) if to == side else blob


def replay_first(to: str, _blob: bytes, here: Seen, _there: Seen) -> bytes:
    return here.to[to][0]


def replay_first_sealed(to: str, blob: bytes, here: Seen, _there: Seen) -> bytes:
    return next((each for each in here.to[to] if is_sealed(each)), blob)


def reflect(to: str, _blob: bytes, here: Seen, _there: Seen) -> bytes | None:
    """Everybody gets back what it said itself."""
    said = here.to[other(to)]
    return said[-1] if said else None


def swap(to: str, _blob: bytes, _here: Seen, there: Seen) -> bytes | None:
    """Envelopes of another room, where others meet who share another secret."""
    return there.to[to][-1] if there.to[to] else None


def recount(count: int) -> Meddle:
    return cut(lambda blob: blob[:1] + count.to_bytes(8, "big") + blob[9:])


def noise(_to: str, blob: bytes, _here: Seen, _there: Seen) -> bytes:
    return blob[:9] + secrets.token_bytes(len(blob) - 9)


def rewritten_hello(change: Callable[[Hello], Hello]) -> Meddle:
    return only_hellos(lambda _to, blob, _here, _there: encode_hello(change(parse_hello(blob))))


def gone(_to: str, _blob: bytes, _here: Seen, _there: Seen) -> None:
    return None


OWN_NONCE: Final = secrets.token_bytes(32)
TAMPERED: Final[dict[str, Meddle]] = {
    **{f"flip {bit:#x} at {at}": flip(at, bit) for at in (0, 0.1, 0.3, 0.5, 0.75, 0.99) for bit in (1, 0x80)},
    **{f"cut to {keep}": cut(itemgetter(slice(keep))) for keep in (0, 1, 9, 25, -1)},
    "one byte more": cut(lambda blob: blob + b"\0"),
    "twice in one": cut(lambda blob: blob + blob),
    "zeros": cut(lambda blob: blob[:1] + bytes(len(blob) - 1)),
    "noise": noise,
    "gone": gone,
    "replay the first": replay_first,
    "replay the first sealed": only_sealed(replay_first_sealed),
    "reflect": reflect,
    "reflect sealed": only_sealed(reflect),
    "reflect hellos": only_hellos(reflect),
    "swap": swap,
    "swap sealed": only_sealed(swap),
    "swap hellos": only_hellos(swap),
    "count 2 to the 40th": only_sealed(recount(2**40)),
    "highest count": only_sealed(recount(2**53 - 1)),
    "beyond the highest": only_sealed(recount(2**64 - 1)),
    "own nonce": rewritten_hello(lambda hello: Hello(hello.role, OWN_NONCE, hello.echo)),
    "own nonce, no echo": rewritten_hello(lambda hello: Hello(hello.role, OWN_NONCE, b"")),
    "own echo": rewritten_hello(lambda hello: Hello(hello.role, hello.nonce, OWN_NONCE)),
    "all are homes": rewritten_hello(lambda hello: Hello(Role.HOME, hello.nonce, hello.echo)),
    "all are pages": rewritten_hello(lambda hello: Hello(Role.PAGE, hello.nonce, hello.echo)),
}
ONE_SIDED_ANYWAY: Final = {"own echo", "all are homes", "all are pages"}
"""Of one side's hellos these change what the other never looks at, or says itself."""

ATTACKS: Final[dict[str, Meddle]] = {
    **TAMPERED,
    **{
        f"{name}, for the {side}": only_for(side, meddle)
        for name, meddle in TAMPERED.items()
        for side in (HOME, PAGE)
        if name not in ONE_SIDED_ANYWAY
    },
}


class Meddler:
    """An edge in front of an honest one: `…/home` and `…/page` tell it who comes, more than a real one would know."""

    def __init__(self, honest: Replica, attacks: dict[str, Meddle]) -> None:
        self._honest = honest
        self._attacks = attacks
        self.seen: dict[str, Seen] = defaultdict(Seen)
        self.handled = Counter[str]()

    @asynccontextmanager
    async def run(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_get("/{side}/signal", self._serve)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        near = web.WebSocketResponse()
        await near.prepare(request)
        side = request.match_info["side"]
        with suppress(ClientError):
            async with (
                self._honest.session.ws_connect(f"{self._honest.url}/signal") as far,
                asyncio.TaskGroup() as tasks,
            ):
                carrying = tasks.create_task(self._carry(far, near, side))
                async for message in near:
                    await far.send_str(message.data)
                carrying.cancel()
        return near

    async def _carry(self, far: ClientWebSocketResponse, near: web.WebSocketResponse, side: str) -> None:
        async for message in far:
            if message.type is not WSMsgType.TEXT:
                return
            said = json.loads(message.data)
            if said["t"] == "relayed":
                blob = self._meddle(said["room"], side, read(said["blob"]))
                if blob is None:
                    continue
                said["blob"] = spelled(blob)
            with suppress(ClientConnectionResetError):
                await near.send_str(json.dumps(said))

    def _meddle(self, room: str, to: str, blob: bytes) -> bytes | None:
        here = self.seen[room]
        here.to[to].append(blob)
        attack = self._attacks.get(room)
        if attack is None:
            return blob
        self.handled[room] += 1
        rooms = sorted(self.seen)
        there = self.seen[rooms[rooms.index(room) - 1]]
        return attack(to, blob, here, there)


@asynccontextmanager
async def counted_door(url: str, rooms: dict[str, bytes]) -> AsyncIterator[list[object]]:
    """A door, and every connection it began and link it got."""
    began: list[object] = []

    async def connect(servers: Sequence[IceServer]) -> Connection:
        began.append("connection")
        return await connect_aiortc(servers)

    async def on_link(link: Link, visitor: RemoteVisitor) -> None:
        began.append(visitor)
        try:
            await link.receive()
        except LinkClosed:
            return

    async def servers(_label: str) -> Sequence[IceServer]:
        return ()

    async with ClientSession() as session:
        door = RemoteDoor(session, url, rooms=lambda: rooms, on_link=on_link, servers=servers, connect=connect)
        async with door.open():
            yield began


async def tried(page: AwayPage) -> bool:
    """Whether this page gets anything out of its home."""
    try:
        async with asyncio.timeout(TRY_S), linked(page):
            return True
    except (TimeoutError, NoLink):
        return page.servers is not None


async def test_a_hundred_ways_to_meddle_give_no_connection_and_no_plaintext(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SAY_PER_S", "SAY_BURST_MAX", "READ_PER_S", "READ_BURST_MAX"):
        monkeypatch.setattr(line, name, 10_000.0)  # all rooms at once are more than one home has
    names = {room_of(secret): (name, secret) for name in ATTACKS for secret in [secrets.token_bytes(16)]}
    control = secrets.token_bytes(16)
    rooms = {room: secret for room, (_, secret) in names.items()}
    assert len(rooms) >= 99
    async with edge(limits=FREE) as honest:
        meddler = Meddler(honest, {room: ATTACKS[name] for room, (name, _) in names.items()})
        async with meddler.run() as url, counted_door(f"{url}/home", {**rooms, room_of(control): control}) as began:
            async with asyncio.TaskGroup() as tasks:
                trials = {room: tasks.create_task(_trial(url, secret)) for room, secret in rooms.items()}
            got_in = [names[room][0] for room, trial in trials.items() if trial.result()]
            assert got_in == []
            assert began == []
            untouched = [names[room][0] for room in rooms if not meddler.handled[room]]
            assert untouched == []

            async with away_page(f"{url}/page", control) as page:
                assert await tried(page)
            assert len(began) == 2
    assert not spoken_of_in([blob for seen in meddler.seen.values() for each in seen.to.values() for blob in each])


async def _trial(url: str, secret: bytes) -> bool:
    async with away_page(f"{url}/page", secret) as page:
        return await tried(page)


def spoken_of_in(blobs: Sequence[bytes]) -> set[bytes]:
    """Words of offers, answers, candidates and messages that stand in what the edge saw."""
    words = (b"candidate", b"fingerprint", b"ice-ufrag", b"UDP", b"127.0.0.1", b"sdp", b"call", b"servers", b'"t"')
    everything = b"\n".join(blobs)
    assert len(everything) > 10_000
    return {word for word in words if word in everything}


async def _nobody(_link: Link, _visitor: RemoteVisitor) -> None:
    raise AssertionError("somebody got in")


async def _none(_label: str) -> Sequence[IceServer]:
    return ()


class Flood:
    """An edge that says as much as it can: it lets everybody in at once and never waits for an answer."""

    def __init__(self, words: Callable[[str, int], str]) -> None:
        self._words = words
        self.said = 0

    @asynccontextmanager
    async def run(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_get("/signal", self._serve)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        websocket = web.WebSocketResponse()
        await websocket.prepare(request)
        await websocket.send_str('{"t":"welcome","version":1}')
        rooms = json.loads((await websocket.receive()).data)["rooms"]
        with suppress(ConnectionError):
            while not websocket.closed:
                await websocket.send_str(self._words(rooms[self.said % len(rooms)], self.said))
                self.said += 1
        return websocket


def _from_somebody_new(blob: bytes) -> Callable[[str, int], str]:
    spelled_blob = spelled(blob)

    def words(room: str, number: int) -> str:
        peer = spelled(number.to_bytes(6, "big"))
        return json.dumps({"t": "relayed", "room": room, "peer": peer, "seq": number, "blob": spelled_blob})

    return words


def _everybody_anew(room: str, number: int) -> str:
    return json.dumps(
        {"t": "joined", "present": [{"room": room, "you": spelled(number.to_bytes(6, "big")), "peers": []}]}
    )


@pytest.mark.parametrize(
    "words",
    [
        _from_somebody_new(encode_hello(Hello(Role.PAGE, OWN_NONCE, b""))),
        _from_somebody_new(b"\x02" + bytes(48_000)),
        _everybody_anew,
    ],
    ids=["hellos", "sealed", "joined"],
)
async def test_a_flood_is_read_slowly_and_remembered_little(words: Callable[[str, int], str]) -> None:
    flood = Flood(words)
    rooms = {room_of(secret): secret for secret in (secrets.token_bytes(16) for _ in range(100))}
    async with flood.run() as url, ClientSession() as session:
        door = RemoteDoor(session, url, rooms=lambda: rooms, on_link=_nobody, servers=_none)
        async with door.open():
            await until(lambda: flood.said > 1000)
            began, used = time.monotonic(), time.process_time()
            await asyncio.sleep(1.5)  # not to wait for something: so long it is measured
            took = time.process_time() - used
            assert door.meetings <= limits.MEETINGS_MAX
            # Half of it at most: both ends are in this process, and one that reads on takes all there is.
            assert took < (time.monotonic() - began) / 2
