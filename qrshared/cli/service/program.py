"""Gives the service a program of its own, so that deleting the clone or its virtual environment changes nothing.

A clone is somewhere a person looked at it, and goes when the looking is done. So from a clone (or any environment
inside one) a private environment is made in the data folder and qrshared is installed into it, with exactly the
versions of the libraries that run now. What pipx, uv or a system-wide pip installed stays where it is.
"""

import importlib.metadata
import importlib.util
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlparse

from qrshared.cli.service.errors import CopyFailed
from qrshared.cli.service.running import Run

PIP_S = 900
"""A Raspberry Pi on a slow line downloads some 60 MB."""

PROGRAM_FOLDER = "program"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the running program comes from; `requirement` is what pip would install to get the same again."""

    prefix: Path
    requirement: str
    is_in_clone: bool

    @property
    def entry(self) -> Path:
        return entry_of(self.prefix)


def entry_of(prefix: Path) -> Path:
    """The program inside an environment; on Windows without a console window of its own."""
    return prefix / "Scripts" / "pythonw.exe" if sys.platform == "win32" else prefix / "bin" / "qrshared"


def command_of(entry: Path, arguments: list[str]) -> list[str]:
    """The whole command line of the service."""
    module = ["-m", "qrshared"] if sys.platform == "win32" else []
    return [str(entry), *module, "run", *arguments]


def is_in_clone(place: Path) -> bool:
    """Whether a folder lies in a checkout of this project: its top holds pyproject.toml beside qrshared/."""
    return any((above / "pyproject.toml").is_file() and (above / "qrshared").is_dir() for above in place.parents)


def find_origin(prefix: Path | None = None) -> Origin:
    """Look at the running installation (PEP 610 says what pip installed it from)."""
    prefix = prefix or Path(sys.prefix)
    package = Path(__file__).resolve().parents[2]
    try:
        distribution = importlib.metadata.distribution("qrshared")
    except importlib.metadata.PackageNotFoundError:
        return Origin(prefix, str(package.parent), is_in_clone=True)
    facts = json.loads(distribution.read_text("direct_url.json") or "{}")
    requirement = f"qrshared=={distribution.version}"
    source = Path(unquote(urlparse(facts.get("url", "")).path)) if facts.get("url", "").startswith("file:") else None
    if source is not None and source.exists():
        requirement = str(source)
    is_editable = bool(facts.get("dir_info", {}).get("editable"))
    return Origin(prefix, requirement, is_in_clone=is_editable or is_in_clone(prefix))


def make_program(origin: Origin, data_dir: Path, *, run: Run, say: Callable[[str], None]) -> Path:
    """The program the service will run: the present one if it stays, else a fresh private copy."""
    if not origin.is_in_clone and origin.entry.exists():
        return origin.entry
    folder = data_dir / PROGRAM_FOLDER / time.strftime("%Y%m%d-%H%M%S")
    say(f"Copying the program to {folder}, so that it stays when this clone is deleted (takes a minute) …")
    folder.parent.mkdir(parents=True, exist_ok=True)
    versions = folder.parent / "versions.txt"
    versions.write_text("".join(f"{line}\n" for line in running_versions()), encoding="utf-8")
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    here = sys.executable
    base = getattr(sys, "_base_executable", None) or here
    # The pip that runs now can install into another place, which also works where Debian's python3-venv is missing;
    # environments made by uv have no pip of their own.
    has_pip = importlib.util.find_spec("pip") is not None
    pip = (here, "-m", "pip", "--python", str(python)) if has_pip else (str(python), "-m", "pip")
    steps = [
        (base, "-m", "venv", *(["--without-pip"] if has_pip else []), str(folder)),
        (*pip, "install", "--quiet", "--disable-pip-version-check", "--constraint", str(versions), origin.requirement),
        (str(python), "-m", "qrshared", "--help"),
    ]
    for step in steps:
        ran = run(*step, within_s=PIP_S)
        if not ran.is_fine:
            shutil.rmtree(folder, ignore_errors=True)
            last = ran.text.strip().splitlines()[-1:] or [f"exit code {ran.code}"]
            raise CopyFailed(folder=folder, problem=last[0])
    return entry_of(folder)


def running_versions() -> list[str]:
    """`name==version` of everything beside us, in the form of a pip constraints file."""
    found = {
        each.metadata["Name"]: each.version for each in importlib.metadata.distributions() if each.metadata["Name"]
    }
    return sorted(f"{name}=={version}" for name, version in found.items() if name != "qrshared" and "+" not in version)


def forget_other_programs(data_dir: Path, *, keep: Path | None) -> None:
    """Remove private copies that no service runs any more."""
    top = data_dir / PROGRAM_FOLDER
    if not top.is_dir():
        return
    for folder in top.iterdir():
        if folder.is_dir() and (keep is None or not keep.is_relative_to(folder)):
            shutil.rmtree(folder, ignore_errors=True)
    if keep is None:
        shutil.rmtree(top, ignore_errors=True)


def link_command(entry: Path, data_dir: Path, *, bin_dir: Path) -> str | None:
    """Make `qrshared` work in a terminal after the clone is gone; None when nothing needed to be done.

    Only a link that is missing or already ours is written: somebody's own `qrshared` stays.
    """
    if sys.platform == "win32" or not entry.is_relative_to(data_dir):
        return None
    link = bin_dir / "qrshared"
    if link.is_symlink() and not link.readlink().is_relative_to(data_dir):
        return None
    if link.exists() and not link.is_symlink():
        return None
    bin_dir.mkdir(parents=True, exist_ok=True)
    fresh = bin_dir / f".qrshared-{os.getpid()}"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(entry)
    fresh.replace(link)
    return str(link)


def unlink_command(data_dir: Path, *, bin_dir: Path) -> None:
    """Remove the link again, if it is ours."""
    link = bin_dir / "qrshared"
    if link.is_symlink() and link.readlink().is_relative_to(data_dir):
        link.unlink()
