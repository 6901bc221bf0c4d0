"""Two browsers exchange files: introduced by the daemon on insecure origins, or at an edge with no daemon at all."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.browser.chromium import Chromium, Page
from tests.browser.edge_world import Edge
from tests.browser.home import COMPUTER, IS_OPEN, MIB, NEIGHBOUR, PHONE, Home, make_home, sha256
from tests.namespaces import Host, home_network

pytestmark = pytest.mark.needs("chromium", "netns")

SIZE = 64 * MIB
PEER = "document.querySelector('[data-peer]')"
LINKED = "document.querySelector('.peer [data-road]')?.dataset.road"
NO_PICKERS = "delete window.showSaveFilePicker; delete window.showDirectoryPicker; true"
"""A headless browser has the system's pickers and nobody to use them."""


@dataclass
class Tab:
    """One of two devices: its page, and where its browser saves."""

    page: Page
    downloads: Path

    async def sends_to(self) -> str:
        """The name of the other device, once it is near."""
        return str(await self.page.wait_for(f"{PEER}?.dataset.peer", within_s=60))

    async def offer(self, *files: Path) -> None:
        """Choose files for the other device."""
        await self.page.choose(await self.sends_to(), *files)

    async def says(self, tone: str, text: str, *, within_s: float = 60) -> None:
        """Wait until the page says so about the other device."""
        where = f".peer [data-tone={tone}]"
        await self.page.wait_for(
            f"[...document.querySelectorAll('{where}')].some((note) => note.innerText.includes({text!r}))",
            within_s=within_s,
        )

    async def save_all(self, count: int) -> None:
        """Save what arrived, one by one as a person does, until the files are whole on the disk."""
        for _ in range(count):
            await self.page.tap("Save ")
        await self.downloaded(count)

    async def downloaded(self, count: int) -> dict[str, str]:
        """What the browser has put into its folder, by name with SHA-256, once so many are whole."""
        async with asyncio.timeout(60):
            while len(self._whole()) < count:
                await asyncio.sleep(0.1)
        return {path.name: sha256(path) for path in self._whole()}

    def _whole(self) -> list[Path]:
        return [path for path in self.downloads.iterdir() if path.suffix != ".crdownload" and path.stat().st_size > 0]


async def open_tab(browser: Chromium, url: str, downloads: Path) -> Tab:
    """A phone's tab whose downloads go to a folder of their own."""
    downloads.mkdir(parents=True, exist_ok=True)
    await browser.command("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(downloads))
    return Tab(await browser.open(url), downloads)


@pytest.fixture
async def home(built_page: None) -> AsyncIterator[Home]:
    async with make_home() as made:
        yield made


async def two_phones(home: Home) -> tuple[Tab, Tab]:
    """Two trusted phones in one home, each on a machine of its own."""
    tabs = []
    for host in (home.phone, home.neighbour):
        browser = await home.browser_on(host)
        tabs.append(await open_tab(browser, home.daemon.ticket_url(), home.folder / host.namespace))
        await tabs[-1].page.wait_for(IS_OPEN)
    return tabs[0], tabs[1]


async def test_two_pages_on_an_insecure_origin_send_each_other_64_mebibytes_and_the_daemon_is_not_on_the_way(
    home: Home,
) -> None:
    anna, ben = await two_phones(home)
    assert await anna.page.evaluate("isSecureContext") is False
    there, back = home.file("there.bin", SIZE), home.file("back.bin", SIZE)
    await anna.offer(there)
    await anna.says("wait", "to accept")
    await ben.page.tap("Accept")
    await anna.says("go", "1 file handed over")
    await ben.offer(back)
    await anna.page.tap("Accept")
    await ben.says("go", "1 file handed over")
    assert await anna.page.evaluate(LINKED) == await ben.page.evaluate(LINKED) == "direct"
    await ben.save_all(1)
    await anna.save_all(1)
    assert await ben.downloaded(1) == {"there.bin": sha256(there)}
    assert await anna.downloaded(1) == {"back.bin": sha256(back)}
    assert home.daemon.files() == {}
    assert anna.page.complaints == ben.page.complaints == []
