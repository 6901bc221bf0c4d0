"""Proposals that wait for the owner's word, and the words that were given; both outlive the link they came by."""

import asyncio
import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

from qrshared.protocol import ASKING_MAX, ASKING_SHOWN_MAX, DeviceId, Item, QuestionId, TransferId
from qrshared.sessions.facts import Sender

ASKING_S: Final = 600.0
"""How long a proposal waits; then it is declined, for nobody was there to ask."""

ASKING_PER_DEVICE_MAX: Final = 4
"""Of one device: it must not take the place of everybody else's question."""

WORDS_MAX: Final = 256
"""Words that are remembered, the oldest forgotten first: what was forgotten is asked again."""


class OwnersWord(Enum):
    """What the owner said, or nobody in time."""

    ALLOWED = auto()
    REFUSED = auto()


@dataclass(frozen=True, slots=True)
class Question:
    """What the owner is asked: who would send what. `until`: seconds of the wall clock."""

    id: QuestionId
    """Ours, and another one for each question: a sender may put other items under the id of its transfer, or propose
    the same id from two devices, and a word is about what stood on the screen."""
    sender: Sender
    transfer: TransferId
    items: int
    bytes: int
    first: tuple[Item, ...]
    until: float


@dataclass(slots=True)
class _Open:
    question: Question
    manifest: str
    heard: Callable[[], None]
    expiry: asyncio.TimerHandle
    is_carried: bool = True


class Questions:
    """Feed it proposals and words. A phone that locks its screen comes back to the same question, or to its answer."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._open: dict[tuple[DeviceId, TransferId], _Open] = {}
        self._words: OrderedDict[tuple[DeviceId, TransferId, str], OwnersWord] = OrderedDict()
        self._unused: set[tuple[DeviceId, TransferId, str]] = set()  # of them: a yes that let nothing in yet
        self.asked: Callable[[Question], None] = lambda _question: None
        """Called with each new question; the daemon sets it."""
        self.changed: Callable[[], None] = lambda: None
        """Called when a question is there or is not any more; the daemon sets it."""

    def __len__(self) -> int:
        return len(self._open)

    def pending(self) -> list[Question]:
        """Those that wait now, the oldest first."""
        return [one.question for one in self._open.values()]

    def is_carried(self, question: Question) -> bool:
        """Whether its sender waits for the word now; otherwise the page is closed, asleep, or loaded anew."""
        known = self._open.get((question.sender.device, question.transfer))
        return known is not None and known.is_carried

    def word(self, device: DeviceId, transfer: TransferId, manifest: str) -> OwnersWord | None:
        """What was said of exactly these items of this transfer; None if it was not asked, or nobody answered yet."""
        self._unused.discard((device, transfer, manifest))
        return self._words.get((device, transfer, manifest))

    def pass_on(self, device: DeviceId, earlier: Sequence[TransferId], transfer: TransferId, manifest: str) -> None:
        """The same items come under another id, for their page was loaded anew: so does their question, or a yes.

        Only a yes that nothing came in by: one word must not let in the same names again and again.
        """
        for one in earlier:
            said = (device, one, manifest)
            if said in self._unused:
                self._unused.discard(said)
                self._words[device, transfer, manifest] = self._words.pop(said)
            known = self._open.get((device, one))
            is_free = (device, transfer) not in self._open
            if known is not None and known.manifest == manifest and not known.is_carried and is_free:
                del self._open[device, one]
                known.question = replace(known.question, transfer=transfer)
                self._open[device, transfer] = known

    def ask(
        self, sender: Sender, transfer: TransferId, items: Sequence[Item], manifest: str, heard: Callable[[], None]
    ) -> bool:
        """Put a question; `heard` is called once there is a word. False: too many wait already."""
        key = (sender.device, transfer)
        known = self._open.get(key)
        if known is not None and known.manifest == manifest:
            known.heard = heard
            if not known.is_carried:
                known.is_carried = True
                self.changed()
            return True
        if known is not None:  # other items under the same id: what the owner reads must be what comes
            self._close(key)
        of_device = sum(device == sender.device for device, _ in self._open)
        if len(self._open) >= ASKING_MAX or of_device >= ASKING_PER_DEVICE_MAX:
            return False
        size, first = sum(item.size for item in items), tuple(items[:ASKING_SHOWN_MAX])
        question = Question(secrets.token_hex(16), sender, transfer, len(items), size, first, self._now() + ASKING_S)
        expiry = asyncio.get_running_loop().call_later(ASKING_S, self.answer, question.id, OwnersWord.REFUSED)
        self._open[key] = _Open(question, manifest, heard, expiry)
        self.asked(question)
        self.changed()
        return True

    def answer(self, question: QuestionId, word: OwnersWord) -> bool:
        """The owner's word about the question of this id; False if it waits for none (any more)."""
        key = next((key for key, one in self._open.items() if one.question.id == question), None)
        if key is None:
            return False
        self._say(key, word)
        return True

    def allow_all_of(self, device: DeviceId) -> None:
        """The owner trusts this device from now on: whatever it asks for may come in."""
        for key in [key for key in self._open if key[0] == device]:
            self._say(key, OwnersWord.ALLOWED)

    def leave(self, device: DeviceId, transfer: TransferId) -> None:
        """Nobody carries this transfer for now; its question stays."""
        known = self._open.get((device, transfer))
        if known is not None and known.is_carried:
            known.heard = lambda: None
            known.is_carried = False
            self.changed()

    def withdraw(self, device: DeviceId, transfer: TransferId) -> None:
        """Its sender does not want it any more, or must not."""
        if self._close((device, transfer)) is not None:
            self.changed()

    def forget(self, device: DeviceId) -> None:
        """A device is gone for good."""
        for key in [key for key in self._open if key[0] == device]:
            self.withdraw(*key)
        for said in [said for said in self._words if said[0] == device]:
            del self._words[said]
            self._unused.discard(said)

    def close(self) -> None:
        """The daemon stops: nothing is asked any more."""
        for key in list(self._open):
            self._close(key)

    def _say(self, key: tuple[DeviceId, TransferId], word: OwnersWord) -> None:
        known = self._close(key)
        if known is None:
            return
        self._words[(*key, known.manifest)] = word
        if word is OwnersWord.ALLOWED:
            self._unused.add((*key, known.manifest))
        while len(self._words) > WORDS_MAX:
            self._unused.discard(self._words.popitem(last=False)[0])
        known.heard()
        self.changed()

    def _close(self, key: tuple[DeviceId, TransferId]) -> _Open | None:
        known = self._open.pop(key, None)
        if known is not None:
            known.expiry.cancel()
        return known


def manifest_digest(items: Sequence[Item]) -> str:
    """Tells one list of items from another: names, sizes and kinds. Call it in a thread: there may be 100 000."""
    digest = hashlib.sha256()
    lines = [f"{len(item.name)}:{item.name}:{item.size}:{item.kind}\n" for item in items]
    for line in sorted(lines):  # who chooses the same files again may do so in another order
        digest.update(line.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
