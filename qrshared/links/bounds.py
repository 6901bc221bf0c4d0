"""Bounds what a peer can make aiortc and aioice keep for it: pieces of messages, streams, and addresses it speaks from.

Both trust whoever got so far. Whoever holds a code for elsewhere gets so far, and need not be a friend.
"""

from collections.abc import Callable
from typing import Final

from aioice import stun
from aioice.ice import Connection, StunProtocol
from aiortc import RTCSctpTransport
from aiortc.rtcsctptransport import DataChunk

OVERRUN_BYTES_MAX: Final = 1 << 20
"""Beyond the receive window of 1 MiB that aiortc tells a peer, and never holds it to."""

PIECES_MAX: Final = 4096
"""Pieces that wait for others; a whole window in pieces of 256 bytes. aiortc looks through all for each one more.

Measured without a bound: 15 000 pieces in 15 s, and each further one costs 2 ms of everybody's time.
"""

STREAMS_MAX: Final = 16
"""A link is one; others are closed, and the peer has to say so too before aiortc forgets them."""

ADDRESSES_MAX: Final = 128
"""From which a peer was heard, with those it told: each one is asked back for half a minute."""


class Overrun(ConnectionError):
    """A peer sends what may not be kept: aiortc ends the connection on any `ConnectionError`, without a word."""


def bound_messages(sctp: RTCSctpTransport, overrun: Callable[[], None]) -> None:
    """End a connection whose peer begins more than it finishes; `overrun` is called just before."""
    take = sctp._receive_data_chunk  # noqa: SLF001 - no other way to look; the version is pinned

    async def take_within_bounds(chunk: DataChunk) -> None:
        await take(chunk)
        # What aiortc has in hand is told nowhere else.
        streams, channels = sctp._inbound_streams, sctp._data_channels  # noqa: SLF001 - as above
        window = sctp._advertised_rwnd  # noqa: SLF001 - as above
        pieces = sum([len(stream.reassembly) for stream in streams.values()])
        if window < -OVERRUN_BYTES_MAX or pieces > PIECES_MAX or max(len(streams), len(channels)) > STREAMS_MAX:
            overrun()
            raise Overrun

    sctp._receive_data_chunk = take_within_bounds  # type: ignore[method-assign]  # noqa: SLF001 - aiortc has no hook for it


def bound_addresses(ice: Connection) -> None:
    """Answer a peer that is heard from ever more addresses, and ask no more of them back."""
    look_into = ice.check_incoming

    def look_into_some(message: stun.Message, addr: tuple[str, int], protocol: StunProtocol) -> None:
        known = ice.remote_candidates
        is_known = len(known) < ADDRESSES_MAX or any((one.host, one.port) == addr for one in known)
        if is_known:
            look_into(message, addr, protocol)

    ice.check_incoming = look_into_some  # type: ignore[method-assign]  # aioice asks nobody else
