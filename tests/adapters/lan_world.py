"""A running home server for tests, and peers that speak raw bytes to it."""

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from qrshared.lan import LanServer, OnLink, Visitor, admission_for, build_app
from qrshared.links import Link, LinkClosed
from qrshared.serving import Admission, BuiltPage, Caps, FailedHandshakes, Gate


async def echo(link: Link, visitor: Visitor) -> None:
    """A session that is sealed at once and says everything back."""
    visitor.sealed(True)
    try:
        while True:
            await link.send(*await link.receive())
    except LinkClosed:
        return


@dataclass
class World:
    """What a test may look at and turn."""

    port: int
    gate: Gate
    server: LanServer
    failed: FailedHandshakes
    visitors: list[Visitor] = field(default_factory=list)
    admission: Admission = field(default_factory=lambda: Admission(frozenset()))

    async def raw(self, request: bytes, *, host: str = "127.0.0.1") -> bytes:
        """Everything the server answers to these bytes until it closes, or has nothing more to say for a while."""
        reader, writer = await asyncio.open_connection(host, self.port)
        try:
            writer.write(request)
            answer = bytearray()
            try:
                async with asyncio.timeout(2):
                    while part := await reader.read(65_536):
                        answer += part
            except (TimeoutError, ConnectionError):
                pass
            return bytes(answer)
        finally:
            writer.close()

    async def get(self, target: str = "/", *headers: str, method: str = "GET", host: str | None = None) -> bytes:
        """One request by hand; `host` None stands for the right one, an empty one for none at all."""
        host_line = [f"Host: {host if host is not None else f'127.0.0.1:{self.port}'}"] if host != "" else []
        lines = [f"{method} {target} HTTP/1.1", *host_line, *headers, "Connection: close", "", ""]
        return await self.raw("\r\n".join(lines).encode("latin-1"))


def status(answer: bytes) -> int:
    """The status code of a raw answer; 0 for none."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.") else 0


def built_page(folder: Path) -> BuiltPage:
    """A small build, with a secret beside it that must never be served."""
    dist = folder / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text("<!doctype html><title>page</title>")
    (dist / "build.json").write_text('{"secret": "SECRET"}')
    (dist / "assets" / "page-1a2b.js").write_text("console.log('page')")
    (folder / "secret.txt").write_text("SECRET")
    (dist / "assets" / "link.txt").symlink_to(folder / "secret.txt")
    return BuiltPage.load(dist)


def free_port() -> int:
    """One that is free on every address, below those that the kernel hands to whoever connects somewhere meanwhile."""
    for port in random.sample(range(20_000, 30_000), 100):
        with socket.socket(socket.AF_INET6) as probe, contextlib.suppress(OSError):
            probe.bind(("::", port))
            return port
    raise OSError("no port is free")


@asynccontextmanager
async def running(
    *,
    page: BuiltPage | None = None,
    caps: Caps | None = None,
    on_link: OnLink = echo,
    host: str | None = "127.0.0.1",
    port: int = 0,
    per_minute: float = 10,
    public_host: str | None = None,
) -> AsyncIterator[World]:
    """A server on loopback, on a free port."""
    gate = Gate(caps)
    failed = FailedHandshakes(per_minute=per_minute)

    async def noted(link: Link, visitor: Visitor) -> None:
        world.visitors.append(visitor)
        await on_link(link, visitor)

    app = build_app(
        page=page if page is not None else BuiltPage({}),
        sessions=lambda: len(world.visitors),
        on_link=noted,
        admission=lambda: world.admission,
        gate=gate,
        failed=failed,
    )
    async with LanServer(app, gate) as server:
        chosen = await server.listen(host=host, port=port)
        world = World(port=chosen, gate=gate, server=server, failed=failed)
        world.admission = admission_for([], port=chosen, host=host, public_host=public_host)
        yield world
