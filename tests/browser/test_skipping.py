"""What is there already does not move, and a photo waits for no film: in Chromium, from an insecure page at home."""

import asyncio
from pathlib import Path

import pytest

from tests.browser.chromium import Page
from tests.browser.home import IS_OPEN, MIB, Home, sha256, wait_done, wait_sent
from tests.browser.phones import wall_url

pytestmark = pytest.mark.needs("chromium", "netns")

GIB = 1024 * MIB
SWITCH = "document.querySelector('.skip-same input')"


def photos(home: Home, count: int) -> list[Path]:
    return [home.file(f"IMG_{n:04}.jpg", 40_000 + n) for n in range(count)]


def rows_saying(words: str) -> str:
    return f"[...document.querySelectorAll('[data-item]')].filter((row) => row.textContent.includes({words!r})).length"


async def turn_on(page: Page) -> None:
    await page.wait_for(f"{SWITCH} !== null")
    await page.evaluate(f"{SWITCH}.click()")


async def test_the_second_time_only_what_is_new_moves_and_the_switch_is_remembered(home: Home) -> None:
    chosen = photos(home, 30)
    page = await home.scan()
    assert await page.evaluate("isSecureContext") is False
    assert await page.evaluate(SWITCH) is None, "control: nothing to skip is chosen yet"
    await page.pick(*chosen)
    await wait_done(page, 30)
    await turn_on(page)
    await page.screenshot(home.folder / "switch.png")
    assert len(home.daemon.files()) == 30

    await page.reload()
    await page.wait_for(IS_OPEN)
    changed = chosen[7]
    changed.write_bytes(changed.read_bytes()[::-1])
    await page.pick(*chosen, home.file("new.jpg", 5_000))
    await wait_done(page, 31)
    await page.screenshot(home.folder / "skipped.png")
    assert await page.evaluate(rows_saying("already on")) == 29
    text = await page.evaluate("document.querySelector('main').textContent.replace(/\\s+/g, ' ')")
    assert isinstance(text, str)
    assert "29 of them were there already" in text
    files = home.daemon.files()
    assert len(files) == 32
    assert files["IMG_0007 (2).jpg"] == sha256(changed)
    assert page.complaints == []


async def test_a_guest_is_offered_no_switch(home: Home) -> None:
    page = await home.open_on_phone(await wall_url(home))
    await page.pick(*photos(home, 25))
    await wait_done(page, 25)
    assert await page.evaluate(SWITCH) is None


async def test_a_photo_chosen_while_films_flow_lands_before_a_tenth_of_one_has(home: Home) -> None:
    page = await home.scan()
    before = home.phone.sent_bytes()
    for n in range(2):
        film = home.folder / f"film {n}.mov"
        with film.open("wb") as file:
            file.truncate(GIB)
        await page.pick(film)
    photo = home.file("photo.jpg", MIB)
    await wait_sent(home.phone, before + 20 * MIB)
    joined = home.phone.sent_bytes()
    await page.pick(photo)
    landed = home.daemon.inbox / "photo.jpg"
    async with asyncio.timeout(60):
        while not landed.exists():
            await asyncio.sleep(0.005)
    beside = home.phone.sent_bytes() - joined - MIB
    assert not list(home.daemon.inbox.glob("film*")), "control: both films still flow"
    assert 0 < beside < GIB / 10, f"{beside / MIB:.0f} MiB went before it"
    assert landed.read_bytes() == photo.read_bytes()
    await page.tap("Cancel all")
    assert page.complaints == []
