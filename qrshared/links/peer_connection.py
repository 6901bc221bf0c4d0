"""One WebRTC connection with its one data channel, on aiortc: offer, answer, candidates, then a link.

aiortc is slow to import and needed by few: import this module only when a call comes.
"""

import asyncio
import logging
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Literal, Self

from aioice import turn
from aioice.ice import CandidatePair
from aiortc import (
    RTCConfiguration,
    RTCDataChannel,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
    rtcsctptransport,
)
from aiortc.exceptions import InternalError, InvalidAccessError, InvalidStateError, OperationError
from aiortc.rtcconfiguration import RTCIceTransportPolicy
from aiortc.rtcicetransport import RTCIceTransport
from aiortc.sdp import candidate_from_sdp

from qrshared.links.bounds import bound_addresses, bound_messages
from qrshared.links.datachannel import UNREAD_BYTES_MAX, DataChannelLink
from qrshared.links.ice import CandidateCounts, IceServer, choose_servers, count_candidates
from qrshared.links.port import CloseReason, LinkClosed
from qrshared.links.quick import drain_sockets, quicken
from qrshared.links.sdp import (
    CANDIDATES_MAX,
    BadOffer,
    Description,
    RemoteCandidate,
    read_candidate,
    read_description,
)

logger = logging.getLogger(__name__)

CHANNEL_LABEL: Final = "qrshared"
"""The one data channel of a connection; others that a peer opens are closed."""

RECEIVE_BUFFER_BYTES: Final = 4 << 20
"""A UDP socket's. aioice asks for 256 KiB, which loses packets in bursts; measured: 2.5 times the upload."""

RESEND_AFTER_S: Final = 0.4
"""The least time until SCTP sends again what nobody confirmed: Chromium's, where aiortc waits 1 s (RFC 9260).

A loss that only this timer notices stops everything meanwhile. Measured on a busy machine: 1.7 times the download.
"""

NAMES_MAX: Final = 8
"""mDNS names looked up for one connection; each may take a second and asks the whole LAN."""

CLOSE_S: Final = 6.0
"""A close that is not over by then goes on unattended: a TURN server that is gone is asked for half a minute."""

_AIORTC_FAULTS: Final = (ValueError, InternalError, InvalidAccessError, InvalidStateError, OperationError)

Road = Literal["direct", "relay"]

# Both are plain module variables, read when they are needed.
turn.UDP_SOCKET_BUFFER_SIZE = RECEIVE_BUFFER_BYTES
rtcsctptransport.SCTP_RTO_MIN = RESEND_AFTER_S  # type: ignore[assignment]  # written as 1, used as seconds


class PeerConnection:
    """One attempt to reach a peer, as the side that offers or the one that answers; a new attempt is a new one.

    Whoever makes one closes it, also when it was cancelled in between.
    """

    def __init__(
        self, servers: Sequence[IceServer], *, relay_only: bool = False, unread_bytes_max: int = UNREAD_BYTES_MAX
    ) -> None:
        # An empty list, not None: for None aiortc asks a public STUN server of its own choice.
        chosen = [
            RTCIceServer(urls=list(server.urls), username=server.username, credential=server.credential)
            for server in choose_servers(servers, relay_only=relay_only)
        ]
        policy = RTCIceTransportPolicy.RELAY if relay_only else RTCIceTransportPolicy.ALL
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=chosen, iceTransportPolicy=policy))
        self._unread_bytes_max = unread_bytes_max
        self._negotiating = asyncio.Lock()
        self._settled = asyncio.Event()  # there is a link, or there will be none
        self._link: DataChannelLink | None = None
        self._mid = "0"
        self._is_described = False
        self._is_bounded = False
        self._is_closed = False
        self._early: list[RemoteCandidate] = []  # came before the description they belong to
        self._heard_count = 0
        self._names: asyncio.Queue[RemoteCandidate] = asyncio.Queue(NAMES_MAX)
        self._relays: set[tuple[str, int]] = set()
        self._counts = CandidateCounts()
        self._road: Road | None = None
        self._connection.add_listener("datachannel", self._hear_channel)
        self._connection.add_listener("connectionstatechange", self._hear_state)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def answer(self, offer_sdp: str) -> str:
        """The answer to a peer's offer, with all candidates; raises `BadOffer`, and `LinkClosed` when closed.

        Finding the candidates takes up to five seconds, when a STUN or TURN server does not answer.
        """
        offer = read_description(offer_sdp, "offer")
        # Cancelled, aioice would leave sockets and TURN allocations behind: gathering goes to its end.
        return await asyncio.shield(self._answer(offer))

    async def offer(self) -> str:
        """An offer to a peer, with all candidates; takes as long as `answer`."""
        return await asyncio.shield(self._offer())

    async def accept(self, answer_sdp: str) -> None:
        """Take the answer to our offer; raises `BadOffer`."""
        answer = read_description(answer_sdp, "answer")
        await asyncio.shield(self._accept(answer))

    async def add_candidate(self, candidate: str, mid: str | None = None, line: int | None = None) -> bool:
        """Take one of the peer's candidates, also before its description; whether it is of use. Never raises."""
        if not candidate:
            return True  # the end of candidates: see `Description.write`
        is_ours = line in (None, 0) and (mid in (None, "", self._mid) or not self._is_described)
        read = read_candidate(candidate) if is_ours else None
        if read is None or self._heard_count >= CANDIDATES_MAX:
            return False
        self._heard_count += 1
        if not self._is_described:
            self._early.append(read)
            return True
        return await self._add(read)

    async def opened(self) -> DataChannelLink:
        """The link, once its channel is open; raises `LinkClosed` if it never will be. The patience is the caller's."""
        async with asyncio.TaskGroup() as tasks:
            looking_up = tasks.create_task(self._look_up_names())
            await self._settled.wait()
            looking_up.cancel()
        if self._link is None:
            raise LinkClosed(CloseReason.LOST)
        return self._link

    @property
    def road(self) -> Road | None:
        """How the bytes travel, as far as this side can know; None before there is a way."""
        pair = _nominated_pair(self._ice)
        if pair is not None:
            local_kind, remote_kind, remote_address = pair
            # A relay that knocks before its candidate is known counts as peer-reflexive.
            is_relayed = "relay" in (local_kind, remote_kind) or remote_address in self._relays
            self._road = "relay" if is_relayed else "direct"
        return self._road

    @property
    def counts(self) -> CandidateCounts:
        """Our own candidates, once they are gathered."""
        return self._counts

    async def close(self) -> None:
        """End the link, if there is one, and the connection; what was sent on it before still arrives."""
        try:
            async with asyncio.timeout(CLOSE_S):
                await asyncio.shield(self._close())
        except TimeoutError:
            logger.info("a peer connection takes long to close: its TURN server does not answer")

    @property
    def _ice(self) -> RTCIceTransport | None:
        sctp = self._connection.sctp
        return sctp.transport.transport if sctp is not None else None

    async def _answer(self, offer: Description) -> str:
        async with self._negotiating:
            await self._take(offer)
            await self._connection.setLocalDescription(await self._connection.createAnswer())
            return self._described()

    async def _offer(self) -> str:
        async with self._negotiating:
            self._require_open()
            channel = self._connection.createDataChannel(CHANNEL_LABEL)
            channel.add_listener("open", lambda: self._use(channel))
            self._bound()
            await self._connection.setLocalDescription(await self._connection.createOffer())
            return self._described()

    async def _accept(self, answer: Description) -> None:
        async with self._negotiating:
            await self._take(answer)

    async def _close(self) -> None:
        if self._link is not None:
            await self._link.close()
        async with self._negotiating:
            self._is_closed = True
            await self._connection.close()
        self._settled.set()

    def _require_open(self) -> None:
        if self._is_closed:
            raise LinkClosed(CloseReason.DONE)

    async def _take(self, description: Description) -> None:
        self._require_open()
        try:
            await self._connection.setRemoteDescription(
                RTCSessionDescription(sdp=description.write(), type=description.kind)
            )
        except _AIORTC_FAULTS as fault:
            raise BadOffer("it does not fit here") from fault
        self._bound()
        self._mid = description.mid
        self._is_described = True
        self._heard_count += len(description.candidates)
        self._relays |= {(c.host, c.port) for c in description.candidates if c.kind == "relay"}
        for candidate in [*(c for c in description.candidates if c.has_name), *self._early]:
            await self._add(candidate)
        self._early.clear()

    def _bound(self) -> None:
        """Before the first packet of the peer: gathering comes after this."""
        sctp = self._connection.sctp
        if sctp is None or self._is_bounded:
            return
        self._is_bounded = True
        quicken(sctp)
        bound_messages(sctp, self._overrun)
        bound_addresses(sctp.transport.transport._connection)  # noqa: SLF001 - as in `_nominated_pair`

    def _overrun(self) -> None:
        logger.info("a peer sent more than may be kept for it; its connection is ended")
        if self._link is not None:
            self._link.drop(CloseReason.TOO_BIG)

    async def _add(self, candidate: RemoteCandidate) -> bool:
        if candidate.has_name:
            if self._names.full():
                return False
            self._names.put_nowait(candidate)
            return True
        if candidate.kind == "relay":
            self._relays.add((candidate.host, candidate.port))
        return await self._give(candidate)

    async def _give(self, candidate: RemoteCandidate) -> bool:
        given = candidate_from_sdp(candidate.write())
        given.sdpMid = self._mid
        try:
            await self._connection.addIceCandidate(given)
        except (*_AIORTC_FAULTS, OSError):
            return False
        return True

    async def _look_up_names(self) -> None:
        """One after the other, while one waits for the opening: our knocking opens this computer's firewall."""
        while True:
            await self._give(await self._names.get())

    def _described(self) -> str:
        found = self._ice.iceGatherer.getLocalCandidates() if self._ice is not None else []
        self._counts = count_candidates(candidate.type for candidate in found)
        logger.info("candidates of our own: %s", self._counts)
        return self._connection.localDescription.sdp

    def _hear_channel(self, channel: RTCDataChannel) -> None:
        is_reliable = channel.ordered and channel.maxRetransmits is None and channel.maxPacketLifeTime is None
        if self._link is None and channel.label == CHANNEL_LABEL and is_reliable:
            self._use(channel)
        else:
            channel.close()

    def _use(self, channel: RTCDataChannel) -> None:
        _resume_checks(self._ice)
        drain_sockets(channel.transport.transport)
        self._link = DataChannelLink(channel, unread_bytes_max=self._unread_bytes_max)
        self._settled.set()

    def _hear_state(self) -> None:
        if self._connection.connectionState in ("failed", "closed"):
            self._settled.set()


def _resume_checks(ice: RTCIceTransport | None) -> None:
    """Let the peer still choose a better way than the first.

    aioice 0.13 cancels the checks under way once the first pair is nominated and leaves them `IN_PROGRESS` for ever. A
    relay often answers before a NAT lets the direct check through; when the browser then moves to the direct pair,
    aioice would stay on the relay and burn its quota: seen in four of five runs between two cone NATs.
    """
    if ice is None:
        return
    for pair in ice._connection._check_list:  # noqa: SLF001 - there is no other way to say it; the version is pinned
        if pair.task is not None and pair.task.done():
            pair.task = None
            if pair.state is CandidatePair.State.IN_PROGRESS:
                pair.state = CandidatePair.State.FAILED  # the next check of the peer tries it anew


def _nominated_pair(ice: RTCIceTransport | None) -> tuple[str, str, tuple[str, int]] | None:
    """The kinds of both ends of the way in use, and the peer's address."""
    if ice is None:
        return None
    # aiortc 1.16 has no getSelectedCandidatePair(); the version is pinned to its minor, and a test reads a road.
    pair = ice._connection._nominated.get(1)  # noqa: SLF001 - as said above
    if pair is None:
        return None
    local, remote = pair.local_candidate, pair.remote_candidate
    return local.type, remote.type, (remote.host, remote.port)
