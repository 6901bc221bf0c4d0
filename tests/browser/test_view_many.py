"""A home with much of everything: the owner page stays short, and all of it is one tap away."""

import pytest

from tests.browser.scenes import OWN, Scene, device, entry, link, news
from tests.browser.scenes_shelf import shelf, thing
from tests.browser.screens import until
from tests.browser.screens_world import Screens, say

pytestmark = pytest.mark.needs("chromium")

DEVICES = news("device_list", devices=[device(n, f"Phone {n}", "phone", "trusted", n * 60) for n in range(200)])
ENTRIES = news(
    "inbox_list", folder="/home/anna/QRShare", total=1000, entries=[entry(f"{n}.jpg", n, n, None) for n in range(1000)]
)
SHELF = shelf(*(thing(n, f"{n}.pdf", n) for n in range(200)))


@pytest.mark.parametrize("size", ["390x844", "1280x800"])
def test_long_lists_of_the_owner_leave_what_stands_beneath_them_near_until_all_is_asked_for(
    screens: Screens, size: str
) -> None:
    page = screens.open(Scene("much", "/owner", (*OWN, DEVICES, ENTRIES, SHELF)), size)
    drawn = {what: page.locator(f"[data-{what}]") for what in ("entry", "shelf", "device")}
    assert [rows.count() for rows in drawn.values()] == [12, 12, 12]
    assert page.evaluate("document.scrollingElement.scrollHeight") < 9_000
    assert page.locator("*").count() < 1_500, "what is not shown costs nothing"
    page.get_by_role("button", name="Show all 200").last.click()
    page.locator("[data-device]").nth(12).wait_for()
    at_the_end = """last => { document.querySelector('[aria-label="Devices"]').scrollIntoView({ block: "end" });
        return document.querySelector(`[data-device="${last}"]`); }"""
    until(page, at_the_end, f"{199:032x}")
    page.get_by_role("button", name="Show fewer").click()
    assert drawn["device"].count() == 12
    say(page, news("device_list", devices=[device(n, f"Phone {n}", "phone", "guest", n) for n in range(5)]))
    assert drawn["device"].count() == 5
    assert page.get_by_role("button", name="Show all 200").count() == 1, "what is short has nothing to show"


FLOOD = """async (update) => {
  const shown = document.querySelector("phone-page"), render = shown.render.bind(shown);
  let renders = 0;
  shown.render = () => (renders += 1, render());
  for (let n = 0; n < 2000; n += 1) {
    fake.say([{ ...update, link: { ...update.link, computer: `PC ${n}` } }]);
    await new Promise((done) => {
      const channel = new MessageChannel();
      channel.port1.onmessage = done;
      channel.port2.postMessage(null);
    });
  }
  return renders;
}"""
"""Each in a task of its own, as a worker's messages come."""


def test_a_computer_that_tells_two_thousand_things_at_once_is_drawn_no_oftener_than_there_are_frames(
    screens: Screens,
) -> None:
    page = screens.open("phone-ready")
    renders = page.evaluate(FLOOD, link())
    until(page, "() => document.querySelector('phone-page').innerText.includes('PC 1999')")
    assert 0 < renders < 500, renders
