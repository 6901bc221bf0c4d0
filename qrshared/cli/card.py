"""Codes on paper: a card as SVG with the computer's name on it, and the bare code as PNG."""

import struct
import zlib
from html import escape

from qrshared.cli.code import Matrix

CARD_WIDTH, CARD_HEIGHT = 90, 110
"""Millimetres: two cards side by side fit on a sheet of A4 or Letter."""

MODULE_PIXELS = 16
"""About 600 pixels for a code: sharp at the size of a hand."""

_NAME_CHARACTERS_MAX = 28


def svg_card(matrix: Matrix, *, computer: str, url: str) -> str:
    """A card to print, in millimetres; black on white whatever the viewer's theme is."""
    side = 80.0
    module = side / len(matrix)
    squares = "".join(
        f"M{x} {y}h{length}v1h-{length}z" for y, row in enumerate(matrix) for x, length in _dark_runs(row)
    )
    name = computer if len(computer) <= _NAME_CHARACTERS_MAX else computer[: _NAME_CHARACTERS_MAX - 1] + "…"
    size = min(6.0, 120 / max(1, len(name)))  # bold letters are about 0.65 of their size wide
    label = f"Code for sending files to {escape(computer)}"
    place = f"translate({(CARD_WIDTH - side) / 2:g} 14) scale({module:.5f})"
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="{CARD_WIDTH}mm" height="{CARD_HEIGHT}mm"
 viewBox="0 0 {CARD_WIDTH} {CARD_HEIGHT}" role="img" aria-label="{label}">
<rect width="{CARD_WIDTH}" height="{CARD_HEIGHT}" fill="#fff"/>
<g fill="#000" font-family="system-ui, sans-serif" text-anchor="middle">
<text x="45" y="12" font-size="{size:g}" font-weight="600">{escape(name)}</text>
<g transform="{place}"><path d="{squares}" shape-rendering="crispEdges"/></g>
<text x="45" y="99" font-size="4.6">Point your camera here to send files</text>
<text x="45" y="105" font-size="2.4">{escape(url.partition("/p#")[0])}</text>
</g>
</svg>
"""


def png_code(matrix: Matrix) -> bytes:
    """The code alone, one bit a pixel (PNG specification, sections 5 and 11): no picture library needed."""
    size = len(matrix) * MODULE_PIXELS
    picture = b"".join((b"\0" + _packed(row)) * MODULE_PIXELS for row in matrix)  # each line: filter 0, then pixels
    header = struct.pack(">IIBBBBB", size, size, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _block(kind, content)
        for kind, content in ((b"IHDR", header), (b"IDAT", zlib.compress(picture, 9)), (b"IEND", b""))
    )


def _packed(row: tuple[bool, ...]) -> bytes:
    """Eight pixels a byte, 1 is white; a row of modules is always a whole number of bytes wide."""
    bits = "".join(("0" if dark else "1") * MODULE_PIXELS for dark in row)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def _block(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _dark_runs(row: tuple[bool, ...]) -> list[tuple[int, int]]:
    """Where dark squares begin and how many stand side by side."""
    runs: list[tuple[int, int]] = []
    for x, dark in enumerate(row):
        if not dark:
            continue
        if runs and sum(runs[-1]) == x:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((x, 1))
    return runs
