"""What `qrshared run` shows, in a terminal of any size and in a log."""

import asyncio
import io
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from qrshared.cli import display as display_module
from qrshared.cli.code import Ink
from qrshared.cli.display import LineDisplay, ScreenDisplay, make_display
from qrshared.daemon import AddressChanged, Landed, Moved, Problem, Ready
from qrshared.protocol import TransferList, TransferState
from tests.daemon.test_cli_words import ARRIVING

CODE = "http://192.168.1.7:7774/p#1" + "A" * 22
BLOCKS = set("▀▄█")


def ready(code: Callable[[], str | None] = lambda: CODE, local_name: str | None = None) -> Ready:
    return Ready(
        computer="STUDY-PC",
        urls=("http://192.168.1.7:7774/",),
        code_url=code,
        local_name=lambda: local_name,
        inbox=Path("/home/anna/QRShare"),
        data_dir=Path("/d"),
    )


def screen(width: int, height: int) -> tuple[ScreenDisplay, Console]:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system="truecolor")
    return ScreenDisplay(console, Ink.COLOURED), console


def picture(display: ScreenDisplay, console: Console) -> list[str]:
    """What stands on the screen now, as plain lines."""
    drawn = Console(file=io.StringIO(), width=console.width, height=console.height)
    drawn.print(display._picture())
    text = drawn.file
    assert isinstance(text, io.StringIO)
    return text.getvalue().splitlines()


async def test_in_an_old_terminal_code_and_words_stand_side_by_side() -> None:
    display, console = screen(80, 24)
    with display:
        display.show(ready(local_name="qrshare.local"))
        lines = picture(display, console)
    assert len(lines) <= 23
    both = [line for line in lines if (BLOCKS & set(line) and "STUDY-PC" in line) or "192.168.1.7" in line]
    assert both
    assert any("http://qrshare.local:7774/" in line for line in lines)


@pytest.mark.parametrize(("width", "height", "has_code"), [(60, 40, True), (60, 15, False), (30, 40, False)])
async def test_a_code_is_shown_whole_or_not_at_all(width: int, height: int, has_code: bool) -> None:
    display, console = screen(width, height)
    with display:
        display.show(ready())
        lines = picture(display, console)
    assert any(BLOCKS & set(line) for line in lines) is has_code
    text = " ".join(" ".join(lines).split())
    assert ("Make this window larger" in text) is not has_code
    assert "STUDY-PC" in text


async def test_a_code_that_was_renewed_is_drawn_anew_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(display_module, "REDRAW_S", 0.01)
    asked = 0
    enough = asyncio.Event()

    def code() -> str:
        nonlocal asked
        asked += 1
        if asked > 5:
            enough.set()
        return CODE[:-1] + str(asked % 10)

    display, console = screen(80, 24)
    with display:
        display.show(ready(code))
        first = picture(display, console)
        async with asyncio.timeout(60):
            await enough.wait()
        assert picture(display, console) != first


async def test_transfers_are_drawn_while_they_run_and_counted_when_they_are_many() -> None:
    display, console = screen(100, 40)
    with display:
        display.show(ready())
        done = replace(ARRIVING, state=TransferState.DONE)
        display.show(Moved(TransferList((*(replace(ARRIVING, transfer=f"{n:032x}") for n in range(7)), done))))
        text = " ".join(" ".join(picture(display, console)).split())
    assert text.count("Anna's phone") == 4
    assert "and 3 more" in text
    assert "secret.jpg" not in text


async def test_what_landed_scrolls_by_and_names_no_file() -> None:
    display, console = screen(80, 24)
    with display:
        display.show(ready())
        display.show(Landed("Anna's \x1b[31mphone", ("secret.jpg", "b.jpg"), 2_000_000))
        display.show(Problem("The disk is nearly full."))
        logging.LogRecord("x", logging.WARNING, "x", 1, "x", None, None)
        handler = display.log_output()
        handler.emit(logging.LogRecord("x", logging.WARNING, "x", 1, "a [red]line[/red]", None, None))
    out = console.file
    assert isinstance(out, io.StringIO)
    text = out.getvalue()
    assert "2 files (2.0 MB) from Anna's \ufffd[31mphone arrived whole." in text
    assert "The disk is nearly full." in text
    assert "a [red]line[/red]" in text
    assert "secret.jpg" not in text


async def test_a_wall_that_is_off_gives_no_code() -> None:
    display, console = screen(80, 24)
    with display:
        display.show(ready(lambda: None))
        lines = picture(display, console)
    assert not any(BLOCKS & set(line) for line in lines)
    assert "qrshared qr" in " ".join(lines)


def test_a_log_gets_lines_without_file_names(capsys: pytest.CaptureFixture[str]) -> None:
    display = LineDisplay(has_code=True)
    with display:
        display.show(ready())
        display.show(Moved(TransferList((ARRIVING,))))
        display.show(Landed("Anna's phone", ("secret.jpg",), 1))
        display.show(AddressChanged(("http://10.0.0.2:7774/",)))
        display.show(AddressChanged(()))
        display.show(Problem("The inbox is gone."))
    said = capsys.readouterr().out
    assert "Scan to send files to STUDY-PC" in said
    assert CODE in said
    assert BLOCKS & set(said) or "##" in said
    assert "http://192.168.1.7:7774/" in said
    assert "/home/anna/QRShare" in said
    assert said.splitlines()[-5:] == [
        "1 file (1 B) from Anna's phone arrived whole.",
        "The address is now http://10.0.0.2:7774/.",
        "There is no network any more.",
        "The inbox is gone.",
        "Stopped. What has arrived is in the inbox, and what was under way goes on next time.",
    ]
    assert "secret.jpg" not in said


@pytest.mark.parametrize("variable", ["JOURNAL_STREAM", "NOTIFY_SOCKET"])
def test_a_journal_never_gets_a_code(variable: str, capsys: pytest.CaptureFixture[str]) -> None:
    display = make_display({variable: "x"})
    with display:
        display.show(ready())
    said = capsys.readouterr().out
    assert "p#1" not in said
    assert not BLOCKS & set(said)
    assert "http://192.168.1.7:7774/" in said
