"""What desks tell: the state of each topic, and what a verb gave (`WIRE.md` 3.3)."""

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from qrshared.protocol.fields import DeviceId, QuestionId, Score, Several, Sha256, TransferId, Word
from qrshared.protocol.limits import ASKING_MAX, ASKING_SHOWN_MAX
from qrshared.protocol.shelf import OfferFacts, OfferList, PickUpList, ShelfList
from qrshared.protocol.transfer import Item
from qrshared.protocol.vocabulary import LineState, PeerKind, RoadInUse, TransferState, TurnKind, WallHint


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

    `away_url`, only on the computer's own screen and while an edge is connected, holds one that works from elsewhere.
    `hint`: no phone has ever come as far as sending, and this is how far one came. `only_own`: guests send nothing now.
    """

    computer: str
    url: str | None
    fresh_until_ms: int
    addresses: tuple[str, ...]
    arrivals: ArrivalFacts
    away_url: str | None = None
    hint: WallHint | None = None
    only_own: bool = False


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
    """One file or folder in the inbox, by its name below the inbox folder; a folder has no size of its own.

    `text` is what a small text says, only its beginning where `is_cut`.
    """

    name: str
    size: int
    arrived_ms: int
    sender: str | None = None
    is_folder: bool = False
    text: str | None = None
    is_cut: bool = False


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
    second_of: DeviceId | None = None
    """The device whose key for elsewhere this is: both are one thing in somebody's hand, and end with the first."""


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
    """What went through the relay in this `month` (`2026-11`, UTC), in both directions.

    `borrowed`: this computer has none of its own (`turn` is `none`), and the edge lends one.
    """

    turn: TurnKind
    month: Word
    bytes: int
    ask_bytes: int
    borrowed: bool = False


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """The network this computer is in; on one that is not `known` it shows no code and answers to no name."""

    name: str
    known: bool


@dataclass(frozen=True, slots=True)
class AskingFacts:
    """A proposal that waits for the owner's word until `until_ms`; `first` are some of its items.

    `question` changes with what is proposed, so that a word is about what stood on the screen. Only guests are asked
    about: the name is what the guest calls itself, `since_ms` is when its key came first. `away`: its page is closed,
    asleep or loaded anew, and what is allowed now comes when it is back.
    """

    question: QuestionId
    transfer: TransferId
    device: str
    kind: PeerKind
    items: int
    bytes: int
    first: Annotated[tuple[Item, ...], Several(ASKING_SHOWN_MAX)]
    until_ms: int
    since_ms: int | None = None
    away: bool = False


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
    network: NetworkFacts | None = None
    asking: Annotated[tuple[AskingFacts, ...], Several(ASKING_MAX)] = ()


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
class SettingFacts:
    """One setting, its value as one would write it, and where that comes from.

    `choices`: it is one of these. `is_fixed`: something stronger than the owner page says it, or only a file may.
    `needs_restart`: a change counts when qrshared next starts.
    """

    name: Word
    value: str
    default: str
    text: str
    source: str
    choices: tuple[Word, ...] = ()
    is_fixed: bool = False
    needs_restart: bool = False


@dataclass(frozen=True, slots=True)
class SettingsFacts:
    """Every setting that a person may want to see."""

    settings: tuple[SettingFacts, ...]


@dataclass(frozen=True, slots=True)
class FindingFacts:
    """One thing that was looked at, what was seen, and what to do if it is not well."""

    check: Word
    ok: bool
    seen: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class FindingList:
    """What phones at home need, in the order of the way that a file takes."""

    findings: tuple[FindingFacts, ...]


@dataclass(frozen=True, slots=True)
class ReceiptFacts:
    """One item that arrived whole: its name below the inbox, and the SHA-256 of what was read back."""

    name: str
    size: int
    sha256: Sha256
    placed_ms: int
    sender: str | None = None


@dataclass(frozen=True, slots=True)
class ReceiptList:
    """What arrived, the newest first."""

    receipts: tuple[ReceiptFacts, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """The verb was carried out; `text` may name what came of it."""

    text: str = ""


Facts: TypeAlias = (
    WallFacts
    | StatusFacts
    | TransferList
    | InboxList
    | DeviceList
    | NearbyList
    | ShelfList
    | OfferList
    | PickUpList
    | OfferFacts
    | SettingsFacts
    | FindingList
    | ReceiptList
    | TicketFacts
    | UnfinishedList
    | Done
)
