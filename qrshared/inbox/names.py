"""Turns any proposed name into one that is safe on every file system; nothing else makes a `SafeName`.

Rules and their sources: Chromium's and Firefox's download names, Windows' reserved names, and the escapes of paths
that croc, LocalSend, magic-wormhole and GSConnect had to repair. The property test looks at the path finally opened.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import NewType

from qrshared.inbox.errors import NameRefused

SafeName = NewType("SafeName", str)
"""One component of a path, cleaned: no separator, not hidden, not reserved, ≤ `NAME_BYTES_MAX` before a number."""

NAME_BYTES_MAX = 200
"""UTF-8 bytes of one cleaned component; leaves room for ` (12345)` below the 255 of every file system."""

EXTENSION_BYTES_MAX = 20
"""A longer "extension" is part of the name when a long name is cut."""

LOOKED_AT_MAX = 1024
"""Characters of a proposed component that are looked at; composing marks takes time by the square of their number."""

SUFFIX_LOOKED_AT = 64
"""Of them, those at the end: the extension, which says what the file is, and what may hide it."""

FOLDERS_MAX = 16
"""Folders inside each other in one proposed path."""

OWN_PREFIX = ".qrshared-"
"""Files with this prefix are ours; the cleaner cannot make such a name, since it strips leading dots."""

RESERVED_AT_TOP = frozenset({"outbox"})
"""Folded names that mean something at the inbox's top level: what lies in `Outbox` is offered to phones."""

SHELF_FOLDER = SafeName("Outbox")
"""Where its owner's things for phones lie."""

_FORBIDDEN = frozenset('<>:"/\\|?*')
_REPLACED_CATEGORIES = frozenset({"Cc", "Cs", "Cn", "Co", "Zl", "Zp", "Cf"})
_BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters by category, but nothing is seen of them
_JOINERS = "\u200c\u200d"  # needed inside Persian words and family emoji, so kept although they are of category Cf
_DEVICES = frozenset(
    {"CON", "PRN", "AUX", "NUL", "CLOCK$", "CONIN$", "CONOUT$"}
    | {f"{port}{digit}" for port in ("COM", "LPT") for digit in "0123456789¹²³"}
)
# A double click on one of these runs something or fetches an icon over the network.
_LAUNCHERS = frozenset({"lnk", "url", "desktop", "scf", "local", "library-ms", "search-ms", "webloc", "inf"})
# HFS+ ignores zero-width characters when it compares names (git's CVE-2014-9390).
_IGNORED = frozenset(_JOINERS) | {chr(code) for code in range(0xFE00, 0xFE10)}
_DRIVE = re.compile(r"[A-Za-z]:")
_PASSES_MAX = 8


@dataclass(frozen=True, slots=True)
class SafePath:
    """Where an item wants to be, relative to the inbox."""

    folders: tuple[SafeName, ...]
    name: SafeName

    def __str__(self) -> str:
        return "/".join((*self.folders, self.name))


def clean_path(proposed: str) -> SafePath:
    """The safe place for a proposed name; `/` in it means a tree of folders. Raises `NameRefused` for an escape.

    A plain name keeps its last part (`C:\\fakepath\\a.jpg` becomes `a.jpg`). A tree is not guessed at: one that names a
    parent, a drive or a root is refused whole, because its sender meant something other than a tree.
    """
    if "/" not in proposed:
        return SafePath((), _free_of_reserved(clean_name(proposed)))
    if proposed.startswith(("/", "\\")) or _DRIVE.match(proposed):
        raise NameRefused
    parts = [part for part in proposed.split("/") if part not in {"", "."}]
    if not parts or len(parts) > FOLDERS_MAX + 1 or any(".." in part.split("\\") for part in parts):
        raise NameRefused
    cleaned = [_clean_component(part) for part in parts]
    cleaned[0] = _free_of_reserved(cleaned[0])
    return SafePath(tuple(cleaned[:-1]), cleaned[-1])


def shelf_path(proposed: str) -> SafePath:
    """The safe place below the Outbox; as `clean_path`."""
    path = clean_path(proposed)
    return SafePath((SHELF_FOLDER, *path.folders), path.name)


def clean_name(proposed: str) -> SafeName:
    """The safe name for the last part of a proposed one; `/` and `\\` both separate."""
    return _clean_component(re.split(r"[/\\]", proposed)[-1])


def numbered(name: SafeName, number: int) -> SafeName:
    """`photo.jpg` → `photo (2).jpg`; number 1 is the name itself."""
    if number == 1:
        return name
    stem, extension = _split(name)
    return SafeName(f"{stem} ({number}){extension}")


def shortened(name: SafeName, size: int) -> SafeName:
    """The name cut to `size` bytes, with its extension."""
    return SafeName(_cut(name, size))


def folded(name: str) -> str:
    """Equal for names that some file system could take for the same one (case, normalisation, ignored characters)."""
    visible = "".join(character for character in name if character not in _IGNORED)
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).casefold())


def _free_of_reserved(name: SafeName) -> SafeName:
    return numbered(name, 2) if folded(name) in RESERVED_AT_TOP else name


def _clean_component(text: str) -> SafeName:
    if len(text) > LOOKED_AT_MAX:
        text = text[: LOOKED_AT_MAX - SUFFIX_LOOKED_AT] + text[-SUFFIX_LOOKED_AT:]
    # Each rule can undo another (a cut makes `con   …` into `con`), so they are applied until nothing changes.
    for _ in range(_PASSES_MAX):
        cleaned = _clean_once(text)
        if cleaned == text:
            break
        text = cleaned
    return SafeName(text)


def _clean_once(text: str) -> str:
    # JavaScript may send half of a surrogate pair; whole pairs are joined here, halves become U+FFFD.
    text = unicodedata.normalize("NFC", text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))
    text = "".join(map(_clean_character, text)).lstrip(" .~-" + _JOINERS).rstrip(" ." + _JOINERS)
    if not text.strip("_ " + _JOINERS):
        return "unnamed"
    if text.rpartition(".")[2].strip().casefold() in _LAUNCHERS and "." in text:
        text += ".download"
    if text.partition(".")[0].strip().upper() in _DEVICES:
        text = "_" + text
    return unicodedata.normalize("NFC", _cut(text))


def _clean_character(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Zs":
        return " "
    if (
        character in _FORBIDDEN
        or character in _BLANKS
        or (category in _REPLACED_CATEGORIES and character not in _JOINERS)
    ):
        return "_"
    return character


def _cut(text: str, size: int = NAME_BYTES_MAX) -> str:
    if len(text.encode()) <= size:
        return text
    stem, extension = _split(text)
    room = size - len(extension.encode())
    return stem.encode()[:room].decode("utf-8", "ignore").rstrip(" .") + extension


def _split(name: str) -> tuple[str, str]:
    """Stem and extension with its dot; no extension when it is too long to be one."""
    stem, dot, extension = name.rpartition(".")
    if not dot or not stem or len(extension.encode()) > EXTENSION_BYTES_MAX:
        return name, ""
    return stem, dot + extension
