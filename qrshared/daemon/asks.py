"""Puts to the owner what only the owner can say: whose files may come in, and whether this network is one of theirs."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from qrshared.daemon.events import Asked, RunEvent
from qrshared.daemon.networks import Networks
from qrshared.daemon.notices import Notice, asking_notice
from qrshared.daemon.views import asking_facts
from qrshared.lan import Network
from qrshared.protocol import NetworkFacts
from qrshared.sessions import OwnersWord, Question, Questions

NEW_NETWORK_S: Final = 5.0
"""A network that is just coming up looks like another one for a moment: nobody is asked about that."""


class OwnerAsks:
    """In the terminal and as a desktop notice; the owner page sees the same in `status`."""

    def __init__(
        self,
        *,
        questions: Questions,
        networks: Networks,
        show: Callable[[RunEvent], None],
        notify: Callable[[Notice], None],
        changed: Callable[[], None],
    ) -> None:
        """`changed`: what desks tell of questions and networks looks different now."""
        self._questions = questions
        self._networks = networks
        self._show = show
        self._notify = notify
        self._changed = changed
        self._moved = asyncio.Event()
        self._agreed = asyncio.Event()
        self._asked_about: Network | None = None

    def network_moved(self) -> None:
        """The network is another one, or its router was heard."""
        self._moved.set()

    async def ask_about_networks(self) -> None:
        """A job: ask once about each network the owner has not agreed to."""
        while True:
            await self._moved.wait()
            await asyncio.sleep(NEW_NETWORK_S)
            self._moved.clear()
            here = self._networks.here
            facts = self._networks.facts()
            if here is None or facts is None or facts.known:
                self._asked_about = None
            elif self._networks.is_settled and here != self._asked_about:
                self._asked_about = here
                self._ask_about_network(here, facts)

    async def keep_word(self) -> None:
        """A job: what the owner agreed to in the terminal is written down."""
        while True:
            await self._agreed.wait()
            self._agreed.clear()
            await self._networks.trust()
            self._changed()

    def _ask_about_network(self, here: Network, facts: NetworkFacts) -> None:
        def answer(agrees: bool) -> None:
            if agrees and self._networks.here == here:
                self._agreed.set()

        def is_open() -> bool:
            return self._networks.here == here and not self._networks.is_known

        self._show(Asked(facts, answer, is_open))
        where = "Open it with `qrshared open`."
        self._notify(Notice("A new network", f"No code is shown in {facts.name} until you agree. {where}"))

    def ask_about_transfer(self, question: Question) -> None:
        """Whether these files come in; the first word counts, wherever it is said."""

        def answer(agrees: bool) -> None:
            self._questions.answer(question.id, OwnersWord.ALLOWED if agrees else OwnersWord.REFUSED)

        def is_open() -> bool:
            return any(one.id == question.id for one in self._questions.pending())

        facts = asking_facts(question)
        self._show(Asked(facts, answer, is_open))
        since = question.sender.since
        since_s = None if since is None else time.time() - since
        names = [one.name for one in facts.first]
        self._notify(asking_notice(question.sender.name, facts.items, facts.bytes, names, since_s=since_s))
