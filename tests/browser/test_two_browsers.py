"""Two browsers exchange files: introduced by the daemon on insecure origins, or at an edge with no daemon at all."""

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
from tests.browser.home import COMPUTER, IS_OPEN, MIB, NEIGHBOUR, PHONE, Home, make_home, sha256
from tests.namespaces import home_network

pytestmark = pytest.mark.needs("chromium", "netns")

SIZE = 64 * MIB
PEER = "document.querySelector('[data-peer]')"
LINKED = "document.querySelector('.peer [data-road]')?.dataset.road"
NO_PICKERS = "delete window.showSaveFilePicker; delete window.showDirectoryPicker; true"
"""A headless browser has the system's pickers and nobody to use them."""


@dataclasses.dataclass
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


async def test_what_is_declined_does_not_move_and_both_sides_say_so(home: Home) -> None:
    anna, ben = await two_phones(home)
    await anna.offer(home.file("no.bin", MIB))
    await ben.page.tap("Decline")
    await anna.says("stop", "did not take it")
    await ben.page.wait_for("!document.querySelector('dialog')")
    await ben.says("quiet", "declined")
    assert await ben.page.evaluate("document.querySelectorAll('[data-received]').length") == 0


@pytest.mark.parametrize("who", ["sender", "receiver"])
async def test_either_side_stops_a_transfer_in_its_middle_and_the_next_one_goes_through(home: Home, who: str) -> None:
    anna, ben = await two_phones(home)
    for host in (home.phone, home.neighbour):
        host.throttle(40)
    await anna.offer(home.file("film.mp4", SIZE))
    await ben.page.tap("Accept")
    await anna.page.wait_for("document.querySelector('.peer [role=progressbar]')?.ariaValueNow > 10")
    if who == "sender":
        await anna.page.tap("Cancel sending")
    else:
        await ben.page.tap("Stop receiving")
    await ben.says("quiet", "cancelled")
    await anna.page.wait_for("!document.querySelector('.peer [role=progressbar]')")
    photo = home.file("photo.jpg", MIB)
    await anna.offer(photo)
    await ben.page.tap("Accept")
    await ben.save_all(1)
    assert await ben.downloaded(1) == {"photo.jpg": sha256(photo)}


async def test_a_link_that_is_cut_in_the_middle_comes_back_and_the_transfer_goes_on_where_it_was(home: Home) -> None:
    anna, ben = await two_phones(home)
    home.phone.throttle(60)
    film = home.file("film.mp4", SIZE)
    await anna.offer(film)
    await ben.page.tap("Accept")
    await anna.page.wait_for("document.querySelector('.peer [role=progressbar]')?.ariaValueNow > 25")
    home.phone.set_link("down")
    await anna.says("wait", "was lost", within_s=60)
    before = home.phone.sent_bytes()
    home.phone.set_link("up")
    home.phone.run("ip", "route", "replace", "default", "via", "192.168.77.254")
    await anna.says("go", "1 file handed over", within_s=120)
    rest = home.phone.sent_bytes() - before
    print(f"after the cut: {rest / MIB:.1f} of {SIZE / MIB:.0f} MiB were sent")
    assert rest < SIZE
    await ben.save_all(1)
    assert await ben.downloaded(1) == {"film.mp4": sha256(film)}


async def test_a_tap_at_the_very_moment_a_question_comes_is_no_yes(home: Home) -> None:
    anna, ben = await two_phones(home)
    await ben.page.evaluate(
        """window.taps = 0;
           new MutationObserver(() => {
             const button = [...document.querySelectorAll("dialog button")].find((b) => b.innerText === "Accept");
             if (button && !window.taps) { window.taps += 1; window.wasShut = button.disabled; button.click(); }
           }).observe(document.body, { childList: true, subtree: true }); true"""
    )
    await anna.offer(home.file("a.bin", MIB))
    await ben.page.find_button("Accept")  # it can be pressed by now
    assert await ben.page.evaluate("[window.taps, window.wasShut]") == [1, True]
    await ben.page.tap("Accept")
    await anna.says("go", "1 file handed over")


async def test_a_question_that_is_open_when_its_sender_goes_is_taken_back(home: Home) -> None:
    anna, ben = await two_phones(home)
    await anna.offer(home.file("a.bin", MIB))
    await ben.page.find_button("Accept")
    await anna.page.tap("Cancel sending")
    await ben.page.wait_for("!document.querySelector('dialog')")


async def test_names_that_turn_text_or_look_like_markup_are_harmless_on_both_sides(home: Home) -> None:
    anna, ben = await two_phones(home)
    names = ["gnp.\u202excod.exe", "<img src=x onerror=alert(1)>.png", "\u0645\u0631\u062d\u0628\u0627.txt", "CON.txt"]
    files = [home.file(name, 1000 + n) for n, name in enumerate(names)]
    await anna.offer(*files)
    await ben.page.find_button("Accept")
    await ben.page.wait_for("document.querySelectorAll('.row-asked').length === 4")
    asked = str(await ben.page.evaluate("document.querySelector('dialog').innerText"))
    assert "\u202e" not in asked
    assert await ben.page.evaluate("document.querySelectorAll('dialog img').length") == 0
    await ben.page.tap("Accept")
    await anna.says("go", "4 files handed over")
    await ben.save_all(4)
    saved = await ben.downloaded(4)
    assert sorted(saved.values()) == sorted(sha256(file) for file in files)
    assert not any("\u202e" in name or "<" in name for name in saved)
    assert ben.page.complaints == []


async def test_a_browser_says_before_the_start_what_it_cannot_hold(home: Home) -> None:
    anna, ben = await two_phones(home)
    apple = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1"
    await ben.page.command("Emulation.setUserAgentOverride", userAgent=apple, platform="iPhone")
    large = home.folder / "phone" / "large.mov"
    small = home.file("small.jpg", MIB)
    with large.open("wb") as file:
        file.truncate(300_000_000)
    await anna.offer(large, small)
    await ben.page.wait_for("document.querySelector('[data-limit]')?.dataset.limit === '200000000'")
    await ben.page.wait_for("document.querySelector('dialog').innerText.includes('1 of 2 will not come')")
    before = home.phone.sent_bytes()
    await ben.page.tap("Accept")
    await anna.says("stop", "no room for so much at once")
    assert home.phone.sent_bytes() - before < 8 * MIB, "nothing of the large one was sent"
    await ben.save_all(1)
    assert await ben.downloaded(1) == {"small.jpg": sha256(small)}


async def test_guests_of_a_wall_see_nobody_and_are_seen_by_nobody(home: Home) -> None:
    anna = await open_tab(await home.browser_on(home.phone), home.daemon.ticket_url(), home.folder / "anna")
    await anna.page.wait_for(IS_OPEN)
    guest = await open_tab(await home.browser_on(home.neighbour), home.url("/"), home.folder / "guest")
    await guest.page.wait_for(IS_OPEN)
    ben = await open_tab(await home.browser_on(home.computer), home.daemon.ticket_url(), home.folder / "ben")
    await ben.page.wait_for(IS_OPEN)
    await anna.sends_to()
    assert await anna.page.evaluate("document.querySelectorAll('[data-peer]').length") == 1, "control: Ben alone"
    assert await guest.page.evaluate("document.querySelectorAll('[data-peer]').length") == 0


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
        async with asyncio.timeout(30):
            while [path.name for path in ben.downloads.iterdir() if path.suffix == ".crdownload"]:
                await asyncio.sleep(0.1)
        assert list(ben.downloads.iterdir()) == []


async def test_two_who_tap_each_other_at_the_same_moment_both_get_what_was_sent(home: Home) -> None:
    anna, ben = await two_phones(home)
    one, other = home.file("one.bin", 8 * MIB), home.file("other.bin", 8 * MIB)
    await asyncio.gather(anna.offer(one), ben.offer(other))
    for tab in (anna, ben):
        await tab.page.tap("Accept", within_s=60)
    for tab, file in ((anna, other), (ben, one)):
        await tab.save_all(1)
        assert await tab.downloaded(1) == {file.name: sha256(file)}
    await anna.says("go", "1 file handed over")
    await ben.says("go", "1 file handed over")


async def test_a_device_that_reloads_its_page_is_met_again_and_asked_anew(home: Home) -> None:
    anna, ben = await two_phones(home)
    file = home.file("a.bin", MIB)
    await anna.offer(file)
    await ben.page.find_button("Accept")
    await ben.page.reload()
    await ben.page.tap("Accept", within_s=60)
    await anna.says("go", "1 file handed over")
    await ben.save_all(1)
    assert await ben.downloaded(1) == {"a.bin": sha256(file)}


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
