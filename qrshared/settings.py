"""Every setting of the daemon in one table, and the four places a value comes from.

Defaults → `config.toml` in the data folder → environment (`QRSHARED_*`, and `PORT`) → flags; the later one wins.
Only `cli` and `daemon` import this module: every other room gets plain arguments.
"""

import dataclasses
import difflib
import ipaddress
import os
import re
import socket
import stat
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar, cast

import platformdirs

from qrshared.errors import UserError

CONFIG_NAME = "config.toml"
ENVIRONMENT_PREFIX = "QRSHARED_"
ESTABLISHED_NAMES = {"PORT": "port"}
"""Names other programs already set: hosts of web services say the port this way. `QRSHARED_PORT` is stronger."""

NAME_CHARACTERS_MAX = 60
"""What still fits on a phone's button, "Send to <name>"."""


class BadSetting(UserError):
    """{source}: the setting "{name}" cannot be {value}: it must be {expected}."""


class UnknownSetting(UserError):
    """{source}: there is no setting called "{name}".{hint} `qrshared config` lists them all."""


class BrokenConfig(UserError):
    """{path} cannot be read: {problem}. Put it right, or delete the file to use the defaults."""


class UnsafeConfig(UserError):
    """{path} {problem}, so it is not read: anyone who can write it could redirect your files. Run: {command}"""


class UnsafeDataFolder(UserError):
    """The data folder {path} {problem}. It holds the keys of your devices: choose a folder that is only yours."""


class Wall(StrEnum):
    """Who may see the page with the QR."""

    LAN = "lan"
    COMPUTER = "computer"
    OFF = "off"


class _Expected(ValueError):
    """A value does not fit; the text completes "it must be …"."""


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _Expected("a text")
    return value


def _switch(value: object) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    known = value if isinstance(value, bool) else words.get(str(value).strip().lower())
    if known is None:
        raise _Expected("true or false")
    return known


def _whole(value: object, least: int, most: int, unit: str) -> int:
    expected = _Expected(f"a whole number of {unit} from {least} to {most}")
    if isinstance(value, bool | float) or not isinstance(value, int | str):
        raise expected
    # Only ASCII digits: int() would also take "1_000", " 7 " and digits of other scripts.
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{1,15}", value.strip()):
        raise expected
    number = int(value)
    if not least <= number <= most:
        raise expected
    return number


def _port(value: object) -> int:
    try:
        return _whole(value, 0, 65_535, "port")
    except _Expected:
        raise _Expected("a port number from 1 to 65535, or 0 for a free one") from None


def _address(value: object) -> str | None:
    text = _text(value).strip()
    if not text:
        return None
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise _Expected("an address of this computer, such as 192.168.1.7") from None


def _public_host(value: object) -> str | None:
    text = _text(value).strip().lower().rstrip(".")
    if not text:
        return None
    label = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
    if len(text) > 253 or not re.fullmatch(rf"{label}(\.{label})*(:[0-9]{{1,5}})?", text):
        raise _Expected("a host name such as files.example.org, with or without a port")
    return text


def _path(value: object) -> Path:
    text = _text(value)
    if not text or "\0" in text:
        raise _Expected("the path of a folder")
    try:
        # Not resolve(): that would follow a link now, and for good.
        return Path(text).expanduser().absolute()
    except RuntimeError:
        raise _Expected("the path of a folder; there is no such home folder") from None


def _name(value: object) -> str:
    text = " ".join(_text(value).split())
    if not text or len(text) > NAME_CHARACTERS_MAX or not text.isprintable():
        raise _Expected(f"a name of 1 to {NAME_CHARACTERS_MAX} visible characters")
    return text


def _wall(value: object) -> Wall:
    try:
        return Wall(_text(value).strip().lower())
    except ValueError:
        raise _Expected('"lan" (everyone at home), "computer" (only this screen) or "off"') from None


def _file_mode(value: object) -> int:
    """Octal digits in every source: 644 and "0644" mean rw-r--r--."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise _Expected("file rights such as 644")
    digits = value.strip().removeprefix("0o") if isinstance(value, str) else str(value)
    if not re.fullmatch(r"0?[0-7]{3}", digits):
        raise _Expected("three octal digits such as 644 (in config.toml in quotes)")
    mode = int(digits, 8)
    if mode & 0o111 or mode & 0o600 != 0o600:
        raise _Expected("readable and writable for you and never executable, such as 644, 640 or 600")
    return mode


def _level(value: object) -> str:
    level = _text(value).strip().lower()
    if level not in {"debug", "info", "warning", "error"}:
        raise _Expected("debug, info, warning or error")
    return level


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rule:
    """What a setting accepts and how it is explained; stands in the field's metadata."""

    parse: Callable[[object], object]
    metavar: str
    text: str
    default_text: str


def _setting(default: T | Callable[[], T], parse: Callable[[object], T], metavar: str, text: str, shown: str = "") -> T:
    """One row of the table; `shown` describes a default that depends on the computer or is None."""
    if callable(default):
        rule = Rule(parse, metavar, text, shown)
        return field(default_factory=default, metadata={"rule": rule})
    plain = str(default).lower() if isinstance(default, bool) else str(default)
    return field(default=default, metadata={"rule": Rule(parse, metavar, text, shown or plain)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The values after all sources are read; one field a setting."""

    host: str | None = _setting(
        None, _address, "ADDRESS", "The address to serve on; 127.0.0.1 is always served as well.", "the best-ranked one"
    )
    port: int = _setting(
        7774, _port, "PORT", "The port to serve on; 0 takes a free one and keeps it in the data folder."
    )
    inbox: Path = _setting(
        lambda: Path.home() / "QRShare", _path, "FOLDER", "The folder where whole files appear.", "~/QRShare"
    )
    data_dir: Path = _setting(
        lambda: platformdirs.user_data_path("qrshared", appauthor=False),
        _path,
        "FOLDER",
        "Keys of devices, journal, config.toml and control socket. Not in config.toml, which lies in it.",
        "where this system keeps data of programs",
    )
    name: str = _setting(
        lambda: computer_name(), _name, "NAME", "What phones call this computer.", "from the host name"
    )
    mdns: bool = _setting(True, _switch, "YES|NO", "Announce this computer as qrshare.local on the home network.")
    wall: Wall = _setting(
        Wall.LAN,
        _wall,
        "lan|computer|off",
        "Who may see the page with the QR: everyone at home, only this screen, nobody.",
    )
    file_mode: int = _setting(0o644, _file_mode, "MODE", "Rights of files in the inbox, as octal digits.", "644")
    guest_daily_gb: int = _setting(
        20, lambda value: _whole(value, 0, 1_000_000, "GiB"), "GIB", "What all guests together may send in a day."
    )
    reserve_mb: int | None = _setting(
        None,
        lambda value: _whole(value, 0, 100_000_000, "MiB"),
        "MIB",
        "Disk space that stays free whatever arrives.",
        "1024, at most 5 % of the disk",
    )
    notices: bool = _setting(True, _switch, "YES|NO", "Show a desktop notice when files have arrived.")
    public_host: str | None = _setting(
        None,
        _public_host,
        "HOST",
        "The name under which a reverse proxy serves this computer; visitors from outside are answered only with it.",
        "none",
    )
    log_level: str = _setting("info", _level, "LEVEL", "debug, info, warning or error; only debug names files.")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as command line, README and `qrshared config` show it."""

    name: str
    flag: str
    variable: str
    metavar: str
    text: str
    default_text: str
    is_switch: bool


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, and for each the place its value came from."""

    settings: Settings
    sources: Mapping[str, str]
    warnings: tuple[str, ...] = ()


def _rule(of: "dataclasses.Field[Any]") -> Rule:
    return cast("Rule", of.metadata["rule"])


def all_settings() -> tuple[Setting, ...]:
    """Every setting in the order of the table."""
    return tuple(
        Setting(
            name=each.name,
            flag="--" + each.name.replace("_", "-"),
            variable=ENVIRONMENT_PREFIX + each.name.upper(),
            metavar=_rule(each).metavar,
            text=_rule(each).text,
            default_text=_rule(each).default_text,
            is_switch=_rule(each).parse is _switch,
        )
        for each in dataclasses.fields(Settings)
    )


def load_settings(*, flags: Mapping[str, object], environment: Mapping[str, str]) -> Loaded:
    """Read all four sources; `flags` holds only what was given, by setting name, None counting as not given.

    Raises BadSetting, UnknownSetting, BrokenConfig or UnsafeConfig, each naming the place to correct.
    """
    rules = {each.name: _rule(each) for each in dataclasses.fields(Settings)}
    values: dict[str, object] = {}
    sources: dict[str, str] = dict.fromkeys(rules, "default")

    def take(name: str, value: object, source: str) -> None:
        try:
            values[name] = rules[name].parse(value)
        except _Expected as expected:
            raise BadSetting(source=source, name=name, value=_quoted(value), expected=expected) from None
        sources[name] = source

    from_environment = _read_environment(environment, rules)
    given = {name: value for name, value in flags.items() if value is not None}

    # The data folder says where config.toml is, so it is settled first, from every source but that one.
    for name, (value, source) in from_environment.items():
        if name not in given:
            take(name, value, source)
    for name, value in given.items():
        take(name, value, "--" + name.replace("_", "-"))
    data_dir = cast("Path", values.get("data_dir") or Settings().data_dir)

    for name, (value, source) in _read_config(data_dir / CONFIG_NAME, rules).items():
        if name not in values:
            take(name, value, source)
    unknown = sorted(
        variable
        for variable in environment
        if variable.startswith(ENVIRONMENT_PREFIX) and variable.removeprefix(ENVIRONMENT_PREFIX).lower() not in rules
    )
    warnings = tuple(f"{variable} is set, but there is no such setting." for variable in unknown)
    return Loaded(Settings(**cast("dict[str, Any]", values)), sources, warnings)


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


def _read_config(path: Path, rules: Mapping[str, Rule]) -> dict[str, tuple[object, str]]:
    """The settings in `config.toml`; a missing file is an empty one."""
    try:
        with path.open("rb") as file:
            _check_owner(path, os.fstat(file.fileno()))
            text = file.read().decode()
        table = tomllib.loads(text)
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else str(problem)
        raise BrokenConfig(path=path, problem=reason) from problem
    found: dict[str, tuple[object, str]] = {}
    for name, value in table.items():
        source = f"{path}, line {_line_of(name, text)}"
        if name not in rules or name == "data_dir":
            near = difflib.get_close_matches(name, set(rules) - {"data_dir"}, n=1)
            raise UnknownSetting(source=source, name=name, hint=f' Did you mean "{near[0]}"?' if near else "")
        if rules[name].parse is _path and not Path(str(value)).expanduser().is_absolute():
            # A service starts in another folder than a terminal: a relative path would mean two places.
            raise BadSetting(source=source, name=name, value=_quoted(value), expected="a full path, or one from ~")
        found[name] = (value, source)
    return found


def _line_of(name: str, text: str) -> int:
    """The line where a top-level key is set; tomllib keeps no positions."""
    pattern = re.compile(rf"""\s*\[?["']?{re.escape(name)}["']?\s*[]=.]""")
    return next((number for number, line in enumerate(text.splitlines(), 1) if pattern.match(line)), 1)


def _quoted(value: object) -> str:
    text = value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return f'"{text[:80]}"'


def _check_owner(path: Path, found: os.stat_result) -> None:
    if sys.platform == "win32":
        return
    if found.st_uid not in {os.getuid(), 0}:
        raise UnsafeConfig(path=path, problem="belongs to another user", command=f"chown {os.getuid()} {path}")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise UnsafeConfig(path=path, problem="may be written by others", command=f"chmod 600 {path}")


def make_data_dir(path: Path) -> None:
    """Make the data folder if need be, and make it ours alone (0700); raises UnsafeDataFolder."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.stat()
        if sys.platform == "win32":
            return
        if found.st_uid != os.getuid():
            raise UnsafeDataFolder(path=path, problem="belongs to another user")
        if found.st_mode & stat.S_IWOTH and (found.st_mode & stat.S_ISVTX or any(path.iterdir())):
            # What lies in it may have been put there by anyone; a shared folder such as /tmp is not ours to lock.
            raise UnsafeDataFolder(path=path, problem="may be written by every user of this computer")
        if found.st_mode & 0o077:
            path.chmod(0o700)
    except OSError as problem:
        raise UnsafeDataFolder(path=path, problem=f"cannot be used ({problem.strerror})") from problem


_SPELLINGS = {"pc": "PC", "nas": "NAS", "tv": "TV", "imac": "iMac", "macbook": "MacBook", "raspberrypi": "Raspberry Pi"}


def computer_name(host_name: str | None = None, machine_info: Path = Path("/etc/machine-info")) -> str:
    """A name people recognise: the pretty one if the owner set one, else the host name without its domain."""
    pretty = _pretty_hostname(machine_info) if host_name is None else ""
    label = (host_name if host_name is not None else socket.gethostname()).split(".")[0]
    if not pretty:
        # Windows shouts its names (STUDY-PC) and people know them that way; others are written like words.
        parts = [label] if label.isupper() else re.split(r"[-_ ]+", label)
        pretty = " ".join(_SPELLINGS.get(part.lower(), part[:1].upper() + part[1:]) for part in parts if part)
    if pretty.lower() in {"", "localhost"}:
        pretty = "This computer"
    return _name(pretty[:NAME_CHARACTERS_MAX]) if pretty.isprintable() else "This computer"


def _pretty_hostname(machine_info: Path) -> str:
    """PRETTY_HOSTNAME of machine-info(5), which the "computer name" field of desktops writes."""
    try:
        lines = machine_info.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    values = [line.partition("=")[2].strip() for line in lines if line.startswith("PRETTY_HOSTNAME=")]
    return values[-1].strip("\"'").strip() if values else ""
