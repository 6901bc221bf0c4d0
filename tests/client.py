"""A phone in Python: scans a code, seals the link, enrolls and sends files as the page does; or says what it likes."""

import hashlib
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, TypeVar
from urllib.parse import urlsplit

import aiohttp

from qrshared.links import BATCH_MESSAGES_MAX, Link, LinkClosed, connect_websocket
from qrshared.protocol import (
    CHUNK_BYTES_MAX,
    PROOF_BLOCK_BYTES,
    VERSIONS,
    Accept,
    Answer,
    Ask,
    Cancel,
    Chunk,
    Decline,
    Facts,
    Fail,
    Hello,
    Item,
    ItemReceipt,
    Message,
    News,
    PeerKind,
    Reason,
    Receipt,
    Refuse,
    Rewind,
    Safe,
    Taken,
    Verb,
    WrongAsk,
)
from qrshared.seal import DEVICE_SECRET_BYTES, RoadName, secret_from_fragment
from qrshared.sessions import SealedLink, open_seal
from qrshared.transfers import (
    Declined,
    ItemCancelled,
    ItemDone,
    ItemFailed,
    ProofWanted,
    Read,
    Sender,
    SenderEvent,
    TransferCancelled,
    TransferFailed,
)

M = TypeVar("M")

FOR_SENDERS: Final = (Accept, Decline, Taken, Safe, Receipt, Rewind, Cancel, Fail)

READ_BYTES: Final = BATCH_MESSAGES_MAX * CHUNK_BYTES_MAX
"""What fits in one WebSocket message."""


class Content(Protocol):
    """Where bytes come from."""

    @property
    def size(self) -> int: ...

    def read(self, offset: int, length: int) -> bytes | memoryview: ...


@dataclass(frozen=True)
class Repeated:
    """As many bytes as wanted without holding them: one random block again and again."""

    size: int
    block: bytes = field(default_factory=lambda: secrets.token_bytes(1024**2), repr=False)

    def read(self, offset: int, length: int) -> bytes | memoryview:
        start = offset % len(self.block)
        if start + length <= len(self.block):
            return memoryview(self.block)[start : start + length]
        count = -(-(start + length) // len(self.block))
        return memoryview(self.block * count)[start : start + length]

    @property
    def sha256(self) -> str:
        digest = hashlib.sha256()
        whole, rest = divmod(self.size, len(self.block))
        for _ in range(whole):
            digest.update(self.block)
        digest.update(self.block[:rest])
        return digest.hexdigest()


@dataclass(frozen=True)
class Bytes:
    """A small file in memory."""

    content: bytes = field(repr=False)

    @property
    def size(self) -> int:
        return len(self.content)

    def read(self, offset: int, length: int) -> bytes | memoryview:
        return memoryview(self.content)[offset : offset + length]


@dataclass(frozen=True)
class FileOnDisk:
    """A file that is read as it is sent."""

    path: Path

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    def read(self, offset: int, length: int) -> bytes | memoryview:
        with self.path.open("rb") as file:
            file.seek(offset)
            return file.read(length)


@dataclass(frozen=True)
class File:
    """One thing to send."""

    name: str
    content: Content
    modified_ms: int | None = None
    sha256: str | None = None
    """Told in the manifest, for a computer that may have it already."""

    @property
    def item(self) -> Item:
        return Item(self.name, self.content.size, self.modified_ms, sha256=self.sha256)

    def digests(self, offset: int) -> list[bytes]:
        """What proves the first `offset` bytes."""
        blocks = range(0, offset, PROOF_BLOCK_BYTES)
        lengths = [min(PROOF_BLOCK_BYTES, offset - start) for start in blocks]
        return [
            hashlib.blake2b(self.content.read(start, length), digest_size=32).digest()
            for start, length in zip(blocks, lengths, strict=True)
        ]


def file_of(name: str, content: bytes) -> File:
    """A small file from its bytes."""
    return File(name, Bytes(content))


@dataclass
class Batch:
    """One transfer as its sender sees it; it outlives visits."""

    files: Sequence[File]
    continues: Sequence[str] = ()
    skip_same: bool = False
    transfer: str = field(default_factory=lambda: secrets.token_hex(16))
    receipts: dict[int, ItemReceipt] = field(default_factory=dict)
    failures: dict[int, Reason] = field(default_factory=dict)
    refusal: Reason | None = None
    """Why the whole of it was declined or failed."""
    is_cancelled: bool = False
    sent_bytes: int = 0
    """Content on the wire, over all visits."""

    def __post_init__(self) -> None:
        items = [file.item for file in self.files]
        self.sender = Sender(self.transfer, items, self.continues, skip_same=self.skip_same)

    @property
    def names(self) -> list[str]:
        """Final names, in the order of the files."""
        return [self.receipts[item].name for item in sorted(self.receipts)]

    def note(self, events: Sequence[SenderEvent]) -> list[Message]:
        """Take in what the sender tells; returns proofs that it wants."""
        proofs: list[Message] = []
        for event in events:
            match event:
                case ItemDone(item=item, receipt=receipt):
                    self.receipts[item] = receipt
                case ItemFailed(item=item, reason=reason):
                    self.failures[item] = reason
                case ItemCancelled(item=item):
                    self.failures[item] = Reason.DECLINED
                case Declined(reason=reason) | TransferFailed(reason=reason):
                    self.refusal = reason
                case TransferCancelled():
                    self.is_cancelled = True
                case ProofWanted(item=item, offset=offset):
                    proofs += self.sender.proved(item, 0, self.files[item].digests(offset))
                case _:
                    pass
        return proofs

    def chunks(self, read: Read) -> list[Chunk]:
        """What was read, cut up for the wire."""
        content = self.files[read.item].content.read(read.offset, read.length)
        return [
            Chunk(self.transfer, read.item, read.offset + start, bytes(content[start : start + CHUNK_BYTES_MAX]))
            for start in range(0, read.length, CHUNK_BYTES_MAX)
        ]


class Visit:
    """One session from the phone's side. `say` and `hear` are the raw wire; the rest is what a page does with it."""

    def __init__(self, link: SealedLink[None]) -> None:
        self.link = link
        self.hello: Hello | None = None
        self._heard: deque[Message] = deque()
        self._last_ask = 0

    async def say(self, *messages: Message) -> None:
        """Raises `LinkClosed`."""
        await self.link.send(messages)

    async def hear(self) -> Message:
        """The next message; raises `LinkClosed`."""
        while not self._heard:
            self._heard += [one for one in await self.link.receive() if not isinstance(one, WrongAsk)]  # it asks nobody
        return self._heard.popleft()

    async def hear_a(self, kind: type[M], *, where: Callable[[M], bool] = lambda _: True) -> M:
        """The next message of one kind; others are passed over. Raises `LinkClosed`."""
        while True:
            message = await self.hear()
            if isinstance(message, kind) and where(message):
                return message

    async def until_closed(self) -> list[Message]:
        """Everything that is still said before the link ends."""
        heard: list[Message] = []
        try:
            while True:
                heard.append(await self.hear())
        except LinkClosed:
            return heard

    async def greet(self, hello: Hello) -> Hello:
        """Say hello and hear the daemon's; raises `LinkClosed`, or `Unwelcome` for a goodbye."""
        await self.say(hello)
        answer = await self.hear()
        if not isinstance(answer, Hello):
            raise Unwelcome(answer)
        self.hello = answer
        return answer

    async def ask(self, verb: Verb) -> Facts | Refuse:
        """What the desk answers; raises `LinkClosed`."""
        self._last_ask += 1
        await self.say(Ask(self._last_ask, verb))
        while True:
            match await self.hear():
                case Answer(id=self._last_ask, facts=facts):
                    return facts
                case Refuse(id=self._last_ask) as refusal:
                    return refusal
                case _:
                    pass

    async def news(self, kind: type[M], *, where: Callable[[M], bool] = lambda _: True) -> M:
        """The next news of one kind; raises `LinkClosed`."""
        while True:
            match await self.hear():
                case News(facts=facts) if isinstance(facts, kind) and where(facts):
                    return facts
                case _:
                    pass

    async def send(self, batch: Batch, *, until: Callable[[], bool] = lambda: False) -> Batch:
        """Propose a batch, for the first time or after a cut, and send it until it is over or `until` says so.

        It needs no second task: the daemon reads whatever its own writer waits for. Raises `LinkClosed`.
        """
        await self.say(*batch.sender.propose())
        return await self.send_on(batch, until=until)

    async def send_on(self, batch: Batch, *, until: Callable[[], bool] = lambda: False) -> Batch:
        """Go on with a batch that was proposed on this visit."""
        while not batch.sender.is_over and not until():
            await self.step(batch)
        await self.say(*batch.sender.messages_to_send())
        return batch

    async def step(self, batch: Batch, heard: Callable[[Message], object] = lambda _: None) -> None:
        """Send what may be sent now, or else wait for one message."""
        await self.say(*batch.sender.messages_to_send())
        read = batch.sender.next_read(READ_BYTES)
        if read is None:
            message = await self.hear()
            heard(message)
            await self.take(batch, message)
            return
        chunks = batch.chunks(read)
        if batch.sender.sent(read):
            batch.sent_bytes += read.length
            await self.say(*chunks)

    async def take(self, batch: Batch, message: Message) -> None:
        """Give the batch one message that was heard."""
        if isinstance(message, FOR_SENDERS) and message.transfer == batch.transfer:
            await self.say(*batch.note(batch.sender.receive(message)))

    async def cancel(self, batch: Batch, item: int | None = None) -> None:
        """The person changed their mind."""
        batch.note(batch.sender.cancel(item))
        await self.say(Cancel(batch.transfer, item))

    async def leave(self) -> None:
        """Close without a word, as a page that is closed."""
        await self.link.leave(None)


class Unwelcome(Exception):
    """The daemon answered a hello with something else."""

    def __init__(self, answer: Message) -> None:
        super().__init__(answer)
        self.answer = answer


@dataclass
class Phone:
    """What a browser keeps: a device key once it has enrolled, and one instance number a page load."""

    connect: Callable[[], AbstractAsyncContextManager[Link]]
    """Opens a link to the daemon."""
    ticket: bytes | None = None
    key: bytes = field(default_factory=lambda: secrets.token_bytes(DEVICE_SECRET_BYTES))
    instance: int = field(default_factory=lambda: secrets.randbelow(2**53))
    name: str = "Test phone"
    is_enrolled: bool = False
    road: RoadName = "home"

    @asynccontextmanager
    async def visit(self) -> AsyncIterator[Visit]:
        """A session: enrolls with the ticket the first time, comes with its own key afterwards."""
        async with self.sealed(self.key if self.is_enrolled else self.ticket) as visit:
            enroll = None if self.is_enrolled or self.ticket is None else self.key
            await visit.greet(self.hello(enroll=enroll))
            self.is_enrolled = self.is_enrolled or enroll is not None
            yield visit

    @asynccontextmanager
    async def sealed(self, secret: bytes | None) -> AsyncIterator[Visit]:
        """A sealed link on which nothing was said yet."""
        async with self.connect() as link:
            try:
                yield Visit(await open_seal(link, self.road, secret))
            finally:
                await link.close()

    def hello(self, *, enroll: bytes | None = None, versions: tuple[int, int] = VERSIONS) -> Hello:
        return Hello(versions, self.name, PeerKind.PHONE, self.instance, enroll=enroll)

    def reloaded(self) -> "Phone":
        """The same browser after a reload: another instance."""
        return Phone(self.connect, self.ticket, self.key, name=self.name, is_enrolled=self.is_enrolled)


def scan(url: str, *, name: str = "Test phone") -> Phone:
    """What scanning a code does: a phone that reaches the daemon at the code's address over a real WebSocket."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"

    @asynccontextmanager
    async def connect() -> AsyncIterator[Link]:
        async with aiohttp.ClientSession() as session:
            yield await connect_websocket(session, f"{origin}/link", origin=origin)

    return Phone(connect, secret_from_fragment(parts.fragment), name=name)
