"""Downloads on the insecure origin at home outlive the page: a reload, a killed browser or daemon, a full quota."""

from collections.abc import AsyncIterator

import pytest

from tests.browser.chromium import Page
from tests.browser.home import IS_OPEN, MIB, Home, make_home, sha256, wait_sent
from tests.browser.test_shelf import put, scan, state
from tests.browser.test_two_browsers import Tab

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
