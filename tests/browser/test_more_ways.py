"""Folders, notes, photos and pauses, from a real page on an insecure origin to files on the computer's disk."""

import asyncio
import json
import os
from pathlib import Path

import pytest

from tests.browser.chromium import Page
from tests.browser.firefox import firefox_on
from tests.browser.home import MIB, Home, hashes, sha256, wait_done, wait_sent

pytestmark = pytest.mark.needs("chromium", "netns")

SUMMER = 1_689_000_000


def tree(top: Path) -> dict[str, str | None]:
    """Every path below a folder: the SHA-256 of a file, None for a folder."""
    found = (path for path in top.rglob("*") if not path.is_symlink() and not path.name.startswith("."))
    found = (path for path in found if path.relative_to(top).parts[0] != "Outbox")
    return {path.relative_to(top).as_posix(): sha256(path) if path.is_file() else None for path in found}


async def drop(page: Page, *paths: Path) -> None:
    """Drop files and folders on the page, as from a file manager."""
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        await page.command("Input.dispatchDragEvent", type=kind, x=400, y=300, data=data)


async def ready_on_laptop(home: Home) -> Page:
    page = await home.open(home.daemon.ticket_url())
    await page.wait_for("document.querySelector('.head-link')?.dataset.link === 'open'")
    return page


async def test_a_dropped_folder_keeps_its_tree_its_empty_folders_and_its_times(home: Home) -> None:
    page = await ready_on_laptop(home)
    assert await page.evaluate("isSecureContext") is False
    top = home.folder / "laptop" / "Holiday in Crete"
    for name in ("day one/öl.jpg", "day one/deep/🎂.txt", "note.md"):
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(3000))
        os.utime(path, (SUMMER, SUMMER))
    (top / "empty").mkdir()
    (top / "nested" / "also empty").mkdir(parents=True)
    (top / "link").symlink_to("/etc/hostname")
    (top / "linked folder").symlink_to("/etc")
    sent = tree(top)
    await drop(page, top)
    await wait_done(page, 5)
    assert tree(home.daemon.inbox) == {"Holiday in Crete": None} | {
        f"{top.name}/{name}": of for name, of in sent.items()
    }
    assert {(home.daemon.inbox / name).stat().st_mtime for name in home.daemon.files()} == {SUMMER}
    assert page.complaints == []


async def test_a_tree_of_a_thousand_folders_arrives_whole(home: Home) -> None:
    page = await ready_on_laptop(home)
    top = home.folder / "laptop" / "tree"
    for n in range(1000):
        folder = top / f"{n % 10}" / f"leaf {n}"
        folder.mkdir(parents=True)
        if n % 2:
            (folder / "file.bin").write_bytes(os.urandom(500 + n))
    await drop(page, top)
    await wait_done(page, 1000, within_s=180)
    assert tree(home.daemon.inbox) == {"tree": None} | {f"tree/{name}": of for name, of in tree(top).items()}


async def test_a_chosen_folder_keeps_its_tree(home: Home) -> None:
    page = await ready_on_laptop(home)
    top = home.folder / "laptop" / "album"
    for name in ("a.jpg", "in/b.jpg"):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(os.urandom(2000))
    await page.choose("Folder", top)
    await wait_done(page, 2)
    assert tree(home.daemon.inbox) == {"album": None} | {f"album/{name}": of for name, of in tree(top).items()}


async def test_a_note_and_a_link_land_as_small_texts_that_the_owner_can_copy(home: Home) -> None:
    page = await home.scan()
    for done, text in enumerate(("Milk, 2 l\nBrot für Oma 🍞", "https://example.org/a?b=c#d"), start=1):
        await page.tap("Note or link")
        await page.type(text)
        await page.tap("Send it")
        await wait_done(page, done)  # until then the page moves under a finger
    said = {path.name: path.read_text("utf-8") for path in home.daemon.inbox.glob("*.txt")}
    names = sorted(said)
    assert names[0].startswith("Link example.org ")
    assert names[1].startswith("Note ")
    assert said[names[0]] == "example.org\nhttps://example.org/a?b=c#d\n"
    assert said[names[1]] == "Milk, 2 l\nBrot für Oma 🍞\n"

    owner = await home.open(home.daemon.owner_url(), host=home.computer)
    await owner.command("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    await owner.wait_for("document.querySelectorAll('.said').length === 2")
    assert await owner.evaluate("document.querySelector('.said a').href") == "https://example.org/a?b=c#d"
    await owner.tap("Copy the link")
    await owner.wait_for("document.body.innerText.includes('The link is copied.')")
    assert await owner.evaluate("navigator.clipboard.readText()") == "https://example.org/a?b=c#d"
    await owner.tap("Copy what Note")
    await owner.wait_for("document.body.innerText.includes('The note is copied.')")
    assert await owner.evaluate("navigator.clipboard.readText()") == "Milk, 2 l\nBrot für Oma 🍞"
    assert owner.complaints == []


async def test_a_link_from_the_phone_is_a_notice_on_the_desktop(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    shown, program = home.folder / "shown", home.folder / "bin" / "notify-send"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> {shown}\n', "utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
    await home.daemon.stop()
    await home.daemon.start()
    page = await home.scan()
    await page.tap("Note or link")
    await page.type("https://example.org/a?b=c")
    await page.tap("Send it")
    await wait_done(page, 1)
    async with asyncio.timeout(60):
        while not shown.exists() or "\n" not in shown.read_text("utf-8"):
            await asyncio.sleep(0.1)
    assert "https://example.org/a?b=c (link from Pixel 8, in in)" in shown.read_text("utf-8")


PASTE = """(() => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(1234)], "image.png", { type: "image/png" }));
  document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
})()"""
PASTE_TEXT = """(() => {
  const data = new DataTransfer();
  data.setData("text/plain", "https://example.org/pasted");
  document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
})()"""


async def test_a_pasted_picture_gets_a_name_and_pasted_text_becomes_a_note(home: Home) -> None:
    page = await ready_on_laptop(home)
    await page.evaluate(PASTE)
    await wait_done(page, 1)
    (name,) = home.daemon.files()
    assert name.startswith("Pasted picture 20")
    assert name.endswith(".png")
    await page.evaluate(PASTE_TEXT)
    await page.tap("Send it")
    await wait_done(page, 2)
    assert sum(name.startswith("Link example.org ") for name in home.daemon.files()) == 1


async def test_the_camera_is_one_tap_away_on_a_phone_and_its_photo_gets_a_name(home: Home) -> None:
    page = await home.scan()
    await page.evaluate(
        "new MutationObserver(([{addedNodes: [input]}]) => { if (input?.hasAttribute?.('capture'))"
        " window.asked = input.outerHTML }).observe(document.body, {childList: true})"
    )
    photo = home.file("image.jpg", 4000)
    await page.choose("Camera", photo)
    await wait_done(page, 1)
    assert 'capture="environment"' in str(await page.evaluate("window.asked"))
    (name,) = home.daemon.files()
    assert name.startswith("Photo 20")
    assert name.endswith(".jpg")
    assert await page.evaluate("document.querySelectorAll('input[type=file]').length") == 1, "none is left behind"


async def test_one_file_is_paused_and_goes_on_by_hand_and_the_computer_knows(home: Home) -> None:
    page = await home.scan()
    film, photo = home.file("film.mp4", 24 * MIB), home.file("photo.jpg", MIB)
    home.phone.throttle(60)
    before = home.phone.sent_bytes()
    await page.choose("Send", film)
    await wait_sent(home.phone, before + 4 * MIB)
    await page.tap("Hold back film.mp4")
    await page.wait_for("document.querySelector('[data-item=\"film.mp4\"]').dataset.state === 'paused'")
    await page.wait_for(
        "[...document.querySelectorAll('button')].some((b) => (b.ariaLabel ?? b.innerText).startsWith('Resume'))"
    )
    async with asyncio.timeout(60):
        while "paused" not in {one["state"] for one in json.loads(home.daemon.say("status", "--json"))["transfers"]}:
            await asyncio.sleep(0.2)
    await page.choose("Send more", photo)
    await page.wait_for("document.querySelector('[data-item=\"photo.jpg\"]').dataset.state === 'done'")
    assert home.daemon.files() == hashes([photo]), "what is paused stays"
    await page.tap("Resume film.mp4")
    await wait_done(page, 2)
    assert home.daemon.files() == hashes([film, photo])


async def test_the_receipt_is_kept_as_a_list_that_sha256sum_understands(home: Home) -> None:
    page = await home.scan()
    files = [home.file("a photo.jpg", 5000), home.file("ünï.mp4", 2 * MIB)]
    await page.choose("Send", *files)
    await wait_done(page, 2)
    kept = home.folder / "kept"
    kept.mkdir()
    await page.browser.command("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(kept))
    await page.tap("Receipt")
    await page.wait_for("document.querySelector('dialog[open]').innerText.includes('All 2 are safe on STUDY-PC')")
    await page.tap("Keep as text")
    await page.tap("Keep as JSON")
    async with asyncio.timeout(60):
        while len([path for path in kept.iterdir() if path.suffix in {".txt", ".json"}]) < 2:
            await asyncio.sleep(0.1)
    (text,) = kept.glob("*.txt")
    (told,) = kept.glob("*.json")
    check = await asyncio.create_subprocess_exec("sha256sum", "--check", str(text), cwd=home.daemon.inbox)
    assert await check.wait() == 0
    safe = json.loads(told.read_text("utf-8"))["safe"]
    assert {one["name"]: one["sha256"] for one in safe} == home.daemon.files()
    assert [one["size"] for one in safe] == [5000, 2 * MIB]


CLICK = (
    "[...document.querySelectorAll('button')].find((b) => b.innerText.trim() === '{}' && !b.disabled)?.click() ?? true"
)


@pytest.mark.needs("firefox-esr")
async def test_firefox_sends_a_note_and_shows_the_receipt(home: Home) -> None:
    photo = home.file("photo.jpg", MIB)
    async with firefox_on(home.phone) as firefox:
        url = home.daemon.ticket_url()
        await firefox.call(lambda driver: driver.navigate(url))
        await firefox.wait_for("document.querySelector('.head-link')?.dataset.link === 'open'")
        await firefox.evaluate(CLICK.format("Note or link"))
        await firefox.wait_for("document.querySelector('dialog[open] textarea') === document.activeElement")
        await firefox.call(lambda driver: driver.find_element("css selector", "textarea").send_keys("Brot für Oma"))
        await firefox.evaluate(CLICK.format("Send it"))
        await firefox.wait_for("document.querySelector('[role=status]').dataset.done === '1'")
        await firefox.pick(photo)
        await firefox.wait_for("document.querySelector('[role=status]').dataset.done === '2'")
        await firefox.evaluate(CLICK.format("Receipt"))
        await firefox.wait_for(
            "document.querySelector('dialog[open]')?.innerText.includes('All 2 are safe on STUDY-PC')"
        )
    names = sorted(home.daemon.files())
    assert [name.split(" 20")[0] for name in names] == ["Note", "photo.jpg"]
    assert (home.daemon.inbox / names[0]).read_text("utf-8") == "Brot für Oma\n"
