"""What waits to be picked up: files of this computer, each bound to what it was when it was offered.

Always true here:
- a source is read only while it is the same regular file (device, inode, size, modification time) as when it was
  offered; a link, a device or a changed file is refused with a word, never sent half old and half new;
- nothing that a peer says becomes a path here.

Deliberately absent: who may pick up (tickets), how bytes travel (sessions, links), and for now the
Outbox folder itself.
"""

from qrshared.shelf.errors import ShelfError, SourceChanged, SourceUnreadable
from qrshared.shelf.source import Source

__all__ = ["ShelfError", "Source", "SourceChanged", "SourceUnreadable"]
