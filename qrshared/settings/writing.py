"""Changes one setting in `config.toml`, whole or not at all; comments, order and unknown keys stay."""

import json
import os
import re
import sys
import tomllib
from pathlib import Path

from qrshared.errors import UserError
from qrshared.settings.sources import BrokenConfig, Loaded


class CannotEdit(UserError):
    """The line of "{name}" in {path} cannot be changed by this command. Please edit the file yourself."""


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


def toml_value(value: object, name: str, typed: str) -> str:
    """A checked value as it stands in the file; `typed` is what the person wrote."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and name != "file_mode":
        return str(value)
    # A JSON text is a TOML text as well, but for DEL, which no setting accepts.
    return json.dumps(str(value) if isinstance(value, Path) else typed, ensure_ascii=False)


def write_setting(path: Path, name: str, value: str) -> None:
    """Change one line of config.toml and nothing else, whole or not at all; raises `CannotEdit`, `BrokenConfig`."""
    try:
        old = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        old = ""
    _check_change(path, name, old, with_setting(old, name, value), is_set=True)
    replace_text(path, with_setting(old, name, value))


def mend_setting(path: Path, name: str, value: str | None) -> bool:
    """As `write_setting`, or without the line if `value` is None; also in a file that cannot be read because of a line.

    There the setting has one line afterwards, however many it had. False: no line was there to take away.
    """
    try:
        old = path.read_bytes().decode("utf-8", errors="surrogateescape")  # what is no text stays what it is
    except FileNotFoundError:
        old = ""
    is_readable = _is_readable(old)
    if value is None or not is_readable:
        new = without_setting(old, name)
        if value is None and new == old:
            if is_readable and name in tomllib.loads(old):
                raise CannotEdit(path=path, name=name)
            return False
        if value is not None:
            new = with_setting(new, name, value)
    else:
        new = with_setting(old, name, value)
    if is_readable:
        _check_change(path, name, old, new, is_set=value is not None)
    replace_text(path, new)
    return True


def _check_change(path: Path, name: str, old: str, new: str, *, is_set: bool) -> None:
    """That this one setting changes and nothing else; raises `CannotEdit`, `BrokenConfig`."""
    try:
        before = tomllib.loads(old)
    except tomllib.TOMLDecodeError as fault:
        raise BrokenConfig(path=path, problem=fault) from fault
    before.pop(name, None)
    try:
        after = tomllib.loads(new)
    except tomllib.TOMLDecodeError:
        raise CannotEdit(path=path, name=name) from None
    if (after.pop(name, None) is not None) is not is_set or after != before:
        raise CannotEdit(path=path, name=name)  # a value over several lines, a dotted key: rare, and not worth a parser


def _is_readable(text: str) -> bool:
    try:
        tomllib.loads(text)
        text.encode()
    except (tomllib.TOMLDecodeError, UnicodeEncodeError):
        return False
    return True


def replace_text(path: Path, text: str) -> None:
    """Put `text` in the place of the file, so that a power cut leaves the old one or the new one."""
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    if sys.platform != "win32":  # the new name itself is durable only with its folder
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def with_setting(text: str, name: str, value: str) -> str:
    """The text of a config file with one setting changed or added; comments and order stay."""
    line = f"{name} = {value}"
    pattern = _line_of(name)
    if pattern.search(text):
        return pattern.sub(lambda _: line, text, count=1)
    if not text:
        return f"{line}\n"
    return f"{line}\n{text}"  # at the top: below a [table] it would belong to that table


def without_setting(text: str, name: str) -> str:
    """The text of a config file without the lines of a setting."""
    kept = [line for line in text.splitlines(keepends=True) if _line_of(name).match(line) is None]
    return "".join(kept)


def _line_of(name: str) -> re.Pattern[str]:
    return re.compile(rf"""^[ \t]*["']?{re.escape(name)}["']?[ \t]*=[^\n]*$""", re.MULTILINE)
