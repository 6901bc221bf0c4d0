"""Which folders and files the owner page may choose: fewer than `config.toml`, since a page can be taken over."""

import os
import stat
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

from qrshared.settings import CONFIG_NAME, Settings

MEDIA: Final = (Path("/media"), Path("/mnt"), Path("/run/media"), Path("/Volumes"))
"""Below these lie disks that were plugged in, and shares."""

_SRV: Final = Path("/srv")
"""Where a NAS keeps what it shares, and a server what its services give out (FHS 3.17)."""

_OF_SERVICES: Final = frozenset({"cgi", "cvs", "ftp", "git", "http", "pillar", "rsync", "salt", "tftp", "www"})
"""Directly below that: what lies there is given to strangers, or obeyed, without anybody's word."""

_OF_PROGRAMS: Final = {"win32": "appdata", "darwin": "library"}
"""What a system keeps for programs directly in a home folder: what lies in one place of it is started at each log-on.
On any other system, and further down, it is a word like any other."""

_NOT_HERE: Final = (
    "Here you can choose a folder inside your home folder, or one on a plugged-in disk or in /srv, but none that is "
    "hidden, kept for programs or given out by a server. For any other, write inbox = “{folder}” into {config}, or say "
    "`qrshared config set inbox {folder}`."
)


_NOT_READ_HERE: Final = (
    "Here you can choose a file inside your home folder, with nothing hidden on the way to it. For any "
    "other, write {name} = “{file}” into {config}, or say `qrshared config set {name} {file}`."
)

SECRET_FILES: Final = ("turn_secret_file", "turn_password_file", "metered_key_file")
"""What is read of these goes to a relay or its provider, and those can be named on the page too."""


def why_no_secret(name: str) -> Callable[[Settings, Settings], str | None]:
    """What tells the owner of a file that is not to be read at a page's word: keys of other programs lie hidden."""

    def why_not(now: Settings, wanted: Settings) -> str | None:
        chosen: Path | None = getattr(wanted, name)
        if chosen is None or chosen == getattr(now, name):
            return None
        file, data_dir = Path(os.path.realpath(chosen)), Path(os.path.realpath(now.data_dir))
        if not file.is_relative_to(data_dir) and _is_open_below(Path(os.path.realpath(Path.home())), file):
            return None
        return _NOT_READ_HERE.format(name=name, file=chosen, config=now.data_dir / CONFIG_NAME)

    return why_not


def why_not_chosen(now: Settings, wanted: Settings) -> str | None:
    """What to tell the owner of an inbox that is not to be chosen on a page. Blocks: it looks at the disk."""
    folder = Path(os.path.realpath(wanted.inbox))
    data_dir = Path(os.path.realpath(now.data_dir))
    if folder == Path(os.path.realpath(now.inbox)):
        return None  # it is that already, whoever chose it
    is_apart = not folder.is_relative_to(data_dir) and not data_dir.is_relative_to(folder)
    home = Path(os.path.realpath(Path.home()))
    is_kept = _is_named_below(home, folder, {_OF_PROGRAMS.get(sys.platform)})
    is_served = _is_named_below(_SRV, folder, _OF_SERVICES)
    roots = _roots(home, folder)
    if is_apart and not is_kept and not is_served and any(_is_open_below(root, folder) for root in roots):
        return None
    return _NOT_HERE.format(folder=wanted.inbox, config=now.data_dir / CONFIG_NAME)


def _is_named_below(root: Path, folder: Path, names: Collection[str | None]) -> bool:
    """Whether the way from root to folder begins with one of these."""
    return folder != root and folder.is_relative_to(root) and folder.relative_to(root).parts[0].casefold() in names


def _roots(home: Path, folder: Path) -> list[Path]:
    """Where its user's own folders lie."""
    homes = [home] if home != home.parent else []  # a service may have "/" for its home
    # On Windows each other disk has a letter; checked by syntax only.
    drives = [Path(folder.anchor)] if folder.drive and folder.drive.casefold() != home.drive.casefold() else []
    return [*homes, *MEDIA, _SRV, *drives]


def _is_open_below(root: Path, folder: Path) -> bool:
    if folder == root or not folder.is_relative_to(root):
        return False
    on_the_way = [folder, *folder.parents][: len(folder.parts) - len(root.parts)]
    return not any(_is_hidden(each) for each in on_the_way)


def _is_hidden(folder: Path) -> bool:
    if folder.name.startswith("."):
        return True
    try:
        facts = folder.stat()
    except OSError:
        return False  # it is to be made
    flags, attributes = getattr(facts, "st_flags", 0), getattr(facts, "st_file_attributes", 0)
    return bool(flags & getattr(stat, "UF_HIDDEN", 0) or attributes & getattr(stat, "FILE_ATTRIBUTE_HIDDEN", 0))
