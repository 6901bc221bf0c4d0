"""Who goes through a page by keyboard sees all of the ring around where they are."""

import pytest
from playwright.sync_api import Page

from tests.browser.scenes import OWN, Json, Scene, entry, news
from tests.browser.screens import until
from tests.browser.screens_world import Screens, say

pytestmark = pytest.mark.needs("chromium")

CUT_RINGS = """() => {
  const wrong = [];
  for (const target of document.querySelectorAll("button, a[href], summary, input, select, textarea")) {
    const box = target.getBoundingClientRect();
    if (target.disabled || box.width < 2 || !target.checkVisibility({ opacityProperty: true })) continue;
    target.focus({ focusVisible: true });
    if (document.activeElement !== target) continue;
    const name = (target.ariaLabel || target.textContent).trim().slice(0, 40);
    const { outlineStyle, outlineOffset, outlineWidth } = getComputedStyle(target);
    if (outlineStyle === "none") wrong.push(`${name} has no ring`);
    const grown = parseFloat(outlineOffset) + parseFloat(outlineWidth);
    const { left, right } = target.getBoundingClientRect();
    for (let around = target.parentElement; around; around = around.parentElement) {
      if (getComputedStyle(around).overflowX === "visible") continue;
      const edge = around.getBoundingClientRect();
      if (left - grown < edge.left - 1 || right + grown > edge.right + 1) wrong.push(`the ring of ${name} is cut`);
    }
    if (left - grown < -1 || right + grown > innerWidth + 1) wrong.push(`the ring of ${name} leaves the page`);
  }
  return [...new Set(wrong)];
}"""


@pytest.mark.parametrize(
    "name",
    [
        *("phone-sending", "phone-homes", "phone-nearby", "phone-note", "shelf-choose", "shelf-moving"),
        *("owner-shelf", "owner-settings", "owner-doctor", "owner-asks", "owner-add"),
    ],
)
def test_no_ring_around_what_is_focused_is_cut(screens: Screens, name: str) -> None:
    assert screens.open(name).evaluate(CUT_RINGS) == []


def test_a_ring_that_is_cut_is_found(screens: Screens) -> None:
    page = screens.open("owner-shelf")
    page.evaluate("document.querySelector('.shelf-drop').style.outlineOffset = '3px'")
    assert page.evaluate(CUT_RINGS) == ["the ring of Drop files here, or choose is cut"]


ENTRIES = [entry(name, 9, 1, None) for name in ("a.pdf", "b.pdf", "c.pdf")]


def owner_of(screens: Screens, *entries: dict[str, Json]) -> Page:
    page = screens.open(
        Scene("list", "/owner", OWN, {"rename_entry": {"t": "done"}, "bin_entry": {"t": "done"}}), "1280x800"
    )
    tell(page, *entries)
    return page


def tell(page: Page, *entries: dict[str, Json]) -> None:
    say(page, news("inbox_list", folder="/home/anna/QRShare", total=len(entries), entries=list(entries)))


def press(page: Page, name: str, answer: str) -> None:
    """By keyboard; `answer` is the button of the question."""
    page.get_by_role("button", name=name).press("Enter")
    page.locator("dialog").get_by_role("button", name=answer).press("Enter")


FOCUSED = "name => document.activeElement?.ariaLabel === name"


def test_who_renames_by_keyboard_goes_on_in_the_renamed_row(screens: Screens) -> None:
    page = owner_of(screens, *ENTRIES)
    page.get_by_role("button", name="Rename b.pdf").press("Enter")
    page.locator("dialog input").fill("z.pdf")
    page.keyboard.press("Enter")
    until(page, "() => fake.posted(0).some(({ verb }) => verb?.t === 'rename_entry')")
    tell(page, ENTRIES[0], ENTRIES[2], entry("z.pdf", 9, 1, None))
    until(page, FOCUSED, "Rename z.pdf")


def test_who_bins_by_keyboard_goes_on_in_the_next_row_and_at_last_in_the_panel(screens: Screens) -> None:
    page = owner_of(screens, *ENTRIES)
    for gone, left, then in (("b.pdf", "ac", "c.pdf"), ("c.pdf", "a", "a.pdf"), ("a.pdf", "", None)):
        press(page, f"Put {gone} in the bin", "Put in the bin")
        until(
            page,
            "count => fake.posted(0).filter(({ verb }) => verb?.t === 'bin_entry').length === count",
            3 - len(left),
        )
        tell(page, *(one for one in ENTRIES if str(one["name"])[0] in left))
        if then is not None:
            until(page, FOCUSED, f"Put {then} in the bin")
    until(page, "() => document.activeElement?.textContent.trim() === 'Open folder'")


def test_who_has_gone_elsewhere_meanwhile_stays_there(screens: Screens) -> None:
    page = owner_of(screens, *ENTRIES)
    press(page, "Put b.pdf in the bin", "Put in the bin")
    until(page, "() => fake.posted(0).some(({ verb }) => verb?.t === 'bin_entry')")
    page.get_by_role("button", name="Add my phone").focus()
    tell(page, ENTRIES[0], ENTRIES[2])
    assert page.evaluate("document.activeElement.textContent.trim()") == "Add my phone"
