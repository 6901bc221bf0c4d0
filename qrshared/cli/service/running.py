"""Runs system commands with fixed words, so that tests can put another runner in their place."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from qrshared.cli.service.errors import StepFailed

COMMAND_S = 120
"""Long enough for `systemctl restart` of a daemon that may take its 90 s to be ready."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended and all it said."""

    code: int
    text: str

    @property
    def is_fine(self) -> bool:
        return self.code == 0


class Run(Protocol):
    """Runs a command to its end; a program that is not there ends with code 127, as in a shell."""

    def __call__(self, *command: str, within_s: float = COMMAND_S) -> Ran: ...


def run_program(*command: str, within_s: float = COMMAND_S) -> Ran:
    """The real runner: no shell, no input, no terminal."""
    try:
        ended = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=within_s,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except FileNotFoundError:
        return Ran(127, f"{command[0]}: not found")
    except PermissionError:
        return Ran(126, f"{command[0]}: not permitted")
    except subprocess.TimeoutExpired:
        return Ran(124, f"{command[0]} did not end within {within_s:.0f} s")
    return Ran(ended.returncode, ended.stdout.strip())


def must(run: Run, *command: str) -> str:
    """Run a step that the following ones stand on; raises StepFailed."""
    ran = run(*command)
    if not ran.is_fine:
        raise StepFailed(command=" ".join(command), problem=ran.text or f"exit code {ran.code}")
    return ran.text


def spoken(words: Sequence[str]) -> str:
    """A command as one would type it."""
    return " ".join(f"'{word}'" if set(word) & set(" '\"$&;()<>|*?") else word for word in words)
