"""The flags that say where relays come from, as `signal` takes them; `run` has the same ones from its settings."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, TypedDict, TypeVar

import click
from click.core import ParameterSource

F = TypeVar("F", bound=Callable[..., object])

# Files, never values: others on this computer can read a command line, and logs keep it.
_FLAGS: Final = {
    "--turn-url": "A relay of your own, such as turn:relay.example.org:3478; several addresses of it (UDP, "
    "?transport=tcp) with commas between.",
    "--turn-secret-file": "Holds what this relay, a coturn with use-auth-secret, calls static-auth-secret.",
    "--turn-user": "Instead of the secret: the one user of a relay.",
    "--turn-password-file": "Holds the password of that user. Whoever meets here learns both.",
    "--metered-app": "A relay rented at Metered instead: the first part of yourapp.metered.live.",
    "--metered-key-file": "Holds Metered's API key or secret key. Which one is found out; a file that begins with "
    '"api:" or "secret:" says it.',
}
_METAVARS: Final = {"--turn-url": "URL", "--turn-user": "NAME", "--metered-app": "NAME"}


class TurnFlags(TypedDict):
    """What the flags come to."""

    turn_url: str | None
    turn_secret_file: Path | None
    turn_user: str | None
    turn_password_file: Path | None
    metered_app: str | None
    metered_key_file: Path | None


def turn_options(function: F) -> F:
    """One flag each, in this order; also from the environment (`QRSHARED_TURN_URL`, …)."""
    for flag, text in reversed(_FLAGS.items()):
        variable = _variable(flag.removeprefix("--").replace("-", "_"))
        kind = click.STRING if flag in _METAVARS else click.Path(dir_okay=False, path_type=Path)
        metavar = _METAVARS.get(flag, "FILE")
        function = click.option(flag, metavar=metavar, type=kind, envvar=variable, help=text)(function)
    return function


def sources_of(names: Iterable[str]) -> dict[str, str]:
    """The variable from which each came that came from one."""
    context = click.get_current_context()
    return {
        name: _variable(name) for name in names if context.get_parameter_source(name) is ParameterSource.ENVIRONMENT
    }


def _variable(name: str) -> str:
    return "QRSHARED_" + name.upper()
