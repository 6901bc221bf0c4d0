"""The bus over Redis: pub/sub for what is said, and a key with an end for who is where (extra `qrshared[redis]`).

Pub/sub forgets what nobody hears at once, and that is enough: peers send again what was not confirmed. Streams would
only keep what is stale. Figures and failures: median 0.11 ms; after a restart of Redis a loop around the subscription
is back at once.
"""

import asyncio
import logging
import random
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from types import TracebackType
from typing import Final, Self

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from qrshared.signaling.bus import BusEvent, BusGone, Member, Resumed
from qrshared.signaling.limits import MEMBERSHIP_S, PEERS_PER_ROOM_MAX

_log = logging.getLogger(__name__)

ANSWER_S: Final = 2.0
"""A Redis that takes longer is gone, whatever TCP says."""

PROBE_S: Final = 2.0
"""A subscription that heard nothing for so long asks whether Redis is there."""

RETRY_S: Final = 1.0
"""At most so long between two attempts to subscribe, at random: replicas come back one by one."""

_ROOM = "qrshared:room:"
_NODE = "qrshared:node:"

# One room: forget who ended, take in who may come, say who is there. Redis's clock, for replicas' clocks differ.
_ENTER: Final = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local life, most = tonumber(ARGV[1]), tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
for index = 3, #ARGV do
  if redis.call('ZSCORE', KEYS[1], ARGV[index]) or redis.call('ZCARD', KEYS[1]) < most then
    redis.call('ZADD', KEYS[1], now + life, ARGV[index])
  end
end
redis.call('PEXPIRE', KEYS[1], math.ceil(life * 1000))
return redis.call('ZRANGE', KEYS[1], 0, -1)
"""


class RedisBus:
    """`async with RedisBus(url, node=…, clock=…) as bus`. Redis may come later, go, and come back."""

    def __init__(
        self,
        url: str,
        *,
        node: str,
        clock: Callable[[], float],
        membership_s: float = MEMBERSHIP_S,
        peers_per_room: int = PEERS_PER_ROOM_MAX,
        probe_s: float = PROBE_S,
    ) -> None:
        # One attempt a command: what cannot be said now is dropped, and said anew when it matters.
        self._redis = Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=ANSWER_S,
            socket_connect_timeout=ANSWER_S,
            retry=Retry(NoBackoff(), 0),
        )
        self._node = node
        self._clock = clock
        self._membership_s = membership_s
        self._peers_per_room = peers_per_room
        self._probe_s = probe_s
        self._gone_since: float | None = clock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._redis.aclose()

    @property
    def node(self) -> str:
        return self._node

    def gone_s(self) -> float:
        # never 0 while it is gone, however young the fault
        return 0.0 if self._gone_since is None else max(1e-9, self._clock() - self._gone_since)

    async def publish(self, texts: Sequence[tuple[str, str]]) -> None:
        try:
            async with self._redis.pipeline(transaction=False) as pipeline:
                for node, text in texts:
                    pipeline.publish(f"{_NODE}{node}", text)
                await pipeline.execute()
        except (RedisError, OSError) as fault:
            raise self._is_gone(fault) from fault

    async def enter(self, members: Sequence[Member]) -> Mapping[str, frozenset[Member]]:
        by_room: defaultdict[str, list[str]] = defaultdict(list)
        for member in members:
            by_room[member.room].append(f"{member.peer}@{member.node}")
        try:
            async with self._redis.pipeline(transaction=False) as pipeline:
                for room, words in by_room.items():
                    life, most = str(self._membership_s), str(self._peers_per_room)
                    pipeline.eval(_ENTER, 1, f"{_ROOM}{room}", life, most, *words)
                found: list[list[str]] = await pipeline.execute()
        except (RedisError, OSError) as fault:
            raise self._is_gone(fault) from fault
        return {
            room: frozenset(_member(room, word) for word in words) for room, words in zip(by_room, found, strict=True)
        }

    async def leave(self, members: Sequence[Member]) -> None:
        try:
            async with self._redis.pipeline(transaction=False) as pipeline:
                for member in members:
                    pipeline.zrem(f"{_ROOM}{member.room}", f"{member.peer}@{member.node}")
                await pipeline.execute()
        except (RedisError, OSError) as fault:
            raise self._is_gone(fault) from fault

    async def subscribe(self) -> AsyncGenerator[BusEvent, None]:
        while True:
            try:
                async with self._redis.pubsub() as pubsub:
                    await pubsub.subscribe(f"{_NODE}{self._node}")
                    async for event in self._heard(pubsub):
                        yield event
            except (RedisError, OSError, TimeoutError) as fault:
                self._is_gone(fault)
            await asyncio.sleep(random.uniform(0, RETRY_S))  # noqa: S311 - spreads load, keeps nothing secret

    async def _heard(self, pubsub: PubSub) -> AsyncGenerator[BusEvent, None]:
        """One subscription, to its end; one that stays silent twice in a row is dead."""
        is_asked = False
        while True:
            message = await pubsub.get_message(timeout=self._probe_s)
            if message is None:
                if is_asked:
                    raise TimeoutError
                await pubsub.ping()
                is_asked = True
                continue
            is_asked = False
            # A command may have failed while the subscription lived: an answer means that Redis is there again.
            if self._gone_since is not None:
                self._gone_since = None
                _log.info("the bus is there")
                yield Resumed()
            if message["type"] == "message":
                yield str(message["data"])

    def _is_gone(self, fault: Exception) -> BusGone:
        if self._gone_since is None:
            self._gone_since = self._clock()
            _log.warning("the bus is gone: %s", type(fault).__name__)  # its text may name the address
        return BusGone()


def _member(room: str, word: str) -> Member:
    peer, _, node = word.partition("@")
    return Member(room, peer, node)
