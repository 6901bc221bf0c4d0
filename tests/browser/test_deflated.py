"""Away from home, what can be made smaller travels smaller and lands the same; at home nothing is touched."""

import random
from pathlib import Path

import pytest

from tests.browser.chromium import Page
from tests.browser.edge_world import make_away_home
from tests.browser.home import MIB, Home, hashes, make_home, sha256, wait_done
from tests.browser.patience import until_saved
from tests.browser.test_day_soak import onto_the_shelf
from tests.browser.test_shelf import scan, state
from tests.browser.test_two_browsers import NO_PICKERS, Tab, open_tab

pytestmark = pytest.mark.needs("chromium", "netns", "nft")

SIZE = 8 * MIB


def a_log(home: Home) -> Path:
    """A log as programs write them: much of it again and again."""
    lines = [
        f"2026-11-22 14:{n % 60:02}:{n % 59:02} request {random.randrange(10**6)} took {n % 97} ms" for n in range(997)
    ]
    path = home.file("server.log", 0)
    text = "\n".join(lines).encode()
    path.write_bytes((text * (SIZE // len(text) + 1))[:SIZE])
    return path


async def sent_for(home: Home, page: Page, file: Path) -> int:
    before = home.phone.sent_bytes()
    await page.choose("Send", file)
    await wait_done(page, 1)
    assert home.daemon.files() == hashes([file])
    return home.phone.sent_bytes() - before


@pytest.mark.usefixtures("built_page")
async def test_a_log_travels_smaller_away_from_home_and_lands_the_same() -> None:
    async with make_away_home() as home:
        page = await home.open_away(home.away_url())
        sent = await sent_for(home, page, a_log(home))
        print(f"{SIZE / MIB:.0f} MiB of log went as {sent / MIB:.1f} MiB")
        assert sent < SIZE / 2


@pytest.mark.usefixtures("built_page")
async def test_at_home_where_the_road_is_faster_than_deflating_it_goes_as_it_is() -> None:
    async with make_home() as home:
        page = await home.scan()
        assert await sent_for(home, page, a_log(home)) > SIZE * 0.9


async def carried_for(home: Home, tab: Tab, file: Path) -> int:
    """Pick a file up; what the computer sent for it."""
    await tab.page.evaluate(NO_PICKERS)
    await state(tab.page, file.name, "waits", within_s=90)
    before = home.computer.sent_bytes()
    await tab.page.tap(f"Save {file.name}")
    await until_saved(tab.page, file.name)
    carried = home.computer.sent_bytes() - before
    assert await tab.downloaded(1) == {file.name: sha256(file)}
    return carried


@pytest.mark.usefixtures("built_page")
async def test_a_log_comes_smaller_to_a_page_away_from_home_and_is_the_same_there() -> None:
    async with make_away_home() as home:
        log = onto_the_shelf(home.daemon, a_log(home))
        tab = await open_tab(await home.browser_on(home.phone), home.away_url(), home.folder / "downloads")
        carried = await carried_for(home, tab, log)
        print(f"{SIZE / MIB:.0f} MiB of log came as {carried / MIB:.1f} MiB")
        assert carried < SIZE / 2


@pytest.mark.usefixtures("built_page")
async def test_at_home_it_comes_as_it_is() -> None:
    async with make_home() as home:
        log = onto_the_shelf(home.daemon, a_log(home))
        assert await carried_for(home, await scan(home), log) > SIZE * 0.9
