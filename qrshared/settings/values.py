"""What a value must look like: one reader for each kind, from text or TOML to a checked value."""

import ipaddress
import re
from enum import StrEnum
from pathlib import Path

NAME_CHARACTERS_MAX = 60
"""What still fits on a phone's button, "Send to <name>"."""


class Wall(StrEnum):
    """Who may see the page with the QR."""

    LAN = "lan"
    COMPUTER = "computer"
    OFF = "off"


class Accept(StrEnum):
    """Whose files come in."""

    EVERYONE = "everyone"
    ASK = "ask"
    TRUSTED = "trusted"


class Expected(ValueError):
    """A value does not fit; the text completes "it must be …"."""


def is_none(value: object) -> bool:
    """Whether somebody wrote that there is to be none."""
    return isinstance(value, str) and value.strip().lower() in ("", "none")


def read_text(value: object) -> str:
    if not isinstance(value, str):
        raise Expected("a text")
    return value


def read_switch(value: object) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    known = value if isinstance(value, bool) else words.get(str(value).strip().lower())
    if known is None:
        raise Expected("true or false")
    return known


def read_whole(value: object, least: int, most: int, unit: str) -> int:
    expected = Expected(f"a whole number of {unit} from {least} to {most}")
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise expected
    # Only ASCII digits: int() would also take "1_000", " 7 " and digits of other scripts.
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{1,15}", value.strip()):
        raise expected
    number = int(value)
    if not least <= number <= most:
        raise expected
    return number


def read_port(value: object) -> int:
    try:
        return read_whole(value, 0, 65_535, "port")
    except Expected:
        raise Expected("a port number from 1 to 65535, or 0 for a free one") from None


def read_address(value: object) -> str | None:
    text = read_text(value).strip()
    if not text:
        return None
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise Expected("an address of this computer, such as 192.168.1.7") from None


def read_public_host(value: object) -> str | None:
    text = read_text(value).strip().lower().rstrip(".")
    if is_none(text):
        return None
    label = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
    if len(text) > 253 or not re.fullmatch(rf"{label}(\.{label})*(:[0-9]{{1,5}})?", text):
        raise Expected("a host name such as files.example.org, with or without a port")
    return text


def read_folder(value: object) -> Path:
    text = read_text(str(value) if isinstance(value, Path) else value)
    if not text or "\0" in text:
        raise Expected("the path of a folder")
    try:
        # Not resolve(): that would follow a link now, and for good.
        return Path(text).expanduser().absolute()
    except RuntimeError:
        raise Expected("the path of a folder; there is no such home folder") from None


def read_file(value: object) -> Path | None:
    """The path alone: what is in it is read where it is used, and never shown."""
    if is_none(value):
        return None
    try:
        return read_folder(value)
    except Expected:
        raise Expected("the path of a file") from None


def read_name(value: object) -> str:
    text = " ".join(read_text(value).split())
    if not text or len(text) > NAME_CHARACTERS_MAX or not text.isprintable():
        raise Expected(f"a name of 1 to {NAME_CHARACTERS_MAX} visible characters")
    return text


def read_wall(value: object) -> Wall:
    try:
        return Wall(read_text(value).strip().lower())
    except ValueError:
        raise Expected('"lan" (everyone at home), "computer" (only this screen) or "off"') from None


def read_accept(value: object) -> Accept:
    try:
        return Accept(read_text(value).strip().lower())
    except ValueError:
        raise Expected('"everyone", "ask" (you are asked about each guest) or "trusted" (only your own)') from None


def read_file_mode(value: object) -> int:
    """Octal digits in every source: 644 and "0644" mean rw-r--r--."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise Expected("file rights such as 644")
    digits = value.strip().removeprefix("0o") if isinstance(value, str) else str(value)
    if not re.fullmatch(r"0?[0-7]{3}", digits):
        raise Expected("three octal digits such as 644 (in config.toml in quotes)")
    mode = int(digits, 8)
    if mode & 0o111 or mode & 0o600 != 0o600:
        raise Expected("readable and writable for you and never executable, such as 644, 640 or 600")
    return mode


def read_level(value: object) -> str:
    level = read_text(value).strip().lower()
    if level not in {"debug", "info", "warning", "error"}:
        raise Expected("debug, info, warning or error")
    return level
