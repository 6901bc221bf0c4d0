"""Writers from messages to plain JSON values, compiled once from the messages' type hints."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, TypeAlias, Union, get_args, get_origin, get_type_hints

from qrshared.protocol.reading import wire_name

Writer: TypeAlias = Callable[[object], object]
"""Takes a field's value, returns what `json` can write."""


def tagged(kinds: Sequence[type]) -> Writer:
    """Writes an object of one of `kinds`, its `t` first."""
    table = {kind: (wire_name(kind), _object(kind)) for kind in kinds}

    def write(value: object) -> object:
        tag, writer = table[type(value)]
        return {"t": tag, **writer(value)}

    return write


@cache
def _object(kind: type) -> Callable[[object], dict[str, object]]:
    hints = get_type_hints(kind, include_extras=True)
    table = [
        (field.name, _writer(hints[field.name]), None if field.default is MISSING else field.default)
        for field in fields(kind)
    ]

    def write(value: object) -> dict[str, object]:
        written: dict[str, object] = {}
        for name, writer, default in table:
            found: object = getattr(value, name)
            # One message has one spelling: what is absent or says nothing new is left out.
            if found is not None and (default is None or found != default):
                written[name] = writer(found)
        return written

    return write


def _writer(hint: object) -> Writer:
    if get_origin(hint) is Annotated:
        return _writer(get_args(hint)[0])
    if get_origin(hint) in (Union, UnionType):
        kinds = [kind for kind in get_args(hint) if kind is not NoneType]
        return _writer(kinds[0]) if len(kinds) == 1 else tagged(kinds)
    if get_origin(hint) is tuple:
        return _list(_writer(get_args(hint)[0]))
    if isinstance(hint, type) and is_dataclass(hint):
        return _object(hint)
    return _base64url if hint is bytes else _as_it_is


def _list(writer: Writer) -> Writer:
    def write(value: object) -> object:
        if not isinstance(value, tuple):
            raise TypeError("a message holds tuples")
        return [writer(element) for element in value]

    return write


def _base64url(value: object) -> object:
    if not isinstance(value, bytes):
        raise TypeError("this field holds bytes")
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _as_it_is(value: object) -> object:
    return value
