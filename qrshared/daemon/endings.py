"""Closes the sessions of devices whose key has ended; the book, which says so, waits for nobody."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager

from qrshared.protocol import DeviceId, Reason
from qrshared.sessions import IncomingTransfers, LiveSessions, OutgoingTransfers

log = logging.getLogger(__name__)


class Endings:
    """What the book calls. There is a book before there can be a session: until `of` is entered nobody is here."""

    def __init__(self) -> None:
        self._end: Callable[[Iterable[DeviceId], Reason], None] = lambda _devices, _reason: None

    @asynccontextmanager
    async def of(
        self, live: LiveSessions, transfers: IncomingTransfers, outgoing: OutgoingTransfers
    ) -> AsyncIterator[None]:
        """From here on somebody may be connected."""
        async with asyncio.TaskGroup() as tasks:

            def end(devices: Iterable[DeviceId], reason: Reason) -> None:
                tasks.create_task(_end_devices(list(devices), reason, live, transfers, outgoing))

            self._end = end
            yield

    def __call__(self, devices: Iterable[DeviceId], reason: Reason) -> None:
        self._end(devices, reason)


async def _end_devices(
    devices: Sequence[DeviceId],
    reason: Reason,
    live: LiveSessions,
    transfers: IncomingTransfers,
    outgoing: OutgoingTransfers,
) -> None:
    try:
        await live.end(devices, reason)
        if reason is Reason.REVOKED:  # nobody else may go on with what it had begun
            for device in devices:
                await transfers.forget(device, carried_too=True)
                outgoing.forget(device)
    except Exception:  # whatever it is: it may not end the task group, and with it the daemon
        log.exception("a device that has ended was not cleared away")
