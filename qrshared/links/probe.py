"""Asks a STUN server for our address, and a TURN server to carry a packet from one relay to another: for `doctor`.

On aioice's own STUN and TURN clients. Read it only when something is probed: aioice is slow to import.
"""

import asyncio
import re
import secrets
import ssl
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from enum import Enum, auto
from typing import Final, cast

from aioice import stun, turn

PROBE_S: Final = 8.0
"""For one probe: three attempts over UDP on a slow line. Who answers later is of no use for a connection either."""

_SAY_AGAIN_S: Final = 0.25  # UDP loses packets, and the first ones arrive before the other relay lets us in
_SAY_TIMES: Final = 12
_PACKET_BYTES: Final = 16
_CLOSE_S: Final = 2.0
_REFUSED_CODES: Final = frozenset({401, 441})  # RFC 8489 14.8, RFC 8656 19
_FULL_CODES: Final = frozenset({486, 508})
_URL: Final = re.compile(
    r"(?P<scheme>stun|turns?):(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?:\?transport=(?P<over>udp|tcp))?"
)


class ProbeFault(Enum):
    """What was wrong, as far as the other side showed it."""

    UNREACHABLE = auto()
    """No answer: no such host, nobody there, or a firewall between."""
    CREDENTIALS = auto()
    """The server does not take name and password: another secret, or a clock that is off."""
    FULL = auto()
    """The server gives no relay at the moment, or none for this name."""
    FORBIDDEN = auto()
    """There is a relay, but it may not send to the server's own relays."""
    SILENT = auto()
    """There are relays, but no packet came through."""
    STRANGE = auto()
    """It answers, but not as such a server does."""


class ProbeFailed(Exception):
    """A probe that did not come to a good end."""

    def __init__(self, fault: ProbeFault) -> None:
        super().__init__(fault.name.lower())
        self.fault = fault


async def probe_stun(url: str, *, within_s: float = PROBE_S) -> str:
    """Our address as this server sees it; raises `ProbeFailed`."""
    host, port, _, _ = _place(url)
    return await _guarded(_ask_address(host, port), within_s)


async def probe_turn(url: str, username: str, credential: str, *, within_s: float = PROBE_S) -> None:
    """Make two relays at this server, and send a packet from each to the other; raises `ProbeFailed`."""
    await _guarded(_relay_both_ways(url, username, credential), within_s)


async def _guarded(probing: Coroutine[None, None, str | None], within_s: float) -> str:
    """Whatever goes wrong, as one of our words."""
    try:
        async with asyncio.timeout(within_s):
            return await probing or ""
    except stun.TransactionFailed as answer:
        raise ProbeFailed(_fault_of(answer)) from None
    except (TimeoutError, stun.TransactionTimeout, OSError, ssl.SSLError):
        raise ProbeFailed(ProbeFault.UNREACHABLE) from None
    except (KeyError, ValueError):
        raise ProbeFailed(ProbeFault.STRANGE) from None


def _fault_of(answer: stun.TransactionFailed) -> ProbeFault:
    code = answer.response.error_code
    if code in _REFUSED_CODES:
        return ProbeFault.CREDENTIALS
    if code in _FULL_CODES:
        return ProbeFault.FULL
    return ProbeFault.FORBIDDEN if code == 403 else ProbeFault.STRANGE


def _place(url: str) -> tuple[str, int, str, bool]:
    """Host, port, transport, and whether over TLS (RFC 7064, RFC 7065)."""
    found = _URL.fullmatch(url)
    if found is None:
        raise ProbeFailed(ProbeFault.STRANGE)
    over_tls = found["scheme"] == "turns"
    port = int(found["port"] or (5349 if over_tls else 3478))
    return found["host"].strip("[]"), port, found["over"] or ("tcp" if over_tls else "udp"), over_tls


class _Asker(asyncio.DatagramProtocol):
    """One STUN question over a socket of its own."""

    def __init__(self) -> None:
        self.transaction: stun.Transaction | None = None
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            message = stun.parse_message(data)
        except ValueError:
            return
        if self.transaction is not None:
            self.transaction.response_received(message, addr)

    def send_stun(self, message: stun.Message, addr: tuple[str, int]) -> None:
        del addr  # the socket is connected
        if self._transport is not None:
            self._transport.sendto(bytes(message))


async def _ask_address(host: str, port: int) -> str:
    loop = asyncio.get_running_loop()
    transport, asker = await loop.create_datagram_endpoint(_Asker, remote_addr=(host, port))
    try:
        request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
        asker.transaction = stun.Transaction(request, (host, port), asker)
        answer, _ = await asker.transaction.run()
        mapped: tuple[str, int] = answer.attributes["XOR-MAPPED-ADDRESS"]
        return mapped[0]
    finally:
        transport.close()


class _Relay(asyncio.DatagramProtocol):
    """One allocation: notes when the other one's packet came, and why a packet could not be sent."""

    def __init__(self) -> None:
        self.word = secrets.token_bytes(_PACKET_BYTES)
        self.heard: set[bytes] = set()
        self.fault: Exception | None = None
        self.is_closed = asyncio.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.is_closed.set()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        del addr
        self.heard.add(bytes(data))

    def error_received(self, exc: Exception) -> None:
        self.fault = exc


async def _relay_both_ways(url: str, username: str, credential: str) -> None:
    place = _place(url)
    async with _relay(place, username, credential) as one, _relay(place, username, credential) as other:
        await _exchange(one, other)


@asynccontextmanager
async def _relay(
    place: tuple[str, int, str, bool], username: str, credential: str
) -> AsyncIterator[tuple[turn.TurnTransport, _Relay]]:
    """One relay at this server; given back at the end, else it would stand for ten minutes."""
    host, port, over, over_tls = place
    transport, relay = await turn.create_turn_endpoint(
        _Relay, (host, port), username, credential, ssl=over_tls or None, transport=over
    )
    try:
        yield transport, relay
    finally:
        transport.close()
        async with asyncio.timeout(_CLOSE_S):
            await relay.is_closed.wait()


async def _exchange(one: tuple[turn.TurnTransport, _Relay], other: tuple[turn.TurnTransport, _Relay]) -> None:
    """Each says its word until both were heard."""
    pairs = ((one, other), (other, one))
    for _ in range(_SAY_TIMES):
        for (transport, relay), (target, _listener) in pairs:
            if relay.fault is not None:
                raise relay.fault
            transport.sendto(relay.word, target.get_extra_info("sockname"))
        await asyncio.sleep(_SAY_AGAIN_S)
        if all(relay.word in listener.heard for (_, relay), (_, listener) in pairs):
            return
    raise ProbeFailed(ProbeFault.SILENT)
