"""Firefox away from home: the code for any network, a key of its own, files over a data channel."""

import pytest

from tests.browser.edge_world import make_away_home, on_road
from tests.browser.firefox import firefox_on
from tests.browser.home import MIB, hashes

pytestmark = pytest.mark.needs("firefox-esr", "netns")


@pytest.mark.usefixtures("built_page")
async def test_firefox_reaches_home_over_the_edge_and_comes_back_by_its_key() -> None:
    async with make_away_home() as home, firefox_on(home.phone) as firefox:
        files = [home.file("a photo.jpg", 5 * MIB), home.file("film.mp4", 24 * MIB)]
        await firefox.call(lambda driver: driver.navigate(home.away_url()))
        await firefox.wait_for(on_road("direct"))
        assert await firefox.evaluate("isSecureContext") is False
        await firefox.pick(*files)
        await firefox.wait_for("document.querySelector('[role=status]').dataset.done === '2'", within_s=120)
        assert home.daemon.files() == hashes(files)
        await firefox.call(lambda driver: driver.navigate(home.edge.url("/")))
        await firefox.wait_for(on_road("direct"))
