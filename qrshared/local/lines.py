"""Messages as lines of JSON over a byte stream, bounded in both directions."""

import asyncio

from qrshared.protocol import Message, ProtocolError, decode_json, encode_json

LINE_BYTES_MAX = 64 * 1024
"""One line with its end; facts are trimmed to fit, and no verb comes near it."""

CLOSING_S = 2.0
"""How long a last message may take to be read."""


class Lines:
    """One end of a control connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def receive_text(self) -> str | None:
        """The next line, or None when the other end is gone; raises `ProtocolError`."""
        try:
            line = await self._reader.readuntil(b"\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        except asyncio.LimitOverrunError:
            raise ProtocolError("line too long") from None
        try:
            return line.decode("utf-8")
        except UnicodeDecodeError:
            raise ProtocolError("not UTF-8") from None

    async def receive(self) -> Message | None:
        """The next message, or None when the other end is gone; raises `ProtocolError`."""
        text = await self.receive_text()
        return None if text is None else decode_json(text)

    async def send_text(self, text: str) -> None:
        """Send one line; waits while the other end is slow; raises `ConnectionError`."""
        self._writer.write(_line(text))
        await self._writer.drain()

    async def send(self, message: Message) -> None:
        """Send one message; waits while the other end is slow; raises `ConnectionError`."""
        await self.send_text(encode_json(message))

    def close(self, last: Message | None = None) -> None:
        """Close, with a last message if the other end still takes one; never waits."""
        if last is not None and not self._writer.is_closing():
            self._writer.write(_line(encode_json(last)))
        self._writer.close()

    async def wait_closed(self) -> None:
        """Return when the socket is given back; what the other end has not read by then is dropped."""
        try:
            async with asyncio.timeout(CLOSING_S):
                await self._writer.wait_closed()
        except ConnectionError:
            pass
        except TimeoutError:
            self._writer.transport.abort()


def _line(text: str) -> bytes:
    # A file name need not be text: what UTF-8 cannot say goes out as "?" rather than not at all.
    return text.encode("utf-8", "replace") + b"\n"
