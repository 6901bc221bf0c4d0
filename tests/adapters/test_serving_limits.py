"""Every limit in the table stops whoever goes beyond, and lets pass whoever does not."""

import asyncio
import sys
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import ClientSession, WSMsgType

from qrshared.lan import Visitor
from qrshared.links import Link, LinkClosed, connect_websocket
from qrshared.serving import LIMITS, BuiltPage, Caps, FailedHandshakes, Limit, address_key
from qrshared.serving.accept import Gate, Socket
from qrshared.serving.limits import (
    HANDSHAKE_BYTES_MAX,
    HEADER_BYTES_MAX,
    SOCKETS_MAX,
    SOCKETS_PER_ADDRESS_MAX,
    STRANGER_BYTES_MAX,
    TRACKED_ADDRESSES_MAX,
    WAITING_PER_ADDRESS_MAX,
    affordable_sockets,
)
from qrshared.serving.page import Asset
from tests.adapters.lan_world import World, running, status
from tests.waiting import until

HALF_A_REQUEST = b"GET /health HTTP/1.1\r\nHost: x\r\nX-a: "


class Peer:
    """A socket that is held open on purpose."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, world: World, *, says: bytes = b"") -> "Peer":
        peer = cls(*await asyncio.open_connection("127.0.0.1", world.port))
        if says:
            peer.writer.write(says)
        return peer

    async def is_dropped(self, *, within_s: float = 3.0) -> bool:
        try:
            async with asyncio.timeout(within_s):
                while await self.reader.read(65_536):
                    pass
                return True
        except TimeoutError:
            return False
        except ConnectionError:
            return True


async def _peers(world: World, count: int, *, says: bytes = b"") -> list[Peer]:
    return [await Peer.connect(world, says=says) for _ in range(count)]


async def _close(peers: list[Peer]) -> None:
    for peer in peers:
        peer.writer.close()


async def sockets() -> None:
    gate = Gate(Caps(sockets=4))
    strangers = [_socket_from(gate, f"192.168.1.{n}") for n in range(6)]
    assert [gate.admit(s) for s in strangers] == [True] * 4 + [False] * 2
    assert gate.admit(_socket_from(gate, "127.0.0.1"))  # the owner's own computer
    gate.left(strangers[0])
    gate.left(strangers[1])
    assert gate.admit(strangers[5])


def _socket_from(gate: Gate, address: str) -> Socket:
    socket = Socket(gate, asyncio.Protocol())
    socket.address, socket.key = address, address_key(address)
    return socket


async def sockets_per_address() -> None:
    # sockets that have had an answer no longer wait, but they count for their address
    async with running(caps=Caps(per_address=3)) as world:
        request = f"GET /health HTTP/1.1\r\nHost: 127.0.0.1:{world.port}\r\n\r\n".encode()
        inside = await _peers(world, 3, says=request)
        for peer in inside:
            assert status(await peer.reader.readuntil(b"\r\n\r\n")) == 200
        over = await Peer.connect(world)
        assert await over.is_dropped()
        assert world.gate.counts.open == 3
        assert world.gate.counts.refused == 1
        inside[0].writer.close()
        await until(lambda: world.gate.counts.open == 2)
        assert status(await world.get("/health")) == 200
        await _close(inside)


async def waiting_sockets_per_address() -> None:
    async with running(caps=Caps(waiting_per_address=3)) as world:
        waiting = await _peers(world, 3, says=HALF_A_REQUEST)
        await until(lambda: world.gate.counts.waiting == 3)
        over = await Peer.connect(world, says=HALF_A_REQUEST)
        assert await over.is_dropped()
        await _close(waiting)
        await until(lambda: world.gate.counts.waiting == 0)
        assert status(await world.get("/health")) == 200


async def header_deadline() -> None:
    async with running(caps=Caps(header_deadline_s=0.3)) as world:
        abusive = [*await _peers(world, 5, says=HALF_A_REQUEST), *await _peers(world, 5)]
        dropped = await asyncio.gather(*(peer.is_dropped() for peer in abusive))
        assert all(dropped)
        assert world.gate.counts.cut == 10
        assert status(await world.get("/health")) == 200


async def idle_keep_alive() -> None:
    async with running(caps=Caps(idle_keep_alive_s=0.3)) as world:
        request = f"GET /health HTTP/1.1\r\nHost: 127.0.0.1:{world.port}\r\n\r\n".encode()
        peer = await Peer.connect(world, says=request)
        assert status(await peer.reader.readuntil(b"\r\n\r\n")) == 200
        peer.writer.write(request)  # in time: the same socket is answered again
        assert status((await peer.reader.readuntil(b"HTTP/1.1"))[-8:] + await peer.reader.readuntil(b"\r\n\r\n")) == 200
        assert await peer.is_dropped(within_s=10)


async def stall() -> None:
    much = Asset(body=bytes(64 << 20), content_type="text/plain", etag="much", cache_control="no-store")
    async with running(caps=Caps(stall_s=3.0), page=BuiltPage({"/": much})) as world:  # a busy machine stalls, too
        asks = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{world.port}\r\n\r\n".encode()
        sleeping = await Peer.connect(world, says=asks)
        await until(lambda: world.gate.counts.cut == 1)
        assert await sleeping.is_dropped()
        reading = await Peer.connect(world, says=asks)
        received = 0
        while received < len(much.body):
            received += len(some := await reading.reader.read(1 << 20))
            assert some, "it was cut though it read"
        assert world.gate.counts.cut == 1
        reading.writer.close()


async def handshake_deadline() -> None:
    sealed = asyncio.Event()

    async def session(link: Link, visitor: Visitor) -> None:
        if sealed.is_set():
            visitor.sealed(True)
        try:
            await link.receive()
        except LinkClosed:
            return

    async with running(caps=Caps(handshake_deadline_s=0.3), on_link=session) as world, ClientSession() as client:
        url = f"http://127.0.0.1:{world.port}"
        silent = await connect_websocket(client, f"{url}/link", origin=url)
        await until(lambda: world.gate.counts.waiting == 1)
        with pytest.raises(LinkClosed):
            await silent.receive()
        assert world.gate.counts.cut == 1
        sealed.set()
        known = await connect_websocket(client, f"{url}/link", origin=url)
        await until(lambda: len(world.visitors) == 2 and world.gate.counts.waiting == 0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await known.receive()
        await known.close()


async def handshake_bytes() -> None:
    stays = asyncio.Event()

    async def session(link: Link, visitor: Visitor) -> None:
        if stays.is_set():
            visitor.sealed(True)
        while True:
            await link.receive()

    async with running(caps=Caps(handshake_bytes=4096), on_link=session) as world, ClientSession() as client:
        url = f"http://127.0.0.1:{world.port}"
        talker = await connect_websocket(client, f"{url}/link", origin=url)
        await talker.send(bytes(2000))
        await talker.send(bytes(3000))
        with pytest.raises(LinkClosed):
            await talker.receive()
        assert world.gate.counts.cut == 1
        stays.set()
        known = await connect_websocket(client, f"{url}/link", origin=url)
        await until(lambda: len(world.visitors) == 2 and world.gate.counts.waiting == 0)
        await known.send(bytes(60_000))
        await known.close()
        assert world.gate.counts.cut == 1


async def stranger_bytes() -> None:
    """A peer without a key says its ration and is cut at the next byte; one with a key says what it likes."""
    is_known = asyncio.Event()

    async def session(link: Link, visitor: Visitor) -> None:
        visitor.sealed(is_known.is_set())
        while True:
            await link.receive()

    caps = Caps(stranger_bytes=4096, stranger_bytes_s=0)
    async with running(caps=caps, on_link=session) as world, ClientSession() as client:
        url = f"http://127.0.0.1:{world.port}"
        stranger = await connect_websocket(client, f"{url}/link", origin=url)
        await until(lambda: len(world.visitors) == 1)
        await stranger.send(bytes(2000))
        await stranger.send(bytes(3000))
        with pytest.raises(LinkClosed):
            await stranger.receive()
        assert world.gate.counts.cut == 1
        is_known.set()
        known = await connect_websocket(client, f"{url}/link", origin=url)
        await until(lambda: len(world.visitors) == 2)
        await known.send(bytes(60_000))
        await known.close()
        assert world.gate.counts.cut == 1


async def failed_handshakes() -> None:
    async def session(link: Link, visitor: Visitor) -> None:
        visitor.refused()

    # by a name that is not this computer's own: that is never locked out
    async with running(on_link=session, per_minute=3, public_host="qr.example") as world, ClientSession() as client:
        url = f"http://127.0.0.1:{world.port}"
        elsewhere = {"Host": "qr.example", "Origin": "https://qr.example"}
        for _ in range(3):
            async with client.ws_connect(f"{url}/link", headers=elsewhere) as link:
                assert (await link.receive()).type in {WSMsgType.CLOSE, WSMsgType.CLOSED}
        async with client.get(
            f"{url}/link",
            headers={
                **elsewhere,
                "Upgrade": "websocket",
                "Connection": "Upgrade",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            },
        ) as answer:
            assert answer.status == 429
            assert 1 <= int(answer.headers["Retry-After"]) <= 20
        assert len(world.visitors) == 3
        for _ in range(5):
            here = await connect_websocket(client, f"{url}/link", origin=url)
            with pytest.raises(LinkClosed):
                await here.receive()
        assert len(world.visitors) == 8


async def header_bytes() -> None:
    async with running() as world:
        assert status(await world.get("/health", "X-a: " + "a" * (HEADER_BYTES_MAX - 100))) == 200
        assert status(await world.get("/health", "X-a: " + "a" * (HEADER_BYTES_MAX + 100))) == 400
        assert status(await world.get("/health?" + "a" * (HEADER_BYTES_MAX + 100))) == 400


async def linger() -> None:
    async with running() as world:
        origin = f"Host: 127.0.0.1:{world.port}\r\nOrigin: http://127.0.0.1:{world.port}\r\n"
        peer = await Peer.connect(world, says=f"POST /p HTTP/1.1\r\n{origin}Content-Length: 9\r\n\r\nx".encode())
        assert status(await peer.reader.readuntil(b"\r\n\r\n")) == 405
        assert await peer.is_dropped(within_s=10)


async def tracked_addresses() -> None:
    failed = FailedHandshakes(per_minute=1)
    failed.failed("10.0.0.1", 0)
    for number in range(TRACKED_ADDRESSES_MAX):
        failed.failed(f"10.1.{number >> 8}.{number & 255}", 0)
    assert len(failed._buckets) == TRACKED_ADDRESSES_MAX
    assert failed.is_allowed("10.0.0.1", 0)
    assert not failed.is_allowed("10.1.0.0", 0)


BEYOND: dict[str, Callable[[], Awaitable[None]]] = {
    "sockets": sockets,
    "sockets per address": sockets_per_address,
    "waiting sockets per address": waiting_sockets_per_address,
    "header deadline": header_deadline,
    "idle keep-alive": idle_keep_alive,
    "stall": stall,
    "handshake deadline": handshake_deadline,
    "handshake bytes": handshake_bytes,
    "stranger bytes": stranger_bytes,
    "stranger bytes a second": stranger_bytes,
    "failed handshakes": failed_handshakes,
    "header bytes": header_bytes,
    "linger": linger,
    "tracked addresses": tracked_addresses,
}


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
async def test_whoever_goes_beyond_a_limit_is_stopped(limit: Limit) -> None:
    assert limit.number > 0
    assert limit.beyond
    await BEYOND[limit.name]()


def test_the_defaults_are_the_tables() -> None:
    numbers = {limit.name: limit.number for limit in LIMITS}
    caps = Caps()
    assert caps.sockets <= numbers["sockets"] == SOCKETS_MAX == 512
    assert caps.per_address == numbers["sockets per address"] == SOCKETS_PER_ADDRESS_MAX == 128
    assert caps.waiting_per_address == numbers["waiting sockets per address"] == WAITING_PER_ADDRESS_MAX == 32
    assert caps.header_deadline_s == numbers["header deadline"] == 10
    assert caps.handshake_deadline_s == numbers["handshake deadline"] == 10
    assert caps.handshake_bytes == numbers["handshake bytes"] == HANDSHAKE_BYTES_MAX
    assert caps.stranger_bytes == numbers["stranger bytes"] == STRANGER_BYTES_MAX
    assert caps.idle_keep_alive_s == numbers["idle keep-alive"] == 30
    assert caps.stall_s == numbers["stall"] == 30


def test_failed_handshakes_come_back_one_by_one() -> None:
    failed = FailedHandshakes(per_minute=10)
    for _ in range(10):
        assert failed.is_allowed("192.168.1.9", 100.0)
        failed.failed("192.168.1.9", 100.0)
    assert not failed.is_allowed("192.168.1.9", 100.0)
    assert failed.retry_after_s("192.168.1.9", 100.0) == pytest.approx(6.0)
    assert not failed.is_allowed("192.168.1.9", 105.9)
    assert failed.is_allowed("192.168.1.9", 106.1)
    assert failed.is_allowed("192.168.1.10", 100.0)  # its neighbour never failed


def test_an_ipv6_host_cannot_escape_by_moving_within_its_64() -> None:
    assert address_key("2001:db8::1") == address_key("2001:db8::2:1") != address_key("2001:db8:0:1::1")
    assert address_key("fe80::1%eth0") != address_key("fe80::2%eth0")
    assert address_key("::ffff:192.168.1.9") == address_key("192.168.1.9")


@pytest.mark.skipif(sys.platform == "win32", reason="descriptor limits are POSIX")
def test_sockets_leave_half_of_the_descriptors_to_files() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        assert affordable_sockets() == 128
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert Caps().sockets <= SOCKETS_MAX
