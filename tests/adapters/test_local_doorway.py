"""Who may open the control door: the folder, the socket and the kernel each keep strangers out."""

import asyncio
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from qrshared.errors import UserError
from qrshared.local import (
    AlreadyRunning,
    ControlClient,
    ControlServer,
    NotRunning,
)
from qrshared.local.doorway import Doorway
from qrshared.local.errors import UnsafeDoor
from qrshared.local.lines import Lines
from qrshared.local.loopback import LoopbackDoorway, connect_loopback
from qrshared.local.unix import SOCKET_NAME, SOCKET_PATH_BYTES_MAX, UnixDoorway, find_socket
from qrshared.protocol import (
    Answer,
    Ask,
    Done,
    GetStatus,
    Goodbye,
    MakeOwnerTicket,
    Reason,
)
from tests.desk_double import OWNER, DeskDouble


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def desk() -> DeskDouble:
    return DeskDouble()


async def test_without_a_daemon_the_sentence_says_how_to_start_one(data_dir: Path) -> None:
    with pytest.raises(NotRunning, match=r"not running.*Start it with `qrshared`") as refused:
        async with ControlClient(data_dir):
            pass
    assert str(data_dir) in str(refused.value)


async def test_a_socket_left_by_a_crash_is_replaced(data_dir: Path, desk: DeskDouble) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(data_dir / SOCKET_NAME))
    with pytest.raises(NotRunning):
        await ControlClient(data_dir).__aenter__()
    async with ControlServer(data_dir, desk, OWNER), ControlClient(data_dir) as control:
        assert await control.ask(GetStatus()) == Done("well")


async def test_a_socket_that_answers_is_never_replaced(data_dir: Path, desk: DeskDouble) -> None:
    path = data_dir / SOCKET_NAME
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        inode = path.stat().st_ino
        with pytest.raises(AlreadyRunning):
            await ControlServer(data_dir, desk, OWNER).__aenter__()
        assert path.stat().st_ino == inode


async def test_a_second_daemon_on_the_same_folder_is_told_and_the_first_stays(data_dir: Path, desk: DeskDouble) -> None:
    async with ControlServer(data_dir, desk, OWNER):
        with pytest.raises(AlreadyRunning, match="already running"):
            await ControlServer(data_dir, desk, OWNER).__aenter__()
        async with ControlClient(data_dir) as control:
            assert await control.ask(GetStatus()) == Done("well")


async def test_a_file_that_is_no_socket_is_not_removed(data_dir: Path, desk: DeskDouble) -> None:
    (data_dir / SOCKET_NAME).write_text("precious")
    with pytest.raises(UnsafeDoor, match="is not a socket"):
        await ControlServer(data_dir, desk, OWNER).__aenter__()
    assert (data_dir / SOCKET_NAME).read_text() == "precious"


async def test_a_folder_open_to_others_is_refused(data_dir: Path, desk: DeskDouble) -> None:
    await asyncio.to_thread(data_dir.chmod, 0o755)
    with pytest.raises(UnsafeDoor, match="chmod 700"):
        await ControlServer(data_dir, desk, OWNER).__aenter__()


async def test_a_long_path_is_served_from_a_short_private_folder(
    tmp_path: Path, desk: DeskDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = tmp_path / "r"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    long = tmp_path / ("d" * SOCKET_PATH_BYTES_MAX)
    long.mkdir(mode=0o700)
    async with ControlServer(long, desk, OWNER):
        path = find_socket(long)
        assert path.is_relative_to(runtime)
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE((long / "control.path").stat().st_mode) == 0o600
        async with ControlClient(long) as control:
            assert await control.ask(GetStatus()) == Done("well")
        path.parent.chmod(0o755)
        with pytest.raises(UnsafeDoor):
            await ControlClient(long).__aenter__()
        path.parent.chmod(0o700)
    assert list(runtime.iterdir()) == []
    assert not (long / "control.path").exists()


async def test_a_long_path_left_by_a_crash_is_cleared_away(
    tmp_path: Path, desk: DeskDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = tmp_path / "r"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    long = tmp_path / ("d" * SOCKET_PATH_BYTES_MAX)
    long.mkdir(mode=0o700)
    crashed = UnixDoorway(long)
    crashed.open().close()
    crashed._lock.give_back()  # what the kernel does for a process that was killed
    async with ControlServer(long, desk, OWNER):
        assert len(list(runtime.iterdir())) == 1


def test_the_socket_is_never_open_to_others_not_even_for_a_moment(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    chmod = Path.chmod

    def watched(self: Path, mode: int) -> None:
        seen.append(stat.S_IMODE(self.lstat().st_mode))
        chmod(self, mode)

    before = os.umask(0)  # the worst case: nothing is masked
    monkeypatch.setattr(Path, "chmod", watched)
    doorway = UnixDoorway(data_dir)
    try:
        doorway.open().close()
    finally:
        os.umask(before)
    if sys.platform == "linux":
        assert seen == [0o600], "its mode before the chmod"
    assert stat.S_IMODE((data_dir / SOCKET_NAME).stat().st_mode) == 0o600
    doorway.close()


STRANGER = """
import os, socket, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    with socket.socket(socket.AF_UNIX) as knocking:
        knocking.settimeout(5)
        knocking.connect(sys.argv[1])
        knocking.sendall(b'{"t":"ask","id":1,"verb":{"t":"make_owner_ticket"}}\\n')
        print(knocking.recv(4096).decode().strip() or "closed")
except PermissionError:
    print("no permission")
except ConnectionError:
    print("closed")
"""


async def _knock_as_nobody(path: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STRANGER, str(path), stdout=subprocess.PIPE, cwd="/"
    )
    said, _ = await process.communicate()
    return said.decode().strip()


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A data folder whose parents everybody may pass: pytest's own lie in a private one."""
    folder = Path(tempfile.mkdtemp(prefix="qrshared-test-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.skipif(sys.platform != "linux" or os.getuid() != 0, reason="needs root to become another user")
async def test_another_user_is_stopped_by_folder_socket_and_kernel_each_alone(
    reachable: Path, desk: DeskDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ControlServer(reachable, desk, OWNER):
        path = reachable / SOCKET_NAME
        assert await _knock_as_nobody(path) == "no permission", "the folder's mode"
        await asyncio.to_thread(reachable.chmod, 0o755)
        assert await _knock_as_nobody(path) == "no permission", "the socket's mode"
        await asyncio.to_thread(path.chmod, 0o666)
        assert await _knock_as_nobody(path) in {"closed", '{"t":"goodbye","reason":"not_allowed"}'}, "the kernel's word"
        assert desk.asked == []
        monkeypatch.setattr("qrshared.local.unix._is_ours", lambda _: True)
        assert "answer" in await _knock_as_nobody(path), "the control: with all three barriers down it gets in"


async def test_a_command_does_not_talk_to_another_users_daemon(
    data_dir: Path, desk: DeskDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ControlServer(data_dir, desk, OWNER):
        monkeypatch.setattr(os, "getuid", lambda: 4242)
        monkeypatch.setattr("qrshared.local.unix.peer_uid", lambda _: 1717)
        with pytest.raises(UnsafeDoor, match="another user's"):
            await ControlClient(data_dir).__aenter__()


async def _connect_without_secret(data_dir: Path) -> Lines:
    port, _ = (data_dir / "control.port").read_text().split()
    reader, writer = await asyncio.open_connection("127.0.0.1", int(port))
    return Lines(reader, writer)


async def test_the_loopback_door_opens_to_its_secret_only(data_dir: Path, desk: DeskDouble) -> None:
    doorway: Doorway = LoopbackDoorway(data_dir)
    async with ControlServer(data_dir, desk, OWNER, doorway=doorway), asyncio.timeout(60):
        assert stat.S_IMODE((data_dir / "control.port").stat().st_mode) == 0o600
        lines = await connect_loopback(data_dir)
        await lines.send(Ask(1, GetStatus()))
        assert await lines.receive() == Answer(1, Done("well"))
        lines.close()
        for wrong in ("", "0" * 64, "GET / HTTP/1.1", "é"):
            stranger = await _connect_without_secret(data_dir)
            await stranger.send_text(wrong)
            await stranger.send(Ask(1, MakeOwnerTicket()))
            assert await stranger.receive() in {None, Goodbye(Reason.NOT_ALLOWED)}
            stranger.close()
    assert [verb for verb, _ in desk.asked] == [GetStatus()]
    assert not (data_dir / "control.port").exists()
    with pytest.raises(NotRunning):
        await connect_loopback(data_dir)


async def test_every_sentence_of_this_room_is_filled_and_ends_like_one() -> None:
    fields = {"data_dir": "/d", "path": "/p", "problem": "is odd", "advice": "Do.", "seconds": "30", "sentence": "No."}
    for kind in UserError.__subclasses__():
        if kind.__module__ == "qrshared.local.errors":
            sentence = kind(**fields).sentence
            assert "{" not in sentence, kind
            assert sentence.endswith("."), kind
