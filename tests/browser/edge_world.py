"""A home whose computer keeps a line to an edge on a third machine: both roads, and what cuts one of them."""

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from qrshared.protocol.messages import LineState
from tests.browser.chromium import Page
from tests.browser.home import COMPUTER, NEIGHBOUR, PATIENCE_S, PHONE, PORT, ROOT, SENDS_NOW, Home
from tests.namespaces import Host, home_network
from tests.parts import find

EDGE_PORT = 7780
ROAD = "document.querySelector('[data-road]')?.dataset.road"


def on_road(*roads: str) -> str:
    """An expression: ready to send, over one of these roads."""
    return f"{SENDS_NOW} && {list(roads)}.includes({ROAD})"


class Edge:
    """`qrshared signal` as a process on a machine."""

    def __init__(self, host: Host, folder: Path) -> None:
        self.host = host
        self.log = folder / "edge.log"
        self.process: asyncio.subprocess.Process | None = None

    def url(self, path: str = "") -> str:
        """Its page."""
        return f"http://{self.host.address}:{EDGE_PORT}{path}"

    async def start(self, *flags: str) -> None:
        """Start it and wait until it listens."""
        said = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = await self.host.start(
                sys.executable, "-m", "qrshared", "signal", "--host", self.host.address, "--port", str(EDGE_PORT),
                *flags, stdout=log, stderr=log, cwd=ROOT, env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )  # fmt: skip
        async with asyncio.timeout(PATIENCE_S):
            while b"The edge is at" not in self.log.read_bytes()[said:]:
                assert self.process.returncode is None, self.log.read_text()
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """End it."""
        process, self.process = self.process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


class AwayHome(Home):
    """The home and its edge; a phone may use either road."""

    def __init__(self, hosts: list[Host], folder: Path, rooms: contextlib.AsyncExitStack) -> None:
        super().__init__(hosts, folder, rooms)
        self.edge = Edge(self.neighbour, folder)

    async def start_daemon(self, *flags: str) -> None:
        """Start the daemon with its edge, and wait until the two have met."""
        await self.daemon.start("--edge", self.edge.url(), "--stun", "none", *flags)
        await self.daemon.wait_line(LineState.CONNECTED)

    def close_lan(self) -> None:
        """Nothing of the LAN door goes in or out of the computer any more; everything else does."""
        self.computer.run("nft", "add", "table", "inet", "cut")
        self.computer.run("nft", "add", "chain", "inet", "cut", "in", "{ type filter hook input priority 0; }")
        self.computer.run("nft", "add", "rule", "inet", "cut", "in", "tcp", "dport", str(PORT), "drop")
        self.computer.reset_connections(PORT)

    def open_lan(self) -> None:
        """The LAN is back."""
        self.computer.run("nft", "delete", "table", "inet", "cut")

    def forbid_direct(self) -> None:
        """Nothing but the edge's machine reaches the computer over UDP: what is left is a relay there."""
        self.computer.run("nft", "add", "table", "inet", "apart")
        self.computer.run("nft", "add", "chain", "inet", "apart", "in", "{ type filter hook input priority 0; }")
        rule = ("ip", "saddr", self.phone.address, "meta", "l4proto", "udp", "drop")
        self.computer.run("nft", "add", "rule", "inet", "apart", "in", *rule)

    def allow_direct(self) -> None:
        """The phone reaches the computer over UDP again, and the page hears nothing of it."""
        self.computer.run("nft", "delete", "table", "inet", "apart")

    async def start_relay(self) -> tuple[str, ...]:
        """A TURN server beside the edge; returns the daemon's flags for it."""
        password = self.folder / "turn-password"
        password.write_text("for-this-test")
        password.chmod(0o600)
        program = find("turnserver") or "turnserver"
        log = (self.folder / "turn.log").open("wb")
        relay = await self.neighbour.start(
            program, "-n", "--listening-ip", self.neighbour.address, "--relay-ip", self.neighbour.address,
            "--lt-cred-mech", "--realm", "test", "--user", "home:for-this-test", "--no-tls", "--no-dtls", "--no-cli",
            "--pidfile", str(self.folder / "turn.pid"), stdout=log, stderr=log,
        )  # fmt: skip

        async def end() -> None:
            relay.kill()
            await relay.wait()
            log.close()

        self._rooms.push_async_callback(end)
        async with asyncio.timeout(PATIENCE_S):
            while b"3478" not in self.neighbour.run("ss", "-Hlun").encode():
                await asyncio.sleep(0.05)
        url = f"turn:{self.neighbour.address}:3478"
        return ("--turn-url", url, "--turn-user", "home", "--turn-password-file", str(password))

    def away_url(self) -> str:
        """A fresh personal code for any network."""
        return self.daemon.say("qr", "--remote", "--url")

    async def open_away(self, url: str, *roads: str) -> Page:
        """A phone's tab that has reached home over the edge."""
        page = await (await self.browser_on(self.phone)).open(url)
        await page.wait_for(on_road(*(roads or ("direct",))), within_s=60)
        return page


@contextlib.asynccontextmanager
async def make_away_home(*flags: str) -> AsyncIterator[AwayHome]:
    """A home with an edge, both running, gone without a trace afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="qrshared-away-"))
    async with contextlib.AsyncExitStack() as rooms:
        rooms.callback(shutil.rmtree, folder, ignore_errors=True)
        home = AwayHome(rooms.enter_context(home_network(COMPUTER, PHONE, NEIGHBOUR)), folder, rooms)
        rooms.push_async_callback(home.edge.kill)
        rooms.push_async_callback(home.daemon.kill)
        await home.edge.start()
        await home.start_daemon(*flags)
        yield home


def sockets_of(host: Host, port: int) -> int:
    """Open TCP connections of a machine to that port elsewhere."""
    said = subprocess.run(
        host.command("ss", "-Htn", "state", "established", "dport", "=", f":{port}"),
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return len(said.stdout.splitlines())
