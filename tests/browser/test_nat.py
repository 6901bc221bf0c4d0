"""Away from home, through real routers: which road is found, what is said where there is none, and what survives."""

from pathlib import Path

import pytest

from tests.browser.chromium import Page
from tests.browser.home import MIB, hashes, sha256, wait_done, wait_sent
from tests.browser.nat_world import EDGE, ROAD, TURN_TCP, TURN_UDP, World, nat_world
from tests.browser.test_shelf import put, state
from tests.browser.test_two_browsers import LINKED, Tab, open_tab
from tests.natlab import Nat

pytestmark = pytest.mark.needs("chromium", "netns", "nft", "coturn")


async def send_and_check(world: World, page: Page, files: list[Path]) -> None:
    await page.choose("Send", *files)
    await wait_done(page, len(files), within_s=240)
    assert world.daemon.files() == hashes(files)


async def test_two_cone_nats_meet_directly() -> None:
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


async def test_a_home_whose_network_drops_udp_is_reached_at_the_second_attempt() -> None:
    async with nat_world(relay=True) as world:
        world.lab.routers[0].block_udp()
        await world.start_daemon(turn=f"{TURN_UDP},{TURN_TCP}")
        page = await world.scan_away()
        await send_and_check(world, page, [world.file("photo.jpg", MIB)])
        assert await page.evaluate(ROAD) == "relay"


async def test_a_home_without_a_relay_whose_network_drops_udp_is_reached_through_the_relay_of_the_edge() -> None:
    relays = f"{TURN_UDP},{TURN_TCP}"
    async with nat_world(Nat.SYMMETRIC, Nat.SYMMETRIC, relay=True, edge_turn=relays) as world:
        world.lab.routers[0].block_udp()  # what the page has of the edge's relay does not reach in here
        await world.start_daemon()
        page = await world.scan_away()
        await send_and_check(world, page, [world.file("big.bin", 16 * MIB)])
        assert await page.evaluate(ROAD) == "relay"


async def test_the_edge_dies_in_mid_transfer_and_the_transfer_goes_on() -> None:
    async with nat_world(relay=True) as world:
        await world.start_daemon()
        page = await world.scan_away()
        big = world.file("big.bin", 64 * MIB)
        await page.choose("Send", big)
        await wait_sent(world.lab.other, 8 * MIB)
        await world.edge.kill()
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


async def two_at_the_edge(world: World) -> tuple[Tab, Tab]:
    """Two phones in two homes; the second opens what the first one's code says."""
    anna = await open_tab(await world.browser(world.lab.phone), f"{EDGE}/", world.folder / "anna")
    url = str(await anna.page.wait_for("document.querySelector('.wall-code')?.dataset.url"))
    return anna, await open_tab(await world.browser(world.lab.other), url, world.folder / "ben")


async def hand_over(world: World, sender: Tab, receiver: Tab, name: str) -> None:
    file = world.file(name, 64 * MIB)
    await sender.offer(file)
    await receiver.page.tap("Accept", within_s=90)
    await sender.says("go", "1 file handed over", within_s=240)
    await receiver.save_all(1)
    assert await receiver.downloaded(1) == {name: sha256(file)}


async def test_two_browsers_behind_two_nats_exchange_files_directly() -> None:
    async with nat_world(relay=True) as world:  # again for STUN only
        anna, ben = await two_at_the_edge(world)
        await hand_over(world, anna, ben, "there.bin")
        await hand_over(world, ben, anna, "back.bin")
        assert await anna.page.evaluate(LINKED) == "direct"


async def test_two_browsers_with_no_direct_way_exchange_files_through_the_relay_of_the_edge() -> None:
    async with nat_world(Nat.SYMMETRIC, Nat.SYMMETRIC, relay=True, edge_turn=TURN_UDP) as world:
        anna, ben = await two_at_the_edge(world)
        await hand_over(world, anna, ben, "there.bin")
        await hand_over(world, ben, anna, "back.bin")
        assert await anna.page.evaluate(LINKED) == await ben.page.evaluate(LINKED) == "relay"


async def test_two_phones_that_the_computer_introduces_use_the_relay_of_the_edge_where_it_has_none() -> None:
    async with nat_world(Nat.SYMMETRIC, Nat.SYMMETRIC, relay=True, edge_turn=TURN_UDP) as world:
        await world.start_daemon()
        anna = await open_tab(await world.browser(world.lab.phone), world.daemon.ticket_url(), world.folder / "anna")
        url = world.daemon.say("qr", "--remote", "--url")
        ben = await open_tab(await world.browser(world.lab.other), url, world.folder / "ben")
        await hand_over(world, anna, ben, "there.bin")
        assert await anna.page.evaluate(LINKED) == await ben.page.evaluate(LINKED) == "relay"


async def pick_up(world: World, road: str) -> None:
    """64 MiB from the Outbox at home to a phone elsewhere: computer → phone."""
    film = put(world.daemon, "film.mp4", 64 * MIB)
    url = world.daemon.say("qr", "--remote", "--url")
    tab = await open_tab(await world.browser(world.lab.other), url, world.folder / "downloads")
    await tab.page.tap("Save film.mp4", within_s=90)
    await state(tab.page, "film.mp4", "saved", within_s=300)
    assert await tab.downloaded(1) == {"film.mp4": sha256(film)}
    assert await tab.page.evaluate(ROAD) == road


async def test_what_waits_at_home_is_picked_up_directly_from_another_network() -> None:
    async with nat_world(relay=True) as world:
        await world.start_daemon()
        await pick_up(world, "direct")


async def test_what_waits_at_home_is_picked_up_through_the_relay() -> None:
    async with nat_world(Nat.SYMMETRIC, Nat.SYMMETRIC, relay=True) as world:
        await world.start_daemon(turn=TURN_UDP)
        await pick_up(world, "relay")
