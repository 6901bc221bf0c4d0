"""What a browser's own WebRTC and our link say to each other: 8 MiB each way, trickled candidates, goodbyes."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from aiohttp import web

from qrshared.links import CloseReason, LinkClosed
from qrshared.links.datachannel import DataChannelLink
from qrshared.links.peer_connection import PeerConnection
from tests.browser.chromium import Chromium
from tests.browser.firefox import firefox_on
from tests.browser.raw_rtc import JAVASCRIPT, fnv1a, pattern

SIZE = 8 << 20
SPOILED = "candidate:1 1 udp 2113937151 not-an-address 9 typ host"
"""What an edge that alters envelopes could make of one; others must still do."""


@dataclass(frozen=True)
class Tab:
    """A page of some browser that has `window.rtc`."""

    ask: Callable[[str], Awaitable[object]]
    hides_addresses: bool


@asynccontextmanager
async def chromium_tab(*, hides_addresses: bool = True) -> AsyncIterator[Tab]:
    flags = () if hides_addresses else ("--disable-features=WebRtcHideLocalIpsWithMdns",)
    async with Chromium(flags=flags) as browser:
        page = await browser.open()
        await page.evaluate(JAVASCRIPT)
        yield Tab(page.evaluate, hides_addresses)


@asynccontextmanager
async def an_empty_page() -> AsyncIterator[str]:
    """Firefox has no WebRTC on about:blank."""
    server = web.Server(page)
    runner = web.ServerRunner(server)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def page(_: web.BaseRequest) -> web.Response:
    return web.Response(text="<!doctype html><title>raw</title>", content_type="text/html")


@asynccontextmanager
async def firefox_tab() -> AsyncIterator[Tab]:
    preferences = {
        "media.peerconnection.ice.loopback": True,
        "media.peerconnection.ice.obfuscate_host_addresses": False,
    }
    async with an_empty_page() as url, firefox_on(None, preferences) as firefox:
        await firefox.call(lambda driver: driver.navigate(url))
        await firefox.await_value(JAVASCRIPT)
        yield Tab(firefox.await_value, hides_addresses=False)


async def connect(tab: Tab, home: PeerConnection) -> DataChannelLink:
    """The page offers without candidates; they follow one by one, a spoiled one among them."""
    offer = str(await tab.ask("rtc.offer()"))
    offer = "".join(line for line in offer.splitlines(keepends=True) if not line.startswith("a=candidate"))
    answer = await home.answer(offer)
    await tab.ask(f"rtc.accept({json.dumps(answer)})")
    trickled = await tab.ask("rtc.gathered()")
    assert isinstance(trickled, list)
    assert any(".local" in candidate for candidate in trickled) == tab.hides_addresses
    assert not await home.add_candidate(SPOILED, "0", 0)
    for candidate in trickled:
        await home.add_candidate(candidate, "0", 0)
    async with asyncio.timeout(60):
        return await home.opened()


async def read(link: DataChannelLink, size: int) -> bytes:
    arrived = bytearray()
    async with asyncio.timeout(60):
        while len(arrived) < size:
            for message in await link.receive():
                arrived += message
    return bytes(arrived)


async def exchange(tab: Tab) -> None:
    """8 MiB each way at once, then a goodbye."""
    # Seconds of work, done before: nothing may hold up the loop while there is a connection.
    ours, expected = pattern(SIZE, 7), pattern(SIZE, 9)
    our_sum, their_sum = fnv1a(ours), fnv1a(expected)

    async def write(link: DataChannelLink) -> None:
        for at in range(0, SIZE, 65_280):
            await link.send(ours[at : at + 65_280])

    async with PeerConnection([]) as home:
        link = await connect(tab, home)
        assert home.road == "direct"
        theirs, told, _ = await asyncio.gather(read(link, SIZE), tab.ask(f"rtc.send({SIZE}, 9)"), write(link))
        assert theirs == expected
        assert told == their_sum, "the sums are not those of the same content"
        assert link.bytes_received == link.bytes_sent == SIZE
        await link.close("enough_for_today")
        assert await tab.ask(f"rtc.bytes() === {SIZE} && rtc.digest()") == our_sum
        assert await tab.ask("rtc.said()") == "enough_for_today"
    assert await until(tab, "rtc.state() === 'closed'")


async def until(tab: Tab, condition: str) -> bool:
    async with asyncio.timeout(60):
        while not await tab.ask(condition):
            await asyncio.sleep(0.05)
    return True


async def end_of(link: DataChannelLink) -> str:
    async with asyncio.timeout(60):
        try:
            while True:
                await link.receive()
        except LinkClosed as closed:
            return closed.reason


@pytest.mark.needs("chromium")
@pytest.mark.parametrize("hides_addresses", [True, False], ids=["hidden", "shown"])
async def test_chromium_and_a_link_exchange_8_mib_each_way(hides_addresses: bool) -> None:
    async with chromium_tab(hides_addresses=hides_addresses) as tab:
        await exchange(tab)


@pytest.mark.needs("chromium")
@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("rtc.speak('going_away'); rtc.close()", CloseReason.GOING_AWAY),
        ("rtc.close()", CloseReason.LOST),
        ("rtc.hangUp()", CloseReason.LOST),
    ],
)
async def test_every_way_in_which_chromium_ends_a_link_is_heard(how: str, reason: CloseReason) -> None:
    async with chromium_tab() as tab, PeerConnection([]) as home:
        link = await connect(tab, home)
        assert await until(tab, "rtc.state() === 'open'"), "the other side may be open first"
        await tab.ask(f"{how}; true")
        assert await end_of(link) == reason


@pytest.mark.needs("chromium")
async def test_a_refusal_reaches_chromium_though_the_connection_is_closed_at_once() -> None:
    async with chromium_tab() as tab:
        async with PeerConnection([]) as home:
            link = await connect(tab, home)
            await link.send(b"refused")
            await link.close(CloseReason.REFUSED)
        assert await until(tab, "rtc.state() === 'closed'")
        assert await tab.ask("[rtc.bytes(), rtc.said()]") == [7, "refused"]


@pytest.mark.needs("firefox-esr")
async def test_firefox_and_a_link_exchange_8_mib_each_way() -> None:
    async with firefox_tab() as tab:
        await exchange(tab)
