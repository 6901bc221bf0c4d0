"""Kills, cuts, reloads and second tabs in the middle: the page goes on by itself, one whole file, few bytes twice."""

import asyncio
from pathlib import Path

import pytest

from tests.browser.chromium import Page
from tests.browser.home import IS_OPEN, MIB, PORT, Home, hashes, wait_done, wait_sent

pytestmark = pytest.mark.needs("chromium", "netns")

SIZE = 64 * MIB
MIDDLE = 24 * MIB
MBIT = 160
"""Slow enough that a cut lands in the middle, fast enough that the rest takes two seconds."""

TWICE_AFTER_A_CUT = 4 * MIB
TWICE_AFTER_A_KILL = 32 * MIB


def sealed(count: int) -> int:
    """What so many bytes become on the wire: tags, lengths, frames, desk messages, and the page's own requests."""
    return count + count // 500 + MIB // 2


async def start_sending(home: Home, page: Page, file: Path) -> int:
    """Have a file in the middle of being sent; returns what the phone had sent before."""
    home.phone.throttle(MBIT)
    before = home.phone.sent_bytes()
    await page.choose("Send", file)
    await wait_sent(home.phone, before + MIDDLE)
    return before


def sent_twice(home: Home, before: int, size: int = SIZE) -> int:
    """Bytes on the wire beyond what the file needs once."""
    return home.phone.sent_bytes() - before - sealed(size)


async def test_a_killed_daemon_is_found_again_and_the_page_goes_on_by_itself(home: Home) -> None:
    page, file = await home.scan(), home.file("film.mp4", SIZE)
    before = await start_sending(home, page, file)
    await home.daemon.kill()
    await page.wait_for("document.querySelector('.head-link').dataset.link !== 'open'")
    assert home.daemon.files() == {}, "a part must not look like a file"
    await home.daemon.start()
    await wait_done(page, 1)
    assert home.daemon.files() == hashes([file])
    twice = sent_twice(home, before)
    print(f"killed in the middle: {twice / MIB:.1f} MiB sent twice")
    assert twice <= TWICE_AFTER_A_KILL


async def test_three_seconds_without_a_network_cost_four_mebibytes_at_most(home: Home) -> None:
    page, file = await home.scan(), home.file("film.mp4", SIZE)
    before = await start_sending(home, page, file)
    home.phone.set_link("down")
    await asyncio.sleep(3)  # the outage itself: there is nothing to wait for in it
    home.phone.set_link("up")
    home.phone.run("ip", "route", "replace", "default", "via", "192.168.77.254")
    await wait_done(page, 1)
    assert home.daemon.files() == hashes([file])
    twice = sent_twice(home, before)
    print(f"3 s without a network: {twice / MIB:.1f} MiB sent twice")
    assert twice <= TWICE_AFTER_A_CUT


async def test_a_reset_connection_costs_four_mebibytes_at_most(home: Home) -> None:
    page, file = await home.scan(), home.file("film.mp4", SIZE)
    before = await start_sending(home, page, file)
    home.computer.reset_connections(PORT)
    await wait_done(page, 1)
    assert home.daemon.files() == hashes([file])
    twice = sent_twice(home, before)
    print(f"connection reset: {twice / MIB:.1f} MiB sent twice")
    assert twice <= TWICE_AFTER_A_CUT


async def test_after_a_reload_a_new_pick_of_the_file_goes_on_and_gives_one_file(home: Home) -> None:
    page, file = await home.scan(), home.file("film.mp4", SIZE)
    before = await start_sending(home, page, file)
    await page.reload()
    await page.wait_for(IS_OPEN)
    await page.choose("Send", file)
    await wait_done(page, 1)
    assert home.daemon.files() == hashes([file])
    twice = sent_twice(home, before)
    print(f"reload and new pick: {twice / MIB:.1f} MiB sent twice")
    assert twice <= TWICE_AFTER_A_CUT


async def test_another_file_of_the_same_name_and_size_after_a_reload_arrives_as_it_is(home: Home) -> None:
    page, file = await home.scan(), home.file("film.mp4", SIZE)
    before = await start_sending(home, page, file)
    await page.reload()
    await page.wait_for(IS_OPEN)
    changed = home.file("film.mp4", SIZE)
    await page.choose("Send", changed)
    await wait_done(page, 1)
    assert home.daemon.files() == hashes([changed])
    # The control of all counting here: what was in the middle was for nothing, and the count says so.
    assert sent_twice(home, before) > MIDDLE / 2


async def test_a_second_tab_is_told_and_takes_over_only_when_the_first_is_closed(home: Home) -> None:
    first, file = await home.scan(), home.file("film.mp4", SIZE)
    before = await start_sending(home, first, file)
    second = await first.browser.open(home.url("/p"))
    await second.wait_for("document.querySelector('.head-link').dataset.link === 'elsewhere'")
    await wait_done(first, 1)
    assert sent_twice(home, before) <= 2 * MIB, "the first tab was disturbed"
    await first.close()
    await second.wait_for(IS_OPEN, within_s=40)
    other = home.file("photo.jpg", MIB)
    await second.choose("Send", other)
    await wait_done(second, 1)
    assert home.daemon.files() == hashes([file, other])
