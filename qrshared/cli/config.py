"""`qrshared config`: every setting with its value and where it came from, `config set` and `config unset`."""

from collections.abc import Iterator
from pathlib import Path

import click

from qrshared.cli.asking import ask_settings
from qrshared.cli.options import data_dir_option, data_folder, load, load_leniently
from qrshared.cli.output import print_table
from qrshared.cli.words import visible
from qrshared.errors import QrsharedError, UserError
from qrshared.settings import (
    CONFIG_NAME,
    Expected,
    Loaded,
    UnknownSetting,
    UnsafeConfig,
    all_settings,
    make_data_dir,
    mend_setting,
    read_setting,
    shown_value,
    toml_value,
)


class NotInConfig(UserError):
    """The data folder cannot be set in {path}, which lies in it. Say --data-dir, or set QRSHARED_DATA_DIR."""


@click.group("config", invoke_without_command=True)
@data_dir_option
@click.pass_context
def command(context: click.Context, data_dir: str | None) -> None:
    """Show every setting, its value and where it came from."""
    if context.invoked_subcommand is not None:
        context.obj = data_dir
        return
    loaded = load_leniently(data_dir=data_dir)
    rows = [
        (setting.name, visible(shown_value(loaded, setting.name)), visible(loaded.sources[setting.name]))
        for setting in all_settings()
    ]
    print_table(("Setting", "Value", "From"), rows)
    _say_faults(loaded)
    for warning in loaded.warnings:
        click.echo(warning, err=True)
    for sentence in _used_otherwise(loaded):
        click.echo(sentence, err=True)


def _used_otherwise(loaded: Loaded) -> Iterator[str]:
    """What a daemon that was started with flags, or is still to be started anew, uses in place of these."""
    used = ask_settings(loaded.settings.data_dir)
    others = [
        f"{name} = {visible(one.value) or 'none'} ({visible(one.source)})"
        for name, one in used.items()
        if name in _NAMES and one.value != shown_value(loaded, name)
    ]
    if others:
        yield f"The qrshared that runs now uses other values: {', '.join(others)}."


@command.command("path")
@data_dir_option
@click.pass_context
def path_command(context: click.Context, data_dir: str | None) -> None:
    """Print where config.toml is, or would be."""
    click.echo(_config_path(context, data_dir))


@command.command("set")
@click.argument("name")
@click.argument("value")
@data_dir_option
@click.pass_context
def set_command(context: click.Context, data_dir: str | None, name: str, value: str) -> None:
    """Write a setting to config.toml.

    An empty value takes it back, as `unset` does.
    """
    path = _config_path(context, data_dir)
    name = name.replace("-", "_")
    if name == "data_dir":
        raise NotInConfig(path=path)
    if name not in _NAMES:
        raise _unknown("set", name)
    if not value.strip():
        _unset(path, name)
        return
    try:
        read = read_setting(name, value)
    except Expected as expected:
        sentence = f'The setting "{name}" cannot be "{visible(value[:80])}": it must be {expected}.'
        raise click.UsageError(sentence) from None
    make_data_dir(path.parent)
    _refuse_unsafe(path)
    mend_setting(path, name, toml_value(read, name, value))
    loaded = load_leniently(data_dir=str(path.parent))
    is_ours = loaded.sources[name].startswith(str(path))
    shown = shown_value(loaded, name) if is_ours else value
    click.echo(f"{name} = {visible(shown)} is in {path}. {_when(name, path)}")
    if not is_ours and loaded.sources[name] != "default":
        click.echo(f"But {loaded.sources[name]} is set as well, and is stronger.", err=True)
    for sentence in _warnings(name, loaded):
        click.echo(sentence, err=True)
    _say_faults(loaded)


@command.command("unset")
@click.argument("name")
@data_dir_option
@click.pass_context
def unset_command(context: click.Context, data_dir: str | None, name: str) -> None:
    """Take a setting out of config.toml.

    Its default counts again. A line that is wrong goes as well.
    """
    _unset(_config_path(context, data_dir), name)


def _unset(path: Path, typed: str) -> None:
    _refuse_unsafe(path)
    # A wrong line may have any name; one that is ours may be written as its flag is.
    name = typed.replace("-", "_") if typed.replace("-", "_") in _NAMES else typed
    if not mend_setting(path, name, None):
        if name not in _NAMES:
            raise _unknown("unset", typed)
        click.echo(f"{name} is not in {path}: there is nothing to take back.")
    else:
        click.echo(f"{visible(name)} is no longer in {path}. {_when(name, path)}")
    loaded = load_leniently(data_dir=str(path.parent))
    if loaded.sources.get(name, "default") != "default":
        click.echo(f"But {loaded.sources[name]} sets it.", err=True)
    _say_faults(loaded)


def _unknown(word: str, name: str) -> click.UsageError:
    return click.UsageError(UnknownSetting(source=f"qrshared config {word}", name=visible(name), hint="").sentence)


_NAMES = frozenset(setting.name for setting in all_settings())
_WHEN = "A running qrshared takes it over within seconds, or when it next starts."


def _when(name: str, path: Path) -> str:
    """From when on it counts, as far as the daemon itself can be asked."""
    used = ask_settings(path.parent).get(name)
    if used is None:
        return _WHEN
    if used.source != "default" and not used.source.startswith(str(path)):
        return f"The running qrshared was started with {visible(used.source)}, which is stronger."
    return "It counts when qrshared next starts." if used.needs_restart else "The running qrshared takes it over now."


def _refuse_unsafe(path: Path) -> None:
    """What others may have written is not made ours by a new line; every other fault may be mended."""
    try:
        load(data_dir=str(path.parent))
    except UnsafeConfig:
        raise
    except QrsharedError:
        pass


def _say_faults(loaded: Loaded) -> None:
    for fault in loaded.faults:
        click.echo(f"Until this is put right, qrshared does not start: {fault}", err=True)


def _warnings(name: str, loaded: Loaded) -> Iterator[str]:
    """What would stand in the way later, said while somebody still thinks of it."""
    value = getattr(loaded.settings, name)
    if name == "inbox" and not value.parent.is_dir():
        yield f"But there is no folder {visible(str(value.parent))}: qrshared makes the inbox, not what it lies in."
    is_missing_file = isinstance(value, Path) and name.endswith("_file") and not value.is_file()
    if is_missing_file:
        yield f"But there is no file {visible(str(value))} yet."
    if name in _RELAY and not is_missing_file:
        from qrshared.signaling import read_turn_config

        try:
            read_turn_config(**{each: getattr(loaded.settings, each) for each in _RELAY}, sources=loaded.sources)
        except QrsharedError as lacking:
            yield f"No relay is used like this: {lacking.sentence}"


_RELAY = ("turn_url", "turn_secret_file", "turn_user", "turn_password_file", "metered_app", "metered_key_file")


def _config_path(context: click.Context, data_dir: str | None) -> Path:
    above: str | None = context.obj
    return data_folder(data_dir if data_dir is not None else above) / CONFIG_NAME
