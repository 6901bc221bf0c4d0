"""Waits for what tells nobody when it happens; whatever has an event, waits for that instead."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

LOOK_EVERY_S = 0.01


async def until(holds: Callable[[], bool | Awaitable[bool]], *, within_s: float = 60) -> None:
    """Wait for a condition, look often, fail loudly."""
    async with asyncio.timeout(within_s):
        while True:
            found = holds()
            if await found if isinstance(found, Awaitable) else found:
                return
            await asyncio.sleep(LOOK_EVERY_S)


async def until_listening(address: str, port: int, *, within_s: float = 60) -> None:
    """Wait until somebody takes connections there: of another program nobody tells."""

    async def listens() -> bool:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(address, port)
            writer.close()
            return True
        return False

    await until(listens, within_s=within_s)
