"""The closed lists of words that messages may say: reasons, kinds, states, topics, roads."""

from enum import StrEnum


class Reason(StrEnum):
    """Why somebody refused, failed or left; each has one sentence on the page and in the terminal."""

    NO_SPACE = "no_space"
    INBOX_UNWRITABLE = "inbox_unwritable"
    INBOX_GONE = "inbox_gone"
    DISK_ERROR = "disk_error"
    NAME_REFUSED = "name_refused"
    SOURCE_CHANGED = "source_changed"
    SOURCE_UNREADABLE = "source_unreadable"
    TOO_MANY_ITEMS = "too_many_items"
    MANIFEST_TOO_LARGE = "manifest_too_large"
    NOT_ALLOWED = "not_allowed"
    ALLOWANCE = "allowance"
    PROTOCOL = "protocol"
    SHORT = "short"
    DECLINED = "declined"
    UNKNOWN_TRANSFER = "unknown_transfer"
    BUSY = "busy"
    NOT_FOUND = "not_found"
    UNSUPPORTED = "unsupported"
    BAD_SETTING = "bad_setting"
    # for `Goodbye`
    ANOTHER_TAB = "another_tab"
    REVOKED = "revoked"
    EXPIRED = "expired"
    RESTARTING = "restarting"
    IDLE = "idle"
    VERSION = "version"
    DONE = "done"


class PeerKind(StrEnum):
    """What the peer says it is; it chooses an icon and nothing else."""

    COMPUTER = "computer"
    PHONE = "phone"
    TABLET = "tablet"
    LAPTOP = "laptop"
    WALL = "wall"
    COMMAND = "command"


class TransferState(StrEnum):
    """Where a transfer stands, as desks tell it."""

    ARRIVING = "arriving"
    ASKING = "asking"  # its proposal waits for the owner's word
    PAUSED = "paused"  # the person at its sender holds it back
    WAITING = "waiting"  # its link is cut; it goes on when the device is back
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Topic(StrEnum):
    """What a page may watch; the grant decides (`WIRE.md`, "Desk")."""

    WALL = "wall"
    STATUS = "status"
    TRANSFERS = "transfers"
    INBOX = "inbox"
    DEVICES = "devices"
    NEARBY = "nearby"
    SHELF = "shelf"
    OFFERS = "offers"
    PICK_UPS = "pick_ups"


class EntryKind(StrEnum):
    """What one item is, in a transfer and on the shelf."""

    FILE = "file"
    FOLDER = "folder"  # in a transfer an empty one; on the shelf one with all that is in it
    TEXT = "text"  # a small UTF-8 file of which desks may show the beginning


class OfferState(StrEnum):
    """How it stands with something on the shelf and one device that it is for."""

    WAITING = "waiting"
    MOVING = "moving"
    PAUSED = "paused"  # by the person at its device
    DONE = "done"
    HANDED_OVER = "handed_over"  # a browser has it all; where its person keeps it nobody can know
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


class RoadInUse(StrEnum):
    """How a link reaches its peer, as people are told."""

    HOME = "home"
    DIRECT = "direct"
    RELAY = "relay"


class LineState(StrEnum):
    """How it stands with the one line to the edge."""

    CONNECTED = "connected"
    CONNECTING = "connecting"
    FAILED = "failed"


class TurnKind(StrEnum):
    """Whose relay is used when there is no direct way."""

    NONE = "none"
    STATIC = "static"
    METERED = "metered"
    COTURN = "coturn"


class WallHint(StrEnum):
    """How far a phone came that never sent anything, where none has before; what a wall says to try next."""

    UNREACHED = "unreached"  # the code was shown for a while, and no phone opened the page
    OPENED = "opened"  # a phone opened the page, and no session came of it
