"""The shelf in Chromium: what lies in the Outbox shows on an open page, and one tap brings it whole."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.browser.chromium import Page
from tests.browser.home import IS_OPEN, MIB, Home, make_home, sha256, wait_sent
from tests.browser.test_two_browsers import NO_PICKERS, Tab, kept_by_the_origin, open_tab

pytestmark = pytest.mark.needs("chromium", "netns")

SIZE = 64 * MIB


@pytest.fixture
async def home(built_page: None) -> AsyncIterator[Home]:
    async with make_home() as made:
        yield made


def outbox(home: Home) -> Path:
    """The folder whose files wait for phones."""
    folder = home.daemon.inbox / "Outbox"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def put(home: Home, name: str, size: int) -> Path:
    """A file of random bytes dropped into the Outbox."""
    path = outbox(home) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(size))
    return path


def row(name: str) -> str:
    """An expression: the row of one thing."""
    return f"[...document.querySelectorAll('[data-shelf]')].find((row) => row.dataset.shelf === {name!r})"


async def state(page: Page, name: str, wanted: str, *, within_s: float = 60) -> None:
    """Wait until a thing is in that state."""
    await page.wait_for(f"{row(name)}?.dataset.state === {wanted!r}", within_s=within_s)


async def scan(home: Home, host_folder: str = "anna") -> Tab:
    """A trusted phone's page."""
    tab = await open_tab(await home.browser_on(home.phone), home.daemon.ticket_url(), home.folder / host_folder)
    await tab.page.wait_for(IS_OPEN)
    return tab


async def test_a_file_dropped_into_the_outbox_shows_on_an_open_page_and_one_tap_brings_it_whole(home: Home) -> None:
    anna = await scan(home)
    assert await anna.page.evaluate("isSecureContext") is False
    assert await anna.page.evaluate("document.querySelector('.shelf')") is None, "control: nothing waits yet"
    film = put(home, "film.mp4", SIZE)
    await state(anna.page, "film.mp4", "waits")
    await anna.page.tap("Save film.mp4")
    assert await anna.downloaded(1) == {"film.mp4": sha256(film)}
    await state(anna.page, "film.mp4", "saved")
    assert anna.page.complaints == []
