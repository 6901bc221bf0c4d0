"""One page of a meeting point knows several computers, one at a time in use, and meets devices that are none."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.browser.chromium import Page
from tests.browser.edge_world import AwayHome, make_away_home, on_road
from tests.browser.home import MIB, Daemon, hashes, wait_done
from tests.browser.test_two_browsers import LINKED, Tab, open_tab

pytestmark = pytest.mark.needs("chromium", "netns", "nft")

NAME = "document.querySelector('.head b')?.innerText"
CODE = "document.querySelector('.wall-code')?.dataset.url"
HOMES = "[...document.querySelectorAll('[data-home]')].map((row) => row.dataset.home)"


@pytest.fixture
async def home(built_page: None) -> AsyncIterator[AwayHome]:
    """A home with an edge on a third machine."""
    async with make_away_home() as made:
        yield made


async def second_home(home: AwayHome) -> Daemon:
    """Another computer, on the edge's machine, which uses the same edge."""
    folder = home.folder / "attic"
    folder.mkdir()
    attic = Daemon(home.neighbour, folder)
    home._rooms.push_async_callback(attic.kill)
    await attic.start("--edge", home.edge.url(), "--stun", "none", "--name", "Attic")
    return attic


async def in_use(page: Page, computer: str) -> None:
    await page.wait_for(f"{on_road('direct')} && {NAME} === {computer!r}", within_s=60)


async def send(page: Page, file: Path, daemon: Daemon) -> None:
    await page.choose("Send", file)
    await wait_done(page, 1)
    assert daemon.files() == hashes([file])


def devices(daemon: Daemon) -> int:
    return len(json.loads(daemon.say("devices", "--json"))["devices"])


async def test_a_second_computers_code_adds_it_and_each_is_used_by_its_own_key_until_it_is_forgotten(
    home: AwayHome,
) -> None:
    attic = await second_home(home)
    page = await home.open_away(home.away_url())
    assert await page.evaluate(HOMES) == []
    await page.goto(attic.say("qr", "--remote", "--url"))
    await page.wait_for("document.querySelector('dialog')?.innerText.includes('both stay')")
    await page.tap("Use the code")
    await in_use(page, "Attic")
    assert await page.evaluate(HOMES) == ["STUDY-PC"]
    await send(page, home.file("attic.jpg", MIB), attic)
    await page.tap("Use STUDY-PC")
    await in_use(page, "STUDY-PC")
    await send(page, home.file("study.jpg", MIB), home.daemon)
    assert await page.evaluate(HOMES) == ["Attic"]
    assert devices(home.daemon) == devices(attic) == 1, "nobody had to be let in again"

    await page.tap("Forget Attic")
    await page.tap("Keep it")
    assert await page.evaluate(HOMES) == ["Attic"], "control"
    await page.tap("Forget Attic")
    await page.tap("Forget it")
    await page.wait_for(f"{HOMES}.length === 0")
    await page.reload()
    await in_use(page, "STUDY-PC")
    assert await page.evaluate(HOMES) == []
    assert page.complaints == []


async def test_a_computer_whose_code_is_scanned_again_stands_in_the_list_once_and_no_other_takes_its_place(
    home: AwayHome,
) -> None:
    attic = await second_home(home)
    page = await home.open_away(home.away_url())
    for code in (attic.say("qr", "--remote", "--url"), home.away_url()):
        await page.goto(code)
        await page.tap("Use the code")
        await page.wait_for(f"{NAME} && !location.hash", within_s=60)
    await in_use(page, "STUDY-PC")
    assert await page.evaluate(HOMES) == ["Attic"], "the first key for this computer is gone"
    assert devices(home.daemon) == 2, "control: the code made another key"
    attic.say("config", "set", "name", "STUDY-PC")
    await page.goto(attic.say("qr", "--remote", "--url"))
    await page.tap("Use the code")
    await page.wait_for(f"{HOMES}.length === 1 && !location.hash", within_s=60)
    assert await page.evaluate(HOMES) == ["STUDY-PC"], "of two computers with one name both stay"
    assert devices(attic) == 2
    assert devices(home.daemon) == 2


async def test_a_page_that_holds_something_unsaved_asks_once_and_staying_changes_nothing(home: AwayHome) -> None:
    attic = await second_home(home)
    page = await home.open_away(home.away_url())
    await page.goto(attic.say("qr", "--remote", "--url"))
    await page.tap("Use the code")
    await in_use(page, "Attic")
    code = attic.say("qr", "--remote", "--url")
    other = await open_tab(await home.browser_on(home.neighbour), code, home.folder / "other")
    await other.offer(home.file("hello.bin", MIB))
    await page.tap("Accept")
    await other.says("go", "1 file handed over")
    await page.wait_for("document.querySelector('[data-received][data-saved=no]')")
    await page.evaluate("document.querySelector('[data-home]').scrollIntoView({ block: 'center' })")
    await page.tap("Use STUDY-PC")
    await page.tap("Stay here")
    await page.wait_for("!document.querySelector('dialog')")
    assert await page.evaluate("localStorage.getItem('qrshared/1 computer')") == "Attic"
    await page.tap("Use STUDY-PC")
    await page.tap("Leave it")
    await in_use(page, "STUDY-PC")


async def test_when_access_to_one_has_ended_the_others_are_still_one_tap_away(home: AwayHome) -> None:
    attic = await second_home(home)
    page = await home.open_away(home.away_url())
    await page.goto(attic.say("qr", "--remote", "--url"))
    await page.tap("Use the code")
    await in_use(page, "Attic")
    (device,) = json.loads(attic.say("devices", "--json"))["devices"]
    attic.say("devices", "revoke", device["device"])
    await page.wait_for("document.querySelector('.phone')?.dataset.phase === 'refused'", within_s=60)
    await page.goto(home.edge.url("/"))
    await page.wait_for(f"document.querySelector('meet-page') && {HOMES}.length === 1")
    await page.tap("Use STUDY-PC")
    await in_use(page, "STUDY-PC")


async def test_a_phone_that_knows_a_computer_exchanges_with_another_device_one_tap_away_and_comes_back(
    home: AwayHome,
) -> None:
    page = await home.open_away(home.away_url())
    await page.tap("Exchange with another device")
    code = str(await page.wait_for(CODE))
    assert code.startswith(home.edge.url("/#1"))
    other = await open_tab(await home.browser_on(home.neighbour), code, home.folder / "other")
    await other.page.wait_for(LINKED, within_s=60)
    here = Tab(page, home.folder / "here")
    await here.offer(home.file("hello.bin", MIB))
    await other.page.tap("Accept", within_s=60)
    await here.says("go", "1 file handed over")
    await page.tap("New session")
    await page.tap("New session")
    fresh = str(await page.wait_for(f"{CODE} !== {code!r} && {CODE}"))
    assert fresh.startswith(home.edge.url("/#1"))
    await page.tap("Use STUDY-PC")
    await in_use(page, "STUDY-PC")
    await send(page, home.file("photo.jpg", MIB), home.daemon)
    assert page.complaints == []
