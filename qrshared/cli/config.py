"""`qrshared config`: every setting with its value and where it came from, and `config set`."""

from pathlib import Path

import click

from qrshared.cli.options import data_dir_option, data_folder, load
from qrshared.cli.output import print_table
from qrshared.cli.words import visible
from qrshared.errors import UserError
from qrshared.settings import (
    CONFIG_NAME,
    READ_AT_START,
    UnknownSetting,
    all_settings,
    make_data_dir,
    shown_value,
    toml_value,
    write_setting,
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
    loaded = load(data_dir=data_dir)
    rows = [
        (setting.name, visible(shown_value(loaded, setting.name)), visible(loaded.sources[setting.name]))
        for setting in all_settings()
    ]
    print_table(("Setting", "Value", "From"), rows)
    for warning in loaded.warnings:
        click.echo(warning, err=True)


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
    """Write a setting to config.toml; a running daemon takes most of them up within seconds."""
    path = _config_path(context, data_dir)
    name = name.replace("-", "_")
    if name == "data_dir":
        raise NotInConfig(path=path)
    if name not in {setting.name for setting in all_settings()}:
        raise UnknownSetting(source="qrshared config set", name=name, hint="")
    loaded = load(data_dir=str(path.parent), **{name: value})  # says what is wrong with the value, if anything is
    make_data_dir(path.parent)
    write_setting(path, name, toml_value(getattr(loaded.settings, name), name, value))
    when = "when qrshared next starts" if name in READ_AT_START else "within seconds where qrshared runs"
    click.echo(f"{name} = {visible(shown_value(loaded, name))} is in {path}. It counts {when}.")
    effective = load(data_dir=str(path.parent)).sources[name]
    if not effective.startswith(str(path)):
        click.echo(f"But {effective} is set as well, and is stronger.", err=True)


def _config_path(context: click.Context, data_dir: str | None) -> Path:
    above: str | None = context.obj
    return data_folder(data_dir if data_dir is not None else above) / CONFIG_NAME
