"""The command's end of the control socket: asks one verb at a time, or follows a topic."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from qrshared.errors import UserError
from qrshared.local.doorway import connect_doorway
from qrshared.local.errors import DaemonBusy, DaemonGone, DaemonRefused, DaemonStuck, OtherVersion
from qrshared.local.lines import Lines
from qrshared.protocol import (
    Answer,
    Ask,
    Facts,
    Goodbye,
    Message,
    News,
    ProtocolError,
    Reason,
    Refuse,
    Topic,
    Verb,
    Watch,
)

ANSWER_S = 30.0
"""The longest verb moves a file to the bin, perhaps across disks; beyond this the daemon is stuck."""

T = TypeVar("T")


class ControlClient:
    """A connection to the daemon of one data folder, open from entering to leaving the `async with`."""

    def __init__(self, data_dir: Path, *, answer_s: float = ANSWER_S) -> None:
        self._data_dir = data_dir
        self._answer_s = answer_s
        self._connected: Lines | None = None
        self._last_id = 0

    async def __aenter__(self) -> Self:
        """Raises `NotRunning`, `UnsafeDoor`."""
        self._connected = await connect_doorway(self._data_dir)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connected is not None:
            self._connected.close()
            await self._connected.wait_closed()

    async def ask(self, verb: Verb) -> Facts:
        """What the daemon answers; raises `DaemonRefused`, `DaemonGone`, `DaemonStuck`, `OtherVersion`."""
        self._last_id += 1
        await self._send(Ask(self._last_id, verb))
        try:
            async with asyncio.timeout(self._answer_s):
                while True:
                    match await self._receive():
                        case Answer(id=self._last_id, facts=facts):
                            return facts
                        case Refuse(id=self._last_id, sentence=sentence):
                            raise DaemonRefused(sentence=sentence)
                        case _:
                            pass  # news of a topic watched before
        except TimeoutError:
            raise DaemonStuck(seconds=f"{self._answer_s:g}") from None

    async def ask_for(self, verb: Verb, kind: type[T]) -> T:
        """The same for a verb whose answer is always of one kind."""
        facts = await self.ask(verb)
        if not isinstance(facts, kind):
            raise OtherVersion
        return facts

    async def watch(self, topics: tuple[Topic, ...]) -> AsyncGenerator[Facts, None]:
        """The present state of these topics, then each change, until the daemon stops (`DaemonGone`)."""
        await self._send(Watch(topics))
        while True:
            message = await self._receive()
            if isinstance(message, News):
                yield message.facts

    async def _send(self, message: Message) -> None:
        try:
            await self._lines().send(message)
        except ConnectionError:
            raise DaemonGone from None

    async def _receive(self) -> Message:
        try:
            message = await self._lines().receive()
        except ProtocolError:
            raise OtherVersion from None
        if message is None:
            raise DaemonGone
        if isinstance(message, Goodbye):
            raise _farewell(message.reason)
        return message

    def _lines(self) -> Lines:
        if self._connected is None:
            raise DaemonGone
        return self._connected


def _farewell(reason: Reason) -> UserError:
    match reason:
        case Reason.BUSY:
            return DaemonBusy()
        case Reason.PROTOCOL | Reason.VERSION:
            return OtherVersion()
        case Reason.NOT_ALLOWED:
            return DaemonRefused(sentence="This daemon belongs to another user of this computer.")
        case _:
            return DaemonGone()
