"""What the shelf keeps over a restart: the salt of its ids, and which pick-ups were under way."""

import logging
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from qrshared.daemon.store import Store, StoreDamaged
from qrshared.protocol import DeviceId, TransferId

log = logging.getLogger(__name__)

SALT_BYTES: Final = 16

_ID_DIGITS: Final = 32


@dataclass(frozen=True, slots=True)
class KeptPickUp:
    """A pick-up of things in the Outbox that was not over."""

    device: DeviceId
    transfer: TransferId
    items: tuple[str, ...]
    manifest: str
    """What the transfer was made of; with anything else it is another transfer."""


class ShelfStore:
    """One small file. What cannot be read is begun anew: no file depends on it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.salt = secrets.token_bytes(SALT_BYTES)
        self.kept: tuple[KeptPickUp, ...] | None = ()
        """What is on the disk; None when that is not certain."""
        try:
            document = store.load()
            if document is not None:
                self.salt, self.kept = _read(document)
        except (StoreDamaged, ValueError, KeyError, TypeError) as fault:
            log.warning("what was being picked up is forgotten: %s", fault)

    async def save(self, kept: Sequence[KeptPickUp]) -> None:
        """Raises OSError."""
        self.kept = tuple(kept)  # before waiting: of two that save at once the later is what stays on the disk
        try:
            await self._store.save({"salt": self.salt.hex(), "pick_ups": [asdict(one) for one in kept]})
        except BaseException:
            self.kept = None
            raise


def _read(document: object) -> tuple[bytes, tuple[KeptPickUp, ...]]:
    if not isinstance(document, dict):
        raise TypeError("no object")
    salt = bytes.fromhex(document["salt"])
    if len(salt) != SALT_BYTES:
        raise ValueError("a salt of another length")
    return salt, tuple(
        KeptPickUp(_id(one["device"]), _id(one["transfer"]), tuple(map(_id, one["items"])), _id(one["manifest"]))
        for one in document["pick_ups"]
    )


def _id(text: object) -> str:
    if not isinstance(text, str) or len(text) != _ID_DIGITS or not set(text) <= set("0123456789abcdef"):
        raise ValueError("no id")
    return text
