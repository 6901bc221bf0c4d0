"""Codes in the terminal: what is drawn reads back as what was meant, in each ink."""

import re

import pytest

from qrshared.cli.code import QUIET_MODULES, Ink, Matrix, code_matrix, terminal_code

URL = "http://192.168.178.123:7774/p#1" + "A" * 22

DARK = {" ": (False, False), "▀": (True, False), "▄": (False, True), "█": (True, True)}


def read_back(text: str, ink: Ink) -> Matrix:
    """As an eye does: which squares are dark."""
    lines = text.splitlines()
    if ink is Ink.ASCII:
        return tuple(tuple(line[at] == " " for at in range(0, len(line), 2)) for line in lines)
    rows: list[tuple[bool, ...]] = []
    for line in lines:
        pairs = [DARK[character] for character in re.sub(r"\x1b\[[0-9;]*m", "", line)]
        rows += [tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs)]
    if ink is Ink.PLAIN:  # light ink on a dark ground
        rows = [tuple(not dark for dark in row) for row in rows]
    return tuple(rows)


@pytest.mark.parametrize("ink", Ink)
def test_what_is_drawn_reads_back_as_the_code(ink: Ink) -> None:
    matrix = code_matrix(URL)
    drawn = read_back(terminal_code(matrix, ink), ink)
    assert drawn[: len(matrix)] == matrix
    assert not any(any(row) for row in drawn[len(matrix) :]), "what is left over is quiet zone"


def test_a_code_has_its_quiet_zone_and_three_eyes_and_fits_an_old_terminal() -> None:
    matrix = code_matrix(URL)
    size = len(matrix)
    quiet = {
        matrix[y][x] for y in range(size) for x in range(size) if min(x, y, size - 1 - x, size - 1 - y) < QUIET_MODULES
    }
    assert quiet == {False}
    eye = [matrix[QUIET_MODULES + row][QUIET_MODULES : QUIET_MODULES + 7] for row in range(7)]
    assert eye[0] == (True,) * 7
    assert eye[3] == (True, False, True, True, True, False, True)
    assert len(terminal_code(matrix, Ink.COLOURED).splitlines()) <= 22
    assert size <= 80


def test_colours_are_set_and_taken_back_on_each_line() -> None:
    for line in terminal_code(code_matrix(URL), Ink.COLOURED).splitlines():
        assert line.startswith("\x1b[38;5;16;48;5;231m")
        assert line.endswith("\x1b[0m")
    assert "\x1b" not in terminal_code(code_matrix(URL), Ink.PLAIN)
    assert terminal_code(code_matrix(URL), Ink.ASCII).isascii()
