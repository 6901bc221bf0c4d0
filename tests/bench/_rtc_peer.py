"""One end of a data channel in Python, for the bench of WebRTC: our link, or aiortc as it comes.

    python -m tests.bench._rtc_peer ours|stock

Reads one request a line and answers it with one: `offer`, `answer`, `accept`, `opened`, `send` and `receive`. Stock
aiortc is used as its documentation shows, in the same message size; it never sees our module, which sets a buffer size.
"""

import asyncio
import json
import sys
import time
from typing import TYPE_CHECKING, Final, Protocol, cast

if TYPE_CHECKING:
    from aiortc import RTCDataChannel

MESSAGE_BYTES: Final = 65_280
"""A chunk of a transfer; the first four bytes count."""
STOCK_HELD_BYTES: Final = 1 << 20
LINE_BYTES: Final = 1 << 20


class End(Protocol):
    """What both kinds can do."""

    async def offer(self) -> str: ...

    async def answer(self, sdp: str) -> str: ...

    async def accept(self, sdp: str) -> None: ...

    async def opened(self) -> None: ...

    async def send(self, count: int) -> None: ...

    async def receive(self, count: int) -> float: ...

    async def close(self) -> None: ...


class Torn(Exception):
    """What arrived is not what was sent."""


class Clock:
    """Seconds from the first message to the last, with a look at the order."""

    def __init__(self) -> None:
        self.count = 0
        self.began = self.ended = 0.0

    def take(self, message: bytes) -> None:
        if int.from_bytes(message[:4], "big") != self.count or len(message) != MESSAGE_BYTES:
            raise Torn(f"message {self.count} is another one")
        self.ended = time.monotonic()
        self.began = self.began or self.ended
        self.count += 1

    @property
    def seconds(self) -> float:
        return self.ended - self.began


def message(number: int) -> bytes:
    return number.to_bytes(4, "big") + bytes(MESSAGE_BYTES - 4)


def ours() -> End:
    """Our link on our connection."""
    from qrshared.links.datachannel import DataChannelLink
    from qrshared.links.peer_connection import PeerConnection
    from qrshared.links.port import BATCH_MESSAGES_MAX

    class Ours:
        def __init__(self) -> None:
            self._connection = PeerConnection([])
            self._link: DataChannelLink | None = None
            self.offer = self._connection.offer
            self.answer = self._connection.answer
            self.accept = self._connection.accept
            self.close = self._connection.close

        async def opened(self) -> None:
            self._link = await self._connection.opened()

        async def send(self, count: int) -> None:
            assert self._link is not None
            for start in range(0, count, BATCH_MESSAGES_MAX):
                await self._link.send(*map(message, range(start, min(count, start + BATCH_MESSAGES_MAX))))

        async def receive(self, count: int) -> float:
            assert self._link is not None
            clock = Clock()
            while clock.count < count:
                for arrived in await self._link.receive():
                    clock.take(arrived)
            return clock.seconds

    return Ours()


async def send_with_brakes(channel: "RTCDataChannel", count: int) -> None:
    """As aiortc's own examples do it."""
    low = asyncio.Event()
    channel.bufferedAmountLowThreshold = STOCK_HELD_BYTES
    channel.on("bufferedamountlow", low.set)
    for number in range(count):
        if channel.bufferedAmount > STOCK_HELD_BYTES:
            low.clear()
            await low.wait()
        channel.send(message(number))


def stock() -> End:
    """aiortc alone."""
    from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription

    class Stock:
        def __init__(self) -> None:
            self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
            self._open: asyncio.Future[RTCDataChannel] = asyncio.get_running_loop().create_future()
            self._clock = Clock()
            self._more = asyncio.Event()
            self._connection.on("datachannel", self._use)
            self.close = self._connection.close

        def _use(self, channel: RTCDataChannel) -> None:
            channel.on("message", self._take)
            self._open.set_result(channel)

        def _take(self, arrived: bytes) -> None:
            self._clock.take(arrived)
            self._more.set()

        async def offer(self) -> str:
            channel = self._connection.createDataChannel("qrshared")
            channel.on("open", lambda: self._use(channel))
            await self._connection.setLocalDescription(await self._connection.createOffer())
            return self._connection.localDescription.sdp

        async def answer(self, sdp: str) -> str:
            await self._connection.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
            await self._connection.setLocalDescription(await self._connection.createAnswer())
            return self._connection.localDescription.sdp

        async def accept(self, sdp: str) -> None:
            await self._connection.setRemoteDescription(RTCSessionDescription(sdp, "answer"))

        async def opened(self) -> None:
            await self._open

        async def send(self, count: int) -> None:
            await send_with_brakes(await self._open, count)

        async def receive(self, count: int) -> float:
            while self._clock.count < count:
                self._more.clear()
                await self._more.wait()
            return self._clock.seconds

    return cast(End, Stock())


async def main(kind: str) -> None:
    end = {"ours": ours, "stock": stock}[kind]()
    reader = asyncio.StreamReader(limit=LINE_BYTES)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print(json.dumps("ready"), flush=True)
    while line := await reader.readline():
        verb, *words = json.loads(line)
        print(json.dumps(await getattr(end, verb)(*words)), flush=True)
    await end.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
