"""The port through which replicas of the edge reach each other."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from qrshared.errors import QrsharedError


class BusGone(QrsharedError):
    """The other replicas cannot be reached at the moment."""


@dataclass(frozen=True, slots=True)
class Member:
    """A peer in a room, and the node that holds its socket."""

    room: str
    peer: str
    node: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """The bus is there (again): what was said before may be lost, so say who is here, and ask who is there."""


BusEvent: TypeAlias = str | Resumed
"""A text that was published for this node, or `Resumed`."""


class Bus(Protocol):
    """Texts to one node, and a membership that ends by itself."""

    @property
    def node(self) -> str:
        """This replica's name on the bus."""
        ...

    def gone_s(self) -> float:
        """For how long it has been unreachable; 0 while it is there."""
        ...

    async def publish(self, texts: Sequence[tuple[str, str]]) -> None:
        """Hand each text to its node, in order. A node that is gone hears nothing; raises `BusGone`."""
        ...

    def subscribe(self) -> AsyncGenerator[BusEvent, None]:
        """What is published for this node; begins with `Resumed`, goes on through outages, and never ends."""
        ...

    async def enter(self, members: Sequence[Member]) -> Mapping[str, frozenset[Member]]:
        """Say (again) that these peers are here; returns who is in each of their rooms.

        Whoever is not among them was refused: the room is crowded. Raises `BusGone`.
        """
        ...

    async def leave(self, members: Sequence[Member]) -> None:
        """Say that these peers are here no longer; raises `BusGone`."""
        ...
