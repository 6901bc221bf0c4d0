"""Several phones at once, in Python: each scans the wall's code, enrolls and sends one file of random bytes.

    python -m tests.bench._uploaders URL COUNT MIB

Prints `ready` when all are enrolled; then, for each line it reads, all send and it prints the seconds until the last
receipt.
"""

import asyncio
import os
import secrets
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from aiohttp import ClientSession

from qrshared.links import connect_websocket
from qrshared.protocol import (
    CHUNK_BYTES_MAX,
    VERSIONS,
    Chunk,
    Hello,
    Item,
    Message,
    News,
    PeerKind,
    Ping,
    Pong,
    Topic,
    WallFacts,
    Watch,
)
from qrshared.protocol.transfer import TransferMessage
from qrshared.seal import secret_from_fragment
from qrshared.sessions import SealedLink, open_seal
from qrshared.transfers import ItemDone, Sender

BLOCK = os.urandom(16 * CHUNK_BYTES_MAX)


class Refused(Exception):
    """The daemon did not take a file."""


class Upload:
    """One file of so many bytes over a link after both hellos."""

    def __init__(self, link: SealedLink[None], size: int) -> None:
        self._link = link
        self._sender = Sender(secrets.token_hex(16), [Item(f"bench-{secrets.token_hex(4)}.bin", size)])
        self._done = False

    async def send(self) -> None:
        """Send the file; returns with its receipt."""
        await self._link.send(self._sender.propose())
        while not self._done:
            for message in await self._link.receive():
                await self._link.send(self._answer(message))
            while (read := self._sender.next_read(len(BLOCK))) is not None and self._sender.sent(read):
                await self._link.send(self._chunks(read.offset, read.length))
            await self._link.send(self._sender.messages_to_send())

    def _answer(self, message: Message) -> Sequence[Message]:
        if isinstance(message, Ping):
            return [Pong(message.n)]
        if isinstance(message, TransferMessage):
            events = self._sender.receive(message)
            self._done = self._done or any(isinstance(event, ItemDone) for event in events)
            if self._sender.is_over and not self._done:
                raise Refused(str(message))
        return []

    def _chunks(self, offset: int, length: int) -> Sequence[Chunk]:
        runs = range(0, length, CHUNK_BYTES_MAX)
        return [
            Chunk(self._sender.transfer, 0, offset + at, BLOCK[at : min(at + CHUNK_BYTES_MAX, length)]) for at in runs
        ]


@dataclass(frozen=True)
class Phone:
    """One page of one phone, and the device key it made."""

    url: str
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    instance: int = field(default_factory=lambda: secrets.randbelow(2**53))

    async def greet(self, session: ClientSession, secret: bytes | None, *, enroll: bool = False) -> SealedLink[None]:
        """A sealed link after both hellos."""
        link = await open_seal(await connect_websocket(session, f"{self.url}/link", origin=self.url), "home", secret)
        key = self.key if enroll else None
        await link.send([Hello(VERSIONS, "Bench phone", PeerKind.PHONE, self.instance, enroll=key)])
        (answer,) = await link.receive()
        if not isinstance(answer, Hello):
            raise Refused(str(answer))
        return link

    async def send(self, session: ClientSession, size: int) -> None:
        """Send a file by the key that was enrolled."""
        await Upload(await self.greet(session, self.key), size).send()


async def wall_ticket(session: ClientSession, url: str) -> bytes:
    """The ticket in the code that the wall shows."""
    link = await Phone(url).greet(session, None)
    await link.send([Watch((Topic.WALL,))])
    while True:
        for message in await link.receive():
            if isinstance(message, News) and isinstance(message.facts, WallFacts) and message.facts.url:
                return secret_from_fragment(message.facts.url.partition("#")[2])


async def main(url: str, count: int, size: int) -> None:
    phones = [Phone(url) for _ in range(count)]
    async with ClientSession() as session:
        ticket = await wall_ticket(session, url)
        for phone in phones:
            await phone.greet(session, ticket, enroll=True)
    print("ready", flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        began = time.monotonic()
        async with ClientSession() as session, asyncio.TaskGroup() as tasks:
            for phone in phones:
                tasks.create_task(phone.send(session, size))
        print(time.monotonic() - began, flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) << 20))
