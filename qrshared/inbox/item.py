"""The plain values that go in and out of the inbox."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ItemKey:
    """Which item of which transfer of which device; the ids are hex text chosen elsewhere."""

    device: str
    transfer: str
    item: int


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """What its sender said about an item; `name` is as proposed and may hold `/` (a tree of folders).

    `is_folder`: an empty folder of a tree, of size 0. The journal does not keep that: making one again does no harm.
    """

    name: str
    size: int
    mtime_ms: int | None = None
    is_folder: bool = False
    on_shelf: bool = False
    """The owner puts it on the shelf: it goes into the Outbox, where nothing else that comes in can go."""


def is_same_item(one: ItemFacts, other: ItemFacts) -> bool:
    """Name and size decide; the time does not, since iOS gives a new one at each pick."""
    return (one.name, one.size) == (other.name, other.size)


@dataclass(frozen=True, slots=True)
class Placed:
    """An item in the inbox for good: `name` is final and relative to the inbox, with `/` between folders."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Stored:
    """What is here of an item: `offset` bytes of a part file, or the whole of it, placed."""

    key: ItemKey
    facts: ItemFacts
    offset: int
    placed: Placed | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the inbox's list: a file, or a folder (size 0).

    `arrived_ms` is when it got its place or was last moved or changed; the file's own time is its sender's. `text` is
    what a small text says, the beginning of it where `is_cut`.
    """

    name: str
    size: int
    arrived_ms: int
    is_folder: bool = False
    text: str | None = None
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """A name that appeared in the inbox or vanished from it."""

    name: str
    appeared: bool
