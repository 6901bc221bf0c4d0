"""A day with Firefox: the owner's word and settings, notes and folders, receipts, and what waits to be picked up."""

import asyncio
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from marionette_driver.keys import Keys
from marionette_driver.marionette import Marionette

from tests.browser.firefox import Firefox, firefox_on
from tests.browser.home import IS_OPEN, MIB, Home, hashes, sha256, wait_sent
from tests.browser.test_owner import IS_OWNERS, shows
from tests.browser.test_shelf import put, row

pytestmark = pytest.mark.needs("firefox-esr", "netns")

LINK = "https://example.org/a?b=c#d"


def saving_into(folder: Path) -> dict[str, str | int | bool]:
    """Preferences of a browser that puts downloads into a folder and lets a test read its clipboard."""
    folder.mkdir()
    return {
        "browser.download.folderList": 2,
        "browser.download.dir": str(folder),
        "browser.download.alwaysOpenPanel": False,
        "dom.events.testing.asyncClipboard": True,
        "dom.filesystem.pathcheck.disabled": True,  # a folder that no person chose kills the tab otherwise
    }


async def saved(folder: Path, names: Sequence[str]) -> None:
    """Wait until these have been downloaded whole."""
    async with asyncio.timeout(120):
        while {path.name for path in folder.iterdir() if path.stat().st_size > 0} != set(names):
            await asyncio.sleep(0.1)


def is_done(name: str) -> str:
    """An expression: what the page sent is safe, under this name or a beginning of it."""
    return f"document.querySelector('[data-item^=\"{name}\"][data-state=done]')"


async def note(firefox: Firefox, text: str) -> None:
    """Send a note or link."""
    await firefox.tap("Note or link")
    await firefox.write("dialog textarea", text)
    await firefox.tap("Send it")


async def choose_setting(owner: Firefox, name: str, value: str) -> None:
    """Tap one choice of a setting and wait until it counts."""
    await owner.evaluate(f"document.querySelector('[data-setting={name}]:not([open]) > summary')?.click() ?? true")
    await owner.evaluate(f"document.querySelector('[data-setting={name}] input[value={value}]').click()")
    await owner.wait_for(f"document.querySelector('[data-setting={name}] .setting-said.go')")


async def test_an_owner_and_a_guest_in_firefox_settle_what_comes_in(home: Home) -> None:
    await home.daemon.stop()
    config = home.daemon.data_dir / "config.toml"
    config.write_text(f'inbox = "{home.daemon.inbox}"\nname = "STUDY-PC"\n', "utf-8")
    await home.daemon.start(from_file=True)
    kept = home.folder / "kept"
    async with (
        firefox_on(home.computer, saving_into(home.folder / "unused")) as owner,
        firefox_on(home.phone, saving_into(kept)) as phone,
    ):
        await asyncio.gather(owner.open(home.daemon.owner_url()), phone.open(home.url("/p")))
        await owner.wait_for(IS_OWNERS)
        await owner.evaluate("document.querySelector('.settings summary').click()")
        await owner.wait_for("document.querySelector('[data-setting=name]')")
        await choose_setting(owner, "accept", "ask")
        await asks_the_owner(home, owner, phone)
        await becomes_trusted(owner)
        await notes_and_links_can_be_copied(home, owner, phone)
        await a_dropped_folder_keeps_its_tree(home, phone)
        await pasted_text_becomes_a_note(phone)
        await the_receipt_is_true(home, phone, kept)
        await everything_is_looked_at(owner)
        await renamed(home, owner, phone)


async def asks_the_owner(home: Home, owner: Firefox, phone: Firefox) -> None:
    photo = home.file("photo.jpg", MIB)
    await phone.wait_for(IS_OPEN)
    await phone.pick(photo)
    await owner.wait_for("document.querySelectorAll('[data-asking]').length === 1")
    await phone.wait_for(shows("is asking its owner"))
    assert home.daemon.files() == {}
    yes = "document.querySelector('[data-asking] .primary')"  # which takes no word in its first moment
    await owner.wait_for(f"({yes}?.click(), {yes} === null)")
    await phone.wait_for(is_done("photo.jpg"))
    assert home.daemon.files() == hashes([photo])


async def becomes_trusted(owner: Firefox) -> None:
    await owner.tap("Trust ")
    await owner.tap("Trust it")
    await owner.wait_for(shows("trusted, may send and pick up"))


async def notes_and_links_can_be_copied(home: Home, owner: Firefox, phone: Firefox) -> None:
    """Nobody is asked about them: they come from a device that is trusted now."""
    await note(phone, "Brot für Oma")
    await phone.wait_for(is_done("Note "))
    await note(phone, LINK)
    await phone.wait_for(is_done("Link example.org "))
    said = {path.name.split(" 20")[0]: path.read_text("utf-8") for path in home.daemon.inbox.glob("*.txt")}
    assert said == {"Note": "Brot für Oma\n", "Link example.org": f"example.org\n{LINK}\n"}
    await owner.wait_for("document.querySelectorAll('.said').length === 2")
    assert await owner.evaluate("document.querySelector('.said a').href") == LINK
    await owner.tap("Copy the link")
    await owner.wait_for(shows("The link is copied."))
    assert await clipboard(owner) == LINK


async def clipboard(firefox: Firefox) -> object:
    script = "const [done] = arguments; navigator.clipboard.readText().then(done, (fault) => done(String(fault)))"
    return await firefox.call(lambda driver: driver.execute_async_script(script, sandbox=None))


async def a_dropped_folder_keeps_its_tree(home: Home, phone: Firefox) -> None:
    album = home.folder / "phone" / "album"
    for name in ("a.jpg", "in/ünï 🎂.jpg"):
        (album / name).parent.mkdir(parents=True, exist_ok=True)
        (album / name).write_bytes(os.urandom(2000))
    (album / "empty").mkdir()
    await phone.drop_folder(album)
    await phone.wait_for(is_done("album/in/"))
    await phone.wait_for(is_done("album/empty"))
    assert (home.daemon.inbox / "album/empty").is_dir()
    assert sha256(home.daemon.inbox / "album/in/ünï 🎂.jpg") == sha256(album / "in/ünï 🎂.jpg")


async def pasted_text_becomes_a_note(phone: Firefox) -> None:
    """By keys alone: copied out of one note, pasted on the page. A headless clipboard takes no pictures."""

    def press(driver: Marionette, selector: str, *keys: str) -> None:
        for key in keys:
            driver.find_element("css selector", selector).send_keys(f"{Keys.CONTROL}{key}")

    await phone.tap("Note or link")
    await phone.write("dialog textarea", "https://example.net/pasted")
    await phone.call(lambda driver: press(driver, "dialog textarea", "a", "c"))
    await phone.tap("Leave it")
    await phone.wait_for("!document.querySelector('dialog')")
    await phone.call(lambda driver: press(driver, "body", "v"))
    await phone.wait_for("document.querySelector('dialog textarea')?.value === 'https://example.net/pasted'")
    await phone.tap("Send it")
    await phone.wait_for(is_done("Link example.net "))


async def the_receipt_is_true(home: Home, phone: Firefox, kept: Path) -> None:
    await phone.tap("Receipt")
    await phone.wait_for("/^All \\d+ are safe on STUDY-PC/.test(document.querySelector('dialog[open]')?.innerText)")
    await phone.tap("Keep as text")
    async with asyncio.timeout(60):
        while not (found := [path for path in kept.glob("*.txt") if path.stat().st_size > 0]):
            await asyncio.sleep(0.1)
    check = await asyncio.create_subprocess_exec("sha256sum", "--check", str(found[0]), cwd=home.daemon.inbox)
    assert await check.wait() == 0
    assert len(found[0].read_text("utf-8").strip().splitlines()) >= len(home.daemon.files())
    await phone.tap("Close")


async def everything_is_looked_at(owner: Firefox) -> None:
    await owner.tap("Look now")
    await owner.wait_for("document.querySelectorAll('.finding').length > 3", within_s=120)


async def renamed(home: Home, owner: Firefox, phone: Firefox) -> None:
    await owner.evaluate("document.querySelector('[data-setting=name] > summary').click()")
    await owner.write("[data-setting=name] input", "Küche")
    await owner.call(lambda driver: driver.find_element("css selector", "[data-setting=name] form button").click())
    await phone.wait_for("document.querySelector('.head-what b').innerText === 'Küche'")
    assert 'name = "Küche"' in (home.daemon.data_dir / "config.toml").read_text("utf-8")


async def test_a_trusted_phone_in_firefox_picks_up_pauses_and_goes_on(home: Home) -> None:
    downloads = home.folder / "downloads"
    async with firefox_on(home.phone, saving_into(downloads)) as phone:
        await phone.open(home.daemon.ticket_url())
        await phone.wait_for(IS_OPEN)
        await one_and_all_are_saved(home, phone, downloads)
        await a_download_pauses(home, phone, downloads)
        await an_upload_pauses(home, phone)


async def one_and_all_are_saved(home: Home, phone: Firefox, downloads: Path) -> None:
    files = [put(home.daemon, name, size) for name, size in (("photo.jpg", 3 * MIB), ("b <i>.jpg", 900), ("c.txt", 9))]
    inner = put(home.daemon, "album/in/ö.jpg", MIB)
    put(home.daemon, "album/a.jpg", 4000)
    await phone.wait_for("document.querySelectorAll('[data-shelf]').length === 4")
    await phone.tap("Save photo.jpg")
    await saved(downloads, ["photo.jpg"])
    await phone.wait_for(f"{row('photo.jpg')}.dataset.state === 'saved'")
    await phone.tap("Save all 3")
    await phone.wait_for("document.querySelectorAll('[data-shelf][data-state=saved]').length === 4")
    async with asyncio.timeout(60):
        while len(list(downloads.iterdir())) < 4 or not await asyncio.to_thread(_is_zip, downloads / "album.zip"):
            await asyncio.sleep(0.1)
    told = {sha256(path) for path in downloads.iterdir()}
    assert {sha256(path) for path in files} < told
    with zipfile.ZipFile(downloads / "album.zip") as archive:
        assert archive.testzip() is None
        assert archive.read("album/in/ö.jpg") == inner.read_bytes()


def _is_zip(path: Path) -> bool:
    return path.exists() and zipfile.is_zipfile(path)


async def a_download_pauses(home: Home, phone: Firefox, downloads: Path) -> None:
    film = put(home.daemon, "film.mp4", 48 * MIB)
    await phone.wait_for(row("film.mp4"))
    home.computer.throttle(80)
    before = home.computer.sent_bytes()
    await phone.tap("Save film.mp4")
    await wait_sent(home.computer, before + 8 * MIB)
    await phone.tap("Pause film.mp4")
    await phone.wait_for(f"{row('film.mp4')}.dataset.state === 'paused'")
    assert not (downloads / "film.mp4").exists()
    await phone.tap("Resume film.mp4")
    async with asyncio.timeout(120):
        while not (downloads / "film.mp4").exists() or (downloads / "film.mp4").stat().st_size < 48 * MIB:
            await asyncio.sleep(0.1)
    assert sha256(downloads / "film.mp4") == sha256(film)
    assert home.computer.sent_bytes() - before < 60 * MIB, "it went on where it was"


async def an_upload_pauses(home: Home, phone: Firefox) -> None:
    clip = home.file("clip.mov", 24 * MIB)
    home.phone.throttle(60)
    before = home.phone.sent_bytes()
    await phone.pick(clip)
    await wait_sent(home.phone, before + 4 * MIB)
    await phone.tap("Hold back clip.mov")
    await phone.wait_for("document.querySelector('[data-item=\"clip.mov\"]').dataset.state === 'paused'")
    assert home.daemon.files().keys() & {"clip.mov"} == set()
    await phone.tap("Resume clip.mov")
    await phone.wait_for(is_done("clip.mov"), within_s=120)
    assert sha256(home.daemon.inbox / "clip.mov") == sha256(clip)
    assert home.phone.sent_bytes() - before < 34 * MIB, "it went on where it was"
