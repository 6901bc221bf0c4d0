"""Away from home, through real routers: which road is found, what is said where there is none, and what survives."""

from pathlib import Path

import pytest

from tests.browser.chromium import Page
from tests.browser.home import MIB, hashes, wait_done, wait_sent
from tests.browser.nat_world import ROAD, TURN_TCP, TURN_UDP, World, nat_world
from tests.natlab import Nat

pytestmark = pytest.mark.needs("chromium", "netns", "nft", "coturn")


async def send_and_check(world: World, page: Page, files: list[Path]) -> None:
    await page.choose("Send", *files)
    await wait_done(page, len(files), within_s=240)
    assert world.daemon.files() == hashes(files)


async def test_two_cone_nats_meet_directly(tmp_path: Path) -> None:
    async with nat_world(relay=True) as world:  # the relay serves as STUN server only: the daemon names no relay
        await world.start_daemon()
        page = await world.scan_away()
        await send_and_check(world, page, [world.file("big.bin", 64 * MIB)])
        assert await page.evaluate(ROAD) == "direct"


async def test_two_symmetric_nats_without_a_relay_get_a_sentence() -> None:
    async with nat_world(Nat.SYMMETRIC, Nat.SYMMETRIC, relay=True) as world:
        await world.start_daemon()
        page = await (await world.browser(world.lab.other)).open(world.daemon.say("qr", "--remote", "--url"))
        await page.wait_for("/no direct way|home Wi-Fi|relay/i.test(document.body.innerText)", within_s=45)


async def test_two_symmetric_nats_meet_through_the_relay() -> None:
    async with nat_world(Nat.SYMMETRIC, Nat.SYMMETRIC, relay=True) as world:
        await world.start_daemon(turn=TURN_UDP)
        page = await world.scan_away()
        await send_and_check(world, page, [world.file("big.bin", 64 * MIB)])
        assert await page.evaluate(ROAD) == "relay"
        assert world.daemon.say("status", "--json").count('"relay"') >= 1


async def test_where_only_tcp_gets_out_the_relay_is_reached_by_tcp() -> None:
    async with nat_world(Nat.SYMMETRIC, Nat.SYMMETRIC, relay=True) as world:
        world.lab.routers[1].block_udp()
        await world.start_daemon(turn=f"{TURN_UDP},{TURN_TCP}")
        page = await world.scan_away()
        await send_and_check(world, page, [world.file("big.bin", 64 * MIB)])
        assert await page.evaluate(ROAD) == "relay"


async def test_the_edge_dies_in_mid_transfer_and_the_transfer_goes_on() -> None:
    async with nat_world(relay=True) as world:
        await world.start_daemon()
        page = await world.scan_away()
        big = world.file("big.bin", 64 * MIB)
        await page.choose("Send", big)
        await wait_sent(world.lab.other, 8 * MIB)
        await world.kill_edge()
        await wait_done(page, 1, within_s=240)
        assert world.daemon.files() == hashes([big])


async def test_the_phone_gets_another_address_and_the_transfer_resumes_by_itself() -> None:
    async with nat_world(relay=True) as world:
        await world.start_daemon()
        page = await world.scan_away()
        big = world.file("big.bin", 64 * MIB)
        before = world.lab.other.sent_bytes()
        await page.choose("Send", big)
        await wait_sent(world.lab.other, before + 16 * MIB)
        world.lab.other.move_to("192.168.2.77")
        world.lab.other.run("ip", "route", "replace", "default", "via", "192.168.2.1")
        await wait_done(page, 1, within_s=240)
        assert world.daemon.files() == hashes([big])


async def test_begun_at_home_it_ends_away_when_the_phone_leaves_the_house() -> None:
    async with nat_world(relay=True) as world:
        await world.start_daemon()
        browser = await world.browser(world.lab.phone)
        page = await browser.open(world.daemon.ticket_url())
        await page.wait_for(f"{ROAD} === 'home'", within_s=30)
        big = world.file("big.bin", 64 * MIB)
        world.lab.phone.throttle(100)
        await page.choose("Send", big)
        await wait_sent(world.lab.phone, 24 * MIB)
        world.lab.leave_home()
        await page.wait_for(f"{ROAD} === 'direct'", within_s=90)
        await wait_done(page, 1, within_s=240)
        assert world.daemon.files() == hashes([big])
        assert not list(world.daemon.inbox.glob("*.part"))
