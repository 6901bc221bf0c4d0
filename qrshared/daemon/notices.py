"""One desktop notice per batch that arrived, where a desktop is; a second batch right after joins the next notice."""

import asyncio
import html
import logging
import os
import re
import shutil
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

NOTICE_EVERY_S = 10.0
"""Twenty guests at a party make one notice every ten seconds, not twenty."""

NOTICE_S_MAX = 15.0
"""A notice command that hangs is given up."""

SENDER_CHARACTERS_MAX = 60
"""More of a sender's name than this is cut off."""

TEXT_CHARACTERS_MAX = 300
"""More of a text than this is cut off: a notice is for a link or a line."""

ARRIVED = "Files have arrived"

ASKED_NAMES = 3
"""Names in a question; the owner page shows more."""

NOTICES_WAIT_MAX = 4
"""Questions that wait for their notice; the oldest is not shown any more, the owner page has them all."""

LINK = re.compile(r"\bhttps?://\S")


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transfer, or several, brought: counts by kind, and from whom."""

    senders: tuple[str, ...]
    photos: int = 0
    videos: int = 0
    others: int = 0
    text: str | None = None
    """What it says, where it is one small text."""

    def joined(self, other: "Batch") -> "Batch":
        """Both as one."""
        return Batch(
            senders=(*self.senders, *(name for name in other.senders if name not in self.senders))[:100],
            photos=self.photos + other.photos,
            videos=self.videos + other.videos,
            others=self.others + other.others,
        )

    @property
    def count(self) -> int:
        """All files."""
        return self.photos + self.videos + self.others


def batch_sentence(batch: Batch, folder: str) -> str:
    """For people: "12 photos from Anna's phone are in QRShare"."""
    match batch:
        case Batch(videos=0, others=0, photos=count):
            what = f"{count} {'photo' if count == 1 else 'photos'}"
        case Batch(photos=0, others=0, videos=count):
            what = f"{count} {'video' if count == 1 else 'videos'}"
        case _:
            what = f"{batch.count} {'file' if batch.count == 1 else 'files'}"
    names = [name for name in map(_clean, batch.senders) if name]
    whose = f" from {names[0]}" if len(names) == 1 else f" from {len(names)} devices" if names else ""
    if batch.text is not None and (said := _clean(batch.text, TEXT_CHARACTERS_MAX)):
        return f"{said} ({'link' if LINK.search(said) else 'note'}{whose}, in {folder})"
    return f"{what}{whose} {'is' if batch.count == 1 else 'are'} in {folder}"


@dataclass(frozen=True, slots=True)
class Command:
    """A program with its arguments, and variables it gets besides our own."""

    arguments: tuple[str, ...]
    variables: tuple[tuple[str, str], ...] = ()


# The text travels in variables and becomes a text node: nothing a phone is called can be read as script or markup.
_TOAST = """
$null = [Windows.UI.Notifications.ToastNotificationManager, Windows.UI.Notifications, ContentType = WindowsRuntime]
$kind = [Windows.UI.Notifications.ToastTemplateType]::ToastText02
$toast = [Windows.UI.Notifications.ToastNotificationManager]::GetTemplateContent($kind)
$lines = $toast.GetElementsByTagName('text')
$null = $lines.Item(0).AppendChild($toast.CreateTextNode($env:QRSHARED_NOTICE_TITLE))
$null = $lines.Item(1).AppendChild($toast.CreateTextNode($env:QRSHARED_NOTICE_TEXT))
$shell = '{1AC14E77-02E7-4E5D-B744-2EB1AE5198B7}\\WindowsPowerShell\\v1.0\\powershell.exe'
[Windows.UI.Notifications.ToastNotificationManager]::CreateToastNotifier($shell).Show($toast)
"""


@dataclass(frozen=True, slots=True)
class Notice:
    """What a notice says."""

    title: str
    text: str


def guest_words(name: str, since_s: float | None) -> str:
    """Who asks, for people: a guest calls itself what it likes, also as the owner's own phone is called.

    `since_s`: for how long its key is known.
    """
    if since_s is None:
        return f"A guest ({name})"
    seen = "just now"
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if since_s >= length:
            count = int(since_s // length)
            seen = f"{count} {unit}{'' if count == 1 else 's'} ago"
            break
    return f"A guest ({name}, first seen {seen})"


def asking_notice(sender: str, items: int, size: int, names: Sequence[str], *, since_s: float | None = None) -> Notice:
    """For people: who asks, how much it is, what it begins with, and where to answer."""
    whose = guest_words(_clean(sender) or "unnamed", since_s)
    some = ", ".join(_clean(name) for name in names[:ASKED_NAMES])
    more = f" and {items - ASKED_NAMES} more" if items > ASKED_NAMES else ""
    what = f"{items} {'file' if items == 1 else 'files'} ({_size(size)}): {some}{more}"
    return Notice(f"{whose} wants to send files", f"{what}. Say yes or no on the owner page (`qrshared open`).")


def _size(count: int) -> str:
    for unit, bytes_each in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= bytes_each:
            return f"{count / bytes_each:.1f} {unit}"
    return f"{count} B"


def notice_command(
    text: str,
    *,
    title: str = ARRIVED,
    platform: str,
    environment: Mapping[str, str],
    which: Callable[[str], str | None],
) -> Command | None:
    """How to show a notice here, or None where nobody would see it."""
    if platform == "darwin" and which("osascript"):
        script = ("on run argv", "display notification (item 2 of argv) with title (item 1 of argv)", "end run")
        lines = tuple(part for line in script for part in ("-e", line))
        return Command(("osascript", *lines, title, text))
    if platform == "win32" and which("powershell"):
        return Command(
            ("powershell", "-NoProfile", "-NonInteractive", "-WindowStyle", "Hidden", "-Command", _TOAST),
            (("QRSHARED_NOTICE_TITLE", title), ("QRSHARED_NOTICE_TEXT", text)),
        )
    if platform == "linux" and which("notify-send") and _has_session_bus(environment):
        # The body may be read as markup (Desktop Notifications Specification, "Markup").
        return Command(("notify-send", "--app-name=QR Share", "--icon=folder-download", "--", title, html.escape(text)))
    return None


Runner = Callable[[Command], Awaitable[None]]


class Notices:
    """Shows what arrived, at most one notice in ten seconds."""

    def __init__(
        self, folder: Path, *, is_quiet: Callable[[], bool] = lambda: False, run: Runner | None = None,
        every_s: float = NOTICE_EVERY_S,
    ) -> None:  # fmt: skip
        """`is_quiet`: whether the owner wants none now; what is told then is not told later."""
        self.folder = folder
        """Where files arrive; it may change while the daemon runs."""
        self._is_quiet = is_quiet
        self._run = run or run_command
        self._every_s = every_s
        self._waiting: Batch | None = None
        self._others: deque[Notice] = deque(maxlen=NOTICES_WAIT_MAX)
        self._arrived = asyncio.Event()

    def tell(self, notice: Notice) -> None:
        """Something else that the owner should see soon; returns at once."""
        self._others.append(notice)
        self._arrived.set()

    def arrived(self, batch: Batch) -> None:
        """A batch is whole in the inbox; returns at once."""
        if batch.count:
            self._waiting = batch if self._waiting is None else self._waiting.joined(batch)
            self._arrived.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._others:
                await self._show(self._others.popleft())
            batch, self._waiting = self._waiting, None
            if batch is not None:
                await self._show(Notice(ARRIVED, batch_sentence(batch, self.folder.name or str(self.folder))))
            await asyncio.sleep(self._every_s)

    async def _show(self, notice: Notice) -> None:
        if self._is_quiet():
            return
        command = notice_command(
            notice.text, title=notice.title, platform=sys.platform, environment=os.environ, which=shutil.which
        )
        if command is None:
            return
        try:
            async with asyncio.timeout(NOTICE_S_MAX):
                await self._run(command)
        except (OSError, TimeoutError) as fault:
            log.debug("the notice was not shown: %s", fault)


async def run_command(command: Command) -> None:
    """Run it without a shell, and wait; a command that is given up is killed."""
    await _wait_for(command.arguments, {**os.environ, **dict(command.variables)})


async def _wait_for(arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*arguments, env=environment, stdin=quiet, stdout=quiet, stderr=quiet)
    try:
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _has_session_bus(environment: Mapping[str, str]) -> bool:
    """A service that started before the desktop has no DISPLAY, but the same bus: notices need no more than that."""
    if environment.get("DBUS_SESSION_BUS_ADDRESS"):
        return True
    runtime = environment.get("XDG_RUNTIME_DIR", "")
    return bool(runtime) and (Path(runtime) / "bus").is_socket()


def _clean(text: str, characters: int = SENDER_CHARACTERS_MAX) -> str:
    """Only what is visible, on one line, not endless."""
    visible = "".join(character if character.isprintable() else " " for character in text[: 4 * characters])
    return " ".join(visible.split())[:characters]
