"""What the bench of deflating sends, made anew by each run: what shrinks far, shrinks little, and does not."""

import base64
import itertools
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

NEVER_TRIED: Final = ".zip"
"""Under this ending the very same bytes go as they are: one switch, and nothing else differs."""

JPEG_HEAD: Final = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffdb0043") + bytes(range(1, 65))


@dataclass(frozen=True)
class Kind:
    """One kind of content, and an ending under which it is tried."""

    name: str
    ending: str
    shrinks: bool
    """So far that it must pay on a slow line."""


LOG: Final = Kind("log", ".log", shrinks=True)
SHEET: Final = Kind("sheet", ".xml", shrinks=True)
DIGITS: Final = Kind("table of digits", ".csv", shrinks=False)
"""Becomes 0.48: of what a daemon deflates this takes the longest and gives the least; a page lets it be."""
MAIL: Final = Kind("mail, base64", ".eml", shrinks=False)
NOISE: Final = Kind("noise", ".bin", shrinks=False)
PHOTO: Final = Kind("photo without its ending", ".dat", shrinks=False)
KINDS: Final = (LOG, SHEET, DIGITS, MAIL, NOISE, PHOTO)


def write(kind: Kind, path: Path, size: int) -> None:
    """A file of this kind and of exactly this size."""
    path.write_bytes(_content(kind, size)[:size])


def _content(kind: Kind, size: int) -> bytes:
    if kind is NOISE:
        return os.urandom(size)
    if kind is DIGITS:
        rng, rows = random.Random(3), size // 24 + 1
        return b"".join(b"%012d;%06d;EUR\n" % (rng.randrange(10**12), rng.randrange(10**6)) for _ in range(rows))
    if kind is MAIL:
        return base64.encodebytes(os.urandom(size))
    if kind is PHOTO:
        # What a JPEG's entropy coder gives: any byte, and a zero behind each ff (ITU T.81, B.1.1.5).
        return JPEG_HEAD + os.urandom(size).replace(b"\xff", b"\xff\x00")
    lines = _log_lines() if kind is LOG else _sheet_rows()
    parts: list[bytes] = []
    written = 0
    while written < size:
        part = "".join(itertools.islice(lines, 4_096)).encode()
        parts.append(part)
        written += len(part)
    return b"".join(parts)


def _log_lines() -> Iterator[str]:
    """As web servers write them: the shape repeats, the numbers do not."""
    rng = random.Random(1)
    paths = [f"/{rng.choice(('api', 'static', 'img'))}/{rng.randrange(10**5):x}" for _ in range(300)]
    for number in itertools.count():
        clock = f"{number // 3_600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}.{rng.randrange(1000):03}"
        where = f"10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(256)}"
        status, count, took = rng.choice((200, 200, 200, 304, 404)), rng.randrange(10**6), rng.randrange(900)
        yield f"2026-11-22 {clock} INFO {where} GET {rng.choice(paths)} {status} {count} bytes in {took} ms\n"


def _sheet_rows() -> Iterator[str]:
    """As a table looks inside an office file once it is unpacked."""
    rng = random.Random(2)
    for row in itertools.count(1):
        cells = [f'<c r="{column}{row}" s="3"><v>{rng.randrange(10**6) / 100}</v></c>' for column in "ABCDEFGH"]
        yield f'<row r="{row}" spans="1:8" x14ac:dyDescent="0.25">{"".join(cells)}</row>\n'
