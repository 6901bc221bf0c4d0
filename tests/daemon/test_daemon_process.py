"""The daemon as a process: the whole way from a code to a whole file, through stops, kills and restarts."""

import asyncio
import base64
import secrets
import signal
import stat
from datetime import datetime
from pathlib import Path

import pytest

from qrshared.protocol import (
    DeviceList,
    GetStatus,
    Goodbye,
    InboxList,
    ListDevices,
    ListInbox,
    MakeTicket,
    Ping,
    Reason,
    Refuse,
    RevokeDevice,
    StatusFacts,
    Topic,
    TransferState,
    WallFacts,
    Watch,
)
from qrshared.seal import Refused
from tests.adapters.inbox_world import MIB, content_of
from tests.client import Batch, File, Repeated, file_of, scan
from tests.daemon.daemon_world import Home
from tests.waiting import until

RESENT_AFTER_KILL_BYTES_MAX = 32 * MIB


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


async def test_from_a_code_to_a_whole_file_and_back_again_after_a_restart_on_the_same_port(home: Home) -> None:
    async with home.daemon("--name", "STUDY-PC") as running:
        phone = await home.phone()
        async with phone.visit() as visit:
            assert visit.hello is not None
            assert visit.hello.name == "STUDY-PC"
            health = await home.health()
            assert (health["status"], health["sessions"]) == ("ok", 1)
            assert datetime.fromisoformat(health["timestamp"]).tzinfo is not None
            await visit.send(Batch([file_of("a.txt", b"one"), file_of("b.bin", content_of(3 * MIB))]))
        assert home.visible() == {"a.txt": b"one", "b.bin": content_of(3 * MIB)}
        status = await home.ask(GetStatus())
        assert isinstance(status, StatusFacts)
        assert (status.pid, status.inbox) == (running.process.pid, str(home.inbox))
        assert [one.state for one in status.transfers] == [TransferState.DONE]
        assert status.free_bytes > 0
        listed = await home.ask(ListInbox(10))
        assert isinstance(listed, InboxList)
        assert {(one.name, one.sender) for one in listed.entries} == {("a.txt", phone.name), ("b.bin", phone.name)}
        port = home.port
        assert await running.stop() == 0
    async with home.daemon(), phone.visit() as visit:  # its own key, no code; the address is the same
        assert home.port == port
        await visit.send(Batch([file_of("a.txt", b"two")]))
        assert home.visible()["a (2).txt"] == b"two"
    assert stat.S_IMODE((home.data_dir / "devices.json").stat().st_mode) == 0o600


async def test_a_stop_in_the_middle_tells_the_phone_keeps_the_part_and_ends_soon(home: Home) -> None:
    content = Repeated(400 * MIB)
    batch = Batch([File("big", content)])
    async with home.daemon() as running:
        phone = await home.phone()
        async with phone.visit() as visit:
            await visit.send(batch, until=lambda: batch.sender.safe(0) >= 24 * MIB)
            safe = batch.sender.safe(0)
            running.process.send_signal(signal.SIGTERM)
            assert await visit.hear_a(Goodbye) == Goodbye(Reason.RESTARTING)
            async with asyncio.timeout(5):
                assert await running.process.wait() == 0
    assert len(home.parts()) == 1
    sent = batch.sent_bytes
    async with home.daemon(), phone.visit() as visit:
        await visit.send(batch)
    assert batch.receipts[0].sha256 == content.sha256
    assert batch.sent_bytes - sent <= 400 * MIB - safe
    assert "Traceback" not in home.log.read_text()


async def test_a_killed_daemon_goes_on_from_what_was_safe(home: Home) -> None:
    content = Repeated(200 * MIB)
    batch = Batch([file_of("small", b"small"), File("big", content)])
    async with home.daemon() as running:
        phone = await home.phone()
        async with phone.visit() as visit:
            await visit.send(batch, until=lambda: batch.sent_bytes >= 100 * MIB)
            running.process.kill()
            await running.process.wait()
    async with home.daemon(), phone.visit() as visit:
        await visit.send(batch)
    assert batch.receipts[1].sha256 == content.sha256
    assert sorted(home.visible()) == ["big", "small"]
    assert batch.sent_bytes <= 200 * MIB + 5 + RESENT_AFTER_KILL_BYTES_MAX
    assert home.parts() == []


async def test_a_device_that_is_revoked_in_mid_transfer_is_gone_within_a_second_with_all_it_began(home: Home) -> None:
    async with home.daemon():
        phone = await home.phone()
        batch = Batch([File("big", Repeated(300 * MIB))])
        async with phone.visit() as visit:
            await visit.send(batch, until=lambda: batch.sent_bytes >= 40 * MIB)
            (device,) = _devices(await home.ask(ListDevices()))
            async with asyncio.timeout(1):
                await home.ask(RevokeDevice(device))
                assert await visit.hear_a(Goodbye) == Goodbye(Reason.REVOKED)
        with pytest.raises(Refused):
            async with phone.visit():
                pass
        await until(lambda: home.parts() == [])
        assert (await home.health())["sessions"] == 0


def _devices(facts: object) -> list[str]:
    assert isinstance(facts, DeviceList)
    return [one.device for one in facts.devices]


async def test_a_guest_from_the_wall_sends_and_sees_counts_and_may_do_nothing_else(home: Home) -> None:
    async with home.daemon():
        wall = scan(await home.code())
        wall.ticket = None
        async with wall.visit() as looking:
            await looking.say(Watch(tuple(Topic)))
            facts = await looking.news(WallFacts)
            assert facts.url is not None
            guest = scan(facts.url)
            async with guest.visit() as visit:
                assert visit.hello is not None
                assert visit.hello.grant is not None
                assert visit.hello.grant.rights == ("send",)
                await visit.send(Batch([file_of("holiday.jpg", b"picture")]))
                for verb in (GetStatus(), ListInbox(5), ListDevices(), MakeTicket("never"), RevokeDevice("a" * 32)):
                    answer = await visit.ask(verb)
                    assert isinstance(answer, Refuse)
                    assert answer.reason is Reason.NOT_ALLOWED
            told = await looking.news(WallFacts, where=lambda one: one.arrivals.landed + one.arrivals.arriving >= 0)
            assert "holiday" not in str(told)


async def test_the_owners_page_works_on_this_computer(home: Home) -> None:
    async with home.daemon(), (await home.owner()).visit() as visit:
        await visit.say(Watch((Topic.STATUS, Topic.INBOX, Topic.DEVICES, Topic.TRANSFERS)))
        status = await visit.news(StatusFacts)
        assert status.inbox == str(home.inbox)
        answer = await visit.ask(ListDevices())
        assert isinstance(answer, DeviceList)
        assert [one.online for one in answer.devices] == [True]


async def test_flags_win_over_the_environment_and_that_over_the_file(home: Home) -> None:
    home.data_dir.mkdir()
    (home.data_dir / "config.toml").write_text('name = "from file"\nfile_mode = "600"\n')
    (home.data_dir / "config.toml").chmod(0o600)

    async def name_now(*words: str, **variables: str) -> str:
        async with home.daemon(*words, **variables):
            status = await home.ask(GetStatus())
            assert isinstance(status, StatusFacts)
            async with (await home.phone()).visit() as visit:
                batch = await visit.send(Batch([file_of("a", b"a")]))
            assert stat.S_IMODE((home.inbox / batch.names[0]).stat().st_mode) == 0o600
            return status.computer

    assert await name_now() == "from file"
    assert await name_now(QRSHARED_NAME="from environment") == "from environment"
    assert await name_now("--name", "from flag", QRSHARED_NAME="from environment") == "from flag"


async def test_the_log_names_no_file_no_secret_and_no_address(home: Home) -> None:
    names = [f"{secrets.token_hex(12)}.jpg" for _ in range(4)]
    async with home.daemon("--log-level", "info", JOURNAL_STREAM="1:1") as running:
        url = await home.code()
        phone = scan(url, name=f"phone {secrets.token_hex(8)}")
        async with phone.visit() as visit:
            batch = Batch([file_of(name, content_of(2 * MIB)) for name in names])
            await visit.send(batch)
            await visit.send(Batch([file_of("../" + names[0], b"escape")]))
            (home.inbox / names[1]).unlink()
            await visit.send(Batch(batch.files, continues=[batch.transfer]))
            await visit.say(phone.hello())  # a breach of the protocol, which is logged
            assert (await visit.until_closed())[-1] == Goodbye(Reason.PROTOCOL)
        with pytest.raises(Refused):
            async with scan(url).visit():  # used up, which is logged
                pass
        async with phone.visit() as visit:
            await visit.say(Ping(1))
            await home.ask(RevokeDevice(_devices(await home.ask(ListDevices()))[0]))
        assert await running.stop() == 0
    log = home.log.read_text()
    assert log.strip(), "the control: something was logged"
    key = base64.urlsafe_b64encode(phone.key).decode()
    ticket = url.partition("#")[2]
    for secret in (*names, ticket, ticket[1:], key[:20], phone.key.hex(), phone.name, "127.0.0.1", str(home.inbox)):
        assert secret not in log, secret
    assert "Traceback" not in log
