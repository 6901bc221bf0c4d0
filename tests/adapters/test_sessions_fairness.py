"""A small file waits for no big one, in bytes on the wire: beside it, from another page, and towards a phone."""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest

from qrshared.protocol import Chunk, Finish, Propose
from qrshared.shelf import Source
from tests.adapters.sessions_world import computer
from tests.client import READ_BYTES, Batch, File, Repeated, Visit
from tests.receiving import Pocket

MIB = 1024 * 1024
GIB = 1024 * MIB
BEGUN = 8 * MIB
SMALL = MIB
TENTH = GIB // 10


def film(number: int = 0) -> Batch:
    return Batch([File(f"film {number}.mov", Repeated(GIB))])


def photo() -> Batch:
    return Batch([File("photo.jpg", Repeated(SMALL))])


async def send_together(visit: Visit, batches: Sequence[Batch], latecomer: Batch) -> int:
    """As a page does: all take turns, the latecomer joins in the middle. Bytes of the others until it has landed."""
    under_way = list(batches)
    for batch in under_way:
        await visit.say(*batch.sender.propose())
    joined: int | None = None
    turn = 0
    while not latecomer.receipts:
        sent = sum(batch.sent_bytes for batch in batches)
        if joined is None and all(batch.sent_bytes >= BEGUN for batch in batches):
            joined = sent
            await visit.say(*latecomer.sender.propose())
            under_way.append(latecomer)
        turn += 1
        for batch in under_way[turn % len(under_way) :] + under_way[: turn % len(under_way)]:
            read = batch.sender.next_read(READ_BYTES // 2)
            if read is not None:
                chunks = batch.chunks(read)
                assert batch.sender.sent(read)
                batch.sent_bytes += read.length
                await visit.say(*chunks)
                break
        else:
            message = await visit.hear()
            for batch in under_way:
                await visit.take(batch, message)
        for batch in under_way:
            await visit.say(*batch.sender.messages_to_send())
    assert joined is not None
    return sum(batch.sent_bytes for batch in batches) - joined


@pytest.mark.parametrize("films", [1, 2, 5])
async def test_from_the_same_page_a_photo_lands_before_a_tenth_of_a_film(tmp_path: Path, films: int) -> None:
    async with computer(tmp_path) as home:
        phone = await home.trusted_phone()
        async with phone.visit() as visit:
            batches = [film(n) for n in range(films)]
            beside = await send_together(visit, batches, photo())
            assert beside < TENTH
            for batch in batches:
                await visit.cancel(batch)
        await home.quiet()


async def test_from_another_page_it_waits_for_nobody(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        hers, guest = await home.trusted_phone(), home.guest()
        big = film()
        async with hers.visit() as visit, guest.visit() as of_guest:
            joined = landed = 0

            async def send_big() -> None:
                await visit.send(big, until=lambda: landed > 0)

            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(send_big())
                while big.sent_bytes < BEGUN:
                    await asyncio.sleep(0)
                joined = big.sent_bytes
                await of_guest.send(photo())
                landed = big.sent_bytes
            assert 0 < landed - joined < TENTH
            await visit.cancel(big)
        await home.quiet()


async def test_towards_a_phone_what_was_offered_last_overtakes_what_is_big(tmp_path: Path) -> None:
    def file_at(name: str, size: int) -> Source:
        path = tmp_path / name
        with path.open("wb") as file:
            file.truncate(size)
        return Source.of(path)

    async with computer(tmp_path) as home:
        phone = await home.trusted_phone()
        async with phone.visit() as visit:
            device = home.live.devices()[0]
            pockets: dict[str, Pocket] = defaultdict(Pocket)
            bigs = [home.outgoing.offer(device, [file_at(f"film {n}.mov", GIB)]) for n in range(3)]
            joined = 0
            small = None

            def moved() -> int:
                return sum(pockets[one.transfer].arrived_bytes for one in bigs)

            while True:
                message = await visit.hear()
                if isinstance(message, Propose | Chunk | Finish):
                    await pockets[message.transfer]._hear(visit, message)
                if small is None and moved() >= BEGUN:
                    joined = moved()
                    small = home.outgoing.offer(device, [file_at("photo.jpg", SMALL)])
                if small is not None and pockets[small.transfer].is_over:
                    break
            await small.wait_over()
            assert small.receipts[0].sha256 == hashlib.sha256(bytes(SMALL)).hexdigest()
            assert moved() - joined < TENTH
            for one in bigs:
                one.cancel()
