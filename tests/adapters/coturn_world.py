"""The kit's own coturn file in a network of its own, with public-looking addresses, and what clients see of it."""

import asyncio
import contextlib
import os
import re
import secrets
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from qrshared.cli.kit import write_kit
from tests.namespaces import Host, enter, home_network
from tests.parts import find
from tests.waiting import until_listening

SERVER, CLIENT = "203.0.113.1", "203.0.113.2"
SERVER_6 = "2001:db8::1"
PORT = 3478
PATIENCE_S = 60.0
T = TypeVar("T")


@dataclass
class Coturn:
    """A running relay: who can be reached through it is decided by the kit's file alone."""

    server: Host
    client: Host
    secret: str
    config: Path

    @property
    def url(self) -> str:
        return f"turn:{SERVER}:{PORT}"

    async def as_client(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run this on the client's machine, in a loop and a thread of its own: a namespace belongs to a thread."""
        return await on_host(self.client, work)


async def on_host(host: Host, work: Callable[[], Awaitable[T]]) -> T:
    ended: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    loop = asyncio.get_running_loop()

    async def run() -> T:
        return await work()

    def thread() -> None:
        try:
            enter(host.namespace)
            result = asyncio.run(run())
        except BaseException as fault:  # noqa: BLE001 - it belongs to the test, in the other thread
            loop.call_soon_threadsafe(ended.set_exception, fault)
        else:
            loop.call_soon_threadsafe(ended.set_result, result)

    threading.Thread(target=thread, daemon=True).start()
    async with asyncio.timeout(60):
        return await ended


def kit_config(folder: Path) -> tuple[Path, str]:
    """The coturn file of a fresh kit, and its secret."""
    write_kit(folder, "relay.example.org")
    return folder / "turnserver.conf", (folder / "secrets" / "turn").read_text().strip()


@asynccontextmanager
async def coturn(
    folder: Path, *flags: str, without: str | None = None, in_file: str = "", config: Path | None = None
) -> AsyncIterator[Coturn]:
    """Start it with the kit's file; `without` takes lines out of it, for controls."""
    file, secret = kit_config(folder / "kit")
    if without is not None:
        file = folder / "turnserver.conf"
        kept = [line for line in (folder / "kit" / "turnserver.conf").read_text().splitlines()
                if not re.search(without, line)]  # fmt: skip
        file.write_text("\n".join([*kept, in_file]) + "\n")
        file.chmod(0o600)
    with home_network(SERVER, CLIENT) as (server, client):
        for host, address in ((server, SERVER_6), (client, "2001:db8::2")):
            host.run("ip", "address", "add", f"{address}/64", "dev", "eth0", "nodad")
            # A black hole for everything else: 4.6.1 ends an allocation when a packet has no way to go.
            host.run("ip", "-6", "route", "add", "default", "via", "2001:db8::fe", "dev", "eth0")
        program = find("turnserver")
        assert program is not None
        process = await server.start(
            program, "-c", str(file), "--pidfile", str(folder / "pid"), "--userdb", str(folder / "db"), *flags,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env=os.environ,
        )  # fmt: skip
        try:
            await on_host(client, lambda: until_listening(SERVER, PORT))
            yield Coturn(server, client, secret, file)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.communicate()


def label() -> str:
    return secrets.token_urlsafe(9)
