"""Each command against a real control socket and a desk that remembers: output, exit codes, no tracebacks."""

import asyncio
import json
import os
import re
import stat
import sys
import threading
import webbrowser
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from qrshared.cli import opening
from qrshared.cli.inbox import line_words
from qrshared.cli.main import main
from qrshared.local import ControlServer
from qrshared.protocol import (
    EdgeFacts,
    LineState,
    ListDevices,
    MakeTicket,
    RenameDevice,
    RevokeDevice,
    SettingFacts,
    TrustDevice,
)
from tests.daemon.full_desk import ANNA, AWAY_CODE, BEN, CODE, OWNER_URL, FullDesk
from tests.desk_double import OWNER


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder, and an environment in which nothing of the real user counts."""
    for name in [name for name in os.environ if name.startswith("QRSHARED_") or name in {"PORT", "SSH_CONNECTION"}]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o700)
    (tmp_path / "QRShare").mkdir()
    monkeypatch.setenv("QRSHARED_DATA_DIR", str(data_dir))
    return data_dir


@pytest.fixture
def desk(home: Path) -> Iterator[FullDesk]:
    """A desk behind the real socket, in a thread of its own: the commands bring their own loop."""
    desk = FullDesk(home.parent / "QRShare")
    is_open, stop = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        async with ControlServer(home, desk, OWNER):
            is_open.set()
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert is_open.wait(10)
    yield desk
    loops[0].call_soon_threadsafe(stop.set)
    thread.join(10)


Said = pytest.CaptureFixture[str]


def test_no_command_is_explained_by_half_a_sentence(capsys: Said) -> None:
    for name in ("", "config", "devices", "service"):
        assert main([*name.split(), "--help"]) == 0
        _, _, listed = capsys.readouterr().out.partition("Commands:")
        assert listed.strip()
        assert [line for line in listed.splitlines() if line.endswith(("...", "…"))] == []


def test_help_shows_the_first_five_first_and_nothing_that_is_not_there(capsys: Said) -> None:
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    order = [
        said.index(f"\n  {name} ")
        for name in ["run", "open", "qr", "send", "inbox", "status", "devices", "service", "config"]
    ]
    assert order == sorted(order)
    assert order[4] < said.index("Examples:") < said.index("More:") < order[5]
    for name in ("run", "open", "qr", "send", "inbox", "status", "devices", "service install", "config set"):
        assert main([*name.split(), "--help"]) == 0
        assert len(capsys.readouterr().out) > 100


def test_the_version_is_one_line(capsys: Said) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("qrshared 0.")


@pytest.mark.parametrize(
    "words",
    [["nonsense"], ["qr", "--expires", "soon"], ["inbox", "--limit", "0"], ["devices", "rename", "x"], ["qr", "--what"],
     ["run", "--port", "abc"], ["--port", "70000"], ["qr", "--url", "--svg", "x.svg"], ["config", "set", "port", "no"],
     ["config", "set", "nonsense", "1"]],
)  # fmt: skip
def test_a_wrong_use_ends_with_2_and_says_why(words: list[str], home: Path, capsys: Said) -> None:
    assert main(words) == 2
    said = capsys.readouterr()
    first, how = said.err.splitlines()
    assert first.endswith((".", "?", ")"))
    assert not first.startswith(("Usage", "Error"))
    assert how.startswith("`qrshared")
    assert how.endswith("--help` says how it is used.")
    assert said.out == ""


@pytest.mark.parametrize("words", [["status"], ["qr", "--url"], ["inbox", "--follow"], ["devices"], ["open"]])
def test_without_a_daemon_each_command_says_how_to_start_one(words: list[str], home: Path, capsys: Said) -> None:
    assert main(words) == 1
    said = capsys.readouterr()
    assert "Start it with `qrshared`" in said.err
    assert str(home) in said.err
    assert said.out == ""


def test_status_for_programs_has_what_they_rely_on(desk: FullDesk, capsys: Said) -> None:
    assert main(["status", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"version", "pid", "urls", "inbox", "devices", "transfers"} <= told.keys()
    assert told["pid"] == 17
    assert told["devices"][0]["name"] == "Anna's phone"


def test_status_for_people_says_where_and_what(desk: FullDesk, capsys: Said) -> None:
    assert main(["status"]) == 0
    said = capsys.readouterr().out
    assert "STUDY-PC" in said
    assert "2, 1 connected now" in said


def test_nothing_a_sender_named_reaches_the_terminal_raw(desk: FullDesk, capsys: Said) -> None:
    for words in (["inbox"], ["devices"], ["status"], ["devices", "revoke", "b2b2"]):
        main(words)
        said = capsys.readouterr()
        assert "\x1b" not in said.out + said.err
        assert "\x07" not in said.out + said.err


def test_in_a_pipe_the_inbox_is_one_line_a_file_with_tabs(desk: FullDesk, capsys: Said) -> None:
    assert main(["inbox", "--limit", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].split("\t")[1:] == ["2.0 MB", "Anna's phone", "photo [bold].jpg"]


def test_in_a_terminal_the_inbox_is_a_table_and_a_sentence(
    desk: FullDesk, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qrshared.cli.output.is_terminal", lambda: True)
    monkeypatch.setattr("qrshared.cli.inbox.is_terminal", lambda: True)
    assert main(["inbox", "--limit", "2"]) == 0
    said = capsys.readouterr().out
    assert "photo [bold].jpg" in said
    assert "2 files, and 1 more. They are in" in said


def test_a_line_that_comes_by_itself_has_tabs_in_a_pipe_only(
    desk: FullDesk, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [("2026-11-22 10:00", "2.0 MB", "Anna's phone", "a.jpg"), ("10:00", "3 B", "", "b.txt")]
    assert [line_words(row).split("\t") for row in rows] == [list(row) for row in rows]
    monkeypatch.setattr("qrshared.cli.inbox.is_terminal", lambda: True)
    lines = [line_words(row) for row in rows]
    assert not any("\t" in line for line in lines)
    assert lines[0].index("a.jpg") == lines[1].index("b.txt")


@pytest.mark.parametrize("words", [["inbox"], ["inbox", "--receipts"], ["devices"]])
@pytest.mark.parametrize("is_terminal", [False, True])
def test_an_empty_list_says_what_to_do_and_leaves_a_pipe_empty(
    words: list[str], desk: FullDesk, capsys: Said, monkeypatch: pytest.MonkeyPatch, *, is_terminal: bool
) -> None:
    monkeypatch.setattr("qrshared.cli.output.is_terminal", lambda: is_terminal)
    monkeypatch.setattr("qrshared.cli.inbox.is_terminal", lambda: is_terminal)
    desk.is_empty, desk.devices = True, []
    assert main(words) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert ("`qrshared qr`" if words == ["devices"] else "Nothing has arrived yet. Scan the code at http") in said.err


def test_the_inbox_for_programs_is_one_object(desk: FullDesk, capsys: Said) -> None:
    assert main(["inbox", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["total"] == 3
    assert told["entries"][1]["name"] == "a\x1b]0;owned\x07.txt"


def test_the_url_alone_is_one_line_and_a_fresh_personal_ticket(desk: FullDesk, capsys: Said) -> None:
    assert main(["qr", "--url"]) == 0
    assert capsys.readouterr().out == f"{CODE}\n"
    assert desk.asked == [MakeTicket("once")]
    assert main(["qr", "--url", "--expires", "7d"]) == 0
    assert desk.asked[-1] == MakeTicket("7d")
    assert main(["qr", "--url", "--expires", " 02 H"]) == 0
    assert desk.asked[-1] == MakeTicket("2h")


def test_the_code_says_whose_it_is_and_how_long_it_lives(desk: FullDesk, capsys: Said) -> None:
    assert main(["qr"]) == 0
    said = capsys.readouterr().out
    assert f"Scan to send files to STUDY-PC, or open {CODE}" in said
    assert "It works for one phone until 2030-" in said
    assert main(["qr", "--expires", "never"]) == 0
    assert "with no end" in capsys.readouterr().out


def test_a_code_for_elsewhere_is_the_edges_address_and_says_when_it_reaches_nobody(
    desk: FullDesk, capsys: Said
) -> None:
    assert main(["qr", "--remote", "--url"]) == 1
    assert "config set edge" in capsys.readouterr().err
    desk.edge = EdgeFacts("https://share.example.org", LineState.CONNECTED)
    assert main(["qr", "--remote", "--url"]) == 0
    assert capsys.readouterr().out == f"{AWAY_CODE}\n"
    assert desk.asked[-1] == MakeTicket("once", away=True)
    assert main(["qr", "--remote"]) == 0
    said = capsys.readouterr()
    assert f"Scan to send files to STUDY-PC from anywhere, or open {AWAY_CODE}" in said.out
    assert said.err == ""
    desk.edge = EdgeFacts("https://share.example.org", LineState.FAILED, "No qrshared answers there.")
    assert main(["qr", "--remote"]) == 0
    assert "not connected: No qrshared answers there). Until it is connected" in capsys.readouterr().err


def test_a_code_that_no_phone_can_open_says_so(desk: FullDesk, capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    here = "http://localhost:7780/p#1" + "C" * 22
    monkeypatch.setattr("tests.daemon.full_desk.AWAY_CODE", here)
    desk.edge = EdgeFacts("http://localhost:7780", LineState.CONNECTED)
    for words in (["--url"], []):
        assert main(["qr", "--remote", *words]) == 0
        said = capsys.readouterr()
        assert here in said.out
        assert "this address exists on this computer only" in said.err


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_a_file_with_a_code_is_private_and_never_overwritten_unasked(
    kind: str, desk: FullDesk, tmp_path: Path, capsys: Said
) -> None:
    path = tmp_path / f"card.{kind}"
    before = os.umask(0)
    try:
        assert main(["qr", f"--{kind}", str(path)]) == 0
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("precious")
    asked = len(desk.asked)
    assert main(["qr", f"--{kind}", str(path)]) == 1
    assert "--force" in capsys.readouterr().err
    assert len(desk.asked) == asked, "no ticket is made for nothing"
    assert path.read_text() == "precious"
    assert main(["qr", f"--{kind}", str(path), "--force"]) == 0
    assert path.read_bytes() != b"precious"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(each.name for each in tmp_path.iterdir()) == ["QRShare", f"card.{kind}", "data"]
    assert main(["qr", f"--{kind}", str(tmp_path / "no" / "such" / "folder")]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_devices_are_trusted_renamed_and_revoked_by_name(desk: FullDesk, capsys: Said) -> None:
    assert main(["devices", "trust", "anna's phone"]) == 0
    assert main(["devices", "rename", "Anna's phone", "Anna"]) == 0
    assert "is now called Anna." in capsys.readouterr().out
    assert main(["devices", "revoke", "a1a1"]) == 0
    verbs = [verb for verb in desk.asked if not isinstance(verb, ListDevices)]
    assert verbs == [TrustDevice(ANNA.device), RenameDevice(ANNA.device, "Anna"), RevokeDevice(ANNA.device)]
    assert main(["devices", "revoke", "b2b2"]) == 1
    assert capsys.readouterr().err == "That device is gone already.\n"


def test_the_two_keys_of_one_phone_stand_together_and_end_together(desk: FullDesk, capsys: Said) -> None:
    away = replace(ANNA, device="a2" * 16, second_of=ANNA.device)
    desk.devices = [away, BEN, ANNA]
    assert main(["devices"]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [row[-1] for row in rows[-3:]] == ["b2b2b2b2", "a1a1a1a1 (at home)", "a2a2a2a2 (away, of a1a1a1a1)"]
    assert main(["devices", "revoke", "Anna's phone"]) == 0
    assert desk.asked[-1] == RevokeDevice(ANNA.device)
    assert "both of its keys ended" in capsys.readouterr().out
    assert main(["devices", "revoke", "a2a2"]) == 0
    assert "what it may do at home stays" in capsys.readouterr().out
    desk.devices = [away, ANNA, replace(ANNA, device="c3" * 16)]
    assert main(["devices", "revoke", "Anna's phone"]) == 1
    doubt = re.sub(r" \[[a-z, ]*\]", "", capsys.readouterr().err)
    assert "a2a2a2a2 (away, of a1a1a1a1), a1a1a1a1 (at home), c3c3c3c3." in doubt


def test_the_data_folder_may_be_said_before_and_after_a_second_word(
    desk: FullDesk, home: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QRSHARED_DATA_DIR")
    for words in (["--data-dir", str(home), "list"], ["list", "--data-dir", str(home)], ["--data-dir", str(home)]):
        assert main(["devices", *words]) == 0
        assert "Anna's phone" in capsys.readouterr().out
    assert main(["devices", "list", "--json", "--data-dir", str(home)]) == 0
    assert json.loads(capsys.readouterr().out)["devices"][0]["device"] == ANNA.device


class TestOpen:
    """The owner's ticket reaches the browser without standing in anybody's process list."""

    def test_without_a_screen_the_link_and_the_ssh_line_are_printed(
        self, desk: FullDesk, capsys: Said, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(opening, "has_screen", lambda *_: False)
        assert main(["open"]) == 0
        said = capsys.readouterr().out
        assert said.splitlines()[0] == OWNER_URL
        assert "ssh -L 7774:127.0.0.1:7774 " in said

    def test_the_link_alone(self, desk: FullDesk, capsys: Said) -> None:
        assert main(["open", "--url"]) == 0
        assert capsys.readouterr().out == f"{OWNER_URL}\n"

    def test_the_browser_gets_a_private_file_that_is_gone_afterwards(
        self, desk: FullDesk, capsys: Said, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(opening, "has_screen", lambda *_: True)
        monkeypatch.setattr(opening, "BROWSER_S", 0.05)
        seen: list[tuple[str, int, str]] = []

        def browse(url: str) -> bool:
            path = Path(unquote(urlsplit(url).path))
            seen.append((url, stat.S_IMODE(path.stat().st_mode), path.read_text()))
            return True

        monkeypatch.setattr(webbrowser, "open", browse)
        assert main(["open"]) == 0
        (url, mode, page) = seen[0]
        assert url.startswith("file://")
        assert "#" not in url
        assert mode == 0o600
        assert OWNER_URL in page
        assert list(desk.inbox.iterdir()) == []
        assert "If nothing opened" in capsys.readouterr().out

    def test_a_browser_that_does_not_start_leaves_the_link(
        self, desk: FullDesk, capsys: Said, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(opening, "has_screen", lambda *_: True)
        monkeypatch.setattr(webbrowser, "open", lambda _: False)
        assert main(["open"]) == 0
        assert OWNER_URL in capsys.readouterr().out


def test_the_config_says_what_a_running_daemon_uses_instead(desk: FullDesk, home: Path, capsys: Said) -> None:
    desk.settings = (
        SettingFacts("name", "STUDY-PC", "", "", "--name"),
        SettingFacts("port", "7774", "", "", "default", needs_restart=True),
        SettingFacts("wall", "off", "", "", str(home / "config.toml")),
    )
    assert main(["config", "set", "name", "KITCHEN"]) == 0
    assert "The running qrshared was started with --name, which is stronger." in capsys.readouterr().out
    assert main(["config", "set", "port", "8000"]) == 0
    assert "It counts when qrshared next starts." in capsys.readouterr().out
    assert main(["config", "set", "wall", "off"]) == 0
    assert "The running qrshared takes it over now." in capsys.readouterr().out
    assert main(["config"]) == 0
    said = capsys.readouterr().err
    assert "The qrshared that runs now uses other values: name = STUDY-PC (--name), port = 7774 (default)." in said


def test_a_fault_of_our_own_is_one_sentence_and_with_debug_a_traceback(
    home: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("qrshared.cli.status.ask", broken)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    with pytest.raises(ZeroDivisionError) as fault:
        main(["status"])
    sys.excepthook(ZeroDivisionError, fault.value, fault.tb)
    said = capsys.readouterr().err
    assert "fault in qrshared itself" in said
    assert "ZeroDivisionError: oh" in said
    assert "Traceback" not in said
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    with pytest.raises(ZeroDivisionError):
        main(["status", "--debug"])
    assert sys.excepthook is sys.__excepthook__
