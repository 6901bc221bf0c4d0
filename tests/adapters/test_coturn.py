"""The relay as the kit writes it, really started: who gets a relay, and whom nobody reaches through it.

The system's coturn here is 4.6.1; the kit's container is 4.9, which no test can start.
"""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from aioice import stun, turn

from qrshared.links.probe import ProbeFailed, ProbeFault, probe_stun, probe_turn
from qrshared.signaling import CoturnTurn, TurnServer
from qrshared.signaling.turn import CoturnTurnSource
from tests.adapters.coturn_world import CLIENT, PATIENCE_S, PORT, SERVER, SERVER_6, Coturn, coturn, label

pytestmark = pytest.mark.needs("coturn", "netns")


async def fresh(relay: Coturn, *, now: float | None = None, secret: str | None = None) -> TurnServer:
    source = CoturnTurnSource(
        CoturnTurn((relay.url,), secret or relay.secret), clock=lambda: time.time() if now is None else now
    )
    (server,) = await source.mint(label())
    return server


async def probe(relay: Coturn, server: TurnServer, query: str = "") -> None:
    username, credential = server.username or "", server.credential or ""
    await relay.as_client(lambda: probe_turn(relay.url + query, username, credential))


async def test_a_fresh_credential_relays_over_udp_and_tcp_and_a_false_or_expired_one_gets_nothing(
    tmp_path: Path,
) -> None:
    async with coturn(tmp_path) as relay:
        assert await relay.as_client(lambda: probe_stun(f"stun:{SERVER}:{PORT}")) == CLIENT
        await probe(relay, await fresh(relay))
        await probe(relay, await fresh(relay), "?transport=tcp")
        for wrong in (
            await fresh(relay, now=time.time() - 700),
            await fresh(relay, secret="another"),
            TurnServer((relay.url,), "nobody", "pw"),
        ):
            with pytest.raises(ProbeFailed) as refused:
                await probe(relay, wrong)
            assert refused.value.fault is ProbeFault.CREDENTIALS


async def reached(server: str, username: str, credential: str, peers: Sequence[str], port: int) -> list[str]:
    """To which of these addresses this relay lets a packet be sent at all."""
    inner: list[str] = []
    transport, _ = await turn.create_turn_endpoint(asyncio.DatagramProtocol, (server, PORT), username, credential)
    client = transport._TurnTransport__inner_protocol  # type: ignore[attr-defined] # the only way to a clear answer
    try:
        for peer in peers:
            with suppress(stun.TransactionFailed):
                await client.send_data(b"inside", (peer, port))
                inner.append(peer)
    finally:
        transport.close()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*(task for task in asyncio.all_tasks() if task is not asyncio.current_task()))
    return inner


INSIDE = (
    "10.0.0.5", "172.16.3.4", "192.168.1.1", "127.0.0.1", "127.8.8.8", "169.254.169.254", "100.64.0.1", "0.0.0.0",
    "192.0.0.170", "198.18.0.1", "224.0.0.251", "255.255.255.255",
)  # fmt: skip
INSIDE_6 = (
    "::1", "::", "::ffff:127.0.0.1", "::ffff:10.0.0.5", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::a00:5",
    "fc00::1", "fd12:3456::1", "fe80::1", "2002:a00:5::1", "2001:0:a00:5::1", "ff02::1",
)  # fmt: skip


@asynccontextmanager
async def inner_service(relay: Coturn, *addresses: str) -> AsyncIterator[None]:
    """Addresses that only the server itself reaches."""
    for address in addresses:
        relay.server.run("ip", "address", "add", address, "dev", "lo")
    yield


async def test_nobody_reaches_what_is_inside_and_a_public_peer_is_reached(tmp_path: Path) -> None:
    async with coturn(tmp_path) as relay, inner_service(relay, "10.0.0.5/32", "169.254.169.254/32"):
        server = await fresh(relay)
        me, key = server.username or "", server.credential or ""
        assert await relay.as_client(lambda: reached(SERVER, me, key, [CLIENT, *INSIDE], 9)) == [CLIENT]


async def test_the_same_over_ipv6_and_by_every_spelling(tmp_path: Path) -> None:
    async with coturn(tmp_path, "--allocation-default-address-family=keep") as relay:
        server = await fresh(relay)
        me, key = server.username or "", server.credential or ""
        assert await relay.as_client(lambda: reached(SERVER_6, me, key, ["2001:db8::2", *INSIDE_6], 9)) == [
            "2001:db8::2"
        ]


async def test_without_the_kits_rules_what_is_inside_would_be_reached(tmp_path: Path) -> None:
    """The control: a packet really arrives at a private address, and at loopback where that is allowed."""
    async with (
        coturn(
            tmp_path, without="denied-peer-ip|no-multicast", in_file="allow-loopback-peers\ncli-password=x"
        ) as relay,
        inner_service(relay, "10.0.0.5/32", "169.254.169.254/32"),
    ):
        server = await fresh(relay)
        me, key = server.username or "", server.credential or ""

        with relay.server.socket(kind=socket.SOCK_DGRAM) as ears:
            ears.bind(("10.0.0.5", 0))
            ears.settimeout(PATIENCE_S)
            peers = ["10.0.0.5", "127.0.0.1", "169.254.169.254"]
            assert await relay.as_client(lambda: reached(SERVER, me, key, peers, ears.getsockname()[1])) == peers
            assert ears.recv(100) == b"inside"
