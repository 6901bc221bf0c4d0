"""`qrshared config`: every setting with its value and where it came from, and `config set`."""

import json
import os
import re
import tomllib
from pathlib import Path

import click

from qrshared.cli.options import data_dir_option, data_folder, load
from qrshared.cli.output import print_table
from qrshared.cli.words import visible
from qrshared.errors import UserError
from qrshared.settings import CONFIG_NAME, BrokenConfig, Loaded, UnknownSetting, all_settings, make_data_dir


class NotInConfig(UserError):
    """The data folder cannot be set in {path}, which lies in it. Say --data-dir, or set QRSHARED_DATA_DIR."""


class CannotEdit(UserError):
    """The line of "{name}" in {path} cannot be changed by this command. Please edit the file yourself."""


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
    """Write a setting to config.toml; the daemon reads it when it next starts."""
    path = _config_path(context, data_dir)
    name = name.replace("-", "_")
    if name == "data_dir":
        raise NotInConfig(path=path)
    if name not in {setting.name for setting in all_settings()}:
        raise UnknownSetting(source="qrshared config set", name=name, hint="")
    loaded = load(data_dir=str(path.parent), **{name: value})  # says what is wrong with the value, if anything is
    make_data_dir(path.parent)
    write_setting(path, name, _toml_value(getattr(loaded.settings, name), name, value))
    click.echo(f"{name} = {visible(shown_value(loaded, name))} is in {path}. It counts when qrshared next starts.")
    effective = load(data_dir=str(path.parent)).sources[name]
    if not effective.startswith(str(path)):
        click.echo(f"But {effective} is set as well, and is stronger.", err=True)


def shown_value(loaded: Loaded, name: str) -> str:
    """As one would write it."""
    value = getattr(loaded.settings, name)
    if value is None:
        return ""
    if name == "file_mode":
        return f"{value:o}"
    if isinstance(value, tuple):
        return ",".join(value) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def write_setting(path: Path, name: str, value: str) -> None:
    """Change one line of config.toml and nothing else, whole or not at all; raises `CannotEdit`, `BrokenConfig`."""
    try:
        old = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        old = ""
    new = with_setting(old, name, value)
    try:
        before = tomllib.loads(old)
        after = tomllib.loads(new)
    except tomllib.TOMLDecodeError as fault:
        raise BrokenConfig(path=path, problem=fault) from fault
    before.pop(name, None)
    if after.pop(name, None) is None or after != before:
        raise CannotEdit(path=path, name=name)  # a value over several lines, a dotted key: rare, and not worth a parser
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(new)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def with_setting(text: str, name: str, value: str) -> str:
    """The text of a config file with one setting changed or added; comments and order stay."""
    line = f"{name} = {value}"
    pattern = re.compile(rf"""^[ \t]*["']?{re.escape(name)}["']?[ \t]*=[^\n]*$""", re.MULTILINE)
    if pattern.search(text):
        return pattern.sub(lambda _: line, text, count=1)
    if not text:
        return f"{line}\n"
    return f"{line}\n{text}"  # at the top: below a [table] it would belong to that table


def _toml_value(value: object, name: str, typed: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and name != "file_mode":
        return str(value)
    # A JSON text is a TOML text as well, but for DEL, which no setting accepts.
    return json.dumps(str(value) if isinstance(value, Path) else typed, ensure_ascii=False)


def _config_path(context: click.Context, data_dir: str | None) -> Path:
    above: str | None = context.obj
    return data_folder(data_dir if data_dir is not None else above) / CONFIG_NAME
