"""What a running daemon tells whoever started it, so that a terminal or a log can show it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from qrshared.protocol import AskingFacts, NetworkFacts, TransferList


@dataclass(frozen=True, slots=True)
class Ready:
    """The doors are open."""

    computer: str
    urls: tuple[str, ...]
    """Where the wall is, the best first, this computer's own last."""
    code_url: Callable[[], str | None]
    """What a code carries now; asked again at each drawing, because a code lives for minutes only."""
    local_name: Callable[[], str | None]
    """The name on the home network, once mDNS has one."""
    inbox: Path
    data_dir: Path


@dataclass(frozen=True, slots=True)
class AddressChanged:
    """The computer is reached elsewhere now; codes drawn before lead nowhere."""

    urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Moved:
    """Transfers under way, then the last ones that ended."""

    transfers: TransferList


@dataclass(frozen=True, slots=True)
class Landed:
    """A batch is whole in the inbox: from whom, under which names, how many bytes."""

    sender: str
    names: tuple[str, ...]
    size: int


@dataclass(frozen=True, slots=True)
class Asked:
    """Only the owner can say: may these files come in, is this network one of theirs?"""

    about: AskingFacts | NetworkFacts
    answer: Callable[[bool], None]
    """Takes yes or no; once it is too late it does nothing."""
    is_open: Callable[[], bool]
    """Whether it still waits for a word: the owner page may have been quicker."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something is wrong that a person can put right."""

    sentence: str


RunEvent: TypeAlias = Ready | AddressChanged | Moved | Landed | Asked | Problem
