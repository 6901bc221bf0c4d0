"""Shows a folder on this computer's own screen, where there is one."""

import asyncio
import os
import shutil
import sys
from pathlib import Path
from typing import Final

OPENING_S: Final = 3.0
"""An opener that runs for so long has opened something."""


async def open_folder(folder: Path, *, is_ours: bool) -> bool:
    """Ask the desktop for a window on `folder`; False where no desktop is.

    `is_ours`: nobody else made it and named it.
    """
    command = _command(folder, is_ours=is_ours)
    if command is None:
        return False
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return False
    try:
        async with asyncio.timeout(OPENING_S):
            # Explorer says 1 even when the window opened; the others mean what they say.
            return await process.wait() == 0 or sys.platform == "win32"
    except TimeoutError:
        return True  # some openers stay until their window is closed


def _command(folder: Path, *, is_ours: bool) -> list[str] | None:
    if sys.platform == "darwin":
        # A folder may be a program there (`Holiday.app`), and to open it is to run it: what a sender made is only
        # shown in the one above (man open, -R). Checked by syntax only.
        return ["open", "--", str(folder)] if is_ours else ["open", "-R", str(folder)]
    if sys.platform == "win32":
        return ["explorer", str(folder)]
    has_screen = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    opener = shutil.which("xdg-open")
    return [opener, str(folder)] if has_screen and opener else None
