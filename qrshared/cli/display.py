"""What `qrshared run` shows: a living screen with the code in a terminal, plain lines anywhere else."""

import asyncio
import logging
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import urlsplit

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from qrshared.cli.code import Ink, Matrix, code_matrix, half_block_rows, terminal_code
from qrshared.cli.output import choose_ink, console, is_terminal
from qrshared.cli.prompt import Prompt, asked_words, yes_or_no
from qrshared.cli.status import transfer_words
from qrshared.cli.words import counted, size_words, visible
from qrshared.daemon.events import AddressChanged, Asked, Landed, Moved, Problem, Ready, RunEvent
from qrshared.protocol import TransferFacts, TransferState

REDRAW_S = 30.0
"""A code lives 15 minutes and a new one is made every five: one that is scanned is at most this much older."""

REDRAWS_APART_S = 0.2
"""Five pictures a second are as many as a terminal over ssh likes."""

WORDS_WIDTH = 34
"""The narrowest column beside the code in which an address does not break."""

STOPPED = "Stopped. What has arrived is in the inbox, and what was under way goes on next time."

TRANSFERS_SHOWN = 4
"""More do not fit beside a code in 24 lines; the rest is counted."""


class Display(Protocol):
    """Where the daemon's events go."""

    is_for_people: bool

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, event: RunEvent) -> None:
        """Called in the event loop; returns at once."""

    def log_output(self) -> logging.Handler:
        """Where log lines go, so that they do not tear the picture."""


def make_display(environment: Mapping[str, str]) -> Display:
    """A screen for a terminal, lines for everything else."""
    if is_terminal() and environment.get("TERM") != "dumb":
        return ScreenDisplay(console(), choose_ink())
    # The journal keeps what it is told for months, and a code is a secret while it lives.
    return LineDisplay(has_code=not (environment.get("JOURNAL_STREAM") or environment.get("NOTIFY_SOCKET")))


class LineDisplay:
    """One line for each thing worth one."""

    is_for_people = False

    def __init__(self, *, has_code: bool) -> None:
        self._has_code = has_code
        self._is_ready = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_ready:
            _say(STOPPED)

    def log_output(self) -> logging.Handler:
        """Standard error, as always."""
        return logging.StreamHandler()

    def show(self, event: RunEvent) -> None:
        """Progress makes no lines: a log is read afterwards."""
        match event:
            case Ready():
                self._show_ready(event)
            case Landed():
                _say(landed_words(event))
            case Problem(sentence=sentence):
                _say(visible(sentence))
            case Asked():
                _say(asked_words(event, with_names=False))  # a log is kept
                _say("Say yes or no on the owner page: `qrshared open`")
            case AddressChanged(urls=urls):
                _say(f"The address is now {urls[0]}" if urls else "There is no network any more")
            case Moved():
                pass

    def _show_ready(self, ready: Ready) -> None:
        self._is_ready = True
        url = ready.code_url() if self._has_code else None
        if url is not None:
            click.echo(terminal_code(code_matrix(url), choose_ink()), nl=False)
            click.echo(f"Scan to send files to {visible(ready.computer)}. This code works for 15 minutes:\n{url}")
        for address in dict.fromkeys(ready.urls):
            click.echo(f"A fresh code is always at {address}")
        _say(f"Files arrive in {visible(str(ready.inbox))}")


class ScreenDisplay:
    """The code, the words and the running transfers, drawn anew where they stand; what arrived scrolls above."""

    is_for_people = True

    def __init__(self, screen: Console, ink: Ink) -> None:
        self._console = screen
        self._ink = ink
        self._ready: Ready | None = None
        self._urls: tuple[str, ...] = ()
        self._transfers: tuple[TransferFacts, ...] = ()
        self._drawn: tuple[str, Matrix] = ("", ())
        self._live = Live(console=screen, auto_refresh=False, transient=True, get_renderable=self._picture)
        self._next: asyncio.TimerHandle | None = None
        self._prompt = Prompt(lambda: self._draw_within(REDRAWS_APART_S))

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._next is not None:
            self._next.cancel()
        self._prompt.close()
        self._live.stop()
        if self._ready is not None:
            click.echo(STOPPED)

    def log_output(self) -> logging.Handler:
        """Log lines scroll above the picture, as everything else."""
        return _ConsoleLog(self._console)

    def show(self, event: RunEvent) -> None:
        """Remember what is new, and draw soon."""
        match event:
            case Ready(urls=urls):
                self._ready, self._urls = event, urls
            case AddressChanged(urls=urls):
                self._urls = urls
            case Moved(transfers=listed):
                self._transfers = listed.transfers
            case Landed():
                self._console.print(Text(f"{time.strftime('%H:%M')}  {landed_words(event)}."))
            case Asked():
                self._prompt.put(event)
            case Problem(sentence=sentence):
                self._console.print(Text(visible(sentence), style="yellow"))
        self._draw_within(REDRAWS_APART_S)

    def _draw_within(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        if self._next is not None and self._next.when() <= loop.time() + seconds:
            return
        if self._next is not None:
            self._next.cancel()
        self._next = loop.call_later(seconds, self._draw)

    def _draw(self) -> None:
        self._next = None
        self._live.refresh()
        self._draw_within(REDRAW_S)

    def _picture(self) -> RenderableType:
        if self._ready is None:
            return Text("Starting …")
        url = self._ready.code_url()
        code = self._code(url) if url is not None else Text("")
        words = self._words(url, has_room=code is not None)
        if code is None or not code.plain:
            return words
        if self._console.width < _width(code) + 3 + WORDS_WIDTH:
            return Group(code, words)
        side_by_side = Table.grid(padding=(0, 3, 0, 0))
        side_by_side.width = self._console.width - 3  # room for the "^C" that terminals echo
        side_by_side.add_row(code, words)
        return side_by_side

    def _code(self, url: str) -> Text | None:
        """The code as rich text; None if this window is too small for it."""
        if self._drawn[0] != url:
            self._drawn = (url, code_matrix(url))
        matrix = self._drawn[1]
        if self._ink is Ink.COLOURED:
            code = Text("\n".join(half_block_rows(matrix)), style="color(16) on color(231)", no_wrap=True)
        else:
            code = Text(terminal_code(matrix, self._ink).rstrip("\n"), no_wrap=True)
        fits = _width(code) <= self._console.width and code.plain.count("\n") + 2 <= self._console.height
        return code if fits else None

    def _words(self, url: str | None, *, has_room: bool) -> RenderableType:
        ready = self._ready
        if ready is None:
            return Text("")
        lines: list[RenderableType] = [Text(f"Scan to send files to {visible(ready.computer)}", style="bold")]
        if url is None:
            lines = [Text("No code is shown now. `qrshared qr` makes one.")]
        elif not has_room:
            lines.append(Text("Make this window larger to see the code.", style="yellow"))
        if self._urls:
            lines.append(Text(f"or open {self._urls[0]}", overflow="fold"))
        local_name = ready.local_name()
        if local_name is not None and self._urls:
            port = urlsplit(self._urls[0]).port
            lines.append(Text(f"or http://{local_name}{f':{port}' if port else ''}/", overflow="fold"))
        lines += [Text(""), Text(f"Files arrive in {visible(str(ready.inbox))}", overflow="fold")]
        lines += self._transfer_lines()
        lines += self._question_lines()
        lines += [Text(""), Text("`qrshared open` shows more.\nCtrl-C stops.", style="dim")]
        return Group(*lines)

    def _transfer_lines(self) -> list[RenderableType]:
        running = [each for each in self._transfers if each.state in {TransferState.ARRIVING, TransferState.WAITING}]
        lines: list[RenderableType] = []
        for transfer in running[:TRANSFERS_SHOWN]:
            lines.append(Text(""))
            lines.append(Text(transfer_words(transfer), overflow="fold"))
            lines.append(
                ProgressBar(total=max(1, transfer.bytes), completed=transfer.bytes_done, width=WORDS_WIDTH - 2)
            )
        if len(running) > TRANSFERS_SHOWN:
            lines.append(Text(f"and {len(running) - TRANSFERS_SHOWN} more"))
        return lines

    def _question_lines(self) -> list[RenderableType]:
        asked = self._prompt.current()
        if asked is None:
            return []
        how = yes_or_no(asked) if self._prompt.can_hear else "Say yes or no on the owner page: `qrshared open`."
        words = f"{asked_words(asked, with_names=True)}."
        return [Text(""), Text(words, style="bold yellow", overflow="fold"), Text(how, overflow="fold")]


class _ConsoleLog(logging.Handler):
    """Prints through the console that keeps the picture."""

    def __init__(self, screen: Console) -> None:
        super().__init__()
        self._console = screen

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._console.print(Text(self.format(record), style="dim"))
        except (OSError, ValueError):
            self.handleError(record)


def landed_words(landed: Landed) -> str:
    """Counts, never names: terminals are seen by passers-by, and logs are kept."""
    count = counted(len(landed.names), "file")
    return f"{count} ({size_words(landed.size)}) from {visible(landed.sender)} arrived whole"


def _width(code: Text) -> int:
    return len(code.plain.partition("\n")[0])


def _say(sentence: str) -> None:
    print(f"{sentence.rstrip('.')}.", flush=True)  # a log file is read while it grows
