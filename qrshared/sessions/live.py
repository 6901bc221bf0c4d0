"""Every session that is live now, and the rule that a device has one of them."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final

from qrshared.protocol import Reason
from qrshared.sessions.session import Session
from qrshared.transfers import Verdict, settle

REPLACED_S_MAX: Final = 5.0
"""How long a new session waits for the one it replaces; that one is gone within a second unless something broke."""


GAVE_WAY_MAX: Final = 1_024
"""Page loads that gave way to another one of their device and are remembered, the oldest forgotten first."""


class LiveSessions:
    """Who is connected. Sessions without a device (walls) are counted, not limited."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._by_device: dict[str, Session] = {}
        self._others: set[Session] = set()
        self._gave_way: OrderedDict[tuple[str, int], None] = OrderedDict()
        self.changed: Callable[[], None] = _nobody
        """Called when somebody came or left: lists of devices say who is here now."""

    def __len__(self) -> int:
        return len(self._by_device) + len(self._others)

    def is_online(self, device: str) -> bool:
        """Whether this device has a live session."""
        return device in self._by_device

    def devices(self) -> list[str]:
        """Every device that has one."""
        return list(self._by_device)

    def of(self, device: str) -> Session | None:
        """The live session of a device."""
        return self._by_device.get(device)

    async def admit(self, session: Session) -> bool:
        """Let a session in; False when its device is live in another page load that still speaks (`WIRE.md` 3.1).

        Whatever comes of it, call `leave` and `mark_over` afterwards. Raises TimeoutError.
        """
        device = session.asker.device
        if device is None:
            self._others.add(session)
            self.changed()
            return True
        old = self._by_device.get(device)
        if old is not None:
            loser = self._loser(device, old, session)
            if old.instance != session.instance:
                self._remember((device, loser.instance))
            if loser is session:
                return False
        self._by_device[device] = session  # at once: two newcomers must not both wait for the same old one
        if old is not None:
            old.end(Reason.ANOTHER_TAB)
            async with asyncio.timeout(REPLACED_S_MAX):
                await old.wait_ended()
        is_in = self._by_device.get(device) is session
        if is_in:
            self.changed()
        return is_in

    def _loser(self, device: str, old: Session, new: Session) -> Session:
        verdict = settle(
            live_instance=old.instance,
            live_heard_at=old.heard_at,
            live_is_idle=old.is_idle,
            new_instance=new.instance,
            new_gave_way=(device, new.instance) in self._gave_way,
            now=self._clock(),
        )
        return new if verdict is Verdict.WAITS else old

    def _remember(self, page_load: tuple[str, int]) -> None:
        self._gave_way[page_load] = None
        self._gave_way.move_to_end(page_load)
        while len(self._gave_way) > GAVE_WAY_MAX:
            self._gave_way.popitem(last=False)

    def call_all(self, name: str) -> None:
        """This computer has another name: every open page hears it."""
        for session in (*self._by_device.values(), *self._others):
            session.call(name)

    def meet_again(self, concerns: Callable[[str], bool]) -> None:
        """Let idle pages of these devices come back, which they do at once: a hello tells them how things stand."""
        for device, session in self._by_device.items():
            if concerns(device) and session.is_idle:
                session.end(Reason.RESTARTING)

    def leave(self, session: Session) -> None:
        """Forget a session that is over."""
        device = session.asker.device
        if device is not None and self._by_device.get(device) is session:
            del self._by_device[device]
        self._others.discard(session)
        self.changed()

    async def end(self, devices: Iterable[str], reason: Reason) -> None:
        """Close the sessions of these devices and wait until they are over."""
        over = [self._by_device[device] for device in devices if device in self._by_device]
        await self._end(over, reason)

    async def end_all(self, reason: Reason) -> None:
        """Close every session, as when the daemon stops."""
        await self._end([*self._by_device.values(), *self._others], reason)

    async def _end(self, sessions: Iterable[Session], reason: Reason) -> None:
        ending = list(sessions)
        for session in ending:
            session.end(reason)
        for session in ending:
            await session.wait_ended()


def _nobody() -> None:
    """Nobody watches yet."""
