"""The line a peer keeps to its edge: connects, joins its rooms, and comes back after every cut at a random moment."""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import urlsplit, urlunsplit

from aiohttp import (
    ClientConnectorCertificateError,
    ClientError,
    ClientHandlerType,
    ClientRequest,
    ClientResponse,
    ClientSession,
    ClientSSLError,
    ClientWebSocketResponse,
    ClientWSTimeout,
    DummyCookieJar,
    WSMsgType,
    WSServerHandshakeError,
    hdrs,
)

from qrshared.errors import QrsharedError
from qrshared.signaling.codec import WrongMessage, decode_from_edge, encode
from qrshared.signaling.limits import DEAD_AFTER_S, ROOMS_PER_SOCKET_MAX, SIGNAL_BYTES_MAX
from qrshared.signaling.messages import VERSION, FromEdge, Join, Leave, Moved, Ping, Pong, Relay, ToEdge, Turn, Welcome

_log = logging.getLogger(__name__)

RETRY_FIRST_S: Final = 1.0
"""The first wait is at most so long, each further one at most `RETRY_FACTOR` times the last."""

RETRY_FACTOR: Final = 1.6
RETRY_LAST_S: Final = 60.0
"""And never longer than this."""

STEADY_S: Final = 20.0
"""A connection that lasted so long was a good one: the waits begin anew."""

CONNECT_S: Final = 15.0
"""From the first packet to the edge's first word."""

ASK_AFTER_S: Final = DEAD_AFTER_S / 2
"""The edge asks every 22 s; when nothing came for so long, we ask, and after twice that it is gone."""

WOKEN_ANSWER_S: Final = 5.0
"""After `wake`, how long the edge has to show that it is still there."""

CLOSE_WAIT_S: Final = 2.0
"""How long a close waits for the edge's own."""


class NotAnEdge(QrsharedError):
    """What answers at {url} is no qrshared edge. Check the address."""


class OtherVersion(QrsharedError):
    """The meeting point at {url} speaks version {version}, this computer another one. Update the older of the two."""


class WrongCertificate(QrsharedError):
    """The meeting point at {url} shows a certificate that is not accepted here. Check the address and the clock."""


class NoTls(QrsharedError):
    """What answers at {url} does not speak HTTPS. Check the address, or write http:// if that is meant."""


EdgeFault: TypeAlias = NotAnEdge | OtherVersion | WrongCertificate | NoTls
"""What a person has to put right: waiting will hardly help."""


@dataclass(frozen=True, slots=True)
class Connected:
    """The edge is there; the rooms are being joined."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """It is not; the next attempt comes in so many seconds. `fault` is set when waiting will hardly help."""

    retry_s: float
    fault: EdgeFault | None = None


_COME_BACK: Final = frozenset({429, 500, 502, 503, 504})
"""What an edge, or a proxy before it, says when it is only busy or away."""

SignalEvent: TypeAlias = Connected | Disconnected | FromEdge


def signal_url(edge: str) -> str:
    """Where the edge listens: `http` and `ws` forms mean the same, and so do `https` and `wss`."""
    parts = urlsplit(edge)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    path = parts.path.rstrip("/")
    return urlunsplit((scheme, parts.netloc, path if path.endswith("/signal") else f"{path}/signal", "", ""))


def edge_session() -> ClientSession:
    """An HTTP client for lines to an edge, which may be anybody's: it follows nobody into this home and keeps nothing.

    Otherwise whoever runs the edge could have any address asked for from inside, such as a router's, and cookies of
    each new line would pile up.
    """
    return ClientSession(cookie_jar=DummyCookieJar(), middlewares=(_stay,))


async def _stay(request: ClientRequest, ask: ClientHandlerType) -> ClientResponse:
    """A line that is sent elsewhere ends there; only to the same place over HTTPS may it be sent."""
    response = await ask(request)
    is_sent_away = 300 <= response.status < 400 and hdrs.UPGRADE in request.headers
    if is_sent_away and response.headers.get(hdrs.LOCATION) != str(request.url.with_scheme("https").with_port(None)):
        response.close()
        raise WSServerHandshakeError(
            response.request_info, response.history, message="sent elsewhere", status=response.status
        )
    return response


def full_jitter(attempt: int, draw: Callable[[float, float], float] = random.uniform) -> float:
    """How long to wait before this attempt (from 0): anything up to a growing bound, so that nobody comes in step."""
    bound = min(RETRY_LAST_S, RETRY_FIRST_S * RETRY_FACTOR ** min(attempt, 64))
    return draw(0.0, bound)


class SignalClient:
    """`async for event in client.events(): …`; joins and relays may come from other tasks."""

    def __init__(self, session: ClientSession, edge: str, *, wait: Callable[[int], float] = full_jitter) -> None:
        self._session = session
        self._edge = edge
        self._wait = wait
        self._rooms: dict[str, None] = {}
        self._seq = 0
        self._websocket: ClientWebSocketResponse | None = None
        self._gives_turn = False
        self._one_frame = asyncio.Lock()
        self._woken = asyncio.Event()
        self._patience: asyncio.Timeout | None = None

    @property
    def is_connected(self) -> bool:
        """Whether the edge can be spoken to right now."""
        return self._websocket is not None

    @property
    def gives_turn(self) -> bool:
        """Whether this edge hands out relays, as it said when it was last there."""
        return self._gives_turn

    async def join(self, *rooms: str) -> None:
        """Be in these rooms, now and after every cut; at most 128 at a time."""
        self._rooms.update(dict.fromkeys(rooms))
        await self._say(Join(rooms))

    async def leave(self, *rooms: str) -> None:
        """Be in them no longer."""
        for room in rooms:
            self._rooms.pop(room, None)
        await self._say(Leave(rooms))

    async def relay(self, room: str, to: str, blob: str) -> bool:
        """Hand an envelope over; False when there is no edge. True promises nothing either: the peer must confirm."""
        self._seq += 1
        return await self._say(Relay(room, to, self._seq, blob))

    async def ask_turn(self, room: str, to: str) -> bool:
        """Ask for a relay; `Servers` or `Refuse` (`turn`) comes as an event. False when there is no edge."""
        return await self._say(Turn(room, to))

    def wake(self) -> None:
        """The network has changed: come back at once if there is no line, and if there is, see whether it still is one.

        A cut that nobody told would otherwise be noticed after a minute.
        """
        self._woken.set()
        if self._patience is not None:
            self._patience.reschedule(asyncio.get_running_loop().time())

    async def events(self) -> AsyncGenerator[SignalEvent, None]:
        """Everything the edge says, and how the line fares; never ends by itself."""
        attempt = 0
        loop = asyncio.get_running_loop()
        while True:
            began, fault, moved = loop.time(), None, False
            try:
                async with aclosing(self._one_connection()) as heard:
                    async for event in heard:
                        moved = moved or isinstance(event, Moved)
                        yield event
            except (NotAnEdge, OtherVersion, WrongCertificate, NoTls) as wrong:
                fault = wrong
            except (ClientError, OSError, TimeoutError, WrongMessage) as ended:
                _log.debug("the line to the edge ended: %s", type(ended).__name__)
            finally:
                self._websocket = None
            # A replica that goes has spread its goodbyes itself.
            attempt = 0 if moved or loop.time() - began >= STEADY_S else attempt
            retry_s = self._wait(attempt)
            attempt += 1
            self._woken.clear()
            yield Disconnected(retry_s, fault)
            with suppress(TimeoutError):
                async with asyncio.timeout(retry_s):
                    await self._woken.wait()
                    attempt = 0
            self._woken.clear()

    async def _one_connection(self) -> AsyncGenerator[SignalEvent, None]:
        async with asyncio.timeout(CONNECT_S):
            websocket = await self._connect()
        try:
            self._websocket = websocket
            yield Connected()
            for rooms in _lists(self._rooms):
                await self._say(Join(rooms))
            while True:
                message = await self._next(websocket)
                if isinstance(message, Ping):
                    await self._say(Pong())
                yield message
        finally:
            await _close(websocket)

    async def _connect(self) -> ClientWebSocketResponse:
        try:
            websocket = await self._session.ws_connect(
                signal_url(self._edge),
                compress=0,
                max_msg_size=2 * SIGNAL_BYTES_MAX,
                timeout=ClientWSTimeout(ws_close=CLOSE_WAIT_S),
            )
        except ClientConnectorCertificateError as wrong:
            raise WrongCertificate(url=self._edge) from wrong
        except ClientSSLError as wrong:
            raise NoTls(url=self._edge) from wrong
        except WSServerHandshakeError as answer:
            if answer.status in _COME_BACK:
                raise
            raise NotAnEdge(url=self._edge) from answer
        said = await _first_word(websocket)
        if isinstance(said, Welcome) and said.version == VERSION:
            self._gives_turn = said.turn is True
            return websocket
        await _close(websocket)
        if isinstance(said, Welcome):
            raise OtherVersion(url=self._edge, version=said.version)
        raise NotAnEdge(url=self._edge)

    async def _next(self, websocket: ClientWebSocketResponse) -> FromEdge:
        """The next message; a silent edge is asked once."""
        for _ in range(2):
            try:
                async with asyncio.timeout(WOKEN_ANSWER_S if self._woken.is_set() else ASK_AFTER_S) as self._patience:
                    received = await websocket.receive()
            except TimeoutError:
                await self._say(Ping())
                continue
            finally:
                self._patience = None
            self._woken.clear()
            if received.type is not WSMsgType.TEXT:
                raise ConnectionResetError("the edge closed")
            return decode_from_edge(received.data)
        raise TimeoutError("the edge is silent")

    async def _say(self, message: ToEdge) -> bool:
        websocket = self._websocket
        if websocket is None:
            return False
        await self._one_frame.acquire()
        return await asyncio.shield(self._write(websocket, encode(message)))  # all who wait in aiohttp share one future

    async def _write(self, websocket: ClientWebSocketResponse, text: str) -> bool:
        try:
            await websocket.send_str(text)
        except (ConnectionError, ClientError, RuntimeError):
            return False  # the reader hears the end, too
        finally:
            self._one_frame.release()
        return True


async def _close(websocket: ClientWebSocketResponse) -> None:
    # aiohttp begins its wait anew with each message that still comes: whoever never stops talking would hold us.
    with suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_WAIT_S):
            await websocket.close()


async def _first_word(websocket: ClientWebSocketResponse) -> FromEdge | None:
    first = await websocket.receive()
    try:
        return decode_from_edge(first.data) if first.type is WSMsgType.TEXT else None
    except WrongMessage:
        return None


def _lists(rooms: Iterable[str]) -> list[tuple[str, ...]]:
    everything = tuple(rooms)
    return [
        everything[start : start + ROOMS_PER_SOCKET_MAX] for start in range(0, len(everything), ROOMS_PER_SOCKET_MAX)
    ]
