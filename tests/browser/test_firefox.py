"""Firefox sends too: from the code and from the bare address, and what lands is what was chosen."""

import pytest

from tests.browser.firefox import firefox_on
from tests.browser.home import IS_OPEN, MIB, Home, hashes

pytestmark = pytest.mark.needs("firefox-esr", "netns")

STATUS = "document.querySelector('[role=status]').dataset"


async def test_firefox_sends_three_files_from_a_scanned_code(home: Home) -> None:
    files = [home.file(name, size) for name, size in (("a photo.jpg", 5 * MIB), ("ünï.mp4", 60 * MIB), ("empty", 0))]
    async with firefox_on(home.phone) as firefox:
        url = home.daemon.ticket_url()
        await firefox.call(lambda driver: driver.navigate(url))
        await firefox.wait_for(IS_OPEN)
        assert await firefox.evaluate("isSecureContext") is False
        await firefox.pick(*files)
        await firefox.wait_for(f"{STATUS}.done === '3'")
        assert await firefox.evaluate(f"[{STATUS}.total, {STATUS}.failed]") == ["3", "0"]
        assert await firefox.evaluate("location.hash") == "", "a redeemed code leaves the address"
    assert home.daemon.files() == hashes(files)
