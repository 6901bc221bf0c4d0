"""The control socket: the owner's commands are carried out, strangers and nonsense change nothing."""

import asyncio
import errno
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from qrshared.local import (
    ControlClient,
    ControlServer,
    DaemonGone,
    DaemonRefused,
    DaemonStuck,
    OtherVersion,
)
from qrshared.local.control import CLIENTS_MAX
from qrshared.local.errors import DaemonBusy
from qrshared.local.lines import LINE_BYTES_MAX
from qrshared.local.unix import SOCKET_NAME, find_socket
from qrshared.protocol import (
    BinEntry,
    Done,
    EntryFacts,
    GetStatus,
    InboxList,
    ListDevices,
    ListInbox,
    MakeOwnerTicket,
    RenameEntry,
    Topic,
    TransferList,
)
from qrshared.sessions.desk import Asker
from tests.desk_double import OWNER, DeskDouble


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def desk() -> DeskDouble:
    return DeskDouble()


@asynccontextmanager
async def raw(data_dir: Path) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_unix_connection(str(find_socket(data_dir)), limit=1 << 20)
    try:
        yield reader, writer
    finally:
        writer.close()


async def test_a_verb_reaches_the_desk_with_the_owners_rights(data_dir: Path, desk: DeskDouble) -> None:
    async with ControlServer(data_dir, desk, OWNER), ControlClient(data_dir) as control:
        assert await control.ask(MakeOwnerTicket()) == Done("well")
    (verb, asker), *_ = desk.asked
    assert verb == MakeOwnerTicket()
    assert asker == Asker(grant=OWNER, device=None, on_control_socket=True, visit=1)


async def test_a_refusal_is_the_desks_own_sentence(data_dir: Path, desk: DeskDouble) -> None:
    async with ControlServer(data_dir, desk, OWNER), ControlClient(data_dir) as control:
        with pytest.raises(DaemonRefused, match=r"^There is no such file any more\.$"):
            await control.ask(BinEntry("x"))
        assert await control.ask(GetStatus()) == Done("well"), "the connection goes on"


async def test_a_fault_in_the_desk_is_told_and_logged_and_the_daemon_lives(
    data_dir: Path, desk: DeskDouble, caplog: pytest.LogCaptureFixture
) -> None:
    async with ControlServer(data_dir, desk, OWNER), ControlClient(data_dir) as control:
        with pytest.raises(DaemonRefused, match="fault in qrshared"):
            await control.ask(RenameEntry("a", "b"))
        assert await control.ask(GetStatus()) == Done("well")
    assert "ZeroDivisionError" in caplog.text


async def test_facts_that_fit_in_no_line_are_shortened_not_lost(data_dir: Path, desk: DeskDouble) -> None:
    async with ControlServer(data_dir, desk, OWNER), ControlClient(data_dir) as control:
        told = await control.ask_for(ListInbox(1000), InboxList)
    assert told.total == 1000
    assert 100 < len(told.entries) < 1000


async def test_an_answer_of_another_kind_says_that_versions_differ(data_dir: Path, desk: DeskDouble) -> None:
    async with ControlServer(data_dir, desk, OWNER), ControlClient(data_dir) as control:
        with pytest.raises(OtherVersion):
            await control.ask_for(GetStatus(), InboxList)


async def test_watching_tells_the_present_state_then_each_change_and_stops_with_the_command(
    data_dir: Path, desk: DeskDouble
) -> None:
    async with ControlServer(data_dir, desk, OWNER):
        async with ControlClient(data_dir) as control:
            news = control.watch((Topic.TRANSFERS,))
            assert await anext(news) == TransferList(())
            desk.tells[0](InboxList("/inbox", (), 7))
            assert await anext(news) == InboxList("/inbox", (), 7)
        await desk.until(lambda: desk.stopped == 1)


async def test_a_command_that_does_not_read_gets_the_newest_state_only(data_dir: Path, desk: DeskDouble) -> None:
    entries = tuple(EntryFacts("x" * 200, 1, 0) for _ in range(250))
    async with ControlServer(data_dir, desk, OWNER), ControlClient(data_dir) as control:
        news = control.watch((Topic.INBOX,))
        await anext(news)
        for number in range(20_000):  # a gigabyte, were each one kept
            desk.tells[0](InboxList("/inbox", entries, number))
            if number % 100 == 0:
                await asyncio.sleep(0)
        seen = 0
        async with asyncio.timeout(60):
            async for facts in news:
                seen += 1
                if isinstance(facts, InboxList) and facts.total == 19_999:
                    break
        assert seen < 200


async def test_more_verbs_than_may_be_open_wait_their_turn_and_are_all_answered(
    data_dir: Path, desk: DeskDouble
) -> None:
    async with ControlServer(data_dir, desk, OWNER), raw(data_dir) as (reader, writer):
        for number in range(100):
            writer.write(f'{{"t":"ask","id":{number},"verb":{{"t":"list_devices"}}}}\n'.encode())
        await desk.until(lambda: desk.held == 32)
        desk.let_go.set()
        answered = {json.loads(await reader.readline())["id"] for _ in range(100)}
        assert answered == set(range(100))


async def test_a_script_that_closes_its_half_still_gets_its_answer(data_dir: Path, desk: DeskDouble) -> None:
    async with ControlServer(data_dir, desk, OWNER), raw(data_dir) as (reader, writer):
        writer.write(b'{"t":"ask","id":1,"verb":{"t":"list_devices"}}\n')
        writer.write_eof()
        await desk.until(lambda: desk.held == 1)
        desk.let_go.set()
        assert json.loads(await reader.readline())["t"] == "answer"
        assert await reader.read() == b""


@pytest.mark.parametrize(
    "nonsense",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\n",
        b"\xff\xfe\n",
        b"[" * 60_000 + b"\n",
        b'{"t":"ask","id":-1,"verb":{"t":"get_status"}}\n',
        b'{"t":"finish","transfer":"00112233445566778899aabbccddeeff"}\n',
        b'{"t":"answer","id":1,"facts":{"t":"done","text":""}}\n',
        b"x" * (LINE_BYTES_MAX * 3),
    ],
    ids=["http", "empty", "not-utf8", "deep", "bad-number", "transfer", "answer", "endless"],
)
async def test_nonsense_ends_its_own_connection_only(data_dir: Path, desk: DeskDouble, nonsense: bytes) -> None:
    async with ControlServer(data_dir, desk, OWNER), asyncio.timeout(60):
        async with raw(data_dir) as (reader, writer):
            writer.write(nonsense)
            said = b"".join([line async for line in _until_closed(reader)])
            assert said in {b"", b'{"t":"goodbye","reason":"protocol"}\n'}
        async with ControlClient(data_dir) as control:
            assert await control.ask(GetStatus()) == Done("well")
    assert [verb for verb, _ in desk.asked] == [GetStatus()]


async def test_a_verb_that_cannot_be_read_is_refused_and_the_next_one_is_heard(
    data_dir: Path, desk: DeskDouble
) -> None:
    too_long = '{"t":"ask","id":%d,"verb":{"t":"rename_device","device":"' + "d" * 32 + '","to":"' + "x" * 61 + '"}}\n'
    async with ControlServer(data_dir, desk, OWNER), raw(data_dir) as (reader, writer), asyncio.timeout(60):
        for number in range(100):  # more than may be open at once: each one makes room again
            writer.write((too_long % number).encode())
            refused = json.loads(await reader.readline())
            assert (refused["t"], refused["id"], refused["reason"]) == ("refuse", number, "protocol")
            assert "too long" in refused["sentence"]
        writer.write(b'{"t":"ask","id":7,"verb":{"t":"rm_rf"}}\n{"t":"ask","id":8,"verb":{"t":"get_status"}}\n')
        assert json.loads(await reader.readline())["reason"] == "unsupported"
        assert json.loads(await reader.readline())["t"] == "answer"
    assert [verb for verb, _ in desk.asked] == [GetStatus()]


async def _until_closed(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    try:
        while line := await reader.readline():
            yield line
    except ConnectionError:
        pass  # closed with our bytes unread


async def test_the_thirty_third_command_is_told_to_come_back(data_dir: Path, desk: DeskDouble) -> None:
    async with ControlServer(data_dir, desk, OWNER):
        open_ones = [await ControlClient(data_dir).__aenter__() for _ in range(CLIENTS_MAX)]
        for each in open_ones:
            await each.ask(GetStatus())
        async with ControlClient(data_dir) as one_more:
            with pytest.raises(DaemonBusy):
                await one_more.ask(GetStatus())
        for each in open_ones:
            await each.__aexit__(None, None, None)
        async with asyncio.timeout(60):
            while True:
                try:
                    async with ControlClient(data_dir) as again:
                        assert await again.ask(GetStatus()) == Done("well")
                    break
                except DaemonBusy:
                    pass  # the daemon has not yet seen all of them leave


async def test_a_daemon_that_stops_says_so_to_those_who_follow(data_dir: Path, desk: DeskDouble) -> None:
    async with ControlServer(data_dir, desk, OWNER) as server:
        del server
        control = await ControlClient(data_dir).__aenter__()
        news = control.watch((Topic.TRANSFERS,))
        await anext(news)
    with pytest.raises(DaemonGone):
        await anext(news)
    await control.__aexit__(None, None, None)
    assert not (data_dir / SOCKET_NAME).exists()


async def test_a_daemon_that_never_answers_is_called_stuck(data_dir: Path, desk: DeskDouble) -> None:
    async with ControlServer(data_dir, desk, OWNER), ControlClient(data_dir, answer_s=0.05) as control:
        with pytest.raises(DaemonStuck, match=r"0\.05 seconds"):
            await control.ask(ListDevices())


async def test_running_out_of_descriptors_does_not_end_the_door(
    data_dir: Path, desk: DeskDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qrshared.local.control.ACCEPT_PAUSE_S", 0.01)
    loop = asyncio.get_running_loop()
    accept, failures = loop.sock_accept, iter([OSError(errno.EMFILE, "too many open files")] * 3)

    async def sometimes(listening: socket.socket) -> tuple[socket.socket, object]:
        for failure in failures:
            raise failure
        return await accept(listening)

    monkeypatch.setattr(loop, "sock_accept", sometimes)
    async with ControlServer(data_dir, desk, OWNER), ControlClient(data_dir) as control:
        assert await control.ask(GetStatus()) == Done("well")
    assert next(failures, None) is None
