"""Use away from home as the settings say at present: at most one door, opened anew when they change."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from qrshared.daemon.away import Away, Rooms, open_away
from qrshared.sessions import LiveSessions, Welcome
from qrshared.settings import Settings


class AwaySwitch:
    """Use: `async with switch.running(settings)`."""

    def __init__(self, *, book: Rooms, welcome: Welcome, live: LiveSessions) -> None:
        self._book = book
        self._welcome = welcome
        self._live = live
        self._tasks: asyncio.TaskGroup | None = None
        self._task: asyncio.Task[None] | None = None
        self._leave = asyncio.Event()
        self.now: Away | None = None
        """What is open; None while this computer is reached at home only."""
        self.switched: Callable[[Settings, Away | None], None] = lambda _settings, _away: None
        """Called when another one is open, or none; the daemon sets it."""
        self.changed: Callable[[], None] = lambda: None
        """Called when the line to the edge fares otherwise, or a device turns out to come by another road."""

    @asynccontextmanager
    async def running(self, settings: Settings) -> AsyncIterator[None]:
        """Open what these settings ask for; `switch` may be called until the block ends."""
        async with asyncio.TaskGroup() as self._tasks:
            await self.switch(settings)
            try:
                yield
            finally:
                await self._close()

    async def switch(self, settings: Settings) -> None:
        """Links over the old door end; pages dial anew and go on."""
        await self._close()
        if settings.edge is None:
            self.switched(settings, None)
            return
        if self._tasks is None:
            raise RuntimeError("switched before it runs")
        opened = asyncio.Event()
        self._leave = asyncio.Event()
        self._task = self._tasks.create_task(self._keep(settings, opened, self._leave))
        await opened.wait()

    async def _keep(self, settings: Settings, opened: asyncio.Event, leave: asyncio.Event) -> None:
        try:
            async with open_away(settings, book=self._book, welcome=self._welcome, live=self._live) as away:
                if away is not None:
                    away.changed = lambda: self.changed()
                self.now = away
                self.switched(settings, away)
                opened.set()
                await leave.wait()
                self.now = None
        finally:
            opened.set()

    async def _close(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            self._leave.set()
            await task
