"""Jobs that go on whatever happens in them: no fault beside a door may keep files from arriving."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

log = logging.getLogger(__name__)

BEGIN_ANEW_S: Final = 5.0
"""Between two attempts of a job that broke."""


async def keep_going(job: Callable[[], Awaitable[None]], *, for_ever: bool = False) -> None:
    """Run a job to its end; one that breaks begins anew. `for_ever`: one that ends does, too."""
    while True:
        try:
            await job()
        except Exception:  # whatever it is, it is told and the job goes on
            log.exception("%s broke and begins anew", getattr(job, "__qualname__", "a job"))
        else:
            if not for_ever:
                return
        await asyncio.sleep(BEGIN_ANEW_S)
