"""The desk family: watching, the verbs, and what two devices say through the daemon (`WIRE.md` 3.3)."""

from dataclasses import dataclass, field
from typing import Annotated, TypeAlias

from qrshared.protocol.facts import Facts
from qrshared.protocol.fields import (
    DeviceId,
    DisplayName,
    EnvelopeBytes,
    MeetingId,
    QuestionId,
    Several,
    ShelfItemId,
    ShortSecret,
    TransferId,
    Whole,
    Word,
)
from qrshared.protocol.limits import (
    ICE_SERVERS_MAX,
    INBOX_ENTRIES_MAX,
    RECEIPTS_TOLD_MAX,
    SHELF_ITEMS_MAX,
)
from qrshared.protocol.vocabulary import PeerKind, Reason, Topic


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
    """Owner: a personal ticket; `life` is `"once"` (15 minutes), or, to send only, `"never"` or a time: `"2h"`, `"7d"`.

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


@dataclass(frozen=True, slots=True)
class PickUp:
    """A device that may pick up: propose these of `ShelfList` to me, as one transfer."""

    items: Annotated[tuple[ShelfItemId, ...], Several(SHELF_ITEMS_MAX, least=1)]


@dataclass(frozen=True, slots=True)
class PlainDownload:
    """A device that may pick up: an address from which this one may be fetched without a seal, soon and by me alone."""

    item: ShelfItemId


@dataclass(frozen=True, slots=True)
class Offer:
    """Control socket only: put these files and folders of this computer on the shelf.

    `to`: for this device alone. `once`: gone when it was picked up. `away`: its code works from elsewhere.
    """

    paths: Annotated[tuple[str, ...], Several(SHELF_ITEMS_MAX, least=1)]
    to: DeviceId | None = None
    once: bool = False
    expires_s: int | None = None
    away: bool = False


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Owner: take this off the shelf; the file itself stays."""

    item: ShelfItemId


@dataclass(frozen=True, slots=True)
class AllowTransfer:
    """Owner: this proposal that asks may come in."""

    question: QuestionId


@dataclass(frozen=True, slots=True)
class RefuseTransfer:
    """Owner: this proposal that asks may not."""

    question: QuestionId


@dataclass(frozen=True, slots=True)
class TrustNetwork:
    """Owner: the network this computer is in now is one to show codes in, from now on."""


@dataclass(frozen=True, slots=True)
class GetSettings:
    """Owner: every setting."""


@dataclass(frozen=True, slots=True)
class ChangeSetting:
    """Owner: writes one setting to `config.toml`; `value` as `qrshared config set` takes it, None for its default."""

    name: Word
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Examine:
    """Owner: look at everything that phones need, now; takes a few seconds."""


@dataclass(frozen=True, slots=True)
class ListReceipts:
    """Owner: the newest `limit` receipts."""

    limit: Annotated[int, Whole(RECEIPTS_TOLD_MAX)] = 200


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
    | PickUp
    | PlainDownload
    | Offer
    | Withdraw
    | AllowTransfer
    | RefuseTransfer
    | TrustNetwork
    | GetSettings
    | ChangeSetting
    | Examine
    | ListReceipts
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


@dataclass(frozen=True, slots=True)
class Rename:
    """Daemon: its owner calls the computer that from now on, and no longer what its hello said."""

    name: DisplayName


DeskMessage: TypeAlias = Watch | News | Ask | Answer | Refuse | Introduce | Envelope | Rename
