"""Many senders of one name, and names and messages made to hurt: nothing is overwritten, nothing leaves the inbox."""

import asyncio
import json
import os
import secrets
from pathlib import Path

import pytest

from qrshared.links import Link, LinkClosed
from qrshared.protocol import NAME_CHARACTERS_MAX, WHOLE_MAX, Goodbye, Item, Propose, Reason
from qrshared.seal import KEY_ID_BYTES, lv
from qrshared.sessions.sealed_link import HANDSHAKE_MESSAGE_BYTES_MAX
from tests.adapters.sessions_world import Computer, computer
from tests.client import Batch, Bytes, File, file_of
from tests.waiting import until

NAMES = json.loads((Path(__file__).parent.parent / "vectors" / "names.json").read_text("utf-8"))
SENDERS, TIMES = 40, 25


async def test_forty_senders_of_one_name_twenty_five_times_overwrite_nothing(tmp_path: Path) -> None:
    contents = {f"{sender}/{n}".encode() * 50 for sender in range(SENDERS) for n in range(TIMES)}

    async def send_all(home: Computer, sender: int) -> list[str]:
        names: list[str] = []
        async with home.guest().visit() as visit:
            for n in range(TIMES):
                batch = await visit.send(Batch([file_of("image.jpg", f"{sender}/{n}".encode() * 50)]))
                names += batch.names
        return names

    async with computer(tmp_path) as home:
        async with asyncio.TaskGroup() as tasks:
            sending = [tasks.create_task(send_all(home, sender)) for sender in range(SENDERS)]
        told = [name for task in sending for name in task.result()]
        found = home.visible()
        assert len(told) == len(set(told)) == SENDERS * TIMES
        assert found.keys() == set(told)
        assert set(found.values()) == contents


async def test_hostile_names_land_inside_under_a_safe_name_or_are_refused_with_a_reason(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("precious")
    before = _everything(tmp_path)
    cases = [(one["proposed"], one.get("refused", False)) for one in NAMES]
    assert len(cases) >= 300
    async with computer(tmp_path) as home:
        async with home.guest().visit() as visit:
            batches = [(Batch([File(name, Bytes(name.encode("utf-8", "replace")))]), bad) for name, bad in cases]
            for batch, is_refused in batches:
                await visit.send(batch)
                assert (batch.failures == {0: Reason.NAME_REFUSED}) == is_refused, batch.files[0].name
                assert bool(batch.receipts) != is_refused
            assert (await visit.send(Batch([file_of("fine", b"fine")]))).names == ["fine"]
        await home.quiet()
        landed = {receipt.name for batch, _ in batches for receipt in batch.receipts.values()} | {"fine"}
        assert set(home.visible()) == landed
        ours = (str(home.folder), str(home.data_dir))
        assert {path for path in _everything(tmp_path) - before if not path.startswith(ours)} == set()


def _everything(root: Path) -> set[str]:
    return {str(path) for path in root.rglob("*")}


HUGE = [
    Propose("a" * 32, 0, (Item("a", WHOLE_MAX),), False, 1, WHOLE_MAX),
    Propose("b" * 32, 0, (Item("a", 2**50), Item("b", 2**50)), False, 2, 2**51),
    Propose("c" * 32, 0, (Item("x" * NAME_CHARACTERS_MAX, 1),), False, 1, 1),
    Propose("d" * 32, 0, (Item("a/" * 200 + "b", 1),), False, 1, 1),
    Propose("e" * 32, 0, (Item("a", 1),), True, 2**53 - 1, 1),
    Propose("f" * 32, 0, (Item("a", 1),), False, 1, 1, tuple(secrets.token_hex(16) for _ in range(16))),
]


@pytest.mark.parametrize("proposal", HUGE, ids=lambda one: one.transfer[0])
async def test_sizes_and_counts_at_the_edge_of_the_wire_are_answered_and_the_daemon_lives(
    tmp_path: Path, proposal: Propose
) -> None:
    async with computer(tmp_path) as home:
        async with home.guest().visit() as visit:
            await visit.say(proposal)
            answer = await visit.hear()
            assert getattr(answer, "transfer", None) == proposal.transfer or answer == Goodbye(Reason.PROTOCOL)
        async with home.guest().visit() as visit:
            assert (await visit.send(Batch([file_of("fine", b"fine")]))).names == ["fine"]


NONSENSE = [
    b"{",
    b"{}",
    b"[]",
    b'{"t":"propose"}',
    b'{"t":"propose","transfer":"../../etc/passwd","first":0,"items":[],"more":false,"count":0,"bytes":0}',
    b'{"t":"taken","transfer":"' + b"a" * 32 + b'","count":-1}',
    b'{"t":"safe","transfer":"' + b"a" * 32 + b'","item":1e99,"offset":0}',
    b"[" * 30_000,
    b'{"t":' * 10_000,
    b"\x01",
    b"\x01" + b"\xff" * 28,
    b"\x01" + b"\xff" * 60,
    b"\xff\xfe",
    b"{\xff}",
    b'{"t":"ping","n":' + b"9" * 5000 + b"}",
]


@pytest.mark.parametrize("plaintext", NONSENSE, ids=range(len(NONSENSE)))
async def test_nonsense_under_the_seal_is_answered_with_protocol_and_nobody_else_notices(
    tmp_path: Path, plaintext: bytes
) -> None:
    async with computer(tmp_path) as home, home.guest().visit() as other:
        async with home.guest().visit() as visit:
            await visit.link._link.send(visit.link._sealed.seal(plaintext))
            assert await visit.hear_a(Goodbye) == Goodbye(Reason.PROTOCOL)
        assert (await other.send(Batch([file_of("fine", b"fine")]))).names == ["fine"]


async def test_messages_that_were_not_sealed_for_us_end_the_link(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        async with home.guest().visit() as visit:
            sealed = visit.link._sealed.seal(b'{"t":"ping","n":1}')
            await visit.link._link.send(bytes([sealed[0] ^ 1]) + sealed[1:])
            assert await visit.until_closed() == [Goodbye(Reason.PROTOCOL)]
        await home.quiet()
        assert home.visible() == {}


async def _until_closed(link: Link) -> list[bytes]:
    heard: list[bytes] = []
    try:
        while True:
            heard += await link.receive()
    except LinkClosed:
        return heard


@pytest.mark.parametrize(
    "opening",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        os.urandom(200),
        lv(b"qrshared/1", b"", b"short"),
        lv(b"qrshared/2", b"", b"n" * 32),
        lv(b"qrshared/1", b"k" * KEY_ID_BYTES, b"n" * 32),
        b"x" * (HANDSHAKE_MESSAGE_BYTES_MAX + 1),
    ],
    ids=["http", "random", "short nonce", "another version", "unknown key", "too long"],
)
async def test_strangers_get_a_refusal_and_a_closed_link(tmp_path: Path, opening: bytes) -> None:
    async with computer(tmp_path) as home:
        async with home.connect() as link:
            await link.send(opening)
            assert len(await _until_closed(link)) <= 2  # its opening, and at most a refusal
        await until(lambda: not home.serving)
        assert (home.sealed, len(home.live)) == (0, 0)
