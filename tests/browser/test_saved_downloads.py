"""What a page says was saved in the downloads is what lies on the disk: many small files, all sizes, both roads."""

import asyncio
import contextlib
import dataclasses
import os
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.browser.chromium import Chromium
from tests.browser.edge_world import Edge
from tests.browser.firefox import Firefox, firefox_on
from tests.browser.home import COMPUTER, IS_OPEN, MIB, Home, sha256
from tests.browser.test_shelf import open_securely, put
from tests.browser.test_two_at_an_edge import two_at_an_edge
from tests.browser.test_two_browsers import LINKED, NO_PICKERS, Tab, open_tab
from tests.namespaces import home_network

pytestmark = pytest.mark.needs("chromium", "netns")

SIZES = (0, 1, 12_000, 900_000, 5 * MIB)
LONG_S = 240
"""For hundreds of downloads, one after the other, on a slow machine."""
NOTES = "[...document.querySelectorAll('[data-tone]')].map((note) => note.innerText).join(' / ')"


def small(folder: Path) -> list[Path]:
    """300 files of a kilobyte."""
    return [written(folder / f"small {n}.bin", 1_000) for n in range(300)]


def mixed(folder: Path) -> list[Path]:
    """30 files, six of each size; several have the same name."""
    return [written(folder / f"{n}-{size}" / f"{n // 2} {size}.bin", size) for n in range(6) for size in SIZES]


def written(path: Path, size: int) -> Path:
    """A new file of random bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(size))
    return path


def contents(paths: list[Path]) -> Counter[str]:
    """What is in them, whatever their names: a browser gives a number to the second of one name."""
    return Counter(sha256(path) for path in paths)


def on_disk(folder: Path) -> Counter[str]:
    """What is whole there; while Firefox writes, an empty file of the name stands beside the content."""
    found = [path for path in folder.iterdir() if path.suffix not in (".crdownload", ".part")]
    return contents([path for path in found if not path.with_name(f"{path.name}.part").exists()])


async def until_on_disk(folder: Path, expected: Counter[str]) -> None:
    """A page hands over to the browser, whose disk may be a moment behind."""
    try:
        async with asyncio.timeout(60):
            while on_disk(folder) != expected:
                await asyncio.sleep(0.1)
    except TimeoutError:
        missing, strange = expected - on_disk(folder), on_disk(folder) - expected
        raise AssertionError(
            f"{missing.total()} of {expected.total()} were said to be saved and are not; {strange.total()} others are"
        ) from None


@pytest.mark.parametrize("files", [small, mixed])
@pytest.mark.usefixtures("built_page")
async def test_all_that_one_browser_gives_another_lies_in_its_downloads(
    tmp_path: Path, files: Callable[[Path], list[Path]]
) -> None:
    async with two_at_an_edge(tmp_path, on_loopback=True) as (anna, ben):
        await ben.page.evaluate(NO_PICKERS)
        sent = files(tmp_path / "sent")
        await anna.offer(*sent)
        await ben.page.tap("Accept")
        await anna.says("go", f"{len(sent)} files handed over", within_s=LONG_S)
        await ben.says("go", f"{len(sent)} files saved in your downloads")
        await until_on_disk(ben.downloads, contents(sent))
        assert ben.page.complaints == []


def says(text: str) -> str:
    """An expression: some note of the page says so."""
    return f"{NOTES}.includes({text!r})"


def saving_into(folder: Path) -> dict[str, str | int | bool]:
    """Preferences of a Firefox that reaches others on the same machine, and puts downloads there without a word."""
    folder.mkdir()
    return {
        "media.peerconnection.ice.loopback": True,
        "media.peerconnection.ice.obfuscate_host_addresses": False,
        "browser.download.folderList": 2,
        "browser.download.dir": str(folder),
        "browser.download.alwaysOpenPanel": False,
        "browser.download.always_ask_before_handling_new_types": False,
    }


@contextlib.asynccontextmanager
async def chromium_and_firefox(folder: Path, saved: Path) -> AsyncIterator[tuple[Tab, Firefox]]:
    """The first opens a bare edge on this machine, the second what the first one's code says."""
    with home_network(COMPUTER) as (machine,):
        machine = dataclasses.replace(machine, address="127.0.0.1")
        edge = Edge(machine, folder)
        try:
            await edge.start()
            async with (
                Chromium(namespace=machine.namespace) as chromium,
                firefox_on(machine, saving_into(saved)) as firefox,
            ):
                anna = await open_tab(chromium, edge.url("/"), folder / "anna")
                url = str(await anna.page.wait_for("document.querySelector('.wall-code')?.dataset.url"))
                await firefox.open(url)
                await firefox.wait_for(LINKED)
                yield anna, firefox
        finally:
            await edge.kill()


@pytest.mark.needs("firefox-esr")
@pytest.mark.parametrize("files", [small, mixed])
@pytest.mark.usefixtures("built_page")
async def test_all_that_firefox_is_given_lies_in_its_downloads(
    tmp_path: Path, files: Callable[[Path], list[Path]]
) -> None:
    saved = tmp_path / "saved by Firefox"
    async with chromium_and_firefox(tmp_path, saved) as (anna, firefox):
        sent = files(tmp_path / "sent")
        await anna.offer(*sent)
        await firefox.tap("Accept")
        await anna.says("go", f"{len(sent)} files handed over", within_s=LONG_S)
        await firefox.wait_for(says(f"{len(sent)} files saved in your downloads"))
        await until_on_disk(saved, contents(sent))


async def saves_all_that_waits(home: Home, tap: Callable[[str], Awaitable[None]]) -> list[Path]:
    """Put files of every size into the Outbox, and have each of them saved at once."""
    sent = [put(home.daemon, f"{n} of {size}.bin", size) for n in range(6) for size in SIZES]
    await tap(f"Save all {len(sent)}")
    return sent


SAVED_OF_SHELF = "document.querySelectorAll('[data-shelf][data-state=saved]').length"


async def test_all_that_waits_at_home_lies_in_the_downloads(home: Home) -> None:
    anna = await open_securely(home)
    await anna.page.evaluate(NO_PICKERS)
    sent = await saves_all_that_waits(home, anna.page.tap)
    await anna.page.wait_for(f"{SAVED_OF_SHELF} === {len(sent)}", within_s=LONG_S)
    await until_on_disk(anna.downloads, contents(sent))
    assert anna.page.complaints == []


@pytest.mark.needs("firefox-esr")
async def test_all_that_waits_at_home_lies_in_the_downloads_of_firefox(home: Home) -> None:
    saved = home.folder / "saved by Firefox"
    async with firefox_on(home.computer, saving_into(saved)) as firefox:
        await firefox.open(home.daemon.ticket_url().replace(COMPUTER, "127.0.0.1"))
        await firefox.wait_for(IS_OPEN)
        assert await firefox.evaluate("isSecureContext") is True
        sent = await saves_all_that_waits(home, firefox.tap)
        await firefox.wait_for(f"{SAVED_OF_SHELF} === {len(sent)}", within_s=LONG_S)
        await until_on_disk(saved, contents(sent))


@pytest.mark.usefixtures("built_page")
async def test_what_the_browser_does_not_take_is_not_said_to_be_saved(tmp_path: Path) -> None:
    async with two_at_an_edge(tmp_path, on_loopback=True) as (anna, ben):
        await ben.page.evaluate(NO_PICKERS)
        await ben.page.browser.command("Browser.setDownloadBehavior", behavior="deny")
        sent = [written(tmp_path / f"{size}.bin", size) for size in SIZES]
        await anna.offer(*sent)
        await ben.page.tap("Accept")
        await anna.says("stop", f"{len(sent)} files not:", within_s=LONG_S)
        await ben.says("stop", "allow this page several downloads")
        assert on_disk(ben.downloads).total() == 0


COUNTS = re.compile(r"(\d+) files? (?:handed over|saved in your downloads)")


async def told(tab: Tab) -> int:
    """How many files the page says were handed over, or saved."""
    found = COUNTS.search(str(await tab.page.evaluate(NOTES)))
    return int(found[1]) if found else 0


@pytest.mark.usefixtures("built_page")
async def test_what_a_service_worker_that_was_stopped_has_lost_is_not_said_to_be_saved(tmp_path: Path) -> None:
    async with two_at_an_edge(tmp_path, on_loopback=True) as (anna, ben):
        await ben.page.evaluate(NO_PICKERS)
        sent = small(tmp_path / "sent")
        await ben.page.command("ServiceWorker.enable")
        await anna.offer(*sent)
        await ben.page.tap("Accept")
        async with asyncio.timeout(LONG_S):
            while on_disk(ben.downloads).total() < 20:
                await asyncio.sleep(0.05)
        await ben.page.command("ServiceWorker.stopAllWorkers")
        await anna.says("stop", "files not:", within_s=LONG_S)
        await ben.page.wait_for(says("did not come"))
        there = on_disk(ben.downloads).total()
        assert 0 < await told(anna) == await told(ben) <= there < len(sent)
