"""A receiver in a process of its own, to be killed: reads one file from stdin, resumes what is there, prints a receipt.

Usage: python -m tests.adapters.inbox_child INBOX DATA NAME [--careless] [--stay-at=LINE]

Careless is the control: it flushes nothing.
"""

import sys
import threading
from pathlib import Path
from typing import TextIO

from qrshared.inbox import ItemFacts, ItemKey, Placed, disk
from qrshared.inbox.store import Store

STEP_BYTES = 256 * 1024
SYNC_BYTES = 1024 * 1024


def receive(folder: Path, data_dir: Path, name: str) -> None:
    """In one thread, so that a tracer's count of system calls is the same each time."""
    content = sys.stdin.buffer.read()
    store = Store(folder, data_dir, file_mode=0o644, reserve_bytes=0, now=lambda: 0.0, holder="", rung=None)
    key = ItemKey("d", "t", 0)
    with store.journal.reading() as ledger:
        receipt = ledger.receipt(key)
    placed = receipt.placed if receipt else receive_rest(store, key, name, content)
    say(f"RECEIPT {placed.name} {placed.sha256}", file=sys.stdout)
    store.close()


def say(line: str, file: TextIO) -> None:
    """Says it, and stands still if that was the line to stop at: the power goes before anything else happens."""
    print(line, file=file, flush=True)
    if any(word.startswith("--stay-at=") and line.startswith(word.partition("=")[2]) for word in sys.argv):
        threading.Event().wait()


def receive_rest(store: Store, key: ItemKey, name: str, content: bytes) -> Placed:
    part = store.begin(key, ItemFacts(name, len(content)), stored=None, adopt=None, promised=0)
    if part.must_reread:
        store.reread(part)
    while part.offset < len(content):
        offset = store.write(part, [content[part.offset : part.offset + STEP_BYTES]])
        if offset % SYNC_BYTES == 0:
            say(f"SAFE {store.sync(part)}", file=sys.stderr)
    (outcome,) = store.place_group([(part, store.finish(part))])
    if not isinstance(outcome, Placed):
        raise outcome
    return outcome


def flush_nothing(fd: int | None) -> None:
    """What most programs do."""


if __name__ == "__main__":
    if "--careless" in sys.argv:
        disk.flush_file = disk.flush_data = disk.flush_folder = flush_nothing
    receive(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
