"""A daemon as a process of its own, started and stopped by tests, and phones that reach it as real ones do."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from qrshared.local import ControlClient
from qrshared.protocol import Facts, MakeOwnerTicket, MakeTicket, TicketFacts, Verb
from tests.client import Phone, scan

READY_S = 90.0
PROJECT = str(Path(__file__).resolve().parents[2])


@dataclass
class Running:
    """One run of the daemon."""

    process: asyncio.subprocess.Process
    said: list[str] = field(default_factory=list)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        async with asyncio.timeout(READY_S):
            return await self.process.wait()


@dataclass
class Home:
    """One computer: its folders, over as many runs as a test needs."""

    root: Path
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.data_dir = self.root / "data"
        self.inbox = self.root / "inbox"
        self.log = self.root / "log"

    @asynccontextmanager
    async def daemon(self, *words: str, **variables: str) -> AsyncIterator[Running]:
        """Running from here on; killed at the end if a test did not stop it."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        with self.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "qrshared", "run", "--port", "0", "--host", "127.0.0.1", "--no-mdns",
                "--data-dir", str(self.data_dir), "--inbox", str(self.inbox), *words,
                env={**kept, "HOME": str(self.root), "PYTHONPATH": PROJECT, **variables},
                stdout=asyncio.subprocess.PIPE, stderr=log,
            )  # fmt: skip
        try:
            running = Running(process)
            await self._until_ready(running)
            yield running
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def _until_ready(self, running: Running) -> None:
        assert running.process.stdout is not None
        async with asyncio.timeout(READY_S):
            async for line in running.process.stdout:
                running.said.append(line.decode())
                if running.said[-1].startswith("Files arrive"):
                    return
        raise AssertionError(f"it did not start: {self.log.read_text()}")

    async def ask(self, verb: Verb) -> Facts:
        """What the owner's command line would hear."""
        async with ControlClient(self.data_dir) as control:
            return await control.ask(verb)

    async def code(self) -> str:
        """A fresh personal code, as `qrshared qr --url` prints it."""
        facts = await self.ask(MakeTicket("once"))
        assert isinstance(facts, TicketFacts)
        return facts.url

    async def phone(self) -> Phone:
        """A phone that has scanned one."""
        return scan(await self.code())

    async def owner(self) -> Phone:
        """The owner's browser on this computer."""
        facts = await self.ask(MakeOwnerTicket())
        assert isinstance(facts, TicketFacts)
        return scan(facts.url)

    @property
    def port(self) -> int:
        return int((self.data_dir / "port").read_text())

    async def health(self) -> dict[str, Any]:
        """What `/health` says."""
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{self.port}/health") as answer:
            found: dict[str, Any] = json.loads(await answer.text())
            return found

    def parts(self) -> list[Path]:
        return sorted(self.inbox.glob(".qrshared-*.part"))

    def visible(self) -> dict[str, bytes]:
        """Files that a person sees in the inbox; the empty Outbox is no file."""
        return {path.name: path.read_bytes() for path in self.inbox.iterdir() if path.is_file() and path.name[0] != "."}
