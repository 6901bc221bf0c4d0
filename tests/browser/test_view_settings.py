"""Settings, doctor and hints on the real page, with another Worker behind it."""

import pytest

from tests.browser.scenes import OWN, Scene
from tests.browser.scenes_settings import FINDINGS, REFUSED, WELL, settings, status
from tests.browser.screens_world import Screens, posted, say, texts, wait_posted

pytestmark = pytest.mark.needs("chromium")
OPEN = ".settings > details > summary"


def test_nothing_is_asked_before_the_settings_are_opened(screens: Screens) -> None:
    page = screens.open(Scene("closed", "/owner", OWN), "1280x800")
    assert posted(page, "ask") == []
    page.locator(OPEN).click()
    assert [command["verb"] for command in wait_posted(page, "ask", 1)] == [{"t": "get_settings"}]


def test_a_choice_is_sent_at_once_and_a_text_when_it_is_saved(screens: Screens) -> None:
    answers = {"get_settings": settings(), "change_setting": settings(accept="ask", name="Attic")}
    page = screens.open(Scene("settings", "/owner", OWN, answers, click=OPEN), "1280x800")
    page.locator("[data-setting=accept] summary").click()
    page.get_by_role("radio", name="Ask me first").click()
    assert page.get_by_role("radio", name="Ask me first").is_checked()
    page.locator("[data-setting=name] summary").click()
    page.get_by_role("textbox", name="Name").fill("Attic")
    page.get_by_role("button", name="Save").first.click()
    page.get_by_text("It counts from now on").wait_for()
    assert [command["verb"] for command in wait_posted(page, "ask", 3)][1:] == [
        {"t": "change_setting", "name": "accept", "value": "ask"},
        {"t": "change_setting", "name": "name", "value": "Attic"},
    ]
    assert texts(page, "[data-setting=name] .setting-value") == ["Attic"]


def test_what_the_file_says_can_go_back_to_its_default_and_what_is_there_already_cannot(screens: Screens) -> None:
    answers = {"get_settings": settings(from_file="accept", accept="ask"), "change_setting": settings()}
    page = screens.open(Scene("default", "/owner", OWN, answers, click=OPEN), "390x844")
    page.locator("[data-setting=wall] summary").click()
    assert page.locator("[data-setting=wall]").get_by_role("button", name="Back to the default").count() == 0
    page.locator("[data-setting=accept] summary").click()
    page.get_by_role("button", name="Back to the default: Everyone’s").click()
    page.get_by_role("status").get_by_text("Back to the default").wait_for()
    assert wait_posted(page, "ask", 2)[1]["verb"] == {"t": "change_setting", "name": "accept"}
    assert page.get_by_role("button", name="Back to the default").count() == 0


def test_what_cannot_be_used_stays_in_the_field_with_its_sentence(screens: Screens) -> None:
    answers = {"get_settings": settings(), "change_setting": REFUSED}
    page = screens.open(Scene("wrong", "/owner", OWN, answers, click=OPEN), "390x844")
    page.locator("[data-setting=quiet_hours] summary").click()
    page.get_by_role("textbox", name="Quiet hours").fill("late")
    page.keyboard.press("Enter")
    page.get_by_role("alert").get_by_text("two times of the day").wait_for()
    assert page.get_by_role("textbox", name="Quiet hours").input_value() == "late"


def test_a_choice_that_was_refused_goes_back(screens: Screens) -> None:
    answers = {"get_settings": settings(), "change_setting": REFUSED}
    page = screens.open(Scene("back", "/owner", OWN, answers, click=OPEN), "1280x800")
    page.locator("[data-setting=wall] summary").click()
    page.get_by_role("radio", name="Nobody").click()
    page.get_by_role("alert").wait_for()
    assert page.get_by_role("radio", name="All at home").is_checked()


def test_what_a_flag_says_cannot_be_changed_here_and_what_only_the_file_holds_is_shown(screens: Screens) -> None:
    answers = {"get_settings": settings(fixed="name")}
    page = screens.open(Scene("fixed", "/owner", OWN, answers, click=OPEN), "1280x800")
    page.locator("[data-setting=name] summary").click()
    page.get_by_text("stronger than this page").wait_for()
    assert page.get_by_role("textbox", name="Name", exact=True).count() == 0
    page.get_by_text("Only in the file").click()
    assert "Counts when qrshared next starts" in page.locator(".setting-file").inner_text()
    assert "hook" not in page.locator(".settings").inner_text()


def test_doctor_shows_what_is_bad_first_and_looks_again(screens: Screens) -> None:
    page = screens.open(Scene("doctor", "/owner", OWN, {"examine": FINDINGS}), "1280x800")
    page.get_by_role("button", name="Look now").click()
    page.get_by_text("2 things in the way of phones").wait_for()
    assert page.locator(".finding[data-ok=no] code").first.inner_text() == "sudo ufw allow 7774/tcp"
    same = "Firewall: ufw lets nobody reach port 7774. Run: `sudo ufw allow 7774/tcp`"
    say(page, status(problems=[same, "Something else is wrong."]))
    assert texts(page, ".problems li") == ["Something else is wrong."]  # what doctor shows is not said twice
    page.evaluate("answers => Object.assign(fake.answers, answers)", {"examine": WELL})
    page.get_by_role("button", name="Look again").click()
    page.get_by_text("All is well on this computer").wait_for()
    assert page.locator(".finding[data-ok=no]").count() == 0


@pytest.mark.parametrize("hint", ["unreached", "opened"])
def test_a_wall_says_once_and_calmly_what_to_try_and_keeps_its_code(screens: Screens, hint: str) -> None:
    page = screens.open(f"wall-{hint}", "1280x800")
    assert page.locator(".wall-hint").count() == page.locator(".qr-code").count() == 1
    assert "guest network" in page.locator(".wall-hint").inner_text()
    page = screens.open("wall-ready", "1280x800")  # the control
    assert page.locator(".wall-hint").count() == 0
