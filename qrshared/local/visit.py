"""One command at the control socket: one task reads its verbs, one writes answers and news."""

import asyncio
from collections import deque
from collections.abc import Callable

from qrshared.local.lines import CLOSING_S, Lines
from qrshared.protocol import Answer, Ask, Facts, Message, News, ProtocolError, Refuse, Watch, WrongAsk, trimmed
from qrshared.protocol.limits import ASKS_MAX
from qrshared.sessions.desk import Asker, Desk, answered


class Visit:
    """Bounded by what is open: at most `ASKS_MAX` verbs, and of each watched topic only the newest state."""

    def __init__(self, lines: Lines, desk: Desk, asker: Asker) -> None:
        self._lines = lines
        self._desk = desk
        self._asker = asker
        self._open_asks = asyncio.Semaphore(ASKS_MAX)
        self._answers: deque[Answer | Refuse] = deque()
        self._news: dict[type[Facts], Facts] = {}
        self._something_to_say = asyncio.Event()
        self._stop_watching: Callable[[], None] = _nothing

    async def run(self) -> None:
        """Return when the command has left; raises `ProtocolError` at its first wrong line."""
        try:
            async with asyncio.TaskGroup() as tasks:
                writing = tasks.create_task(self._write())
                async with asyncio.TaskGroup() as asks:
                    wrong = await self._read(asks)
                # Verbs already begun were carried to their end: half a revocation helps nobody. A script that closes
                # its half of the socket after its last verb still gets the answers.
                await self._say_the_rest()
                writing.cancel()
        finally:
            self._stop_watching()
        if wrong is not None:
            raise wrong

    async def _read(self, asks: asyncio.TaskGroup) -> ProtocolError | None:
        """Until the command leaves (None) or says something wrong, which raised would cancel verbs under way."""
        try:
            while (message := await self._receive()) is not None:
                match message:
                    case WrongAsk():
                        await self._open_asks.acquire()
                        self._answers.append(message.refusal())
                        self._something_to_say.set()
                    case Ask():
                        await self._open_asks.acquire()  # no further verb is read while so many are open
                        asks.create_task(self._carry_out(message))
                    case Watch(topics=topics):
                        self._stop_watching()
                        self._news.clear()
                        self._stop_watching = self._desk.watch(topics, self._asker, self._tell)
                    case _:
                        return ProtocolError(f"{type(message).__name__} has no place on the control socket")
        except ProtocolError as wrong:
            return wrong
        return None

    async def _receive(self) -> Message | WrongAsk | None:
        """The next line; a verb that cannot be read is a value: its asker is refused."""
        try:
            return await self._lines.receive()
        except WrongAsk as wrong:
            return wrong

    async def _carry_out(self, ask: Ask) -> None:
        self._answers.append(await answered(self._desk, ask, self._asker))
        self._something_to_say.set()

    def _tell(self, facts: Facts) -> None:
        self._news[type(facts)] = facts
        self._something_to_say.set()

    async def _write(self) -> None:
        while True:
            await self._something_to_say.wait()
            self._something_to_say.clear()
            while (message := self._next()) is not None:
                try:
                    await self._lines.send(message)
                except ConnectionError:
                    self._lines.close()  # the reader finds the end too; answers are still taken off, for its sake
                finally:
                    if not isinstance(message, News):
                        self._open_asks.release()

    async def _say_the_rest(self) -> None:
        try:
            async with asyncio.timeout(CLOSING_S):
                for _ in range(ASKS_MAX):  # all of them are free again when the last answer is on its way
                    await self._open_asks.acquire()
        except TimeoutError:
            pass  # it left without reading

    def _next(self) -> Message | None:
        if self._answers:
            return self._answers.popleft()
        if self._news:
            return News(trimmed(self._news.pop(next(iter(self._news)))))
        return None


def _nothing() -> None:
    """Watching nothing needs no stopping."""
