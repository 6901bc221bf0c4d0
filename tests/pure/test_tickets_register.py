"""Enrolment, limits, and what survives a restart."""

import json
import secrets

import pytest

from qrshared.seal import Refusal, derive_keys
from qrshared.tickets import (
    DEVICES_MAX,
    TICKETS_MAX,
    Credential,
    Device,
    Enrolled,
    KeyMalformed,
    Life,
    NotATicket,
    Register,
    RegisterDamaged,
    RegisterFull,
    Right,
    Road,
    Ticket,
    TicketSpent,
    TooManyTickets,
    Trust,
    life_of,
)
from qrshared.tickets.register import PRINTED_S_MAX

NOW = 1_800_000_000.0
TRANSFER = "7a" * 16
ANOTHER = "7b" * 16
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


# --- enrolment --------------------------------------------------------------------------------------------------------


def test_the_same_key_again_is_the_same_device_and_costs_nothing() -> None:
    register = Register()
    credential = present(register, register.personal(NOW))
    key = secrets.token_bytes(32)
    first = register.enroll(credential, key, "phone", "phone", NOW)
    again = register.enroll(credential, key, "phone", "phone", NOW + 1)
    assert first.is_new
    assert not again.is_new
    assert again.device == first.device
    register.expire(NOW + HOUR)  # the ticket is gone, the handshake under it is still open
    assert register.enroll(credential, key, "phone", "phone", NOW + HOUR).device == first.device


def test_a_second_key_under_a_used_ticket_is_refused_even_in_an_open_handshake() -> None:
    register = Register()
    ticket = register.personal(NOW)
    racers = [present(register, ticket) for _ in range(5)]
    register.enroll(racers[0], secrets.token_bytes(32), "first", "phone", NOW)
    for racer in racers[1:]:
        with pytest.raises(TicketSpent):
            register.enroll(racer, secrets.token_bytes(32), "late", "phone", NOW)
    assert len(register.devices()) == 1
    assert register.find(key_of(ticket.secret), HOME, NOW) is Refusal.UNKNOWN_KEY


def test_a_ticket_revoked_in_the_middle_of_a_handshake_makes_no_device() -> None:
    register = Register()
    ticket = register.personal(NOW, life=Life.NEVER)
    credential = present(register, ticket)
    register.revoke_ticket(ticket.id)
    with pytest.raises(TicketSpent):
        register.enroll(credential, secrets.token_bytes(32), "late", "phone", NOW)
    assert register.devices() == []


def test_a_handshake_alone_does_not_use_a_ticket_up() -> None:
    register = Register()
    ticket = register.personal(NOW)
    for _ in range(10):
        present(register, ticket)
    assert enroll(register, ticket).is_new


def test_enrolling_after_the_end_is_refused() -> None:
    register = Register()
    credential = present(register, register.wall_ticket(NOW))
    with pytest.raises(TicketSpent):
        register.enroll(credential, secrets.token_bytes(32), "late", "phone", NOW + 15 * MINUTE)


def test_a_device_cannot_enroll_another_key() -> None:
    register = Register()
    device = enroll(register, register.wall_ticket(NOW)).device
    credential = register.find(bytes.fromhex(device.id), HOME, NOW)
    assert isinstance(credential, Credential)
    with pytest.raises(NotATicket):
        register.enroll(credential, secrets.token_bytes(32), "other", "phone", NOW)
    assert register.enroll(credential, device.key, "same", "phone", NOW).device == device


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    register = Register()
    with pytest.raises(KeyMalformed):
        register.enroll(present(register, register.wall_ticket(NOW)), bytes(length), "x", "phone", NOW)


def test_a_guest_who_scans_the_owners_code_becomes_trusted_and_a_trusted_one_at_the_wall_stays_so() -> None:
    register = Register()
    key = secrets.token_bytes(32)
    guest = enroll(register, register.wall_ticket(NOW), key=key).device
    register.rename(guest.id, "Anna")
    raised = enroll(register, register.personal(NOW), key=key)
    assert raised.device.trust is Trust.TRUSTED
    assert raised.device.id == guest.id
    assert raised.device.name == "Anna"
    assert not raised.is_new
    spare = register.personal(NOW)
    for ticket in (register.wall_ticket(NOW + 1), spare):
        assert enroll(register, ticket, key=key, now=NOW + 2).device == raised.device
    assert enroll(register, spare, now=NOW + 3).is_new  # what gave nothing was not used up


def test_a_guest_who_also_picks_up_gets_those_items_and_no_others() -> None:
    register = Register()
    key = secrets.token_bytes(32)
    enroll(register, register.wall_ticket(NOW), key=key)
    both = enroll(register, register.pick_up(NOW, ["a"]), key=key).device
    assert both.rights == {SEND, PICK_UP}
    assert both.items == frozenset("a")
    more = enroll(register, register.pick_up(NOW, ["b"]), key=key).device
    assert more.items == frozenset("ab")
    register.seen(more.id, NOW + HOUR)
    assert register.device(more.id).ends == NOW + DAY  # when the files' own codes end, however often it comes


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Anna's phone", "Anna's phone"),
        ("  two\n\tlines  ", "two lines"),
        ("gpj.\u202eexe", "gpj.exe"),
        ("\x1b[31mred\x07", "[31mred"),
        ("\u2066a\u2069\u200b\ufeff", "a"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("e\u0301", "é"),
        ("a\ud800b", "ab"),
        ("x" * 100, "x" * 60),
        ("", "Unnamed device"),
        ("\u202e \u200d", "Unnamed device"),
    ],
)
def test_a_name_is_one_clean_line(given: str, kept: str) -> None:
    register = Register()
    device = register.enroll(
        present(register, register.wall_ticket(NOW)), secrets.token_bytes(32), given, "phone", NOW
    ).device
    assert device.name == kept
    assert register.rename(device.id, given).name == kept
    json.dumps(register.dump()).encode("utf-8")


def test_each_device_has_a_name_of_its_own_and_a_second_key_of_one_phone_keeps_its_name() -> None:
    register = Register()

    def named(ticket: Ticket, name: str, road: Road = HOME, now: float = NOW, key: bytes | None = None) -> str:
        shown = present(register, ticket, road, now)
        return register.enroll(shown, key or secrets.token_bytes(32), name, "phone", now).device.name

    first = secrets.token_bytes(32)
    assert named(register.personal(NOW), "Pixel 8", key=first) == "Pixel 8"
    wall = register.wall_ticket(NOW)
    guests = [named(wall, name) for name in ("Pixel 8", "pixel 8", "Pixel 9")]
    assert guests == ["Pixel 8 (2)", "pixel 8 (3)", "Pixel 9"]
    assert [len(named(wall, "x" * 100)) for _ in range(2)] == [60, 60]
    device = next(one for one in register.devices() if one.key == first)
    assert named(register.second_key(device.id, NOW), "Pixel 8", AWAY) == "Pixel 8"
    assert named(register.wall_ticket(NOW), "Pixel 8", key=first) == "Pixel 8"
    later = NOW + 3 * DAY  # the guests are gone, and their names are free
    assert named(register.wall_ticket(later), "Pixel 9", now=later) == "Pixel 9"


# --- limits -----------------------------------------------------------------------------------------------------------


def test_the_oldest_idle_guest_makes_room_and_trusted_devices_never_do() -> None:
    register = Register()
    trusted = enroll(register, register.personal(NOW)).device
    wall = register.wall_ticket(NOW)
    guests = [enroll(register, wall, now=NOW + index).device for index in range(DEVICES_MAX - 1)]
    register.seen(guests[0].id, NOW + 500)
    added = enroll(register, wall, now=NOW + 600)
    assert added.displaced == guests[1].id
    assert len(register.devices()) == DEVICES_MAX
    assert trusted in register.devices()
    for guest in register.devices():
        register.trust(guest.id)
    with pytest.raises(RegisterFull):
        enroll(register, wall, now=NOW + 600)
    assert len(register.devices()) == DEVICES_MAX


def test_whoever_enrolls_hundreds_pushes_out_nobody_elses_guests() -> None:
    register = Register()
    hung_up = register.personal(NOW, life=Life.WEEK)
    friends = [enroll(register, hung_up, now=NOW).device for _ in range(20)]
    wall = register.wall_ticket(NOW + 1)
    for index in range(DEVICES_MAX * 2):
        enroll(register, wall, now=NOW + 2 + index / 1000)
    assert all(friend in register.devices() for friend in friends)


def test_a_connected_guest_makes_room_last() -> None:
    register = Register()
    wall = register.wall_ticket(NOW)
    first, second, *_ = [enroll(register, wall, now=NOW + index).device for index in range(DEVICES_MAX)]
    credential = present(register, wall)
    key = secrets.token_bytes(32)
    added = register.enroll(credential, key, "A phone", "phone", NOW + 300, busy=lambda device: device == first.id)
    assert added.displaced == second.id
    added = register.enroll(credential, bytes(32), "A phone", "phone", NOW + 301, busy=lambda _device: True)
    assert added.displaced == first.id


def test_tickets_are_bounded_and_codes_that_hang_somewhere_are_not_pushed_out() -> None:
    register = Register()
    printed = register.personal(NOW, life=Life.NEVER)
    for _ in range(TICKETS_MAX + 50):
        register.personal(NOW)
    assert len(register.tickets(NOW)) == TICKETS_MAX
    assert printed in register.tickets(NOW)
    for _ in range(TICKETS_MAX - 1):
        register.personal(NOW, life=Life.NEVER)
    with pytest.raises(TooManyTickets):
        register.personal(NOW, life=Life.NEVER)


def test_guests_share_a_day_and_trusted_devices_do_not_count() -> None:
    register = Register(guest_day_bytes=100)
    wall = register.wall_ticket(NOW)
    one, two = (enroll(register, wall).device.id for _ in range(2))
    trusted = enroll(register, register.personal(NOW)).device.id
    assert register.spend(one, TRANSFER, 60, NOW)
    assert register.spend(trusted, TRANSFER, 10_000, NOW)
    assert register.allow_bytes(two, 40, NOW)
    assert not register.allow_bytes(two, 41, NOW)
    assert not register.spend(two, TRANSFER, 41, NOW)
    assert register.spend(two, TRANSFER, 40, NOW)
    assert not register.spend(two, TRANSFER, 1, NOW + DAY - 1)
    assert not register.spend(two, TRANSFER, 1, NOW - HOUR)  # setting the clock back buys nothing
    assert register.allow_bytes(two, 100, NOW - 7 * DAY)  # but a clock that was days ahead does not lock guests out
    again = Register.load(register.dump(), guest_day_bytes=100)
    assert not again.spend(two, TRANSFER, 1, NOW + 1)
    assert again.spend(two, TRANSFER, 100, NOW + DAY)


def test_what_was_promised_to_one_transfer_is_not_promised_to_another() -> None:
    register = Register(guest_day_bytes=100)
    one, two = (enroll(register, register.wall_ticket(NOW)).device.id for _ in range(2))
    assert register.reserve(one, TRANSFER, 60, NOW)
    assert not register.reserve(two, TRANSFER, 41, NOW)  # another device may have chosen the same id
    assert not register.reserve(one, ANOTHER, 41, NOW)
    assert register.reserve(two, ANOTHER, 40, NOW)
    assert not register.allow_bytes(two, 1, NOW)
    assert not register.spend(two, TRANSFER, 1, NOW)
    assert register.spend(one, TRANSFER, 50, NOW)
    assert register.spend(two, ANOTHER, 40, NOW)
    register.release(one, TRANSFER)  # the ten that did not come are everybody's again
    assert register.spend(two, ANOTHER, 10, NOW)
    assert not register.spend(two, ANOTHER, 1, NOW)


def test_a_promise_is_renewed_and_never_adds_up() -> None:
    register = Register(guest_day_bytes=100)
    guest = enroll(register, register.wall_ticket(NOW)).device.id
    trusted = enroll(register, register.personal(NOW)).device.id
    for _ in range(3):
        assert register.reserve(guest, TRANSFER, 100, NOW)
    assert not register.reserve(guest, TRANSFER, 101, NOW)  # and then nothing is promised
    assert register.reserve(guest, ANOTHER, 100, NOW)
    assert register.reserve(trusted, TRANSFER, 10_000, NOW)
    for _ in range(3):
        register.release(guest, ANOTHER)
    assert register.allow_bytes(guest, 100, NOW)


# --- on disk ----------------------------------------------------------------------------------------------------------


def full_register() -> Register:
    register = Register()
    for ticket in (
        register.wall_ticket(NOW),
        register.personal(NOW),
        register.personal(NOW, life=Life.WEEK),
        register.pick_up(NOW, ["a", "b"]),
        register.owner(NOW),
    ):
        enroll(register, ticket, SECURE)
    return register


FREE_TEXT = {"name", "kind", "ticket"}  # of a device: any text will do


def test_a_register_with_any_field_missing_or_of_another_type_is_refused_whole() -> None:
    text = json.dumps(full_register().dump())
    for part in ("tickets", "devices"):
        for field in json.loads(text)[part][0]:
            document = json.loads(text)
            del document[part][0][field]
            if field in {"asked_by", "second_of"}:  # records of earlier versions have none; nothing is bounded by it
                assert Register.load(document).dump() == json.loads(text)
            else:
                with pytest.raises(RegisterDamaged):
                    Register.load(document)
            values: list[object] = [{}, True, float("nan")]
            if not (part == "devices" and field in FREE_TEXT):
                values.append("nonsense")
            for value in values:
                document = json.loads(text)
                document[part][0][field] = value
                with pytest.raises(RegisterDamaged):
                    Register.load(document)
    assert Register.load(json.loads(text)).dump() == json.loads(text)


@pytest.mark.parametrize("document", [None, [], "x", {}, {"format": 2}, {"format": 1, "tickets": {}, "devices": []}])
def test_what_is_no_register_is_refused_with_a_sentence(document: object) -> None:
    with pytest.raises(RegisterDamaged) as caught:
        Register.load(document)
    assert "Move the file away" in caught.value.sentence


def test_a_made_up_right_in_the_file_is_damage_and_not_ignored() -> None:
    document = json.loads(json.dumps(full_register().dump()))
    document["devices"][0]["rights"] = ["send", "everything"]
    with pytest.raises(RegisterDamaged):
        Register.load(document)


def test_randomness_is_handed_in() -> None:
    asked: list[int] = []

    def counted(length: int) -> bytes:
        asked.append(length)
        return bytes([len(asked)]) * length

    register = Register(random=counted)
    assert register.personal(NOW).secret == b"\x01" * 16
    assert register.owner(NOW).secret == b"\x02" * 16
    assert asked == [16, 16]


def test_devices_are_listed_the_latest_seen_first() -> None:
    register = Register()
    wall = register.wall_ticket(NOW)
    first, second = (enroll(register, wall, now=NOW + index).device for index in range(2))
    assert [device.id for device in register.devices()] == [second.id, first.id]
    register.seen(first.id, NOW + 9)
    assert [device.id for device in register.devices()] == [first.id, second.id]
    assert isinstance(register.device(first.id), Device)


def test_a_code_to_hang_up_may_live_for_any_time_up_to_a_year() -> None:
    assert [life_of(word) for word in ("once", "7d", "never", "90s", "2h")] == [
        Life.ONCE, Life.WEEK, Life.NEVER, 90.0, 7200.0,
    ]  # fmt: skip
    for word in ("", "0h", "02h", "2", "h", "-2h", "2.5h", "367d", "99999999d", "2h\n", "\u0662h", "ONCE"):
        with pytest.raises(ValueError, match="no life"):
            life_of(word)
    assert life_of(f"{PRINTED_S_MAX:.0f}s") == PRINTED_S_MAX
    with pytest.raises(ValueError, match="no life"):
        life_of(f"{PRINTED_S_MAX + 1:.0f}s")
    ticket = Register().personal(NOW, life=life_of("2h"))
    assert (ticket.expires, ticket.uses_left, ticket.rights) == (NOW + 7200, None, frozenset({Right.SEND}))
    assert ticket.is_alive(NOW + 7199)
    assert not ticket.is_alive(NOW + 7200)
