"""What the settings for use away from home must look like: the edge, servers that help to connect, relays."""

import re
from typing import Final
from urllib.parse import urlsplit

from qrshared.settings.values import Expected, is_none, read_text

STUN_DEFAULT: Final = ("stun:stun.l.google.com:19302",)
"""Asked only for links that leave the home network: it learns this home's public address, and nothing else."""

SERVERS_MAX: Final = 8
"""More would only make connecting slower."""

WORD_CHARACTERS_MAX: Final = 200
"""User and app names at relay providers are far shorter."""

_PAGE_SCHEMES: Final = {"http": "http", "ws": "http", "https": "https", "wss": "https"}
_HOST: Final = r"(?:(?!-)[a-z0-9-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9-]{1,63}(?<!-))*\.?|\[[0-9a-f:.]+\])"
_STUN: Final = re.compile(rf"stuns?:{_HOST}(?::[0-9]{{1,5}})?")
_TURN: Final = re.compile(rf"turns?:{_HOST}(?::[0-9]{{1,5}})?(?:\?transport=(?:udp|tcp))?")
_WHERE_SIGNALS_GO: Final = "/signal"


def read_edge(value: object) -> str | None:
    """The edge's address as pages open it: `wss://…/signal`, as other programs write it, is the same edge."""
    text = read_text(value).strip()
    if is_none(text):
        return None
    expected = Expected("an address such as https://share.example.org")
    try:
        parts = urlsplit(text)
        scheme, host, port = _PAGE_SCHEMES.get(parts.scheme.lower()), parts.netloc.rpartition("@")[2], parts.port
    except ValueError:
        raise expected from None
    name = re.sub(r":[0-9]*$", "", host.lower())
    extra = parts.username is not None or parts.query or parts.fragment
    if scheme is None or extra or not re.fullmatch(_HOST, name) or len(name) > 253:
        raise expected
    if parts.path.rstrip("/") not in ("", _WHERE_SIGNALS_GO):
        raise Expected("an address without a path, such as https://share.example.org: an edge has a name to itself")
    return f"{scheme}://{name}" + ("" if port in (None, {"http": 80, "https": 443}[scheme]) else f":{port}")


def read_stun(value: object) -> tuple[str, ...]:
    """One address, or several with commas; "none" asks nobody."""
    text = read_text(value).strip().lower()
    if text == "none":
        return ()
    return _servers(text, _STUN, 'addresses such as stun:stun.example.org:3478, with commas between, or "none"')


def read_turn_url(value: object) -> str | None:
    """One address, or several with commas."""
    text = read_text(value).strip().lower()
    if is_none(text):
        return None
    expected = "addresses such as turn:relay.example.org:3478 or …?transport=tcp, with commas between and no password"
    return ",".join(_servers(text, _TURN, expected))


def read_word(value: object) -> str | None:
    """A user's or an app's name."""
    text = read_text(value).strip()
    if not text.isprintable() or len(text) > WORD_CHARACTERS_MAX or any(character.isspace() for character in text):
        raise Expected(f"one word of at most {WORD_CHARACTERS_MAX} visible characters")
    return None if is_none(text) else text


def _servers(text: str, pattern: re.Pattern[str], expected: str) -> tuple[str, ...]:
    servers = tuple(dict.fromkeys(each.strip() for each in text.split(",") if each.strip()))
    if not 0 < len(servers) <= SERVERS_MAX or not all(pattern.fullmatch(each) for each in servers):
        raise Expected(expected)
    return servers
