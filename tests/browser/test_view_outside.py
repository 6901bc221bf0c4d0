"""Who has no access any more, or no code to scan, sees what holds and no button that cannot work."""

import pytest

from tests.browser.scenes import Scene, item, items, link, news, total
from tests.browser.scenes_peers import MET, OPEN
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
