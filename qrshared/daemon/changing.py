"""What each setting means for the parts of a running daemon: who is told when it changes."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from qrshared.daemon.away_live import AwaySwitch
from qrshared.daemon.book import Book
from qrshared.daemon.desk import Deed
from qrshared.daemon.history import History
from qrshared.daemon.inboxes import Inboxes
from qrshared.daemon.page_paths import SECRET_FILES, why_no_secret, why_not_chosen
from qrshared.daemon.settings_live import LiveSettings
from qrshared.protocol import AwayFacts, ChangeSetting, Facts, GetSettings, Verb
from qrshared.sessions import Asker, IncomingTransfers, LiveSessions, OwnersWord
from qrshared.settings import Accept, Settings
from qrshared.tickets import Right

_GB: Final = 10**9
_MB: Final = 10**6

AWAY: Final = frozenset(
    {
        "edge", "stun", "turn_url", "turn_secret_file", "turn_user", "turn_password_file", "metered_app",
        "metered_key_file", "relay_ask_mb",
    }
)  # fmt: skip
"""All of these are the door away from home, which is opened anew."""

ASKED_ANEW: Final = frozenset({"name", "wall", "plain_downloads", "notices", "quiet_hours"})
"""Whoever needs these asks each time."""


def away_facts(settings: Settings) -> AwayFacts | None:
    """What trusted devices are told of the edge."""
    return None if settings.edge is None else AwayFacts(settings.edge, settings.relay_ask_mb * _MB)


@dataclass(frozen=True, slots=True)
class Told:
    """Who is told."""

    book: Book
    inboxes: Inboxes
    transfers: IncomingTransfers
    history: History
    live: LiveSessions
    away: AwaySwitch


def let_change(settings: LiveSettings, told: Told) -> None:
    """From now on every setting that can change does."""

    async def accept(wanted: Settings) -> None:
        with _told_to_guests(told):
            told.history.accept = wanted.accept
        questions = told.transfers.questions
        if wanted.accept is not Accept.ASK:  # what waits for a word has it now
            word = OwnersWord.ALLOWED if wanted.accept is Accept.EVERYONE else OwnersWord.REFUSED
            for one in questions.pending():
                questions.answer(one.id, word)

    async def guests(wanted: Settings) -> None:
        with _told_to_guests(told):
            told.book.register.give_guests(wanted.guest_daily_gb * _GB)

    async def level(wanted: Settings) -> None:
        logging.getLogger("qrshared").setLevel(wanted.log_level.upper())

    settings.on_change(ASKED_ANEW, _nothing)
    settings.on_change({"accept"}, accept)
    settings.on_change({"inbox"}, told.inboxes.move)
    settings.on_choice("inbox", why_not_chosen)
    for name in SECRET_FILES:
        settings.on_choice(name, why_no_secret(name))
    settings.on_change({"guest_daily_gb"}, guests)
    settings.on_change({"log_level"}, level)
    settings.on_change(AWAY, told.away.switch)


@contextmanager
def _told_to_guests(told: Told) -> Iterator[None]:
    """Whether anything of them comes in is what their pages say before they choose."""
    before = told.history.keeps_guests_out
    yield
    if told.history.keeps_guests_out is not before:
        told.live.meet_again(told.book.is_guest)


async def _nothing(_wanted: Settings) -> None:
    """There is nobody to tell."""


def settings_deeds(settings: LiveSettings) -> dict[type[Verb], Deed]:
    """The owner's verbs about settings."""

    async def read(_verb: Verb, _asker: Asker) -> Facts:
        return settings.facts()

    async def change(verb: Verb, _asker: Asker) -> Facts:
        if not isinstance(verb, ChangeSetting):
            raise TypeError(f"the table gave a {type(verb).__name__} to ChangeSetting")
        return await settings.change(verb.name, verb.value)

    return {GetSettings: Deed(Right.OWN, read), ChangeSetting: Deed(Right.OWN, change)}
