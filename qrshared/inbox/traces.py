"""Remembers which folders were inboxes, so that an uninstall takes what is ours out of every one; files always stay."""

import json
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from qrshared.inbox import disk
from qrshared.inbox.home import LOCK_NAME
from qrshared.inbox.names import SHELF_FOLDER

log = logging.getLogger(__name__)

_LIST: Final = "inboxes.json"
"""In the data folder; the journals there are named after a digest of the path, which says nothing of where it was."""


def remember_inbox(data_dir: Path, inbox: Path) -> None:
    """Put it on the list; a disk that refuses costs no more than a lock file that stays behind one day."""
    known = known_inboxes(data_dir)
    if inbox in known:
        return
    beside = data_dir / f"{_LIST}.new"
    try:
        beside.write_text(json.dumps([os.fspath(one) for one in [*known, inbox]]), encoding="utf-8")
        beside.replace(data_dir / _LIST)
    except OSError as error:
        log.info("the list of inboxes was not written: %s", error.strerror)


def known_inboxes(data_dir: Path) -> list[Path]:
    """Every folder that was an inbox of this data folder, the first one first."""
    try:
        listed: object = json.loads((data_dir / _LIST).read_bytes())
    except (OSError, ValueError, RecursionError):
        return []
    return [Path(one) for one in listed if isinstance(one, str)] if isinstance(listed, list) else []


def remove_traces(inbox: Path) -> None:
    """Remove the lock and an empty Outbox; nothing of it while a daemon of another data folder receives there."""
    lock = inbox / LOCK_NAME
    try:
        fd = os.open(lock, os.O_RDWR | disk.OPEN_SAFELY)
    except OSError:
        return  # no inbox of ours, or not any more
    try:
        if not disk.is_plain_file(os.fstat(fd)) or not disk.lock(fd):
            return
        with suppress(OSError):
            (inbox / SHELF_FOLDER).rmdir()  # refused by the system if anything is in it, and for a link
        with suppress(OSError):  # on Windows a file that is open stays; checked by syntax only
            lock.unlink()
    finally:
        os.close(fd)
