"""How tickets and devices are written down: JSON-able values out, checked values in."""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final, TypeAlias, TypeVar

from qrshared.seal import DEVICE_SECRET_BYTES, TICKET_SECRET_BYTES, derive_keys
from qrshared.tickets.device import Device, clean_name
from qrshared.tickets.errors import RegisterDamaged
from qrshared.tickets.ticket import Right, Road, Ticket, TicketKind, Trust

FORMAT: Final = 1

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
Record: TypeAlias = dict[str, Json]

E = TypeVar("E", bound=StrEnum)


def ticket_record(ticket: Ticket) -> Record:
    """Everything needed to make the ticket again, its secret included."""
    return {
        "secret": _text_of(ticket.secret),
        "kind": ticket.kind.value,
        "rights": _names_of(ticket.rights),
        "roads": _names_of(ticket.roads),
        "trust": ticket.trust.value,
        "made": ticket.made,
        "expires": ticket.expires,
        "uses_left": ticket.uses_left,
        "device_idle_s": ticket.device_idle_s,
        "items": _items_of(ticket.items),
        "asked_by": ticket.asked_by,
    }


def device_record(device: Device) -> Record:
    """Everything needed to know the device again, its key included."""
    return {
        "key": _text_of(device.key),
        "name": device.name,
        "kind": device.kind,
        "trust": device.trust.value,
        "rights": _names_of(device.rights),
        "roads": _names_of(device.roads),
        "ticket": device.ticket,
        "made": device.made,
        "seen": device.seen,
        "expires": device.expires,
        "idle_s": device.idle_s,
        "items": _items_of(device.items),
        "second_of": device.second_of,
    }


def ticket_from(record: object) -> Ticket:
    """Raises RegisterDamaged."""
    fields = mapping(record, "a ticket")
    secret = _bytes(fields, "secret", TICKET_SECRET_BYTES)
    uses_left = optional_number(fields, "uses_left")
    return Ticket(
        id=derive_keys(secret).key_id.hex(),
        secret=secret,
        kind=_member(TicketKind, _text(fields, "kind")),
        rights=_members(Right, fields, "rights"),
        roads=_members(Road, fields, "roads"),
        trust=_member(Trust, _text(fields, "trust")),
        made=number(fields, "made"),
        expires=optional_number(fields, "expires"),
        uses_left=None if uses_left is None else int(uses_left),
        device_idle_s=optional_number(fields, "device_idle_s"),
        items=_items(fields),
        asked_by=_asker(fields, "asked_by"),
    )


def device_from(record: object) -> Device:
    """Raises RegisterDamaged."""
    fields = mapping(record, "a device")
    key = _bytes(fields, "key", DEVICE_SECRET_BYTES)
    return Device(
        id=derive_keys(key).key_id.hex(),
        key=key,
        name=clean_name(_text(fields, "name")),
        kind=_text(fields, "kind"),
        trust=_member(Trust, _text(fields, "trust")),
        rights=_members(Right, fields, "rights"),
        roads=_members(Road, fields, "roads"),
        ticket=_text(fields, "ticket"),
        made=number(fields, "made"),
        seen=number(fields, "seen"),
        expires=optional_number(fields, "expires"),
        idle_s=optional_number(fields, "idle_s"),
        items=_items(fields),
        second_of=_asker(fields, "second_of"),
    )


def mapping(value: object, what: str) -> Mapping[str, object]:
    """The value as a JSON object. Raises RegisterDamaged."""
    if not isinstance(value, dict):
        raise RegisterDamaged(detail=f"{what} is not an object")
    return {str(name): part for name, part in value.items()}


def sequence(fields: Mapping[str, object], name: str) -> list[object]:
    """The field as a list. Raises RegisterDamaged."""
    value = fields.get(name)
    if not isinstance(value, list):
        raise RegisterDamaged(detail=f"{name} is not a list")
    return list(value)


def number(fields: Mapping[str, object], name: str) -> float:
    """The field as a finite number. Raises RegisterDamaged."""
    value = fields.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < 2**53:  # NaN is not < either
        raise RegisterDamaged(detail=f"{name} is not a number")
    return value


def optional_number(fields: Mapping[str, object], name: str) -> float | None:
    """The field as a number, or None where it says so; a missing field is damage: it would lift a limit."""
    if name in fields and fields[name] is None:
        return None
    return number(fields, name)


def _text(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise RegisterDamaged(detail=f"{name} is not a text")
    return value


def _bytes(fields: Mapping[str, object], name: str, length: int) -> bytes:
    try:
        value = base64.b64decode(_text(fields, name), validate=True)
    except (binascii.Error, ValueError) as error:
        raise RegisterDamaged(detail=f"{name} is not base64") from error
    if len(value) != length:
        raise RegisterDamaged(detail=f"{name} has the wrong length")
    return value


def _member(kind: type[E], value: str) -> E:
    try:
        return kind(value)
    except ValueError as error:
        raise RegisterDamaged(detail=f"unknown {kind.__name__.lower()}") from error


def _members(kind: type[E], fields: Mapping[str, object], name: str) -> frozenset[E]:
    return frozenset(_member(kind, str(value)) for value in sequence(fields, name))


def _asker(fields: Mapping[str, object], name: str) -> str | None:
    """The id of a device that another record names; absent where there is none, and in older files."""
    if fields.get(name) is None:
        return None
    device = _text(fields, name)
    if not re.fullmatch("[0-9a-f]{32}", device):
        raise RegisterDamaged(detail=f"{name} is not a device")
    return device


def _items(fields: Mapping[str, object]) -> frozenset[str] | None:
    if "items" in fields and fields["items"] is None:
        return None
    return frozenset(str(value) for value in sequence(fields, "items"))


def _items_of(items: frozenset[str] | None) -> Json:
    return None if items is None else list[Json](sorted(items))


def _names_of(members: Iterable[StrEnum]) -> list[Json]:
    return list[Json](sorted(member.value for member in members))


def _text_of(secret: bytes) -> str:
    return base64.b64encode(secret).decode("ascii")
