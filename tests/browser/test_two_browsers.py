"""Two browsers exchange files, introduced by the daemon on insecure origins."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.browser.chromium import Chromium, Page
from tests.browser.home import IS_OPEN, MIB, Home, make_home, sha256

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
