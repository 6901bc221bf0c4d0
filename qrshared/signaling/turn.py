"""Where TURN credentials come from: a fixed account, an own coturn, or Metered; each gives some for a few minutes."""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Final, Protocol

from aiohttp import ClientSession

from qrshared.signaling.messages import TurnServer
from qrshared.signaling.metered import MeteredTurnSource
from qrshared.signaling.turn_config import CoturnTurn, MeteredTurn, StaticTurn, TurnConfig, TurnKind

TURN_TTL_S: Final = 600
"""How long a credential opens a relay: long enough for a second attempt, too short to be worth passing on."""


class TurnSource(Protocol):
    """Gives credentials for one connection."""

    @property
    def kind(self) -> TurnKind:
        """Which of the three."""
        ...

    async def mint(self, label: str, ttl_s: int = TURN_TTL_S) -> tuple[TurnServer, ...]:
        """Servers for one connection; () when none can be had, which is known within a second and never raised.

        `label` reaches the provider and stands in its lists: letters, digits, - and _ that name nobody.
        """
        ...


def turn_source(config: TurnConfig, session: ClientSession) -> TurnSource:
    """The source for this configuration; `session` is used to ask a provider, and stays the caller's."""
    match config:
        case StaticTurn():
            return StaticTurnSource(config)
        case CoturnTurn():
            return CoturnTurnSource(config)
        case MeteredTurn():
            return MeteredTurnSource(config, session)


class StaticTurnSource:
    """Gives everybody the same account: whoever had it once can use it until its password is changed."""

    def __init__(self, config: StaticTurn) -> None:
        self._servers = (TurnServer(config.urls, config.username, config.password),)

    @property
    def kind(self) -> TurnKind:
        return TurnKind.STATIC

    async def mint(self, label: str, ttl_s: int = TURN_TTL_S) -> tuple[TurnServer, ...]:
        del label, ttl_s
        return self._servers


class CoturnTurnSource:
    """Signs a name that says when it ends, so that coturn needs no list (draft-uberti-behave-turn-rest-00)."""

    def __init__(self, config: CoturnTurn, *, clock: Callable[[], float] = time.time) -> None:
        self._config = config
        self._clock = clock

    @property
    def kind(self) -> TurnKind:
        return TurnKind.COTURN

    async def mint(self, label: str, ttl_s: int = TURN_TTL_S) -> tuple[TurnServer, ...]:
        username = f"{int(self._clock()) + ttl_s}:{label}"
        # SHA-1 because coturn verifies nothing else here; inside an HMAC it still stands.
        signed = hmac.new(self._config.secret.encode(), username.encode(), hashlib.sha1).digest()
        return (TurnServer(self._config.urls, username, base64.b64encode(signed).decode()),)
