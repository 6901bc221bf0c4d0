"""The line to the edge as the door needs it: its rooms, its state in words, and both directions at a bounded pace."""

import asyncio
import base64
import logging
import secrets
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from aiohttp import ClientSession

from qrshared.protocol import LineState
from qrshared.remote.errors import EdgeAway
from qrshared.remote.limits import READ_BURST_MAX, READ_PER_S, SAY_BURST_MAX, SAY_PER_S, UNSENT_MAX, UNSENT_PER_ROOM_MAX
from qrshared.signaling import Connected, Disconnected, SignalClient
from qrshared.signaling.client import SignalEvent, full_jitter
from qrshared.signaling.limits import ROOMS_PER_SOCKET_MAX

log = logging.getLogger(__name__)

BEGIN_ANEW_S: Final = 5.0
"""After a fault of our own, which must not end the door."""

_ROOM_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class EdgeState:
    """What `status` and the owner page say of the edge."""

    url: str
    state: LineState = LineState.CONNECTING
    sentence: str | None = None


class Pace:
    """Lets `burst` steps through at once and `per_s` in the long run; who comes faster waits."""

    def __init__(self, burst: float, per_s: float) -> None:
        self._burst = burst
        self._per_s = per_s
        self._clock = asyncio.get_running_loop().time
        self._tokens = burst
        self._since = self._clock()

    async def step(self) -> None:
        """Return when the next one is due."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._since) * self._per_s) - 1
        self._since = now
        if self._tokens < 0:
            await asyncio.sleep(-self._tokens / self._per_s)


class EdgeLine:
    """One socket to one edge. Run `events`, `follow` and `speak` side by side; `enter` and `say` never wait."""

    def __init__(
        self, session: ClientSession, url: str, *, changed: Callable[[], None],
        wait: Callable[[int], float] = full_jitter,
    ) -> None:  # fmt: skip
        """`changed` is called when `state` has."""
        self._client = SignalClient(session, url, wait=wait)
        self._changed = changed
        self.state = EdgeState(url)
        self._wanted: dict[str, None] = {}
        self._joined: dict[str, None] = {}
        self._nowhere = base64.urlsafe_b64encode(secrets.token_bytes(_ROOM_BYTES)).rstrip(b"=").decode()
        self._moved = asyncio.Event()
        self._unsent: asyncio.Queue[tuple[str, str, str]] = asyncio.Queue(UNSENT_MAX)
        self._unsent_of: Counter[str] = Counter()
        self.enter(())

    def enter(self, rooms: Iterable[str]) -> None:
        """Be in exactly these rooms, at most 128."""
        wanted = dict.fromkeys(list(rooms)[:ROOMS_PER_SOCKET_MAX])
        # An edge drops who is in no room; in one that nobody knows, the first device is reached without a wait.
        self._wanted = wanted or {self._nowhere: None}
        self._moved.set()

    def say(self, room: str, peer: str, blob: bytes) -> None:
        """Hand an envelope to the edge, soon or never: whoever needs it there says it again."""
        if self._unsent.full() or self._unsent_of[room] >= UNSENT_PER_ROOM_MAX:
            log.debug("an envelope was dropped: the edge takes too few")
            return
        self._unsent_of[room] += 1
        self._unsent.put_nowait((room, peer, base64.urlsafe_b64encode(blob).rstrip(b"=").decode()))

    @property
    def lends_relay(self) -> bool:
        """Whether the edge lends relays, as it said when it was last there."""
        return self._client.gives_turn

    async def ask_relay(self, room: str, peer: str) -> bool:
        """Ask the edge to lend a relay; False when it is away, or lends none."""
        return self.lends_relay and await self._client.ask_turn(room, peer)

    def wake(self) -> None:
        """The network has changed: look at once whether the edge is there."""
        self._client.wake()

    async def events(self) -> AsyncGenerator[SignalEvent, None]:
        """Everything the edge says, no faster than it can cost us; never ends by itself."""
        pace = Pace(READ_BURST_MAX, READ_PER_S)
        while True:
            try:
                async with aclosing(self._client.events()) as heard:
                    async for event in heard:
                        self._note(event)
                        yield event
                        await pace.step()
            except Exception:  # an edge is not to be trusted; the line begins anew
                log.exception("the line to the edge broke")
                yield Disconnected(BEGIN_ANEW_S)
                await asyncio.sleep(BEGIN_ANEW_S)

    async def follow(self) -> None:
        """Join and leave rooms as `enter` says; never ends."""
        while True:
            await self._moved.wait()
            self._moved.clear()
            wanted = self._wanted
            left = [room for room in self._joined if room not in wanted]
            new = [room for room in wanted if room not in self._joined]
            self._joined = wanted
            if left:
                await self._client.leave(*left)
            if new:
                await self._client.join(*new)

    async def speak(self) -> None:
        """Carry what was said to the edge, no faster than it takes; never ends."""
        pace = Pace(SAY_BURST_MAX, SAY_PER_S)
        while True:
            room, peer, blob = await self._unsent.get()
            self._leave_queue(room)
            await pace.step()
            await self._client.relay(room, peer, blob)

    def _note(self, event: SignalEvent) -> None:
        if isinstance(event, Connected):
            self._become(LineState.CONNECTED, None)
        if not isinstance(event, Disconnected):
            return
        if event.fault is not None:
            self._become(LineState.FAILED, event.fault.sentence)
        else:
            # A line that was cut is back in a moment as a rule: worth a word only if it is not.
            was_there = self.state.state is LineState.CONNECTED
            self._become(LineState.CONNECTING, None if was_there else EdgeAway(url=self.state.url).sentence)
        while not self._unsent.empty():
            room, _, _ = self._unsent.get_nowait()  # those peers have other ids when the line is back
            self._leave_queue(room)

    def _leave_queue(self, room: str) -> None:
        self._unsent_of[room] -= 1
        if not self._unsent_of[room]:
            del self._unsent_of[room]

    def _become(self, state: LineState, sentence: str | None) -> None:
        before, self.state = self.state, EdgeState(self.state.url, state, sentence)
        if before != self.state:
            log.info("the edge: %s%s", state, f" ({sentence})" if sentence else "")
            self._changed()
