"""Asks an edge for its relay as a call from away would: two sockets of our own, in a room that nobody else knows."""

import asyncio
import base64
import secrets
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from aiohttp import ClientSession

from qrshared.links.ice import IceServer
from qrshared.remote.borrowed import Places
from qrshared.signaling import (
    Connected,
    Disconnected,
    Joined,
    Refuse,
    RefuseReason,
    Relayed,
    Servers,
    SignalClient,
    TurnServer,
)

ASK_S: Final = 10.0
"""From the first packet to the relay: an edge may wake up first where hosting platforms put idle programs to sleep."""

_ROOM_BYTES: Final = 16
_ENVELOPE: Final = "AA"
"""What is said does not matter: the edge sees only that envelopes went both ways."""


@dataclass(frozen=True, slots=True)
class Lending:
    """Whether the edge hands out relays at all, what it told us just now, and what of that a home uses."""

    hands_out: bool
    told: Sequence[TurnServer] = ()
    usable: Sequence[IceServer] = ()


async def ask_for_relay(session: ClientSession, edge_url: str) -> Lending:
    """One of the few that the edge gives to an address in an hour; nothing handed out if the edge is away."""
    room = base64.urlsafe_b64encode(secrets.token_bytes(_ROOM_BYTES)).rstrip(b"=").decode()
    asking = SignalClient(session, edge_url)
    told: Sequence[TurnServer] | None = None
    try:
        async with asyncio.timeout(ASK_S), asyncio.TaskGroup() as tasks:
            answering = tasks.create_task(_answer(SignalClient(session, edge_url), room))
            told = await _ask(asking, room)
            answering.cancel()
    except TimeoutError:
        pass
    if told is None:
        return Lending(asking.gives_turn)
    return Lending(True, told, await Places(edge_url).usable(told))


async def _ask(client: SignalClient, room: str) -> Sequence[TurnServer] | None:
    """None from an edge that hands out none, or is away."""
    await client.join(room)
    async with aclosing(client.events()) as events:
        async for event in events:
            match event:
                case Connected() if not client.gives_turn:
                    return None
                case Joined(present=present):
                    for peer in (peer for each in present for peer in each.peers):
                        await client.relay(room, peer, _ENVELOPE)
                case Relayed(peer=peer):
                    await client.ask_turn(room, peer)
                case Servers(servers=servers):
                    return servers
                case Refuse(reason=RefuseReason.TURN):
                    return ()
                case Disconnected():
                    return None
                case _:
                    pass
    return None


async def _answer(client: SignalClient, room: str) -> None:
    """Say to everybody there what one side of a meeting must have said; never ends by itself."""
    await client.join(room)
    async with aclosing(client.events()) as events:
        async for event in events:
            if isinstance(event, Relayed):
                await client.relay(room, event.peer, event.blob)
