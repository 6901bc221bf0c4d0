"""The plain values that go in and out of the inbox."""

import hashlib
from dataclasses import dataclass, replace

NAME_KEPT_MAX = 255
"""UTF-8 bytes of a proposed name that the journal keeps, as much as a file's name may have."""

_SHORT = 42  # even if each character takes six bytes as JSON, this is no long name
_BEGINNING = 40


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


def kept_name(name: str) -> str:
    """What is kept of a proposed name to know it again: all of it, or its beginning and a digest. `kept_name` of it
    is the same.
    """
    if len(name) <= _SHORT:
        return name
    text = name.encode("utf-8", "surrogatepass")
    if len(text) <= NAME_KEPT_MAX and name.isprintable():
        return name
    beginning = "".join(character if character.isprintable() else "_" for character in name[:_BEGINNING])
    return f"{beginning}…{hashlib.sha256(text).hexdigest()}"


def kept(facts: ItemFacts) -> ItemFacts:
    """The same with the name that is kept of it: a long one must not cost memory and journal for days."""
    name = kept_name(facts.name)
    return facts if name == facts.name else replace(facts, name=name)


def is_same_item(one: ItemFacts, other: ItemFacts) -> bool:
    """Name and size decide; the time does not, since iOS gives a new one at each pick."""
    return one.size == other.size and kept_name(one.name) == kept_name(other.name)


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
