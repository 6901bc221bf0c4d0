"""`qrshared send` as a process beside a daemon as a process: its code, its progress, its end."""

import asyncio
import json
import os
import pty
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click
import pytest

from qrshared.cli import main
from qrshared.cli.send import PATHS_BYTES_MAX, _offered, ends_of, how_it_ended, offered_lines, row_words
from qrshared.errors import UserError
from qrshared.local import ControlClient, DaemonRefused
from qrshared.protocol import (
    Done,
    EntryKind,
    Facts,
    Offer,
    OfferFacts,
    OfferProgress,
    OfferState,
    PickUp,
    Refuse,
    RenameDevice,
    ShelfItem,
    Verb,
)
from tests.client import scan
from tests.daemon.daemon_world import PROJECT, Home
from tests.daemon.shelf_world import pick_up, shelf_of
from tests.receiving import Pocket

MIB = 1024 * 1024


@dataclass
class Sending:
    """One run of the command."""

    process: asyncio.subprocess.Process
    told: list[dict[str, Any]] = field(default_factory=list)

    async def line(self) -> dict[str, Any]:
        """The next object; fails when there is none."""
        assert self.process.stdout is not None
        async with asyncio.timeout(60):
            text = await self.process.stdout.readline()
        self.told.append(json.loads(text))
        return self.told[-1]

    async def line_where(self, **fields: object) -> dict[str, Any]:
        """The next object that has these fields."""
        while True:
            found = await self.line()
            if fields.items() <= found.items():
                return found

    async def ends(self) -> int:
        async with asyncio.timeout(60):
            return await self.process.wait()


@asynccontextmanager
async def sending(home: Home, *words: str) -> AsyncIterator[Sending]:
    """Killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "qrshared", "send", *words, "--json", "--data-dir", str(home.data_dir),
        env={"PATH": os.environ["PATH"], "HOME": str(home.root), "PYTHONPATH": PROJECT},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield Sending(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    home = Home(tmp_path)
    async with home.daemon():
        yield home


def made(folder: Path, name: str, content: bytes) -> str:
    (folder / name).write_bytes(content)
    return str(folder / name)


async def test_once_ends_when_it_was_picked_up_and_every_line_is_an_object(home: Home) -> None:
    content = os.urandom(8 * MIB)
    async with sending(home, made(home.root, "film.mp4", content), "--once") as command:
        offered = await command.line()
        assert (offered["event"], offered["items"][0]["name"]) == ("offered", "film.mp4")
        async with scan(offered["url"], name="Ben").visit() as visit:
            pocket = await pick_up(visit, offered["items"][0]["item"])
            assert pocket.files() == {"film.mp4": content}
            last = await command.line_where(event="progress", state="handed_over")
            assert (last["device"], last["bytes_done"]) == ("Ben", 8 * MIB)
        assert (await command.line())["event"] == "ended"
        assert command.told[-1]["why"] == "picked_up"
        assert await command.ends() == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
async def test_what_it_offered_is_gone_when_it_is(home: Home, number: signal.Signals, code: int) -> None:
    async with sending(home, made(home.root, "film.mp4", os.urandom(32 * MIB))) as command:
        offered = await command.line()
        async with (await home.phone()).visit() as visit:
            assert [one.name for one in await shelf_of(visit)] == ["film.mp4"]
            assert await visit.ask(PickUp((offered["items"][0]["item"],))) == Done()
            pocket = Pocket()
            await pocket.take(visit, until=lambda: pocket.arrived_bytes > MIB)
            command.process.send_signal(number)
            async with asyncio.timeout(60):
                await pocket.take(visit)  # it is cancelled
                assert pocket.arrived_bytes < 32 * MIB
                assert await shelf_of(visit, where=lambda listed: not listed.items) == ()
            assert isinstance(await visit.ask(PickUp((offered["items"][0]["item"],))), Refuse)
        assert await command.ends() == code


async def test_when_its_time_is_over_or_the_daemon_stops_it_says_so(tmp_path: Path) -> None:
    home = Home(tmp_path)
    async with home.daemon() as running:
        file = made(home.root, "film.mp4", b"film")
        async with sending(home, file, "--expires", "1s") as command:
            assert (await command.line_where(event="ended"))["why"] == "expired"
            assert await command.ends() == 0
        ran = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "qrshared", "send", file, "--expires", "1s", "--data-dir", str(home.data_dir),
            env={"PATH": os.environ["PATH"], "HOME": str(home.root), "PYTHONPATH": PROJECT},
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        said, _ = await ran.communicate()
        assert said.decode().rstrip().endswith("Its time was over; nobody picked it up.")
        async with sending(home, file) as command:
            assert (await command.line())["event"] == "offered"
            await running.stop()
            assert (await command.line_where(event="ended"))["why"] == "stopped"
            assert await command.ends() == 1
            assert command.process.stderr is not None
            assert b"no longer offered" in await command.process.stderr.read()


async def test_for_one_device_by_its_name(home: Home) -> None:
    anna, ben = await home.phone(), await home.phone()
    async with anna.visit() as hers, ben.visit() as his:
        device = hers.hello.grant.device if hers.hello is not None and hers.hello.grant is not None else ""
        await home.ask(RenameDevice(device or "", "Anna's phone"))
        async with sending(home, made(home.root, "a.txt", b"a"), "--to", "Anna's phone") as command:
            offered = await command.line()
            assert offered["url"] is None
            assert [one.name for one in await shelf_of(hers)] == ["a.txt"]
            assert await shelf_of(his) == ()
        async with sending(home, made(home.root, "a.txt", b"a"), "--to", "Nobody") as command:
            assert await command.ends() == 1
            assert command.process.stderr is not None
            assert b"No device is called" in await command.process.stderr.read()


async def test_a_daemon_that_is_killed_goes_on_with_what_the_outbox_holds(tmp_path: Path) -> None:
    home, content, pocket = Home(tmp_path), os.urandom(24 * MIB), Pocket()
    async with home.daemon() as running:
        (home.inbox / "Outbox").mkdir(exist_ok=True)
        made(home.inbox / "Outbox", "film.mp4", content)
        phone = await home.phone()
        async with phone.visit() as visit:
            (one,) = await shelf_of(visit, where=lambda listed: bool(listed.items))
            assert await visit.ask(PickUp((one.item,))) == Done()
            await pocket.take(visit, until=lambda: pocket.arrived_bytes > 8 * MIB)
            await running.stop(signal.SIGKILL)
        pocket.cut()
    async with home.daemon(), phone.visit() as visit, asyncio.timeout(60):
        await pocket.take(visit)
        (again,) = await shelf_of(visit, where=lambda listed: bool(listed.items))
    assert again.item == one.item
    assert pocket.files() == {"film.mp4": content}
    assert pocket.arrived_bytes - len(content) <= 4 * MIB


async def test_in_a_terminal_it_draws_the_code_and_tells_the_end(home: Home) -> None:
    shown, terminal = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "qrshared", "send", made(home.root, "Film.mp4", os.urandom(24 * MIB)), "--once",
        "--data-dir", str(home.data_dir), stdout=terminal, stderr=terminal,
        env={"PATH": os.environ["PATH"], "HOME": str(home.root), "PYTHONPATH": PROJECT, "TERM": "xterm-256color"},
    )  # fmt: skip
    os.close(terminal)
    reading = asyncio.get_running_loop().run_in_executor(None, _read_all, shown)
    async with (await home.phone()).visit() as visit:
        (one,) = await shelf_of(visit, where=lambda listed: bool(listed.items))
        await pick_up(visit, one.item)
    async with asyncio.timeout(60):
        text = await reading
        assert await process.wait() == 0
    assert "▄" in text
    assert "Scan to pick up Film.mp4 (25.2 MB)" in text
    assert "has it" in text
    assert "Everything was picked up." in text


def _read_all(descriptor: int) -> str:
    content = b""
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        while True:
            try:
                piece = file.read(65_536)
            except OSError:  # how Linux says that the other end of a terminal is gone
                piece = b""
            if not piece:
                return content.decode()
            content += piece


async def test_what_a_sandbox_hides_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    class Sandboxed(ControlClient):
        async def ask(self, verb: Verb) -> Facts:
            raise DaemonRefused(sentence="a.txt cannot be read: No such file or directory.")

    for path, hint in (("/tmp/a.txt", True), ("/home/anna/a.txt", False)):
        with pytest.raises(UserError) as said:
            await _offered(Sandboxed(Path("/none")), Offer((path,)))
        assert ("sandbox" in said.value.sentence) is hint


def test_without_a_daemon_it_says_how_to_start_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = made(tmp_path, "a.txt", b"a")
    assert main.main(["send", file, "--data-dir", str(tmp_path / "data")]) == 1
    assert "Start it with `qrshared`" in capsys.readouterr().err
    assert main.main(["send", str(tmp_path / "none"), "--data-dir", str(tmp_path / "data")]) == 2
    assert main.main(["send"]) == 2
    assert main.main(["send", file, "--expires", "soon"]) == 2


def test_too_many_names_for_one_question_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"{number:03}{'n' * 240}" for number in range(PATHS_BYTES_MAX // 240)]
    files = [made(tmp_path, name, b"") for name in names]
    assert main.main(["send", *files, "--data-dir", str(tmp_path / "data")]) == 1
    assert "Put them into a folder" in capsys.readouterr().err


def test_times_are_said_with_a_unit(capsys: pytest.CaptureFixture[str]) -> None:
    context, option = main.commands.make_context("qrshared", ["status"]), main.commands.params[0]
    assert [ends_of(context, option, text) for text in ("90s", "30m", "2h", "7D", "Once", None)] == [
        90, 1800, 7200, 604_800, "once", None,
    ]  # fmt: skip
    for text in ("soon", "0h", "2", "never"):
        with pytest.raises(click.BadParameter):
            ends_of(context, option, text)


ITEM = ShelfItem("a" * 32, "\x1b[2Jfilm", 10, EntryKind.FILE, 0, expires_ms=0)


def test_nothing_a_name_holds_moves_the_cursor() -> None:
    row = OfferProgress(ITEM.item, ITEM.name, OfferState.MOVING, 10, 5, "\x1b[2JBen")
    told = [row_words(row), *offered_lines(OfferFacts((ITEM,), None), "\x1b]0;Ben")]
    assert not any("\x1b" in line for line in told)


def test_it_ends_when_nothing_waits() -> None:
    def row(state: OfferState, device: str | None = None) -> OfferProgress:
        return OfferProgress(ITEM.item, "film", state, 10, 0, device)

    offered = OfferFacts((replace(ITEM, expires_ms=100_000),), None)

    def why(*rows: OfferProgress, once: bool = True, now: float = 99.9) -> str | None:
        return how_it_ended(rows, offered, once=once, now=now)

    assert why(row(OfferState.WAITING)) is None
    assert why(row(OfferState.WAITING), now=101.0) is None
    assert why(row(OfferState.HANDED_OVER, "Ben"), once=False) is None
    assert why(row(OfferState.HANDED_OVER, "Ben")) == "picked_up"
    assert why(row(OfferState.HANDED_OVER, "Ben"), now=101.0) == "picked_up"
    assert why(row(OfferState.FAILED, "Ben"), row(OfferState.WITHDRAWN)) == "withdrawn"
    assert why(row(OfferState.FAILED, "Ben"), row(OfferState.WITHDRAWN), now=100.0) == "expired"
    assert why(row(OfferState.HANDED_OVER, "Ben"), row(OfferState.WITHDRAWN), now=100.0, once=False) == "expired"
