"""The inbox receives items into one folder, where whole files appear under safe free names.

Always true here:
- a receipt (`Placed`) exists only after the file, its name and its folder were flushed: it survives a power cut;
- no name in the folder is ever replaced: the kernel decides whether one is free, nobody looks first;
- every proposed name passes one cleaner (`SafeName`), every file is reached relative to a folder held open, and
  nothing outside the folder is ever touched;
- committing is idempotent: a crash at any moment leaves a part, or the placed item, never both and never two items;
- only files that our own journal knows are ever removed, and never one that has its final name;
- a file's bytes are its sender's, and so is its time, clamped; an empty folder of a tree is an item like any other;
- callers only wait for threads: no call but `room`, `entries`, `stored` and `unfinished` touches disk or locks on the
  event loop, and these are short.

Deliberately absent: who may send (tickets), messages (protocol), which part of a transfer is missing (transfers),
modes from the sender; opening, unpacking or looking into files, but for what the newest small texts of a list say.
"""

from qrshared.inbox.errors import (
    DiskError,
    EntryMissing,
    InboxError,
    InboxGone,
    InboxInOutbox,
    InboxInUse,
    InboxNoFolder,
    InboxNoParent,
    InboxUnwritable,
    LockInTheWay,
    NameRefused,
    NoSpace,
    PartTakenOver,
)
from qrshared.inbox.hold import Part
from qrshared.inbox.inbox import Inbox
from qrshared.inbox.item import Change, Entry, ItemFacts, ItemKey, Placed, Stored, is_same_item, kept_name
from qrshared.inbox.names import OWN_PREFIX, SafeName, SafePath, clean_name, clean_path, folded
from qrshared.inbox.part import BLOCK_BYTES, RECORD_ABOVE_BYTES
from qrshared.inbox.place import Rung
from qrshared.inbox.reserve import Room
from qrshared.inbox.same import SAME_BYTES_MAX, Wanted
from qrshared.inbox.traces import known_inboxes, remember_inbox, remove_traces

__all__ = [
    "BLOCK_BYTES",
    "OWN_PREFIX",
    "RECORD_ABOVE_BYTES",
    "SAME_BYTES_MAX",
    "Change",
    "DiskError",
    "Entry",
    "EntryMissing",
    "Inbox",
    "InboxError",
    "InboxGone",
    "InboxInOutbox",
    "InboxInUse",
    "InboxNoFolder",
    "InboxNoParent",
    "InboxUnwritable",
    "ItemFacts",
    "ItemKey",
    "LockInTheWay",
    "NameRefused",
    "NoSpace",
    "Part",
    "PartTakenOver",
    "Placed",
    "Room",
    "Rung",
    "SafeName",
    "SafePath",
    "Stored",
    "Wanted",
    "clean_name",
    "clean_path",
    "folded",
    "is_same_item",
    "kept_name",
    "known_inboxes",
    "remember_inbox",
    "remove_traces",
]
