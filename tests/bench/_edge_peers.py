"""Many peers of an edge in a program of its own, so that their CPU is not counted as the edge's.

    python -m tests.bench._edge_peers SOCKETS PORT [PORT]

Connects from many addresses of 127.0.0.0/8, two peers a room, the second at the last port; prints a line of JSON when
all have met. Then each line of its input, `MESSAGES RATE`, is answered by a line of JSON with the milliseconds that
envelopes of 1 kB took.
"""

import asyncio
import json
import secrets
import struct
import sys
import time

PER_ADDRESS = 50
"""Of the 100 sockets, and of the 60 visits at once, that an edge allows one address."""

AT_ONCE = 25
"""Of the 32 of one address that may be about to join."""

BLOB = "A" * 1000
STAMP = 17
STALL_S = 10.0
TICK_S = 0.005
UPGRADE = (
    b"GET /signal HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


class Peer(asyncio.Protocol):
    """As little of RFC 6455 as an edge needs; the mask is zero, which is no secret here."""

    def __init__(self, room: str, took_ms: list[float]) -> None:
        self.room = room
        self.you = ""
        self.other = ""
        self.joined = asyncio.Event()
        self.met = asyncio.Event()
        self.is_lost = False
        self._took_ms = took_ms
        self._unread = b""
        self._is_open = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(UPGRADE)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        self.joined.set()
        self.met.set()

    def say(self, text: str) -> None:
        assert self._transport is not None
        length = len(text)
        head = struct.pack("!BB", 0x81, 0x80 | length) if length < 126 else struct.pack("!BBH", 0x81, 0xFE, length)
        self._transport.write(head + b"\0\0\0\0" + text.encode())

    def relay(self, seq: int) -> None:
        blob = f"{time.monotonic_ns():0{STAMP}d}{BLOB[STAMP:]}"
        self.say(f'{{"t":"relay","room":"{self.room}","to":"{self.other}","seq":{seq},"blob":"{blob}"}}')

    def data_received(self, data: bytes) -> None:
        self._unread += data
        if not self._is_open:
            head, end, rest = self._unread.partition(b"\r\n\r\n")
            if not end:
                return
            if b" 101 " not in head.splitlines()[0]:
                raise SystemExit(f"refused: {head.splitlines()[0].decode()}")
            self._is_open, self._unread = True, rest
            self.say(f'{{"t":"join","rooms":["{self.room}"]}}')
        while len(self._unread) >= 4:
            length, start = self._unread[1], 2
            if length == 126:
                length, start = int.from_bytes(self._unread[2:4], "big"), 4
            if len(self._unread) < start + length:
                return
            frame, self._unread = self._unread[start : start + length], self._unread[start + length :]
            self._hear(frame)

    def _hear(self, frame: bytes) -> None:
        if frame.startswith(b'{"t":"relayed"'):
            at = frame.index(b'"blob":"') + 8
            self._took_ms.append((time.monotonic_ns() - int(frame[at : at + STAMP])) / 1e6)
        elif frame.startswith(b'{"t":"joined"'):
            state = json.loads(frame)["present"][0]
            self.you = state["you"]
            self.joined.set()
            if state["peers"]:
                self.other = state["peers"][0]
                self.met.set()
        elif frame.startswith(b'{"t":"ping"'):
            self.say('{"t":"pong"}')


async def meet(sockets: int, ports: list[int], took_ms: list[float]) -> tuple[list[Peer], list[Peer]]:
    """Every first peer with its second, some at once."""
    loop = asyncio.get_running_loop()
    firsts: list[Peer] = []
    seconds: list[Peer] = []

    async def connect(number: int, room: str, port: int) -> Peer:
        host = number // PER_ADDRESS
        source = (f"127.{10 + host // 250}.{host % 250 + 1}.1", 0)
        _, peer = await loop.create_connection(lambda: Peer(room, took_ms), "127.0.0.1", port, local_addr=source)
        await peer.joined.wait()
        return peer

    for start in range(0, sockets // 2, AT_ONCE):
        numbers = range(start, min(sockets // 2, start + AT_ONCE))
        rooms = [secrets.token_urlsafe(16) for _ in numbers]
        for far, peers, port in ((0, firsts, ports[0]), (1, seconds, ports[-1])):
            offset = far * (sockets // 2 + PER_ADDRESS)
            named = zip(numbers, rooms, strict=True)
            peers += await asyncio.gather(*(connect(offset + number, room, port) for number, room in named))
    for peer in (*firsts, *seconds):
        await peer.met.wait()
    return firsts, seconds


async def relay(peers: list[Peer], messages: int, rate: float, took_ms: list[float]) -> dict[str, object]:
    """So many envelopes, at that rate if this program can."""
    took_ms.clear()
    began = time.monotonic()
    sent = 0
    while sent < messages:
        due = min(messages, int((time.monotonic() - began) * rate) + 1)
        for number in range(sent, due):
            peers[number % len(peers)].relay(number)
        sent = due
        await asyncio.sleep(TICK_S)
    sent_s = time.monotonic() - began
    heard, stalled_at = -1, time.monotonic() + STALL_S
    while len(took_ms) < messages and time.monotonic() < stalled_at:
        if len(took_ms) != heard:
            heard, stalled_at = len(took_ms), time.monotonic() + STALL_S
        await asyncio.sleep(TICK_S)
    return {"took_ms": took_ms, "rate": messages / sent_s, "lost": messages - len(took_ms)}


async def main(sockets: int, *ports: int) -> None:
    took_ms: list[float] = []
    firsts, seconds = await meet(sockets, list(ports), took_ms)
    lost = sum(peer.is_lost for peer in (*firsts, *seconds))
    print(json.dumps({"met": len(firsts), "lost": lost}), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        messages, rate = line.split()
        print(json.dumps(await relay(firsts, int(messages), float(rate), took_ms)), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
