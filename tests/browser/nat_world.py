"""The laboratory with everything in it: an edge and a relay on the internet, a daemon at home, browsers anywhere."""

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from qrshared.protocol.messages import LineState
from tests.browser.chromium import Chromium, Page
from tests.browser.edge_world import EDGE_PORT, Edge
from tests.browser.home import IS_OPEN, PATIENCE_S, ROOT, Daemon
from tests.namespaces import Host
from tests.natlab import SERVER, Laboratory, Nat, nat_laboratory
from tests.parts import find

EDGE = f"http://{SERVER}:{EDGE_PORT}"
STUN = f"stun:{SERVER}:3478"
TURN_UDP = f"turn:{SERVER}:3478?transport=udp"
TURN_TCP = f"turn:{SERVER}:3478?transport=tcp"
SECRET = "a secret of the laboratory"
RELAY_FILE = ROOT / "qrshared" / "cli" / "kit" / "files" / "turnserver.conf"
ROAD = "document.querySelector('[data-road]')?.dataset.road"


@dataclass
class World:
    """The machines, and the programs that run on them."""

    lab: Laboratory
    folder: Path
    rooms: contextlib.AsyncExitStack
    edge: Edge
    daemon: Daemon
    secret_file: Path
    _browsers: dict[str, Chromium] = field(default_factory=dict)

    async def start_relay(self) -> None:
        """The relay of the self-hosting kit: its very file, with the laboratory's addresses."""
        text = RELAY_FILE.read_text("utf-8").replace("@SECRET@", SECRET).replace("@DOMAIN@", "edge.example.org")
        for own in ("pidfile", "userdb"):
            text = text.replace(f"{own}=/tmp/", f"{own}={self.folder}/")
        conf = self.folder / "turnserver.conf"
        conf.write_text(f"{text}\nlistening-ip={SERVER}\nrelay-ip={SERVER}\n")
        with (self.folder / "turn.log").open("ab") as log:
            process = await self.lab.server.start(
                find("turnserver") or "turnserver", "-c", str(conf), stdout=log, stderr=log
            )
        self.rooms.push_async_callback(_kill, process)
        probe = self.lab.server.socket()
        try:
            async with asyncio.timeout(PATIENCE_S):
                while probe.connect_ex((SERVER, 3478)) != 0:
                    assert process.returncode is None, (self.folder / "turn.log").read_text()
                    await asyncio.sleep(0.1)
        finally:
            probe.close()

    async def start_daemon(self, *flags: str, turn: str | None = None) -> None:
        """The daemon at home, with a line to the edge."""
        relay = ("--turn-url", turn, "--turn-secret-file", str(self.secret_file)) if turn else ()
        await self.daemon.start("--edge", EDGE, "--stun", STUN, *relay, *flags)
        await self.daemon.wait_line(LineState.CONNECTED)

    async def browser(self, host: Host) -> Chromium:
        """The browser of a machine, the same each time."""
        if host.namespace not in self._browsers:
            browser = Chromium(namespace=host.namespace)
            self._browsers[host.namespace] = await self.rooms.enter_async_context(browser)
        return self._browsers[host.namespace]

    async def scan_away(self, host: Host | None = None) -> Page:
        """The phone page after scanning the any-network code, away from home."""
        page = await (await self.browser(host or self.lab.other)).open(self.daemon.say("qr", "--remote", "--url"))
        await page.wait_for(IS_OPEN, within_s=60)
        return page

    def file(self, name: str, size: int) -> Path:
        """A new file of random bytes."""
        path = self.folder / "phone" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(size))
        return path


@contextlib.asynccontextmanager
async def nat_world(
    home: Nat = Nat.CONE, away: Nat = Nat.CONE, *, relay: bool = False, edge_turn: str | None = None
) -> AsyncIterator[World]:
    """The laboratory with its edge running, and the relay if asked for; the daemon is started by the test.

    `edge_turn`: the edge itself hands out the relay.
    """
    folder = Path(tempfile.mkdtemp(prefix="qrshared-nat-"))
    async with contextlib.AsyncExitStack() as rooms:
        rooms.callback(shutil.rmtree, folder, ignore_errors=True)
        lab = rooms.enter_context(nat_laboratory(home, away))
        secret_file = folder / "turn-secret"
        secret_file.write_text(SECRET)
        secret_file.chmod(0o600)
        world = World(lab, folder, rooms, Edge(lab.server, folder), Daemon(lab.computer, folder), secret_file)
        rooms.push_async_callback(world.edge.kill)
        relay_flags = ("--turn-url", edge_turn, "--turn-secret-file", str(secret_file)) if edge_turn else ()
        await world.edge.start("--stun", STUN, *relay_flags)
        if relay:
            await world.start_relay()
        rooms.push_async_callback(world.daemon.kill)
        yield world


async def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()
