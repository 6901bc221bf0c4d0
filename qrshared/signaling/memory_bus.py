"""The bus within one process: for an edge alone, and for tests with several replicas."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

from qrshared.signaling.bus import BusEvent, Member, Resumed
from qrshared.signaling.limits import BUS_QUEUE_MAX, MEMBERSHIP_S, PEERS_PER_ROOM_MAX


class MemoryBoard:
    """What several memory buses share."""

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        membership_s: float = MEMBERSHIP_S,
        peers_per_room: int = PEERS_PER_ROOM_MAX,
    ) -> None:
        self.clock = clock
        self.membership_s = membership_s
        self.peers_per_room = peers_per_room
        self.rooms: defaultdict[str, dict[Member, float]] = defaultdict(dict)  # each member until when
        self.queues: dict[str, asyncio.Queue[BusEvent]] = {}


class MemoryBus:
    """One replica's end of a board."""

    def __init__(self, board: MemoryBoard, node: str) -> None:
        self._board = board
        self._node = node

    @property
    def node(self) -> str:
        return self._node

    def gone_s(self) -> float:
        return 0.0

    async def publish(self, texts: Sequence[tuple[str, str]]) -> None:
        for node, text in texts:
            queue = self._board.queues.get(node)
            if queue is not None and not queue.full():  # as Redis drops a subscriber that does not read
                queue.put_nowait(text)

    async def subscribe(self) -> AsyncGenerator[BusEvent, None]:
        queue: asyncio.Queue[BusEvent] = asyncio.Queue(BUS_QUEUE_MAX)
        self._board.queues[self._node] = queue
        try:
            yield Resumed()
            while True:
                yield await queue.get()
        finally:
            self._board.queues.pop(self._node, None)

    async def enter(self, members: Sequence[Member]) -> Mapping[str, frozenset[Member]]:
        now = self._board.clock()
        for member in members:
            room = self._board.rooms[member.room]
            for other in [other for other, until in room.items() if until <= now]:
                del room[other]
            if member in room or len(room) < self._board.peers_per_room:
                room[member] = now + self._board.membership_s
        return {member.room: frozenset(self._board.rooms[member.room]) for member in members}

    async def leave(self, members: Sequence[Member]) -> None:
        for member in members:
            room = self._board.rooms[member.room]
            room.pop(member, None)
            if not room:
                del self._board.rooms[member.room]
