"""Tells which names appear in the inbox and vanish from it, whoever put them there."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

from watchfiles import Change as Seen
from watchfiles import awatch

from qrshared.inbox.item import Change
from qrshared.inbox.owner import is_listed

log = logging.getLogger(__name__)

STEP_MS = 50
"""Changes are gathered for at least this long: a burst of small files becomes one answer."""

RETRY_S = 5.0
"""A missing folder, or a system out of watches, is tried again after this time."""


async def watch_names(folder: Callable[[], Path]) -> AsyncGenerator[list[Change], None]:
    """Batches of top-level names, until cancelled; a folder that vanishes is watched again when it is back."""
    is_again = False
    while True:
        top = folder()
        try:
            if is_again and (found := _all_names(top)):
                yield found  # what came while nobody watched
            # Not `ignore_permission_denied`: watchfiles then waits for ever on a folder that is missing.
            async for seen in awatch(top, watch_filter=None, recursive=False, step=STEP_MS):
                if changes := _changes(top, seen):
                    yield changes
                if not top.is_dir():
                    break
        except (OSError, RuntimeError, ExceptionGroup) as error:
            if isinstance(error, ExceptionGroup) and error.split((OSError, RuntimeError))[1] is not None:
                raise
            # RuntimeError is watchfiles' own, when inotify has no watch left, or a name that is no text.
            if not is_again:
                log.warning("the inbox cannot be watched for now: %s", type(error).__name__)
        is_again = True
        await asyncio.sleep(RETRY_S)


def _all_names(top: Path) -> list[Change]:
    return [Change(path.name, appeared=True) for path in sorted(top.iterdir()) if is_listed(path.name)]


def _changes(top: Path, seen: set[tuple[Seen, str]]) -> list[Change]:
    paths = {Path(path) for _, path in seen}
    names = sorted(path.name for path in paths if path.parent == top and is_listed(path.name))
    return [Change(name, appeared=(top / name).exists()) for name in names]
