"""From an edge's word to bytes through a relay: what the edge hands out opens the kit's coturn for two who met."""

import asyncio
from pathlib import Path

import pytest

from qrshared.links import IceServer
from qrshared.links.peer_connection import PeerConnection
from qrshared.signaling import CoturnTurn
from qrshared.signaling.turn import CoturnTurnSource
from tests.adapters.coturn_world import coturn
from tests.adapters.signaling_world import Peer, edge, met, room_id

MESSAGES = [bytes([n]) * 60_000 for n in range(20)]


async def servers_for(peer: Peer, room: str, to: str) -> list[IceServer]:
    await peer.say(t="turn", room=room, to=to)
    told = (await peer.hear("servers"))["servers"]
    return [IceServer(tuple(each["urls"]), each["username"], each["credential"]) for each in told]


async def carry(first: list[IceServer], second: list[IceServer]) -> None:
    """Connect two through nothing but their relays, and send both ways."""
    async with PeerConnection(first, relay_only=True) as one, PeerConnection(second, relay_only=True) as other:
        await one.accept(await other.answer(await one.offer()))
        a, b = await asyncio.gather(one.opened(), other.opened())
        assert one.road == other.road == "relay"
        for sender, receiver in ((a, b), (b, a)):
            heard: list[bytes] = []
            await sender.send(*MESSAGES[:10])
            await sender.send(*MESSAGES[10:])
            while len(heard) < len(MESSAGES):
                heard.extend(await receiver.receive())
            assert heard == MESSAGES


@pytest.mark.needs("coturn", "netns")
@pytest.mark.parametrize("query", ["", "?transport=tcp"])
async def test_two_who_met_at_an_edge_reach_each_other_through_its_relay_only(query: str, tmp_path: Path) -> None:
    async with coturn(tmp_path) as relay:
        source = CoturnTurnSource(CoturnTurn((relay.url + query,), relay.secret))

        async def two_phones() -> None:
            async with edge(turn=source) as replica, replica.peer() as a, replica.peer() as b:
                room = room_id()
                first, second = await met(a, b, room)
                async with asyncio.timeout(40):
                    await carry(await servers_for(a, room, second), await servers_for(b, room, first))

        await relay.as_client(two_phones)
