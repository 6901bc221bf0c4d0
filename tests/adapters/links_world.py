"""Real peer connections within this process for the tests of links, and a look at what they leave behind."""

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from qrshared.links import IceServer, LinkClosed
from qrshared.links.datachannel import DataChannelLink
from qrshared.links.peer_connection import PeerConnection
from qrshared.links.port import BATCH_MESSAGES_MAX, MESSAGE_BYTES_MAX
from tests.waiting import until

FULL_BATCH = [bytes([n]) * MESSAGE_BYTES_MAX for n in range(BATCH_MESSAGES_MAX)]
SMALL_BOUND = 4 << 20
"""A sleeping reader shall cost a test no more than this."""

GONE_WITHIN_S = 30.0


@asynccontextmanager
async def nothing_left() -> AsyncIterator[None]:
    """No task, no socket, and no error that nobody looked at outlives what is done within."""
    complaints: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(str(context)))
    tasks, sockets = asyncio.all_tasks(), _open_sockets()
    yield
    try:
        await until(lambda: not _more_tasks(tasks) and _open_sockets() <= sockets, within_s=GONE_WITHIN_S)
    except TimeoutError:
        raise AssertionError(f"left: {_more_tasks(tasks)}, {_open_sockets() - sockets} sockets") from None
    gc.collect()  # an error that nobody looked at is told when its task goes
    assert not complaints


def _more_tasks(than: set[asyncio.Task[object]]) -> set[asyncio.Task[object]]:
    current = asyncio.current_task()
    return {task for task in asyncio.all_tasks() - than if task is not current}


def _open_sockets() -> int:
    return sum(map(_is_socket, Path("/proc/self/fd").iterdir()))


def _is_socket(entry: Path) -> bool:
    try:
        return str(entry.readlink()).startswith("socket:")
    except FileNotFoundError:
        return False  # the descriptor of this very listing


@asynccontextmanager
async def connected(
    here_servers: Sequence[IceServer] = (),
    there_servers: Sequence[IceServer] = (),
    *,
    here_relay_only: bool = False,
    there_relay_only: bool = False,
) -> AsyncIterator[tuple[PeerConnection, PeerConnection, DataChannelLink, DataChannelLink]]:
    """The side that offers, the one that answers, and their links."""
    async with (
        PeerConnection(here_servers, relay_only=here_relay_only, unread_bytes_max=SMALL_BOUND) as here,
        PeerConnection(there_servers, relay_only=there_relay_only, unread_bytes_max=SMALL_BOUND) as there,
    ):
        await here.accept(await there.answer(await here.offer()))
        async with asyncio.timeout(60):
            links = await here.opened(), await there.opened()
        yield here, there, *links


async def end_of(link: DataChannelLink, *, within_s: float = 60) -> str:
    """Read on until the link ends; why it did."""
    async with asyncio.timeout(within_s):
        try:
            while True:
                await link.receive()
        except LinkClosed as closed:
            return closed.reason
