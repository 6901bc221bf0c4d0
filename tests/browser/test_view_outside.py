"""Who has no access any more, or no code to scan, sees what holds and no button that cannot work."""

import pytest
from playwright.sync_api import Page

from tests.browser.scenes import Scene, item, items, link, news, total, wall
from tests.browser.scenes_peers import MET, OPEN
from tests.browser.screens import until
from tests.browser.screens_world import Screens, say, texts

pytestmark = pytest.mark.needs("chromium")

WAITS_ON_THE_SHELF = news("shelf_list", items=[{"item": "aa" * 16, "name": "Photos.zip", "size": 9, "added_ms": 0}])


def test_who_was_removed_is_offered_nothing_and_keeps_the_receipt(screens: Screens) -> None:
    page = screens.open(Scene("removed", "/p", (*OPEN, MET, WAITS_ON_THE_SHELF)))
    assert page.locator(".nearby .peer").count() == 3, "control"
    assert page.locator(".shelf").count() == 1, "control"
    rows = item(0, "a.jpg", 9, "done", finalName="a.jpg"), item(1, "film.mp4", 9, "failed", reason="revoked")
    say(page, items(*rows), total("done", 2, 1, 1), {"t": "drop_key"}, link("refused", reason="revoked"))
    assert [page.locator(part).count() for part in (".nearby", ".shelf")] == [0, 0]
    why = "The owner has removed this browser. Scan the code again, or ask."
    assert texts(page, ".hero-more") == [why]
    assert texts(page, "[data-item='film.mp4'] .row-note") == [why]
    page.get_by_role("button", name="Receipt").click()
    assert page.locator("dialog .row-receipt").count() == 1


def dropped(page: Page) -> int:
    """Drops a file on the page; returns how many workers there are then."""
    page.evaluate("""() => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(["a"], "a.txt"));
      const as = { dataTransfer, bubbles: true, cancelable: true };
      for (const type of ["dragenter", "drop"]) document.body.dispatchEvent(new DragEvent(type, as));
      return new Promise((done) => setTimeout(done, 0));
    }""")
    return int(page.evaluate("fake.workers.length"))


def test_a_wall_without_a_code_takes_files_only_from_a_browser_that_holds_a_key(screens: Screens) -> None:
    page = screens.open("wall-off", "1280x800")
    assert "Send" not in page.title()
    assert "Codes are not shown here" in page.locator(".wall-code").inner_text()
    assert page.locator(".drop").count() == 0
    assert (dropped(page), page.locator(".wall").get_attribute("data-over")) == (1, "no")
    off = Scene("known", "/", (link(), wall(None)), stored={"qrshared/1 key": "A" * 43})
    page = screens.open(off, "1280x800")
    assert page.get_by_role("button", name="Drop files here").is_visible()
    assert dropped(page) == 2
    page.locator("dialog").wait_for()


def test_a_second_owner_page_takes_over_with_one_tap(screens: Screens) -> None:
    page = screens.open(Scene("second", "/owner", (link("elsewhere"),)), "1280x800")
    assert page.get_by_text("This page is already open in another tab.").is_visible()
    with page.expect_event("load"):
        page.get_by_role("button", name="Use this tab").click()
    until(page, "() => fake.workers[0]?.posted.some(({ t }) => t === 'open')")


def test_devices_are_counted_and_not_their_pages(screens: Screens) -> None:
    phone = {"device": "ab" * 16, "name": "Pixel", "kind": "phone", "trust": "trusted", "seen_ms": 0, "online": True}
    second = {**phone, "device": "cd" * 16, "second_of": "ab" * 16}
    asleep = {**phone, "device": "ef" * 16, "name": "Tablet", "online": False}
    page = screens.open("owner", "1280x800")
    say(page, news("device_list", devices=[phone, second, asleep]))
    assert texts(page, ".head-link") == ["running, 1 device connected"]


def test_what_stands_beneath_the_name_is_heard_as_one_sentence(screens: Screens) -> None:
    heard = "on your Wi-Fi, encrypted: what that means"
    assert screens.open("phone-ready").get_by_role("button", name=heard, exact=True).is_visible()
    assert (
        screens.open("meet-met")
        .get_by_role("button", name="connected, encrypted: what that means", exact=True)
        .is_visible()
    )
