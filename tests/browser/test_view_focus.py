"""Who goes through a page by keyboard sees all of the ring around where they are."""

import pytest

from tests.browser.screens_world import Screens

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
