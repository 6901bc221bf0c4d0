"""Lets the person at the terminal answer what the daemon asks, one question after the other: y or n, and Enter."""

import asyncio
import os
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from qrshared.cli.words import counted, size_words, visible
from qrshared.daemon.events import Asked
from qrshared.daemon.notices import guest_words
from qrshared.protocol import AskingFacts

LINE_BYTES_MAX: Final = 256
"""A line that is longer is no answer."""

_YES: Final = frozenset({"y", "yes"})
_NO: Final = frozenset({"n", "no"})


class Prompt:
    """Feed it questions; it reads the terminal only while one is open."""

    def __init__(self, changed: Callable[[], None], *, descriptor: int | None = None) -> None:
        """`changed`: another question is due, or none. `descriptor`: the terminal, if it is not standard input."""
        self._changed = changed
        self._descriptor = descriptor
        self._waiting: deque[Asked] = deque()
        self._read_out: Asked | None = None
        self._reading: int | None = None

    def put(self, asked: Asked) -> None:
        """Ask this as soon as its turn comes."""
        self._waiting.append(asked)
        self._look()

    def current(self) -> Asked | None:
        """What is asked now; questions that were answered elsewhere are passed over."""
        while self._waiting and not self._waiting[0].is_open():
            self._waiting.popleft()
            self._look()
        self._read_out = self._waiting[0] if self._waiting else None
        return self._read_out

    @property
    def can_hear(self) -> bool:
        """Whether an answer could be typed here."""
        return self._reading is not None

    def close(self) -> None:
        """Stop reading."""
        if self._reading is not None:
            asyncio.get_running_loop().remove_reader(self._reading)
            self._reading = None

    def _look(self) -> None:
        """Read while there is a question; what was typed before it was asked is no answer to it."""
        if not self._waiting:
            self.close()
            return
        terminal = self._terminal()
        if terminal is None:
            return
        _throw_away_typed(terminal)
        if self._reading is None:
            try:
                asyncio.get_running_loop().add_reader(terminal, self._read, terminal)
            except NotImplementedError:  # Windows: the owner page takes the answer
                return
            self._reading = terminal

    def _terminal(self) -> int | None:
        if self._descriptor is not None:
            return self._descriptor
        try:
            return sys.stdin.fileno() if sys.stdin.isatty() else None
        except (ValueError, AttributeError):  # closed, or a console without one
            return None

    def _read(self, terminal: int) -> None:
        if not _is_ours(terminal):
            return  # in the background: reading would stop the whole program (SIGTTIN)
        try:
            typed = os.read(terminal, LINE_BYTES_MAX)
        except OSError:
            typed = b""
        if not typed:  # the terminal is gone
            self.close()
            return
        word = typed.decode(errors="replace").strip().lower()
        asked = self._read_out  # what stands on the screen: a word about it is no word about the next one
        if asked is not None and asked.is_open() and word in _YES | _NO:
            self._read_out = None
            self._waiting.remove(asked)
            asked.answer(word in _YES)
            self._look()
        self._changed()


def asked_words(asked: Asked, *, with_names: bool) -> str:
    """The question for people; a log gets no names of files."""
    about = asked.about
    if not isinstance(about, AskingFacts):
        where = f"This computer is in a network that is new to it ({visible(about.name)})"
        return f"{where}: no code is shown here until you agree"
    words = f"{asker_words(about)} wants to send {counted(about.items, 'file')} ({size_words(about.bytes)})"
    if with_names:
        names = ", ".join(f"{visible(item.name)} ({size_words(item.size)})" for item in about.first)
        more = about.items - len(about.first)
        words += f": {names}{f' and {more} more' if more > 0 else ''}"
    return words


def asker_words(about: AskingFacts) -> str:
    """Who asks."""
    since_s = None if about.since_ms is None else time.time() - about.since_ms / 1000
    return guest_words(visible(about.device), since_s)


def yes_or_no(asked: Asked) -> str:
    """What is to be typed."""
    what = "Let them in?" if isinstance(asked.about, AskingFacts) else "Show codes here from now on?"
    return f"{what} Type y or n, then Enter."


def _throw_away_typed(terminal: int) -> None:
    try:
        import termios
    except ImportError:
        return
    try:
        termios.tcflush(terminal, termios.TCIFLUSH)
    except termios.error:
        pass  # not a terminal after all


def _is_ours(terminal: int) -> bool:
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except (OSError, AttributeError):
        return True  # no job control here
