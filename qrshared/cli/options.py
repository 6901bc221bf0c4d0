"""Flags that commands share: the data folder, one for each setting, --json and --debug."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from qrshared.settings import BadSetting, Loaded, Setting, all_settings, load_settings

F = TypeVar("F", bound=Callable[..., object])

debug_option = click.option(
    "--debug", is_flag=True, expose_value=False, hidden=True, help="Show where an error comes from."
)
"""Read by `main` from the words themselves: it must work before anything is parsed."""

json_option = click.option("--json", "as_json", is_flag=True, help="For programs.")


def data_dir_option(function: F) -> F:
    """`--data-dir` and what every command has."""
    setting = next(each for each in all_settings() if each.name == "data_dir")
    return debug_option(_flag(setting)(function))


def settings_options(function: F) -> F:
    """One flag for each setting, in the order of the table."""
    for setting in reversed(all_settings()):
        function = _flag(setting)(function)
    return debug_option(function)


AWAY_SETTINGS = (
    "data_dir", "edge", "stun", "turn_url", "turn_secret_file", "turn_user", "turn_password_file", "metered_app",
    "metered_key_file",
)  # fmt: skip
"""What use away from home depends on."""


def away_options(function: F) -> F:
    """A flag for each of these, as `run` has them."""
    for setting in reversed([each for each in all_settings() if each.name in AWAY_SETTINGS]):
        function = _flag(setting)(function)
    return debug_option(function)


def load(**flags: object) -> Loaded:
    """The settings under these flags; a bad flag is a wrong use of the command, a bad file is not."""
    return _load(flags, is_lenient=False)


def load_leniently(**flags: object) -> Loaded:
    """The same, where a bad config.toml must not be in the way: what is wrong with it stands in `faults`."""
    return _load(flags, is_lenient=True)


def _load(flags: dict[str, object], *, is_lenient: bool) -> Loaded:
    try:
        return load_settings(flags=flags, environment=os.environ, is_lenient=is_lenient)
    except BadSetting as wrong:
        if str(wrong.fields["source"]).startswith("--"):
            raise click.UsageError(wrong.sentence) from None
        raise


def data_folder(data_dir: str | None) -> Path:
    """The data folder a command is about; what is wrong in the config.toml in it is of no concern here."""
    return load_leniently(data_dir=data_dir).settings.data_dir


def _flag(setting: Setting) -> Callable[[F], F]:
    text = f"{setting.text} [{setting.default_text}]"
    if setting.is_switch:
        both = f"{setting.flag}/--no-{setting.flag.removeprefix('--')}"
        return click.option(both, setting.name, default=None, help=text)
    return click.option(setting.flag, setting.name, metavar=setting.metavar, help=text)
