"""Notices: true sentences, nothing a sender writes is read as markup or script, never more than one in a while."""

import asyncio
import os
import shutil
import socket
import sys
from pathlib import Path

import pytest

from qrshared.daemon import notices as notices_module
from qrshared.daemon.notices import (
    NOTICES_WAIT_MAX,
    SENDER_CHARACTERS_MAX,
    TEXT_CHARACTERS_MAX,
    Batch,
    Command,
    Notices,
    asking_notice,
    batch_sentence,
    notice_command,
    run_command,
)

ANNA = "Anna's phone"


@pytest.mark.parametrize(
    ("batch", "sentence"),
    [
        (Batch((ANNA,), photos=12), "12 photos from Anna's phone are in QRShare"),
        (Batch((ANNA,), photos=1), "1 photo from Anna's phone is in QRShare"),
        (Batch((ANNA,), videos=2), "2 videos from Anna's phone are in QRShare"),
        (Batch((ANNA,), photos=1, videos=1), "2 files from Anna's phone are in QRShare"),
        (Batch((ANNA,), others=1), "1 file from Anna's phone is in QRShare"),
        (Batch((ANNA, "Ben"), photos=3), "3 photos from 2 devices are in QRShare"),
        (Batch((), photos=3), "3 photos are in QRShare"),
        (Batch(("\n\x1b[31m",), photos=3), "3 photos from [31m are in QRShare"),
        (Batch(("\u202etxt.exe",), others=3), "3 files from txt.exe are in QRShare"),
        (Batch(("x" * 500,), photos=1), f"1 photo from {'x' * SENDER_CHARACTERS_MAX} is in QRShare"),
        (
            Batch((ANNA,), others=1, text="example.org\nhttps://example.org/a?b=c\n"),
            "example.org https://example.org/a?b=c (link from Anna's phone, in QRShare)",
        ),
        (Batch((ANNA,), others=1, text="Milk,\n2\x1bl"), "Milk, 2 l (note from Anna's phone, in QRShare)"),
        (
            Batch((ANNA,), others=1, text="m" * 9000),
            f"{'m' * TEXT_CHARACTERS_MAX} (note from Anna's phone, in QRShare)",
        ),
        (Batch((ANNA,), others=1, text="\u202e"), "1 file from Anna's phone is in QRShare"),
        (
            Batch((ANNA,), others=1, text="one").joined(Batch((ANNA,), others=1)),
            "2 files from Anna's phone are in QRShare",
        ),
    ],
)
def test_the_sentence_says_what_from_whom_and_where(batch: Batch, sentence: str) -> None:
    assert batch_sentence(batch, "QRShare") == sentence


def everything(name: str) -> str:
    return f"/usr/bin/{name}"


HOSTILE = "--help $(reboot) `reboot` \"; reboot; ' <b>&amp;<a href='x'>"


def test_on_linux_the_text_is_one_argument_after_the_options_and_no_markup() -> None:
    bus = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/user/1000/bus"}
    command = notice_command(HOSTILE, platform="linux", environment=bus, which=everything)
    assert command is not None
    assert command.arguments[0] == "notify-send"
    assert command.arguments[-3] == "--"
    assert "<" not in command.arguments[-1]
    assert "&lt;b&gt;&amp;amp;" in command.arguments[-1]


def test_on_macos_the_text_is_an_argument_and_never_script() -> None:
    command = notice_command(HOSTILE, platform="darwin", environment={}, which=everything)
    assert command is not None
    assert command.arguments[-1] == HOSTILE
    assert not any("reboot" in part for part in command.arguments[:-1])


def test_on_windows_the_text_is_a_variable_and_never_script() -> None:
    command = notice_command(HOSTILE, platform="win32", environment={}, which=everything)
    assert command is not None
    assert not any("reboot" in part for part in command.arguments)
    assert ("QRSHARED_NOTICE_TEXT", HOSTILE) in command.variables


def test_where_nobody_would_see_it_there_is_no_notice(tmp_path: Path) -> None:
    bus = {"DBUS_SESSION_BUS_ADDRESS": "x"}
    assert notice_command("x", platform="linux", environment={}, which=everything) is None
    assert notice_command("x", platform="linux", environment={"DISPLAY": ":0"}, which=everything) is None
    assert notice_command("x", platform="linux", environment=bus, which=lambda _: None) is None
    runtime = {"XDG_RUNTIME_DIR": str(tmp_path)}
    assert notice_command("x", platform="linux", environment=runtime, which=everything) is None
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "bus"))
        assert notice_command("x", platform="linux", environment=runtime, which=everything) is not None


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> asyncio.Queue[str]:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(shutil, "which", everything)
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "x")
    return asyncio.Queue()


async def test_batches_that_come_together_make_one_notice(shown: asyncio.Queue[str]) -> None:
    async def run(command: Command) -> None:
        await shown.put(command.arguments[-1])

    notices = Notices(Path("/home/x/QRShare"), run=run, every_s=0.05)
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(notices.run())
        notices.arrived(Batch((), photos=0))
        notices.arrived(Batch(("Ben",), photos=1))
        assert await shown.get() == "1 photo from Ben is in QRShare"
        for number in range(1000):
            notices.arrived(Batch((f"guest {number % 3}",), photos=1))
        assert await shown.get() == "1000 photos from 3 devices are in QRShare"
        running.cancel()
    assert shown.empty()


async def test_a_notice_that_fails_or_hangs_does_not_stop_the_next(
    shown: asyncio.Queue[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices_module, "NOTICE_S_MAX", 0.02)
    behaviours = iter(["fail", "hang", "work"])

    async def run(command: Command) -> None:
        behaviour = next(behaviours)
        await shown.put(behaviour)
        if behaviour == "fail":
            raise FileNotFoundError
        if behaviour == "hang":
            await asyncio.Event().wait()

    notices = Notices(Path("/QRShare"), run=run, every_s=0)
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(notices.run())
        for expected in ("fail", "hang", "work"):
            notices.arrived(Batch(("Ben",), others=1))
            assert await shown.get() == expected
        running.cancel()


async def test_a_command_gets_its_arguments_and_variables_untouched(tmp_path: Path) -> None:
    out = tmp_path / "out"
    script = "import os, pathlib, sys; pathlib.Path(sys.argv[1]).write_text(sys.argv[2] + os.environ['X'])"
    await run_command(Command((sys.executable, "-c", script, str(out), HOSTILE), (("X", "$HOME"),)))
    assert out.read_text() == HOSTILE + "$HOME"


async def test_a_command_that_is_given_up_is_killed(tmp_path: Path) -> None:
    started = tmp_path / "started"
    script = "import os, pathlib, sys, time; pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); time.sleep(600)"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await run_command(Command((sys.executable, "-c", script, str(started))))
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)


async def test_questions_are_told_at_once_under_their_own_title_and_the_oldest_of_too_many_is_left_out(
    shown: asyncio.Queue[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    titles: list[str] = []

    async def run(command: Command) -> None:
        titles.append(command.arguments[-2])
        await shown.put(command.arguments[-1])

    notices = Notices(Path("/QRShare"), run=run, every_s=0)
    for number in range(NOTICES_WAIT_MAX + 1):
        notices.tell(asking_notice(f"guest {number}", 1, 5, ["a.jpg"]))
    notices.arrived(Batch(("Ben",), photos=1))
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(notices.run())
        for _ in range(NOTICES_WAIT_MAX + 1):
            await shown.get()
        running.cancel()
    asked = [f"A guest (guest {number}) wants to send files" for number in range(1, NOTICES_WAIT_MAX + 1)]
    assert titles == [*asked, notices_module.ARRIVED]
