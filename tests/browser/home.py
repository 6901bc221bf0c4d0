"""A home for the browser tests: a computer with a real daemon, a phone beside it, and browsers on both."""

import asyncio
import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from pathlib import Path

from qrshared.local import ControlClient
from qrshared.protocol.messages import LineState, StatusFacts, Topic
from tests.browser.chromium import Chromium, Page
from tests.namespaces import Host, home_network

ROOT = Path(__file__).resolve().parents[2]
PORT = 7774
MIB = 1 << 20
PATIENCE_S = 90
"""For what comes at once on an idle machine: only a machine that is very busy, or a defect, makes it late."""
COMPUTER, PHONE, NEIGHBOUR = "192.168.77.1", "192.168.77.20", "192.168.77.66"
SENDS_NOW = "[...document.querySelectorAll('button')].some((b) => /^Send/.test(b.innerText.trim()) && !b.disabled)"
IS_OPEN = f"document.querySelector('.head-link')?.dataset.link === 'open' && {SENDS_NOW}"


class Daemon:
    """The program as a process on a machine; its folders outlive kills and restarts."""

    def __init__(self, host: Host, folder: Path) -> None:
        self.host = host
        self.inbox = folder / "in"
        self.data_dir = folder / "data"
        self.log = folder / "log"
        self.process: asyncio.subprocess.Process | None = None

    async def start(self, *flags: str, fixed: bool = True, from_file: bool = False) -> None:
        """Start it and wait until it says that it is ready; not `fixed`: it chooses its address by itself.

        `from_file`: its name and inbox stand in `config.toml`, where its owner may change them.
        """
        words = () if from_file else ("--inbox", str(self.inbox), "--name", "STUDY-PC")
        host = ("--host", self.host.address) if fixed else ()
        said = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = await self.host.start(
                *_program("run", *host, "--port", str(PORT), "--data-dir", str(self.data_dir)), *words, "--no-mdns",
                *flags, stdout=log, stderr=log, cwd=ROOT, env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )  # fmt: skip
        async with asyncio.timeout(PATIENCE_S):
            while b"Files arrive in" not in self.log.read_bytes()[said:]:
                assert self.process.returncode is None, self.log.read_text()
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """End it as a power cut would, as far as a process can tell."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """Ask it to end."""
        await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):  # it may have ended by itself, which its log then says
            process.send_signal(number)
        async with asyncio.timeout(PATIENCE_S):
            await process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process itself."""
        assert self.process is not None
        self.process.send_signal(number)

    @property
    def is_alive(self) -> bool:
        """Whether the process that was started still runs."""
        return self.process is not None and self.process.returncode is None

    def say(self, *words: str) -> str:
        """What a command of the program prints."""
        command = self.host.command(*_program(*words), "--data-dir", str(self.data_dir))
        return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout.strip()

    def ticket_url(self) -> str:
        """A fresh personal ticket: opening it is what scanning does."""
        return self.say("qr", "--url")

    def owner_url(self) -> str:
        """A fresh ticket of the owner, for loopback."""
        return self.say("open", "--url")

    async def wait_line(self, state: LineState) -> None:
        """Wait until it says that of its line to the edge."""
        async with (
            asyncio.timeout(PATIENCE_S),
            ControlClient(self.data_dir) as control,
            aclosing(control.watch((Topic.STATUS,))) as told,
        ):
            async for facts in told:
                if isinstance(facts, StatusFacts) and facts.edge is not None and facts.edge.state == state:
                    return

    def files(self) -> dict[str, str]:
        """Everything a person sees in the inbox, with its SHA-256."""
        found = (path for path in self.inbox.rglob("*") if path.is_file() and not path.name.startswith("."))
        return {path.relative_to(self.inbox).as_posix(): sha256(path) for path in found}


class Home:
    """The network with a daemon on its computer; browsers are started when first asked for."""

    def __init__(self, hosts: list[Host], folder: Path, rooms: contextlib.AsyncExitStack) -> None:
        self.computer, self.phone, self.neighbour = hosts
        self.folder = folder
        self.daemon = Daemon(self.computer, folder)
        self._rooms = rooms
        self._browsers: dict[str, Chromium] = {}

    async def browser_on(self, host: Host) -> Chromium:
        """The browser of a machine, the same each time."""
        if host.namespace not in self._browsers:
            browser = Chromium(namespace=host.namespace)
            self._browsers[host.namespace] = await self._rooms.enter_async_context(browser)
        return self._browsers[host.namespace]

    async def open(self, url: str, *, host: Host | None = None, size: tuple[int, int] = (1280, 800)) -> Page:
        """A tab as on a computer with a screen; on the phone's machine unless told otherwise."""
        return await (await self.browser_on(host or self.phone)).open(url, size=size, phone=False)

    async def open_on_phone(self, url: str) -> Page:
        """A tab as on a phone, ready to send."""
        page = await (await self.browser_on(self.phone)).open(url)
        await page.wait_for(IS_OPEN)
        return page

    async def scan(self) -> Page:
        """The phone page after scanning a fresh personal code."""
        return await self.open_on_phone(self.daemon.ticket_url())

    def url(self, path: str = "/") -> str:
        """The daemon's page by its address at home."""
        return f"http://{self.computer.address}:{PORT}{path}"

    def file(self, name: str, size: int) -> Path:
        """A new file of random bytes on the phone."""
        path = self.folder / "phone" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for start in range(0, size, MIB):
                file.write(os.urandom(min(MIB, size - start)))
        return path


@contextlib.asynccontextmanager
async def make_home() -> AsyncIterator[Home]:
    """A home whose daemon runs, gone without a trace afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="qrshared-home-"))
    async with contextlib.AsyncExitStack() as rooms:
        rooms.callback(shutil.rmtree, folder, ignore_errors=True)
        home = Home(rooms.enter_context(home_network(COMPUTER, PHONE, NEIGHBOUR)), folder, rooms)
        rooms.push_async_callback(home.daemon.kill)
        await home.daemon.start()
        yield home


async def wait_done(page: Page, count: int, *, within_s: float = 120) -> None:
    """Wait until the page says that so many items are safe."""
    await page.wait_for(f"document.querySelector('[role=status]').dataset.done === '{count}'", within_s=within_s)


async def wait_sent(host: Host, count: int, *, within_s: float = 120) -> None:
    """Wait until a machine has sent so many bytes: then something is in the middle."""
    async with asyncio.timeout(within_s):
        while host.sent_bytes() < count:
            await asyncio.sleep(0.02)


def sha256(path: Path) -> str:
    """Of a file's content, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hashes(paths: Iterable[Path]) -> dict[str, str]:
    """What `Daemon.files` should give after these were sent."""
    return {path.name: sha256(path) for path in paths}


def _program(*words: str) -> list[str]:
    return [sys.executable, "-m", "qrshared", *words]
