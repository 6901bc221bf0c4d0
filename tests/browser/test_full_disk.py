"""An inbox on a disk that is full: the page says so, nothing is torn, and a small file still goes in."""

import contextlib
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from tests.browser.chromium import Page
from tests.browser.home import MIB, Home, hashes, wait_done, wait_sent

pytestmark = pytest.mark.needs("chromium", "netns", "root")

DISK = 64 * MIB
ENDED_BADLY = "document.querySelector('[data-state=failed]') && !document.querySelector('[data-state=sending]')"


@pytest.fixture
async def small(home: Home) -> AsyncIterator[Home]:
    """A home whose inbox lies on a disk of 64 MiB."""
    await home.daemon.stop()
    run("mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(home.daemon.inbox))
    try:
        await home.daemon.start()
        yield home
    finally:
        await home.daemon.kill()
        run("umount", "--lazy", str(home.daemon.inbox))


def run(*command: str) -> None:
    subprocess.run(command, check=True)


def fill(descriptor: int) -> NoReturn:
    while True:
        os.write(descriptor, bytes(MIB // 16))


@contextlib.contextmanager
def full(folder: Path) -> Iterator[None]:
    """Somebody else takes all space that is left."""
    hog = folder / ".hog"
    descriptor = os.open(hog, os.O_WRONLY | os.O_CREAT)
    try:
        with pytest.raises(OSError, match="No space"):
            fill(descriptor)
        yield
    finally:
        os.close(descriptor)
        hog.unlink()


async def text_of(page: Page) -> str:
    return str(await page.evaluate("document.body.innerText.replaceAll('\\u00a0', ' ')"))


async def test_what_does_not_fit_is_declined_in_a_sentence_before_a_byte_is_sent(small: Home) -> None:
    page = await small.scan()
    before = small.phone.sent_bytes()
    await page.choose("Send", small.file("film.mp4", 100 * MIB))
    await page.wait_for("document.body.innerText.includes('STUDY-PC has only')")
    assert "this needs 105 MB" in await text_of(page)
    assert small.phone.sent_bytes() - before < MIB
    assert small.daemon.files() == {}
    assert small.daemon.is_alive


@pytest.mark.soak
async def test_only_what_does_not_fit_is_refused_and_it_comes_by_itself_when_there_is_room(small: Home) -> None:
    hog = small.daemon.inbox / ".hog"
    hog.write_bytes(bytes(40 * MIB))
    page = await small.scan()
    film, photo, note = small.file("film.mp4", 30 * MIB), small.file("photo.jpg", 5 * MIB), small.file("note.txt", 1000)
    await page.choose("Send", film, photo, note)
    await wait_done(page, 2)
    assert small.daemon.files() == hashes([photo, note])
    assert "1 file did not arrive" in await text_of(page)
    assert "then it goes on by itself" in await text_of(page)
    hog.unlink()
    await wait_done(page, 3, within_s=180)  # asked each minute
    assert small.daemon.files() == hashes([film, photo, note])


async def test_space_that_was_promised_stays_promised_whatever_others_write(small: Home) -> None:
    page, film = await small.scan(), small.file("film.mp4", 40 * MIB)
    small.phone.throttle(160)
    before = small.phone.sent_bytes()
    await page.choose("Send", film)
    await wait_sent(small.phone, before + 8 * MIB)
    with full(small.daemon.inbox):
        await wait_done(page, 1)
        assert small.daemon.files() == hashes([film])


async def test_a_disk_that_fills_up_in_the_middle_tears_nothing_and_goes_on_when_there_is_room(small: Home) -> None:
    page, photos = await small.scan(), [small.file(f"IMG_{n:02}.jpg", 900_000) for n in range(40)]
    small.phone.throttle(80)
    before = small.phone.sent_bytes()
    await page.choose("Send", *photos)
    await wait_sent(small.phone, before + 4 * MIB)
    with full(small.daemon.inbox):
        await page.wait_for(ENDED_BADLY)
        assert "has no room for it" in await text_of(page)
        landed = small.daemon.files()
        assert 0 < len(landed) < len(photos)
        assert landed.items() < hashes(photos).items(), "something is torn"
        assert small.daemon.is_alive
    note = small.file("note.txt", 1000)
    await page.choose("Send more", note)
    await page.wait_for("document.querySelector('[data-item=\"note.txt\"]').dataset.state === 'done'")
    await page.tap("Retry")
    await wait_done(page, len(photos) + 1)
    assert small.daemon.files() == hashes([*photos, note])
