"""What only WebSockets have: a reader that sleeps is cut, a socket that vanishes is noticed, reasons have codes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, web

from qrshared.links import BATCH_MESSAGES_MAX, MESSAGE_BYTES_MAX, CloseReason, Link, LinkClosed, serve_websocket
from qrshared.links.framing import FRAME_BYTES_MAX, MalformedFrame, join_frame, split_frame
from qrshared.links.websocket import WEBSOCKET_MESSAGE_BYTES_MAX, close_code, close_reason


@asynccontextmanager
async def browser_and_link(*, send_stall_s: float = 30.0) -> AsyncIterator[tuple[ClientWebSocketResponse, Link]]:
    """A WebSocket as a browser would hold it, and our end of it."""
    accepted: asyncio.Future[Link] = asyncio.get_running_loop().create_future()
    finished = asyncio.Event()

    async def door(request: web.Request) -> web.StreamResponse:
        async def on_link(link: Link) -> None:
            accepted.set_result(link)
            await finished.wait()

        return await serve_websocket(request, on_link, send_stall_s=send_stall_s)

    app = web.Application()
    app.router.add_get("/link", door)
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with (
            ClientSession() as session,
            session.ws_connect(f"http://127.0.0.1:{runner.addresses[0][1]}/link", max_msg_size=0) as browser,
        ):
            yield browser, await accepted
            finished.set()
    finally:
        finished.set()
        await runner.cleanup()


FULL_BATCH = [bytes([n]) * MESSAGE_BYTES_MAX for n in range(BATCH_MESSAGES_MAX)]


async def _fill(link: Link) -> str:
    """Send until the link ends; why it did."""
    try:
        while True:
            await link.send(*FULL_BATCH)
    except LinkClosed as closed:
        return closed.reason


async def test_a_reader_that_sleeps_too_long_is_cut() -> None:
    async with browser_and_link(send_stall_s=0.3) as (_, link):
        async with asyncio.timeout(60):
            assert await _fill(link) == CloseReason.SLOW
        with pytest.raises(LinkClosed) as again:
            await link.receive()
        assert again.value.reason == CloseReason.SLOW


async def test_closing_does_not_wait_for_a_reader_that_sleeps() -> None:
    async with browser_and_link() as (_, link), asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        filling = tasks.create_task(_fill(link))
        await asyncio.wait({filling}, timeout=0.5)  # it is stuck by now
        await link.close("enough")
        assert await filling == "enough"


async def test_a_cancelled_send_does_not_spoil_the_next_one() -> None:
    async with browser_and_link() as (browser, link), asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        filling = tasks.create_task(_fill(link))
        await asyncio.wait({filling}, timeout=0.5)
        filling.cancel()
        await asyncio.wait({filling})
        assert filling.cancelled()
        goodbye = tasks.create_task(link.send(b"goodbye"))
        frames: list[bytes] = []
        while not frames or len(frames[-1]) > 9:
            frames.append((await browser.receive()).data)
        assert split_frame(frames[-1]) == [b"goodbye"]
        assert all(split_frame(frame) == FULL_BATCH for frame in frames[:-1])
        await goodbye


async def test_a_peer_that_pings_and_never_reads_cannot_disturb_a_sender() -> None:
    async with browser_and_link(send_stall_s=1.0) as (browser, link), asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        filling = tasks.create_task(_fill(link))
        await asyncio.wait({filling}, timeout=0.3)
        await browser.ping(b"are you there")
        reading = tasks.create_task(link.receive())
        await asyncio.wait({reading}, timeout=0.3)  # it wants to answer the ping by now
        reading.cancel()
        assert await filling == CloseReason.SLOW


async def test_a_ping_is_answered() -> None:
    async with browser_and_link() as (browser, link), asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(link.receive())
        browser._autoping = False
        await browser.ping(b"are you there")
        pong = await browser.receive()
        assert (pong.type, pong.data) == (WSMsgType.PONG, b"are you there")
        await browser.send_bytes(b"\x00\x01x")
        assert await reading == [b"x"]


async def test_a_socket_that_vanishes_is_lost() -> None:
    async with browser_and_link() as (browser, link):
        browser.get_extra_info("socket").shutdown(2)
        with pytest.raises(LinkClosed) as closed:
            await link.receive()
        assert closed.value.reason == CloseReason.LOST


@pytest.mark.parametrize("reason", list(CloseReason))
async def test_a_browser_hears_the_code_and_the_reason(reason: CloseReason) -> None:
    async with browser_and_link() as (browser, link):
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(link.close(reason))
            message = await browser.receive()
        assert message.type is WSMsgType.CLOSE
        assert (message.data, message.extra) == (close_code(reason), reason.value)
        assert 1000 <= close_code(reason) <= 4999


@pytest.mark.parametrize(
    ("code", "text", "reason"),
    [
        (1000, "", "done"),
        (1001, "", "going_away"),  # what a browser says when its page is left
        (1005, None, "lost"),
        (None, None, "lost"),
        (4000, "revoked", "revoked"),
        (1000, "\x1b[31mred\u202e\n", "[31mred"),
        (1000, "x" * 500, "x" * 123),
    ],
)
def test_a_peers_reason_is_cut_to_something_that_can_be_shown(code: int | None, text: str | None, reason: str) -> None:
    assert close_reason(code, text) == reason


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\x00",
        b"\x00\x01",
        b"\x00\x02a",
        b"\x00\x00",
        b"\x00\x01a\x00",
        b"\x00\x01a" * 17,
        b"\xff\xff" + bytes(65_534),
    ],
)
def test_a_frame_that_is_no_batch_is_refused(frame: bytes) -> None:
    with pytest.raises(MalformedFrame):
        split_frame(frame)


def test_the_largest_batch_fits_in_a_websocket_message() -> None:
    batch = [bytes([n]) * MESSAGE_BYTES_MAX for n in range(BATCH_MESSAGES_MAX)]
    frame = join_frame(batch)
    assert len(frame) == FRAME_BYTES_MAX <= WEBSOCKET_MESSAGE_BYTES_MAX
    assert split_frame(frame) == batch
