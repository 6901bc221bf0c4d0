"""The page in every state, with another Worker in front of the real bundle: layout, contract, and what is asked for."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import expect

from tests.browser.scenes import CODE, COMPUTER, MANY, Scene, item, items, link, total
from tests.browser.screens import ORIGIN, SIZES, pictures, until
from tests.browser.screens_world import BY_NAME, Screens, posted, say, texts, wait_posted

pytestmark = pytest.mark.needs("chromium")


LAYOUT = """() => {
  const wrong = [];
  const wide = document.scrollingElement.scrollWidth - innerWidth;
  if (wide > 0) wrong.push(`the page is ${wide} px too wide`);
  const root = document.querySelector("dialog[open]") ?? document;
  for (const button of root.querySelectorAll("button, [role=button], summary, .lives label")) {
    const box = button.getBoundingClientRect();
    if (box.width === 0) continue;
    const name = button.getAttribute("aria-label") || button.textContent.trim();
    if (!name) wrong.push(`a button without a name: ${button.outerHTML.slice(0, 80)}`);
    const reach = parseFloat(getComputedStyle(button, "::after").top) || 0;
    if (box.height - 2 * Math.min(0, reach) < 43.5) wrong.push(`${name}: ${box.height} px high`);
    if (box.left < -0.5 || box.right > innerWidth + 0.5) wrong.push(`${name} sticks out`);
  }
  for (const text of root.querySelectorAll(".name, .row-note, h1, h2, p, .button")) {
    const box = text.getBoundingClientRect();
    if (box.width > 0 && box.right > innerWidth + 0.5) wrong.push(`${text.className || text.tagName} is cut off`);
  }
  return wrong;
}"""


AUDIT = Path(__file__).with_name("audit.js").read_text("utf-8")
OVERLAPS = Path(__file__).with_name("overlaps.js").read_text("utf-8")
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WALL_SIZES = ("1280x800", "1920x1080", "800x1280", "1024x768")
HELD_SIZES = ("390x844", "844x390", "1280x800")


@pytest.mark.parametrize("name", list(BY_NAME))
def test_every_state_fits_and_every_button_can_be_hit(screens: Screens, name: str) -> None:
    first, *others = WALL_SIZES if name.startswith("wall-") else HELD_SIZES
    page = screens.open(name, first)
    assert page.evaluate(LAYOUT) == [], first
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(AUDIT) == [], scheme
    for size in others:
        width, height = SIZES[size]
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate(LAYOUT) == [], size
    page.evaluate("document.documentElement.style.fontSize = '200%'")  # the text twice as large: it scrolls
    for size in WALL_SIZES[:1] if name.startswith("wall-") else HELD_SIZES[:2]:
        width, height = SIZES[size]
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate(OVERLAPS) == [], size
    assert screens.complaints == []


@pytest.mark.parametrize("name", [name for name in BY_NAME if name.startswith("phone-")])
def test_the_phone_page_keeps_its_contract_in_every_state(screens: Screens, name: str) -> None:
    page = screens.open(name)
    assert page.locator("input#files[type=file][multiple]").count() == 1
    assert page.locator('[role="status"][data-total][data-done][data-failed]').count() == 1
    assert page.locator('[role="status"]').count() == 1
    if name not in {"phone-refused", "phone-ended"}:
        names = page.get_by_role("button").all_text_contents() if not page.locator("dialog").count() else ["Send"]
        assert any(text.strip().startswith("Send") for text in names)


@pytest.mark.parametrize(
    "name",
    [
        *("phone-sending", "phone-ready", "phone-partly", "phone-unfinished", "phone-offer", "phone-relay-asked"),
        *("phone-away-no_way", "owner", "owner-away", "owner-add", "owner-add-away", "wall-ready", "wall-away"),
    ],
)
def test_text_twice_as_large_still_fits(screens: Screens, name: str) -> None:
    page = screens.open(name, "1280x800" if name.startswith("wall") else "390x844")
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert page.evaluate(LAYOUT) == []


GAPS = """() => [...document.querySelectorAll(".name-tail")].flatMap((tail) => {
  const head = tail.previousElementSibling;
  const node = [...head.childNodes].find(({ nodeType, data }) => nodeType === 3 && data);
  if (head.scrollWidth <= head.clientWidth) return [];
  const pen = document.createElement("canvas").getContext("2d"), range = document.createRange();
  const { fontWeight, fontSize, fontFamily } = getComputedStyle(head);
  pen.font = [fontWeight, fontSize, fontFamily].join(" ");
  const room = head.getBoundingClientRect().width - pen.measureText("…").width;
  range.setStart(node, 0);
  let seen = 0;
  for (let end = 1; end <= node.length; end += 1) {
    range.setEnd(node, end);
    const { width } = range.getBoundingClientRect();
    if (width <= room) seen = width;
  }
  const [left, right] = [tail.getBoundingClientRect(), head.getBoundingClientRect()];
  const moved = getComputedStyle(head).direction === "ltr" ? right.right - left.left : left.right - right.left;
  return [pen.font.startsWith("10px") ? 99 : Math.abs(room - seen - moved)];
})"""
"""How far each tail is from the ellipsis before it, in pixels, in a browser that shows what fits of a cut head."""


def test_the_end_of_a_cut_name_stands_right_behind_its_ellipsis(screens: Screens) -> None:
    page = screens.open("shelf-waits")
    for width in (390, 372, 360):
        page.set_viewport_size({"width": width, "height": 844})
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        gaps = page.evaluate(GAPS)
        assert gaps, "control: a name is cut"
        assert all(gap < 0.6 for gap in gaps), gaps


def test_the_layout_check_can_fail(screens: Screens) -> None:
    page = screens.open("phone-ready")
    page.evaluate("document.querySelector('.send').style.minWidth = '900px'")
    assert page.evaluate(LAYOUT) != []
    assert page.evaluate(AUDIT) == []
    for change in ("opacity = 0.6", "fontSize = '11px'", "color = '#888'"):
        page.evaluate(f"document.querySelector('.hero-more').style.{change}")
        assert len(page.evaluate(AUDIT)) == 1, change
        page.evaluate("document.querySelector('.hero-more').removeAttribute('style')")
    page.evaluate("document.querySelector('.send').ariaLabel = 'Choose files'")
    assert [fault.endswith("is called “Choose files”") for fault in page.evaluate(AUDIT)] == [True]
    page.evaluate("document.querySelector('.send').removeAttribute('aria-label')")
    page.evaluate("document.querySelector('.send').style = 'block-size: 30px; min-block-size: 0'")
    assert page.evaluate(AUDIT)[0].startswith("Send to")
    assert page.evaluate(OVERLAPS) == []
    page.evaluate("document.querySelector('.hero-more').style.marginTop = '-3rem'")
    assert [fault.startswith("“Send anything to") for fault in page.evaluate(OVERLAPS)] == [True]


def test_what_is_chosen_is_sent_and_the_counts_follow(screens: Screens) -> None:
    page = screens.open("phone-ready")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=f"Send to {COMPUTER}").click()
    chooser.value.set_files(pictures(page))
    assert posted(page, "send") == [{"t": "send", "picked": ["IMG_2041.JPG", "IMG_2042.JPG", "IMG_2043.JPG"]}]
    say(
        page,
        items(item(0, "IMG_2041.JPG", 9, "done"), item(1, "IMG_2042.JPG", 9, "failed", reason="short")),
        total("sending", 3, 1, 1),
    )
    status = page.get_by_role("status")
    assert [status.get_attribute(f"data-{name}") for name in ("total", "done", "failed")] == ["3", "1", "1"]
    assert page.locator('[data-item="IMG_2041.JPG"]').get_attribute("data-state") == "done"


def test_the_same_file_can_be_chosen_again(screens: Screens) -> None:
    page = screens.open("phone-ready")
    for _ in range(2):
        page.set_input_files("#files", {"name": "a.txt", "mimeType": "text/plain", "buffer": b"a"})
    assert len(posted(page, "send")) == 2


def test_pause_resume_cancel_retry_clear_reach_the_worker(screens: Screens) -> None:
    page = screens.open("phone-sending")
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Cancel IMG_2042.JPG").click()
    page.get_by_role("button", name="Cancel all").click()
    page.get_by_role("button", name="Go on sending").click()
    assert posted(page, "cancel") == [{"t": "cancel", "item": 1}]
    page.get_by_role("button", name="Cancel all").click()
    page.locator("dialog").get_by_role("button", name="Cancel all").click()
    assert wait_posted(page, "cancel", 2)[1:] == [{"t": "cancel", "item": None}]
    say(page, total("paused", 3))
    page.get_by_role("button", name="Resume").click()
    say(page, total("done", 3, 1, 2))
    page.get_by_role("button", name="Retry all 2").click()
    say(page, total("done", 3, 3))
    page.get_by_role("button", name="Clear the list").click()
    assert [len(posted(page, kind)) for kind in ("pause", "resume", "retry", "clear")] == [1, 1, 1, 1]


def test_what_was_interrupted_last_time_is_named_and_can_be_forgotten(screens: Screens) -> None:
    page = screens.open("phone-unfinished")
    assert page.get_by_text("2 files were interrupted last time.").is_visible()
    answers = {"forget_unfinished": {"t": "done"}, "list_unfinished": {"t": "unfinished_list", "items": []}}
    page.evaluate("answers => Object.assign(fake.answers, answers)", answers)
    page.get_by_role("button", name="Forget them").click()
    until(page, "() => !document.querySelector('.unfinished')")
    verbs = [command["verb"] for command in posted(page, "ask")]
    assert verbs == [{"t": "list_unfinished"}, {"t": "forget_unfinished"}, {"t": "list_unfinished"}]


def test_a_second_batch_stands_on_top_and_its_headings_agree_with_the_headline(screens: Screens) -> None:
    page = screens.open("phone-second-batch")
    assert texts(page, ".hero-title, .list-head h2") == [
        "0 of 2, about 1 minute left",
        "2 files to go, 816 MB",
        "6 files arrived, 35 MB",
    ]
    status = page.get_by_role("status")
    assert [status.get_attribute(f"data-{name}") for name in ("total", "done")] == ["8", "6"], "cumulative"
    states = "rows => rows.map(({ dataset }) => dataset.state)"
    assert page.locator("[data-item]").evaluate_all(states) == ["sending", "waiting", *["done"] * 5]
    page.get_by_role("button", name="Show all 6").click()
    assert page.locator("[data-item]").count() == 8
    say(page, items(item(6, "IMG_3000.JPG", 5_000_000, "done"), item(7, "b", 1, "done")), total("done", 8, 8))
    assert texts(page, ".hero-title") == ["8 files are safe on STUDY-PC."]
    assert texts(page, ".list-head h2")[0].startswith("8 files arrived")
    assert page.locator("[data-item]").count() == 8


def test_what_was_interrupted_is_not_said_of_what_is_here_again(screens: Screens) -> None:
    page = screens.open("phone-unfinished")
    assert page.locator(".unfinished li").count() == 2
    say(page, items(item(0, "Clip of the garden.mov", 812_000_000, "sending")), total("sending", 1))
    assert page.locator(".unfinished").count() == 0
    say(page, items(item(0, "Clip of the garden.mov", 812_000_000, "done")), total("done", 1, 1))
    page.get_by_text("1 file was interrupted last time.").wait_for()
    # It is safe, whatever the computer still lists for a while.
    assert "garden" not in page.locator(".unfinished").inner_text()
    assert len(posted(page, "ask")) == 2


def test_another_tab_leaves_no_button_behind_which_files_would_wait(screens: Screens) -> None:
    page = screens.open("phone-elsewhere")
    assert page.get_by_role("button", name="Send").is_disabled()
    assert page.get_by_role("button", name="Use this tab").is_visible()
    page.set_input_files("#files", {"name": "a.txt", "mimeType": "text/plain", "buffer": b"a"})
    assert posted(page, "send") == []
    say(page, link())
    assert page.get_by_role("button", name="Send to STUDY-PC").is_enabled()
    assert screens.open("phone-elsewhere-waiting").get_by_role("button", name="Use this tab").count() == 0


def test_nothing_is_promised_while_nothing_moves(screens: Screens) -> None:
    page = screens.open(replace(BY_NAME["phone-second-batch"], clock=True))
    assert "minute left" in page.locator(".hero").inner_text()
    page.clock.run_for(6_000)
    page.get_by_text("0 of 2, waiting…").wait_for()
    assert "left" not in page.locator(".hero").inner_text()


def test_who_was_removed_stays_outside_after_a_reload_until_a_code_is_scanned(screens: Screens) -> None:
    page = screens.open("phone-ready")
    say(page, {"t": "drop_key"}, link("refused", reason="revoked"))
    page.reload()
    page.get_by_text("Access has ended.").wait_for()
    assert posted(page, "open") == []
    with page.expect_event("load"):  # another fragment alone does not load a page: it does that itself
        page.goto(f"{ORIGIN}{CODE[CODE.index('/p') :]}")
    until(page, "() => fake.posted(0).some(({ t }) => t === 'open')")
    assert page.get_by_text("Access has ended.").count() == 0


def test_ten_thousand_items_keep_few_rows_and_every_place_can_be_scrolled_to(screens: Screens) -> None:
    page = screens.open("phone-many")
    rows = page.locator("[data-item]")
    assert 5 <= rows.count() <= 60
    page.evaluate("scrollTo(0, document.scrollingElement.scrollHeight / 2)")
    expect(page.locator("[data-item][data-state=sending]")).to_have_count(0)  # wait_for_function would need eval
    page.evaluate("scrollTo(0, document.scrollingElement.scrollHeight)")
    heights = page.evaluate("""async () => { const heights = [];
        for (let frame = 0; frame < 40; frame++) {
          await new Promise(requestAnimationFrame);
          heights.push(document.scrollingElement.scrollHeight); }
        return heights.slice(20); }""")
    assert len(set(heights)) == 1, "at its end the page jumps to and fro"
    page.get_by_role("button", name="Show all 6,800").click()
    until(page, "() => document.querySelectorAll('long-list')[1].rows.length === 6800")
    assert rows.count() <= 60
    # A row that is seen for the first time is measured, and the page grows by what was guessed wrong.
    at_the_end = "name => (scrollTo(0, document.scrollingElement.scrollHeight), document.querySelector(name))"
    until(page, at_the_end, '[data-item="IMG_00000.JPG"]')
    assert rows.count() <= 60
    took = page.evaluate(
        """async updates => { const start = performance.now();
        for (let tick = 0; tick < 20; tick++) {
          fake.say(updates);
          await new Promise(requestAnimationFrame); }
        return (performance.now() - start) / 20; }""",
        [items(MANY[9_000]), total("sending", 10_000, 6_800)],
    )
    assert took < 100, f"one update of 10 000 items takes {took:.0f} ms"


IN_TWO_LINES = """() => {
  const words = [...document.querySelectorAll(".hero .whole")];
  return words.filter((word) => {
    const range = document.createRange();
    range.selectNodeContents(word);
    return new Set([...range.getClientRects()].map(({ top }) => top)).size > 1;
  }).map(({ innerText }) => innerText);
}"""


def test_no_line_ends_within_a_word_that_has_a_hyphen(screens: Screens) -> None:
    page = screens.open("phone-relay-asked")
    assert "wait for home Wi-Fi? A relay" in page.locator(".hero-more").inner_text()
    broken: dict[str, list[str]] = {"inline-block": [], "inline": []}
    for width in range(320, 430, 10):
        page.set_viewport_size({"width": width, "height": 844})
        for display, found in broken.items():
            page.evaluate("as => document.querySelectorAll('.whole').forEach((one) => one.style.display = as)", display)
            found += page.evaluate(IN_TWO_LINES)
    assert (broken["inline-block"], set(broken["inline"])) == ([], {"Wi-Fi?"}), "and it would end there without"


def test_a_phone_on_its_side_shows_button_and_progress_without_scrolling(screens: Screens) -> None:
    seen = "element => { const box = element.getBoundingClientRect(); return box.y >= 0 && box.bottom <= innerHeight }"
    page = screens.open("phone-sending", "844x390")
    for selector in (".hero-number", ".hero .bar", '[role="status"]', ".actions .send", "[data-item]"):
        assert page.locator(selector).first.evaluate(seen), selector
    assert screens.open("phone-ready", "844x390").locator(".actions .send").evaluate(seen)


def test_a_name_cannot_break_out_or_turn_the_text_around(screens: Screens) -> None:
    name = '<img src=x onerror="window.bad=1">\u202egpj.exe'
    page = screens.open(Scene("hostile", "/p", (link(), items(item(0, name, 5)), total("sending", 1))))
    assert page.locator("[data-item]").get_attribute("data-item") == name
    assert "\u202e" not in page.locator("[data-item] .name").inner_text()
    assert page.evaluate("window.bad") is None


def test_a_redeemed_code_leaves_the_address_bar(screens: Screens) -> None:
    page = screens.open("phone-scanner")
    assert "#1" in page.url
    say(page, {"t": "enrolled"})
    assert page.url.endswith("/p")
    assert page.evaluate("Object.keys(sessionStorage).filter(name => name.includes('ticket'))") == []


def test_the_bare_address_on_a_phone_asks_for_a_code_of_its_own(screens: Screens) -> None:
    page = screens.open(Scene("bare", "/", (link(),)))
    assert page.get_by_role("button", name=f"Send to {COMPUTER}").is_visible()
    (opening,) = posted(page, "open")
    assert (opening["bare"], opening["kind"], opening["ticket"]) == ("enroll", "phone", None)


def test_everything_on_the_phone_page_is_reached_by_keyboard(screens: Screens) -> None:
    page = screens.open("phone-sending", "1280x800")
    reached = set()
    name = "(({ ariaLabel, textContent }) => ariaLabel || textContent.trim())(document.activeElement)"
    for _ in range(16):
        page.keyboard.press("Tab")
        reached.add(page.evaluate(name))
    assert {"Pause", "Send more", "Cancel all", "Cancel IMG_2042.JPG"} <= reached
