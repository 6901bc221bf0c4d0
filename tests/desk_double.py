"""A desk that answers a few verbs, holds one back until it is let go, and remembers who asked."""

import asyncio
from collections.abc import Callable, Collection

from qrshared.protocol import (
    BinEntry,
    DeviceList,
    Done,
    EntryFacts,
    Envelope,
    Facts,
    InboxList,
    ListDevices,
    ListInbox,
    Reason,
    RenameEntry,
    Topic,
    TransferList,
    Verb,
)
from qrshared.sessions.desk import Asker, DeskRefusal
from qrshared.tickets import Grant, Right, Road

OWNER = Grant(road=Road.LOOPBACK, rights=frozenset(Right))


class DeskDouble:
    """`bin_entry` is refused, `rename_entry` meets a bug, `list_devices` waits for `let_go`."""

    def __init__(self) -> None:
        self.asked: list[tuple[Verb, Asker]] = []
        self.let_go = asyncio.Event()
        self.held = 0
        self.envelopes: list[tuple[Envelope, Asker]] = []
        self.tells: list[Callable[[Facts], None]] = []
        self.stopped = 0
        self._changed = asyncio.Event()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return when something happened here that makes the condition true."""
        async with asyncio.timeout(60):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def ask(self, verb: Verb, asker: Asker) -> Facts:
        self.asked.append((verb, asker))
        match verb:
            case ListInbox(limit=limit):
                entries = tuple(EntryFacts(f"{'n' * 200}{number}", number, 0) for number in range(limit))
                return InboxList("/inbox", entries, limit)
            case BinEntry():
                raise DeskRefusal(Reason.NOT_FOUND, "There is no such file any more.")
            case RenameEntry():
                raise ZeroDivisionError
            case ListDevices():
                self.held += 1
                self._changed.set()
                await self.let_go.wait()
                return DeviceList(())
            case _:
                return Done("well")

    def hand_on(self, envelope: Envelope, asker: Asker) -> None:
        self.envelopes.append((envelope, asker))
        self._changed.set()

    def watch(self, topics: Collection[Topic], asker: Asker, tell: Callable[[Facts], None]) -> Callable[[], None]:
        self.tells.append(tell)
        for _ in topics:
            tell(TransferList(()))

        def stop() -> None:
            self.stopped += 1
            self._changed.set()

        return stop
