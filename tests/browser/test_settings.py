"""What the owner decides on their page, with a real daemon: settings count without a restart, wrong ones say why."""

import json

import pytest

from tests.browser.chromium import Page
from tests.browser.home import MIB, Home, wait_done
from tests.browser.test_owner import IS_OWNERS, answer, open_owner, shows

pytestmark = pytest.mark.needs("chromium", "netns")

HAS_CODE = "document.querySelector('.wall-code svg') !== null && !document.querySelector('[data-covered]')"


async def settings_of(home: Home) -> Page:
    """The owner page with its settings open."""
    owner = await open_owner(home, home.daemon.owner_url())
    await owner.wait_for(IS_OWNERS)
    await owner.evaluate("document.querySelector('.settings summary').click()")
    await owner.wait_for("document.querySelector('[data-setting=name]') !== null")
    return owner


async def unfold(owner: Page, name: str) -> None:
    await owner.evaluate(f"document.querySelector('[data-setting={name}]:not([open]) > summary')?.click()")
    await owner.wait_for(f"document.querySelector('[data-setting={name}]').open")


async def choose(owner: Page, name: str, value: str) -> None:
    """Tap one choice of a setting, and wait until it counts."""
    await unfold(owner, name)
    await owner.evaluate(f"document.querySelector('[data-setting={name}] input[value={value}]').click()")
    await said(owner, name, "Saved")


async def write(owner: Page, name: str, value: str) -> None:
    """Type a value of a setting and save it."""
    await unfold(owner, name)
    await owner.evaluate(f"document.querySelector('[data-setting={name}] input').select()")
    await owner.evaluate(f"document.querySelector('[data-setting={name}] input').value = {json.dumps(value)}")
    await owner.evaluate(f"document.querySelector('[data-setting={name}] form button').click()")


async def said(owner: Page, name: str, words: str) -> None:
    await owner.wait_for(
        f"document.querySelector('[data-setting={name}] .setting-said')?.innerText.includes({json.dumps(words)})"
    )


@pytest.fixture
async def bare(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home whose daemon takes its settings from the file, as at most homes; its folder is the owner's own."""
    monkeypatch.setenv("HOME", str(home.folder))
    await home.daemon.stop()
    inbox = home.daemon.inbox
    (home.daemon.data_dir / "config.toml").write_text(f'# mine\ninbox = "{inbox}"\nname = "STUDY-PC"\n', "utf-8")
    await home.daemon.start(from_file=True)
    return home


async def test_a_wall_elsewhere_is_covered_and_shows_its_code_again_as_the_owner_says(bare: Home) -> None:
    wall = await bare.open(bare.url(), host=bare.neighbour)
    await wall.wait_for(HAS_CODE)
    owner = await settings_of(bare)
    await choose(owner, "wall", "off")
    await wall.wait_for("document.querySelector('[data-covered]') !== null")
    await choose(owner, "wall", "lan")
    await wall.wait_for(HAS_CODE)
    assert owner.complaints == wall.complaints == []


async def test_the_name_changes_at_once_on_walls_and_on_phones_that_are_open(bare: Home) -> None:
    wall = await bare.open(bare.url(), host=bare.neighbour)
    await wall.wait_for(shows("STUDY-PC"))
    phone = await bare.open_on_phone(bare.url("/p"))
    await phone.wait_for(shows("Send to STUDY-PC"))
    owner = await settings_of(bare)
    await write(owner, "name", "Küche")
    await said(owner, "name", "Saved")
    await wall.wait_for(shows("Send files to Küche"))
    await phone.wait_for(shows("Send to Küche"))
    config = (bare.daemon.data_dir / "config.toml").read_text("utf-8")
    assert config.startswith("# mine\n")
    assert 'name = "Küche"' in config


async def test_the_next_file_lands_in_the_new_folder_and_a_folder_that_cannot_be_is_refused(bare: Home) -> None:
    phone = await bare.open_on_phone(bare.url("/p"))
    await phone.choose("Send", bare.file("before.bin", MIB))
    await wait_done(phone, 1)
    owner = await settings_of(bare)
    (bare.folder / "a-file").write_text("x")
    await write(owner, "inbox", str(bare.folder / "a-file"))
    await owner.wait_for("document.querySelector('[data-setting=inbox] [role=alert]') !== null")
    await write(owner, "inbox", str(bare.folder / ".config"))
    await said(owner, "inbox", "inside your home folder")
    other = bare.folder / "other"
    await write(owner, "inbox", str(other))
    await said(owner, "inbox", "Saved")
    await phone.choose("Send", bare.file("after.bin", MIB))
    await wait_done(phone, 2)
    assert (other / "after.bin").stat().st_size == MIB
    assert list(bare.daemon.files()) == ["before.bin"]
    await owner.wait_for("document.querySelector('[data-entry=\"after.bin\"]') !== null")
    await owner.wait_for("document.querySelector('[data-entry=\"before.bin\"]') === null")
    assert owner.complaints == phone.complaints == []


async def test_a_wrong_value_gets_its_sentence_and_the_right_one_is_kept_over_a_restart(bare: Home) -> None:
    owner = await settings_of(bare)
    await write(owner, "quiet_hours", "late")
    await said(owner, "quiet_hours", "two times of the day such as 22:00-07:00")
    await write(owner, "quiet_hours", "22:00-07:00")
    await said(owner, "quiet_hours", "Saved")
    await write(owner, "edge", "ftp://x")
    await said(owner, "edge", "an address such as https://share.example.org")
    await write(owner, "edge", "https://share.example.invalid")
    await said(owner, "edge", "Saved")
    await owner.wait_for("document.querySelector('[data-edge]') !== null")
    await write(owner, "edge", "")
    await owner.wait_for("document.querySelector('[data-edge]') === null")
    await bare.daemon.stop()
    await bare.daemon.start(from_file=True)
    assert "22:00-07:00" in bare.daemon.say("config")


async def test_the_owner_asks_to_be_asked_and_answers_both_ways_without_a_restart(bare: Home) -> None:
    owner = await settings_of(bare)
    phone = await bare.open_on_phone(bare.url())
    await choose(owner, "accept", "ask")
    await phone.choose("Send", bare.file("photo.jpg", MIB))
    await owner.wait_for("document.querySelectorAll('[data-asking]').length === 1")
    assert bare.daemon.files() == {}
    await answer(owner, "[data-asking] .primary")
    await wait_done(phone, 1)
    assert list(bare.daemon.files()) == ["photo.jpg"]
    await phone.choose("Send", bare.file("other.jpg", MIB))
    await owner.wait_for("document.querySelectorAll('[data-asking]').length === 1")
    await answer(owner, "[data-asking] .button")
    await phone.wait_for(shows("did not take it"))
    assert list(bare.daemon.files()) == ["photo.jpg"]
    assert owner.complaints == phone.complaints == []


async def test_what_is_changed_in_the_file_counts_and_a_broken_file_is_told(bare: Home) -> None:
    wall = await bare.open(bare.url(), host=bare.neighbour)
    owner = await open_owner(bare, bare.daemon.owner_url())
    bare.daemon.say("config", "set", "name", "By command")
    await wall.wait_for(shows("Send files to By command"))
    config = bare.daemon.data_dir / "config.toml"
    good = config.read_text("utf-8")
    config.write_text("name = ", "utf-8")
    await owner.wait_for(shows("cannot be read"))
    config.write_text(good, "utf-8")
    await owner.wait_for(f"!({shows('cannot be read')})")


async def test_doctor_looks_and_looks_again(bare: Home) -> None:
    owner = await open_owner(bare, bare.daemon.owner_url())
    await owner.wait_for(IS_OWNERS)
    await owner.tap("Look now")
    await owner.wait_for("document.querySelectorAll('.finding').length > 3", within_s=60)
    await owner.tap("Look again")
    await owner.wait_for("document.querySelector('.doctor').ariaBusy === 'false'", within_s=60)
    assert owner.complaints == []
