"""Asks the daemon one verb for one command."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeVar

from qrshared.errors import QrsharedError
from qrshared.local import ControlClient
from qrshared.protocol import GetSettings, SettingFacts, SettingsFacts, Verb

T = TypeVar("T")

SETTINGS_S: Final = 5.0
"""Who mends a setting of a daemon that is stuck waits no longer for what it has to say of it."""


def ask_settings(data_dir: Path) -> Mapping[str, SettingFacts]:
    """What the running daemon uses, by name; nothing when there is none, or it does not say."""

    async def asking() -> SettingsFacts:
        async with ControlClient(data_dir, answer_s=SETTINGS_S) as control:
            return await control.ask_for(GetSettings(), SettingsFacts)

    try:
        return {one.name: one for one in asyncio.run(asking()).settings}
    except (QrsharedError, OSError):
        return {}


def ask(data_dir: Path, verb: Verb, kind: type[T]) -> T:
    """Connect, ask, leave; raises the sentences of `local`."""

    async def asking() -> T:
        async with ControlClient(data_dir) as control:
            return await control.ask_for(verb, kind)

    return asyncio.run(asking())
