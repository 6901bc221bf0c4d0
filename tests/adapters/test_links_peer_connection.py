"""Peer connections: servers and candidates, the road they found, hostile descriptions, endings at any moment."""

import asyncio
import logging
import os
import re
import socket
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import ifaddr
import pytest
from aioice import mdns
from aioice.ice import CandidatePair, Connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qrshared.links import BadOffer, CandidateCounts, IceServer, LinkClosed, peer_connection
from qrshared.links.peer_connection import CLOSE_S, NAMES_MAX, RECEIVE_BUFFER_BYTES, PeerConnection
from qrshared.links.sdp import CANDIDATES_MAX
from tests.adapters.links_world import FULL_BATCH, connected, nothing_left
from tests.parts import find
from tests.waiting import until

BLACK_HOLE = IceServer(("stun:192.0.2.254:9",))


@pytest.fixture
async def clean() -> AsyncIterator[None]:
    async with nothing_left():
        yield


pytestmark = pytest.mark.filterwarnings("error")


@pytest.mark.usefixtures("clean")
class TestConnecting:
    """Real connections on this machine."""

    async def test_the_log_counts_ways_and_names_no_address(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG, "qrshared")
        async with connected() as (here, there, _, _):
            assert here.counts.host > 0
            assert here.counts == there.counts == CandidateCounts(here.counts.host, 0, 0)
            assert here.road == there.road == "direct"
        assert f"candidates of our own: {here.counts}" in caplog.text
        ours = [record for record in caplog.records if record.name.startswith("qrshared")]
        assert not any(re.search(r"[0-9a-f]+[.:][0-9a-f.:]{4,}", record.getMessage()) for record in ours)
        assert here.road == "direct", "the road is still known when the connection is closed"

    async def test_sockets_get_a_large_receive_buffer(self) -> None:
        allowed = int(Path("/proc/sys/net/core/rmem_max").read_text())
        async with connected() as (here, _, _, _):
            assert here._ice is not None
            sockets = [p.transport.get_extra_info("socket") for p in here._ice._connection._protocols]
            sizes = [s.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) for s in sockets]
        assert sizes
        assert min(sizes) == 2 * min(RECEIVE_BUFFER_BYTES, allowed)  # the kernel doubles what it is asked for

    async def test_candidates_may_come_one_by_one_early_late_or_spoiled(self) -> None:
        async with PeerConnection([]) as here, PeerConnection([]) as there:
            offer, candidates = without_candidates(await here.offer())
            assert await there.add_candidate(candidates[0], "0", 0)
            answer, others = without_candidates(await there.answer(offer))
            for spoiled in ("candidate:1 1 udp x 192.0.2.1 9 typ host", "candidate:", "\0", "x" * 5000):
                assert not await there.add_candidate(spoiled, "0", 0)
            assert not await there.add_candidate(candidates[1], "1", 0)
            assert not await there.add_candidate(candidates[1], "0", 1)
            for candidate in candidates[1:]:
                assert await there.add_candidate(candidate, "0", 0)
            assert await there.add_candidate("", "0", 0)
            await here.accept(answer)
            assert await here.add_candidate(others[0])
            async with asyncio.timeout(60):
                await here.opened()
                await there.opened()

    async def test_more_candidates_than_any_browser_has_are_not_taken(self) -> None:
        async with PeerConnection([]) as here, PeerConnection([]) as there:
            await there.answer(await here.offer())
            taken = [
                await there.add_candidate(f"candidate:1 1 udp 1 198.51.100.7 {port} typ host") for port in range(1, 99)
            ]
            assert CANDIDATES_MAX - 8 < sum(taken) < CANDIDATES_MAX

    async def test_a_hidden_address_is_looked_up_by_its_name(self) -> None:
        name = "0a1b2c3d-qrshared-test.local"
        zone = await mdns.create_mdns_protocol()
        try:
            async with PeerConnection([]) as here, PeerConnection([]) as there:
                offer, candidates = without_candidates(await here.offer())
                address = next(c.split()[4] for c in candidates if "." in c.split()[4])
                await zone.publish(name, address)
                answer, _ = without_candidates(await there.answer(offer))
                await here.accept(answer)  # without a candidate: it cannot knock
                hidden = [c.replace(address, name) for c in candidates if address in c]
                assert [await there.add_candidate(c) for c in hidden * (NAMES_MAX + 1)].count(True) == NAMES_MAX
                async with asyncio.timeout(60):
                    await there.opened()
                    await here.opened()
        finally:
            await zone.close()


@asynccontextmanager
async def a_relay() -> AsyncIterator[tuple[str, int]]:
    """A TURN server on this machine; its address is not loopback, where no peer is looked for."""
    address = next(
        ip.ip for adapter in ifaddr.get_adapters() for ip in adapter.ips
        if isinstance(ip.ip, str) and not ip.ip.startswith("127.")
    )  # fmt: skip
    with socket.socket() as free:
        free.bind((address, 0))
        port = int(free.getsockname()[1])
    program = find("turnserver")
    assert program is not None
    process = await asyncio.create_subprocess_exec(
        program, "-n", "--listening-ip", address, "--relay-ip", address, "--listening-port", str(port),
        "--lt-cred-mech", "--user", "name:secret", "--realm", "test",
        "--no-tls", "--no-dtls", "--no-cli", "--pidfile", os.devnull,
        "--log-file", os.devnull, stdout=DEVNULL, stderr=DEVNULL,
    )  # fmt: skip
    try:
        await until(lambda: _listens(address, port))
        yield address, port
    finally:
        process.kill()
        await process.wait()


def _listens(address: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0


@pytest.mark.needs("coturn")
class TestRelaying:
    """Through a real TURN server."""

    @pytest.mark.parametrize("over", ["udp", "tcp"])
    async def test_both_ends_see_that_one_of_them_uses_a_relay(self, over: str) -> None:
        async with a_relay() as (address, port), nothing_left():
            servers = [IceServer((f"turn:{address}:{port}?transport={over}",), "name", "secret")]
            async with connected(servers, here_relay_only=True) as (here, there, link, other):
                assert (here.counts, there.counts.relay) == (CandidateCounts(0, 0, 1), 0)
                assert here.road == there.road == "relay"
                await other.send(*FULL_BATCH)
                arrived: list[bytes] = []
                while len(arrived) < len(FULL_BATCH):
                    arrived += await link.receive()
                assert arrived == FULL_BATCH

    async def test_two_ends_that_see_each_other_use_no_relay(self) -> None:
        async with a_relay() as (address, port), nothing_left():
            servers = [IceServer((f"stun:{address}:{port}", f"turn:{address}:{port}"), "name", "secret")]
            async with connected(servers, servers) as (here, there, _, _):
                assert here.counts.relay == there.counts.relay == 1
                assert here.road == there.road == "direct"

    async def test_a_relay_that_dies_does_not_hold_up_a_close(self) -> None:
        async with a_relay() as (address, port):
            there = PeerConnection([IceServer((f"turn:{address}:{port}",), "name", "secret")])
            async with PeerConnection([]) as here:
                await there.answer(await here.offer())
        began = asyncio.get_running_loop().time()
        await there.close()
        assert asyncio.get_running_loop().time() - began < CLOSE_S + 1


@pytest.mark.usefixtures("clean")
class TestEnding:
    """Nothing stays, whenever it ends."""

    async def test_a_cancelled_answer_leaves_nothing(self) -> None:
        async with PeerConnection([]) as here:
            offer = await here.offer()
        there = PeerConnection([BLACK_HOLE])
        async with asyncio.TaskGroup() as tasks:
            answering = tasks.create_task(there.answer(offer))
            await asyncio.wait({answering}, timeout=0.2)
            assert not answering.done()
            answering.cancel()
        await there.close()

    async def test_who_waits_for_the_opening_hears_of_the_end(self) -> None:
        async with PeerConnection([]) as here, PeerConnection([]) as there, asyncio.TaskGroup() as tasks:
            await there.answer(await here.offer())
            waiting = tasks.create_task(outcome(there))
            await asyncio.wait({waiting}, timeout=0.1)
            await there.close()
            assert await waiting == "lost"
            with pytest.raises(LinkClosed):
                await there.answer(await here.offer())

    async def test_a_peer_with_another_certificate_gets_no_link(self) -> None:
        async with PeerConnection([]) as here, PeerConnection([]) as there:
            offer = await here.offer()
            spoiled = re.sub("(a=fingerprint:sha-256 )..", r"\g<1>00", offer)
            assert spoiled != offer
            await here.accept(await there.answer(spoiled))
            assert await outcome(there) == "lost"

    async def test_a_second_answer_is_refused(self) -> None:
        async with PeerConnection([]) as here, PeerConnection([]) as there:
            answer = await there.answer(await here.offer())
            await here.accept(answer)
            with pytest.raises(BadOffer):
                await here.accept(answer)
            async with asyncio.timeout(60):
                await here.opened()


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize("is_resumed", [False, True], ids=["aioice alone", "ours"])
async def test_a_better_way_that_the_peer_finds_later_is_taken(is_resumed: bool) -> None:
    """As in front of a NAT: the direct check was under way when the relay was nominated."""
    async with connected() as (here, there, _, _):
        assert here._ice is not None
        assert there._ice is not None
        ours, theirs = there._ice._connection, here._ice._connection
        first = ours._nominated[1]
        stuck, way = other_pair(ours, first), other_pair(theirs, theirs._nominated[1])
        stuck.state = CandidatePair.State.IN_PROGRESS
        async with asyncio.TaskGroup() as tasks:
            stuck.task = tasks.create_task(asyncio.sleep(0))  # as aioice leaves it: over, and still remembered
        ours._check_list.append(stuck)
        if is_resumed:
            peer_connection._resume_checks(there._ice)
        knock = theirs.build_request(way, nominate=True)
        password = str(theirs.remote_password).encode()
        await way.protocol.request(knock, way.remote_addr, integrity_key=password)
        try:
            await until(lambda: ours._nominated[1] is not first, within_s=0.5)
        except TimeoutError:
            assert not is_resumed
        assert (ours._nominated[1] is stuck) == is_resumed


def other_pair(ours: Connection, used: CandidatePair) -> CandidatePair:
    """A way between the two that is not the one in use."""
    for mine in ours._protocols:
        for candidate in ours._remote_candidates:
            if mine is not used.protocol and mine.local_candidate.can_pair_with(candidate):
                return CandidatePair(mine, candidate)
    pytest.skip("this machine has one address only")


def without_candidates(sdp: str) -> tuple[str, list[str]]:
    lines = sdp.splitlines(keepends=True)
    candidates = [line for line in lines if line.startswith("a=candidate:")]
    rest = [line for line in lines if not line.startswith(("a=candidate:", "a=end-of-candidates"))]
    return "".join(rest), [line.strip().removeprefix("a=") for line in candidates]


async def outcome(connection: PeerConnection) -> str:
    async with asyncio.timeout(60):
        try:
            await connection.opened()
        except LinkClosed as closed:
            return closed.reason
    return "open"


OFFER = "\r\n".join(
    [
        "v=0", "o=- 4611731400430051336 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0",
        "a=extmap-allow-mixed", "a=msid-semantic: WMS",
        "m=application 47789 UDP/DTLS/SCTP webrtc-datachannel", "c=IN IP4 198.51.100.7",
        "a=candidate:842163049 1 udp 1677729535 198.51.100.7 47789 typ srflx raddr 0.0.0.0 rport 0 generation 0",
        "a=candidate:1 1 udp 2113937151 0a1b2c3d.local 47789 typ host generation 0 network-cost 999",
        "a=ice-ufrag:pFCV", "a=ice-pwd:jfHDp0WLbTdYqHrgbpUKFpaW", "a=ice-options:trickle",
        "a=fingerprint:sha-256 " + ":".join(["4A"] * 32), "a=setup:actpass", "a=mid:0", "a=sctp-port:5000",
        "a=max-message-size:262144", "",
    ]
)  # fmt: skip
PIECES = st.sampled_from(
    [*OFFER.splitlines(), "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=setup:holdconn", "a=ice-lite", "a=sctp-port:-1", "\0"]
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """The offer with lines dropped, doubled, swapped, cut, or with other text in them."""
    lines = OFFER.splitlines()
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        cut = draw(st.integers(0, len(lines[at])))
        match draw(st.integers(0, 4)):
            case 0:
                del lines[at]
                lines = lines or [""]
            case 1:
                lines.insert(at, draw(PIECES))
            case 2:
                lines[at] = draw(PIECES)
            case 3:
                lines[at] = lines[at][:cut] + draw(st.text(max_size=8)) + lines[at][cut:]
            case _:
                lines[at] = lines[at][:cut]
    return "\r\n".join(lines)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutated())
def test_a_mutated_offer_is_answered_or_refused_and_leaves_nothing(sdp: str) -> None:
    async def answer() -> None:
        async with nothing_left(), asyncio.timeout(60), PeerConnection([]) as there:
            try:
                assert "m=application" in await there.answer(sdp)
            except BadOffer:
                pass

    asyncio.run(answer())
