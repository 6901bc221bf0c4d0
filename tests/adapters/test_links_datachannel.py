"""Links over data channels: the check on real connections, goodbyes that arrive, bounds, nothing left behind."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

import pytest
from aiortc import RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from pyee.asyncio import AsyncIOEventEmitter

from qrshared.links import CloseReason, Link, LinkClosed
from qrshared.links.check import DEMANDS_WITHOUT_BRAKES
from qrshared.links.datachannel import CLOSE_WAIT_S, SENDING_BYTES_MAX, UNREAD_BYTES_MAX, DataChannelLink
from qrshared.links.peer_connection import CHANNEL_LABEL, PeerConnection
from qrshared.links.port import BATCH_MESSAGES_MAX, MESSAGE_BYTES_MAX
from tests.adapters.links_world import FULL_BATCH, connected, end_of, nothing_left


@pytest.fixture(autouse=True)
async def clean() -> AsyncIterator[None]:
    async with nothing_left():
        yield


@asynccontextmanager
async def pair() -> AsyncIterator[tuple[Link, Link]]:
    async with connected() as (_, _, here, there):
        yield here, there


@pytest.mark.parametrize("demand", DEMANDS_WITHOUT_BRAKES, ids=lambda demand: demand.__name__)
@pytest.mark.parametrize("turned", [False, True], ids=["there", "back"])
async def test_a_data_channel_keeps_every_demand(turned: bool, demand: Callable[[Link, Link], Awaitable[None]]) -> None:
    async with asyncio.timeout(40), pair() as (a, b):
        await (demand(b, a) if turned else demand(a, b))


async def test_a_refusal_arrives_though_its_connection_is_closed_at_once() -> None:
    async with connected() as (_, there_connection, here, there):
        await there.send(b"refused")
        await there_connection.close()
        assert await here.receive() == [b"refused"]
        assert await end_of(here) == CloseReason.DONE


async def test_all_that_was_sent_before_a_close_arrives() -> None:
    async with connected() as (_, _, here, there):
        await here.send(*FULL_BATCH)

        async def read() -> list[bytes]:
            arrived: list[bytes] = []
            while len(arrived) < BATCH_MESSAGES_MAX:
                arrived += await there.receive()
            return arrived

        arrived, _ = await asyncio.gather(read(), here.close("enough"))
        assert arrived == FULL_BATCH
        assert await end_of(there) == "enough"
        assert here.bytes_sent == there.bytes_received == BATCH_MESSAGES_MAX * MESSAGE_BYTES_MAX


async def test_a_close_waits_for_a_peer_that_vanished_only_so_long() -> None:
    async with connected() as (here_connection, there_connection, here, _):
        vanish(there_connection)
        await here.send(b"are you there")
        began = asyncio.get_running_loop().time()
        await here_connection.close()
        assert asyncio.get_running_loop().time() - began < CLOSE_WAIT_S + 2


def vanish(connection: PeerConnection) -> None:
    """Take its sockets away, as a network does."""
    ice = connection._ice
    assert ice is not None
    for protocol in ice._connection._protocols:
        protocol.transport.abort()


async def test_a_peer_that_hangs_up_without_a_word_is_lost() -> None:
    async with connected() as (_, there_connection, here, _):
        await there_connection._connection.close()
        assert await end_of(here) == CloseReason.LOST


async def test_a_goodbye_is_cut_to_what_can_be_shown() -> None:
    async with connected() as (_, _, here, there):
        there._channel.send("\x1b[31mwhy\n" + "not" * 100)
        reason = await end_of(here)
        assert reason.startswith("[31mwhynot")
        assert len(reason) < 128


@pytest.mark.parametrize(
    ("message", "reason"),
    [(b"", CloseReason.MALFORMED), (bytes(MESSAGE_BYTES_MAX + 1), CloseReason.TOO_BIG)],
    ids=["empty", "too big"],
)
async def test_what_is_no_message_ends_the_link_and_the_peer_is_told(message: bytes, reason: CloseReason) -> None:
    async with connected() as (_, _, here, there):
        there._channel.send(message)
        assert await end_of(here) == reason
        assert await end_of(there) == reason


async def test_a_browsers_other_channels_are_closed() -> None:
    browser = RTCPeerConnection()
    async with PeerConnection([]) as home:
        other = browser.createDataChannel("chat")
        loose = browser.createDataChannel(CHANNEL_LABEL, ordered=False)
        ours = browser.createDataChannel(CHANNEL_LABEL)
        second = browser.createDataChannel(CHANNEL_LABEL)
        closed = [closing(channel) for channel in (other, loose, second)]
        await browser.setLocalDescription(await browser.createOffer())
        answer = await home.answer(browser.localDescription.sdp)
        await browser.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        async with asyncio.timeout(60):
            link = await home.opened()
            await asyncio.gather(*(event.wait() for event in closed))
            await link.send(b"hello")
            assert ours.readyState == "open"
    await browser.close()


def closing(channel: RTCDataChannel) -> asyncio.Event:
    event = asyncio.Event()
    channel.add_listener("close", event.set)
    return event


class Channel(AsyncIOEventEmitter):
    """A channel whose other end is the test."""

    def __init__(self) -> None:
        super().__init__()
        self.bufferedAmount = 0
        self.bufferedAmountLowThreshold = 0
        self.readyState = "open"
        self.sent: list[bytes | str] = []

    def send(self, message: bytes | str) -> None:
        self.sent.append(message)
        self.bufferedAmount += len(message)

    def drain(self, left: int) -> None:
        crosses = self.bufferedAmount > self.bufferedAmountLowThreshold >= left
        self.bufferedAmount = left
        if crosses:
            self.emit("bufferedamountlow")

    def close(self) -> None:
        if self.readyState != "closed":
            self.readyState = "closed"
            self.emit("close")


def link_on(channel: Channel, *, send_stall_s: float = 10.0) -> DataChannelLink:
    return DataChannelLink(cast(RTCDataChannel, channel), send_stall_s=send_stall_s)


async def test_a_send_waits_while_more_than_the_bound_is_unsent() -> None:
    link = link_on(channel := Channel())
    await link.send(*FULL_BATCH)
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(link.send(b"next")) for _ in range(10)]
        await asyncio.wait(waiting, timeout=0.05)
        channel.drain(SENDING_BYTES_MAX + 1)
        await asyncio.wait(waiting, timeout=0.05)
        assert channel.sent == FULL_BATCH
        channel.drain(SENDING_BYTES_MAX - 36)
    assert channel.sent == [*FULL_BATCH, *[b"next"] * 10]
    channel.close()


async def test_a_cancelled_send_has_sent_nothing_of_its_batch() -> None:
    link = link_on(channel := Channel())
    await link.send(*FULL_BATCH)
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(link.send(b"never", b"sent"))
        await asyncio.wait({waiting}, timeout=0.05)
        waiting.cancel()
    channel.drain(0)
    await link.send(b"after")
    assert channel.sent == [*FULL_BATCH, b"after"]
    channel.close()


async def test_a_peer_that_takes_nothing_at_all_is_given_up() -> None:
    link = link_on(channel := Channel(), send_stall_s=0.1)
    await link.send(*FULL_BATCH)
    with pytest.raises(LinkClosed) as closed:
        await link.send(b"next")
    assert closed.value.reason == CloseReason.SLOW
    assert channel.sent[-1] == "slow"


async def test_a_peer_that_is_only_slow_is_waited_for() -> None:
    link = link_on(channel := Channel(), send_stall_s=0.2)
    await link.send(*FULL_BATCH)
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(link.send(b"next"))
        for left in range(SENDING_BYTES_MAX + 5, SENDING_BYTES_MAX, -1):
            await asyncio.wait({waiting}, timeout=0.15)
            channel.drain(left)
        assert not waiting.done()
        channel.drain(0)
    assert channel.sent[-1] == b"next"
    channel.close()


async def test_what_nobody_reads_is_held_up_to_its_bound() -> None:
    link = link_on(channel := Channel())
    for _ in range(UNREAD_BYTES_MAX // MESSAGE_BYTES_MAX):
        channel.emit("message", FULL_BATCH[0])
    assert link.bytes_received <= UNREAD_BYTES_MAX
    assert len(await link.receive()) == BATCH_MESSAGES_MAX
    while channel.readyState == "open":
        channel.emit("message", FULL_BATCH[0])
        assert link._unread_bytes <= UNREAD_BYTES_MAX
    assert channel.sent == ["slow"]
    assert not link._unread
