"""How much went through a TURN relay in a month: relays are rented by the gigabyte, and a person wants to know."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from qrshared.remote.answering import RemoteVisitor

MONTHS_KEPT: Final = 12
"""Older ones are forgotten; so many that a clock that was wrong for a day loses nothing."""


@dataclass(slots=True)
class _Followed:
    visitor: RemoteVisitor
    counted: int = 0


class RelayedBytes:
    """Counts both directions of every link that goes through a relay, whoever of the two chose it.

    `month` gives the present one, such as `2026-11`. What a link carried before its road was known counts once it is.
    """

    def __init__(self, month: Callable[[], str]) -> None:
        self._month = month
        self._counts: dict[str, int] = {}
        self._links: list[_Followed] = []

    @contextmanager
    def following(self, visitor: RemoteVisitor) -> Iterator[None]:
        """Count this link until the block ends."""
        followed = _Followed(visitor)
        self._links.append(followed)
        try:
            yield
        finally:
            self._sample(followed)
            self._links.remove(followed)

    @property
    def month(self) -> str:
        """The present one."""
        return self._month()

    def bytes(self) -> int:
        """What went through in the present month so far."""
        for followed in self._links:
            self._sample(followed)
        return self._counts.get(self._month(), 0)

    def dump(self) -> dict[str, int]:
        """What to keep over a restart: bytes by month."""
        self.bytes()
        return dict(sorted(self._counts.items())[-MONTHS_KEPT:])

    def restore(self, document: object) -> None:
        """Take up what was kept; anything that `dump` did not make is passed over."""
        if not isinstance(document, dict):
            return
        for month, count in list(document.items())[-MONTHS_KEPT:]:
            if isinstance(month, str) and type(count) is int and count >= 0:
                self._counts[month] = count

    def _sample(self, followed: _Followed) -> None:
        if followed.visitor.road() != "relay":
            return
        moved = followed.visitor.moved_bytes()
        if moved > followed.counted:
            month = self._month()
            self._counts[month] = self._counts.get(month, 0) + moved - followed.counted
            followed.counted = moved
