"""The hello family: who is there, in which version, and leaving on purpose (`WIRE.md` 3.1)."""

from dataclasses import dataclass, field
from typing import Annotated, TypeAlias

from qrshared.protocol.fields import DeviceId, DeviceKey, DisplayName, Several, ShortSecret, Word
from qrshared.protocol.limits import KNOWN_PAGES_MAX
from qrshared.protocol.vocabulary import PeerKind, Reason


@dataclass(frozen=True, slots=True)
class AwayFacts:
    """How this computer is reached from elsewhere; `secret` lets a living page go on there, None on that road itself.

    Beyond `relay_ask_bytes` the page asks before it sends through a relay.
    """

    edge: str
    relay_ask_bytes: int
    secret: ShortSecret | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class GrantFacts:
    """What the daemon lets this peer do; `device` is None while it has no key of its own.

    `only_own`: it would send, and files come in from trusted devices alone now.
    """

    rights: Annotated[tuple[Word, ...], Several(8)]
    trust: Word | None = None
    device: DeviceId | None = None
    until_ms: int | None = None
    away: AwayFacts | None = None
    only_own: bool = False


@dataclass(frozen=True, slots=True)
class Hello:
    """First message of each side, the initiator's first; the daemon's answer carries `grant`.

    With `proofs` it answers an enrolment away from home: of keys that it holds, each for whoever made it.
    """

    versions: tuple[int, int]
    name: DisplayName
    kind: PeerKind
    instance: int
    enroll: DeviceKey | None = None
    grant: GrantFacts | None = None
    words: Word | None = None
    proofs: Annotated[tuple[ShortSecret, ...], Several(KNOWN_PAGES_MAX)] = ()


@dataclass(frozen=True, slots=True)
class Goodbye:
    """Last message before a side closes the link on purpose."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Ping:
    """Asks for a `Pong` with the same number; every 5 s each way."""

    n: int


@dataclass(frozen=True, slots=True)
class Pong:
    """Answers a `Ping`."""

    n: int


HelloMessage: TypeAlias = Hello | Goodbye | Ping | Pong
