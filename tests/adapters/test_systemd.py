"""What systemd hears: states on a real datagram socket, and pings only while the daemon works."""

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from qrshared.daemon import systemd as systemd_module
from qrshared.daemon.systemd import Check, Systemd, Watchdog, door_check, thread_check


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield listening


def environment(heard: socket.socket, **more: str) -> dict[str, str]:
    return {"NOTIFY_SOCKET": heard.getsockname(), **more}


def said(heard: socket.socket) -> list[str]:
    lines: list[str] = []
    with suppress(BlockingIOError):
        while True:
            lines.append(heard.recv(4096).decode())
    return lines


def test_states_reach_systemd_in_order_each_with_a_status_of_one_line(heard: socket.socket) -> None:
    systemd = Systemd(environment(heard))
    assert systemd.is_there
    systemd.ready("http://192.168.1.7:7774/\nWATCHDOG=1")
    systemd.status("3 transfers")
    systemd.alive()
    systemd.stopping()
    assert said(heard) == [
        f"READY=1\nSTATUS=http://192.168.1.7:7774/ WATCHDOG=1\nMAINPID={os.getpid()}",
        "STATUS=3 transfers",
        "WATCHDOG=1",
        "STOPPING=1",
    ]


@pytest.mark.skipif(not hasattr(socket, "SO_PEERCRED"), reason="abstract sockets are Linux's")
def test_an_abstract_socket_is_reached_as_well() -> None:
    name = f"qrshared-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + name)
        listening.settimeout(5)
        Systemd({"NOTIFY_SOCKET": "@" + name}).alive()
        assert listening.recv(100) == b"WATCHDOG=1"


def test_without_systemd_nothing_is_said_and_nothing_breaks(tmp_path: Path) -> None:
    Systemd({}).ready("x")
    assert not Systemd({}).is_there
    Systemd({"NOTIFY_SOCKET": str(tmp_path / "gone")}).alive()


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "²"}, None),
    ],
)
def test_the_watchdogs_period_is_read_as_systemd_means_it(variables: dict[str, str], expected: float | None) -> None:
    assert Systemd(variables).watchdog_s == expected


async def until_heard(heard: socket.socket, count: int) -> None:
    async with asyncio.timeout(60):
        for _ in range(count):
            await asyncio.get_running_loop().sock_recv(heard, 100)


async def test_pings_come_while_all_is_well_and_stop_while_a_check_fails(heard: socket.socket) -> None:
    well, asked = True, asyncio.Queue[None]()

    async def is_well() -> bool:
        asked.put_nowait(None)
        return well

    watchdog = Watchdog(Systemd(environment(heard, WATCHDOG_USEC="30000")), [Check("the inbox", is_well)])
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(watchdog.run())
        await until_heard(heard, 3)
        well = False
        await asked.get()
        while not asked.empty():
            asked.get_nowait()
        await asked.get()
        said(heard)  # what was on its way
        for _ in range(5):
            await asked.get()
        assert said(heard) == []
        well = True
        await until_heard(heard, 2)
        running.cancel()


async def test_a_late_loop_gets_no_ping(heard: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systemd_module, "LOOP_LAG_S_MAX", 0.1)
    watchdog = Watchdog(Systemd(environment(heard, WATCHDOG_USEC="30000")), [])
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(watchdog.run())
        await until_heard(heard, 1)
        said(heard)
        time.sleep(0.3)  # noqa: ASYNC251 - the loop is blocked on purpose
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert said(heard) == [], "the first thing after the stall is no ping"
        await until_heard(heard, 1)
        running.cancel()


async def test_a_check_that_hangs_or_raises_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systemd_module, "CHECK_S_MAX", 0.05)

    async def hangs() -> bool:
        await asyncio.Event().wait()
        return True

    def raises() -> bool:
        raise OSError

    assert await Watchdog(Systemd({}), [Check("the disk", hangs)]).problem(0) == "the disk does not answer"
    assert await Watchdog(Systemd({}), [thread_check("the inbox", raises)]).problem(0) == "the inbox does not answer"
    assert await Watchdog(Systemd({}), [thread_check("the inbox", lambda: True)]).problem(0) == ""


async def test_a_slow_check_is_asked_once_in_its_time_but_at_once_after_a_failure() -> None:
    answers = iter([True, False, False, True])
    asked: list[float] = []

    async def is_well() -> bool:
        asked.append(now)
        return next(answers)

    watchdog = Watchdog(Systemd({}), [Check("the door", is_well, every_s=60)])
    problems = {}
    for now in (0.0, 30.0, 59.0, 60.0, 61.0, 62.0, 63.0):
        problems[now] = await watchdog.problem(now)
    assert asked == [0.0, 60.0, 61.0, 62.0]
    assert [now for now, problem in problems.items() if problem] == [60.0, 61.0]


@pytest.mark.parametrize(
    ("answer", "is_well"), [(b"HTTP/1.1 200 OK\r\n\r\n", True), (b"HTTP/1.1 503 x\r\n\r\n", False), (b"", False)]
)
async def test_the_door_check_wants_a_200_from_health(answer: bytes, is_well: bool) -> None:
    requests: list[bytes] = []

    async def door(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(door, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        problem = await Watchdog(Systemd({}), [door_check(port)]).problem(0)
    assert (problem == "") is is_well
    assert requests[0].startswith(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1:")


async def test_nobody_behind_the_door_is_a_problem() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    assert await Watchdog(Systemd({}), [door_check(port)]).problem(0) == "the door does not answer"


async def test_without_a_watchdog_there_is_nothing_to_run() -> None:
    async with asyncio.timeout(60):
        await Watchdog(Systemd({}), []).run()
