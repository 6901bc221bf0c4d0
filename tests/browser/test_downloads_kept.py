"""Downloads on the insecure origin at home outlive the page: a reload, a killed browser or daemon, a full quota."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from tests.browser.chromium import Chromium, Page
from tests.browser.home import IS_OPEN, MIB, Home, make_home, sha256, wait_sent
from tests.browser.test_shelf import put, row, scan, state
from tests.browser.test_two_browsers import Tab, open_tab

pytestmark = pytest.mark.needs("chromium", "netns")

SIZE = 64 * MIB
AGAIN = 12 * MIB
"""What may come twice: a window of 4 MiB, a part that was not whole, and what the lines and the page itself weigh."""

KEPT_BYTES = """new Promise((done) => {
  const asked = indexedDB.open("qrshared/1 parts");
  asked.onsuccess = () => {
    const parts = asked.result.transaction("parts").objectStore("parts").getAll();
    parts.onsuccess = () => { asked.result.close(); done(parts.result.reduce((sum, { size }) => sum + size, 0)) };
  };
})"""


IN_PARTS = """new Promise((done) => {
  const asked = indexedDB.open("qrshared/1 parts");
  asked.onsuccess = () => {
    const all = asked.result.transaction(["wishes", "parts"], "readwrite");
    const [wishes, parts] = [all.objectStore("wishes"), all.objectStore("parts")];
    const [names, blobs, rows] = [parts.getAllKeys(), parts.getAll(), wishes.getAll()];
    rows.onsuccess = () => {
      const [keys, sizes, found] = [names.result, blobs.result.map(({ size }) => size), rows.result];
      %s;
    };
    all.oncomplete = () => { asked.result.close(); done(true) };
  };
})"""
"""Changes what is kept behind the page's back."""


@pytest.fixture
async def home(built_page: None) -> AsyncIterator[Home]:
    async with make_home() as made:
        yield made


async def in_the_middle(home: Home, tab: Tab, name: str) -> int:
    """Begin to save it, slowly, until 24 MiB have come; what had been sent before."""
    home.computer.throttle(80)
    before = home.computer.sent_bytes()
    await tab.page.tap(f"Save {name}")
    await wait_sent(home.computer, before + 24 * MIB)
    return before


async def kept(page: Page) -> int:
    """Bytes that this browser keeps of downloads which are not whole."""
    found = await page.evaluate(KEPT_BYTES)
    assert isinstance(found, int)
    return found


async def until_kept(page: Page, wanted: int) -> None:
    """Wait until it keeps so much, or nothing."""
    async with asyncio.timeout(90):
        while (await kept(page) < wanted) if wanted else await kept(page):
            await asyncio.sleep(0.1)


async def remembers_its_key(browser: Chromium) -> None:
    """Wait until the device's key lies in the profile: browsers write what a page stores some seconds later."""
    folder = browser.profile / "Default" / "Local Storage" / "leveldb"
    async with asyncio.timeout(60):
        while not any(b"qrshared/1 key" in path.read_bytes() for path in folder.glob("*.log")):
            await asyncio.sleep(0.1)


async def test_a_page_that_is_loaded_anew_goes_on_without_a_question(home: Home) -> None:
    film = put(home.daemon, "film.mp4", SIZE)
    anna = await scan(home)
    assert await anna.page.evaluate("isSecureContext") is False
    before = await in_the_middle(home, anna, "film.mp4")
    await anna.page.reload()
    await anna.page.wait_for(IS_OPEN)
    assert await kept(anna.page) > 10 * MIB
    assert await anna.downloaded(1) == {"film.mp4": sha256(film)}
    await state(anna.page, "film.mp4", "saved")
    again = home.computer.sent_bytes() - before - SIZE
    print(f"came twice, with all frames: {again / MIB:.1f} MiB")
    assert again < AGAIN
    assert anna.page.complaints == []


async def test_a_browser_that_was_killed_goes_on_when_it_is_started_again(home: Home) -> None:
    film = put(home.daemon, "film.mp4", SIZE)
    anna = await scan(home)
    browser = anna.page.browser
    await remembers_its_key(browser)
    before = await in_the_middle(home, anna, "film.mp4")
    await browser.restart()
    again = await open_tab(browser, home.url("/p"), anna.downloads)
    assert await again.downloaded(1) == {"film.mp4": sha256(film)}
    await state(again.page, "film.mp4", "saved")
    assert home.computer.sent_bytes() - before - SIZE < AGAIN


async def test_what_a_daemon_that_was_killed_was_sending_goes_on_in_a_page_that_is_loaded_anew(home: Home) -> None:
    film = put(home.daemon, "film.mp4", SIZE)
    anna = await scan(home)
    before = await in_the_middle(home, anna, "film.mp4")
    await home.daemon.kill()
    await home.daemon.start()
    await anna.page.reload()
    assert await anna.downloaded(1) == {"film.mp4": sha256(film)}
    assert home.computer.sent_bytes() - before - SIZE < AGAIN


async def test_a_browser_without_room_goes_on_in_memory_and_says_what_that_means(home: Home) -> None:
    film = put(home.daemon, "film.mp4", SIZE)
    anna = await scan(home)
    await anna.page.command("Storage.overrideQuotaForOrigin", origin=home.url(""), quotaSize=8 * MIB)
    await in_the_middle(home, anna, "film.mp4")
    await anna.page.wait_for(f"{row('film.mp4')}.innerText.includes('it begins anew')")
    assert await anna.downloaded(1) == {"film.mp4": sha256(film)}
    await state(anna.page, "film.mp4", "saved")
    assert anna.page.complaints == []


async def test_what_was_paused_is_paused_in_the_next_page_load_until_it_is_resumed(home: Home) -> None:
    film = put(home.daemon, "film.mp4", SIZE)
    anna = await scan(home)
    owner = await home.open(home.daemon.owner_url(), host=home.computer)
    before = await in_the_middle(home, anna, "film.mp4")
    await owner.wait_for("document.querySelector('[data-taker][data-state=moving]')")
    await anna.page.tap("Pause film.mp4")
    await state(anna.page, "film.mp4", "paused")
    await owner.wait_for("document.querySelector('[data-taker][data-state=paused]')")
    await anna.page.goto("about:blank")
    await owner.wait_for("!document.querySelector('[data-taker][data-state=paused]')")
    await anna.page.goto(home.url("/p"))
    await state(anna.page, "film.mp4", "paused")
    await owner.wait_for("document.querySelector('[data-taker][data-state=paused]')")
    assert "paused at 0" not in str(await anna.page.evaluate(f"{row('film.mp4')}.innerText"))
    await anna.page.tap("Resume film.mp4")
    assert await anna.downloaded(1) == {"film.mp4": sha256(film)}
    assert home.computer.sent_bytes() - before - SIZE < AGAIN


async def test_parts_that_are_not_what_was_sent_are_found_out_and_come_again(home: Home) -> None:
    film = put(home.daemon, "film.mp4", SIZE)
    anna = await scan(home)
    await in_the_middle(home, anna, "film.mp4")
    await anna.page.tap("Pause film.mp4")
    await anna.page.evaluate(
        IN_PARTS % "for (const key of keys) parts.put(new Blob([new Uint8Array(sizes.shift())]), key)"
    )
    await anna.page.reload()
    before = home.computer.sent_bytes()
    await anna.page.tap("Resume film.mp4")
    assert await anna.downloaded(1) == {"film.mp4": sha256(film)}
    assert home.computer.sent_bytes() - before > SIZE, "control: none of the false bytes was used"


async def test_nothing_stays_of_what_was_saved_taken_back_or_too_old(home: Home) -> None:
    film, other = put(home.daemon, "film.mp4", SIZE), put(home.daemon, "other.mp4", SIZE)
    anna = await scan(home)
    await in_the_middle(home, anna, "film.mp4")
    await anna.page.tap("Pause film.mp4")
    await state(anna.page, "film.mp4", "paused")
    assert await kept(anna.page) > 0
    too_old = "for (const wish of found) wishes.put({ ...wish, atMs: Date.now() - 8 * 86_400_000 })"
    await anna.page.evaluate(IN_PARTS % too_old)
    await anna.page.reload()
    await state(anna.page, "film.mp4", "waits")
    await until_kept(anna.page, 0)
    await anna.page.tap("Accept")  # the computer still offers it, and this page had not asked
    await state(anna.page, "film.mp4", "moving")
    await until_kept(anna.page, 4 * MIB)
    assert await anna.downloaded(1) == {"film.mp4": sha256(film)}
    await state(anna.page, "film.mp4", "saved")
    await anna.page.reload()
    await state(anna.page, "film.mp4", "waits")
    await until_kept(anna.page, 0)
    await anna.page.tap("Save other.mp4")
    await until_kept(anna.page, 4 * MIB)
    await anna.page.tap("Pause other.mp4")
    await state(anna.page, "other.mp4", "paused")
    await anna.page.goto("about:blank")
    await home.daemon.stop()
    other.unlink()
    await home.daemon.start()
    await anna.page.goto(home.url("/p"))
    await until_kept(anna.page, 0)
    assert len(await anna.downloaded(1)) == 1, "nothing was handed over twice"


async def test_nothing_stays_of_a_device_that_the_owner_removed(home: Home) -> None:
    put(home.daemon, "film.mp4", SIZE)
    anna = await scan(home)
    await in_the_middle(home, anna, "film.mp4")
    assert await kept(anna.page) > 0
    (device,) = json.loads(home.daemon.say("devices", "--json"))["devices"]
    home.daemon.say("devices", "revoke", device["device"])
    await until_kept(anna.page, 0)
