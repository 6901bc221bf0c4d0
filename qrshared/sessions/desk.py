"""The desk as sessions see it: verbs in, facts out; the daemon implements it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from qrshared.errors import QrsharedError
from qrshared.protocol import Envelope, Facts, Reason, Topic, Verb
from qrshared.tickets import Grant


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
