"""What a hostile peer of a WebRTC connection can make this side keep: pieces, streams, channels, addresses."""

import asyncio
import socket
from collections.abc import Callable

import pytest
from aioice import stun
from aiortc.rtcsctptransport import DataChunk

from qrshared.links import CloseReason
from qrshared.links.bounds import ADDRESSES_MAX, OVERRUN_BYTES_MAX, PIECES_MAX, STREAMS_MAX
from qrshared.links.datachannel import DataChannelLink
from qrshared.links.peer_connection import PeerConnection
from tests.adapters.links_world import connected, end_of

FIRST, LAST = 2, 1
BINARY = 53
DCEP = 50
OPEN_UNORDERED = b"\x03\x80" + b"\0" * 10


async def throw(peer: PeerConnection, victim: DataChannelLink, pieces: list[DataChunk]) -> None:
    """Send pieces as no browser does, no faster than they are taken in, until all are there or the link has ended."""
    sctp = peer._connection.sctp
    assert sctp is not None
    for place, piece in enumerate(pieces):
        piece.tsn = (sctp._local_tsn + place) & 0xFFFF_FFFF
        if victim._ended is not None:
            return
        try:
            await sctp._send_chunk(piece)
        except ConnectionError:
            return
        if place % 16 == 15:
            await asyncio.sleep(
                0.001
            )  # loopback has a buffer too: this is how fast an attacker is, and waits for nothing


def piece(flags: int, content: bytes, stream: int, *, protocol: int = BINARY) -> DataChunk:
    made = DataChunk(flags=flags)
    made.stream_id, made.stream_seq, made.protocol, made.user_data = stream, 0, protocol, content
    return made


def endless(content: bytes, count: int, stream: int) -> list[DataChunk]:
    """One message that never ends."""
    return [piece(FIRST if place == 0 else 0, content, stream) for place in range(count)]


@pytest.mark.parametrize(
    "attack",
    [
        pytest.param(lambda own: endless(b"x" * 1100, 3 * OVERRUN_BYTES_MAX // 1100, own), id="bytes"),
        pytest.param(lambda own: endless(b"x", 2 * PIECES_MAX, own), id="pieces"),
        pytest.param(lambda _own: [piece(FIRST, b"x", place) for place in range(4 * STREAMS_MAX)], id="streams"),
        pytest.param(
            lambda _own: [
                piece(FIRST | LAST, OPEN_UNORDERED, 3 + 2 * place, protocol=DCEP) for place in range(4 * STREAMS_MAX)
            ],
            id="channels",
        ),
    ],
)
async def test_a_peer_that_begins_more_than_it_ends_is_dropped(attack: Callable[[int], list[DataChunk]]) -> None:
    async with connected() as (peer, home, _, link):
        own = link._channel.id
        assert own is not None
        await throw(peer, link, attack(own))
        assert await end_of(link, within_s=10) == CloseReason.TOO_BIG
        sctp = home._connection.sctp
        assert sctp is not None
        assert sum(len(stream.reassembly) for stream in sctp._inbound_streams.values()) <= PIECES_MAX + 1


async def test_a_message_in_many_pieces_is_none_of_these() -> None:
    async with connected() as (_, _, there, link):
        whole = bytes(65_535)
        for _ in range(40):
            await there.send(whole)
        heard = 0
        async with asyncio.timeout(60):
            while heard < 40:
                heard += len(await link.receive())


async def test_a_peer_is_asked_back_at_so_many_addresses_only() -> None:
    async with connected() as (peer, home, there, link):
        assert home._ice is not None
        ice = home._ice._connection
        assert peer._ice is not None
        known = peer._ice._connection
        target = next(c for c in ice.local_candidates if ":" not in c.host)
        asked = check(known.local_username, ice.local_username, ice.local_password)
        sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2 * ADDRESSES_MAX)]
        try:
            for place, each in enumerate(sockets):
                each.bind((target.host, 0))
                each.sendto(asked, (target.host, target.port))
                each.settimeout(10)
                if place % 16 == 15:
                    await asyncio.to_thread(each.recv, 2048)  # all before it are looked into
            assert len(ice.remote_candidates) == ADDRESSES_MAX
        finally:
            for each in sockets:
                each.close()
        await there.send(b"still there")
        async with asyncio.timeout(60):
            assert list(await link.receive()) == [b"still there"]


def check(theirs: str, ours: str, password: str) -> bytes:
    """What a browser says to see whether a way works."""
    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    request.attributes["USERNAME"] = f"{ours}:{theirs}"
    request.attributes["PRIORITY"] = 1
    request.attributes["ICE-CONTROLLING"] = 1
    request.add_message_integrity(password.encode())
    return bytes(request)
