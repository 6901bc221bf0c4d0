"""The owner's word, in real browsers: a guest's files wait for it, and so does a network that is new."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.browser.home import COMPUTER, IS_OPEN, MIB, Home, hashes, wait_done
from tests.browser.phones import wall_url
from tests.browser.test_owner import IS_OWNERS, answer, open_owner, shows

pytestmark = pytest.mark.needs("chromium", "netns")

ASKS = "document.querySelectorAll('[data-asking]').length === %d"
HAS_CODE = "document.querySelector('.wall-code svg') !== null && !document.querySelector('[data-covered]')"


async def test_where_guests_send_nothing_they_read_so_before_they_choose_and_may_once_they_are_trusted(
    home: Home,
) -> None:
    await home.daemon.stop()
    await home.daemon.start("--accept", "trusted")
    wall = await home.open(home.url(), host=home.computer)
    await wall.wait_for(shows("Only its own devices may send to STUDY-PC now."))
    assert not await wall.evaluate(shows("Point your phone"))
    phone = await (await home.browser_on(home.phone)).open(await wall_url(home))
    await phone.wait_for(shows("STUDY-PC takes files only from its owner’s devices."))
    assert await phone.evaluate(shows("Its owner can trust this device."))
    assert not await phone.evaluate("document.querySelector('button.send') !== null")
    (device,) = json.loads(home.daemon.say("devices", "--json"))["devices"]
    home.daemon.say("devices", "trust", device["name"])
    photo = home.file("photo.jpg", MIB)
    await phone.wait_for("document.querySelector('button.send') !== null")
    await phone.choose("Send", photo)
    await wait_done(phone, 1)
    assert home.daemon.files() == hashes([photo])


async def test_a_guests_files_wait_until_the_owner_lets_them_in(home: Home) -> None:
    await home.daemon.stop()
    await home.daemon.start("--accept", "ask")
    owner = await open_owner(home, home.daemon.owner_url())
    await owner.wait_for(IS_OWNERS)
    phone = await home.open_on_phone(home.url())
    photo = home.file("photo.jpg", MIB)
    await phone.choose("Send", photo)
    await owner.wait_for(ASKS % 1)
    asked = str(await owner.evaluate("document.querySelector('[data-asking]').innerText")).replace("\u00a0", " ")
    assert "wants to send 1 photo (1 MB)" in asked
    assert asked.startswith("A guest (")
    assert "first seen just now) wants" in asked
    assert "photo.jpg" in asked
    assert home.daemon.files() == {}
    status = json.loads(home.daemon.say("status", "--json"))
    assert [one["items"] for one in status["asking"]] == [1]
    await phone.wait_for(shows("is asking its owner"))
    await answer(owner, "[data-asking] .primary")
    await wait_done(phone, 1)
    assert home.daemon.files() == hashes([photo])

    await phone.choose("Send", home.file("unwanted.bin", MIB))
    await owner.wait_for(ASKS % 1)
    await answer(owner, "[data-asking] .button:not(.primary)")
    await phone.wait_for(shows("did not take it"))
    assert home.daemon.files() == hashes([photo])
    # The control: nobody is asked about the owner's own.
    trusted = await home.open(home.daemon.ticket_url(), host=home.neighbour)
    await trusted.wait_for(IS_OPEN)
    mine = home.file("mine.jpg", MIB)
    await trusted.choose("Send", mine)
    await wait_done(trusted, 1)
    assert home.daemon.files() == hashes([photo, mine])
    assert owner.complaints == phone.complaints == []


async def test_files_of_a_page_that_is_loaded_anew_during_the_question_are_named_and_come_after_all(home: Home) -> None:
    await home.daemon.stop()
    await home.daemon.start("--accept", "ask")
    owner = await open_owner(home, home.daemon.owner_url())
    await owner.wait_for(IS_OWNERS)
    phone = await home.open_on_phone(home.url())
    photos = [home.file(f"photo {n}.jpg", MIB) for n in range(2)]
    await phone.choose("Send", *photos)
    await owner.wait_for(ASKS % 1)
    assert not await owner.evaluate("document.querySelector('.ask-away') !== null")
    await phone.reload()
    await phone.wait_for(shows("2 files were interrupted last time."))
    await owner.wait_for("document.querySelector('.ask-away') !== null")
    await answer(owner, "[data-asking] .primary")
    await owner.wait_for(shows("is back"))
    await phone.choose("Send", *photos)
    await wait_done(phone, 2)
    assert home.daemon.files() == hashes(photos)
    await phone.wait_for("!document.querySelector('.unfinished')")
    assert owner.complaints == phone.complaints == []


async def test_what_waits_for_a_word_when_daemon_and_page_begin_anew_is_named_to_be_chosen_again(home: Home) -> None:
    await home.daemon.stop()
    await home.daemon.start("--accept", "ask")
    phone = await home.open_on_phone(home.url())
    photos = [home.file(f"photo {n}.jpg", MIB) for n in range(2)]
    await phone.choose("Send", *photos)
    await phone.wait_for(shows("is asking its owner"))
    await phone.goto("about:blank")
    await home.daemon.kill()  # and with it all that it knew of the question
    await home.daemon.start("--accept", "ask")
    await phone.goto(home.url("/p"))
    await phone.wait_for(shows("2 files were interrupted last time."))
    owner = await open_owner(home, home.daemon.owner_url())
    await owner.wait_for(IS_OWNERS)
    await phone.choose("Send", *photos)
    await owner.wait_for(ASKS % 1)
    await answer(owner, "[data-asking] .primary")
    await wait_done(phone, 2)
    assert home.daemon.files() == hashes(photos)
    await phone.reload()
    await phone.wait_for(IS_OPEN)
    await phone.wait_for("!document.querySelector('.unfinished')")


async def test_in_a_network_that_is_new_the_wall_has_no_code_until_one_click(home: Home) -> None:
    remembered = home.daemon.data_dir / "networks.json"
    await home.daemon.stop()
    known = json.loads(await asyncio.to_thread(Path.read_text, remembered))
    assert [one["prefix"] for one in known["networks"]] == [COMPUTER.rsplit(".", 1)[0] + ".0/24"]
    elsewhere = {
        **known["networks"][0],
        "prefix": "10.1.1.0/24",
        "gateway": "10.1.1.1",
        "gateway_mac": "02:00:00:00:00:01",
    }
    await asyncio.to_thread(remembered.write_text, json.dumps({**known, "networks": [elsewhere]}))
    await home.daemon.start()
    wall = await home.open(home.url(), host=home.neighbour)
    await wall.wait_for(shows("Codes are not shown here"))
    owner = await open_owner(home, home.daemon.owner_url())
    await owner.wait_for("document.querySelector('[data-network=new]') !== null")
    assert not await wall.evaluate(HAS_CODE)
    assert "(new: " in home.daemon.say("status")
    await answer(owner, "[data-network=new] .primary")
    await wall.wait_for(HAS_CODE)
    await owner.wait_for("document.querySelector('[data-network=new]') === null")
    assert owner.complaints == wall.complaints == []
    await home.daemon.stop()
    await home.daemon.start()  # and it is remembered
    await wall.wait_for(HAS_CODE)
    assert "(new: " not in home.daemon.say("status")
