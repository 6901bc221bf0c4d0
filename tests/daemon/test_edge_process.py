"""`qrshared signal` as a process: started, asked, drained, killed beside another, and two of them with one Redis."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
from aiohttp import ClientConnectorError, ClientSession, WSServerHandshakeError

from qrshared.signaling import Disconnected, Joined, Relayed, Servers, SignalClient
from qrshared.signaling.client import SignalEvent
from qrshared.signaling.limits import VISITS_BURST_MAX
from tests.adapters.signaling_world import redis_server, room_id
from tests.waiting import until

PROJECT = str(Path(__file__).resolve().parents[2])
READY_S = 90.0
E = TypeVar("E")


@dataclass
class EdgeProcess:
    """One replica."""

    process: asyncio.subprocess.Process
    port: int
    said: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def ended(self) -> int:
        async with asyncio.timeout(READY_S):
            return await self.process.wait()


@asynccontextmanager
async def edge_process(folder: Path, *words: str, port: int = 0, **variables: str) -> AsyncIterator[EdgeProcess]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    with (folder / "log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "qrshared.cli.main", "signal",
            *(() if "PORT" in variables else ("--port", str(port))), *words,
            env={**kept, "HOME": str(folder), "PYTHONPATH": PROJECT, **variables},
            stdout=asyncio.subprocess.PIPE, stderr=log,
        )  # fmt: skip
    try:
        assert process.stdout is not None
        said = ""
        async with asyncio.timeout(READY_S):
            while "Ctrl-C stops it" not in said:
                line = (await process.stdout.readline()).decode()
                assert line, (folder / "log").read_text()
                said += line
        assert "0.0.0.0" not in said.partition("The edge is at")[2], "nobody can open that"
        found = re.search(r"The edge is at http://\S+:(\d+) ", said)
        assert found is not None
        yield EdgeProcess(process, int(found[1]), said)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def get(url: str) -> tuple[int, str]:
    async with ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.text()


class Phone:
    """A peer that notes what it hears, and goes to the next address when one does not answer."""

    def __init__(self, session: ClientSession, *urls: str) -> None:
        self._urls = list(urls)
        self.client = SignalClient(session, urls[0], wait=lambda _attempt: 0.05)
        self.heard: list[SignalEvent] = []
        self._news = asyncio.Condition()

    async def run(self) -> None:
        async for event in self.client.events():
            if isinstance(event, Disconnected):  # as a load balancer would
                self._urls.append(self._urls.pop(0))
                self.client._edge = self._urls[0]
            async with self._news:
                self.heard.append(event)
                self._news.notify_all()

    async def until_peers(self, room: str, count: int) -> str:
        """Wait until the room was last told with so many others; the last of them."""

        def state() -> list[tuple[str, ...]]:
            told = [each for event in self.heard if isinstance(event, Joined) for each in event.present]
            return [each.peers for each in told if each.room == room][-1:]

        async with asyncio.timeout(READY_S), self._news:
            await self._news.wait_for(lambda: bool(state()) and len(state()[0]) >= count)
            return state()[0][-1] if count else ""

    async def until(self, kind: type[E]) -> E:
        async with asyncio.timeout(READY_S), self._news:
            await self._news.wait_for(lambda: any(isinstance(event, kind) for event in self.heard))
            return next(event for event in self.heard if isinstance(event, kind))

    async def until_blob(self, blob: str) -> None:
        async with asyncio.timeout(READY_S), self._news:
            await self._news.wait_for(
                lambda: any(isinstance(event, Relayed) and event.blob == blob for event in self.heard)
            )


async def test_an_edge_from_its_first_word_to_its_last(tmp_path: Path) -> None:
    async with edge_process(tmp_path, "--metrics-port", "0", PORT="0") as edge, ClientSession() as session:
        status, text = await get(f"{edge.url}/health")
        assert status == 200
        assert json.loads(text)["sessions"] == 0
        metrics = re.search(r"Metrics are at 127.0.0.1, port (\d+)", edge.said)
        assert metrics is not None
        assert "qrshared_edge_ready 1" in (await get(f"http://127.0.0.1:{metrics[1]}/metrics"))[1]
        with pytest.raises(ClientConnectorError):
            await get(f"http://127.0.0.2:{metrics[1]}/metrics")

        room = room_id()
        async with asyncio.TaskGroup() as tasks:
            a, b = Phone(session, edge.url), Phone(session, edge.url)
            runs = [tasks.create_task(phone.run()) for phone in (a, b)]
            await a.client.join(room)
            await b.client.join(room)
            await b.client.relay(room, await b.until_peers(room, 1), "aGVsbG8")
            await a.until_blob("aGVsbG8")

            async def is_draining() -> bool:
                return (await get(f"{edge.url}/ready"))[0] == 503

            edge.process.send_signal(signal.SIGTERM)
            await until(is_draining, within_s=READY_S)
            edge.process.send_signal(signal.SIGINT)  # once more: at once
            assert await edge.ended() == 0
            for run in runs:
                run.cancel()
    log = (tmp_path / "log").read_text()
    assert "Traceback" not in log
    assert room not in log


async def test_an_edge_hands_out_relays_and_shows_its_secret_nowhere(tmp_path: Path) -> None:
    secret = tmp_path / "turn"
    secret.write_text("SENTINEL-OF-TURN\n")
    secret.chmod(0o600)
    words = ("--turn-secret-file", str(secret), "--metrics-port", "0", "--log-level", "debug")
    turn_url = "turn:relay.example.org:3478,turn:relay.example.org:3478?transport=tcp"
    async with (
        edge_process(tmp_path, *words, QRSHARED_TURN_URL=turn_url) as edge,
        ClientSession() as session,
        asyncio.TaskGroup() as tasks,
    ):
        room = room_id()
        a, b = Phone(session, edge.url), Phone(session, edge.url)
        runs = [tasks.create_task(phone.run()) for phone in (a, b)]
        await a.client.join(room)
        await b.client.join(room)
        to_a, to_b = await b.until_peers(room, 1), await a.until_peers(room, 1)
        await b.client.relay(room, to_a, "YQ")
        await a.until_blob("YQ")
        await a.client.relay(room, to_b, "Yg")
        await b.until_blob("Yg")
        assert a.client.gives_turn
        await a.client.ask_turn(room, to_b)
        servers = await a.until(Servers)
        assert servers.servers[0].urls == tuple(turn_url.split(","))
        found = re.search(r"Metrics are at 127.0.0.1, port (\d+)", edge.said)
        assert found is not None
        metrics = (await get(f"http://127.0.0.1:{found[1]}/metrics"))[1]
        assert "qrshared_edge_turn_minted_total 1\n" in metrics
        command = Path(f"/proc/{edge.process.pid}/cmdline")
        everything = [edge.said, metrics, (tmp_path / "log").read_text()]
        everything += [command.read_text()] if command.exists() else []
        credential = servers.servers[0].credential
        assert credential
        for text in everything:
            assert "SENTINEL" not in text
            assert credential not in text
        for run in runs:
            run.cancel()


@pytest.mark.parametrize(("words", "seen"), [((), 1), (("--trusted-proxy", "private"), 2)])
async def test_behind_a_platforms_proxy_visitors_are_told_apart_by_one_word(
    words: tuple[str, ...], seen: int, tmp_path: Path
) -> None:
    async with edge_process(tmp_path, *words, PORT="0") as edge, ClientSession() as session:
        turned_away = 0
        for address in ("203.0.113.5", "203.0.113.6"):
            for _ in range(int(VISITS_BURST_MAX)):
                headers = {"X-Forwarded-For": f"198.51.100.1, {address}"}
                try:
                    async with session.ws_connect(f"{edge.url}/signal", headers=headers):
                        pass
                except WSServerHandshakeError as answer:
                    turned_away += answer.status == 429
        assert (turned_away > 0) == (seen == 1)


async def test_an_edge_that_nobody_uses_stops_at_once(tmp_path: Path) -> None:
    async with edge_process(tmp_path) as edge:
        edge.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            assert await edge.process.wait() == 0


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--redis", "http://here"], 1, "redis://"),
        (["--trusted-proxy", "everybody"], 2, "10.0.0.0/8"),
        (["--host", "192.0.2.1"], 1, "192.0.2.1"),
        (["--turn-url", "turn:relay.example.org"], 1, "--turn-secret-file"),
        (["--turn-url", "turn:relay.example.org", "--turn-secret-file", "nowhere"], 1, "There is no secret in nowhere"),
        (["--metered-app", "a b", "--metered-key-file", "/proc/version"], 1, "yourapp.metered.live"),
        (["--domain", "share.example.org"], 1, "--kit"),
        (["--kit", "/proc/kit"], 1, "/proc/kit"),
        (["--kit", ".", "--domain", "https://share.example.org"], 1, "no https://"),
    ],
)
async def test_what_cannot_be_is_a_sentence(words: list[str], code: int, sentence: str, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "qrshared.cli.main", "signal", "--port", "0", *words,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": PROJECT}, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(READY_S):
        _, said = await process.communicate()
    assert process.returncode == code
    assert sentence in said.decode()
    assert "Traceback" not in said.decode()


@pytest.mark.needs("redis-server")
async def test_a_killed_replica_loses_nobody_the_other_takes_them_in(tmp_path: Path) -> None:
    async with (
        redis_server(tmp_path) as redis,
        edge_process(tmp_path, QRSHARED_REDIS=redis.url) as first,
        edge_process(tmp_path, "--redis", redis.url) as second,
        ClientSession() as session,
        asyncio.TaskGroup() as tasks,
    ):
        room = room_id()
        moving, staying = Phone(session, first.url, second.url), Phone(session, second.url)
        runs = [tasks.create_task(phone.run()) for phone in (moving, staying)]
        await moving.client.join(room)
        await staying.client.join(room)
        await moving.client.relay(room, await moving.until_peers(room, 1), "YmVmb3Jl")
        await staying.until_blob("YmVmb3Jl")

        first.process.kill()
        await first.ended()
        told = len(staying.heard)
        await until(lambda: any(isinstance(event, Joined) for event in staying.heard[told:]), within_s=READY_S)
        # its old self is still believed in for 30 s; the new one, told last, answers
        peer = await staying.until_peers(room, 1)
        await staying.client.relay(room, peer, "YWZ0ZXI")
        await moving.until_blob("YWZ0ZXI")
        for run in runs:
            run.cancel()
