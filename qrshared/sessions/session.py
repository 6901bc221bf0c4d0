"""One session: a sealed link in use, from the hellos to the close; one task reads, one writes."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection
from typing import Final, TypeVar

from qrshared.errors import RemoteError
from qrshared.links import Link, LinkClosed
from qrshared.protocol import (
    ASKS_MAX,
    PING_EVERY_S,
    SILENCE_S_MAX,
    Answer,
    Ask,
    Envelope,
    Facts,
    Goodbye,
    Hello,
    Introduce,
    Message,
    News,
    Ping,
    Pong,
    Reason,
    Refuse,
    Rename,
    Topic,
    Watch,
    WrongAsk,
    trimmed,
)
from qrshared.sessions.desk import Asker, Desk, answered
from qrshared.sessions.receiving import Receiving
from qrshared.sessions.sealed_link import SealedLink
from qrshared.sessions.sending import Sending
from qrshared.tickets import Credential, Right

E = TypeVar("E", bound=BaseException)

log = logging.getLogger(__name__)

SAYS_MAX: Final = 256
"""Pongs, answers and refusals that may wait for a slow reader; one that asks without reading is let go."""

HANDED_MAX: Final = 64
"""Introductions and envelopes of other devices that may wait for a slow reader; more is dropped, and said again."""

TICK_S: Final = 1.0
"""How often a session looks whether a ping is due or its peer has fallen silent."""


class SessionOver(Exception):
    """Ends the session's tasks; `reason` goes to the peer as a goodbye, None when it left first."""

    def __init__(self, reason: Reason | None) -> None:
        super().__init__(reason)
        self.reason = reason


class Session:
    """A sealed link in use, from our hello on. `run` returns when it is over; it raises nothing."""

    def __init__(
        self,
        link: SealedLink[Credential | None],
        *,
        hello: Hello,
        asker: Asker,
        instance: int,
        desk: Desk,
        receiving: Receiving,
        sending: Sending,
        clock: Callable[[], float],
    ) -> None:
        self._link = link
        self.asker = asker
        self.instance = instance
        self._desk = desk
        self._receiving = receiving
        self._sending = sending
        self._clock = clock
        self.heard_at = clock()
        self._pinged_at = clock()
        self._says: deque[Message] = deque([hello])
        self._news: dict[type[Facts], Facts] = {}
        self._handed: deque[Introduce | Envelope] = deque()
        self._called = hello.name
        self._renamed: Rename | None = None
        self._wake = asyncio.Event()
        self._asks_open = 0
        self._stop_watching: Callable[[], None] = lambda: None
        self._ending: Reason | None = None
        self._must_end = asyncio.Event()
        self._ended = asyncio.Event()

    async def run(self) -> None:
        """Serve the peer until either side leaves; what it was sending stays for its next session."""
        self._receiving.attach(self._wake.set)
        if self.asker.grant.allows(Right.PICK_UP):
            self._sending.attach(self._wake.set)
        self._wake.set()  # our hello waits
        reason: Reason | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._read(tasks))
                tasks.create_task(self._write())
                tasks.create_task(self._listen_for_silence())
                tasks.create_task(self._wait_for_end())
        except* SessionOver as over:
            reason = _first(over).reason
        except* LinkClosed as closed:
            log.debug("link closed: %s", _first(closed).reason)
        except* RemoteError as fault:
            reason = Reason.PROTOCOL
            log.info("a peer broke the protocol: %s", _first(fault))
        except* Exception:
            # Our own fault, loudly; the peer finds its link closed and comes again, all other sessions go on.
            log.exception("a session broke")
        finally:
            self._stop_watching()
            try:
                await self._link.leave(reason)
            finally:
                self._receiving.detach()
                self._sending.detach()
                self._ended.set()

    @property
    def carrier(self) -> Link:
        """The link below the seal: who opened it knows by which road it goes."""
        return self._link.carrier

    @property
    def is_idle(self) -> bool:
        """It carries no transfer: a newer page load of its device may take its place."""
        return self._receiving.is_idle and self._sending.is_idle

    def end(self, reason: Reason) -> None:
        """Say goodbye and close, at once and even if the peer does not read; `wait_ended` tells when."""
        self._ending = self._ending or reason
        self._must_end.set()

    async def wait_ended(self) -> None:
        """Return once the session is over."""
        await self._ended.wait()

    def mark_over(self) -> None:
        """For a session that ended before it ran: whoever waits for its end need not."""
        self._ended.set()

    def give(self, asker: Asker) -> None:
        """Change the peer's rights while the session lives (the owner trusted the device)."""
        may_now = asker.grant.allows(Right.PICK_UP) and not self.asker.grant.allows(Right.PICK_UP)
        self.asker = asker
        if may_now:
            self._sending.attach(self._wake.set)

    def call(self, name: str) -> None:
        """Tell the peer what this computer is called from now on, unless it knows."""
        if name != self._called and not self._ended.is_set():
            self._called = name
            self._renamed = Rename(name)
            self._wake.set()

    def hand(self, message: Introduce | Envelope) -> bool:
        """Say this to the peer for another device's sake; False, and nothing is said, while too much waits for it."""
        if len(self._handed) >= HANDED_MAX or self._ended.is_set():
            return False
        self._handed.append(message)
        self._wake.set()
        return True

    async def _read(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            messages = await self._link.receive()
            self.heard_at = self._clock()
            for message in messages:
                self._take(message, tasks)

    def _take(self, message: Message | WrongAsk, tasks: asyncio.TaskGroup) -> None:
        match message:
            case Ping(n):
                self._say(Pong(n))
            case Pong():
                pass
            case Goodbye():
                raise SessionOver(None)
            case Hello():
                raise SessionOver(Reason.PROTOCOL)
            case Watch(topics):
                self._watch(topics)
            case Ask():
                if self._asks_open >= ASKS_MAX:
                    raise SessionOver(Reason.PROTOCOL)
                self._asks_open += 1
                tasks.create_task(self._answer(message))
            case WrongAsk():
                self._say(message.refusal())
            case Envelope():
                self._desk.hand_on(message, self.asker)
            case News() | Answer() | Refuse() | Introduce() | Rename():
                pass  # a daemon asks nobody, and nobody introduces or names it: drained
            case _:
                if not self._sending.take(message):
                    self._receiving.take(message, self.asker.grant)

    async def _answer(self, ask: Ask) -> None:
        try:
            reply = await answered(self._desk, ask, self.asker)
        finally:
            self._asks_open -= 1
        self._say(reply)

    def _watch(self, topics: Collection[Topic]) -> None:
        self._stop_watching()
        self._news.clear()
        self._stop_watching = self._desk.watch(topics, self.asker, self._tell)

    def _tell(self, facts: Facts) -> None:
        self._news[type(facts)] = facts  # only the newest of each kind waits: a slow reader skips, memory stays
        self._wake.set()

    def _say(self, message: Message) -> None:
        if len(self._says) >= SAYS_MAX:
            raise SessionOver(Reason.PROTOCOL)
        self._says.append(message)
        self._wake.set()

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            messages: list[Message] = [*self._says, *self._handed]
            messages += (News(trimmed(facts)) for facts in self._news.values())
            if self._renamed is not None:
                messages.append(self._renamed)
            self._renamed = None
            self._says.clear()
            self._handed.clear()
            self._news.clear()
            messages += self._receiving.messages_to_send()
            messages += self._sending.messages_to_send()
            await self._link.send(messages)
            batch = await self._sending.next_batch()
            if batch:
                await self._link.send(batch)
                self._wake.set()  # there may be more, and what came in meanwhile goes out between two batches

    async def _wait_for_end(self) -> None:
        await self._must_end.wait()
        raise SessionOver(self._ending)

    async def _listen_for_silence(self) -> None:
        n = 0
        while True:
            await asyncio.sleep(TICK_S)
            now = self._clock()
            if now - self.heard_at > SILENCE_S_MAX:
                raise SessionOver(Reason.IDLE)
            if now - self._pinged_at >= PING_EVERY_S:
                self._pinged_at, n = now, n + 1
                self._say(Ping(n))


def _first(group: BaseExceptionGroup[E]) -> E:
    found = group.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found
