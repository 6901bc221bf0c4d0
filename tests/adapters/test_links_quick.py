"""The short way through aiortc: it is taken, it comes to the same as the long one, and what is hostile ends neither."""

import asyncio
import os
import random
import socket
from collections.abc import AsyncIterator, Callable
from struct import pack
from typing import TypeVar

import pytest
from aiortc import RTCDtlsTransport, RTCSctpTransport
from aiortc.rtcdtlstransport import RTCCertificate
from aiortc.rtcicetransport import RTCIceGatherer, RTCIceTransport
from aiortc.rtcsctptransport import DataChunk, InboundStream, InitChunk, SackChunk, parse_packet, serialize_packet
from google_crc32c import value as crc32c
from hypothesis import given
from hypothesis import strategies as st

from qrshared.links import quick
from qrshared.links.datachannel import DataChannelLink
from qrshared.links.peer_connection import PeerConnection
from qrshared.links.quick import (
    DATAGRAM_BYTES_MAX,
    PACKETS_A_CONFIRMATION,
    PACKETS_A_CONFIRMATION_BEHIND,
    Draining,
    QuickDtls,
    QuickSctp,
    QuickStream,
    quicken,
)
from tests.adapters.links_world import FULL_BATCH, connected, nothing_left

FIRST, LAST, UNORDERED = 2, 1, 4
NUMBERS = 1 << 32
OWN_TAG, PEER_TAG = 77, 88

T = TypeVar("T")


@pytest.fixture(autouse=True)
async def clean() -> AsyncIterator[None]:
    async with nothing_left():
        yield


def sctp_of(connection: PeerConnection) -> RTCSctpTransport:
    sctp = connection._connection.sctp
    assert sctp is not None
    return sctp


async def hears(link: DataChannelLink, wanted: list[bytes]) -> None:
    heard: list[bytes] = []
    async with asyncio.timeout(60):
        while len(heard) < len(wanted):
            heard += await link.receive()
    assert heard == wanted


async def test_a_connection_takes_the_short_way_through_the_versions_it_is_pinned_to() -> None:
    async with connected() as (here, there, sending, hearing):
        for connection in (here, there):
            sctp = sctp_of(connection)
            assert isinstance(sctp, QuickSctp)
            assert isinstance(sctp.transport, QuickDtls)
            ice = sctp.transport.transport._connection
            assert ice._nominated[1].protocol.transport.get_protocol().__class__ is Draining
        await sending.send(*FULL_BATCH)
        await hears(hearing, FULL_BATCH)
        assert {type(stream) for stream in sctp_of(there)._inbound_streams.values()} == {QuickStream}


@pytest.mark.parametrize("name", ["aiortc", "aioice"])
async def test_with_any_other_version_nothing_is_touched(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(quick.KNOWN_VERSIONS, name, "0.0.")
    async with connected() as (here, _, sending, hearing):
        sctp = sctp_of(here)
        assert type(sctp) is RTCSctpTransport
        assert type(sctp.transport) is RTCDtlsTransport
        ice = sctp.transport.transport._connection
        assert not isinstance(ice._nominated[1].protocol.transport.get_protocol(), Draining)
        await sending.send(*FULL_BATCH)
        await hears(hearing, FULL_BATCH)


def pieces_of(sizes: list[int], first: int, mixed: random.Random | None = None) -> list[DataChunk]:
    """Messages of so many pieces each, numbered through; with `mixed`, some are unordered."""
    made, turn = [], 0
    for message, size in enumerate(sizes):
        is_unordered = mixed is not None and mixed.random() < 0.3
        for place in range(size):
            chunk = DataChunk(flags=(FIRST if place == 0 else 0) | (LAST if place == size - 1 else 0))
            chunk.flags |= UNORDERED if is_unordered else 0
            chunk.tsn, chunk.stream_seq = (first + len(made)) % NUMBERS, 0 if is_unordered else turn
            chunk.protocol, chunk.user_data = 53, bytes([message, place])
            made.append(chunk)
        turn += not is_unordered
    return made


def disturb(things: list[T], chance: random.Random) -> None:
    """Some late by a few, as a network does it."""
    for place in range(len(things)):
        other = min(len(things) - 1, place + chance.choice((0, 0, 1, 2, 5)))
        things[place], things[other] = things[other], things[place]


@given(st.lists(st.integers(1, 6), min_size=1, max_size=8), st.integers(0, 40), st.booleans(), st.randoms())
def test_messages_come_out_of_any_order_of_their_pieces_as_with_aiortc(
    sizes: list[int], back: int, is_mixed: bool, chance: random.Random
) -> None:
    arriving = pieces_of(sizes, NUMBERS - back, chance if is_mixed else None)
    disturb(arriving, chance)
    ours, theirs = QuickStream(), InboundStream()
    count = 0
    for chunk in arriving:
        ours.add_chunk(chunk)
        theirs.add_chunk(chunk)
        whole = list(theirs.pop_messages())
        assert list(ours.pop_messages()) == whole
        assert [c.tsn for c in ours.reassembly] == [c.tsn for c in theirs.reassembly]
        assert ours.sequence_number == theirs.sequence_number
        count += len(whole)
    assert count == len(sizes)


@pytest.mark.parametrize("seed", range(20))
async def test_what_has_come_is_known_by_the_same_numbers_as_with_aiortc(seed: int) -> None:
    chance = random.Random(seed)
    ours, theirs = an_association(), RTCSctpTransport(a_dtls())
    ours._last_received_tsn = theirs._last_received_tsn = start = NUMBERS - 20
    numbers = [(start + 1 + place) % NUMBERS for place in range(60)]
    numbers += chance.sample(numbers, 10)
    disturb(numbers, chance)
    for number in numbers:
        assert ours._mark_received(number) == theirs._mark_received(number)
        assert ours._last_received_tsn == theirs._last_received_tsn
        assert ours._sack_misordered == theirs._sack_misordered
        assert ours._sack_duplicates == theirs._sack_duplicates


class Sent:
    """In the place of DTLS: what SCTP sends."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []

    async def send(self, packet: bytes) -> None:
        self.packets.append(packet)

    def confirmed(self) -> list[SackChunk]:
        found = [chunk for packet in self.packets for chunk in parse_packet(packet)[3]]
        return [chunk for chunk in found if isinstance(chunk, SackChunk)]


def a_dtls() -> RTCDtlsTransport:
    return RTCDtlsTransport(RTCIceTransport(RTCIceGatherer([])), [RTCCertificate.generateCertificate()])


def an_association_of_aiortc(sent: Sent) -> RTCSctpTransport:
    sctp = RTCSctpTransport(a_dtls())
    sctp._remote_port = 5000
    sctp.transport._send_data = sent.send  # type: ignore[method-assign]
    return sctp


def an_association(sent: Sent | None = None) -> QuickSctp:
    sctp = RTCSctpTransport(a_dtls())
    sctp._local_verification_tag, sctp._remote_verification_tag = OWN_TAG, PEER_TAG
    sctp._remote_port, sctp._last_received_tsn = 5000, 99
    assert quicken(sctp)
    assert isinstance(sctp, QuickSctp)
    if sent is not None:
        sctp.transport._send_data = sent.send  # type: ignore[method-assign]
    return sctp


def packet(*numbers: int, tag: int = OWN_TAG) -> bytes:
    (chunk,) = pieces_of([1], numbers[0])
    return serialize_packet(5000, 5000, tag, chunk)


@pytest.mark.parametrize(
    ("is_behind", "together"), [(False, PACKETS_A_CONFIRMATION), (True, PACKETS_A_CONFIRMATION_BEHIND)]
)
async def test_every_few_packets_are_confirmed_and_the_last_of_a_batch(is_behind: bool, together: int) -> None:
    sent = Sent()
    sctp = an_association(sent)
    sctp.is_behind = is_behind
    for number in range(100, 100 + together + 1):
        await sctp._handle_data(packet(number))
    assert [sack.cumulative_tsn for sack in sent.confirmed()] == [99 + together]
    await sctp.confirm()
    await sctp.confirm()
    assert [sack.cumulative_tsn for sack in sent.confirmed()][1:] == [100 + together]


async def test_a_gap_and_what_comes_twice_are_told_at_once() -> None:
    sent = Sent()
    sctp = an_association(sent)
    await sctp._handle_data(packet(101))
    assert [(sack.cumulative_tsn, sack.gaps) for sack in sent.confirmed()] == [(99, [(2, 2)])]
    await sctp._handle_data(packet(100))
    assert not sent.confirmed()[1:]
    await sctp._handle_data(packet(100))
    assert [(sack.cumulative_tsn, sack.duplicates) for sack in sent.confirmed()][1:] == [(101, [100])]


def corrupted(whole: bytes) -> bytes:
    return whole[:-1] + bytes([whole[-1] ^ 1])


def of_length(length: int) -> bytes:
    """A piece that says that it is so long."""
    start = packet(100)[:8]
    body = pack("!BBH", 0, 3, length) + packet(100)[16:]
    return start + pack("<L", crc32c(start + bytes(4) + body)) + body


@pytest.mark.parametrize(
    "hostile",
    [b"", b"\0", bytes(16), packet(100)[:15], corrupted(packet(100)), of_length(0), of_length(3), of_length(4000),
     packet(100, tag=OWN_TAG + 1), os.urandom(1200)],
    ids=["empty", "one byte", "zeros", "cut", "checksum", "length 0", "length 3", "too long", "tag", "noise"],
)  # fmt: skip
async def test_what_is_no_packet_of_the_peer_changes_nothing(hostile: bytes) -> None:
    sent = Sent()
    sctp = an_association(sent)
    await sctp._handle_data(hostile)
    await sctp.confirm()
    assert sctp._last_received_tsn == 99
    assert not sctp._inbound_streams
    assert not sent.packets
    await sctp._handle_data(packet(100))
    assert sctp._last_received_tsn == 100  # the control: a real one is taken


async def test_pieces_that_come_with_something_else_are_taken_by_aiortc() -> None:
    sent = Sent()
    sctp = an_association(sent)
    sack = SackChunk()
    sack.cumulative_tsn = sctp._last_sacked_tsn
    together = bytes(sack) + bytes(pieces_of([1], 100)[0])
    start = packet(100)[:8]
    await sctp._handle_data(start + pack("<L", crc32c(start + bytes(4) + together)) + together)
    assert sctp._last_received_tsn == 100
    assert [sack.cumulative_tsn for sack in sent.confirmed()] == [100]
    together = bytes(pieces_of([1], 101)[0]) + bytes(InitChunk())
    with pytest.raises(AssertionError):  # as aiortc; it ends the connection
        await sctp._handle_data(start + pack("<L", crc32c(start + bytes(4) + together)) + together)


THROWN = [
    b"", b"\x17", b"\x17\xfe\xfd" + bytes(200), b"\x17" + os.urandom(1200), b"\x15" * 40, b"\x16\xfe\xfd" + bytes(80),
    b"\x80" * 60, b"\0\1" + bytes(18), b"\x17" * (DATAGRAM_BYTES_MAX + 1),
]  # fmt: skip


class Losing:
    """On the way from one end to the other: what gets lost, told from the packet's place."""

    def __init__(self, connection: PeerConnection, is_lost: Callable[[int], bool]) -> None:
        dtls = sctp_of(connection).transport
        self._hand_on = dtls._send_data
        self._is_lost = is_lost
        self.count = self.lost = 0
        dtls._send_data = self._send  # type: ignore[method-assign]

    async def _send(self, data: bytes) -> None:
        self.count += 1
        if self._is_lost(self.count):
            self.lost += 1
        else:
            await self._hand_on(data)


@pytest.mark.parametrize(
    "is_lost",
    [
        pytest.param(lambda place: place % 17 == 0, id="one of many"),
        pytest.param(lambda place: place % 200 in range(100, 105), id="a row"),
        pytest.param(lambda place: place % 60 == 57, id="ends of messages"),
        pytest.param(lambda place: place in range(20, 28), id="the whole window"),
    ],
)
@pytest.mark.parametrize("both_ways", [False, True], ids=["pieces", "pieces and confirmations"])
async def test_what_gets_lost_is_sent_again(both_ways: bool, is_lost: Callable[[int], bool]) -> None:
    async with connected() as (here, there, sending, hearing):
        there_losing = Losing(there, is_lost) if both_ways else None
        losing = Losing(here, is_lost)
        wanted = [os.urandom(30_000) for _ in range(16)]
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(hears(hearing, wanted))
            await sending.send(*wanted)
        assert losing.lost
        assert there_losing is None or there_losing.count
        if there_losing is not None:
            there_losing._is_lost = lambda _: False  # what was sent last is confirmed
        losing._is_lost = lambda _: False
        sctp = sctp_of(here)
        async with asyncio.timeout(60):
            while sctp._sent_queue or sctp._outbound_queue:
                await asyncio.sleep(0.01)
        assert sctp._flight_size == 0


async def test_a_burst_is_as_long_as_with_aiortc() -> None:
    counts = []
    for make in (an_association, an_association_of_aiortc):
        sent = Sent()
        sctp = make(sent)
        for after_loss in (False, True):
            sctp._cwnd, sctp._flight_size = 1 << 20, 0
            sctp._sent_queue.clear()
            sctp._fast_recovery_exit = 1 if after_loss else None  # type: ignore[assignment]
            sent.packets.clear()
            await sctp._send(0, 53, bytes(30_000))
            sctp._t3_cancel()
            counts.append((len(sent.packets), sctp._flight_size, len(sctp._outbound_queue)))
            sctp._outbound_queue.clear()
    assert counts[:2] == counts[2:]
    assert counts[0] > counts[1]


async def test_nothing_is_sealed_for_a_peer_that_is_gone() -> None:
    async with connected() as (here, _, _, _):
        dtls = sctp_of(here).transport
        ice = dtls.transport._connection
        pair = ice._nominated.pop(1)
        with pytest.raises(ConnectionError):
            await dtls._send_data(b"to nobody")
        ice._nominated[1] = pair


async def test_what_strangers_throw_at_the_socket_ends_no_link() -> None:
    async with connected() as (_, there, sending, hearing):
        ice = sctp_of(there).transport.transport._connection
        target = next(c for c in ice.local_candidates if ":" not in c.host)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for _ in range(30):
                for thrown in THROWN:
                    stranger.sendto(thrown, (target.host, target.port))
                await sending.send(*FULL_BATCH[:2])
                await hears(hearing, FULL_BATCH[:2])


async def test_a_peer_that_sends_rubbish_under_the_seal_is_still_heard() -> None:
    async with connected() as (here, _, sending, hearing):
        for rubbish in (b"\0", bytes(40), os.urandom(1000)):
            await sctp_of(here).transport._send_data(rubbish)
        await sending.send(b"still there")
        await hears(hearing, [b"still there"])
