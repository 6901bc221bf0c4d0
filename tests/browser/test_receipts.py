"""The daemon dies between a file's placement and its receipt: afterwards the receipt comes, and no second file."""

import asyncio
import ctypes
import os
import signal
import struct
from pathlib import Path

import pytest

from qrshared.links import LinkClosed
from tests.browser.home import MIB, Home
from tests.browser.phones import phone_on
from tests.client import Batch, Phone, file_of

pytestmark = pytest.mark.needs("netns")

IN_MOVED_TO, IN_CREATE = 0x80, 0x100
EVENT = struct.Struct("iIII")


def watch(folder: Path) -> int:
    """An inotify descriptor that tells of every name that appears in a folder."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init()
    assert libc.inotify_add_watch(descriptor, os.fsencode(folder), IN_MOVED_TO | IN_CREATE) >= 0
    return int(descriptor)


def kill_when_placed(descriptor: int, name: str, pid: int) -> None:
    """Wait until the file has its final name, and kill within microseconds: the folder is not even flushed by then."""
    while True:
        events = os.read(descriptor, 65_536)
        while events:
            length = EVENT.unpack_from(events)[3]
            found = events[EVENT.size : EVENT.size + length].rstrip(b"\0").decode()
            events = events[EVENT.size + length :]
            if found == name:
                os.kill(pid, signal.SIGKILL)
                return


async def die_between(home: Home, phone: Phone, batch: Batch, name: str) -> bool:
    """Send until the daemon dies; True if it died before a receipt was heard."""
    process = home.daemon.process
    assert process is not None
    descriptor = watch(home.daemon.inbox)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(asyncio.to_thread(kill_when_placed, descriptor, name, process.pid))
            try:
                async with phone.visit() as visit:
                    await visit.send(batch)
            except LinkClosed:
                pass
    finally:
        os.close(descriptor)
    return not batch.receipts


@pytest.mark.parametrize("wanted", [10, pytest.param(100, marks=pytest.mark.soak)])
async def test_a_kill_between_placement_and_receipt_gives_exactly_one_file(home: Home, wanted: int) -> None:
    phone = phone_on(home.phone, home.daemon.ticket_url())
    async with phone.visit():
        pass  # enrolled
    hits = tries = 0
    while hits < wanted:
        tries += 1
        assert tries <= 3 * wanted, f"the daemon was quicker than the kill {tries - hits} times"
        name = f"IMG_{tries:04}.jpg"
        content = os.urandom(MIB // 8 if tries % 2 else 2 * MIB)
        batch = Batch([file_of(name, content)])
        was_between = await die_between(home, phone, batch, name)
        await home.daemon.kill()
        await home.daemon.start()
        sent = batch.sent_bytes
        async with phone.visit() as visit:
            await visit.send(batch)
        assert batch.names == [name]
        assert batch.sent_bytes == sent, "bytes were sent again for a file that was there"
        assert home.daemon.files().keys() == {f"IMG_{n:04}.jpg" for n in range(1, tries + 1)}
        assert (home.daemon.inbox / name).read_bytes() == content
        hits += was_between
    print(f"{hits} of {tries} kills came between placement and receipt")
