"""Receipts kept at the computer: durable, bounded, for the owner alone, and longer than the device is known."""

import asyncio
import json
import os
import stat
import sys
from pathlib import Path

import pytest

from qrshared.daemon import receipts as receipts_module
from qrshared.daemon.receipts import Receipts
from qrshared.inbox import Placed
from qrshared.protocol import (
    DeviceList,
    Done,
    EntryFacts,
    GetStatus,
    InboxList,
    ListDevices,
    ListInbox,
    ListReceipts,
    PeerKind,
    ReceiptList,
    Refuse,
    RenameDevice,
    RenameEntry,
    RevokeDevice,
    StatusFacts,
    TransferState,
)
from qrshared.sessions import Sender
from tests.client import Batch, file_of
from tests.daemon.daemon_world import PROJECT, Home

ANNA = Sender("a" * 32, "Anna's phone", PeerKind.PHONE)


def note(receipts: Receipts, *names: str) -> None:
    for item, name in enumerate(names):
        receipts.note(ANNA, "7" * 32, item, Placed(name, len(name), "0" * 64))


async def names(receipts: Receipts, limit: int = 10_000) -> list[str]:
    return [kept.name for kept in await receipts.newest(limit)]


async def test_receipts_outlive_the_daemon_newest_first_for_nobody_elses_eyes(tmp_path: Path) -> None:
    path = tmp_path / "receipts.jsonl"
    async with Receipts(path) as receipts:
        assert await names(receipts) == []
        note(receipts, "a.jpg", "\udc80 \x1b b.mov")
        assert await names(receipts) == ["\udc80 \x1b b.mov", "a.jpg"]
        note(receipts, "last words of a daemon that stops.txt")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    async with Receipts(path, now=lambda: 1_700_000_000.0) as receipts:
        note(receipts, "c.jpg")
        (newest, *_) = await receipts.newest(1)
        assert (newest.name, newest.sender, newest.transfer, newest.item) == ("c.jpg", "Anna's phone", "7" * 32, 0)
        assert newest.placed_ms == 1_700_000_000_000
        assert len(await names(receipts)) == 4


async def test_a_torn_end_swallows_no_receipt(tmp_path: Path) -> None:
    path = tmp_path / "receipts.jsonl"
    async with Receipts(path) as receipts:
        note(receipts, "a", "b")
    path.write_bytes(path.read_bytes() + b'{"placed_ms":17,"sen')
    async with Receipts(path) as receipts:
        note(receipts, "c")
        assert await names(receipts) == ["c", "b", "a"]
    assert all(json.loads(line) for line in path.read_text().splitlines())


async def test_the_oldest_go_by_number_and_by_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts_module, "KEPT_MAX", 20)
    monkeypatch.setattr(receipts_module, "BEYOND", 5)
    path = tmp_path / "receipts.jsonl"
    async with Receipts(path) as receipts:
        for n in range(60):
            note(receipts, str(n))
            assert (await names(receipts))[:20] == [str(one) for one in range(n, max(-1, n - 20), -1)]
            assert len(path.read_bytes().splitlines()) <= 25
    monkeypatch.setattr(receipts_module, "KEPT_BYTES_MAX", 4_096)
    async with Receipts(path) as receipts:
        for n in range(30):
            note(receipts, f"{n} " + "x" * 500)
            assert (await names(receipts))[0].startswith(f"{n} ")
            assert path.stat().st_size <= 4_096


async def test_a_disk_that_refuses_loses_receipts_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    async with Receipts(folder / "receipts.jsonl") as receipts:
        note(receipts, "a")
        assert await names(receipts) == []
        folder.mkdir()
        note(receipts, "b")
        assert await names(receipts) == ["b"]


async def test_the_owner_reads_them_after_the_device_is_gone_and_its_files_are_too(tmp_path: Path) -> None:
    home = Home(tmp_path)
    async with home.daemon():
        phone = await home.phone()
        async with phone.visit() as visit:
            await visit.send(Batch([file_of("a.txt", b"one"), file_of("b.txt", b"two")]))
            refused = await visit.ask(ListReceipts(10))
            assert isinstance(refused, Refuse)
        listed_devices = await home.ask(ListDevices())
        assert isinstance(listed_devices, DeviceList)
        for one in listed_devices.devices:
            await home.ask(RevokeDevice(one.device))
        (home.inbox / "a.txt").unlink()
    async with home.daemon():
        listed = await home.ask(ListReceipts(10))
        assert isinstance(listed, ReceiptList)
        assert {one.name for one in listed.receipts} == {"a.txt", "b.txt"}
        assert {one.sender for one in listed.receipts} == {"Test phone"}
        told = json.loads(await typed(home, "--receipts", "--json", "--limit", "1"))
        assert [one["sha256"] for one in told["receipts"]] == [listed.receipts[0].sha256]
        lines = (await typed(home, "--receipts")).splitlines()
        assert [line.split("\t")[3:] for line in lines] == [[one.sha256, one.name] for one in listed.receipts]


async def names_of_the_sender(home: Home) -> list[str | None]:
    """As each list has it: what came in, the inbox, the receipts."""
    status, inbox, kept = await home.ask(GetStatus()), await home.ask(ListInbox(5)), await home.ask(ListReceipts(5))
    assert isinstance(status, StatusFacts)
    assert isinstance(inbox, InboxList)
    assert isinstance(kept, ReceiptList)
    transfers, entries, receipts = status.transfers, inbox.entries, kept.receipts
    return [*(one.device for one in transfers), *(one.sender for one in entries), *(one.sender for one in receipts)]


async def test_a_renamed_phone_has_its_new_name_wherever_it_is_told_of(tmp_path: Path) -> None:
    home = Home(tmp_path)
    async with home.daemon() as running:
        async with (await home.phone()).visit() as visit:
            device = visit.hello.grant.device if visit.hello is not None and visit.hello.grant is not None else None
            assert device is not None
            await home.ask(RenameDevice(device, "Anna's phone"))
            await visit.send(Batch([file_of("a.txt", b"one")]))  # from a page that was open before
            assert await names_of_the_sender(home) == ["Anna's phone"] * 3
        await home.ask(RenameDevice(device, "Grandma's phone"))
        assert await names_of_the_sender(home) == ["Grandma's phone"] * 3
        await running.stop()
    async with home.daemon():
        await home.ask(RenameDevice(device, "Anna"))
        assert await names_of_the_sender(home) == ["Anna"] * 3
        await home.ask(RevokeDevice(device))
        assert await names_of_the_sender(home) == ["Anna's phone"] * 3, "what it was called when they came"


async def test_a_file_renamed_on_the_owner_page_still_comes_from_whom_and_when_it_came(tmp_path: Path) -> None:
    home = Home(tmp_path)

    async def entries() -> list[EntryFacts]:
        listed = await home.ask(ListInbox(5))
        assert isinstance(listed, InboxList)
        return list(listed.entries)

    async with home.daemon() as running:
        async with (await home.phone()).visit() as visit:
            await visit.send(Batch([file_of("b.txt", b"two")]))
            await visit.send(Batch([file_of("a.txt", b"one")]))
        assert [(one.name, one.sender) for one in await entries()] == [(n, "Test phone") for n in ("a.txt", "b.txt")]
        assert await home.ask(RenameEntry("b.txt", "letter.txt")) == Done("letter.txt")
        assert await home.ask(RenameEntry("letter.txt", "letter to Anna.txt")) == Done("letter to Anna.txt")
        wanted = await entries()
        told = [(one.name, one.sender) for one in wanted]
        assert told == [(name, "Test phone") for name in ("a.txt", "letter to Anna.txt")], "not by the newest name"
        assert wanted[1].arrived_ms <= wanted[0].arrived_ms
        await running.stop()
    async with home.daemon() as running:
        assert await entries() == wanted
        await running.stop()
    async with home.daemon():
        assert await entries() == wanted, "the list of receipts was written anew"
        kept = await home.ask(ListReceipts(5))
        assert isinstance(kept, ReceiptList)
        assert [one.name for one in kept.receipts] == ["a.txt", "b.txt"], "what was promised to the phone"


async def test_after_a_restart_the_inbox_still_says_who_sent_what_and_of_nothing_else(tmp_path: Path) -> None:
    home = Home(tmp_path)
    async with home.daemon() as running:
        async with (await home.phone()).visit() as visit:
            await visit.send(Batch([file_of("a.txt", b"one"), file_of("b.txt", b"two")]))
        await running.stop()
    (home.inbox / "b.txt").unlink()
    (home.inbox / "b.txt").write_bytes(b"from somebody else")
    async with home.daemon():
        status = await home.ask(GetStatus())
        assert isinstance(status, StatusFacts)
        (lately,) = status.transfers
        assert (lately.device, lately.items_done, lately.bytes_done) == ("Test phone", 2, 6)
        assert lately.state is TransferState.DONE
        entries = json.loads(await typed(home, "--json"))["entries"]
        assert {one["name"]: one["sender"] for one in entries} == {"a.txt": "Test phone", "b.txt": None}


async def typed(home: Home, *words: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "qrshared", "inbox", "--data-dir", str(home.data_dir), *words,
        env={"PATH": os.environ["PATH"], "HOME": str(home.root), "PYTHONPATH": PROJECT}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode == 0
    return said.decode()
