"""The wall with its guests, and the owner page, with another Worker in front of the real bundle."""

import pytest
from playwright.sync_api import Page

from tests.browser.scenes import (
    ALL_DONE,
    DEVICE_LIST,
    GUEST,
    OWN,
    TICKET,
    Scene,
    Update,
    device,
    item,
    items,
    link,
    news,
    total,
    wall,
)
from tests.browser.screens import until
from tests.browser.screens_world import Screens, posted, say, texts, wait_posted

pytestmark = pytest.mark.needs("chromium")


def guest_on_the_wall(screens: Screens, *said: Update) -> Page:
    scene = Scene("guest", "/", (link(), wall()), click=".drop", second=(link(), *said), clock=True)
    return screens.open(scene, "1280x800")


def wait_closed(page: Page) -> None:
    until(page, "() => !document.querySelector('dialog')")
    assert page.evaluate("fake.workers[1].isOver"), "this origin's phone page would be told that another tab is at it"


def test_a_guests_receipt_gives_the_code_back_by_itself(screens: Screens) -> None:
    page = guest_on_the_wall(screens, ALL_DONE)
    page.get_by_text("so that the next one can scan").wait_for()
    page.clock.run_for(20_000)
    page.keyboard.press("Shift")  # somebody is still here
    page.clock.run_for(20_000)
    assert page.locator("dialog").count() == 1
    page.clock.run_for(12_000)
    wait_closed(page)


def test_a_guest_who_taps_done_or_beside_the_sheet_leaves_at_once(screens: Screens) -> None:
    page = guest_on_the_wall(screens, ALL_DONE)
    page.locator("dialog").get_by_role("button", name="Done").click()
    wait_closed(page)
    page = guest_on_the_wall(screens, ALL_DONE)
    page.mouse.click(5, 5)
    wait_closed(page)


def test_a_guests_sheet_stays_while_something_is_under_way_and_longer_for_a_retry(screens: Screens) -> None:
    sending = items(item(0, "a.mov", 9, "sending")), total("sending", 1)
    page = guest_on_the_wall(screens, *sending)
    page.clock.run_for(300_000)
    assert page.locator("dialog").count() == 1
    failed = items(item(0, "a.mov", 9, "failed", reason="short")), total("done", 1, 0, 1)
    page.evaluate("updates => fake.say(updates, 1)", failed)
    page.get_by_role("button", name="Retry").wait_for()
    page.clock.run_for(60_000)
    assert page.locator("dialog").count() == 1
    page.clock.run_for(62_000)
    wait_closed(page)


def test_a_guest_who_closed_the_sheet_while_sending_is_gone_when_all_is_there(screens: Screens) -> None:
    page = guest_on_the_wall(screens, items(item(0, "a.mov", 9, "sending")), total("sending", 1))
    page.keyboard.press("Escape")
    page.get_by_text("You are sending").wait_for()
    assert not page.evaluate("fake.workers[1].isOver")
    page.evaluate("updates => fake.say(updates, 1)", [total("done", 1, 1)])
    wait_closed(page)


def test_the_wall_covers_its_code_and_gets_it_back(screens: Screens) -> None:
    page = screens.open("wall-ready", "1280x800")
    (opening,) = posted(page, "open")
    assert (opening["bare"], opening["kind"], opening["key"]) == ("watch", "wall", None)
    assert page.locator(".qr-code").count() == 1
    say(page, link("lost", retryInS=3))
    page.wait_for_selector("[data-covered]")
    assert page.locator(".qr-code").count() == 0
    say(page, link(), wall())
    assert page.locator(".qr-code").count() == 1


def test_a_wall_never_names_a_file_and_moves_once_for_what_lands(screens: Screens) -> None:
    page = screens.open("wall-ready", "1280x800")
    say(page, wall(senders=1, arriving=2, photos=2, landed=0, percent=10))
    assert page.locator(".now").inner_text().strip() == "Somebody is sending 2 photos"
    assert page.locator(".is-landing").count() == 0
    say(page, wall(senders=1, arriving=2, photos=2, landed=1, percent=60))
    assert page.locator(".is-landing").count() == 1


def test_a_drop_on_the_wall_is_sent_by_a_guest(screens: Screens) -> None:
    page = screens.open("wall-ready", "1280x800")
    drop = """() => { const carried = new DataTransfer(); carried.items.add(new File(["x"], "plan.pdf"));
      for (const kind of ["dragenter", "dragover", "drop"]) document.body.dispatchEvent(
        new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true })); }"""
    page.evaluate(drop)
    until(page, "() => fake.workers.length === 2 && fake.posted(1).some(({ t }) => t === 'send')")
    (opening,) = posted(page, "open", 1)
    assert (opening["bare"], opening["kind"]) == ("enroll", "laptop")
    assert posted(page, "send", 1) == [{"t": "send", "picked": ["plan.pdf"]}]
    page.evaluate(drop)
    until(page, "() => fake.posted(1).filter(({ t }) => t === 'send').length === 2")
    assert page.evaluate("fake.workers.length") == 2


def test_the_owner_sees_folders_as_folders_and_addresses_in_plain_words(screens: Screens) -> None:
    page = screens.open("owner-details", "1280x800")
    assert texts(page, '[data-entry="Holiday in Crete"] .row-note')[0].startswith("folder, ")
    shown = page.locator("body").inner_text()
    assert "on the way to your router" in shown
    assert "metric" not in shown
    headings = [heading.split()[0] for heading in texts(page, ".owner-wide h2")]
    assert headings == ["Arriving", "Arrived", "Inbox", "Settings"]


def test_the_owners_verbs_are_asked_after_a_clear_yes(screens: Screens) -> None:
    done = {"t": "done", "text": ""}
    verbs = (
        "bin_entry",
        "rename_entry",
        "revoke_device",
        "trust_device",
        "rename_device",
        "stop_transfer",
        "open_inbox",
    )
    answers = dict.fromkeys(verbs, done)
    page = screens.open(Scene("owner", "/owner", OWN, answers), "1280x800")
    page.get_by_role("button", name="Put Lease agreement signed.pdf in the bin").click()
    page.get_by_role("button", name="Keep it").click()
    assert posted(page, "ask") == []
    page.get_by_role("button", name="Put Lease agreement signed.pdf in the bin").click()
    page.locator("dialog").get_by_role("button", name="Put in the bin").click()
    page.get_by_role("button", name="Rename Lease agreement signed.pdf").click()
    page.keyboard.type("Lease 2026")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Remove Windows computer").click()
    page.get_by_role("button", name="Remove it").click()
    page.get_by_role("button", name="Stop what Pixel 8 sends").click()
    page.get_by_role("button", name="Stop it").click()
    page.get_by_role("button", name="Open folder").click()
    assert [command["verb"] for command in wait_posted(page, "ask", 5)] == [
        {"t": "bin_entry", "name": "Lease agreement signed.pdf"},
        {"t": "rename_entry", "name": "Lease agreement signed.pdf", "to": "Lease 2026.pdf"},
        {"t": "revoke_device", "device": f"{5:032x}"},
        {"t": "stop_transfer", "transfer": f"{2:032x}"},
        {"t": "open_inbox"},
    ]
    assert page.get_by_role("status").inner_text() == "The folder is open on the computer."


def test_a_refused_verb_is_told_in_its_own_sentence(screens: Screens) -> None:
    refuse = {"t": "refuse", "reason": "not_found", "sentence": "It is not there any more."}
    page = screens.open(Scene("owner", "/owner", OWN, {"open_inbox": refuse}), "1280x800")
    page.get_by_role("button", name="Open folder").click()
    page.get_by_text("It is not there any more.").wait_for()


def test_a_phone_that_redeems_the_owners_code_is_greeted(screens: Screens) -> None:
    page = screens.open("owner-add", "1280x800")
    page.locator("dialog .qr-code").wait_for()
    fresh = device(9, "Ben’s phone", "phone", "trusted", 0, online=True)
    say(page, news("device_list", devices=[*DEVICE_LIST, fresh]))
    page.get_by_text("Ben’s phone is here.").wait_for()


def test_an_owner_page_without_the_right_says_how_to_get_it(screens: Screens) -> None:
    page = screens.open(Scene("owner", "/owner", (link(grant=GUEST),), {"make_ticket": TICKET}), "1280x800")
    assert page.get_by_text("qrshared open").is_visible()
    assert page.get_by_role("button", name="Add my phone").count() == 0


def test_each_device_that_picks_a_thing_up_has_a_line_of_its_own_and_no_more_than_a_row_can_hold(
    screens: Screens,
) -> None:
    page = screens.open("owner-shelf-takers", "390x844")
    film = page.locator("[data-shelf^='Summer']")
    assert film.locator("[data-taker]").evaluate_all("all => all.map((one) => one.dataset.state)") == [
        "moving", "waiting", "handed_over",
    ]  # fmt: skip
    assert film.get_by_role("progressbar", name="To Pixel 8").get_attribute("aria-valuenow") == "40"
    assert texts(page, "[data-shelf='Album'] li")[-1] == "and 3 more"
    assert page.locator("[data-shelf='Minutes <2026>.txt'] [data-taker]").count() == 0
    assert "handed to Ben\u2019s laptop" in film.inner_text()
