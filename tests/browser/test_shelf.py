"""The shelf in Chromium: what lies in the Outbox shows on an open page, and one tap brings it whole."""

import asyncio
import json
import os
import signal
import sys
import zipfile
from asyncio import StreamReader
from collections.abc import AsyncIterator
from pathlib import Path
from subprocess import PIPE

import pytest

from tests.browser.chromium import Chromium, Page
from tests.browser.home import COMPUTER, IS_OPEN, MIB, ROOT, Daemon, Home, make_home, sha256, wait_sent
from tests.browser.test_two_at_an_edge import kept_by_the_origin
from tests.browser.test_two_browsers import NO_PICKERS, Tab, open_tab
from tests.namespaces import Host

pytestmark = pytest.mark.needs("chromium", "netns")

SIZE = 64 * MIB
APPLE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1"


@pytest.fixture
async def home(built_page: None) -> AsyncIterator[Home]:
    async with make_home() as made:
        yield made


def put(daemon: Daemon, name: str, size: int) -> Path:
    """A file of random bytes dropped into the Outbox, the folder whose files wait for phones."""
    path = daemon.inbox / "Outbox" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(size))
    return path


def row(name: str) -> str:
    """An expression: the row of one thing."""
    return f"[...document.querySelectorAll('[data-shelf]')].find((row) => row.dataset.shelf === {name!r})"


async def state(page: Page, name: str, wanted: str, *, within_s: float = 60) -> None:
    """Wait until a thing is in that state."""
    await page.wait_for(f"{row(name)}?.dataset.state === {wanted!r}", within_s=within_s)


async def scan(home: Home, host: Host | None = None) -> Tab:
    """A trusted phone's page; on a machine with files of its own."""
    machine = host or home.phone
    tab = await open_tab(await home.browser_on(machine), home.daemon.ticket_url(), home.folder / machine.namespace)
    await tab.page.wait_for(IS_OPEN)
    return tab


async def open_securely(home: Home) -> Tab:
    """A trusted page on the computer itself, whose origin is secure: loopback."""
    url = home.daemon.ticket_url().replace(COMPUTER, "127.0.0.1")
    tab = await open_tab(await home.browser_on(home.computer), url, home.folder / "secure")
    await tab.page.wait_for(IS_OPEN)
    assert await tab.page.evaluate("isSecureContext") is True
    return tab


async def test_a_file_dropped_into_the_outbox_shows_on_an_open_page_and_one_tap_brings_it_whole(home: Home) -> None:
    anna = await scan(home)
    assert await anna.page.evaluate("isSecureContext") is False
    assert await anna.page.evaluate("document.querySelector('.shelf')") is None, "control: nothing waits yet"
    film = put(home.daemon, "film.mp4", SIZE)
    await state(anna.page, "film.mp4", "waits")
    await anna.page.tap("Save film.mp4")
    assert await anna.downloaded(1) == {"film.mp4": sha256(film)}
    await state(anna.page, "film.mp4", "saved")
    assert anna.page.complaints == []


async def test_what_waited_is_not_offered_while_the_computer_does_not_answer(home: Home) -> None:
    anna = await scan(home)
    for name in ("one.bin", "two.bin"):
        put(home.daemon, name, MIB)
        await state(anna.page, name, "waits")
    can_save = "[...document.querySelectorAll('.shelf .save, .shelf .save-all')].map((one) => !one.disabled).join()"
    await anna.page.wait_for(f"{can_save} === 'true,true,true'")
    await home.daemon.stop()
    await anna.page.wait_for(f"{can_save} === 'false,false,false'", within_s=60)
    await anna.page.wait_for(f"{row('one.bin')}.innerText.includes('is back')")
    await home.daemon.start()
    await anna.page.wait_for(f"{can_save} === 'true,true,true'", within_s=60)
    await anna.page.tap("Save one.bin")
    await anna.downloaded(1)


async def test_one_tap_brings_several_and_who_chooses_gets_what_was_chosen(home: Home) -> None:
    files = [put(home.daemon, name, 3 * MIB) for name in ("a.jpg", "b.jpg", "c <b>.jpg", "d.jpg")]
    anna = await scan(home)
    await anna.page.wait_for("document.querySelectorAll('[data-shelf]').length === 4")
    await anna.page.tap("Choose")
    for name in ("a.jpg", "b.jpg"):
        await anna.page.evaluate(f"{row(name)}.querySelector('input').click()")
    await anna.page.tap("Save 2 chosen")
    assert await anna.downloaded(2) == {path.name: sha256(path) for path in files[:2]}
    await anna.page.tap("Save all 2")
    assert sorted((await anna.downloaded(4)).values()) == sorted(sha256(path) for path in files)
    await anna.page.wait_for("document.querySelectorAll('[data-shelf][data-state=saved]').length === 4")
    assert anna.page.complaints == []


async def test_64_mebibytes_cut_in_the_middle_go_on_from_what_was_taken(home: Home) -> None:
    film = put(home.daemon, "film.mp4", SIZE)
    anna = await scan(home)
    home.computer.throttle(80)
    await anna.page.tap("Save film.mp4")
    before = home.computer.sent_bytes()
    await wait_sent(home.computer, before + 24 * MIB)
    home.computer.set_link("down")
    await state(anna.page, "film.mp4", "cut")
    home.computer.set_link("up")
    assert await anna.downloaded(1) == {"film.mp4": sha256(film)}
    assert home.computer.sent_bytes() - before < SIZE + 12 * MIB, "it began where it was"


async def test_what_a_person_pauses_stands_still_also_over_a_restart_of_the_daemon_and_goes_on(home: Home) -> None:
    film = put(home.daemon, "film.mp4", SIZE)
    anna = await scan(home)
    home.computer.throttle(80)
    before = home.computer.sent_bytes()
    await anna.page.tap("Save film.mp4")
    await wait_sent(home.computer, before + 16 * MIB)
    await anna.page.tap("Pause film.mp4")
    await state(anna.page, "film.mp4", "paused")
    await home.daemon.stop()
    await home.daemon.start()
    await anna.page.wait_for(IS_OPEN)
    await state(anna.page, "film.mp4", "paused")
    at_rest = home.computer.sent_bytes()
    await anna.page.tap("Resume film.mp4")
    assert await anna.downloaded(1) == {"film.mp4": sha256(film)}
    assert home.computer.sent_bytes() - at_rest < SIZE - 4 * MIB, "what was taken was not sent again"


async def test_two_browsers_pick_up_the_same_at_once_and_a_guest_sees_nothing(home: Home) -> None:
    film = put(home.daemon, "film.mp4", SIZE)
    anna, ben = await scan(home), await scan(home, home.neighbour)
    for tab in (anna, ben):
        await tab.page.tap("Save film.mp4")
    for tab in (anna, ben):
        assert await tab.downloaded(1) == {"film.mp4": sha256(film)}
    guest = await home.open(home.url("/p"), host=home.computer)
    await guest.wait_for(IS_OPEN)
    put(home.daemon, "later.txt", 10)
    await state(anna.page, "later.txt", "waits")
    assert await guest.evaluate("document.querySelectorAll('[data-shelf], .shelf').length") == 0


async def test_a_folder_comes_as_a_tree_where_the_browser_may_write_one(home: Home) -> None:
    one, two = put(home.daemon, "Album/one.jpg", MIB), put(home.daemon, "Album/Day 2/two.jpg", 2 * MIB)
    (home.daemon.inbox / "Outbox" / "Album" / "empty").mkdir()
    anna = await open_securely(home)
    await anna.page.evaluate("window.showDirectoryPicker = () => navigator.storage.getDirectory(); true")
    await anna.page.tap("Save Album")
    await state(anna.page, "Album", "saved")
    found = await anna.page.evaluate(
        """(async () => { const found = {};
           const hex = (b) => [...new Uint8Array(b)].map((x) => x.toString(16).padStart(2, "0")).join("");
           const walk = async (folder, path) => { for await (const [name, handle] of folder.entries()) {
             if (handle.kind === "directory") {
               found[path + name + "/"] = ""; await walk(handle, path + name + "/"); continue }
             const content = await (await handle.getFile()).arrayBuffer();
             found[path + name] = hex(await crypto.subtle.digest("SHA-256", content)); } };
           await walk(await navigator.storage.getDirectory(), "");
           return found })()"""
    )
    assert found == {
        "Album/": "", "Album/Day 2/": "", "Album/empty/": "",
        "Album/one.jpg": sha256(one), "Album/Day 2/two.jpg": sha256(two),
    }  # fmt: skip


async def test_a_folder_comes_as_one_zip_where_the_browser_may_not_write_a_tree(home: Home) -> None:
    files = {name: put(home.daemon, f"Album/{name}", MIB) for name in ("one.jpg", "Day 2/two.jpg", "Day 2/three.jpg")}
    (home.daemon.inbox / "Outbox" / "Album" / "empty").mkdir()
    anna = await scan(home)
    await anna.page.tap("Save Album")
    await anna.downloaded(1)
    with zipfile.ZipFile(anna.downloads / "Album.zip") as found:
        content = {name: found.read(name) for name in found.namelist()}
    assert content == {f"Album/{name}": path.read_bytes() for name, path in files.items()} | {"Album/empty/": b""}
    await state(anna.page, "Album", "saved")


async def test_a_secure_page_streams_what_waits_into_its_downloads_or_where_a_person_chose(home: Home) -> None:
    film = put(home.daemon, "film.mp4", SIZE)
    anna = await open_securely(home)
    await anna.page.evaluate(
        """window.showSaveFilePicker = async ({ suggestedName }) =>
             (await navigator.storage.getDirectory()).getFileHandle(suggestedName, { create: true }); true"""
    )
    await anna.page.tap("Save film.mp4")
    await state(anna.page, "film.mp4", "saved")
    assert await kept_by_the_origin(anna.page) == {"film.mp4": sha256(film)}
    await anna.page.reload()
    await anna.page.evaluate(NO_PICKERS)
    await anna.page.tap("Save film.mp4")
    assert await anna.downloaded(1) == {"film.mp4": sha256(film)}
    await state(anna.page, "film.mp4", "saved")
    assert anna.page.complaints == []


async def test_a_folder_begins_anew_with_a_page_that_is_loaded_anew_after_one_question(home: Home) -> None:
    film = put(home.daemon, "Album/film.mp4", SIZE)
    anna = await scan(home)
    home.computer.throttle(80)
    before = home.computer.sent_bytes()
    await anna.page.tap("Save Album")
    await wait_sent(home.computer, before + 16 * MIB)
    await anna.page.wait_for(f"{row('Album')}.innerText.includes('it begins anew')")
    await anna.page.close()
    again = await open_tab(await home.browser_on(home.phone), home.url("/p"), anna.downloads)
    await again.page.tap("Accept", within_s=30)
    await again.downloaded(1)
    with zipfile.ZipFile(again.downloads / "Album.zip") as found:
        assert found.read("Album/film.mp4") == film.read_bytes()
    await state(again.page, "Album", "saved")


def hear_downloads(browser: Chromium) -> asyncio.Queue[str]:
    """The ids of downloads as they begin."""
    begun: asyncio.Queue[str] = asyncio.Queue()

    def hear(said: dict[str, object]) -> None:
        params = said["params"]
        if said["method"] == "Browser.downloadWillBegin" and isinstance(params, dict):
            begun.put_nowait(str(params["guid"]))

    browser._heard.append(hear)
    return begun


async def test_what_a_browser_cannot_hold_comes_unsealed_by_a_tap_that_says_so_and_in_no_other_way(home: Home) -> None:
    anna = await open_tab(await home.browser_on(home.phone), "about:blank", home.folder / "anna")
    await anna.page.command("Emulation.setUserAgentOverride", userAgent=APPLE, platform="iPhone")
    await anna.page.goto(home.daemon.ticket_url())
    large = put(home.daemon, "large.mov", 250_000_000)
    small = put(home.daemon, "small.jpg", MIB)
    await state(anna.page, "large.mov", "waits")
    await state(anna.page, "small.jpg", "waits")
    await anna.page.wait_for(f"{row('large.mov')}.innerText.includes('200')")
    assert await anna.page.evaluate(f"{row('large.mov')}.innerText.includes('listens on this Wi-Fi can read it')")
    await anna.page.tap("Save, not encrypted on this Wi-Fi: large.mov")
    assert await anna.downloaded(1) == {"large.mov": sha256(large)}
    await anna.page.wait_for(f"{row('large.mov')}.innerText.includes('your browser has all of it')")
    await anna.page.tap("Save small.jpg")
    await state(anna.page, "small.jpg", "arrived")  # iPhones take one download a tap
    await anna.page.tap("Save small.jpg")
    assert (await anna.downloaded(2))["small.jpg"] == sha256(small)


async def test_a_download_by_the_browser_that_its_person_stops_says_where_and_can_be_had_again(home: Home) -> None:
    browser = await home.browser_on(home.phone)
    anna = await open_tab(browser, "about:blank", home.folder / "anna")
    begun = hear_downloads(browser)
    await browser.command(
        "Browser.setDownloadBehavior", behavior="allow", downloadPath=str(anna.downloads), eventsEnabled=True
    )
    await anna.page.command("Emulation.setUserAgentOverride", userAgent=APPLE, platform="iPhone")
    await anna.page.goto(home.daemon.ticket_url())
    film = put(home.daemon, "film.mov", 250_000_000)
    home.computer.throttle(400)  # slow enough to be stopped under way
    await anna.page.tap("Save, not encrypted on this Wi-Fi: film.mov")
    await anna.page.wait_for(f"{row('film.mov')}.innerText.includes('your browser downloads it')")
    async with asyncio.timeout(60):
        await browser.command("Browser.cancelDownload", guid=await begun.get())
    await anna.page.wait_for(f"/stopped at [0-9.]+.MB of 250.MB/.test({row('film.mov')}.innerText)")
    await anna.page.tap("Save again, not encrypted on this Wi-Fi: film.mov")
    assert sha256(film) in (await anna.downloaded(1)).values()
    await anna.page.wait_for(f"{row('film.mov')}.innerText.includes('your browser has all of it')")


async def test_what_the_owner_puts_on_the_shelf_waits_on_phones_until_it_is_taken_back(home: Home) -> None:
    anna = await scan(home)
    owner = await home.open(home.daemon.owner_url(), host=home.computer)
    one, two = home.file("one.pdf", 2 * MIB), home.file("two.pdf", MIB)
    await owner.choose("Drop files here", one, two)
    for name in ("one.pdf", "two.pdf"):
        await owner.wait_for(row(name))
        await state(anna.page, name, "waits")
    assert home.daemon.files().keys() == {"Outbox/one.pdf", "Outbox/two.pdf"}
    await anna.page.tap("Save one.pdf")
    assert await anna.downloaded(1) == {"one.pdf": sha256(one)}
    await owner.tap("Take two.pdf back")
    await owner.tap("Take it back")
    await anna.page.wait_for(f"!({row('two.pdf')})")
    assert home.daemon.files() == {"Outbox/one.pdf": sha256(one), "two.pdf": sha256(two)}
    assert owner.complaints == anna.page.complaints == []


async def test_who_scans_the_code_of_a_command_gets_its_files_and_has_no_button_to_send(home: Home) -> None:
    film, other = home.file("film.mp4", 4 * MIB), put(home.daemon, "not for them.txt", 10)
    words = ("-m", "qrshared", "send", str(film), "--json", "--data-dir", str(home.daemon.data_dir))
    command = await home.computer.start(sys.executable, *words, stdout=PIPE, stderr=PIPE, cwd=ROOT)
    try:
        assert command.stdout is not None
        offered = json.loads(await command.stdout.readline())
        tab = await open_tab(await home.browser_on(home.phone), offered["url"], home.folder / "anna")
        await tab.page.tap("Save film.mp4", within_s=60)
        assert await tab.downloaded(1) == {"film.mp4": sha256(film)}
        seen = await tab.page.evaluate("[...document.querySelectorAll('[data-shelf]')].map((one) => one.dataset.shelf)")
        assert seen == ["film.mp4"], f"{other.name} is for trusted phones alone"
        buttons = await tab.page.evaluate("[...document.querySelectorAll('button')].map((one) => one.innerText.trim())")
        assert isinstance(buttons, list)
        assert not [text for text in buttons if text.startswith("Send")]
        states = [json.loads(line).get("state") async for line in _lines_until(command.stdout, "handed_over")]
        assert states[-1] == "handed_over"
    finally:
        command.send_signal(signal.SIGINT)
        await command.wait()
    await tab.page.wait_for("document.body.innerText.includes('Nothing waits here any more')")


async def _lines_until(pipe: StreamReader, word: str) -> AsyncIterator[bytes]:
    """What a command says, up to the line with that word."""
    while line := await pipe.readline():
        yield line
        if word.encode() in line:
            return
