"""Which items hold bytes that no sync has made safe yet, and when the next sync is due."""

import asyncio
from contextlib import suppress

from qrshared.protocol import SAFE_EVERY_BYTES, SAFE_EVERY_S


class Unsynced:
    """One task notes writes, another waits for `due`: every 8 MiB of an item, or every second."""

    def __init__(self) -> None:
        self._bytes: dict[int, int] = {}
        self._some = asyncio.Event()
        self._much = asyncio.Event()

    def note(self, item: int, count: int) -> None:
        """So many bytes of this item were written."""
        self._bytes[item] = self._bytes.get(item, 0) + count
        self._some.set()
        if self._bytes[item] >= SAFE_EVERY_BYTES:
            self._much.set()

    async def due(self) -> list[int]:
        """Wait until a sync is due; the items to sync, which count as synced from now on."""
        await self._some.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(SAFE_EVERY_S):
                await self._much.wait()
        self._some.clear()
        self._much.clear()
        items, self._bytes = list(self._bytes), {}
        return items
