"""A link under the seal: the handshake drives a link, then messages go in and out as values."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final, Generic, TypeVar

from qrshared.links import BATCH_MESSAGES_MAX, Link, LinkClosed
from qrshared.protocol import Goodbye, Message, Reason, WrongAsk, decode, encode
from qrshared.seal import Found, Initiator, Refusal, Refused, Responder, RoadName, Sealed, comparison_words

T = TypeVar("T")

HANDSHAKE_MESSAGE_BYTES_MAX: Final = 8 * 1024
"""No message before the seal is longer than 200 bytes; a stranger may not make us look at more."""

FAREWELL_S: Final = 0.5
"""How long a goodbye may take, and then the close: one that does not read is gone within a second all the same."""


class SealedLink(Generic[T]):
    """Messages to one peer, encrypted and authenticated; one task sends, one receives.

    `found` is what the responder's look-up gave for the peer's key; an initiator's is None. `handshake_hash` names
    this link and no other.
    """

    def __init__(self, link: Link, sealed: Sealed, *, found: T, handshake_hash: bytes) -> None:
        self._link = link
        self._sealed = sealed
        self.found = found
        self.handshake_hash = handshake_hash

    @property
    def words(self) -> str:
        """The comparison words."""
        return " ".join(comparison_words(self.handshake_hash))

    @property
    def carrier(self) -> Link:
        """What carries it."""
        return self._link

    async def send(self, messages: Iterable[Message]) -> None:
        """Send in order, as many to a batch as a link carries; raises `LinkClosed`."""
        batch: list[bytes] = []
        for message in messages:
            batch.append(self._sealed.seal(encode(message)))
            if len(batch) == BATCH_MESSAGES_MAX:
                await self._link.send(*batch)
                batch = []
        if batch:
            await self._link.send(*batch)

    async def receive(self) -> Sequence[Message | WrongAsk]:
        """The next messages; raises `LinkClosed`, or a `RemoteError` for one that does not open or makes no sense.

        A verb that cannot be read is a value here: its asker is refused, and the link goes on.
        """
        return [_read(self._sealed.open(message)) for message in await self._link.receive()]

    async def leave(self, reason: Reason | None) -> None:
        """Say goodbye, unless there is nothing to say, and end the link; never longer than two `FAREWELL_S`."""
        if reason is not None:
            with suppress(LinkClosed, TimeoutError):
                async with asyncio.timeout(FAREWELL_S):
                    await self.send([Goodbye(reason)])
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                await self._link.close(reason or "")


def _read(plaintext: bytes) -> Message | WrongAsk:
    try:
        return decode(plaintext)
    except WrongAsk as wrong:
        return wrong


async def answer_seal(link: Link, road: RoadName, find: Callable[[bytes], Found[T] | Refusal]) -> SealedLink[T]:
    """Be the responder; raises `LinkClosed`, or a `SealError` once the peer was told a refusal. Time it outside."""
    handshake = Responder(road, find)
    await link.send(handshake.opening())
    while handshake.sealed is None:
        for message in await link.receive():
            if len(message) > HANDSHAKE_MESSAGE_BYTES_MAX or handshake.sealed is not None:
                raise Refused(Refusal.HANDSHAKE)
            answers = handshake.receive(message)
            if answers:
                await link.send(*answers)
            if handshake.refused is not None:
                raise Refused(handshake.refused)
    return SealedLink(link, handshake.sealed, found=handshake.found, handshake_hash=handshake.handshake_hash or b"")


async def open_seal(link: Link, road: RoadName, secret: bytes | None) -> SealedLink[None]:
    """Be the initiator; raises `LinkClosed` or a `SealError`, `Refused` when the responder said why."""
    handshake = Initiator(road, secret)
    await link.send(handshake.opening())
    while handshake.sealed is None:
        for message in await link.receive():
            answers = handshake.receive(message)
            if answers:
                with suppress(LinkClosed):  # what a responder said before it closed still waits to be heard
                    await link.send(*answers)
    return SealedLink(link, handshake.sealed, found=None, handshake_hash=handshake.handshake_hash or b"")
