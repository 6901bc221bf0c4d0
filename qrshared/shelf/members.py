"""Names in a zip: each one free wherever it may be unpacked, so that none unpacks over another."""

import itertools
import re
import unicodedata
from typing import Final

PART_BYTES_MAX: Final = 240
"""UTF-8 bytes of one part of a path; leaves room for ` (100000)` below the 255 of common file systems."""

# What Windows forbids; its own unpacker stops at such a name, or others make one character of several.
_FORBIDDEN: Final = re.compile(r'[\x00-\x1f\x7f"*:<>?\\|]')
# Windows keeps these for devices, whatever follows the first dot.
_DEVICE: Final = re.compile(r"(con|prn|aux|nul|clock\$|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\.|$)", re.IGNORECASE)
_EXTENSION_LETTERS_MAX: Final = 16


class MemberNames:
    """Gives each file and each empty folder of a tree its name in the zip.

    Two that are alike to some system (capitals, accents in two spellings, what it forbids, bytes that are no text) are
    told apart by a number; a folder that was given a number keeps it for all that is in it.
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._folders: dict[str, str] = {}
        self._last: dict[str, int] = {}

    def of(self, path: str) -> str:
        """A free one for the thing at this path; `/` parts."""
        *folders, name = path.split("/")
        before, above = "", ""
        for folder in folders:
            before = f"{before}{folder}/"
            if before not in self._folders:
                self._folders[before] = f"{self._free(above, folder)}/"
            above = self._folders[before]
        return self._free(above, name)

    def _free(self, above: str, part: str) -> str:
        fit = _fit(part)
        wanted = _folded(above + fit)
        numbers = itertools.count(self._last.get(wanted, 0) + 1)
        tried = ((number, above + _numbered(fit, number)) for number in numbers)
        number, name = next(one for one in tried if _folded(one[1]) not in self._taken)
        self._last[wanted] = number  # a hundred thousand that are alike are not counted from one each time
        self._taken.add(_folded(name))
        return name


def _fit(part: str) -> str:
    # Windows drops dots and blanks at the end: "a." would unpack over "a".
    fit = _FORBIDDEN.sub("_", part).rstrip(" .") or "_"
    if _DEVICE.match(fit):
        fit = f"_{fit}"
    stem, end = _cut(fit)
    room = PART_BYTES_MAX - len(end.encode())
    return fit if len(fit.encode()) <= PART_BYTES_MAX else stem.encode()[:room].decode("utf-8", "ignore") + end


def _numbered(part: str, number: int) -> str:
    if number == 1:
        return part
    stem, end = _cut(part)
    return f"{stem} ({number}){end}"


def _cut(part: str) -> tuple[str, str]:
    dot = part.rfind(".")
    return (part[:dot], part[dot:]) if dot > 0 and len(part) - dot <= _EXTENSION_LETTERS_MAX else (part, "")


def _folded(name: str) -> str:
    """Equal for names that some file system takes for the same one."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
