"""Very many, and every kind of name: photos by the thousand, a thousand folders, every script, both ways."""

import hashlib
import os
import unicodedata
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.browser.chromium import Page
from tests.browser.home import Daemon, Home, hashes, wait_done
from tests.browser.patience import until_safe, until_saved
from tests.browser.test_more_ways import drop, ready_on_laptop, tree
from tests.browser.test_shelf import open_securely, scan

pytestmark = pytest.mark.needs("chromium", "netns")

SCRIPTS = (
    "Grüße aus Köln", "Ærøskøbing", "Việt Nam", "Ελλάδα", "Привет", "Україна", "Հայերեն", "ქართული", "שלום", "سلام",
    "ܣܘܪܝܝܐ", "ދިވެހި", "नमस्ते", "বাংলা", "ਪੰਜਾਬੀ", "ગુજરાતી", "ଓଡ଼ିଆ", "தமிழ்", "తెలుగు", "ಕನ್ನಡ", "മലയാളം", "සිංහල",
    "ภาษาไทย", "ລາວ", "བོད་ཡིག", "မြန်မာ", "ខ្មែរ", "አማርኛ", "ᏣᎳᎩ", "ᐃᓄᒃᑎᑐᑦ", "ᠮᠣᠩᠭᠣᠯ",
    "中文照片", "日本語の写真", "한국어 사진",
    "ꦧꦱꦗꦮ", "ⵜⴰⵎⴰⵣⵉⵖⵜ", "𐌲𐌿𐍄𐌹𐍃𐌺", "𞤆𞤵𞤤𞤢𞤪", "🎂🏖️", "👍🏽", "🇺🇦", "1️⃣",
    "a & b + c % d # e", "it's; $HOME `x` ~ !",
)  # fmt: skip
JOINED = ("می\u200cخواهم", "👨\u200d👩\u200d👧\u200d👦", "🏳️\u200d🌈")
"""Words and emoji that fall apart without the joiners in them, which cannot be seen."""

LISTED = """(async () => { const found = {};
  const hex = (b) => [...new Uint8Array(b)].map((x) => x.toString(16).padStart(2, "0")).join("");
  const walk = async (folder, path) => { for await (const [name, handle] of folder.entries()) {
    if (handle.kind === "directory") { found[path + name] = null; await walk(handle, path + name + "/"); continue }
    const content = await (await handle.getFile()).arrayBuffer();
    found[path + name] = hex(await crypto.subtle.digest("SHA-256", content)); } };
  await walk(await navigator.storage.getDirectory(), "");
  return found })()"""
"""Everything in the page's own folder: SHA-256 of a file, null for a folder."""


def onto_the_shelf(daemon: Daemon, folder: Path) -> None:
    """Move a folder into the Outbox, whole at once."""
    outbox = daemon.inbox / "Outbox"
    outbox.mkdir(parents=True, exist_ok=True)
    folder.rename(outbox / folder.name)


def in_zip(path: Path) -> dict[str, str]:
    """What is in a zip, by name with SHA-256; its checksums are looked at on the way."""
    with zipfile.ZipFile(path) as found:
        return {one.filename: hashlib.sha256(found.read(one)).hexdigest() for one in found.infolist()}


async def picked_up_as_tree(home: Home, name: str) -> object:
    """Take a folder from the shelf where a browser may write a tree."""
    page: Page = (await open_securely(home)).page
    await page.evaluate("window.showDirectoryPicker = () => navigator.storage.getDirectory(); true")
    await page.tap(f"Save {name}")
    await until_saved(page, name)
    assert page.complaints == []
    return await page.evaluate(LISTED)


@pytest.mark.parametrize("count", [2_000, pytest.param(10_000, marks=pytest.mark.soak)])
async def test_photos_by_the_thousand_arrive_whole_both_ways(home: Home, count: int) -> None:
    photos = [home.file(f"IMG_{n:05}.jpg", 1024 + 37 * n % 3073) for n in range(count)]
    sent = hashes(photos)
    phone = await scan(home)
    assert await phone.page.evaluate("isSecureContext") is False
    await phone.page.choose("Send", *photos)
    await until_safe(phone.page, count)
    assert home.daemon.files() == sent

    onto_the_shelf(home.daemon, photos[0].parent)
    await phone.page.tap("Save phone", within_s=60)
    await until_saved(phone.page, "phone")
    await phone.downloaded(1)
    assert in_zip(phone.downloads / "phone.zip") == {f"phone/{name}": of for name, of in sent.items()}
    assert phone.page.complaints == []


async def there_and_back(home: Home, names: Iterable[str]) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Send a file of each name and pick all of them up again: what was sent, what arrived, what came back."""
    files = [home.file(f"{unicodedata.normalize('NFC', name)}.jpg", 100 + n) for n, name in enumerate(names)]
    sent = hashes(files)
    phone = await scan(home)
    await phone.page.choose("Send", *files)
    await wait_done(phone.page, len(files))
    arrived = home.daemon.files()
    onto_the_shelf(home.daemon, files[0].parent)
    await phone.page.tap("Save phone", within_s=60)
    await phone.downloaded(1)
    back = in_zip(phone.downloads / "phone.zip")
    assert phone.page.complaints == []
    return sent, arrived, {name.removeprefix("phone/"): of for name, of in back.items()}


async def test_names_in_every_script_and_emoji_are_kept_both_ways(home: Home) -> None:
    sent, arrived, back = await there_and_back(home, SCRIPTS)
    assert arrived == sent
    assert back == sent


async def test_names_that_need_joiners_are_kept_both_ways(home: Home) -> None:
    sent, arrived, back = await there_and_back(home, JOINED)
    assert arrived == sent
    assert back == sent


async def test_a_tree_of_a_thousand_folders_arrives_whole_both_ways(home: Home) -> None:
    top = home.folder / "laptop" / "tree"
    for n in range(1000):
        script = unicodedata.normalize("NFC", SCRIPTS[n % 10])
        folder = top / script / f"leaf {n}"
        folder.mkdir(parents=True)
        if n % 2:
            (folder / f"{script}.bin").write_bytes(os.urandom(500 + n))
    sent = {top.name: None} | {f"{top.name}/{name}": of for name, of in tree(top).items()}
    laptop = await ready_on_laptop(home)
    await drop(laptop, top)
    await until_safe(laptop, 1000)
    assert tree(home.daemon.inbox) == sent

    onto_the_shelf(home.daemon, top)
    assert await picked_up_as_tree(home, top.name) == sent
