"""Strict readers from parsed JSON to messages, compiled once from the messages' type hints."""

import base64
import re
from collections.abc import Callable, Sequence
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, TypeAlias, Union, get_args, get_origin, get_type_hints

from qrshared.protocol.fields import Hex, Octets, OctetsUpTo, Several, Text, Whole
from qrshared.protocol.limits import NAME_CHARACTERS_MAX, WHOLE_MAX

Reader: TypeAlias = Callable[[object], object]
"""Takes one parsed JSON value, returns the field's value, raises `WrongValue`."""

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_BASE64URL = re.compile("[A-Za-z0-9_-]*")
_ABSENT = object()


class WrongValue(ValueError):
    """A value that the wire does not allow; says which field, never what was in it."""


def wire_name(kind: type) -> str:
    """`MakeTicket` travels as `make_ticket`."""
    return re.sub("(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


def tagged(kinds: Sequence[type]) -> Reader:
    """Reads an object whose `t` names one of `kinds`."""
    readers = {wire_name(kind): _object(kind) for kind in kinds}

    def read(value: object) -> object:
        if not isinstance(value, dict):
            raise WrongValue("not an object")
        tag = value.get("t")
        reader = readers.get(tag) if isinstance(tag, str) else None
        if reader is None:
            raise WrongValue("unknown t")
        try:
            return reader(value)
        except WrongValue as wrong:
            raise WrongValue(f"{tag}.{wrong}") from None

    return read


@cache
def _object(kind: type) -> Reader:
    hints = get_type_hints(kind, include_extras=True)
    # For each field: name, reader, and what stands for its absence (MISSING: it must be there).
    table: list[tuple[str, Reader, object]] = []
    for field in fields(kind):
        hint = hints[field.name]
        absent = field.default if field.default is not MISSING else None if _is_optional(hint) else MISSING
        table.append((field.name, _reader(hint), absent))

    def read(value: object) -> object:
        if not isinstance(value, dict):
            raise WrongValue("not an object")
        arguments: list[object] = []
        name = ""
        try:
            for name, reader, absent in table:
                found = value.get(name, _ABSENT)
                if found is not _ABSENT:
                    arguments.append(reader(found))
                elif absent is MISSING:
                    raise WrongValue("is missing")
                else:
                    arguments.append(absent)
        except WrongValue as wrong:
            raise WrongValue(f"{name} {wrong}") from None
        return kind(*arguments)

    return read


def _reader(hint: object) -> Reader:
    if get_origin(hint) is Annotated:
        base, *marks = get_args(hint)
        return _marked(base, marks)
    if get_origin(hint) in (Union, UnionType):
        kinds = [kind for kind in get_args(hint) if kind is not NoneType]
        return _reader(kinds[0]) if len(kinds) == 1 else tagged(kinds)
    if get_origin(hint) is tuple:
        return _tuple(get_args(hint))
    if isinstance(hint, type) and is_dataclass(hint):
        return _object(hint)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return _word(hint)
    if hint is bool:
        return _boolean
    if hint is int:
        return whole(WHOLE_MAX)
    if hint is str:
        return _text(NAME_CHARACTERS_MAX)
    raise TypeError(f"the wire knows no {hint}")


def _marked(base: object, marks: Sequence[object]) -> Reader:
    match marks:
        case [Text(characters_max)]:
            return _text(characters_max)
        case [Hex(digits)]:
            return _hex(digits)
        case [Whole(top, least)]:
            return whole(top, least)
        case [Octets(length)]:
            return _octets(length)
        case [OctetsUpTo(most)]:
            return _octets_up_to(most)
        case [Several(most, least)]:
            element, *rest = get_args(base)
            if get_origin(base) is tuple and rest == [...]:
                return _list(_reader(element), most, least)
    raise TypeError(f"the wire knows no {base} marked {marks}")


def _is_optional(hint: object) -> bool:
    return get_origin(hint) in (Union, UnionType) and NoneType in get_args(hint)


def _tuple(elements: Sequence[object]) -> Reader:
    if len(elements) == 2 and elements[1] is ...:
        return _list(_reader(elements[0]), WHOLE_MAX, 0)
    readers = [_reader(element) for element in elements]

    def read(value: object) -> object:
        if not isinstance(value, list) or len(value) != len(readers):
            raise WrongValue(f"is not a list of {len(readers)}")
        return tuple(reader(element) for reader, element in zip(readers, value, strict=True))

    return read


def _list(reader: Reader, most: int, least: int) -> Reader:
    def read(value: object) -> object:
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise WrongValue("is not a list, or of another length")
        return tuple([reader(element) for element in value])

    return read


def _boolean(value: object) -> object:
    if value is True or value is False:
        return value
    raise WrongValue("is not true or false")


def whole(top: int, least: int = 0) -> Reader:
    """Reads a whole number from `least` to `top`."""

    def read(value: object) -> object:
        # JSON does not tell 1 from 1.0, and JavaScript cannot.
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= top:
            raise WrongValue("is not a whole number in range")
        return value

    return read


def _text(characters_max: int) -> Reader:
    def read(value: object) -> object:
        if not isinstance(value, str) or len(value) > characters_max or _LONE_SURROGATE.search(value):
            raise WrongValue("is not a text, or too long")
        return value

    return read


def _hex(digits: int) -> Reader:
    pattern = re.compile(f"[0-9a-f]{{{digits}}}")

    def read(value: object) -> object:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise WrongValue(f"is not {digits} hexadecimal digits")
        return value

    return read


def _octets(length: int) -> Reader:
    def read(value: object) -> object:
        if not isinstance(value, str) or len(value) != _characters(length) or not _BASE64URL.fullmatch(value):
            raise WrongValue(f"is not {length} bytes in base64url")
        return _from_base64url(value)

    return read


def _octets_up_to(most: int) -> Reader:
    def read(value: object) -> object:
        fits = isinstance(value, str) and 0 < len(value) <= _characters(most) and len(value) % 4 != 1
        if not isinstance(value, str) or not fits or not _BASE64URL.fullmatch(value):
            raise WrongValue(f"is not 1 to {most} bytes in base64url")
        return _from_base64url(value)

    return read


def _characters(length: int) -> int:
    return -(-length * 4 // 3)


def _from_base64url(text: str) -> bytes:
    octets = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    # The last character may hold unused bits: only zeros there, so that one value has one spelling.
    if base64.urlsafe_b64encode(octets).rstrip(b"=").decode() != text:
        raise WrongValue("has stray bits")
    return octets


def _word(kind: type[StrEnum]) -> Reader:
    words = {str(member): member for member in kind}

    def read(value: object) -> object:
        member = words.get(value) if isinstance(value, str) else None
        if member is None:
            raise WrongValue(f"is no {kind.__name__}")
        return member

    return read
