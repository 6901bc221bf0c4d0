"""What a daemon sends is deflated where its receiver agreed and it becomes much smaller."""

import base64
import os
import random
import re
import zlib
from pathlib import Path

import pytest

from qrshared.protocol import CHUNK_BYTES_MAX, Chunk, decode, encode
from qrshared.sessions.squeeze import ITEM_BYTES_LEAST, NEVER, PAYS_BELOW, Squeezer
from qrshared.shelf import Source
from tests.adapters.sessions_world import computer
from tests.receiving import Pocket
from tests.waiting import until

MIB = 1024 * 1024
TRANSFER = "00112233445566778899aabbccddeeff"
LOG = b"".join(b"%06d took %d ms\n" % (random.randrange(10**6), n) for n in range(250_000))


def test_what_is_compressed_already_tiny_or_shrinks_nothing_at_its_beginning_is_left_alone() -> None:
    squeezer = Squeezer()
    for name in ("IMG_1.JPG", "a/film.mp4", "all.zip", "report.DOCX"):
        assert not squeezer.may_pay(0, name, MIB)
    assert not squeezer.may_pay(0, "note.txt", ITEM_BYTES_LEAST - 1)
    assert squeezer.may_pay(0, "zip", MIB), "control: that is a name, and no ending"
    assert squeezer.squeeze(0, os.urandom(CHUNK_BYTES_MAX)) == b""
    assert not squeezer.may_pay(0, "noise.bin", MIB)
    assert squeezer.squeeze(0, LOG[:CHUNK_BYTES_MAX]) == b"", "it is not tried again"
    assert squeezer.squeeze(1, LOG[:CHUNK_BYTES_MAX]) != b"", "control"
    assert squeezer.squeeze(1, os.urandom(CHUNK_BYTES_MAX)) == b"", "one in the middle goes as it is"


def test_what_shrinks_by_a_quarter_only_goes_as_it_is() -> None:
    squeezer = Squeezer()
    mail = base64.encodebytes(os.urandom(CHUNK_BYTES_MAX))[:CHUNK_BYTES_MAX]
    assert len(zlib.compress(mail, 1)) < CHUNK_BYTES_MAX * 0.8, "control: it does shrink"
    assert squeezer.squeeze(0, mail) == b""
    assert not squeezer.may_pay(0, "new.eml", MIB)


def test_page_and_daemon_leave_the_same_alone() -> None:
    page = (Path(__file__).parents[2] / "web" / "src" / "session" / "squeeze.ts").read_text()
    listed = re.search(r"const NEVER = new Set\((.*?)\);", page, re.DOTALL)
    assert listed is not None
    assert {word for part in re.findall(r'"([^"]*)"', listed[1]) for word in part.split()} == NEVER
    assert f"ITEM_BYTES_LEAST = {ITEM_BYTES_LEAST:_};" in page


def test_a_deflated_chunk_is_read_as_what_it_was_and_is_smaller_on_the_wire() -> None:
    content = LOG[:CHUNK_BYTES_MAX]
    raw = Squeezer().squeeze(0, content)
    wire = encode(Chunk(TRANSFER, 7, 5 * 2**32 + 3, content, raw=raw))
    assert len(wire) < len(content) * PAYS_BELOW
    assert decode(wire) == Chunk(TRANSFER, 7, 5 * 2**32 + 3, content)


@pytest.mark.parametrize("agrees", [True, False])
async def test_only_a_receiver_that_agreed_gets_chunks_deflated_and_all_of_it_is_whole(
    tmp_path: Path, agrees: bool
) -> None:
    content = {"server.log": LOG, "noise.bin": os.urandom(MIB), "film.mp4": LOG[:MIB]}
    for name, whole in content.items():
        (tmp_path / name).write_bytes(whole)
    async with computer(tmp_path) as home:
        phone = await home.trusted_phone()
        async with phone.visit() as visit:
            pocket = Pocket(takes_deflated=agrees)
            outgoing = home.outgoing.offer(home.live.devices()[0], [Source.of(tmp_path / name) for name in content])
            await pocket.take(visit)
            await until(lambda: outgoing.is_over)
        assert pocket.files() == content
        assert {pocket.names[item] for item in pocket.deflated} == ({"server.log"} if agrees else set())
