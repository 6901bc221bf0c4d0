"""What a listener on the network would find: captures a conversation and looks for runs of what must stay secret."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.namespaces import Host
from tests.parts import find

RUN_BYTES = 8
MASK_BYTES = 4
"""A browser XORs what it sends over a WebSocket with four bytes over and over: no secret, for they stand before it."""


@dataclass
class Capture:
    """Everything a machine's interface saw, once the capture has ended."""

    path: Path
    content: bytes = b""
    _unmasked: bytes = field(default=b"", repr=False)

    def finish(self) -> None:
        self.content = self.path.read_bytes()
        self._unmasked = without_mask(self.content)

    def finds(self, secret: bytes) -> bool:
        """Whether any run of 8 bytes of it is in there, plain or as a browser masks it."""
        return any(self.runs_of(secret))

    def runs_of(self, secret: bytes) -> Iterator[bytes]:
        """Runs of the secret that are in the capture."""
        yield from _common_runs(self.content, secret)
        # XOR with the byte four further on takes the mask away, and four bytes of the run.
        yield from _common_runs(self._unmasked, without_mask(secret))


def without_mask(content: bytes) -> bytes:
    """The same for a text and for that text under any repeated mask of four bytes."""
    count = max(0, len(content) - MASK_BYTES)
    earlier = int.from_bytes(content[:count], "big")
    later = int.from_bytes(content[MASK_BYTES:], "big")
    return (earlier ^ later).to_bytes(count, "big")


def _common_runs(haystack: bytes, secret: bytes) -> Iterator[bytes]:
    if len(secret) < 1024:
        for start in range(len(secret) - RUN_BYTES + 1):
            if secret[start : start + RUN_BYTES] in haystack:
                yield secret[start : start + RUN_BYTES]
        return
    runs = {secret[start : start + RUN_BYTES] for start in range(len(secret) - RUN_BYTES + 1)}
    for start in range(len(haystack) - RUN_BYTES + 1):
        if haystack[start : start + RUN_BYTES] in runs:
            yield haystack[start : start + RUN_BYTES]


@contextlib.asynccontextmanager
async def listen_in(host: Host, path: Path) -> AsyncIterator[Capture]:
    """Capture whole frames on a machine's interface; the capture can be searched after the block."""
    tcpdump = await host.start(
        str(find("tcpdump")), "-i", host.interface, "-s", "0", "-B", "65536", "-U", "-w", str(path),
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert tcpdump.stderr is not None
    assert b"listening on" in await tcpdump.stderr.readline()
    capture = Capture(path)
    try:
        yield capture
    finally:
        tcpdump.terminate()
        said = (await tcpdump.stderr.read()).decode()
        await tcpdump.wait()
        assert "0 packets dropped by kernel" in said, said
        capture.finish()
