"""What several of the daemon's test files start from; one that needs another `home` makes its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.daemon.shelf_world import Home, home_in
from tests.waiting import until


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    """A composed daemon whose Outbox is there."""
    async with home_in(tmp_path) as running:
        await until(lambda: running.outbox.is_dir())
        yield running
