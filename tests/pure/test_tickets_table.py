"""The ticket table row by row, and who may do what by which road."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from qrshared.seal import Refusal, derive_keys, secret_from_fragment
from qrshared.tickets import (
    Credential,
    Enrolled,
    Life,
    Register,
    Right,
    Road,
    Ticket,
    TicketKind,
    Trust,
    UnknownDevice,
)

NOW = 1_800_000_000.0
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
SEND, PICK_UP, OWN = Right.SEND, Right.PICK_UP, Right.OWN
HOME, AWAY, LOOPBACK, SECURE = Road.HOME, Road.AWAY, Road.LOOPBACK, Road.SECURE


def key_of(secret: bytes) -> bytes:
    return derive_keys(secret).key_id


def present(register: Register, ticket: Ticket, road: Road = HOME, now: float = NOW) -> Credential:
    credential = register.find(key_of(ticket.secret), road, now)
    assert isinstance(credential, Credential), credential
    return credential


def enroll(
    register: Register, ticket: Ticket, road: Road = HOME, now: float = NOW, key: bytes | None = None
) -> Enrolled:
    key = key or secrets.token_bytes(32)
    return register.enroll(present(register, ticket, road, now), key, "Anna's phone", "phone", now)


@dataclass(frozen=True)
class Row:
    """One line of the table in the design."""

    make: Callable[[Register], Ticket]
    kind: TicketKind
    rights: set[Right]
    roads: set[Road]
    life_s: float | None
    devices: int | None
    trust: Trust
    key_idle_s: float | None
    key_life_s: float | None = None


AT_HOME = {HOME, LOOPBACK, SECURE}
TABLE = {
    "wall": Row(lambda r: r.wall_ticket(NOW), TicketKind.WALL, {SEND}, AT_HOME, 15 * MINUTE, None, Trust.GUEST, DAY),
    "personal": Row(
        lambda r: r.personal(NOW), TicketKind.PERSONAL, {SEND, PICK_UP}, AT_HOME, 15 * MINUTE, 1, Trust.TRUSTED, None
    ),
    "personal, away": Row(
        lambda r: r.personal(NOW, away=True),
        TicketKind.PERSONAL,
        {SEND, PICK_UP},
        AT_HOME | {AWAY},
        15 * MINUTE,
        1,
        Trust.TRUSTED,
        None,
    ),
    "personal, a week, away": Row(
        lambda r: r.personal(NOW, life=Life.WEEK, away=True),
        TicketKind.PERSONAL,
        {SEND},
        AT_HOME | {AWAY},
        7 * DAY,
        None,
        Trust.GUEST,
        DAY,
        7 * DAY,
    ),
    "personal, a week": Row(
        lambda r: r.personal(NOW, life=Life.WEEK),
        TicketKind.PERSONAL,
        {SEND},
        AT_HOME,
        7 * DAY,
        None,
        Trust.GUEST,
        DAY,
        7 * DAY,
    ),
    "personal, for ever": Row(
        lambda r: r.personal(NOW, life=Life.NEVER), TicketKind.PERSONAL, {SEND}, AT_HOME, None, None, Trust.GUEST, DAY
    ),
    "pick-up": Row(
        lambda r: r.pick_up(NOW, ["a", "b"]), TicketKind.PICK_UP, {PICK_UP}, AT_HOME, DAY, None, Trust.GUEST, DAY, DAY
    ),
    "owner": Row(
        lambda r: r.owner(NOW),
        TicketKind.OWNER,
        {OWN, SEND, PICK_UP},
        {LOOPBACK, SECURE},
        MINUTE,
        1,
        Trust.OWNER,
        None,
    ),
}
rows = pytest.mark.parametrize("row", TABLE.values(), ids=TABLE.keys())


@rows
def test_a_ticket_opens_by_its_roads_only(row: Row) -> None:
    register = Register()
    ticket = row.make(register)
    assert ticket.kind is row.kind
    for road in Road:
        found = register.find(key_of(ticket.secret), road, NOW)
        assert isinstance(found, Credential) == (road in row.roads)
        if road not in row.roads:
            assert found is Refusal.WRONG_ROAD


@rows
def test_a_ticket_ends_at_its_time_and_not_before(row: Row) -> None:
    register = Register()
    ticket = row.make(register)
    life_s = row.life_s or 1000 * DAY
    assert isinstance(register.find(key_of(ticket.secret), SECURE, NOW + life_s - 0.001), Credential)
    late = register.find(key_of(ticket.secret), SECURE, NOW + life_s)
    assert isinstance(late, Credential) if row.life_s is None else late is Refusal.UNKNOWN_KEY


@rows
def test_a_ticket_makes_the_devices_of_its_row(row: Row) -> None:
    register = Register()
    ticket = row.make(register)
    road = LOOPBACK if LOOPBACK in row.roads else HOME
    made = enroll(register, ticket, road)
    assert made.is_new
    assert made.device.rights == row.rights
    assert made.device.trust is row.trust
    assert made.device.roads == {road}  # a browser keeps its key for the origin where it made it
    for _ in range(5 if row.devices is None else 0):
        enroll(register, ticket, road)
    if row.devices == 1:
        assert register.find(key_of(ticket.secret), road, NOW) is Refusal.UNKNOWN_KEY


@rows
def test_a_device_key_ends_as_its_row_says(row: Row) -> None:
    register = Register()
    device = enroll(register, row.make(register), SECURE).device
    key_id = bytes.fromhex(device.id)
    ends = min(end for end in (row.key_idle_s, row.key_life_s, 1000 * DAY) if end is not None)
    assert isinstance(register.find(key_id, SECURE, NOW + ends - 1), Credential)
    after = register.find(key_id, SECURE, NOW + ends)
    assert isinstance(after, Credential) if ends == 1000 * DAY else after is Refusal.UNKNOWN_KEY
    if row.key_idle_s is not None and row.key_life_s is None:
        register.seen(device.id, NOW + ends - 1)
        assert isinstance(register.find(key_id, SECURE, NOW + 2 * ends - 2), Credential)
    if row.key_life_s is not None:  # visits do not carry it over its ticket's end
        for visit in range(1, int(row.key_life_s / HOUR)):
            register.seen(device.id, NOW + visit * HOUR)
        assert register.find(key_id, SECURE, NOW + row.key_life_s) is Refusal.UNKNOWN_KEY


@rows
def test_a_ticket_alone_may_do_nothing_but_enroll(row: Row) -> None:
    register = Register()
    grant = register.grant(present(register, row.make(register), SECURE))
    assert not any(grant.allows(right) for right in Right)
    assert grant.device is None


@rows
def test_a_ticket_survives_a_restart(row: Row) -> None:
    register = Register()
    ticket = row.make(register)
    device = enroll(register, ticket, SECURE).device
    again = Register.load(json.loads(json.dumps(register.dump())))
    assert again.device(device.id) == device
    assert again.tickets(NOW) == register.tickets(NOW)
    assert again.dump() == register.dump()


def test_the_wall_shows_one_ticket_for_five_minutes_and_the_old_one_lives_on() -> None:
    register = Register()
    first = register.wall_ticket(NOW)
    assert register.wall_ticket(NOW + 5 * MINUTE - 1) == first
    second = register.wall_ticket(NOW + 5 * MINUTE)
    assert second.secret != first.secret
    present(register, first, now=NOW + 15 * MINUTE - 1)
    assert register.find(key_of(first.secret), HOME, NOW + 15 * MINUTE) is Refusal.UNKNOWN_KEY
    assert register.wall_ticket(NOW - HOUR).made == NOW - HOUR  # a clock set back: not the ticket from the future


def test_a_fragment_is_the_whole_ticket() -> None:
    ticket = Register().wall_ticket(NOW)
    assert secret_from_fragment(ticket.fragment) == ticket.secret
    assert ticket.id == key_of(ticket.secret).hex()


def test_no_secret_is_ever_printed() -> None:
    register = Register()
    ticket = register.personal(NOW)
    credential = present(register, ticket)
    device = enroll(register, ticket).device
    for shown in (repr(ticket), repr(credential), repr(device), str(register)):
        for secret in (ticket.secret, device.key, credential.session_auth):
            assert repr(secret)[2:-1] not in shown
            assert secret.hex() not in shown


# --- grants -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("road", Road)
def test_the_owners_right_counts_on_loopback_and_https_only(road: Road) -> None:
    register = Register()
    owner = enroll(register, register.owner(NOW), LOOPBACK).device
    found = register.find(bytes.fromhex(owner.id), road, NOW)
    if road is LOOPBACK:
        assert isinstance(found, Credential)
        assert register.grant(found).allows(OWN)
    else:
        assert found is Refusal.WRONG_ROAD
    # and even a record that claims more (a damaged file, a later mistake) does not carry it to the network
    register._devices[owner.id] = replace(owner, roads=frozenset(Road))
    claimed = register.find(bytes.fromhex(owner.id), road, NOW)
    assert isinstance(claimed, Credential)
    assert register.grant(claimed).allows(OWN) == (road in (LOOPBACK, SECURE))


def test_a_wall_guests_key_sends_at_home_and_nothing_else() -> None:
    register = Register()
    device = enroll(register, register.wall_ticket(NOW)).device
    key_id = bytes.fromhex(device.id)
    for road in (AWAY, LOOPBACK, SECURE):
        assert register.find(key_id, road, NOW) is Refusal.WRONG_ROAD
    found = register.find(key_id, HOME, NOW)
    assert isinstance(found, Credential)
    grant = register.grant(found)
    assert [right for right in Right if grant.allows(right)] == [SEND]
    assert grant.until == NOW + DAY
    assert grant.device == device.id


def test_a_key_made_away_serves_away_only() -> None:
    register = Register()
    device = enroll(register, register.personal(NOW, away=True), AWAY).device
    assert device.roads == {AWAY}
    assert register.find(bytes.fromhex(device.id), HOME, NOW) is Refusal.WRONG_ROAD


def test_trust_adds_pick_up_and_takes_away_the_end_but_opens_no_road() -> None:
    register = Register()
    guest = enroll(register, register.wall_ticket(NOW)).device
    device = register.trust(guest.id)
    assert device.rights == {SEND, PICK_UP}
    assert device.roads == guest.roads
    assert device.ends is None
    assert device.trust is Trust.TRUSTED
    assert register.trust(guest.id) == device


def test_a_revoked_device_is_gone_at_once_and_for_its_open_session_too() -> None:
    register = Register()
    device = enroll(register, register.personal(NOW)).device
    credential = register.find(bytes.fromhex(device.id), HOME, NOW)
    assert isinstance(credential, Credential)
    assert register.revoke(device.id) == (device.id,)
    assert register.find(bytes.fromhex(device.id), HOME, NOW) is Refusal.UNKNOWN_KEY
    assert not register.grant(credential).rights
    with pytest.raises(UnknownDevice):
        register.revoke(device.id)


def test_revoking_a_code_that_hangs_somewhere_revokes_its_guests_but_not_whom_the_owner_trusted() -> None:
    register = Register()
    printed = register.personal(NOW, life=Life.NEVER)
    guest = enroll(register, printed).device
    trusted = register.trust(enroll(register, printed).device.id)
    other = enroll(register, register.wall_ticket(NOW)).device
    assert register.revoke_ticket(printed.id) == (guest.id,)
    assert {device.id for device in register.devices()} == {trusted.id, other.id}
    assert register.find(key_of(printed.secret), HOME, NOW) is Refusal.UNKNOWN_KEY
    assert register.revoke_ticket(printed.id) == ()


def test_what_has_ended_is_forgotten_and_named() -> None:
    register = Register()
    guest = enroll(register, register.wall_ticket(NOW)).device
    trusted = enroll(register, register.personal(NOW)).device
    assert register.expire(NOW + DAY - 1) == ()
    assert register.expire(NOW + DAY) == (guest.id,)
    assert [device.id for device in register.devices()] == [trusted.id]


@pytest.mark.parametrize("verb", [Register.device, Register.trust, Register.revoke])
def test_an_unknown_device_is_said_to_be_so(verb: Callable[[Register, str], object]) -> None:
    with pytest.raises(UnknownDevice) as caught:
        verb(Register(), "0" * 32)
    assert caught.value.reason == "not_found"
