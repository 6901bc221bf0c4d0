"""What works away from home: second keys, road secrets, pair tickets, and the rooms this home is in."""

import json
import secrets

import pytest

from qrshared.seal import Refusal, derive_keys
from qrshared.signaling.limits import ROOMS_PER_SOCKET_MAX
from qrshared.tickets import (
    DEVICES_MAX,
    ROAD_SECRETS_MAX,
    ROAD_SECRETS_PER_DEVICE_MAX,
    ROOMS_MAX,
    Credential,
    Device,
    Life,
    NotATicket,
    Register,
    Right,
    Road,
    RoadSecrets,
    Ticket,
    TicketKind,
    TicketSpent,
    Trust,
    UnknownDevice,
    room_id,
    rooms_of,
)

NOW = 1_800_000_000.0
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
BOTH = frozenset({Right.SEND, Right.PICK_UP})


def key_of(secret: bytes) -> bytes:
    return derive_keys(secret).key_id


def enroll(
    register: Register, ticket: Ticket, road: Road = Road.HOME, *, now: float = NOW, name: str = "Anna"
) -> Device:
    found = register.find(key_of(ticket.secret), road, now)
    assert isinstance(found, Credential), found
    return register.enroll(found, secrets.token_bytes(32), name, "phone", now).device


# --- second keys ------------------------------------------------------------------------------------------------------


def test_a_second_key_is_made_once_away_only_and_with_no_more_rights_than_a_trusted_device() -> None:
    register = Register()
    owner = enroll(register, register.owner(NOW), Road.LOOPBACK)
    ticket = register.second_key(owner.id, NOW)
    assert (ticket.kind, ticket.roads, ticket.uses_left) == (TicketKind.PERSONAL, frozenset({Road.AWAY}), 1)
    for road in set(Road) - {Road.AWAY}:
        assert register.find(key_of(ticket.secret), road, NOW) is Refusal.WRONG_ROAD
    second = enroll(register, ticket, Road.AWAY)
    assert (second.trust, second.rights) == (Trust.TRUSTED, BOTH)
    assert second.roads == {Road.AWAY}
    assert register.find(key_of(ticket.secret), Road.AWAY, NOW) is Refusal.UNKNOWN_KEY


@pytest.mark.parametrize(("said", "kept"), [("", "Anna"), (" \u200d ", "Anna"), ("Her tablet", "Her tablet")])
def test_a_second_key_without_a_name_gets_the_askers(said: str, kept: str) -> None:
    register = Register()
    asker = enroll(register, register.personal(NOW))
    assert enroll(register, register.second_key(asker.id, NOW), Road.AWAY, name=said).name == kept
    # the control: any other code knows no asker
    assert enroll(register, register.personal(NOW), name="").name == "Unnamed device"


def test_the_asker_has_one_code_at_a_time_and_takes_it_along_when_it_is_revoked() -> None:
    register = Register()
    asker, other = enroll(register, register.personal(NOW)), enroll(register, register.personal(NOW))
    kept = register.second_key(other.id, NOW)
    first, second = register.second_key(asker.id, NOW), register.second_key(asker.id, NOW)
    assert register.find(key_of(first.secret), Road.AWAY, NOW) is Refusal.UNKNOWN_KEY
    open_handshake = register.find(key_of(second.secret), Road.AWAY, NOW)
    assert isinstance(open_handshake, Credential)
    register.revoke(asker.id)
    assert register.find(key_of(second.secret), Road.AWAY, NOW) is Refusal.UNKNOWN_KEY
    with pytest.raises(TicketSpent):
        register.enroll(open_handshake, secrets.token_bytes(32), "late", "phone", NOW)
    assert isinstance(register.find(key_of(kept.secret), Road.AWAY, NOW), Credential)
    with pytest.raises(UnknownDevice):
        register.second_key(asker.id, NOW)


def test_whoever_revokes_a_device_revokes_its_key_for_elsewhere_too_and_not_the_other_way_round() -> None:
    register = Register()
    asker, other = (enroll(register, register.personal(NOW)) for _ in range(2))
    second = enroll(register, register.second_key(asker.id, NOW), Road.AWAY)
    third = enroll(register, register.second_key(other.id, NOW), Road.AWAY)
    register = Register.load(register.dump())
    assert set(register.revoke(asker.id)) == {asker.id, second.id}
    assert register.revoke(third.id) == (third.id,)
    assert [device.id for device in register.devices()] == [other.id]


def test_a_second_keys_asker_survives_a_restart() -> None:
    register = Register()
    asker = enroll(register, register.personal(NOW))
    ticket = register.second_key(asker.id, NOW)
    again = Register.load(json.loads(json.dumps(register.dump())))
    again.revoke(asker.id)
    assert ticket not in again.tickets(NOW)
    assert ticket in register.tickets(NOW)


# --- pair tickets -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("road", Road)
def test_a_pair_ticket_opens_nothing_at_this_computer(road: Road) -> None:
    register = Register()
    ticket = register.pair(NOW)
    assert (ticket.kind, ticket.rights, ticket.expires) == (TicketKind.PAIR, frozenset(), NOW + HOUR)
    assert {Road.HOME, Road.AWAY} <= ticket.roads
    assert register.find(key_of(ticket.secret), road, NOW) is Refusal.UNKNOWN_KEY
    forged = Credential(ticket, derive_keys(ticket.secret).session_auth, road)
    assert not register.grant(forged).rights
    with pytest.raises(TicketSpent):
        register.enroll(forged, secrets.token_bytes(32), "x", "phone", NOW)
    assert ticket.secret not in rooms_of(register, RoadSecrets(), NOW).values()


# --- road secrets -----------------------------------------------------------------------------------------------------


def carried(register: Register, road_secrets: RoadSecrets, secret: bytes, now: float = NOW) -> Credential | Refusal:
    found = road_secrets.find(key_of(secret), now)
    return Refusal.UNKNOWN_KEY if found is None else register.carried(found, Road.AWAY, now)


def test_a_road_secret_carries_the_devices_rights_without_the_owners() -> None:
    register, road_secrets = Register(), RoadSecrets()
    owner = enroll(register, register.owner(NOW), Road.LOOPBACK)
    found = carried(register, road_secrets, road_secrets.issue(owner.id, NOW))
    assert isinstance(found, Credential)
    grant = register.grant(found)
    assert (grant.device, grant.rights, grant.road) == (owner.id, BOTH, Road.AWAY)
    assert grant.by_road_secret
    assert register.find(bytes.fromhex(owner.id), Road.AWAY, NOW) is Refusal.WRONG_ROAD  # its own key is not that
    with pytest.raises(NotATicket):
        register.enroll(found, secrets.token_bytes(32), "another", "phone", NOW)


def test_a_road_secret_of_a_guest_or_of_a_revoked_device_is_worth_nothing() -> None:
    register, road_secrets = Register(), RoadSecrets()
    guest = enroll(register, register.wall_ticket(NOW))
    assert carried(register, road_secrets, road_secrets.issue(guest.id, NOW)) is Refusal.UNKNOWN_KEY
    trusted = enroll(register, register.personal(NOW))
    secret = road_secrets.issue(trusted.id, NOW)
    credential = carried(register, road_secrets, secret)
    assert isinstance(credential, Credential)
    register.revoke(trusted.id)
    assert carried(register, road_secrets, secret) is Refusal.UNKNOWN_KEY
    assert not register.grant(credential).rights  # nor does a handshake that is still open
    road_secrets.end([trusted.id])
    assert road_secrets.find(key_of(secret), NOW) is None


def test_a_road_secret_lives_a_day_and_the_newest_two_of_a_device_count() -> None:
    road_secrets = RoadSecrets()
    made = [road_secrets.issue("a", NOW + n) for n in range(4)]
    other = road_secrets.issue("b", NOW)
    alive = [secret for secret in made if road_secrets.find(key_of(secret), NOW + 4)]
    assert alive == made[-ROAD_SECRETS_PER_DEVICE_MAX:]
    assert road_secrets.find(key_of(other), NOW) is not None
    assert road_secrets.find(key_of(made[-1]), NOW + 3 + DAY - 1) is not None
    assert road_secrets.find(key_of(made[-1]), NOW + 3 + DAY) is None
    assert road_secrets.find(key_of(made[-1]), NOW) is None  # the clock was set back
    road_secrets.expire(NOW + DAY)
    assert [one.secret for one in road_secrets.alive(NOW + DAY)] == [made[-1], made[-2]]


def test_road_secrets_are_bounded_and_the_oldest_gives_way() -> None:
    road_secrets = RoadSecrets()
    made = [road_secrets.issue(f"device {n}", NOW) for n in range(ROAD_SECRETS_MAX + 1)]
    assert len(road_secrets.alive(NOW)) == ROAD_SECRETS_MAX
    assert road_secrets.find(key_of(made[0]), NOW) is None
    assert road_secrets.find(key_of(made[1]), NOW) is not None


def test_no_road_secret_is_written_down_or_printed() -> None:
    register, road_secrets = Register(), RoadSecrets()
    device = enroll(register, register.personal(NOW))
    secret = road_secrets.issue(device.id, NOW)
    found = road_secrets.find(key_of(secret), NOW)
    assert repr(secret)[2:-1] not in repr(found)
    again = Register.load(json.loads(json.dumps(register.dump())))
    assert carried(again, RoadSecrets(), secret) is Refusal.UNKNOWN_KEY


# --- rooms ------------------------------------------------------------------------------------------------------------


def test_this_home_is_in_the_rooms_of_what_works_away_and_in_no_other() -> None:
    register, road_secrets = Register(), RoadSecrets()
    register.wall_ticket(NOW)
    register.owner(NOW)
    register.pair(NOW)
    register.personal(NOW)
    at_home = enroll(register, register.personal(NOW))
    assert rooms_of(register, road_secrets, NOW) == {}
    code = register.personal(NOW, away=True)
    second = register.second_key(at_home.id, NOW)
    spent = register.personal(NOW, away=True)
    away = enroll(register, spent, Road.AWAY)
    secret = road_secrets.issue(at_home.id, NOW)
    expected = {one: room_id(one) for one in (code.secret, second.secret, secret, away.key)}
    assert rooms_of(register, road_secrets, NOW) == {room: one for one, room in expected.items()}
    later = rooms_of(register, road_secrets, NOW + 15 * MINUTE)
    assert set(later.values()) == {secret, away.key}


def test_of_too_many_rooms_the_likeliest_visitors_are_kept() -> None:
    register, road_secrets = Register(), RoadSecrets()
    hanging = [register.personal(NOW + n, life=Life.NEVER, away=True) for n in range(20)]
    devices = [
        enroll(register, register.personal(NOW + n, away=True), Road.AWAY, now=NOW + n) for n in range(DEVICES_MAX - 20)
    ]
    issued = [road_secrets.issue(f"device {n}", NOW) for n in range(40)]
    rooms = list(rooms_of(register, road_secrets, NOW + DEVICES_MAX).values())
    assert len(rooms) == ROOMS_MAX == ROOMS_PER_SOCKET_MAX
    assert rooms[:20] == [ticket.secret for ticket in reversed(hanging)]
    assert rooms[20:60] == list(reversed(issued))
    assert rooms[60:] == [device.key for device in reversed(devices)][: ROOMS_MAX - 60]
