"""Credentials from Metered's REST API; a provider that is down, slow or talks nonsense means no relay, in a second.

https://www.metered.ca/docs/turn-rest-api: the API key of one credential reads it (GET, a bare array of ICE servers);
the account's secret key first makes one that ends by itself (POST, never without `expiryInSeconds`), then reads that.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final

from aiohttp import ClientConnectorDNSError, ClientConnectorError, ClientError, ClientSession

from qrshared.signaling.limits import TURN_SERVERS_MAX, TURN_URLS_MAX, TURN_WORD_CHARACTERS_MAX
from qrshared.signaling.messages import TurnServer
from qrshared.signaling.turn_config import MeteredKeyKind, MeteredTurn, TurnKind, is_turn_url

_log = logging.getLogger(__name__)

METERED_ANSWER_S: Final = 1.0
"""For everything that one credential takes; nobody waits longer, and STUN alone may do."""

METERED_BYTES_MAX: Final = 64 * 1024
"""What is read of an answer; theirs have a thousand bytes."""

_REFUSED: Final = frozenset({400, 401, 403})


class Trouble(Enum):
    """Why Metered gave no relay, as far as a person can do something about it."""

    NAME = "its name is not found"
    CONNECTION = "no connection to it comes about"
    TIME = "it does not answer in time"
    KEY = "it does not take the key"
    ANSWER = "what it answers is no credential"


class _NoAnswer(Exception):
    """Why there is no credential, in words without address, key or body."""


class _Refused(_NoAnswer):
    """The key was not taken."""


def _address_of(app: str) -> str:
    return f"https://{app}.metered.live"


class MeteredTurnSource:
    """Asks afresh each time. `address_of` is turned by tests, which have a Metered of their own."""

    def __init__(
        self,
        config: MeteredTurn,
        session: ClientSession,
        *,
        address_of: Callable[[str], str] = _address_of,
        answer_s: float = METERED_ANSWER_S,
    ) -> None:
        self._address = address_of(config.app)
        self._key = config.key
        self._key_kind = config.key_kind
        self._session = session
        self._answer_s = answer_s
        self.trouble: Trouble | None = None
        """Why the last try gave nothing."""

    @property
    def kind(self) -> TurnKind:
        return TurnKind.METERED

    async def mint(self, label: str, ttl_s: int = 600) -> tuple[TurnServer, ...]:
        self.trouble = None
        try:
            async with asyncio.timeout(self._answer_s):
                servers = await self._mint(label, ttl_s)
        except TimeoutError:
            self.trouble = Trouble.TIME
            _log.warning("Metered did not answer within %g s; without a relay for now", self._answer_s)
        except _NoAnswer as why:
            self.trouble = Trouble.KEY if isinstance(why, _Refused) else Trouble.ANSWER
            _log.warning("Metered: %s; without a relay for now", why)
        except (ClientError, OSError, ValueError) as fault:
            # Its text may hold the address, and with it the key.
            self.trouble = _trouble_of(fault)
            _log.warning("Metered cannot be asked (%s); without a relay for now", type(fault).__name__)
        else:
            return servers
        return ()

    async def _mint(self, label: str, ttl_s: int) -> tuple[TurnServer, ...]:
        if self._key_kind is MeteredKeyKind.SECRET:
            return await self._make(label, ttl_s)
        try:
            servers = await self._read(self._key)
        except _Refused:
            if self._key_kind is MeteredKeyKind.API:
                raise
            # Nobody said which key it is: the other kind gets its trial, and is remembered when it fits.
            servers = await self._make(label, ttl_s)
            self._key_kind = MeteredKeyKind.SECRET
            return servers
        self._key_kind = MeteredKeyKind.API
        return servers

    async def _make(self, label: str, ttl_s: int) -> tuple[TurnServer, ...]:
        # Without an expiry it would be valid for ever.
        said = await self._ask(
            "POST", "credential", {"secretKey": self._key}, body={"expiryInSeconds": ttl_s, "label": label}
        )
        match said:
            case {"apiKey": str(key)} if key:
                return await self._read(key)
        raise _NoAnswer("what it says is no credential")

    async def _read(self, key: str) -> tuple[TurnServer, ...]:
        servers = _turn_servers(await self._ask("GET", "credentials", {"apiKey": key}))
        if not servers:
            raise _NoAnswer("it names no relay")
        return servers

    async def _ask(
        self, method: str, what: str, query: Mapping[str, str], *, body: Mapping[str, object] | None = None
    ) -> object:
        url = f"{self._address}/api/v1/turn/{what}"
        # A redirect would carry the key elsewhere.
        asked = self._session.request(method, url, params=query, json=body, allow_redirects=False)
        async with asked as answer:
            if answer.status in _REFUSED:
                raise _Refused(f"it does not take the key ({answer.status})")
            if answer.status != 200:
                raise _NoAnswer(f"it answers {answer.status}")
            content = await answer.content.read(METERED_BYTES_MAX + 1)
            while len(content) <= METERED_BYTES_MAX and not answer.content.at_eof():
                content += await answer.content.read(METERED_BYTES_MAX + 1 - len(content))
        if len(content) > METERED_BYTES_MAX:
            raise _NoAnswer("it says too much")
        try:
            parsed: object = json.loads(content)
        except (ValueError, RecursionError):
            raise _NoAnswer("what it says is not JSON") from None
        return parsed


def _trouble_of(fault: Exception) -> Trouble:
    if isinstance(fault, ClientConnectorDNSError):
        return Trouble.NAME
    return Trouble.CONNECTION if isinstance(fault, ClientConnectorError | OSError) else Trouble.ANSWER


def _turn_servers(said: object) -> tuple[TurnServer, ...]:
    """The TURN servers of an array as browsers take it, each account once; STUN servers are left out."""
    if not isinstance(said, list):
        raise _NoAnswer("what it says is no list of servers")
    urls_of: dict[tuple[str, str], list[str]] = {}
    for entry in said[: 4 * TURN_SERVERS_MAX]:
        match entry:
            case {"urls": urls, "username": str(username), "credential": str(credential)} if (
                max(len(username), len(credential)) <= TURN_WORD_CHARACTERS_MAX
            ):
                listed = urls if isinstance(urls, list) else [urls]
                known = urls_of.setdefault((username, credential), [])
                known += [url for url in listed if isinstance(url, str) and is_turn_url(url) and url not in known]
    found = [
        TurnServer(tuple(urls[:TURN_URLS_MAX]), username, credential)
        for (username, credential), urls in urls_of.items()
        if urls
    ]
    return tuple(found[:TURN_SERVERS_MAX])
