"""What waits to be picked up: files and folders of this computer, each bound to what it was when it was offered.

Always true here:
- a source is read only while it is the same regular file (device, inode, size, modification time) as when it was
  offered; a link, a device or a changed file is refused with a word, never sent half old and half new;
- nothing that a peer says becomes a path here, and no link is followed, neither to a file nor as the Outbox itself;
- what is still being written waits until it rests; hidden and half-written files are not offered.

Deliberately absent: who may pick up (tickets), how bytes travel (sessions, links), what `qrshared send` offers and for
how long (daemon). Nothing here moves, changes or removes a file: the folder Outbox is all that is made, and what is
put into it or taken back goes by way of the inbox.
"""

from qrshared.shelf.errors import OutboxInTheWay, ShelfError, SourceChanged, SourceUnreadable, TreeTooLarge
from qrshared.shelf.order import size_class, small_first
from qrshared.shelf.outbox import OUTBOX_ITEMS_MAX, OUTBOX_NAME, REST_S, Look, Outbox
from qrshared.shelf.source import Identity, Kind, Source
from qrshared.shelf.tree import Tree, is_sent, said, walk
from qrshared.shelf.waiting import Waiting, look_at
from qrshared.shelf.zipped import LEFT_OUT_NAME, ZipOf

__all__ = [
    "LEFT_OUT_NAME",
    "OUTBOX_ITEMS_MAX",
    "OUTBOX_NAME",
    "REST_S",
    "Identity",
    "Kind",
    "Look",
    "Outbox",
    "OutboxInTheWay",
    "ShelfError",
    "Source",
    "SourceChanged",
    "SourceUnreadable",
    "Tree",
    "TreeTooLarge",
    "Waiting",
    "ZipOf",
    "is_sent",
    "look_at",
    "said",
    "size_class",
    "small_first",
    "walk",
]
