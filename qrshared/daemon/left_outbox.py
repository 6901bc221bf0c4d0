"""Says what still lies in the Outbox of an earlier inbox: since the inbox was moved, no phone is offered it."""

import os
from pathlib import Path

from qrshared.shelf import OUTBOX_NAME


class LeftOutbox:
    """Remembers inboxes of this run. `sentence` blocks, shortly."""

    def __init__(self, inbox: Path) -> None:
        self._inbox = inbox
        self._earlier: list[Path] = []

    def moved(self, inbox: Path) -> None:
        """From now on files land in this one."""
        self._earlier = [one for one in [*self._earlier, self._inbox] if one != inbox]
        self._inbox = inbox

    def sentence(self) -> str | None:
        """None where nobody waits in vain."""
        waiting = {one / OUTBOX_NAME: _things_in(one / OUTBOX_NAME) for one in self._earlier}
        parts = [_words(count, folder) for folder, count in waiting.items() if count > 0]
        return (
            None
            if not parts
            else " ".join([*parts, f"What is to be picked up belongs in {self._inbox / OUTBOX_NAME}."])
        )


def _words(count: int, folder: Path) -> str:
    if count == 1:
        return f"1 thing waits in the old Outbox, {folder}, and is not offered any more."
    return f"{count} things wait in the old Outbox, {folder}, and are not offered any more."


def _things_in(folder: Path) -> int:
    try:
        with os.scandir(folder) as entries:
            return sum(not entry.name.startswith(".") for entry in entries)
    except OSError:
        return 0  # gone, or never there
