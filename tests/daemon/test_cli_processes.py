"""The command `qrshared` as a process: a daemon from start to stop, asked by other processes."""

import json
import os
import pty
import select
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

READY_S = 90.0
PROGRAM = (sys.executable, "-m", "qrshared.cli.main")


class Home:
    """One computer: its folders, and what is typed at it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data_dir = root / "data"
        self.inbox = root / "inbox"
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
        project = str(Path(__file__).resolve().parents[2])
        self.environment = {**kept, "HOME": str(root), "PYTHONPATH": project, "QRSHARED_DATA_DIR": str(self.data_dir)}
        self.run_words: tuple[str, ...] = (
            *PROGRAM, "run", "--port", "0", "--host", "127.0.0.1", "--inbox", str(self.inbox),
            "--name", "STUDY-PC", "--no-mdns",
        )  # fmt: skip

    def ask(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            (*PROGRAM, *words),
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @contextmanager
    def daemon(self, words: Sequence[str] = (), **variables: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
        """A running daemon, and what it printed until it was ready."""
        process = subprocess.Popen(
            (*self.run_words, *words),
            env={**self.environment, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process, self._until_ready(process)
        finally:
            process.kill()
            process.communicate()

    @contextmanager
    def follower(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """`qrshared inbox --follow` beside the daemon."""
        process = subprocess.Popen(
            (*PROGRAM, "inbox", "--follow", *words),
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    @staticmethod
    def _until_ready(process: subprocess.Popen[str]) -> str:
        """The last line of what it says when it is ready begins with "Files arrive"."""
        said = ""
        while line := next_line(process):
            said += line
            if line.startswith("Files arrive"):
                return said
        pytest.fail(f"it did not start: {said}{process.communicate()[1]}")


def next_line(process: subprocess.Popen[str]) -> str:
    """The next line it prints; a process that stays silent for long is ended, and then it is an empty one."""
    assert process.stdout is not None
    patience = threading.Timer(READY_S, process.kill)
    patience.start()
    try:
        return process.stdout.readline()
    finally:
        patience.cancel()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_a_daemon_from_its_first_word_to_its_last(home: Home) -> None:
    with home.daemon() as (process, said):
        assert "Scan to send files to STUDY-PC" in said
        assert "/p#1" in said
        status = json.loads(home.ask("status", "--json").stdout)
        assert status["pid"] == process.pid
        assert status["inbox"] == str(home.inbox)
        assert status["urls"][0] in said

        url = home.ask("qr", "--url").stdout
        assert url.count("\n") == 1
        assert url.startswith(f"{status['urls'][0]}p#1")
        assert url not in said, "each is a fresh one"

        second = subprocess.run(
            home.run_words, env=home.environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert second.returncode == 1
        assert status["urls"][0] in second.stderr
        assert f"process {process.pid}" in second.stderr
        assert "Traceback" not in second.stderr

        owner = home.ask("open")
        assert "/owner#1" in owner.stdout
        assert "ssh -L" in owner.stdout

        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=90)
        assert process.returncode == 0
        assert "Traceback" not in log
        assert "#1" not in log, "no code in the log"
    assert not (home.data_dir / "control.sock").exists()
    gone = home.ask("status")
    assert gone.returncode == 1
    assert "not running" in gone.stderr


def test_a_killed_daemon_leaves_a_socket_that_the_next_one_replaces(home: Home) -> None:
    with home.daemon() as (process, _):
        process.kill()
        process.wait()
    assert stat.S_ISSOCK((home.data_dir / "control.sock").stat().st_mode)
    with home.daemon() as (process, _):
        assert json.loads(home.ask("status", "--json").stdout)["pid"] == process.pid


def test_what_keeps_a_daemon_from_starting_is_one_sentence(home: Home) -> None:
    with home.daemon():
        port = home.ask("status", "--json").stdout.partition('"http://127.0.0.1:')[2].partition("/")[0]
        elsewhere = {"QRSHARED_DATA_DIR": str(home.root / "other")}
        run = ("run", "--host", "127.0.0.1", "--no-mdns")
        taken = home.ask(*run, "--port", port, "--inbox", str(home.root / "other inbox"), **elsewhere)
        shared = home.ask(*run, "--port", "0", "--inbox", str(home.inbox), **elsewhere)
    for told in (taken, shared):
        assert told.returncode == 1
        assert "Traceback" not in told.stderr
        assert len(told.stderr.strip().splitlines()) == 1
    assert port in taken.stderr
    assert str(home.inbox) in shared.stderr


def test_no_command_is_run(home: Home) -> None:
    """`qrshared --port 0 …` is `qrshared run --port 0 …`."""
    home.run_words = tuple(word for word in home.run_words if word != "run")
    with home.daemon() as (process, said):
        assert "STUDY-PC" in said
        process.send_signal(signal.SIGINT)
        _, log = process.communicate(timeout=90)
    assert process.returncode == 0
    assert "Traceback" not in log


def test_under_systemd_the_journal_gets_no_code_and_systemd_is_told(home: Home) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        path = str(home.root / "notify")
        heard.bind(path)
        heard.settimeout(READY_S)
        with home.daemon(NOTIFY_SOCKET=path) as (process, said):
            assert "#1" not in said
            assert heard.recv(4096).startswith(b"READY=1\n")
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=90)
            assert heard.recv(4096) == b"STOPPING=1"


def test_what_arrives_is_followed_line_by_line_and_ctrl_c_ends_it_quietly(home: Home) -> None:
    home.inbox.mkdir()
    (home.inbox / "first.txt").write_text("1")
    with home.daemon(), home.follower("--json") as following:
        assert json.loads(next_line(following))["name"] == "first.txt"
        (home.inbox / "second.txt").write_text("2")
        assert json.loads(next_line(following))["name"] == "second.txt"
        following.send_signal(signal.SIGINT)
        _, said = following.communicate(timeout=90)
        assert following.returncode == 130
        assert said.strip() == ""


def test_a_daemon_that_stops_ends_those_who_follow_with_a_sentence(home: Home) -> None:
    home.inbox.mkdir()
    (home.inbox / "first.txt").write_text("1")
    with home.daemon() as (process, _), home.follower() as following:
        assert next_line(following).endswith("\tfirst.txt\n")
        process.send_signal(signal.SIGTERM)
        _, said = following.communicate(timeout=90)
        assert following.returncode == 1
        assert "daemon stopped" in said


def test_a_reader_that_leaves_early_is_no_error(home: Home) -> None:
    with home.daemon():
        read, write = os.pipe()
        os.close(read)
        told = subprocess.run(
            (*PROGRAM, "status", "--json"), env=home.environment, stdout=write, stderr=subprocess.PIPE, check=False
        )
        os.close(write)
    assert told.returncode == 1
    assert told.stderr == b""


def test_a_terminal_without_utf8_still_gets_a_code(home: Home) -> None:
    with home.daemon(PYTHONIOENCODING="ascii:replace", PYTHONUTF8="0", LC_ALL="C") as (_, said):
        assert "####" in said
        assert said.isascii()


def test_in_a_terminal_the_screen_lives_until_ctrl_c(home: Home) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(sys.executable, home.run_words, {**home.environment, "TERM": "xterm-256color"})
    try:
        os.set_blocking(terminal, False)
        said = _read_until(terminal, b"Scan to send files to")
        assert b"\x1b[38;5;16;48;5;231m" in said, "black on white, whatever the theme"
        os.write(terminal, b"\x03")
        assert b"Stopped." in _read_until(terminal, b"Stopped.")
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        pid = 0
    finally:
        if pid:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        os.close(terminal)


def test_a_terminal_that_is_closed_stops_the_daemon_in_order(home: Home) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(sys.executable, home.run_words, {**home.environment, "TERM": "xterm-256color"})
    try:
        os.set_blocking(terminal, False)
        _read_until(terminal, b"Scan to send files to")
        os.close(terminal)
        ended, pid = ended_within(pid, READY_S), 0
        assert ended
    finally:
        if pid:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    assert not (home.data_dir / "control.sock").exists(), "the control: a daemon that is killed leaves it behind"


def ended_within(pid: int, seconds: float) -> bool:
    """Whether a child ended by then; it is waited for."""
    patience = threading.Timer(seconds, os.kill, (pid, signal.SIGKILL))
    patience.start()
    try:
        _, status = os.waitpid(pid, 0)
    finally:
        patience.cancel()
    return not os.WIFSIGNALED(status)


def _read_until(terminal: int, wanted: bytes) -> bytes:
    said = b""
    end = time.monotonic() + READY_S
    while wanted not in said and time.monotonic() < end:
        if select.select([terminal], [], [], 1)[0]:
            try:
                said += os.read(terminal, 65_536)
            except OSError:  # the other end has closed
                break
    return said


def test_no_color_is_honoured_in_a_terminal(home: Home) -> None:
    home.environment["NO_COLOR"] = "1"
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(sys.executable, home.run_words, {**home.environment, "TERM": "xterm-256color"})
    try:
        os.set_blocking(terminal, False)
        said = _read_until(terminal, b"Scan to send files to")
        assert b"Scan to send files to" in said
        assert b";48;5;" not in said
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
