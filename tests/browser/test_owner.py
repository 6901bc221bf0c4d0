"""The owner's page on this computer acts; its link works once, here, and nowhere else."""

import json

import pytest

from tests.browser.chromium import Page
from tests.browser.home import COMPUTER, IS_OPEN, MIB, Home, wait_done

pytestmark = pytest.mark.needs("chromium", "netns")

IS_OWNERS = "document.querySelector('.owner')?.dataset.link === 'open' && !document.querySelector('.owner-locked')"
LOCKED = "document.querySelector('.owner-locked') !== null"


def shows(text: str) -> str:
    return f"document.body.innerText.includes({json.dumps(text)})"


async def open_owner(home: Home, url: str) -> Page:
    return await home.open(url, host=home.computer)


async def answer(owner: Page, button: str) -> None:
    """Press this button of a question until it is gone: one that came a moment ago takes no word yet."""
    find = f"document.querySelector({json.dumps(button)})"
    await owner.wait_for(f"({find}?.click(), {find} === null)")


async def guest(home: Home) -> Page:
    """A phone that came by the wall, with one file sent."""
    phone = await home.open_on_phone(home.url())
    await phone.choose("Send", home.file("photo.jpg", MIB))
    await wait_done(phone, 1)
    return phone


async def test_the_owner_renames_and_bins_what_arrived(home: Home) -> None:
    await guest(home)
    owner = await open_owner(home, home.daemon.owner_url())
    await owner.wait_for(IS_OWNERS)
    await owner.tap("Rename photo.jpg")
    await owner.type("beach")  # the stem is selected, as in a file manager
    await owner.tap("Rename")
    await owner.wait_for("document.querySelector('[data-entry=\"beach.jpg\"]')")
    assert list(home.daemon.files()) == ["beach.jpg"]
    await owner.tap("Put beach.jpg in the bin")
    await owner.tap("Put in the bin")
    await owner.wait_for("!document.querySelector('[data-entry]')")
    assert home.daemon.files() == {}
    assert owner.complaints == []


async def test_the_owner_trusts_renames_and_removes_a_device_whose_page_is_told_at_once(home: Home) -> None:
    phone = await guest(home)
    owner = await open_owner(home, home.daemon.owner_url())
    await owner.wait_for("document.querySelectorAll('.device').length === 2")
    name = str(await owner.evaluate("document.querySelector('.device [aria-label^=Trust]').ariaLabel")).removeprefix(
        "Trust "
    )
    await owner.tap(f"Trust {name}")
    await owner.tap("Trust it")
    await owner.wait_for(shows("trusted, may send and pick up"))
    await owner.tap(f"Rename {name}")
    await owner.type("Ann's phone")
    await owner.tap("Rename")
    await owner.wait_for(shows("Ann's phone"))
    await owner.tap("Remove Ann's phone")
    # Both pages run on this computer: one clock.
    await phone.evaluate("""window.told = new Promise((done) => new MutationObserver(() => {
        if (document.body.innerText.includes('Access has ended.')) done(Date.now()) })
        .observe(document.body, {subtree: true, childList: true, characterData: true})), 0""")
    await owner.evaluate("window.addEventListener('pointerdown', () => (window.asked = Date.now()), true)")
    await owner.tap("Remove it")
    took_ms = int(str(await phone.evaluate("told"))) - int(str(await owner.evaluate("asked")))
    print(f"a removed phone's page was told after {took_ms} ms")
    assert took_ms <= 3000
    await owner.wait_for("document.querySelectorAll('.device').length === 1")


async def test_an_owners_link_works_once_and_only_on_this_computer(home: Home) -> None:
    from_afar = home.daemon.owner_url()
    on_the_lan = from_afar.replace("127.0.0.1", COMPUTER)
    assert on_the_lan != from_afar
    for host in (home.phone, home.computer):
        page = await home.open(on_the_lan, host=host)
        await page.wait_for(LOCKED)
        assert await page.evaluate("document.querySelectorAll('[data-entry], .device').length") == 0
        await page.close()
    used = home.daemon.owner_url()
    first = await open_owner(home, used)
    await first.wait_for(IS_OWNERS)
    await first.close()
    again = await open_owner(home, used)  # this browser has a key of its own by now
    await again.wait_for(IS_OWNERS)
    await again.evaluate("localStorage.clear()")
    await again.goto("about:blank")
    stranger = await open_owner(home, used)
    await stranger.wait_for(LOCKED)
    assert await stranger.evaluate("document.querySelectorAll('[data-entry], .device').length") == 0


async def test_add_my_phone_shows_a_code_that_works_and_says_when_the_phone_is_there(home: Home) -> None:
    owner = await open_owner(home, home.daemon.owner_url())
    await owner.wait_for(IS_OWNERS)
    await owner.tap("Add my phone")
    await owner.tap("Copy as a link")
    await owner.wait_for("document.querySelector('.add-link button').textContent === 'Copied'")
    await owner.command("Browser.grantPermissions", permissions=["clipboardReadWrite"])
    url = str(await owner.evaluate("navigator.clipboard.readText()"))
    phone = await home.open_on_phone(url)
    assert await phone.evaluate(IS_OPEN) is True
    await owner.wait_for("document.querySelector('.add-done') !== null")


async def test_of_two_tabs_of_the_owner_the_one_that_is_tapped_goes_on_and_the_other_says_so(home: Home) -> None:
    first = await open_owner(home, home.daemon.owner_url())
    await first.wait_for(IS_OWNERS)
    second = await first.browser.open(str(await first.evaluate("location.href")))
    await second.wait_for(IS_OWNERS)
    await first.wait_for(shows("This page is already open in another tab."))
    await first.tap("Use this tab")
    await first.wait_for(IS_OWNERS)
    await second.wait_for(shows("This page is already open in another tab."))
