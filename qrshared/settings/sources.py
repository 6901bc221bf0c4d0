"""The four places a value comes from: defaults → config.toml → environment → flags; the later one wins."""

import dataclasses
import difflib
import os
import re
import stat
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from qrshared.errors import UserError
from qrshared.settings.table import ENVIRONMENT_PREFIX, Rule, Settings, rule_of
from qrshared.settings.values import Expected, is_none, read_file, read_folder

CONFIG_NAME = "config.toml"
ESTABLISHED_NAMES = {"PORT": "port", "SIGNALING_SERVER_URL": "edge"}
"""Names other programs already set: hosts of web services say the port this way. `QRSHARED_PORT` is stronger."""


class BadSetting(UserError):
    """{source}: the setting "{name}" cannot be {value}: it must be {expected}."""


class UnknownSetting(UserError):
    """{source}: there is no setting called "{name}".{hint} `qrshared config` lists them all."""


class BrokenConfig(UserError):
    """{path} cannot be read: {problem}. Put it right, or delete the file to use the defaults; `qrshared config unset
    NAME` takes the line of a setting away."""


class UnsafeConfig(UserError):
    """{path} {problem}, so it is not read: anyone who can write it could redirect your files. Run: {command}"""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, and for each the place its value came from."""

    settings: Settings
    sources: Mapping[str, str]
    warnings: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    """What is wrong with config.toml, where that was to be no reason to stop."""


def load_settings(*, flags: Mapping[str, object], environment: Mapping[str, str], is_lenient: bool = False) -> Loaded:
    """Read all four sources; `flags` holds only what was given, by setting name, None counting as not given.

    Raises BadSetting, UnknownSetting, BrokenConfig or UnsafeConfig, each naming the place to correct. With `is_lenient`
    a fault of config.toml is told instead, and its other lines count: so a command can mend it.
    """
    rules = {each.name: rule_of(each) for each in dataclasses.fields(Settings)}
    values: dict[str, object] = {}
    sources: dict[str, str] = dict.fromkeys(rules, "default")

    def take(name: str, value: object, source: str) -> None:
        try:
            values[name] = rules[name].parse(value)
        except Expected as expected:
            raise BadSetting(source=source, name=name, value=_quoted(value), expected=expected) from None
        sources[name] = source

    from_environment = _read_environment(environment, rules)
    given = {name: value for name, value in flags.items() if value is not None}

    # The data folder says where config.toml is, so it is settled first, from every source but that one.
    for name, (value, source) in from_environment.items():
        if name not in given:
            take(name, value, source)
    for name, value in given.items():
        take(name, value, ("--no-" if value is False else "--") + name.replace("_", "-"))
    data_dir = cast("Path", values.get("data_dir") or Settings().data_dir)

    faults: list[str] = []
    for name, (value, source) in _read_config(data_dir / CONFIG_NAME, rules, faults if is_lenient else None).items():
        if name in values:
            continue
        try:
            take(name, value, source)
        except BadSetting as fault:
            _tell(fault, faults if is_lenient else None)
    unknown = sorted(
        variable
        for variable in environment
        if variable.startswith(ENVIRONMENT_PREFIX) and variable.removeprefix(ENVIRONMENT_PREFIX).lower() not in rules
    )
    warnings = tuple(f"{variable} is set, but there is no such setting." for variable in unknown)
    return Loaded(Settings(**cast("dict[str, Any]", values)), sources, warnings, tuple(faults))


def _read_environment(environment: Mapping[str, str], rules: Mapping[str, Rule]) -> dict[str, tuple[object, str]]:
    """An empty variable counts as not set: that is how service files and compose files switch one off."""
    found: dict[str, tuple[object, str]] = {}
    for variable, name in ESTABLISHED_NAMES.items():
        if environment.get(variable):
            found[name] = (environment[variable], variable)
    for name in rules:
        variable = ENVIRONMENT_PREFIX + name.upper()
        if environment.get(variable):
            found[name] = (environment[variable], variable)
    return found


def _tell(fault: UserError, faults: list[str] | None) -> None:
    if faults is None:
        raise fault
    faults.append(fault.sentence)


def _read_config(path: Path, rules: Mapping[str, Rule], faults: list[str] | None) -> dict[str, tuple[object, str]]:
    """The settings in `config.toml`; a missing file is an empty one, and so is an empty value a missing line."""
    try:
        text, table = _parse(path)
    except (BrokenConfig, UnsafeConfig) as fault:
        _tell(fault, faults)
        return {}
    found: dict[str, tuple[object, str]] = {}
    for name, value in table.items():
        source = f"{path}, line {_line_of(name, text)}"
        if name not in rules or name == "data_dir":
            near = difflib.get_close_matches(name, set(rules) - {"data_dir"}, n=1)
            hint = f' Did you mean "{near[0]}"?' if near else ""
            _tell(UnknownSetting(source=source, name=name, hint=hint), faults)
        elif value == "":
            continue
        elif rules[name].parse in (read_folder, read_file) and not _is_full_path(value, rules[name]):
            # A service starts in another folder than a terminal: a relative path would mean two places.
            expected = "a full path, or one from ~"
            _tell(BadSetting(source=source, name=name, value=_quoted(value), expected=expected), faults)
        else:
            found[name] = (value, source)
    return found


def _is_full_path(value: object, rule: Rule) -> bool:
    if rule.parse is read_file and is_none(value):
        return True
    text = str(value)
    return text.startswith("~") or Path(text).is_absolute()


def _parse(path: Path) -> tuple[str, dict[str, Any]]:
    """The text of the file and its table."""
    try:
        with path.open("rb") as file:
            _check_owner(path, os.fstat(file.fileno()))
            text = file.read().decode()
        return text, tomllib.loads(text)
    except FileNotFoundError:
        return "", {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else str(problem)
        raise BrokenConfig(path=path, problem=reason) from problem


def _line_of(name: str, text: str) -> int:
    """The line where a top-level key is set; tomllib keeps no positions."""
    pattern = re.compile(rf"""\s*\[?["']?{re.escape(name)}["']?\s*[]=.]""")
    return next((number for number, line in enumerate(text.splitlines(), 1) if pattern.match(line)), 1)


def _quoted(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f'"{text[:80]}"'


def _check_owner(path: Path, found: os.stat_result) -> None:
    if sys.platform == "win32":
        return
    if found.st_uid not in {os.getuid(), 0}:
        raise UnsafeConfig(path=path, problem="belongs to another user", command=f"chown {os.getuid()} {path}")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise UnsafeConfig(path=path, problem="may be written by others", command=f"chmod 600 {path}")
