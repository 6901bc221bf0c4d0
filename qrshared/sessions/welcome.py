"""From a fresh link to a session: handshake, hellos, enrolment; strangers get a refusal and nothing else."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, Protocol

from qrshared.errors import RemoteError
from qrshared.links import Link, LinkClosed
from qrshared.protocol import (
    KNOWN_PAGES_MAX,
    VERSIONS,
    AwayFacts,
    GrantFacts,
    Hello,
    PeerKind,
    ProtocolError,
    Reason,
    common_version,
)
from qrshared.seal import Found, Refusal, Refused, known_proof
from qrshared.sessions.desk import Asker, Desk
from qrshared.sessions.facts import Sender
from qrshared.sessions.live import LiveSessions
from qrshared.sessions.receiving import IncomingTransfers
from qrshared.sessions.sealed_link import SealedLink, answer_seal
from qrshared.sessions.sending import OutgoingTransfers
from qrshared.sessions.session import Session
from qrshared.tickets import Credential, Grant, Right, Road, grant_of

log = logging.getLogger(__name__)

HANDSHAKE_S: Final = 10.0
"""From the first byte of a link to the end of its handshake."""
HELLO_S: Final = 10.0
"""From the seal to the hello; an enrolment's disk is not counted."""


class EnrollRefused(RemoteError):
    """The code could not be redeemed. Scan the new one."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.goodbye = reason


class GuestBook(Protocol):
    """What a session needs to know of tickets and devices; the daemon keeps them, and keeps them on disk."""

    def find(self, key_id: bytes, road: Road) -> Credential | Refusal:
        """Who presents this key id."""

    def grant(self, credential: Credential) -> Grant:
        """What they may do now."""

    async def enroll(self, credential: Credential, key: bytes, name: str, kind: PeerKind) -> Grant:
        """Make the device and write it down before returning; raises `EnrollRefused`."""

    def road_secret(self, device: str) -> bytes:
        """A fresh secret by which this device's page may go on away from home."""

    def name(self, device: str) -> str:
        """What the owner knows this device as: a name fit for screens, unlike what its hello says."""

    def since(self, device: str) -> float:
        """When its key came for the first time, in seconds of the wall clock."""

    def keys(self, kind: PeerKind) -> Sequence[bytes]:
        """Of devices of this kind, the latest seen first."""

    def seen(self, device: str) -> None:
        """Note a visit."""


class Welcome:
    """Serves links: one call a link, which returns when the link is over."""

    def __init__(
        self,
        *,
        computer: Callable[[], str],
        book: GuestBook,
        desk: Desk,
        transfers: IncomingTransfers,
        outgoing: OutgoingTransfers,
        live: LiveSessions,
        clock: Callable[[], float],
        away: AwayFacts | None = None,
    ) -> None:
        """`away`: what trusted devices are told of the edge; None without one."""
        self._computer = computer
        self._book = book
        self._desk = desk
        self._transfers = transfers
        self._outgoing = outgoing
        self._live = live
        self._clock = clock
        self.away = away
        """It may change while the daemon runs; each hello says what counts then."""
        self._instance = secrets.randbelow(2**53)

    async def serve(
        self, link: Link, road: Road, *, sealed: Callable[[bool], None], refused: Callable[[], None]
    ) -> None:
        """`sealed` is called after the handshake (True: by a key we know), `refused` if the peer proved nothing."""
        try:
            async with asyncio.timeout(HANDSHAKE_S):
                secure = await answer_seal(link, road.in_prologue, lambda key_id: self._look_up(key_id, road))
            sealed(secure.found is not None)
            await self._meet(secure, road)
        except Refused as error:
            log.info("a link was refused: %s", error.refusal)
            if error.refusal in (Refusal.UNKNOWN_KEY, Refusal.HANDSHAKE):
                refused()
            await link.close(error.refusal)
        except RemoteError as fault:
            log.info("a link was closed: %s", fault)
            refused()
            await link.close(Reason.PROTOCOL)
        except (LinkClosed, TimeoutError):
            await link.close(Reason.IDLE)

    def _look_up(self, key_id: bytes, road: Road) -> Found[Credential | None] | Refusal:
        if not key_id:
            return Found(None, None)
        credential = self._book.find(key_id, road)
        return credential if isinstance(credential, Refusal) else Found(credential.session_auth, credential)

    async def _meet(self, secure: SealedLink[Credential | None], road: Road) -> None:
        async with asyncio.timeout(HELLO_S):
            messages = await secure.receive()
        hello, *early = messages
        if not isinstance(hello, Hello) or early:
            raise ProtocolError("a session starts with one hello and waits for the answer")
        if common_version(hello.versions) is None:
            await secure.leave(Reason.VERSION)
            return
        try:
            grant = await self._grant(secure.found, hello, road)
        except EnrollRefused as refused:
            await secure.leave(refused.goodbye)
            return
        # Comparison words would be false comfort where somebody may have changed the page (design 4).
        words = secure.words if road is Road.SECURE else None
        session = Session(
            secure,
            hello=replace(self._hello(grant, words), proofs=self._proofs(secure, hello, road)),
            asker=Asker(grant, grant.device),
            instance=hello.instance,
            desk=self._desk,
            receiving=self._transfers.of(self._sender(grant, hello.kind)),
            sending=self._outgoing.of(grant.device),
            clock=self._clock,
        )
        try:
            if not await self._live.admit(session):
                await secure.leave(Reason.ANOTHER_TAB)
                return
            if grant.device is not None:
                self._book.seen(grant.device)
            await session.run()
        finally:
            self._live.leave(session)
            session.mark_over()

    def _sender(self, grant: Grant, kind: PeerKind) -> Sender | None:
        if grant.device is None:
            return None
        return Sender(grant.device, self._book.name(grant.device), kind, self._book.since(grant.device))

    async def _grant(self, credential: Credential | None, hello: Hello, road: Road) -> Grant:
        if credential is None:
            return grant_of(None, road)
        if hello.enroll is not None:
            return await self._book.enroll(credential, hello.enroll, hello.name, hello.kind)
        return self._book.grant(credential)

    def _proofs(self, secure: SealedLink[Credential | None], hello: Hello, road: Road) -> tuple[bytes, ...]:
        """An edge's page may know us by an earlier key. A name proves nothing, and a number could be said on:

        so whoever has the key sees that we have it too, and nobody else sees anything.
        """
        if hello.enroll is None or secure.found is None or road is not Road.AWAY:
            return ()
        others = [key for key in self._book.keys(hello.kind) if key != hello.enroll]
        return tuple(known_proof(key, secure.handshake_hash) for key in others[:KNOWN_PAGES_MAX])

    def _away_facts(self, grant: Grant) -> AwayFacts | None:
        """How this device's page may go on away from home; guests of a wall at home send there only."""
        if self.away is None or grant.device is None:
            return None
        if grant.road is Road.AWAY:
            # It has its way already, and no secret is given to a page that the edge hosts. Guests too are to be asked
            # before much goes through the owner's relay.
            return self.away
        if not grant.is_trusted_to_pick_up:
            return None
        return replace(self.away, secret=self._book.road_secret(grant.device))

    def _hello(self, grant: Grant, words: str | None) -> Hello:
        facts = GrantFacts(
            rights=tuple(sorted(grant.rights)),
            trust=grant.trust,
            device=grant.device,
            until_ms=None if grant.until is None else int(grant.until * 1000),
            away=self._away_facts(grant),
            only_own=grant.device is not None
            and Right.SEND in grant.rights
            and self._transfers.stays_out(grant.device),
        )
        return Hello(VERSIONS, self._computer(), PeerKind.COMPUTER, self._instance, grant=facts, words=words)
