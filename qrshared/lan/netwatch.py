"""Tells when this computer's network changes: by netlink on Linux, by looking every 3 s elsewhere."""

import asyncio
import logging
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from qrshared.lan.addresses import Candidate, candidates

T = TypeVar("T")

_log = logging.getLogger(__name__)

POLL_S: Final = 3.0
"""How often addresses are read where the system does not tell."""

RECHECK_S: Final = 30.0
"""How often they are read all the same where it does, in case a message was lost."""

DAMPING_S: Final = 0.5
"""Addresses come in bursts (a link, its IPv4, its IPv6): they are read once it has been quiet this long."""

# linux/rtnetlink.h: RTMGRP_LINK, _IPV4_IFADDR, _IPV4_ROUTE, _IPV6_IFADDR, _IPV6_ROUTE
_GROUPS: Final = 0x1 | 0x10 | 0x40 | 0x100 | 0x400


def watch_addresses(
    read: Callable[[], list[Candidate]] = candidates, *, poll_s: float = POLL_S, damping_s: float = DAMPING_S
) -> AsyncIterator[list[Candidate]]:
    """The addresses there are now, then every change of them; the first answer comes at once."""
    return watch(read, poll_s=poll_s, damping_s=damping_s)


async def watch(read: Callable[[], T], *, poll_s: float = POLL_S, damping_s: float = DAMPING_S) -> AsyncIterator[T]:
    """What `read`, in a thread, says of the network now, then whenever it says something else."""
    known: T | None = None
    with _kernel_changes() as changed:
        while True:
            if changed is not None:
                changed.clear()
            found = await asyncio.to_thread(read)
            if found != known:
                known = found
                yield found
            await _next_look(changed, poll_s=poll_s, damping_s=damping_s)


async def _next_look(changed: asyncio.Event | None, *, poll_s: float, damping_s: float) -> None:
    if changed is None:
        await asyncio.sleep(poll_s)
        return
    try:
        async with asyncio.timeout(RECHECK_S):
            await changed.wait()
    except TimeoutError:
        return
    await asyncio.sleep(damping_s)


@contextmanager
def _kernel_changes() -> Iterator[asyncio.Event | None]:
    """An event that the kernel sets; None where it cannot."""
    connection = _netlink()
    if connection is None:
        yield None
        return
    changed = asyncio.Event()
    loop = asyncio.get_running_loop()
    with connection:
        loop.add_reader(connection, _drain, connection, changed)
        try:
            yield changed
        finally:
            loop.remove_reader(connection)


def _netlink() -> socket.socket | None:
    if sys.platform != "linux":
        return None
    kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
    try:
        connection = socket.socket(socket.AF_NETLINK, kind, socket.NETLINK_ROUTE)
    except OSError as fault:  # a sandbox without AF_NETLINK
        _log.info("the kernel does not tell of address changes (%s); looking every %s s", fault.strerror, POLL_S)
        return None
    try:
        connection.bind((0, _GROUPS))
    except OSError:
        connection.close()
        return None
    return connection


def _drain(connection: socket.socket, changed: asyncio.Event) -> None:
    try:
        while connection.recv(65_536):
            pass
    except BlockingIOError:
        pass
    except OSError as overrun:  # ENOBUFS: messages were lost, which is one more reason to look
        _log.debug("netlink: %s", overrun)
    changed.set()
