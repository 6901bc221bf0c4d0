"""The desk as sessions see it: verbs in, facts out; the daemon implements it."""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from qrshared.errors import QrsharedError
from qrshared.protocol import Answer, Ask, Envelope, Facts, Reason, Refuse, Topic, Verb, trimmed
from qrshared.tickets import Grant

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: the rights, and the device if there is one."""

    grant: Grant
    device: str | None = None
    on_control_socket: bool = False
    visit: int = 0
    """Which command at the control socket, for what ends with it."""


class DeskRefusal(QrsharedError):
    """{sentence}"""

    def __init__(self, reason: Reason, sentence: str) -> None:
        super().__init__(sentence=sentence)
        self.reason = reason
        self.sentence = sentence


class Desk(Protocol):
    """What waits, who is near, how things stand."""

    async def ask(self, verb: Verb, asker: Asker) -> Facts:
        """Carry out one verb; raises `DeskRefusal`."""

    def hand_on(self, envelope: Envelope, asker: Asker) -> None:
        """Give an envelope to the other side of its meeting; one that nobody waits for is dropped."""

    def watch(self, topics: Collection[Topic], asker: Asker, tell: Callable[[Facts], None]) -> Callable[[], None]:
        """Tell the present state of each topic the asker may see, at once and at every change; the result stops it."""


async def answered(desk: Desk, ask: Ask, asker: Asker) -> Answer | Refuse:
    """What the desk says to one question, over whatever door it came."""
    try:
        return Answer(ask.id, trimmed(await desk.ask(ask.verb, asker)))
    except DeskRefusal as refusal:
        return Refuse(ask.id, refusal.reason, refusal.sentence)
    except Exception:
        # Our own fault, loudly in the log; but one broken verb must stop neither a daemon nor what a device is sending.
        log.exception("the desk failed at %s", type(ask.verb).__name__)
        return Refuse(ask.id, Reason.UNSUPPORTED, "This is a fault in qrshared itself; its log says more.")
