"""Two browsers that meet at an edge with no daemon at all: both ways, straight to disk, and what each is told."""

import asyncio
import contextlib
import dataclasses
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.browser.chromium import Chromium, Page
from tests.browser.edge_world import Edge
from tests.browser.firefox import firefox_on
from tests.browser.home import COMPUTER, MIB, NEIGHBOUR, PHONE, sha256
from tests.browser.test_two_browsers import LINKED, NO_PICKERS, SIZE, Tab, open_tab
from tests.namespaces import home_network

pytestmark = pytest.mark.needs("chromium", "netns")


@contextlib.asynccontextmanager
async def two_at_an_edge(folder: Path, *, on_loopback: bool = False) -> AsyncIterator[tuple[Tab, Tab]]:
    """The first opens a bare edge, the second what the first one's code says."""
    async with contextlib.AsyncExitStack() as rooms:
        one, other, third = rooms.enter_context(home_network(COMPUTER, PHONE, NEIGHBOUR))
        if on_loopback:
            third = other = one = dataclasses.replace(one, address="127.0.0.1")
        edge = Edge(third, folder)
        rooms.push_async_callback(edge.kill)
        await edge.start()
        browsers = [await rooms.enter_async_context(Chromium(namespace=host.namespace)) for host in (one, other)]
        anna = await open_tab(browsers[0], edge.url("/"), folder / "anna")
        url = str(await anna.page.wait_for("document.querySelector('.wall-code')?.dataset.url"))
        assert url.startswith(edge.url("/#1"))
        yield anna, await open_tab(browsers[1], url, folder / "ben")


def random_file(path: Path, size: int) -> Path:
    """A new file of random bytes."""
    path.write_bytes(os.urandom(size))
    return path


@pytest.mark.usefixtures("built_page")
async def test_with_no_daemon_at_all_two_browsers_meet_by_a_code_of_the_edge_and_send_both_ways(tmp_path: Path) -> None:
    async with two_at_an_edge(tmp_path) as (anna, ben):
        there, back = random_file(tmp_path / "there.bin", SIZE), random_file(tmp_path / "back.bin", SIZE)
        for sender, receiver, file in ((anna, ben, there), (ben, anna, back)):
            await sender.offer(file)
            await receiver.page.tap("Accept")
            await sender.says("go", "1 file handed over")
            await receiver.save_all(1)
            assert await receiver.downloaded(1) == {file.name: sha256(file)}
        assert await anna.page.evaluate(LINKED) == "direct"
        assert "#" not in str(await ben.page.evaluate("location.href")), "the code is gone from the address bar"
        await ben.page.reload()
        await ben.page.wait_for(LINKED)
        assert anna.page.complaints == ben.page.complaints == []


@pytest.mark.usefixtures("built_page")
async def test_a_session_goes_by_link_where_no_camera_can_be_pointed_and_a_damaged_link_says_so(tmp_path: Path) -> None:
    async with two_at_an_edge(tmp_path) as (anna, ben):
        edge = str(await anna.page.evaluate("location.origin"))
        shown = await (await anna.page.browser.open(f"{edge}/#1cut-of")).wait_for(
            "document.querySelector('.meet-fault')?.innerText"
        )
        assert "damaged" in str(shown)
        fresh = await anna.page.browser.open(f"{edge}/")
        code = str(await fresh.wait_for("document.querySelector('.wall-code')?.dataset.url"))
        await fresh.tap("Copy as a link")
        await fresh.wait_for(f"document.querySelector('.add-link').innerText.trim() === {code!r}")
        assert await ben.page.evaluate("document.querySelector('.meet-fault')") is None


@pytest.mark.usefixtures("built_page")
async def test_a_session_is_remembered_by_its_tab_and_ended_by_a_new_one(tmp_path: Path) -> None:
    async with two_at_an_edge(tmp_path) as (anna, ben):
        await anna.page.wait_for(LINKED)
        await anna.page.reload()
        await anna.page.wait_for(LINKED)
        await ben.page.tap("New session")
        await ben.page.tap("New session")
        await ben.page.wait_for("document.querySelector('.wall-code')")
        await anna.page.wait_for("!document.querySelector('.peer [data-road]')")


@pytest.mark.usefixtures("built_page")
async def test_a_page_that_is_loaded_anew_is_the_same_device_and_is_asked_again(
    tmp_path: Path,
) -> None:
    async with two_at_an_edge(tmp_path) as (anna, ben):
        file = random_file(tmp_path / "a.bin", MIB)
        await anna.offer(file)
        await ben.page.wait_for("[...document.querySelectorAll('button')].some((one) => one.innerText === 'Accept')")
        for _ in range(2):
            await ben.page.reload()
            await ben.page.wait_for(LINKED)
        await ben.page.tap("Accept")
        await anna.says("go", "1 file handed over")
        await ben.save_all(1)
        assert await ben.downloaded(1) == {file.name: sha256(file)}
        for tab in (anna, ben):
            assert await tab.page.evaluate("document.querySelectorAll('[data-peer]').length") == 1


@pytest.mark.usefixtures("built_page")
async def test_a_secure_page_streams_to_disk_and_the_browser_names_the_file_as_it_is_safe(tmp_path: Path) -> None:
    async with two_at_an_edge(tmp_path, on_loopback=True) as (anna, ben):
        assert await ben.page.evaluate("isSecureContext") is True
        await ben.page.evaluate(NO_PICKERS)
        film, odd = random_file(tmp_path / "film.mp4", SIZE), random_file(tmp_path / "a <b>\u202egpj.bin", MIB)
        await anna.offer(film, odd)
        await ben.page.tap("Accept")
        await anna.says("go", "2 files handed over")
        assert await ben.downloaded(2) == {"film.mp4": sha256(film), "a _b__gpj.bin": sha256(odd)}
        await ben.says("go", "saved in your downloads")
        assert await ben.page.evaluate("document.querySelectorAll('.save').length") == 0
        assert anna.page.complaints == ben.page.complaints == []


@pytest.mark.usefixtures("built_page")
async def test_four_words_are_the_same_at_both_ends_of_a_secure_session_one_tap_deep(tmp_path: Path) -> None:
    async with two_at_an_edge(tmp_path, on_loopback=True) as (anna, ben):
        seen = []
        for tab in (anna, ben):
            await tab.page.wait_for(LINKED)
            assert await tab.page.evaluate("document.querySelector('.words-to-compare')") is None
            await tab.page.tap("connected")
            seen.append(await tab.page.wait_for("document.querySelector('.words-to-compare')?.innerText"))
        assert seen[0] == seen[1]
        assert len(str(seen[0]).split()) == 4


async def kept_by_the_origin(page: Page) -> dict[str, str]:
    """What lies in the folder that stands for the person's, by name with SHA-256."""
    found = await page.evaluate(
        """(async () => { const found = {};
           const hex = (b) => [...new Uint8Array(b)].map((x) => x.toString(16).padStart(2, "0")).join("");
           for await (const [name, handle] of (await navigator.storage.getDirectory()).entries())
           { const content = await (await handle.getFile()).arrayBuffer();
             found[name] = hex(await crypto.subtle.digest("SHA-256", content)); }
           return found })()"""
    )
    assert isinstance(found, dict)
    return found


@pytest.mark.usefixtures("built_page")
async def test_a_browser_that_lets_a_page_write_files_puts_them_where_the_person_chose(tmp_path: Path) -> None:
    async with two_at_an_edge(tmp_path, on_loopback=True) as (anna, ben):
        # The origin's own folder stands for one that a person chose: its handles are of the same kind.
        await ben.page.evaluate(
            """window.showDirectoryPicker = () => navigator.storage.getDirectory();
               window.showSaveFilePicker = async ({ suggestedName }) =>
                 (await navigator.storage.getDirectory()).getFileHandle(suggestedName, { create: true }); true"""
        )
        one, two, three = (random_file(tmp_path / name, 8 * MIB) for name in ("one.bin", "two.bin", "three.bin"))
        await anna.offer(one)
        await ben.page.tap("Accept")
        await ben.says("go", "saved where you chose")
        await anna.offer(one, two)
        await ben.page.tap("Accept")
        await ben.says("go", "saved in the folder you chose")
        assert await kept_by_the_origin(ben.page) == {
            "one.bin": sha256(one), "one (2).bin": sha256(one), "two.bin": sha256(two),
        }  # fmt: skip
        await ben.page.evaluate(
            "window.showSaveFilePicker = () => Promise.reject(new DOMException('', 'AbortError')); true"
        )
        await anna.offer(three)
        await ben.page.tap("Accept")
        await ben.page.find_button("Accept")  # who thinks better of the picker is asked still
        await ben.page.tap("Decline")
        await anna.says("stop", "did not take it")
        assert ben.page.complaints == []


@pytest.mark.usefixtures("built_page")
async def test_a_tab_that_goes_in_the_middle_leaves_no_file_that_looks_whole(tmp_path: Path) -> None:
    async with two_at_an_edge(tmp_path, on_loopback=True) as (anna, ben):
        await ben.page.evaluate(NO_PICKERS)
        await anna.offer(random_file(tmp_path / "film.mp4", 2 * SIZE))
        await ben.page.tap("Accept")
        await ben.page.wait_for("document.querySelector('.peer [role=progressbar]')?.ariaValueNow > 5")
        await ben.page.close()
        await anna.says("wait", "was lost")
        async with asyncio.timeout(60):
            while [path.name for path in ben.downloads.iterdir() if path.suffix == ".crdownload"]:
                await asyncio.sleep(0.1)
        assert list(ben.downloads.iterdir()) == []


NOTES_CLOSES = """(() => { const own = Object.getOwnPropertyDescriptor(RTCDataChannel.prototype, "onclose");
  Object.defineProperty(RTCDataChannel.prototype, "onclose",
    { set(hear) { own.set.call(this, (event) => { window.closedThere = true; hear(event) }) } });
  window.closedThere = false; return true })()"""
"""A browser tells of a close by the other side only: after a silence this side closes."""


async def both_linked(anna: Tab, ben: Tab) -> None:
    for tab in (anna, ben):
        await tab.page.wait_for(LINKED, within_s=60)
    await anna.page.evaluate("window.closedThere = false; true")


@pytest.mark.usefixtures("built_page")
async def test_a_tab_that_closes_or_goes_elsewhere_says_so_and_one_that_comes_back_is_there_again(
    tmp_path: Path,
) -> None:
    async with two_at_an_edge(tmp_path) as (anna, ben):
        await anna.page.wait_for(LINKED)
        await anna.page.evaluate(NOTES_CLOSES)
        await ben.page.reload()  # from here on anna's page notes
        await anna.page.wait_for(f"!{LINKED}")
        await both_linked(anna, ben)
        await ben.page.evaluate("location.assign('/health')")
        await anna.page.wait_for(f"!{LINKED} && window.closedThere", within_s=60)
        await ben.page.evaluate("history.back()")
        await both_linked(anna, ben)
        await ben.page.close()
        await anna.page.wait_for(f"!{LINKED} && window.closedThere", within_s=60)
        assert anna.page.complaints == []


@pytest.mark.needs("firefox-esr")
@pytest.mark.usefixtures("built_page")
async def test_firefox_and_chromium_send_each_other_64_mebibytes_straight_to_disk(tmp_path: Path) -> None:
    saved = tmp_path / "saved by Firefox"
    saved.mkdir()
    preferences: dict[str, str | int | bool] = {
        "media.peerconnection.ice.loopback": True,
        "media.peerconnection.ice.obfuscate_host_addresses": False,
        "browser.download.folderList": 2,
        "browser.download.dir": str(saved),
        "browser.download.always_ask_before_handling_new_types": False,
    }
    there, back = random_file(tmp_path / "there.bin", SIZE), random_file(tmp_path / "back.bin", SIZE)
    with home_network(COMPUTER) as (machine,):
        machine = dataclasses.replace(machine, address="127.0.0.1")
        edge = Edge(machine, tmp_path)
        try:
            await edge.start()
            async with Chromium(namespace=machine.namespace) as chromium, firefox_on(machine, preferences) as firefox:
                anna = await open_tab(chromium, edge.url("/"), tmp_path / "anna")
                await anna.page.evaluate(NO_PICKERS)
                url = str(await anna.page.wait_for("document.querySelector('.wall-code')?.dataset.url"))
                await firefox.call(lambda driver: driver.navigate(url))
                await firefox.wait_for(LINKED)
                await anna.offer(there)
                accept = (
                    "[...document.querySelectorAll('dialog button')]"
                    ".find((button) => button.innerText === 'Accept' && !button.disabled)"
                )
                await firefox.wait_for(accept)
                await firefox.call(lambda driver: driver.execute_script(f"{accept}.click()"))
                await anna.says("go", "1 file handed over")
                assert sha256(saved / "there.bin") == sha256(there)
                await firefox.call(
                    lambda driver: driver.execute_script("document.querySelector('[data-peer]').click()")
                )
                picker = "#peer-files"
                await firefox.call(lambda driver: driver.find_element("css selector", picker).send_keys(str(back)))
                await anna.page.tap("Accept")
                await anna.says("go", "saved in your downloads")
                assert await anna.downloaded(1) == {"back.bin": sha256(back)}
        finally:
            await edge.kill()
