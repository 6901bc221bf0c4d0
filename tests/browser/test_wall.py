"""The wall: its code is readable and works, follows the computer's address, and is covered while nobody is behind."""

import asyncio
import signal
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.browser.chromium import Page
from tests.browser.home import IS_OPEN, MIB, PORT, Home, hashes, wait_done

pytestmark = pytest.mark.needs("chromium", "netns", "zbarimg")

COVERED = "document.querySelector('[data-covered]') !== null"
SHOWN = "document.querySelector('.wall-code svg') !== null && !document.querySelector('[data-covered]')"
MOVED_TO = "192.168.77.9"


async def read_code(page: Page, folder: Path) -> str:
    """What a camera reads off the screen, '' while there is no code."""
    picture = folder / "wall.png"
    await page.screenshot(picture)
    zbar = await asyncio.create_subprocess_exec(
        "zbarimg", "--quiet", "--raw", picture, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    found, _ = await zbar.communicate()
    return found.decode().strip()


async def wait_code(page: Page, folder: Path, start: str, *, within_s: float) -> tuple[str, float]:
    """Wait until the code on the screen leads there; returns it and how long that took."""
    began = time.monotonic()
    async with asyncio.timeout(within_s):
        while not (code := await read_code(page, folder)).startswith(start):
            await asyncio.sleep(0.1)
    return code, time.monotonic() - began


async def test_a_camera_reads_the_code_off_the_screen_and_what_it_opens_sends(home: Home) -> None:
    wall = await home.open(home.url())
    await wall.wait_for(SHOWN)
    code = await read_code(wall, home.folder)
    assert urlsplit(code)[:3] == ("http", f"{home.computer.address}:{PORT}", "/p")
    phone = await home.open_on_phone(code)
    file = home.file("holiday photo.jpg", MIB)
    await phone.choose("Send", file)
    await wait_done(phone, 1)
    assert home.daemon.files() == hashes([file])
    await wall.wait_for("/1 photo|1 file arrived/.test(document.querySelector('.now').innerText)")
    assert "holiday" not in str(await wall.evaluate("document.body.innerText")), "a wall counts, it never names"
    assert [*wall.complaints, *phone.complaints] == []


async def test_walls_here_redraw_within_five_seconds_of_a_new_address(home: Home) -> None:
    await home.daemon.stop()
    await home.daemon.start(fixed=False)
    wall = await home.open(f"http://127.0.0.1:{PORT}/", host=home.computer)
    await wait_code(wall, home.folder, home.url("/p#1"), within_s=15)
    home.computer.move_to(MOVED_TO)
    code, took_s = await wait_code(wall, home.folder, f"http://{MOVED_TO}:{PORT}/p#1", within_s=15)
    print(f"a new address was on the wall after {took_s:.1f} s")
    assert took_s <= 5
    await home.open_on_phone(code)


async def test_a_wall_covers_its_code_when_the_daemon_dies_and_recovers_by_itself(home: Home) -> None:
    wall = await home.open(home.url())
    await wall.wait_for(SHOWN)
    await home.daemon.kill()
    await wall.wait_for(COVERED, within_s=15)
    assert await read_code(wall, home.folder) == ""
    assert "STUDY-PC does not answer" in str(await wall.evaluate("document.body.innerText"))
    await home.daemon.start()
    await wall.wait_for(SHOWN, within_s=30)
    code = await read_code(wall, home.folder)
    await home.open_on_phone(code)


async def test_a_wall_that_hears_nothing_covers_its_code_though_the_connection_stands(home: Home) -> None:
    wall = await home.open(home.url())
    await wall.wait_for(SHOWN)
    began = time.monotonic()
    home.daemon.signal(signal.SIGSTOP)
    await wall.wait_for(COVERED, within_s=30)
    print(f"a silent daemon's code was covered after {time.monotonic() - began:.1f} s")
    home.daemon.signal(signal.SIGCONT)
    await wall.wait_for(SHOWN, within_s=30)


async def test_the_bare_address_on_a_phone_sends_after_one_tap(home: Home) -> None:
    phone = await (await home.browser_on(home.phone)).open(home.url())
    await phone.wait_for(IS_OPEN)
    file = home.file("note.txt", 1000)
    await phone.choose("Send", file)
    await wait_done(phone, 1)
    assert home.daemon.files() == hashes([file])
    assert phone.complaints == []
