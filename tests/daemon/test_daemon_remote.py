"""A daemon process, an edge, and pages that are not at home: real links, real files, and all that may be gone."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from aiohttp import ClientSession

from qrshared.links import LinkClosed
from qrshared.protocol import (
    DeviceFacts,
    DeviceList,
    EdgeFacts,
    GetStatus,
    Goodbye,
    LineState,
    ListDevices,
    MakeTicket,
    Reason,
    RevokeDevice,
    RoadInUse,
    StatusFacts,
    TicketFacts,
    TurnKind,
)
from qrshared.seal import secret_from_fragment
from tests.adapters.inbox_world import MIB
from tests.adapters.remote_world import AwayPhone, away_page, away_phone
from tests.adapters.signaling_world import CountingTurn, edge, redis_server
from tests.adapters.test_links_peer_connection import a_relay
from tests.client import Batch, File, Repeated, Visit, file_of
from tests.daemon.daemon_world import Home
from tests.daemon.test_edge_process import EdgeProcess, edge_process

PATIENCE_S = 60.0
"""aiortc on both sides of a busy machine moves a few megabytes a second."""

RESENT_AFTER_CUT_BYTES_MAX = 4 * MIB


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "edge").mkdir()
    return Home(tmp_path)


def away_words(url: str) -> tuple[str, ...]:
    return ("--edge", url, "--stun", "none")


async def status(home: Home) -> StatusFacts:
    facts = await home.ask(GetStatus())
    assert isinstance(facts, StatusFacts)
    return facts


async def until_edge(home: Home, state: LineState, *, sentence: str | None = None) -> EdgeFacts:
    """Wait until the daemon says so of its edge."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            facts = (await status(home)).edge
            assert facts is not None
            if facts.state is state and (sentence is None or sentence in (facts.sentence or "")):
                return facts
            await asyncio.sleep(0.05)


async def devices(home: Home) -> tuple[DeviceFacts, ...]:
    facts = await home.ask(ListDevices())
    assert isinstance(facts, DeviceList)
    return facts.devices


async def phone_of(home: Home, url: str) -> AwayPhone:
    """A phone that has opened an any-network code, at the edge at `url`."""
    facts = await home.ask(MakeTicket("once", away=True))
    assert isinstance(facts, TicketFacts)
    return away_phone(url, secret_from_fragment(facts.url.partition("#")[2]))


async def sent(visit: Visit, size: int, name: str) -> str:
    """Send a file whole; its hash."""
    content = Repeated(size)
    batch = Batch([File(name, content)])
    async with asyncio.timeout(PATIENCE_S):
        await visit.send(batch)
    assert batch.receipts[0].sha256 == content.sha256
    return content.sha256


def landed(home: Home, name: str) -> str:
    return hashlib.sha256((home.inbox / name).read_bytes()).hexdigest()


async def test_a_code_for_elsewhere_enrolls_sends_and_comes_back_with_its_own_key(home: Home) -> None:
    async with edge() as replica, home.daemon(*away_words(replica.url)):
        await until_edge(home, LineState.CONNECTED)
        phone = await phone_of(home, replica.url)
        async with phone.visit() as visit:
            assert visit.hello is not None
            assert visit.hello.grant is not None
            sha256 = await sent(visit, 8 * MIB, "from far.bin")
            (device,) = await devices(home)
            assert device.road is RoadInUse.DIRECT
        assert landed(home, "from far.bin") == sha256

        async with phone.reloaded_away().visit() as visit:
            sha256 = await sent(visit, 3 * MIB, "again.bin")
        assert landed(home, "again.bin") == sha256
        assert len(await devices(home)) == 1
        relay = (await status(home)).relay
        assert relay is not None
        assert relay.bytes == 0
    log = home.log.read_text()
    assert "srflx 0, relay 0" in log
    assert "road direct" not in log, "only the page knows"
    assert "Traceback" not in log
    for secret in (phone.key, phone.ticket or b""):
        assert secret.hex() not in log


async def test_a_transfer_goes_on_without_the_edge_and_new_ones_come_when_it_is_back(
    home: Home, tmp_path: Path
) -> None:
    batch = Batch([File("long.bin", Repeated(40 * MIB))])
    async with edge_process(tmp_path / "edge") as first, home.daemon(*away_words(first.url)):
        await until_edge(home, LineState.CONNECTED)
        phone = await phone_of(home, first.url)
        async with phone.visit() as visit:
            await visit.send(batch, until=lambda: batch.sent_bytes >= 8 * MIB)
            first.process.kill()
            await first.ended()
            await until_edge(home, LineState.CONNECTING)
            async with asyncio.timeout(PATIENCE_S):
                await visit.send_on(batch)
            assert batch.sent_bytes == 40 * MIB
            assert "long.bin" in home.visible()
            await until_edge(home, LineState.CONNECTING, sentence="does not answer")
            assert any("does not answer" in each for each in (await status(home)).problems)
            async with edge_process(tmp_path / "edge", port=first.port):
                await until_edge(home, LineState.CONNECTED)
                assert not any("does not answer" in each for each in (await status(home)).problems)
                async with phone.reloaded_away().visit() as another:
                    await sent(another, MIB, "after.bin")


async def test_a_page_that_leaves_home_goes_on_by_its_road_secret(home: Home) -> None:
    content = Repeated(40 * MIB)
    batch = Batch([File("on the way.bin", content)])
    async with edge() as replica, home.daemon(*away_words(replica.url)):
        await until_edge(home, LineState.CONNECTED)
        phone = await home.phone()
        async with phone.visit() as visit:
            assert visit.hello is not None
            assert visit.hello.grant is not None
            told = visit.hello.grant.away
            assert told is not None
            assert told.edge == replica.url
            assert told.secret is not None
            await visit.send(batch, until=lambda: batch.sent_bytes >= 16 * MIB)
        (part,) = home.parts()
        inode = part.stat().st_ino
        away = away_phone(replica.url, told.secret)
        away.key, away.is_enrolled, away.instance = told.secret, True, phone.instance
        async with away.visit() as visit:
            assert home.parts() == [part]
            async with asyncio.timeout(PATIENCE_S):
                await visit.send(batch)
            (device,) = await devices(home)
            assert device.road is RoadInUse.DIRECT
        assert batch.receipts[0].sha256 == content.sha256
        assert (home.inbox / "on the way.bin").stat().st_ino == inode
        assert batch.sent_bytes - content.size <= RESENT_AFTER_CUT_BYTES_MAX


async def test_a_revoked_device_is_out_and_its_room_is_left(home: Home) -> None:
    async with edge() as replica, home.daemon(*away_words(replica.url)):
        await until_edge(home, LineState.CONNECTED)
        phone = await phone_of(home, replica.url)
        async with phone.visit() as visit:
            (device,) = await devices(home)
            await home.ask(RevokeDevice(device.device))
            with suppress(LinkClosed):
                assert await visit.hear_a(Goodbye) == Goodbye(Reason.REVOKED)
        async with away_page(replica.url, phone.key) as page:
            with pytest.raises(TimeoutError):
                await page.meet(within_s=1.5)
        async with (await phone_of(home, replica.url)).visit() as visit:  # the control
            await sent(visit, 1000, "other.bin")


@pytest.mark.needs("coturn")
async def test_what_goes_through_a_relay_is_said_and_counted_over_a_restart(home: Home, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("secret\n")
    password.chmod(0o600)
    async with edge() as replica, a_relay() as (address, port):
        words = (
            *away_words(replica.url), "--turn-url", f"turn:{address}:{port}", "--turn-user", "name",
            "--turn-password-file", str(password),
        )  # fmt: skip
        async with home.daemon(*words) as running:
            await until_edge(home, LineState.CONNECTED)
            phone = await phone_of(home, replica.url)
            phone.relay_only = True
            async with phone.visit() as visit:
                sha256 = await sent(visit, 2 * MIB, "relayed.bin")
                (device,) = await devices(home)
                assert device.road is RoadInUse.RELAY
            direct = await phone_of(home, replica.url)
            async with direct.visit() as visit:
                await sent(visit, 2 * MIB, "direct.bin")  # the control: it is not counted
            counted = await relayed(home)
            assert 2 * MIB < counted < 3 * MIB
            assert await running.stop() == 0
        async with home.daemon(*words):
            assert await relayed(home) >= counted
    assert landed(home, "relayed.bin") == sha256
    assert (home.data_dir / "relayed.json").stat().st_mode & 0o777 == 0o600
    log = home.log.read_text()
    assert "road relay" in log
    assert "secret" not in log


async def test_the_status_says_when_the_relay_is_the_edges_and_when_there_is_none(home: Home, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("pw")
    own = ("--turn-url", "turn:127.0.0.1:9", "--turn-user", "me", "--turn-password-file", str(password))
    for turn, words, is_borrowed in ((CountingTurn(), (), True), (CountingTurn(), own, False), (None, (), False)):
        async with edge(turn=turn) as replica, home.daemon(*away_words(replica.url), *words):
            await until_edge(home, LineState.CONNECTED)
            relay = (await status(home)).relay
            assert relay is not None
            assert (relay.borrowed, relay.turn is TurnKind.NONE) == (is_borrowed, not words)


async def relayed(home: Home) -> int:
    facts = (await status(home)).relay
    assert facts is not None
    assert facts.turn is TurnKind.STATIC
    return facts.bytes


@pytest.mark.parametrize(("answer", "sentence"), [("page", "no qrshared edge"), ("nobody", "does not answer")])
async def test_a_wrong_edge_is_a_sentence_and_files_arrive_at_home(home: Home, answer: str, sentence: str) -> None:
    async with _server_of(answer) as url, home.daemon(*away_words(url)):
        facts = await until_edge(
            home, LineState.FAILED if answer == "page" else LineState.CONNECTING, sentence=sentence
        )
        assert facts.url == url
        told = await status(home)
        assert any(sentence in each for each in told.problems)
        async with (await home.phone()).visit() as visit:
            await visit.send(Batch([file_of("here.txt", b"as always")]))
    assert home.visible() == {"here.txt": b"as always"}


@asynccontextmanager
async def _server_of(answer: str) -> AsyncIterator[str]:
    """Something that is no edge."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    if answer == "nobody":
        server.close()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.close()


@asynccontextmanager
async def balancer(*replicas: EdgeProcess) -> AsyncIterator[str]:
    """One address for several replicas: the first one that answers."""

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while some := await reader.read(65_536):
                writer.write(some)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for replica in replicas:
            try:
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", replica.port)
            except OSError:
                continue
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(pipe(reader, far_writer))
                tasks.create_task(pipe(far_reader, writer))
            return
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def occupied(replica: EdgeProcess) -> int:
    async with ClientSession() as session, session.get(f"{replica.url}/health") as answer:
        return int(json.loads(await answer.text())["sessions"])


@pytest.mark.needs("redis-server")
async def test_home_and_page_at_two_replicas_meet_and_meet_again_when_one_is_killed(home: Home, tmp_path: Path) -> None:
    async with (
        redis_server(tmp_path / "edge") as redis,
        edge_process(tmp_path / "edge", "--redis", redis.url) as first,
        edge_process(tmp_path / "edge", "--redis", redis.url) as second,
        balancer(first, second) as url,
        home.daemon(*away_words(url)),
    ):
        await until_edge(home, LineState.CONNECTED)
        assert await occupied(first) == 1
        assert await occupied(second) == 0
        phone = await phone_of(home, second.url)
        async with phone.visit() as visit:
            await sent(visit, 4 * MIB, "across.bin")
            first.process.kill()
            await first.ended()
            await sent(visit, 4 * MIB, "still there.bin")
            await until_edge(home, LineState.CONNECTED)
            async with asyncio.timeout(PATIENCE_S):
                while await occupied(second) == 0:
                    await asyncio.sleep(0.05)
        async with phone.reloaded_away().visit() as visit:
            await sent(visit, MIB, "at the other.bin")
    assert set(home.visible()) == {"across.bin", "still there.bin", "at the other.bin"}
