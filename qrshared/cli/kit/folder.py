"""Writes the kit's folder: the files as they are shipped, with this domain, this version and fresh secrets."""

import os
import re
import secrets
from importlib import resources
from pathlib import Path
from typing import Final

from qrshared import __version__
from qrshared.errors import UserError

SECRET_BYTES: Final = 32

SAMPLE_DOMAIN: Final = "share.example.org"
"""Stands in the files until somebody writes their own there."""

_DOMAIN: Final = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_PLACE: Final = re.compile(r"@([A-Z]+)@")

# Where each file goes and who may read it: the public ones are also read by programs of other users in containers.
_FILES: Final = (
    ("compose.yaml", "compose.yaml", 0o644),
    ("Dockerfile", "Dockerfile", 0o644),
    ("Caddyfile", "Caddyfile", 0o644),
    ("README.md", "README.md", 0o644),
    ("dockerignore", ".dockerignore", 0o644),
    ("env", ".env", 0o600),
    ("turnserver.conf", "turnserver.conf", 0o600),
)
_SECRET: Final = "secrets/turn"  # noqa: S105 - a file's name


class KitFolderTaken(UserError):
    """There is something in {folder} already. Give --kit a new or an empty folder."""


class KitPlaceRefused(UserError):
    """The kit cannot be written to {folder}: {why}. Give --kit another folder."""


class WrongDomain(UserError):
    """{domain} is no name of a server. It looks like share.example.org: no https:// before it and nothing behind."""


def write_kit(folder: Path, domain: str | None = None) -> list[Path]:
    """Write everything; returns the files, in the order in which a person reads them.

    Raises `WrongDomain`, `KitFolderTaken`, `KitPlaceRefused`.
    """
    name = SAMPLE_DOMAIN if domain is None else domain.strip().lower().rstrip(".")
    if not _DOMAIN.fullmatch(name):
        raise WrongDomain(domain=domain)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    words = {"DOMAIN": name, "SECRET": secret, "VERSION": __version__, "USER": _owner()}
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise KitFolderTaken(folder=folder)
        for source, target, mode in _FILES:
            text = resources.files("qrshared.cli.kit").joinpath("files", source).read_text(encoding="utf-8")
            written.append(_write(folder / target, _PLACE.sub(lambda found: words[found[1]], text), mode))
        (folder / _SECRET).parent.mkdir(mode=0o700)
        written.append(_write(folder / _SECRET, secret + "\n", 0o600))
    except OSError as fault:
        raise KitPlaceRefused(folder=folder, why=fault.strerror or type(fault).__name__) from None
    return written


def _write(file: Path, text: str, mode: int) -> Path:
    """A new file that was never readable for others, not even while it was written."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), mode)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as opened:
        opened.write(text)
    file.chmod(mode)  # whatever the umask took away: containers of other users read the public ones
    return file


def _owner() -> str:
    """Who owns the files, as containers name users; Docker on Windows shows files as everybody's."""
    return f"{os.getuid()}:{os.getgid()}" if hasattr(os, "getuid") else "1000:1000"
