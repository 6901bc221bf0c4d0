"""Plain downloads: a file of the shelf over bare HTTP, for a phone that can take it no other way and asked for it.

One random token leads to one file, for ten minutes, to the first address that uses it. Whatever else is asked gets the
same 404 after the same steps, so that nothing can be learned by trying.
"""

import asyncio
import hashlib
import ipaddress
import logging
import re
import secrets
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final, TypeAlias
from urllib.parse import quote

from aiohttp import hdrs, web

from qrshared.lan.unconfirmed import Unconfirmed
from qrshared.serving.guard import is_forwarded
from qrshared.shelf import ShelfError, Source, ZipOf

log = logging.getLogger(__name__)

TOKEN_BYTES: Final = 16
DOWNLOAD_LIFE_S: Final = 600.0
"""From making a token to the last request that it opens; a download that has begun goes on to its end."""

TOKENS_MAX: Final = 256
"""Tokens alive at once; the oldest of the device that has most gives way."""

TOKENS_PER_DEVICE_MAX: Final = 32
"""One that asks for more loses its own oldest: eight devices fill the table, and none alone pushes out another's."""

READ_BYTES: Final = 256 * 1024
"""What is read and written at a time: enough to be fast, little to hold for each phone that is slow."""

DOWNLOADS_AT_ONCE_MAX: Final = 16
"""Beyond this a browser is told to come back: each holds a file and a thread's time."""

DOWNLOADS_PER_DEVICE_MAX: Final = 6
"""As many connections as a browser opens to one host: whoever has this many under way leaves room for others."""

_RANGE: Final = re.compile(r"bytes=([0-9]{0,19})-([0-9]{0,19})")
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{22}")
_ATTR_CHARACTERS: Final = "!#$&+.^_`|~"  # RFC 8187, attr-char beside letters and digits
_HEADERS: Final = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    hdrs.CACHE_CONTROL: "no-store",
    hdrs.X_CONTENT_TYPE_OPTIONS: "nosniff",
}


Content: TypeAlias = Source | ZipOf
"""What a token leads to: a file, or a folder as one zip that is made while it is sent."""


@dataclass(slots=True, eq=False)
class _Download:
    device: str
    item: str
    open: Callable[[], Content]
    made: float
    on_done: Callable[[], None]
    on_partly: Callable[[int], None]
    on_moved: Callable[[bool, int], None]
    is_allowed: Callable[[], bool]
    """Whether whoever asked for it may still have it."""
    address: str | None = None
    """The first one that used it."""
    covered: int = 0
    """Bytes from the beginning that have gone out without a gap; once its connection is over, that were confirmed."""
    is_moving: bool = False
    is_told: bool = False
    """How it ended: a browser that asks once more, to be sure, is no news."""
    running: set[asyncio.BaseTransport] = field(default_factory=set)

    def begin(self) -> None:
        """Bytes go out from now on."""
        if not self.is_moving and not self.is_told:
            self.is_moving = True
            self.on_moved(True, self.covered)

    def went_out(self, start: int, count: int) -> None:
        """So many bytes from there."""
        if start <= self.covered:
            self.covered = max(self.covered, start + count)

    def did_not_reach(self, start: int, end: int, left: int) -> None:
        """Of what went out from `start` to `end` over one connection, so many bytes were not confirmed."""
        if self.covered == end:
            self.covered = max(start, end - left)

    def end(self, tell: Callable[[], None]) -> None:
        """It went out as far as it ever will."""
        self.is_told = True
        tell()

    def rest(self) -> None:
        """A connection of it has ended: its person stopped it, or it broke off, unless it had its end."""
        if self.is_moving and not self.running:
            self.is_moving = False
            if not self.is_told:
                self.on_moved(False, self.covered)


@dataclass(frozen=True, slots=True)
class _Span:
    start: int
    end: int
    """Before which it ends."""


_NO_SUCH_RANGE: Final = _Span(0, 0)


class Downloads:
    """The tokens that are alive, and the route that obeys them."""

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        is_on: Callable[[], bool],
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """`clock`: monotonic seconds. `is_on`: whether the owner allows this at all; asked at each request."""
        self._clock = clock
        self._is_on = is_on
        self._random = random
        self._by_digest: dict[bytes, _Download] = {}
        self._running: Counter[str] = Counter()  # of each device

    @property
    def is_on(self) -> bool:
        """Whether the owner allows it."""
        return self._is_on()

    def issue(
        self, device: str, item: str, open_content: Callable[[], Content], *, on_done: Callable[[], None],
        on_partly: Callable[[int], None] = lambda _: None, on_moved: Callable[[bool, int], None] = lambda *_: None,
        is_allowed: Callable[[], bool] = lambda: True,
    ) -> str:  # fmt: skip
        """The path of a new token by which this device gets this thing; `on_done` is called when all has gone out.

        `on_partly` instead, with the bytes of what is whole in it, when a zip has gone out that leaves something out.
        `on_moved`: whether anything goes out now, and how much has gone out from the beginning; not at its end.
        `is_allowed` is asked at each request and while bytes go: a device that is revoked gets no more of them.
        """
        token = urlsafe_b64encode(self._random(TOKEN_BYTES)).rstrip(b"=").decode("ascii")
        self._forget_old()
        self._make_room(device)
        self._by_digest[_digest(token)] = _Download(
            device, item, open_content, self._clock(), on_done, on_partly, on_moved,
            lambda: self._is_on() and is_allowed(),
        )  # fmt: skip
        return f"/get/{token}"

    def withdraw(self, item: str) -> None:
        """It is not on the shelf any more: its tokens open nothing, and what runs is cut."""
        for digest in [digest for digest, one in self._by_digest.items() if one.item == item]:
            self._drop(digest)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """The route's handler."""
        found = self._find(request)
        if found is None:
            return _nothing()
        if self._running.total() >= DOWNLOADS_AT_ONCE_MAX or self._running[found.device] >= DOWNLOADS_PER_DEVICE_MAX:
            return web.Response(status=503, headers={**_HEADERS, hdrs.RETRY_AFTER: "10"}, text="Try again soon.\n")
        transport = request.transport
        if transport is None:
            return _nothing()  # it has left already
        self._running[found.device] += 1
        found.running.add(transport)
        try:
            content = await asyncio.to_thread(found.open)
            if isinstance(content, Source):
                return await _send_file(request, found, content)
            return await _send_zip(request, found, content)
        except ShelfError as fault:
            log.info("a plain download found its file changed: %s", type(fault).__name__)
            return _nothing()
        finally:
            self._running -= Counter([found.device])  # keeps none that has none
            found.running.discard(transport)
            found.rest()

    def _find(self, request: web.Request) -> _Download | None:
        """All of it is looked at whatever comes first, and the token only by its digest."""
        self._forget_old()
        token = request.match_info.get("token", "")
        found = self._by_digest.get(_digest(token))
        address = _bare(request.remote or "")
        is_right = (
            (found is None or found.is_allowed())
            and request.method == hdrs.METH_GET
            and _TOKEN.fullmatch(token) is not None
            and not is_forwarded(request)  # behind a proxy everybody has the same address
        )
        if found is None or not is_right or found.address not in (None, address):
            return None
        found.address = address
        return found

    def _forget_old(self) -> None:
        now = self._clock()
        for digest in [digest for digest, one in self._by_digest.items() if now - one.made >= DOWNLOAD_LIFE_S]:
            del self._by_digest[digest]  # what runs goes on

    def _make_room(self, device: str) -> None:
        """For one more token of this device."""
        counts = Counter(one.device for one in self._by_digest.values())
        if counts[device] < TOKENS_PER_DEVICE_MAX:
            if counts.total() < TOKENS_MAX:
                return
            device = max(counts, key=counts.__getitem__)
        own = [digest for digest, one in self._by_digest.items() if one.device == device]
        # What is under way is worth more than what was never fetched; not all can be, there are fewer slots.
        self._drop(next((digest for digest in own if not self._by_digest[digest].running), own[0]))

    def _drop(self, digest: bytes) -> None:
        for transport in self._by_digest.pop(digest).running:
            if isinstance(transport, asyncio.Transport):
                transport.abort()


async def _send_file(request: web.Request, found: _Download, source: Source) -> web.StreamResponse:
    try:
        await asyncio.to_thread(source.check)
        headers = {
            **_headers(source.name),
            hdrs.ACCEPT_RANGES: "bytes",
            hdrs.ETAG: f'"{source.tag}"',
            hdrs.LAST_MODIFIED: _http_date(source.modified_ms),
        }
        asked = _asked(request, source)
        if asked == _NO_SUCH_RANGE:
            return web.Response(status=416, headers={**headers, hdrs.CONTENT_RANGE: f"bytes */{source.size}"})
        span = asked or _Span(0, source.size)
        if asked is not None:
            headers[hdrs.CONTENT_RANGE] = f"bytes {span.start}-{span.end - 1}/{source.size}"
        response = web.StreamResponse(status=200 if asked is None else 206, headers=headers)
        response.content_length = span.end - span.start
        starts = iter(range(span.start, span.end, READ_BYTES))
        pieces = (source.read(at, min(READ_BYTES, span.end - at)) for at in starts)
        if await _send(request, response, pieces, found, span.start) and found.covered == span.end == source.size:
            found.end(found.on_done)
        return response
    finally:
        source.close()


async def _send_zip(request: web.Request, found: _Download, content: ZipOf) -> web.StreamResponse:
    response = web.StreamResponse(headers=_headers(content.name))
    found.covered = 0  # there are no ranges of it
    if await _send(request, response, content.pieces(), found, 0):
        found.end((lambda: found.on_partly(content.bytes_whole)) if content.left_out else found.on_done)
    return response


async def _send(
    request: web.Request, response: web.StreamResponse, pieces: Iterator[bytes], found: _Download, start: int
) -> bool:
    """Whether everything was written and has arrived; not when the browser left, or the file changed under way.

    Raises `ShelfError` when it had changed before anything was said.
    """
    piece = await asyncio.to_thread(next, pieces, None)
    with Unconfirmed(request.transport) as unconfirmed:
        end, is_whole = await _write(request, response, piece, pieces, found, start)
        left = await unconfirmed.left()
    found.did_not_reach(start, end, left)
    return is_whole and not left


async def _write(
    request: web.Request, response: web.StreamResponse, piece: bytes | None, pieces: Iterator[bytes],
    found: _Download, end: int,
) -> tuple[int, bool]:  # fmt: skip
    """Where it ended, and whether that was the end of all."""
    try:
        await response.prepare(request)
        found.begin()
        while piece is not None:
            if piece:
                await response.write(piece)
                found.went_out(end, len(piece))
                end += len(piece)
            piece = await asyncio.to_thread(next, pieces, None)
            if not found.is_allowed():  # revoked, or switched off: as if the computer had gone
                log.info("a plain download was cut: it is not allowed any more")
                if request.transport is not None:
                    request.transport.abort()
                return end, False
        await response.write_eof()
    except ConnectionError:
        return end, False
    except ShelfError as fault:
        log.info("a plain download broke off: %s", type(fault).__name__)
        # More was promised: a connection that ends early is how a browser sees that this is not the file.
        if request.transport is not None:
            request.transport.abort()
        return end, False
    return end, True


def _headers(name: str) -> dict[str, str]:
    return {**_HEADERS, hdrs.CONTENT_DISPOSITION: attachment(name), hdrs.CONTENT_TYPE: "application/octet-stream"}


def attachment(name: str) -> str:
    """A Content-Disposition by which every browser saves, under this name where it can (RFC 6266)."""
    plain = "".join(one if one.isascii() and (one.isalnum() or one in " ._-()") else "_" for one in name).strip(" .")
    return f"attachment; filename=\"{plain or 'file'}\"; filename*=UTF-8''{quote(name, safe=_ATTR_CHARACTERS)}"


def _asked(request: web.Request, source: Source) -> _Span | None:
    """The range that was asked for and is obeyed; None: all of it, as for several ranges at once (RFC 9110, 14.2)."""
    asked = _RANGE.fullmatch(request.headers.get(hdrs.RANGE, ""))
    if asked is None or not _is_same(request, source):
        return None
    first, last = asked.groups()
    if not first and not last:
        return None
    if not first:
        return _Span(max(0, source.size - int(last)), source.size) if int(last) and source.size else _NO_SUCH_RANGE
    if last and int(last) < int(first):
        return None
    end = min(int(last) + 1, source.size) if last else source.size
    return _Span(int(first), end) if int(first) < source.size else _NO_SUCH_RANGE


def _is_same(request: web.Request, source: Source) -> bool:
    """If-Range: the browser goes on only if it is still the file whose beginning it has."""
    tag = request.headers.get(hdrs.IF_RANGE)
    return tag is None or tag in (f'"{source.tag}"', _http_date(source.modified_ms))


def _http_date(milliseconds: int) -> str:
    try:
        return format_datetime(datetime.fromtimestamp(milliseconds // 1000, UTC), usegmt=True)
    except (OverflowError, ValueError, OSError):
        return format_datetime(datetime.fromtimestamp(0, UTC), usegmt=True)


def _bare(address: str) -> str:
    """One spelling for one address: a socket for both families writes IPv4 in IPv6's way."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return str(mapped or ip)


def _digest(token: str) -> bytes:
    return hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=32).digest()


def _nothing() -> web.Response:
    return web.Response(status=404, headers=_HEADERS, text="There is nothing here (any more).\n")
