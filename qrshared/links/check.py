"""The conformance check that every link adapter passes; it raises `AssertionError` with a sentence."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager

from qrshared.errors import LocalError
from qrshared.links.port import BATCH_MESSAGES_MAX, MESSAGE_BYTES_MAX, CloseReason, Link, LinkClosed

LinkPair = Callable[[], AbstractAsyncContextManager[tuple[Link, Link]]]
"""Makes two joined links, and takes care of what carries them."""

UNREAD_BYTES_MAX = 32 << 20
"""What an adapter and the kernel's socket buffers together may swallow before `send` waits."""

_BLOCKED_S = 0.5


async def check_link(make_pair: LinkPair, *, brakes: bool = True, patience_s: float = 20.0) -> None:
    """Run every demand on a fresh pair, in both directions; one demand may take `patience_s`.

    `brakes` is false where a sleeping reader cannot make the other side wait, as on a data channel: there the link has
    to end before it has taken in too much.
    """
    for demand in DEMANDS if brakes else DEMANDS_WITHOUT_BRAKES:
        for turned in (False, True):
            try:
                async with asyncio.timeout(patience_s), make_pair() as (a, b):
                    await (demand(b, a) if turned else demand(a, b))
            except TimeoutError as stuck:
                raise AssertionError(f"{demand.__name__} did not come to an end") from stuck


def _demand(holds: bool, sentence: str) -> None:
    if not holds:
        raise AssertionError(sentence)


async def _read(link: Link, count: int) -> list[bytes]:
    messages: list[bytes] = []
    while len(messages) < count:
        batch = await link.receive()
        _demand(1 <= len(batch) <= BATCH_MESSAGES_MAX, f"a batch of {len(batch)} messages was received")
        messages.extend(batch)
    return messages


async def _received(link: Link) -> Sequence[bytes]:
    return await link.receive()


async def _end_of(link: Link) -> str:
    try:
        batch = await link.receive()
    except LinkClosed as closed:
        return closed.reason
    raise AssertionError(f"{len(batch)} messages were received where the link should have ended")


async def messages_arrive_whole_and_in_order(a: Link, b: Link) -> None:
    """Every size that matters, in batches of every size."""
    sizes = [1, 2, 125, 126, 127, 65_280, MESSAGE_BYTES_MAX - 1, MESSAGE_BYTES_MAX]
    sent = [bytes([n % 251]) * sizes[n % len(sizes)] for n in range(sum(range(BATCH_MESSAGES_MAX + 1)))]

    async def write() -> None:
        start = 0
        for count in range(1, BATCH_MESSAGES_MAX + 1):
            await a.send(*sent[start : start + count])
            start += count

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(write())
        arrived = await _read(b, len(sent))
    _demand(arrived == sent, "messages arrived changed or out of order")


async def both_directions_at_once(a: Link, b: Link) -> None:
    """A full batch each way, many times, without one direction waiting for the other."""
    batch = [bytes([n]) * MESSAGE_BYTES_MAX for n in range(BATCH_MESSAGES_MAX)]

    async def write(link: Link) -> None:
        for _ in range(4):
            await link.send(*batch)

    async def read(link: Link) -> None:
        _demand(await _read(link, 4 * len(batch)) == batch * 4, "crossing batches were mixed up")

    async with asyncio.TaskGroup() as tasks:
        for work in (write(a), write(b), read(a), read(b)):
            tasks.create_task(work)


async def what_no_link_may_carry_is_our_bug(a: Link, b: Link) -> None:
    """Refused before anything is sent; the link lives."""
    wrong: Sequence[Sequence[bytes]] = (
        [],
        [b""],
        [b"good", b""],
        [bytes(MESSAGE_BYTES_MAX + 1)],
        [b"m"] * (BATCH_MESSAGES_MAX + 1),
    )
    for batch in wrong:
        try:
            await a.send(*batch)
        except LocalError:
            continue
        raise AssertionError(f"a batch of {[len(m) for m in batch]} bytes was sent")
    await a.send(b"after")
    _demand(await _read(b, 1) == [b"after"], "something of a refused batch was sent")


async def a_close_is_heard_once_with_its_reason(a: Link, b: Link) -> None:
    """What was sent before still arrives; afterwards every verb says the same."""
    await a.send(b"last", b"words")
    async with asyncio.TaskGroup() as tasks:
        closing = tasks.create_task(a.close("ended_for_a_test"))
        _demand(await _read(b, 2) == [b"last", b"words"], "messages sent before a close were lost")
        _demand(await _end_of(b) == "ended_for_a_test", "the reason of a close did not arrive")
        await closing
    for link in (a, b):
        await link.close("another_reason")
        _demand(await _end_of(link) == "ended_for_a_test", "a second close changed the reason")
        await _refuses(link.send(b"late"))


async def a_waiting_receive_ends_when_its_own_side_closes(a: Link, b: Link) -> None:
    """So that a session's reader stops when its writer gives up."""
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(_end_of(a))
        await asyncio.sleep(0)
        tasks.create_task(a.close())
        _demand(await _end_of(b) != "", "a close without a reason was heard without one")
        _demand(await waiting != "", "a receive was left waiting on a closed link")


async def both_may_close_at_once(a: Link, b: Link) -> None:
    """Neither waits for the other for ever, and nobody is blamed."""
    await asyncio.gather(a.close(), b.close(), a.close())
    await _refuses(a.send(b"late"))
    await _refuses(b.send(b"late"))


async def a_slow_reader_makes_send_wait(a: Link, b: Link) -> None:
    """Memory stays bounded, and what was taken in arrives in order when the reader wakes."""
    batch_bytes = BATCH_MESSAGES_MAX * MESSAGE_BYTES_MAX
    sent = 0

    def batch(number: int) -> list[bytes]:
        head = number.to_bytes(4, "big")
        return [head + bytes([part]) * (MESSAGE_BYTES_MAX - 4) for part in range(BATCH_MESSAGES_MAX)]

    async with asyncio.TaskGroup() as tasks:
        while True:
            sending = tasks.create_task(a.send(*batch(sent)))
            sent += 1
            done, _ = await asyncio.wait({sending}, timeout=_BLOCKED_S)
            if not done:
                break
            _demand(sent * batch_bytes <= UNREAD_BYTES_MAX, f"{sent} batches were taken in for a reader that sleeps")
        for number in range(sent):  # the last of them is the one that waited
            _demand(await _read(b, BATCH_MESSAGES_MAX) == batch(number), "the sleeping reader found other messages")


async def a_reader_that_sleeps_on_ends_the_link(a: Link, b: Link) -> None:
    """Memory stays bounded where nobody can be made to wait."""
    batch = [bytes(MESSAGE_BYTES_MAX)] * BATCH_MESSAGES_MAX
    try:
        for _ in range(UNREAD_BYTES_MAX // (BATCH_MESSAGES_MAX * MESSAGE_BYTES_MAX)):
            await a.send(*batch)
    except LinkClosed as closed:
        _demand(closed.reason == CloseReason.SLOW, f"the link ended as {closed.reason}")
    _demand(await _end_of(a) == CloseReason.SLOW, "the sender was not told why")
    _demand(await _end_of(b) == CloseReason.SLOW, "the reader that woke up was not told why")


async def a_cancelled_receive_loses_nothing(a: Link, b: Link) -> None:
    """A reader may be cancelled at any point and another may go on."""
    count = 40
    arrived: list[bytes] = []
    async with asyncio.TaskGroup() as tasks:
        for number in range(count):
            receiving = tasks.create_task(_received(b))
            await asyncio.sleep(0)
            await a.send(number.to_bytes(4, "big"))
            for _ in range(number % 5):  # cancel at different points of the message's arrival
                await asyncio.sleep(0)
            receiving.cancel()
            await asyncio.wait({receiving})
            if not receiving.cancelled():
                arrived.extend(receiving.result())
    arrived.extend(await _read(b, count - len(arrived)) if len(arrived) < count else [])
    _demand(arrived == [n.to_bytes(4, "big") for n in range(count)], "a cancelled receive lost or doubled a message")


async def _refuses(sending: Awaitable[None]) -> None:
    try:
        await sending
    except LinkClosed:
        return
    raise AssertionError("a closed link took a message")


DEMANDS: Sequence[Callable[[Link, Link], Awaitable[None]]] = (
    messages_arrive_whole_and_in_order,
    both_directions_at_once,
    what_no_link_may_carry_is_our_bug,
    a_close_is_heard_once_with_its_reason,
    a_waiting_receive_ends_when_its_own_side_closes,
    both_may_close_at_once,
    a_slow_reader_makes_send_wait,
    a_cancelled_receive_loses_nothing,
)

DEMANDS_WITHOUT_BRAKES: Sequence[Callable[[Link, Link], Awaitable[None]]] = tuple(
    a_reader_that_sleeps_on_ends_the_link if demand is a_slow_reader_makes_send_wait else demand for demand in DEMANDS
)
