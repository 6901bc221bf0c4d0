"""The kinds of values a field may hold and their bounds, as marks on its type that `codec.py` obeys."""

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from qrshared.protocol.limits import DISPLAY_NAME_CHARACTERS_MAX, ENVELOPE_BYTES_MAX, ITEM_INDEX_MAX, SCORE_MAX


@dataclass(frozen=True, slots=True)
class Text:
    """A string of at most `characters_max` Unicode code points."""

    characters_max: int


@dataclass(frozen=True, slots=True)
class Hex:
    """A string of exactly `digits` lower-case hexadecimal digits."""

    digits: int


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number from `least` to `top`."""

    top: int
    least: int = 0


@dataclass(frozen=True, slots=True)
class Octets:
    """A byte string of exactly `length` bytes."""

    length: int


@dataclass(frozen=True, slots=True)
class OctetsUpTo:
    """A byte string of 1 to `most` bytes."""

    most: int


@dataclass(frozen=True, slots=True)
class Several:
    """A list of `least` to `most` elements."""

    most: int
    least: int = 0


TransferId: TypeAlias = Annotated[str, Hex(32)]  # chosen at random by the sender
DeviceId: TypeAlias = Annotated[str, Hex(32)]
# Of what a command offers: chosen at random by the daemon. Of the Outbox: a keyed digest, the same after a restart.
ShelfItemId: TypeAlias = Annotated[str, Hex(32)]
QuestionId: TypeAlias = Annotated[str, Hex(32)]  # chosen at random by the daemon
MeetingId: TypeAlias = Annotated[str, Hex(32)]  # chosen at random by the daemon
Sha256: TypeAlias = Annotated[str, Hex(64)]
BlockDigest: TypeAlias = Annotated[bytes, Octets(32)]
DeviceKey: TypeAlias = Annotated[bytes, Octets(32)]
ShortSecret: TypeAlias = Annotated[bytes, Octets(16)]  # a road secret, a pair ticket's
EnvelopeBytes: TypeAlias = Annotated[bytes, OctetsUpTo(ENVELOPE_BYTES_MAX)]
ItemIndex: TypeAlias = Annotated[int, Whole(ITEM_INDEX_MAX)]
DisplayName: TypeAlias = Annotated[str, Text(DISPLAY_NAME_CHARACTERS_MAX)]
Score: TypeAlias = Annotated[int, Whole(SCORE_MAX, least=-SCORE_MAX)]  # an unlikely address has less than nothing
Word: TypeAlias = Annotated[str, Text(200)]  # a right, a life, the comparison words: short by nature
