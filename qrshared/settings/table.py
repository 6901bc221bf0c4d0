"""Every setting of the daemon, one row each: its type, default, reader and the words that explain it."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

import platformdirs

from qrshared.settings.away import STUN_DEFAULT, read_edge, read_stun, read_turn_url, read_word
from qrshared.settings.computer import computer_name
from qrshared.settings.hours import Hours, read_hours
from qrshared.settings.values import (
    Accept,
    Wall,
    read_accept,
    read_address,
    read_file,
    read_file_mode,
    read_folder,
    read_level,
    read_name,
    read_port,
    read_public_host,
    read_switch,
    read_wall,
    read_whole,
)

ENVIRONMENT_PREFIX = "QRSHARED_"

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
        None,
        read_address,
        "ADDRESS",
        "The address to serve on; 127.0.0.1 is always served as well.",
        "the best-ranked one",
    )
    port: int = _setting(
        7774, read_port, "PORT", "The port to serve on; 0 takes a free one and keeps it in the data folder."
    )
    inbox: Path = _setting(
        lambda: Path.home() / "QRShare", read_folder, "FOLDER", "The folder where whole files appear.", "~/QRShare"
    )
    data_dir: Path = _setting(
        lambda: platformdirs.user_data_path("qrshared", appauthor=False),
        read_folder,
        "FOLDER",
        "Keys of devices, journal, config.toml and control socket. Not in config.toml, which lies in it.",
        "where this system keeps data of programs",
    )
    name: str = _setting(computer_name, read_name, "NAME", "What phones call this computer.", "from the host name")
    mdns: bool = _setting(True, read_switch, "YES|NO", "Announce this computer as qrshare.local on the home network.")
    wall: Wall = _setting(
        Wall.LAN,
        read_wall,
        "lan|computer|off",
        "Who may see the page with the QR: everyone at home, only this screen, nobody.",
    )
    accept: Accept = _setting(
        Accept.EVERYONE,
        read_accept,
        "everyone|ask|trusted",
        "Whose files come in: everybody's who scans the code, a guest's once you say yes, or only your own devices'.",
    )
    file_mode: int = _setting(0o644, read_file_mode, "MODE", "Rights of files in the inbox, as octal digits.", "644")
    guest_daily_gb: int = _setting(
        20, lambda value: read_whole(value, 0, 1_000_000, "GB"), "GB", "What all guests together may send in a day."
    )
    reserve_mb: int | None = _setting(
        None,
        lambda value: read_whole(value, 0, 100_000_000, "MB"),
        "MB",
        "Disk space that stays free whatever arrives.",
        "1000, at most 5 % of the disk",
    )
    notices: bool = _setting(True, read_switch, "YES|NO", "Show a desktop notice when files have arrived.")
    quiet_hours: Hours | None = _setting(
        None, read_hours, "HOURS", "When no desktop notices are shown, such as 22:00-07:00.", "none"
    )
    plain_downloads: bool = _setting(
        True,
        read_switch,
        "YES|NO",
        "Let phones at home fetch big files without encryption, if their person asks: some can take them no other way.",
    )
    public_host: str | None = _setting(
        None,
        read_public_host,
        "HOST",
        "The name under which a reverse proxy serves this computer; visitors from outside are answered only with it.",
        "none",
    )
    edge: str | None = _setting(
        None,
        read_edge,
        "URL",
        "For use away from home: the edge, a meeting point on the internet that `qrshared signal` runs.",
        "none: this computer is reached at home only",
    )
    stun: tuple[str, ...] = _setting(
        STUN_DEFAULT,
        read_stun,
        "LIST",
        "For use away from home: who tells this computer its public address, with commas between; none asks nobody.",
        ",".join(STUN_DEFAULT),
    )
    turn_url: str | None = _setting(
        None,
        read_turn_url,
        "LIST",
        "For use away from home: your own relay, for networks without a direct way, such as turn:relay.example.org.",
        "none",
    )
    turn_secret_file: Path | None = _setting(
        None, read_file, "FILE", "Holds the secret that your relay (coturn) calls static-auth-secret.", "none"
    )
    turn_user: str | None = _setting(
        None, read_word, "NAME", "The user of a relay that has one fixed password.", "none"
    )
    turn_password_file: Path | None = _setting(None, read_file, "FILE", "Holds the password of that user.", "none")
    metered_app: str | None = _setting(
        None, read_word, "NAME", "A relay rented at Metered instead: the first part of yourapp.metered.live.", "none"
    )
    metered_key_file: Path | None = _setting(None, read_file, "FILE", "Holds Metered's API key or secret key.", "none")
    relay_ask_mb: int = _setting(
        100,
        lambda value: read_whole(value, 0, 1_000_000_000, "MB"),
        "MB",
        "Pages ask before they send more than this through a relay.",
    )
    log_level: str = _setting("info", read_level, "LEVEL", "debug, info, warning or error; only debug names files.")


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


READ_AT_START = frozenset({"host", "port", "data_dir", "mdns", "file_mode", "reserve_mb", "public_host"})
"""A change of these counts when qrshared next starts; of all others at once."""


def rule_of(row: "dataclasses.Field[Any]") -> Rule:
    """The rule of one field of Settings."""
    return cast("Rule", row.metadata["rule"])


def read_setting(name: str, value: object) -> object:
    """A value as this setting takes it; raises `Expected`."""
    return next(rule_of(each).parse(value) for each in dataclasses.fields(Settings) if each.name == name)


def all_settings() -> tuple[Setting, ...]:
    """Every setting in the order of the table."""
    return tuple(
        Setting(
            name=each.name,
            flag="--" + each.name.replace("_", "-"),
            variable=ENVIRONMENT_PREFIX + each.name.upper(),
            metavar=rule_of(each).metavar,
            text=rule_of(each).text,
            default_text=rule_of(each).default_text,
            is_switch=rule_of(each).parse is read_switch,
        )
        for each in dataclasses.fields(Settings)
    )
