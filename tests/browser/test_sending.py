"""A phone sends over an insecure origin: big, several, very many; all lands whole and the page keeps its word."""

from pathlib import Path

import pytest

from tests.browser.chromium import Page
from tests.browser.home import MIB, Home, hashes, wait_done

pytestmark = pytest.mark.needs("chromium", "netns")

WATCH = Path(__file__).with_name("watch.js").read_text("utf-8")


async def send_and_check(home: Home, page: Page, files: list[Path]) -> None:
    """Send, and hold the page to its contract from before the first byte to after the last receipt."""
    await page.evaluate(WATCH)
    await page.choose("Send", *files)
    await wait_done(page, len(files), within_s=300)
    watched = await page.evaluate("contract")
    assert isinstance(watched, dict)
    assert watched["breaches"] == []
    assert "done" in watched["states"]
    assert await page.evaluate("({...document.querySelector('[role=status]').dataset})") == {
        "total": str(len(files)),
        "done": str(len(files)),
        "failed": "0",
    }
    assert home.daemon.files() == hashes(files)
    assert page.complaints == []


async def test_a_big_file_lands_whole_from_an_insecure_origin(home: Home) -> None:
    page = await home.scan()
    assert await page.evaluate("isSecureContext") is False
    await send_and_check(home, page, [home.file("big.bin", 256 * MIB)])


async def test_three_files_at_once_land_whole_with_their_names_and_states_on_the_page(home: Home) -> None:
    page = await home.scan()
    files = [home.file(name, size) for name, size in (("a photo.jpg", 5 * MIB), ("ünï.mp4", 40 * MIB), ("empty", 0))]
    await send_and_check(home, page, files)
    rows = "[...document.querySelectorAll('[data-item]')].map((row) => [row.dataset.item, row.dataset.state])"
    assert await page.evaluate(f"Object.fromEntries({rows})") == {
        "a photo.jpg": "done",
        "ünï.mp4": "done",
        "empty": "done",
    }


async def test_two_thousand_small_files_land_whole(home: Home) -> None:
    page = await home.scan()
    await send_and_check(home, page, [home.file(f"IMG_{n:04}.jpg", 2000 + 17 * n % 9000) for n in range(2000)])


@pytest.mark.soak
async def test_a_gibibyte_lands_whole(home: Home) -> None:
    page = await home.scan()
    await send_and_check(home, page, [home.file("big.bin", 1024 * MIB)])


async def test_a_breach_of_the_contract_would_be_seen(home: Home) -> None:
    page = await home.scan()
    await page.evaluate(WATCH)
    await page.evaluate("document.querySelector('[role=status]').dataset.done = '7'; console.error('seen')")
    await page.wait_for("contract.breaches.some((breach) => breach.startsWith('7 done'))")
    assert page.complaints == ["error: seen"]
    await page.evaluate(
        "document.body.append(Object.assign(document.createElement('img'), {src: 'http://192.0.2.1/x'}))"
    )
    await page.wait_for("true")
    assert any("Content Security Policy" in line for line in page.complaints)
