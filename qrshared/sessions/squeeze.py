"""Deflates chunks where that pays: decided for each item by a sample of it, each chunk on its own, before it is sealed.

`web/src/session/squeeze.ts` is the twin for what a page sends.
"""

import zlib
from typing import Final

PAYS_BELOW: Final = 0.5
"""A chunk that does not become at least so much smaller goes as it is.

What becomes half costs less time at both ends than sealing and sending it whole over WebRTC, on any line. What shrinks
less takes longer to deflate as well: where the line was no bound, hex (0.59) from a page took 1.5 times as long, base64
(0.77) to a page up to 2.4 times. No window told when: the page's inflating fills it too (`tests/bench/deflate.py`).
"""

ITEM_BYTES_LEAST: Final = 2_048
"""Shorter items fit in a packet or two anyway."""

LEVEL: Final = 1
"""The quickest: one core made chunks of a log 0.23 of their size at 260 MB/s; with 6, 0.19 at 69 MB/s."""

NEVER: Final = frozenset(
    {
        "7z", "aac", "apk", "avi", "avif", "br", "bz2", "cbr", "cbz", "deb", "dmg", "docx", "epub", "flac", "gif",
        "gz", "heic", "heif", "ipa", "jar", "jpeg", "jpg", "jxl", "lz4", "m4a", "m4v", "mkv", "mov", "mp3", "mp4",
        "mpg", "odt", "ogg", "opus", "png", "pptx", "rar", "rpm", "tgz", "webm", "webp", "whl", "wma", "wmv",
        "woff", "woff2", "xlsx", "xz", "zip", "zst",
    }
)  # fmt: skip
"""By their endings: what is compressed already."""


class Squeezer:
    """Decides and deflates for one transfer; it remembers which items do not shrink. One thread at a time."""

    def __init__(self) -> None:
        self._pays: dict[int, bool] = {}

    def may_pay(self, item: int, name: str, size: int) -> bool:
        """Whether it is worth looking at: not small, not compressed already, and no sample of it failed."""
        ending = name.rpartition("/")[2].lower().rpartition(".")
        is_compressed = ending[0] != "" and ending[2] in NEVER
        return self._pays.get(item, size >= ITEM_BYTES_LEAST and not is_compressed)

    def squeeze(self, item: int, chunk: bytes) -> bytes:
        """What goes out in place of this chunk; nothing where it goes out as it is."""
        if not self._pays.get(item, True):
            return b""
        deflater = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        raw = deflater.compress(chunk) + deflater.flush()
        is_smaller = len(raw) < len(chunk) * PAYS_BELOW
        # The sample: what does not shrink at its beginning is not tried again.
        self._pays.setdefault(item, is_smaller)
        return raw if is_smaller else b""
