"""Firefox keeps the parts of a download, too: after a reload it goes on where it was."""

import asyncio

import pytest

from tests.browser.firefox import firefox_on
from tests.browser.home import IS_OPEN, MIB, Home, sha256, wait_sent
from tests.browser.test_shelf import put, row

pytestmark = pytest.mark.needs("firefox-esr", "netns")

SIZE = 64 * MIB


async def test_a_download_in_firefox_goes_on_after_a_reload_without_a_question(home: Home) -> None:
    film = put(home.daemon, "film.mp4", SIZE)
    folder = home.folder / "downloads"
    folder.mkdir()
    chosen = {"browser.download.folderList": 2, "browser.download.dir": str(folder)}
    async with firefox_on(home.phone, chosen) as firefox:
        url = home.daemon.ticket_url()
        await firefox.call(lambda driver: driver.navigate(url))
        await firefox.wait_for(f"{IS_OPEN} && {row('film.mp4')}")
        home.computer.throttle(80)
        before = home.computer.sent_bytes()
        await firefox.evaluate("document.querySelector('[aria-label=\"Save film.mp4\"]').click()")
        await wait_sent(home.computer, before + 32 * MIB)
        await firefox.call(lambda driver: driver.refresh())
        async with asyncio.timeout(180):
            while not (folder / "film.mp4").exists() or (folder / "film.mp4").stat().st_size < SIZE:
                await asyncio.sleep(0.1)
        assert sha256(folder / "film.mp4") == sha256(film)
        again = home.computer.sent_bytes() - before - SIZE
        print(f"came twice, with all frames: {again / MIB:.1f} MiB")
        assert again < 12 * MIB
