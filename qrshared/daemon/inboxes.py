"""The inbox that files land in now, and earlier ones in which transfers that had begun still end."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from qrshared.inbox import Inbox, remember_inbox
from qrshared.settings import Settings

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 5.0
"""How often an earlier inbox is asked about: nobody waits for it to be let go of."""

_MB: Final = 10**6


async def enter_inbox(settings: Settings) -> Inbox:
    """An open inbox, to be left by its `__aexit__`; raises `InboxError` if the folder cannot be used."""
    reserve_bytes = None if settings.reserve_mb is None else settings.reserve_mb * _MB
    inbox = Inbox.open(settings.inbox, settings.data_dir, file_mode=settings.file_mode, reserve_bytes=reserve_bytes)
    await inbox.__aenter__()
    await asyncio.to_thread(remember_inbox, settings.data_dir, inbox.folder)
    return inbox


class Inboxes:
    """Use `opened_inboxes`. A move carries no file along: what has landed stays where it is."""

    def __init__(self, first: Inbox) -> None:
        self.current = first
        """Where transfers that begin now land."""
        self._earlier: list[Inbox] = []
        self._holder = ""
        self.moved: Callable[[Inbox], None] = lambda _inbox: None
        """Called with the new one; the daemon sets it."""
        self.is_in_use: Callable[[Inbox], bool] = lambda _inbox: False
        """Whether a transfer still ends there; the daemon sets it."""

    def announce(self, holder: str) -> None:
        """What a second daemon on the same folder is told: where this one runs."""
        self._holder = holder
        self.current.announce(holder)

    async def move(self, settings: Settings) -> None:
        """From now on files land in the folder of these settings; raises `InboxError` if it cannot be used."""
        wanted = await asyncio.to_thread(os.path.realpath, settings.inbox)
        if wanted == str(self.current.folder):
            return
        fresh = next((one for one in self._earlier if str(one.folder) == wanted), None)
        if fresh is None:
            fresh = await enter_inbox(settings)
        else:
            self._earlier.remove(fresh)
        self._earlier.append(self.current)
        self.current = fresh
        fresh.announce(self._holder)
        log.info("files land in another folder now")
        self.moved(fresh)

    async def let_go(self) -> None:
        """A job: close earlier ones as soon as nothing ends in them any more."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            for one in [one for one in self._earlier if not self.is_in_use(one)]:
                self._earlier.remove(one)
                await one.__aexit__(None, None, None)

    async def close(self) -> None:
        """The daemon stops; parts stay for a resume."""
        for one in [*self._earlier, self.current]:
            await one.__aexit__(None, None, None)


@asynccontextmanager
async def opened_inboxes(settings: Settings) -> AsyncIterator[Inboxes]:
    """Raises `InboxError` if the first one cannot be used."""
    inboxes = Inboxes(await enter_inbox(settings))
    try:
        yield inboxes
    finally:
        await inboxes.close()
