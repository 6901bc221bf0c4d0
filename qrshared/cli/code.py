"""Draws a code for eyes and cameras: a text becomes a matrix, a matrix becomes lines for a terminal."""

from enum import Enum
from typing import TypeAlias, cast

import qrcode
import qrcode.constants

Matrix: TypeAlias = tuple[tuple[bool, ...], ...]
"""Rows of modules, True is dark; the quiet zone is part of it."""

QUIET_MODULES = 4
"""The quiet zone that ISO/IEC 18004 asks for on each side; without it phones search in vain on a busy screen."""


class Ink(Enum):
    """How a terminal can draw two rows of modules in one row of characters."""

    COLOURED = "coloured"
    PLAIN = "plain"
    ASCII = "ascii"


# Numbers 16 and 231 of the 256-colour cube are true black and white in every theme; numbers 0 to 15 are not.
BLACK_ON_WHITE = "\x1b[38;5;16;48;5;231m"
RESET = "\x1b[0m"

_HALVES = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}


def code_matrix(text: str) -> Matrix:
    """The smallest code that holds the text; little error correction, because a screen has no scratches."""
    code = qrcode.QRCode(border=QUIET_MODULES, error_correction=qrcode.constants.ERROR_CORRECT_L)
    code.add_data(text)
    code.make(fit=True)
    return tuple(tuple(row) for row in cast("list[list[bool]]", code.get_matrix()))


def half_block_rows(matrix: Matrix) -> list[str]:
    """Two rows of modules a line, drawn dark where the code is dark: needs black ink on a white ground."""
    # The last row of an odd number is drawn beside a copy of itself: it is quiet zone, whichever way round.
    rows = [*matrix, matrix[-1]] if len(matrix) % 2 else list(matrix)
    return [
        "".join(_HALVES[upper, lower] for upper, lower in zip(above, below, strict=True))
        for above, below in zip(rows[::2], rows[1::2], strict=True)
    ]


def terminal_code(matrix: Matrix, ink: Ink) -> str:
    """The whole code as lines for a terminal, each ended."""
    return "".join(f"{row}\n" for row in _drawn(matrix, ink))


def _drawn(matrix: Matrix, ink: Ink) -> list[str]:
    match ink:
        case Ink.COLOURED:
            return [f"{BLACK_ON_WHITE}{row}{RESET}" for row in half_block_rows(matrix)]
        case Ink.PLAIN:
            # Without colours the ink is the terminal's own, and most are light on dark: so draw what is light.
            return half_block_rows(tuple(tuple(not dark for dark in row) for row in matrix))
        case Ink.ASCII:
            return ["".join("  " if dark else "##" for dark in row) for row in matrix]
