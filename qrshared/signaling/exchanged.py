"""Between whom envelopes went both ways, and how often each may have a relay: pure rules over lines, rooms and time."""

from typing import Final

from qrshared.signaling.limits import EdgeLimits, Visits

_SENT: Final = 1
_GOT: Final = 2
_BOTH: Final = _SENT | _GOT


class Exchanged:
    """For each line here: which peers of its rooms it sent an envelope to, and which it got one from."""

    def __init__(self) -> None:
        self._lines: dict[int, dict[tuple[str, str], int]] = {}

    def sent(self, line: int, room: str, peer: str) -> None:
        """This line's envelope went to that peer."""
        self._mark(line, room, peer, _SENT)

    def got(self, line: int, room: str, peer: str) -> None:
        """That peer's envelope came to this line."""
        self._mark(line, room, peer, _GOT)

    def went_both_ways(self, line: int, room: str, peer: str) -> bool:
        """Whether both happened."""
        return self._lines.get(line, {}).get((room, peer)) == _BOTH

    def forget_peer(self, line: int, room: str, peer: str) -> None:
        """That peer is gone: what was between them is over."""
        known = self._lines.get(line)
        if known is not None and known.pop((room, peer), None) is not None and not known:
            del self._lines[line]

    def forget_room(self, line: int, room: str) -> None:
        """The line left the room, or its socket ended."""
        for known_room, peer in list(self._lines.get(line, ())):
            if known_room == room:
                self.forget_peer(line, room, peer)

    def __len__(self) -> int:
        return len(self._lines)

    def _mark(self, line: int, room: str, peer: str, flag: int) -> None:
        known = self._lines.setdefault(line, {})
        known[room, peer] = known.get((room, peer), 0) | flag


class TurnShares:
    """How often a relay may be had: once in a while for a line and room, and so many for an address."""

    def __init__(self, limits: EdgeLimits) -> None:
        self._every_s = limits.turn_every_s
        self._addresses = Visits(per_s=limits.turn_per_address_per_s, burst=limits.turn_burst)
        self._taken: dict[tuple[int, str], float] = {}  # the longest ago first; none is older than `every_s`

    def take(self, line: int, room: str, address: str, now: float) -> bool:
        """Count one; whether it is within the shares."""
        while self._taken and now - next(iter(self._taken.values())) >= self._every_s:
            del self._taken[next(iter(self._taken))]
        if (line, room) in self._taken or not self._addresses.take(address, now):
            return False
        self._taken[line, room] = now
        return True

    def __len__(self) -> int:
        return len(self._taken)
