"""Asks the daemon one verb for one command."""

import asyncio
from pathlib import Path
from typing import TypeVar

from qrshared.local import ControlClient
from qrshared.protocol import Verb

T = TypeVar("T")


def ask(data_dir: Path, verb: Verb, kind: type[T]) -> T:
    """Connect, ask, leave; raises the sentences of `local`."""

    async def asking() -> T:
        async with ControlClient(data_dir) as control:
            return await control.ask_for(verb, kind)

    return asyncio.run(asking())
