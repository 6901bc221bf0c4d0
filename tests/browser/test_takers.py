"""The owner page says who saves what while two phones do so, and who has it, with a real daemon and over a restart."""

import asyncio
import os
from pathlib import Path

import pytest

from tests.browser.chromium import Page
from tests.browser.home import MIB, Home, sha256
from tests.browser.test_owner import IS_OWNERS, open_owner
from tests.browser.test_shelf import home, put, scan, state

__all__ = ["home"]

pytestmark = pytest.mark.needs("chromium", "netns")

LINES = "[...document.querySelectorAll('[data-shelf] [data-taker]')]"


async def lines(owner: Page, *wanted: str) -> list[str]:
    """Wait until lines of these states are there; what they say."""
    states = f"{LINES}.map((line) => line.dataset.state).sort().join()"
    await owner.wait_for(f"{states} === {','.join(sorted(wanted))!r}", within_s=120)
    said = str(await owner.evaluate(f"{LINES}.map((line) => line.innerText).join('|')"))
    return said.replace("\u00a0", " ").split("|")


async def test_the_owner_page_says_who_saves_it_and_who_has_it_also_after_a_restart(home: Home) -> None:
    film = await asyncio.to_thread(put, home.daemon, "film.mp4", 200 * MIB)
    anna, ben = await scan(home), await scan(home, home.neighbour)
    owner = await open_owner(home, home.daemon.owner_url())
    await owner.wait_for(IS_OWNERS)
    for phone in (anna, ben):
        await state(phone.page, "film.mp4", "waits")
    await anna.page.tap("Save film.mp4")
    await owner.wait_for(f"{LINES}.some((line) => line.querySelector('[role=progressbar]') !== null)", within_s=120)
    await ben.page.tap("Save film.mp4")
    said = await lines(owner, "handed_over", "handed_over")
    assert all(one.startswith("handed to ") for one in said), said
    assert await anna.downloaded(1) == await ben.downloaded(1) == {"film.mp4": sha256(film)}
    assert not await anna.page.evaluate("document.querySelector('[data-taker]')"), "a phone hears nothing of others"
    assert owner.complaints == anna.page.complaints == ben.page.complaints == []
    await owner.close()  # of two pages in one browser the later would have to wait
    await home.daemon.stop()  # from here on pages complain that nobody answers
    await home.daemon.start()
    again = await open_owner(home, home.daemon.owner_url())
    await again.wait_for(IS_OWNERS)
    assert len(await lines(again, "handed_over", "handed_over")) == 2
    await asyncio.to_thread(_replace, film)
    await again.wait_for(f"document.querySelector('[data-shelf]') !== null && {LINES}.length === 0", within_s=120)


def _replace(path: Path) -> None:
    path.write_bytes(os.urandom(MIB))
