"""A code by which nobody ever arrives: what the wall says, when, and never again once it has worked."""

from pathlib import Path

from qrshared.daemon.compose import compose
from qrshared.daemon.unreached import OPENED_S, SHOWN_S, Unreached
from qrshared.protocol import WallHint
from qrshared.sessions import Asker
from qrshared.settings import Settings
from qrshared.tickets import Grant, Road
from tests.client import scan


class World:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = 0.0
        self.has_devices = False
        self.noticed = self.restarted()

    def restarted(self) -> Unreached:
        return Unreached(self.folder, has_devices=lambda: self.has_devices, clock=lambda: self.now)


def test_a_code_that_is_shown_for_long_and_never_opened_says_what_to_try(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.now = 1e6
    assert world.noticed.hint() is None  # nobody has looked at a wall yet
    world.noticed.shown()
    world.now += SHOWN_S - 1
    assert world.noticed.hint() is None
    world.now += 1
    assert world.noticed.hint() is WallHint.UNREACHED


def test_a_phone_that_opened_the_page_and_stayed_outside_is_another_matter(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.noticed.shown()
    world.noticed.opened()
    world.now += OPENED_S - 1
    assert world.noticed.hint() is None
    world.now += SHOWN_S
    assert world.noticed.hint() is WallHint.OPENED


def test_a_wall_that_has_worked_says_nothing_again_not_even_when_its_guests_are_forgotten(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.noticed.shown()
    world.now += SHOWN_S
    assert world.noticed.hint() is WallHint.UNREACHED  # the control
    world.has_devices = True
    assert world.noticed.hint() is None
    world.noticed.remember()
    world.has_devices = False
    assert world.noticed.hint() is None
    again = world.restarted()
    again.shown()
    world.now += SHOWN_S
    assert again.hint() is None


async def test_a_composed_daemon_tells_its_wall_until_the_first_phone_is_there(tmp_path: Path) -> None:
    settings = Settings(host="127.0.0.1", port=0, inbox=tmp_path / "in", data_dir=tmp_path / "data", mdns=False)
    wall = Asker(Grant(Road.HOME))
    async with compose(settings) as daemon:
        assert daemon.views.wall(wall).hint is None
        daemon.unreached._shown = float("-inf")
        shown = daemon.views.wall(wall)
        assert (shown.hint, shown.url is None) == (WallHint.UNREACHED, False)
        async with scan(shown.url or "").visit():
            assert daemon.views.wall(wall).hint is None
