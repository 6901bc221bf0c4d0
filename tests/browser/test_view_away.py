"""What the page says and asks about roads, with another Worker in front of the real bundle."""

from dataclasses import replace

import pytest

from tests.browser.scenes import CODE, GUEST, OWN, STATUS_FACTS, Scene, link, news
from tests.browser.scenes_away import EDGE, RELAYED, TRUSTED
from tests.browser.scenes_settings import settings
from tests.browser.screens import until
from tests.browser.screens_world import BY_NAME, Screens, posted, say, texts, wait_posted

pytestmark = pytest.mark.needs("chromium")

OPEN = ".settings > details > summary"
ELSEWHERE = f"https://meet.example.org/p{CODE[CODE.index('#') :]}"


@pytest.mark.parametrize("road", ["home", "direct", "relay"])
def test_the_road_stands_in_one_element_while_there_is_one(screens: Screens, road: str) -> None:
    page = screens.open("phone-connecting")
    assert page.locator("[data-road]").count() == 0
    say(page, link(road=road))
    assert [found.get_attribute("data-road") for found in page.locator("[data-road]").all()] == [road]
    say(page, link("lost", retryInS=3))
    assert page.locator("[data-road]").count() == 0


def test_the_road_is_explained_by_keyboard_alone(screens: Screens) -> None:
    page = screens.open("phone-direct")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "head-link"
    page.keyboard.press("Enter")
    assert texts(page, "dialog[open] dt")[0] == "Straight to STUDY-PC"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.className") == "head-link"


@pytest.mark.parametrize(("button", "send_now"), [("Send now", True), ("Wait for home Wi-Fi", False)])
def test_the_relays_question_has_two_answers(screens: Screens, button: str, send_now: bool) -> None:
    page = screens.open("phone-relay-asked")
    assert (
        page.get_by_role("heading", level=1).inner_text().replace("\u00a0", " ")
        == "This goes through your relay (6 GB)."
    )
    page.get_by_role("button", name=button).click()
    assert posted(page, "relay") == [{"t": "relay", "sendNow": send_now}]


def test_who_waits_may_change_their_mind(screens: Screens) -> None:
    page = screens.open("phone-relay-held")
    page.get_by_role("button", name="Send now").click()
    assert posted(page, "relay") == [{"t": "relay", "sendNow": True}]


def test_one_tap_opens_the_other_page_and_it_is_not_offered_again(screens: Screens) -> None:
    ticket = {"t": "ticket_facts", "url": ELSEWHERE}
    page = screens.open(replace(BY_NAME["phone-offer"], answers={"use_away": ticket}))
    page.get_by_role("button", name="Use it away from home too").click()
    page.wait_for_url("https://meet.example.org/p*")
    page.goto("http://192.168.1.7:7774/p")
    until(page, "() => window.fake && fake.workers[0]?.posted.length > 0")
    say(page, link(grant=TRUSTED))
    assert page.locator(".offer").count() == 0
    page.locator(".head-link").click()
    page.get_by_role("button", name="Use it away from home too").click()  # still there for who looks for it
    until(page, "() => fake.posted(0).some(({ t, verb }) => t === 'ask' && verb.t === 'use_away')")


def test_a_refused_offer_says_why(screens: Screens) -> None:
    refusal = {"t": "refuse", "reason": "unsupported", "sentence": "This computer is not set up for that."}
    page = screens.open(replace(BY_NAME["phone-offer"], answers={"use_away": refusal}))
    page.get_by_role("button", name="Use it away from home too").click()
    until(page, "() => document.querySelector('.offer')?.innerText.includes('not set up for that')")


def test_an_address_that_is_no_meeting_points_page_is_not_opened(screens: Screens) -> None:
    ticket = {"t": "ticket_facts", "url": "https://evil.example/login"}
    page = screens.open(replace(BY_NAME["phone-offer"], answers={"use_away": ticket}))
    here = page.url
    page.get_by_role("button", name="Use it away from home too").click()
    until(page, "() => document.querySelector('.offer')?.innerText.includes('was not opened')")
    assert page.url == here


def test_a_guest_and_a_device_without_a_meeting_point_are_offered_nothing(screens: Screens) -> None:
    page = screens.open("phone-offer")
    assert page.locator(".offer").count() == 1, "control"
    say(page, link(grant={**TRUSTED, "trust": "guest"}))
    assert page.locator(".offer").count() == 0
    say(page, link(grant=GUEST))
    assert page.locator(".offer").count() == 0


def test_the_owners_code_for_elsewhere_is_asked_for_and_only_where_there_is_a_meeting_point(screens: Screens) -> None:
    page = screens.open("owner-add-away")
    page.get_by_role("radio", name="From anywhere").check()
    until(page, "() => fake.posted(0).filter(({ t, verb }) => t === 'ask' && verb.t === 'make_ticket').length === 2")
    asked = [ask["verb"] for ask in posted(page, "ask") if ask["verb"]["t"] == "make_ticket"]  # type: ignore[index] # each has one
    assert asked == [{"t": "make_ticket", "life": "once"}, {"t": "make_ticket", "life": "once", "away": True}]
    assert screens.open("owner-add").get_by_role("radio", name="From anywhere").count() == 0


def test_the_meeting_points_state_and_the_relays_use_are_on_the_owner_page(screens: Screens) -> None:
    page = screens.open("owner-away")
    facts = page.locator(".facts").inner_text().replace("\u00a0", " ")
    assert "1.2 GB" in facts
    assert "November 2026" in facts
    assert page.locator("[data-edge]").get_attribute("data-edge") == "connected"
    assert "here now, from another network" in page.locator(".owner-side").inner_text()
    assert page.locator("[data-relay]").get_attribute("data-relay") == "own"
    failed = screens.open("owner-away-failed")
    assert "does not answer" in failed.locator(".facts").inner_text()
    assert failed.locator("[data-relay=none]").inner_text().startswith("there is none")
    lent = {**STATUS_FACTS, "edge": EDGE, "relay": {**RELAYED, "turn": "none", "borrowed": True}}
    say(failed, news("status_facts", **lent))
    assert "lent by the meeting point" in failed.locator("[data-relay=borrowed]").inner_text()


def test_an_owner_without_a_meeting_point_reads_what_one_would_give_and_finds_no_dead_field(screens: Screens) -> None:
    page = screens.open(Scene("none", "/owner", OWN, {"get_settings": settings(edge="")}, click=OPEN), "1280x800")
    assert page.locator("[data-edge]").count() == 0
    page.get_by_text("Away from home: not set up").click()
    assert "meeting point" in page.locator("[data-away=none]").inner_text()
    assert "“Use it away from home” in the README" in page.locator(".settings").inner_text()
    assert page.locator("[data-setting=edge]").count() == 1
    assert page.locator("[data-setting=turn_url], [data-setting=stun], [data-setting=relay_ask_mb]").count() == 0
    page = screens.open(
        Scene(
            "half",
            "/owner",
            OWN,
            {"get_settings": settings(edge="", from_file="turn_url", turn_url="turn:x")},
            click=OPEN,
        )
    )
    assert page.locator("[data-setting=turn_url]").count() == 1, "what somebody has set can be taken back"
    page = screens.open("owner-settings")
    assert page.locator("[data-setting=turn_url], [data-setting=stun]").count() == 2, "control"


def test_a_meeting_point_on_loopback_is_said_to_be_for_this_computer_only(screens: Screens) -> None:
    assert "for this computer only" in screens.open("owner-away-loopback").locator(".facts").inner_text()
    assert "for this computer only" not in screens.open("owner-away").locator(".facts").inner_text()


def test_what_a_phone_uses_away_from_home_stands_beneath_it_and_both_go_together(screens: Screens) -> None:
    page = screens.open("owner-two-keys", "1280x800")
    rows = texts(page, "[data-device] .name")
    at = rows.index("Pixel 8, away from home")
    assert rows.count("Pixel 8, away from home") == 1
    assert page.locator("[data-device]").nth(at).get_attribute("data-device") == "b8" * 16
    assert page.locator("[data-device]").nth(at - 1).get_attribute("data-device") == f"{2:032x}"
    page.get_by_role("button", name="Remove Pixel 8, away from home").click()
    assert "What it may do at home stays" in page.locator("dialog").inner_text()
    page.keyboard.press("Escape")
    page.locator("[data-tie=both]").get_by_role("button", name="Remove Pixel 8").click()
    assert "at home and away from home" in page.locator("dialog").inner_text()
    page.get_by_role("button", name="Remove it").click()
    assert wait_posted(page, "ask", 1)[0]["verb"] == {"t": "revoke_device", "device": f"{2:032x}"}
