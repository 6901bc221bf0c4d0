"""Every limit of the remote door's table, exceeded, while another room's page gets what it asks for."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from secrets import token_bytes

import pytest

from qrshared.remote import (
    Answer,
    Call,
    Candidate,
    Failed,
    FailReason,
    Offer,
    Servers,
    answering,
    borrowed,
    meeting,
)
from qrshared.remote.limits import (
    ATTEMPTS_BURST_MAX,
    CONNECTIONS_MAX,
    CONNECTIONS_PER_ROOM_MAX,
    LIMITS,
    MEETINGS_MAX,
    MEETINGS_PER_ROOM_MAX,
    READ_BURST_MAX,
    READ_PER_S,
    ROOM_BURST_MAX,
    ROOM_PER_S,
    SAY_BURST_MAX,
    SAY_PER_S,
    UNSENT_MAX,
    UNSENT_PER_ROOM_MAX,
)
from qrshared.remote.messages import CANDIDATES_MAX
from qrshared.signaling import Joined
from qrshared.signaling.client import SignalEvent
from tests.adapters.lobby_world import lobby
from tests.waiting import until


async def _connections(patch: pytest.MonkeyPatch) -> None:
    async with lobby(patch) as here:
        for _ in range(CONNECTIONS_MAX):
            here.met().say(Offer(0, "v=0"))
        ninth = here.met()
        ninth.say(Offer(0, "v=0"))
        await here.hears(ninth, Failed(0, FailReason.BUSY))
        await until(lambda: len(here.connections) == CONNECTIONS_MAX)


async def _connections_per_room(patch: pytest.MonkeyPatch) -> None:
    async with lobby(patch) as here:
        secret = token_bytes(16)
        for _ in range(CONNECTIONS_PER_ROOM_MAX):
            here.met(secret).say(Offer(0, "v=0"))
        one_more = here.met(secret)
        one_more.say(Offer(0, "v=0"))
        await here.hears(one_more, Failed(0, FailReason.BUSY))
        other = here.met()
        other.say(Offer(0, "v=0"))
        await here.hears(other, Answer(0, "v=0"))
        assert here.door.connections == CONNECTIONS_PER_ROOM_MAX + 1


async def _meetings(patch: pytest.MonkeyPatch) -> None:
    async with lobby(patch) as here:
        known = here.met()
        for _ in range(MEETINGS_MAX + 20):
            here.guest()
        assert here.door.meetings == MEETINGS_MAX
        known.say(Call(0))
        await here.hears(known, Servers(0, ()))


async def _meetings_per_room(patch: pytest.MonkeyPatch) -> None:
    async with lobby(patch) as here:
        secret = token_bytes(16)
        known = here.met(secret)
        for _ in range(3 * MEETINGS_PER_ROOM_MAX):
            here.guest(secret)
        assert here.door.meetings == MEETINGS_PER_ROOM_MAX
        known.say(Call(0))
        await here.hears(known, Servers(0, ()))


async def _unverified(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(meeting, "VERIFY_S", 0.2)
    async with lobby(patch) as here:
        known = here.met()
        here.guest()
        assert here.door.meetings == 2
        await until(lambda: here.door.meetings == 1)
        known.say(Call(0))
        await here.hears(known, Servers(0, ()))


async def _read(patch: pytest.MonkeyPatch) -> None:
    async with lobby(patch) as here:
        line = here.door._line
        heard = 0

        async def endless() -> AsyncIterator[SignalEvent]:
            while True:
                yield Joined(())

        patch.setattr(line._client, "events", endless)
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5), aclosing(line.events()) as events:
                async for _ in events:
                    heard += 1
        assert READ_BURST_MAX <= heard <= READ_BURST_MAX + READ_PER_S


async def _room_envelopes(patch: pytest.MonkeyPatch) -> None:
    async with lobby(patch) as here:
        loud, other = here.met(), here.met()
        for _ in range(int(ROOM_BURST_MAX)):
            loud.throw(b"\x02" + bytes(40))
        loud.say(Call(0))
        here.deliver()
        other.say(Call(0))
        await here.hears(other, Servers(0, ()))
        assert loud.heard == []
        conversation = here.door._conversations[loud.room, loud.peer]
        assert conversation._meeting.spoiled <= ROOM_BURST_MAX + ROOM_PER_S


async def _said(patch: pytest.MonkeyPatch) -> None:
    relayed: list[str] = []

    async def relay(_room: str, _to: str, blob: str) -> bool:
        relayed.append(blob)
        return True

    async with lobby(patch) as here:
        line = here.door._line
        patch.setattr(line._client, "relay", relay)
        for number in range(int(SAY_BURST_MAX) + 20):
            type(line).say(line, f"room {number}", "p", b"x")
        began = here.clock()
        await until(lambda: len(relayed) == SAY_BURST_MAX + 5)
        assert here.clock() - began >= 4 / SAY_PER_S


async def _unsent(patch: pytest.MonkeyPatch) -> None:
    async with lobby(patch) as here:
        line = here.door._line
        for number in range(UNSENT_MAX + 10):
            type(line).say(line, f"room {number}", "p", b"x")
        assert line._unsent.qsize() == UNSENT_MAX


async def _unsent_per_room(patch: pytest.MonkeyPatch) -> None:
    relayed: list[str] = []

    async def relay(room: str, _to: str, _blob: str) -> bool:
        relayed.append(room)
        return True

    async with lobby(patch) as here:
        line = here.door._line
        patch.setattr(line._client, "relay", relay)
        for _ in range(2 * UNSENT_PER_ROOM_MAX):
            type(line).say(line, "loud", "p", b"x")
        type(line).say(line, "other", "p", b"x")
        await until(lambda: "other" in relayed)
        assert relayed == [*["loud"] * UNSENT_PER_ROOM_MAX, "other"]
        type(line).say(line, "loud", "p", b"x")
        await until(lambda: len(relayed) == UNSENT_PER_ROOM_MAX + 2)
        assert not line._unsent_of


async def _attempts(patch: pytest.MonkeyPatch) -> None:
    async with lobby(patch) as here:
        eager, other = here.met(), here.met()
        last = int(ATTEMPTS_BURST_MAX)
        eager.say(*(Call(number) for number in range(last + 1)))
        await here.hears(eager, Failed(last, FailReason.BUSY))
        other.say(Call(0))
        await here.hears(other, Servers(0, ()))


async def _candidates(patch: pytest.MonkeyPatch) -> None:
    async with lobby(patch) as here:
        guest = here.met()
        guest.say(Offer(0, "v=0"))
        await here.hears(guest, Answer(0, "v=0"))
        for _ in range(CANDIDATES_MAX + 20):
            guest.say(Candidate(0, ""))
            here.deliver()
        (connection,) = here.connections
        await until(lambda: connection.candidates == CANDIDATES_MAX)
        guest.say(Call(1))
        await here.hears(guest, Servers(1, ()))
        assert connection.candidates == CANDIDATES_MAX


async def _servers(patch: pytest.MonkeyPatch) -> None:
    async with lobby(patch, answers=False) as here:
        guest = here.met()
        guest.say(Call(0))
        await here.hears(guest, Servers(0, ()))


async def _borrowing(patch: pytest.MonkeyPatch) -> None:
    async def ask(_room: str, _to: str) -> bool:
        return True  # and nothing comes

    patch.setattr(borrowed, "BORROW_S", 0.2)
    async with lobby(patch) as here:
        patch.setattr(here.door._line._client, "ask_turn", ask)
        patch.setattr(here.door._line._client, "_gives_turn", True)
        guest = here.met()
        guest.say(Call(0), Offer(0, "v=0"))
        await here.hears(guest, Answer(0, "v=0"))


async def _answer(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(answering, "ANSWER_S", 0.2)
    async with lobby(patch, answers=False) as here:
        guest = here.met()
        guest.say(Offer(0, "v=0"))
        await here.hears(guest, Failed(0, FailReason.OFFER))
        await until(lambda: here.door.connections == 0)


async def _open(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(answering, "OPEN_S", 0.2)
    async with lobby(patch) as here:
        guest = here.met()
        guest.say(Offer(0, "v=0"))
        await here.hears(guest, Failed(0, FailReason.ICE))
        await until(lambda: here.door.connections == 0)
        assert here.connections[0].is_closed


EXCEEDED: dict[str, Callable[[pytest.MonkeyPatch], Awaitable[None]]] = {
    "peer connections": _connections,
    "connections per room": _connections_per_room,
    "meetings": _meetings,
    "meetings per room": _meetings_per_room,
    "unverified": _unverified,
    "read": _read,
    "envelopes of a room": _room_envelopes,
    "said": _said,
    "unsent": _unsent,
    "unsent per room": _unsent_per_room,
    "attempts of a room": _attempts,
    "candidates": _candidates,
    "servers": _servers,
    "borrowing": _borrowing,
    "answer": _answer,
    "open": _open,
}


@pytest.mark.parametrize("name", [limit.name for limit in LIMITS])
async def test_whoever_goes_beyond_a_limit_gets_what_the_table_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await EXCEEDED[name](monkeypatch)
