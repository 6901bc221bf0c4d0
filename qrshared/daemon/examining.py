"""Doctor's home part for the owner page: one look at a time, whoever asks, and its bad lines among the problems."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

from qrshared.daemon.desk import Deed
from qrshared.protocol import Examine, Facts, FindingFacts, FindingList, Verb
from qrshared.remote.checkup import Finding
from qrshared.sessions import Asker
from qrshared.tickets import Right

FINDINGS_MAX: Final = 64
"""Doctor looks at two dozen things; a page need not draw what a fault there might invent."""

SEEN_CHARACTERS_MAX: Final = 400
"""Of each text; what would not fit in a message all the same is cut at the end of the list."""

Look = Callable[[], Sequence[Finding]]


def problem_of(finding: FindingFacts) -> str:
    """A bad line as one sentence among the problems; the page words it alike to tell them apart."""
    return f"{finding.check[:1].upper()}{finding.check[1:]}: {finding.seen}. {finding.advice}"


class Examiner:
    """Use: `await examiner.look()`."""

    def __init__(self, look: Look, say: Callable[[str, str | None], object]) -> None:
        """`look` blocks for some seconds. `say`: this part has a problem now, or none."""
        self._look = look
        self._say = say
        self._one_at_a_time = asyncio.Lock()
        self._found = FindingList(())
        self._ended = float("-inf")
        self._said: set[str] = set()

    async def look(self) -> FindingList:
        """What is seen now; who asks while somebody else's look is under way gets what that one finds."""
        asked = time.monotonic()
        async with self._one_at_a_time:
            if self._ended < asked:
                self._found = await self._look_now()
                self._ended = time.monotonic()
            return self._found

    async def _look_now(self) -> FindingList:
        found = await asyncio.to_thread(self._look)
        facts = FindingList(
            tuple(
                FindingFacts(one.check, one.ok, one.seen[:SEEN_CHARACTERS_MAX], one.advice[:SEEN_CHARACTERS_MAX])
                for one in found[:FINDINGS_MAX]
            )
        )
        bad = {one.check: problem_of(one) for one in facts.findings if not one.ok}
        for check in self._said - bad.keys():
            self._say(f"doctor {check}", None)
        for check, sentence in bad.items():
            self._say(f"doctor {check}", sentence)
        self._said = set(bad)
        return facts


def examining_deeds(examiner: Examiner) -> dict[type[Verb], Deed]:
    """The owner's verb that has a look."""

    async def examine(_verb: Verb, _asker: Asker) -> Facts:
        return await examiner.look()

    return {Examine: Deed(Right.OWN, examine)}
