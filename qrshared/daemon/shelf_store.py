"""What the shelf keeps over a restart: the salt of its ids, what lay there whole, and who picked up what."""

import logging
import secrets
from dataclasses import asdict, dataclass
from typing import Final

from qrshared.daemon.store import Store, StoreDamaged
from qrshared.daemon.takers import Taker
from qrshared.protocol import DeviceId, OfferState, TransferId

log = logging.getLogger(__name__)

SALT_BYTES: Final = 16

WHOLE_END: Final = 2**53
_ID_DIGITS: Final = 32


@dataclass(frozen=True, slots=True)
class KeptShelf:
    """What is written down."""

    pick_ups: tuple["KeptPickUp", ...] = ()
    takers: tuple[Taker, ...] = ()
    """The oldest first."""
    marks: tuple[str, ...] = ()
    """What lay in the Outbox at rest, as `Look` marks it."""


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
        self.kept: KeptShelf | None = KeptShelf()
        """What is on the disk; None when that is not certain."""
        try:
            document = store.load()
            if document is not None:
                self.salt, self.kept = _read(document)
        except (StoreDamaged, ValueError, KeyError, TypeError) as fault:
            log.warning("what was being picked up is forgotten: %s", fault)

    async def save(self, kept: KeptShelf) -> None:
        """Raises OSError."""
        self.kept = kept  # before waiting: of two that save at once the later is what stays on the disk
        try:
            await self._store.save({"salt": self.salt.hex(), **asdict(kept)})
        except BaseException:
            self.kept = None
            raise


def _read(document: object) -> tuple[bytes, KeptShelf]:
    if not isinstance(document, dict):
        raise TypeError("no object")
    salt = bytes.fromhex(document["salt"])
    if len(salt) != SALT_BYTES:
        raise ValueError("a salt of another length")
    pick_ups = tuple(
        KeptPickUp(_id(one["device"]), _id(one["transfer"]), tuple(map(_id, one["items"])), _id(one["manifest"]))
        for one in document["pick_ups"]
    )
    takers, marks = tuple(map(_taker, document.get("takers", ()))), tuple(map(_id, document.get("marks", ())))
    return salt, KeptShelf(pick_ups, takers, marks)


def _taker(one: dict[str, object]) -> Taker:
    state = OfferState(str(one["state"]))
    size, bytes_done, at_ms = (_whole(one[name]) for name in ("size", "bytes_done", "at_ms"))
    return Taker(_id(one["item"]), _id(one["device"]), state, size, bytes_done, at_ms)


def _whole(number: object) -> int:
    if not isinstance(number, int) or not 0 <= number < WHOLE_END:
        raise ValueError("no number that a message can say")
    return number


def _id(text: object) -> str:
    if not isinstance(text, str) or len(text) != _ID_DIGITS or not set(text) <= set("0123456789abcdef"):
        raise ValueError("no id")
    return text
