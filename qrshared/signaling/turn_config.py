"""What a person may say about relays, in flags and files, and the one of three kinds it comes to."""

import logging
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeAlias

from qrshared.errors import UserError
from qrshared.signaling.limits import TURN_URLS_MAX, TURN_WORD_CHARACTERS_MAX

_log = logging.getLogger(__name__)

SECRET_BYTES_MAX: Final = 4096
"""A file that is longer holds no secret."""

_TURN_URL = re.compile(
    r"turns?:(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(\?transport=(udp|tcp))?", re.ASCII
)
_METERED_APP = re.compile(r"[A-Za-z0-9-]{1,63}")
_METERED_KEY = re.compile(r"[A-Za-z0-9._~+/=-]{1,200}")
_METERED_DOMAIN = ".metered.live"


class WrongTurnUrl(UserError):
    """{url} is no address of a TURN server. It looks like turn:relay.example.org:3478, or with ?transport=tcp behind
    it; several are separated by commas."""


class TurnUnclear(UserError):
    """Relays are set in more than one way: {given}. Use one of: --turn-url with --turn-secret-file, --turn-url with
    --turn-user and --turn-password-file, --metered-app with --metered-key-file; take the others back.
    `qrshared config` shows where each was set."""


class TurnIncomplete(UserError):
    """{given} also needs {lacking}."""


class WrongMeteredApp(UserError):
    """{app} is no name of a Metered app. It is the first part of yourapp.metered.live."""


class WrongMeteredKey(UserError):
    """{file} holds no key of Metered: {why}. It is one line: the API key or the secret key alone, or one of them with
    the word before it, such as secret:YOUR_KEY or api:YOUR_KEY. Both stand in Metered's pages, under Developers."""


class NoSecret(UserError):
    """There is no secret in {file}: {why}. Put it there on one line, and make the file readable for yourself only
    (chmod 600)."""


class TurnKind(StrEnum):
    """Where relays come from; `status` and `doctor` use these words."""

    STATIC = "static"
    METERED = "metered"
    COTURN = "coturn"


@dataclass(frozen=True, slots=True)
class StaticTurn:
    """One account that never changes."""

    urls: tuple[str, ...]
    username: str
    password: str = field(repr=False)
    kind = TurnKind.STATIC


@dataclass(frozen=True, slots=True)
class CoturnTurn:
    """An own coturn that runs with `use-auth-secret`."""

    urls: tuple[str, ...]
    secret: str = field(repr=False)
    kind = TurnKind.COTURN


class MeteredKeyKind(StrEnum):
    """Which of Metered's two keys a file holds. They look alike: a word before it tells, or one trial does."""

    API = "api"
    """Opens one credential that was made in Metered's own pages."""
    SECRET = "secret"  # noqa: S105 - a word before a key, not a key
    """Opens the whole account: makes a credential each time, which ends by itself."""


@dataclass(frozen=True, slots=True)
class MeteredTurn:
    """An app at Metered."""

    app: str
    key: str = field(repr=False)
    key_kind: MeteredKeyKind | None = None
    kind = TurnKind.METERED


TurnConfig: TypeAlias = StaticTurn | CoturnTurn | MeteredTurn


def read_turn_config(
    *,
    turn_url: str | None = None,
    turn_secret_file: Path | None = None,
    turn_user: str | None = None,
    turn_password_file: Path | None = None,
    metered_app: str | None = None,
    metered_key_file: Path | None = None,
    sources: Mapping[str, str] | None = None,
) -> TurnConfig | None:
    """The configuration these words come to; None when nothing is said. Secrets are read here, from their files.

    `sources` says by name where each was set (a flag, a variable, a line of a file), for the sentences of errors.
    Raises `WrongTurnUrl`, `WrongMeteredApp`, `WrongMeteredKey`, `NoSecret`, `TurnIncomplete`, `TurnUnclear`.
    """
    given = {
        "--turn-url": turn_url,
        "--turn-secret-file": turn_secret_file,
        "--turn-user": turn_user,
        "--turn-password-file": turn_password_file,
        "--metered-app": metered_app,
        "--metered-key-file": metered_key_file,
    }
    ways = (
        ("--turn-url", "--turn-secret-file"),
        ("--turn-url", "--turn-user", "--turn-password-file"),
        ("--metered-app", "--metered-key-file"),
    )
    said = {flag for flag, value in given.items() if value}
    if not said:
        return None
    fitting = [way for way in ways if said <= set(way)]
    named = _listed([_with_source(flag, sources or {}) for flag in given if flag in said])
    if not fitting:
        raise TurnUnclear(given=named)
    if not any(said == set(way) for way in fitting):
        lacking = " or ".join(_listed([flag for flag in way if flag not in said]) for way in fitting)
        raise TurnIncomplete(given=named, lacking=lacking)
    if metered_app and metered_key_file:
        app = _app_name(metered_app)
        kind, key = _metered_key(read_secret(metered_key_file), metered_key_file)
        return MeteredTurn(app, key, kind)
    urls = turn_urls(turn_url or "")
    if turn_secret_file:
        return CoturnTurn(urls, read_secret(turn_secret_file))
    if turn_user and turn_password_file:
        return StaticTurn(urls, turn_user, read_secret(turn_password_file))
    raise TurnUnclear(given=named)


def turn_urls(text: str) -> tuple[str, ...]:
    """The addresses in a list with commas; raises `WrongTurnUrl`."""
    urls = tuple(dict.fromkeys(each.strip() for each in text.split(",") if each.strip()))
    wrong = next((url for url in urls if not is_turn_url(url)), None)
    if wrong is not None or not 0 < len(urls) <= TURN_URLS_MAX:
        raise WrongTurnUrl(url=wrong if wrong is not None else "That")
    return urls


def is_turn_url(url: str) -> bool:
    """Whether browsers and aiortc read this as a TURN server (RFC 7065)."""
    return len(url) <= TURN_WORD_CHARACTERS_MAX and _TURN_URL.fullmatch(url) is not None


def read_secret(file: Path) -> str:
    """The one line in a file. A file that others may read is used all the same, with a warning: container platforms
    hand secrets over like that, and a relay that does not work would be no safer."""
    try:
        with file.open("rb") as opened:
            content = opened.read(SECRET_BYTES_MAX + 1)
            mode = file.stat().st_mode
    except OSError as fault:
        raise NoSecret(file=file, why=(fault.strerror or type(fault).__name__).lower()) from None
    try:
        secret = content.decode("ascii").strip()
    except UnicodeDecodeError:
        raise NoSecret(file=file, why="it holds letters that no secret has") from None
    if not secret:
        raise NoSecret(file=file, why="the file is empty")
    if len(content) > SECRET_BYTES_MAX or not secret.isprintable():
        raise NoSecret(file=file, why="it is not one line of text")
    if sys.platform != "win32" and mode & 0o077:
        _log.warning("others on this computer can read %s; chmod 600 makes it yours alone", file)
    return secret


def _metered_key(text: str, file: Path) -> tuple[MeteredKeyKind | None, str]:
    word, colon, rest = (part.strip() for part in text.partition(":"))
    kind, key = (word.lower(), rest) if colon else ("", word)
    if colon and kind not in set(MeteredKeyKind):
        raise WrongMeteredKey(file=file, why="the word before the colon is neither api nor secret")
    if not _METERED_KEY.fullmatch(key):
        why = f"nothing stands behind {kind}:" if kind and not key else "a key is one word of letters and digits"
        raise WrongMeteredKey(file=file, why=why)
    return (MeteredKeyKind(kind) if kind else None), key


def _app_name(text: str) -> str:
    name = text.strip().removeprefix("https://").rstrip("/").removesuffix(_METERED_DOMAIN)
    if not _METERED_APP.fullmatch(name):
        raise WrongMeteredApp(app=text)
    return name


def _with_source(flag: str, sources: Mapping[str, str]) -> str:
    source = sources.get(flag.removeprefix("--").replace("-", "_"), "")
    return flag if source in ("", "default", flag) else f"{flag} (from {source})"


def _listed(words: list[str]) -> str:
    return " and ".join(words)
