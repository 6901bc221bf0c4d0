"""Turns messages into JSON and back, strictly: what `WIRE.md` does not allow raises `WrongMessage`."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Final, NoReturn, TypeVar, get_args

from qrshared.errors import RemoteError
from qrshared.signaling.limits import (
    BLOB_CHARACTERS_MAX,
    PEERS_PER_ROOM_MAX,
    ROOMS_PER_SOCKET_MAX,
    TURN_SERVERS_MAX,
    TURN_URLS_MAX,
    TURN_WORD_CHARACTERS_MAX,
)
from qrshared.signaling.messages import FromEdge, Presence, RefuseReason, ToEdge, TurnServer

ROOM_ID: Final = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]")
"""16 bytes in base64url; the last character holds two bits of them, the rest zeros: one room has one spelling."""

PEER_ID: Final = re.compile(r"[A-Za-z0-9_-]{8}")
_BLOB = re.compile(r"[A-Za-z0-9_-]*")
_WHOLE_TOP = 2**53 - 1  # what both JSON and JavaScript carry exactly

_Reader = Callable[[object], object]
_M = TypeVar("_M")
_Kinds = Mapping[str, tuple[Callable[..., _M], tuple[tuple[str, _Reader], ...]]]
"""For each `t`: what makes the message, and how each of its fields is read."""


class WrongMessage(RemoteError):
    """The other side says something that a qrshared edge and its guests do not say ({detail})."""

    reason = "malformed"

    def __init__(self, detail: str) -> None:
        super().__init__(detail=detail)


def decode_to_edge(text: str) -> ToEdge:
    """Read what a peer says."""
    return _decode(text, _TO_EDGE)


def decode_from_edge(text: str) -> FromEdge:
    """Read what the edge says."""
    return _decode(text, _FROM_EDGE)


def encode(message: ToEdge | FromEdge) -> str:
    """Write one message as JSON, on one line."""
    tag, names = _NAMES[type(message)]
    written: dict[str, object] = {"t": tag}
    for name in names:
        value: object = getattr(message, name)
        if name in _NESTED:
            written[name] = [_fields_of(each) for each in getattr(message, name)]
        elif value is not None:
            written[name] = value
    return _JSON.encode(written)


def _fields_of(nested: Presence | TurnServer) -> dict[str, object]:
    named = {name: getattr(nested, name) for name in _NESTED_FIELDS[type(nested)]}
    return {name: value for name, value in named.items() if value is not None}


def _refuse_constant(name: str) -> NoReturn:
    raise WrongMessage(f"{name} is not a number")


_JSON = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False)


def parse(text: str) -> object:
    """JSON as it stands in RFC 8259, without Python's additions."""
    try:
        parsed: object = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise WrongMessage("not JSON") from None
    return parsed


def _decode(text: str, kinds: _Kinds[_M]) -> _M:
    parsed = parse(text)
    if not isinstance(parsed, dict):
        raise WrongMessage("not an object")
    tag = parsed.get("t")
    found = kinds.get(tag) if isinstance(tag, str) else None
    if found is None:
        raise WrongMessage("unknown t")
    kind, table = found
    return kind(*[reader(parsed.get(name)) for name, reader in table])


def _matching(pattern: re.Pattern[str], what: str) -> _Reader:
    def read(value: object) -> object:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise WrongMessage(f"{what} is not one")
        return value

    return read


def _several(reader: _Reader, *, least: int, most: int) -> _Reader:
    def read(value: object) -> object:
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise WrongMessage("a list is none, or of another length")
        return tuple([reader(each) for each in value])

    return read


def whole(value: object) -> int:
    """A whole number; JSON does not tell 1 from 1.0, and JavaScript cannot."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _WHOLE_TOP:
        raise WrongMessage("a number is none, or out of range")
    return value


def blob(value: object) -> str:
    """A sealed envelope: the edge never looks into it."""
    if not isinstance(value, str) or len(value) > BLOB_CHARACTERS_MAX or not _BLOB.fullmatch(value):
        raise WrongMessage("an envelope is none, or too long")
    return value


def _reason(value: object) -> object:
    if not isinstance(value, str) or value not in _REASONS:
        raise WrongMessage("no reason we know")
    return RefuseReason(value)


def _word(value: object) -> object:
    if not isinstance(value, str) or not 0 < len(value) <= TURN_WORD_CHARACTERS_MAX:
        raise WrongMessage("a word is none, or too long")
    return value


def _true(value: object) -> object:
    if value is not True:
        raise WrongMessage("neither true nor left out")
    return value


def _nested(make: Callable[..., _M], kind: type) -> _Reader:
    """An object within a message; each reader gives its field's type."""

    def read(value: object) -> object:
        if not isinstance(value, dict):
            raise WrongMessage("not an object")
        return make(*[reader(value.get(name)) for name, reader in _field_readers(kind)])

    return read


_REASONS: Final = frozenset(str(reason) for reason in RefuseReason)
_ROOM = _matching(ROOM_ID, "a room")
_PEER = _matching(PEER_ID, "a peer")

# While the bus is gone each replica counts alone, so that a list may be longer than one replica would allow.
_PEERS_TOLD_MAX: Final = PEERS_PER_ROOM_MAX * 8

_READERS: Final[dict[str, _Reader]] = {
    "blob": blob,
    "credential": _word,
    "peer": _PEER,
    "peers": _several(_PEER, least=0, most=_PEERS_TOLD_MAX),
    "present": _several(_nested(Presence, Presence), least=1, most=ROOMS_PER_SOCKET_MAX),
    "reason": _reason,
    "retry_ms": whole,
    "room": _ROOM,
    "rooms": _several(_ROOM, least=1, most=ROOMS_PER_SOCKET_MAX),
    "seq": whole,
    "stun": _several(_word, least=0, most=TURN_URLS_MAX),
    "servers": _several(_nested(TurnServer, TurnServer), least=1, most=TURN_SERVERS_MAX),
    "to": _PEER,
    "turn": _true,
    "until_ms": whole,
    "urls": _several(_word, least=1, most=TURN_URLS_MAX),
    "username": _word,
    "version": whole,
    "you": _PEER,
}


def _tag(kind: type) -> str:
    return kind.__name__.lower()


def _field_readers(kind: type) -> tuple[tuple[str, _Reader], ...]:
    table = []
    for field in fields(kind):
        reader = _READERS[field.name]
        table.append((field.name, _optional(reader) if field.default is None else reader))
    return tuple(table)


def _optional(reader: _Reader) -> _Reader:
    return lambda value: None if value is None else reader(value)


_TO_EDGE: Final[_Kinds[ToEdge]] = {_tag(kind): (kind, _field_readers(kind)) for kind in get_args(ToEdge)}
_FROM_EDGE: Final[_Kinds[FromEdge]] = {_tag(kind): (kind, _field_readers(kind)) for kind in get_args(FromEdge)}
_NESTED: Final = ("present", "servers")
_NESTED_FIELDS: Final = {kind: tuple(field.name for field in fields(kind)) for kind in (Presence, TurnServer)}
_NAMES: Final = {
    kind: (_tag(kind), tuple(field.name for field in fields(kind))) for kind in (*get_args(ToEdge), *get_args(FromEdge))
}
