"""The conformance check that every bus adapter passes; it raises `AssertionError` with a sentence."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing

from qrshared.signaling.bus import Bus, BusEvent, Member, Resumed

BusPair = Callable[[], AbstractAsyncContextManager[tuple[Bus, Bus]]]
"""Makes two buses of two nodes on fresh ground, with room for three peers and a membership of `LIFE_S`."""

LIFE_S = 1.0
"""Short, so that the check need not wait for half a minute."""

PEERS = 3
ROOM, OTHER = "A" * 22, "B" * 21 + "A"


async def check_bus(make_pair: BusPair, *, patience_s: float = 20.0) -> None:
    """Run every demand on a fresh pair."""
    for demand in DEMANDS:
        try:
            async with asyncio.timeout(patience_s), make_pair() as (a, b):
                await demand(a, b)
        except TimeoutError as stuck:
            raise AssertionError(f"{demand.__name__} did not come to an end") from stuck


def _demand(holds: bool, sentence: str) -> None:
    if not holds:
        raise AssertionError(sentence)


async def _resumed(events: AsyncGenerator[BusEvent, None]) -> None:
    _demand(isinstance(await anext(events), Resumed), "a subscription did not begin with Resumed")


async def a_text_reaches_its_node_alone_and_in_order(a: Bus, b: Bus) -> None:
    """Whatever its length and letters."""
    texts = [f"{number} " + "é\n" * (number * 40) for number in range(100)]
    async with aclosing(a.subscribe()) as at_a, aclosing(b.subscribe()) as at_b:
        await _resumed(at_a)
        await _resumed(at_b)
        for start in range(0, len(texts), 10):
            await a.publish([(b.node, text) for text in texts[start : start + 10]])
        await b.publish([(a.node, "back")])
        heard = [await anext(at_b) for _ in texts]
        _demand(heard == texts, "texts arrived changed or out of order")
        _demand(await anext(at_a) == "back", "a node heard what was for the other")


async def a_text_for_nobody_is_lost_without_a_word(a: Bus, b: Bus) -> None:
    """A node that is gone is no fault."""
    await a.publish([(b.node, "nobody listens"), ("no such node", "nor here")])
    async with aclosing(b.subscribe()) as at_b:
        await _resumed(at_b)
        await a.publish([(b.node, "now")])
        _demand(await anext(at_b) == "now", "something said before the subscription was kept")


async def whoever_enters_sees_who_is_there(a: Bus, b: Bus) -> None:
    """Also from the other node; rooms do not mix."""
    first, second = Member(ROOM, "firstone", a.node), Member(ROOM, "secondly", b.node)
    elsewhere = Member(OTHER, "elsewher", b.node)
    _demand(await a.enter([first]) == {ROOM: frozenset({first})}, "an empty room was not empty")
    found = await b.enter([second, elsewhere])
    _demand(found == {ROOM: frozenset({first, second}), OTHER: frozenset({elsewhere})}, "members were missing or mixed")
    await a.leave([first])
    _demand(await b.enter([second]) == {ROOM: frozenset({second})}, "who left was still there")


async def a_full_room_takes_nobody_in(a: Bus, b: Bus) -> None:
    """And whoever is in it stays, however often that is said."""
    inside = [Member(ROOM, f"number {n}", a.node) for n in range(PEERS)]
    late = Member(ROOM, "too late", b.node)
    await a.enter(inside)
    _demand(late not in (await b.enter([late]))[ROOM], "a full room took a peer in")
    _demand((await a.enter(inside))[ROOM] == frozenset(inside), "a full room lost a peer")
    await a.leave(inside[:1])
    _demand(late in (await b.enter([late]))[ROOM], "a room with a free place took nobody in")


async def a_membership_ends_by_itself(a: Bus, b: Bus) -> None:
    """Unless it is said again: a killed node cannot say goodbye."""
    killed, alive = Member(ROOM, "killed o", a.node), Member(ROOM, "alive on", b.node)
    await a.enter([killed])
    for _ in range(200):
        if killed not in (await b.enter([alive]))[ROOM]:
            break
        await asyncio.sleep(LIFE_S / 20)
    else:
        raise AssertionError("a membership that nobody renewed did not end")
    _demand((await a.enter([killed]))[ROOM] == frozenset({killed, alive}), "a membership that was renewed has ended")


async def many_rooms_at_once(a: Bus, b: Bus) -> None:
    """A home's whole list in one call."""
    members = [Member(f"{number:022d}", "the same", a.node) for number in range(128)]
    found = await a.enter(members)
    _demand(all(found[member.room] == frozenset({member}) for member in members), "a room of many was mixed up")
    await a.leave(members)
    other = Member(members[5].room, "another", b.node)
    _demand(await b.enter([other]) == {other.room: frozenset({other})}, "a room of many was not left")


DEMANDS: Sequence[Callable[[Bus, Bus], Awaitable[None]]] = (
    a_text_reaches_its_node_alone_and_in_order,
    a_text_for_nobody_is_lost_without_a_word,
    whoever_enters_sees_who_is_there,
    a_full_room_takes_nobody_in,
    a_membership_ends_by_itself,
    many_rooms_at_once,
)
