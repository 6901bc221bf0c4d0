"""What every browser test stands on: the page built from today's sources, and a home to try it in."""

from collections.abc import AsyncIterator, Iterator

import pytest

import hatch_build
from tests.__main__ import WEB
from tests.browser.home import Home, make_home
from tests.browser.screens_world import Screens, opened_screens


@pytest.fixture(scope="session")
def built_page() -> None:
    """`python -m tests` has built it; this is for pytest started alone."""
    if not hatch_build.is_built(WEB):
        hatch_build.install_packages(WEB, tools=True)
        hatch_build.build_page(WEB)


@pytest.fixture
async def home(built_page: None) -> AsyncIterator[Home]:
    """A computer with a running daemon, a phone, a neighbour."""
    async with make_home() as made:
        yield made


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screens]:
    """The page of today's sources in one browser, for a file of tests."""
    with opened_screens(tmp_path_factory.mktemp("page")) as screens:
        yield screens


@pytest.fixture
def screens(opened: Screens) -> Iterator[Screens]:
    """Opens scenes, and closes them after the test."""
    yield opened
    opened.close()
