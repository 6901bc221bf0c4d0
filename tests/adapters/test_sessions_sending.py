"""What a daemon sends: files leave whole or not at all, only to the device they are for, and go on after a cut."""

import asyncio
import os
from pathlib import Path

import pytest

from qrshared.protocol import Decline, Propose, Reason
from qrshared.sessions.sending import OUTGOING_PER_DEVICE_MAX
from qrshared.shelf import Source, SourceUnreadable
from tests.adapters.sessions_world import computer
from tests.receiving import Pocket
from tests.waiting import until

MIB = 1024 * 1024


def file_at(folder: Path, name: str, content: bytes) -> Source:
    path = folder / name
    path.write_bytes(content)
    return Source.of(path)


async def test_files_reach_the_device_whole_and_give_receipts(tmp_path: Path) -> None:
    content = {"a.bin": os.urandom(3 * MIB + 17), "empty.txt": b"", "b.txt": b"hello"}
    async with computer(tmp_path) as home:
        phone = await home.trusted_phone()
        async with phone.visit() as visit:
            device = home.live.devices()[0]
            outgoing = home.outgoing.offer(device, [file_at(tmp_path, *one) for one in content.items()])
            pocket = Pocket()
            await pocket.take(visit)
            async with asyncio.timeout(60):
                await outgoing.wait_over()
            assert pocket.files() == content
            assert [outgoing.receipts[item].name for item in range(3)] == list(content)
            assert all(receipt.handed_over for receipt in outgoing.receipts.values())


async def test_what_waits_goes_out_when_the_device_comes(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        phone = await home.trusted_phone()
        async with phone.visit():
            device = home.live.devices()[0]
        await until(lambda: not home.live.devices())
        outgoing = home.outgoing.offer(device, [file_at(tmp_path, "later.txt", b"waited")])
        async with phone.visit() as visit:
            pocket = Pocket()
            await pocket.take(visit)
        await until(lambda: outgoing.is_over)
        assert pocket.files() == {"later.txt": b"waited"}


async def test_after_a_cut_it_goes_on_from_what_was_taken(tmp_path: Path) -> None:
    content = os.urandom(8 * MIB)
    async with computer(tmp_path) as home:
        phone = await home.trusted_phone()
        pocket = Pocket()
        async with phone.visit() as visit:
            outgoing = home.outgoing.offer(home.live.devices()[0], [file_at(tmp_path, "big.bin", content)])
            await pocket.take(visit, until=lambda: pocket.arrived_bytes > 3 * MIB)
        pocket.cut()
        async with phone.visit() as visit:
            await pocket.take(visit)
        await until(lambda: outgoing.is_over)
        assert pocket.files() == {"big.bin": content}
        assert pocket.arrived_bytes - len(content) <= 4 * MIB


async def test_nobody_but_the_device_hears_of_it_and_a_guest_is_sent_nothing(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        hers, guest = await home.trusted_phone(), home.guest()
        async with guest.visit() as visit_of_guest, hers.visit() as visit:
            for device in home.live.devices():
                home.outgoing.offer(device, [file_at(tmp_path, f"{device[:6]}.txt", device.encode())])
            pocket = Pocket()
            await pocket.take(visit)
            assert len(pocket.files()) == 1
            hearing = asyncio.get_running_loop().create_task(Pocket().take(visit_of_guest))
            await asyncio.wait({hearing}, timeout=0.3)
            assert not hearing.done()
            hearing.cancel()


async def test_a_file_that_changes_on_the_way_fails_and_the_others_arrive(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        phone = await home.trusted_phone()
        async with phone.visit() as visit:
            changing = file_at(tmp_path, "changing.bin", os.urandom(6 * MIB))
            steady = file_at(tmp_path, "steady.txt", b"steady")
            outgoing = home.outgoing.offer(home.live.devices()[0], [changing, steady])
            pocket = Pocket()
            await pocket.take(visit, until=lambda: pocket.arrived_bytes > MIB)
            with (tmp_path / "changing.bin").open("r+b") as file:
                file.write(b"other words")
            await pocket.take(visit)
            await until(lambda: outgoing.is_over)
            assert outgoing.failures == {0: Reason.SOURCE_CHANGED}
            assert pocket.files()["steady.txt"] == b"steady"
            assert list(outgoing.receipts) == [1]


async def test_a_device_is_sent_so_many_transfers_at_once_and_the_next_when_one_of_them_has_ended(
    tmp_path: Path,
) -> None:
    async with computer(tmp_path) as home:
        phone = await home.trusted_phone()
        async with phone.visit() as visit:
            device = home.live.devices()[0]
            offered = [
                home.outgoing.offer(device, [file_at(tmp_path, f"{n}.txt", b"x")])
                for n in range(OUTGOING_PER_DEVICE_MAX + 1)
            ]
            proposed = [(await visit.hear_a(Propose)).transfer for _ in range(OUTGOING_PER_DEVICE_MAX)]
            assert proposed == [one.transfer for one in offered[:-1]]
            assert not visit._heard
            await visit.say(Decline(proposed[0], Reason.DECLINED))
            assert (await visit.hear_a(Propose)).transfer == offered[-1].transfer


async def test_declined_means_over(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        phone = await home.trusted_phone()
        async with phone.visit() as visit:
            outgoing = home.outgoing.offer(home.live.devices()[0], [file_at(tmp_path, "no.txt", b"no")])
            await Pocket(refuses=Reason.DECLINED).take(visit)
            await until(lambda: outgoing.is_over)
            assert outgoing.refusal is Reason.DECLINED


def test_only_plain_files_become_sources(tmp_path: Path) -> None:
    (tmp_path / "real.txt").write_text("real")
    (tmp_path / "link.txt").symlink_to(tmp_path / "real.txt")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link.txt", "pipe", "missing", "."):
        with pytest.raises(SourceUnreadable):
            Source.of(tmp_path / name)
    assert Source.of(tmp_path / "real.txt").read(0, 4) == b"real"


def test_a_file_replaced_by_a_link_after_the_offer_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    source = file_at(tmp_path, "mine.txt", b"secret")
    (tmp_path / "mine.txt").unlink()
    (tmp_path / "mine.txt").symlink_to(tmp_path / "secret")
    with pytest.raises(SourceUnreadable):
        source.read(0, 6)
