"""The desk family: what waits, who is near, how far it is, and the owner's verbs (`WIRE.md` 3.3)."""

from dataclasses import dataclass, field
from typing import Annotated, TypeAlias

from qrshared.protocol.fields import (
    DeviceId,
    DisplayName,
    EnvelopeBytes,
    MeetingId,
    Score,
    Several,
    ShortSecret,
    TransferId,
    Whole,
    Word,
)
from qrshared.protocol.limits import ICE_SERVERS_MAX, INBOX_ENTRIES_MAX
from qrshared.protocol.vocabulary import LineState, PeerKind, Reason, RoadInUse, Topic, TransferState, TurnKind


@dataclass(frozen=True, slots=True)
class ArrivalFacts:
    """Kinds and counts of what arrives, never names."""

    senders: int
    arriving: int
    photos: int
    videos: int
    others: int
    landed: int
    percent: int


@dataclass(frozen=True, slots=True)
class WallFacts:
    """What a wall shows; `url` holds a live wall ticket and is None while the wall gives no code.

    `away`: this wall stands on the computer's own screen and the owner could make a code that works from elsewhere.
    """

    computer: str
    url: str | None
    fresh_until_ms: int
    addresses: tuple[str, ...]
    arrivals: ArrivalFacts
    away: bool = False


@dataclass(frozen=True, slots=True)
class TransferFacts:
    """One transfer as desks tell it; `rate` in bytes a second, `left_s` None when unknown."""

    transfer: TransferId
    device: str
    kind: PeerKind
    state: TransferState
    items: int
    items_done: int
    items_failed: int
    bytes: int
    bytes_done: int
    rate: int
    left_s: int | None
    started_ms: int
    current: str | None = None


@dataclass(frozen=True, slots=True)
class TransferList:
    """Transfers under way, then the last ones that ended."""

    transfers: tuple[TransferFacts, ...]


@dataclass(frozen=True, slots=True)
class EntryFacts:
    """One file or folder in the inbox, by its name below the inbox folder; a folder has no size of its own."""

    name: str
    size: int
    arrived_ms: int
    sender: str | None = None
    is_folder: bool = False


@dataclass(frozen=True, slots=True)
class InboxList:
    """The newest entries of the inbox; `total` counts all."""

    folder: str
    entries: tuple[EntryFacts, ...]
    total: int


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """One enrolled device; `road` while it is online."""

    device: DeviceId
    name: str
    kind: PeerKind
    trust: Word
    rights: tuple[str, ...]
    made_ms: int
    seen_ms: int
    online: bool
    road: RoadInUse | None = None


@dataclass(frozen=True, slots=True)
class DeviceList:
    """All devices, the last seen first."""

    devices: tuple[DeviceFacts, ...]


@dataclass(frozen=True, slots=True)
class AddressFacts:
    """One address of this computer and why it ranks where it does."""

    address: str
    interface: str
    score: Score
    why: str


@dataclass(frozen=True, slots=True)
class PeerFacts:
    """A device that is here now and with which the asking one may exchange files."""

    device: DeviceId
    name: str
    kind: PeerKind


@dataclass(frozen=True, slots=True)
class NearbyList:
    """Who else is here, by name; never the asking device itself."""

    peers: tuple[PeerFacts, ...]


@dataclass(frozen=True, slots=True)
class EdgeFacts:
    """The line to the edge; `sentence` says what is wrong and what to do."""

    url: str
    state: LineState
    sentence: str | None = None


@dataclass(frozen=True, slots=True)
class RelayFacts:
    """What went through the relay in this `month` (`2026-11`, UTC), in both directions."""

    turn: TurnKind
    month: Word
    bytes: int
    ask_bytes: int


@dataclass(frozen=True, slots=True)
class StatusFacts:
    """The daemon as a whole."""

    version: str
    pid: int
    computer: str
    urls: tuple[str, ...]
    local_name: str | None
    inbox: str
    free_bytes: int
    sessions: int
    started_ms: int
    addresses: tuple[AddressFacts, ...]
    problems: tuple[str, ...]
    devices: tuple[DeviceFacts, ...] = ()
    transfers: tuple[TransferFacts, ...] = ()
    edge: EdgeFacts | None = None
    relay: RelayFacts | None = None


@dataclass(frozen=True, slots=True)
class TicketFacts:
    """A fresh ticket as the URL a QR carries."""

    url: str
    expires_ms: int | None


@dataclass(frozen=True, slots=True)
class UnfinishedItem:
    """An item of this device that stopped on the way: `offset` bytes of it are kept."""

    transfer: TransferId
    name: str
    size: int
    offset: int


@dataclass(frozen=True, slots=True)
class UnfinishedList:
    """What this device began and did not finish."""

    items: tuple[UnfinishedItem, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """The verb was carried out; `text` may name what came of it."""

    text: str = ""


Facts: TypeAlias = (
    WallFacts | StatusFacts | TransferList | InboxList | DeviceList | NearbyList | TicketFacts | UnfinishedList | Done
)


@dataclass(frozen=True, slots=True)
class GetStatus:
    """Owner: the daemon as a whole."""


@dataclass(frozen=True, slots=True)
class ListInbox:
    """Owner: the newest `limit` entries."""

    limit: Annotated[int, Whole(INBOX_ENTRIES_MAX)] = 200


@dataclass(frozen=True, slots=True)
class OpenInbox:
    """Owner: opens the inbox folder, or one entry's folder, on the computer's own screen."""

    name: str | None = None


@dataclass(frozen=True, slots=True)
class RenameEntry:
    """Owner: renames an entry; never overwrites."""

    name: str
    to: str


@dataclass(frozen=True, slots=True)
class BinEntry:
    """Owner: moves an entry to the computer's bin."""

    name: str


@dataclass(frozen=True, slots=True)
class ListDevices:
    """Owner: all devices."""


@dataclass(frozen=True, slots=True)
class RenameDevice:
    """Owner: gives a device another name."""

    device: DeviceId
    to: DisplayName


@dataclass(frozen=True, slots=True)
class TrustDevice:
    """Owner: lets a device pick up as well."""

    device: DeviceId


@dataclass(frozen=True, slots=True)
class RevokeDevice:
    """Owner: the device's key ends now and its links close."""

    device: DeviceId


@dataclass(frozen=True, slots=True)
class MakeTicket:
    """Owner: a personal ticket; `life` is `"once"` (15 minutes), `"7d"` or `"never"` (send only).

    `away`: one that works from elsewhere, with the edge's address.
    """

    life: Word = "once"
    away: bool = False


@dataclass(frozen=True, slots=True)
class MakeOwnerTicket:
    """Control socket only: a one-use owner ticket for `qrshared open`."""


@dataclass(frozen=True, slots=True)
class StopTransfer:
    """Owner: cancels a transfer from the computer's side."""

    transfer: TransferId


@dataclass(frozen=True, slots=True)
class ListUnfinished:
    """A device that may send: its own items that stopped on the way."""


@dataclass(frozen=True, slots=True)
class ForgetUnfinished:
    """A device that may send: its own unfinished items are thrown away."""


@dataclass(frozen=True, slots=True)
class UseAway:
    """A device that may pick up: a one-use ticket for a key of its own at the edge, to be opened at once."""


@dataclass(frozen=True, slots=True)
class Meet:
    """A device that may pick up: introduce me to this device of `NearbyList`."""

    device: DeviceId


Verb: TypeAlias = (
    GetStatus
    | ListInbox
    | OpenInbox
    | RenameEntry
    | BinEntry
    | ListDevices
    | RenameDevice
    | TrustDevice
    | RevokeDevice
    | MakeTicket
    | MakeOwnerTicket
    | StopTransfer
    | ListUnfinished
    | ForgetUnfinished
    | UseAway
    | Meet
)


@dataclass(frozen=True, slots=True)
class Watch:
    """From now on, tell `News` of these topics; replaces the topics watched before."""

    topics: Annotated[tuple[Topic, ...], Several(16)]


@dataclass(frozen=True, slots=True)
class News:
    """What a watched topic looks like now."""

    facts: Facts


@dataclass(frozen=True, slots=True)
class Ask:
    """One verb; `id` is the asker's number, answered by `Answer` or `Refuse`."""

    id: int
    verb: Verb


@dataclass(frozen=True, slots=True)
class Answer:
    """What the verb with this `id` gave."""

    id: int
    facts: Facts


@dataclass(frozen=True, slots=True)
class Refuse:
    """The verb with this `id` was not carried out; `sentence` is for the person who asked."""

    id: int
    reason: Reason
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class IceServerFacts:
    """One STUN or TURN server, as `RTCPeerConnection` takes it."""

    urls: Annotated[tuple[str, ...], Several(ICE_SERVERS_MAX, least=1)]
    username: str | None = None
    credential: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Introduce:
    """Daemon: you two may meet; `secret` is your pair ticket's. Said to both, each hearing of the other."""

    meeting: MeetingId
    device: DeviceId
    name: str
    kind: PeerKind
    secret: ShortSecret = field(repr=False)
    servers: Annotated[tuple[IceServerFacts, ...], Several(ICE_SERVERS_MAX)] = ()


@dataclass(frozen=True, slots=True)
class Envelope:
    """For the other side of a meeting; the daemon cannot read it and hands it on."""

    meeting: MeetingId
    blob: EnvelopeBytes = field(repr=False)


DeskMessage: TypeAlias = Watch | News | Ask | Answer | Refuse | Introduce | Envelope
