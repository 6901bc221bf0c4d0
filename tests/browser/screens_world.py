"""Scenes, opened in one browser for a file of tests, and what was asked of the worker behind them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.browser.scenes import Scene
from tests.browser.scenes_away import SCENES
from tests.browser.screens import SIZES, build, chromium, open_scene, until

BY_NAME = {scene.name: scene for scene in SCENES}


class Screens:
    """Opens scenes and closes what it opened."""

    def __init__(self, browser: Browser, built: Path) -> None:
        self._browser, self._built = browser, built
        self._pages: list[Page] = []
        self.complaints: list[str] = []

    def open(self, scene: Scene | str, size: str = "390x844", scheme: str = "light") -> Page:
        shown = BY_NAME[scene] if isinstance(scene, str) else scene
        page = open_scene(self._browser, self._built, shown, SIZES[size], scheme, hear=self.complaints.append)
        self._pages.append(page)
        return page

    def close(self) -> None:
        for page in self._pages:
            page.context.close()
        self._pages.clear()
        self.complaints.clear()


@contextmanager
def opened_screens(folder: Path) -> Iterator[Screens]:
    """The page built in `folder`, and a browser that shows it."""
    built = build(folder)
    with chromium() as browser:
        yield Screens(browser, built)


def posted(page: Page, kind: str, worker: int = 0) -> list[dict[str, object]]:
    said: list[dict[str, object]] = page.evaluate("which => fake.posted(which)", worker)
    return [command for command in said if command["t"] == kind]


def wait_posted(page: Page, kind: str, times: int) -> list[dict[str, object]]:
    """A dialog answers when its closing has been told, a moment after the click."""
    until(page, "([kind, times]) => fake.posted(0).filter(({ t }) => t === kind).length === times", [kind, times])
    return posted(page, kind)


def say(page: Page, *updates: object) -> None:
    page.evaluate("updates => fake.say(updates)", list(updates))
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def texts(page: Page, selector: str) -> list[str]:
    return [text.replace("\u00a0", " ").strip() for text in page.locator(selector).all_inner_texts()]
