"""Who may hand whom an envelope: the table of meetings and its limits."""

import pytest

from qrshared.daemon.meetings import (
    ENVELOPES_BURST_MAX,
    ENVELOPES_PER_S,
    MEETING_LIFE_S,
    MEETINGS_MAX,
    MEETINGS_PER_DEVICE_MAX,
    MEETS_BURST_MAX,
    MEETS_PER_S,
    Meetings,
)
from qrshared.tickets import DEVICES_MAX

NOW = 1000.0


def test_an_envelope_is_for_the_other_side_of_its_meeting_and_for_nobody_else() -> None:
    meetings = Meetings()
    meeting = meetings.open("anna", "ben", NOW)
    other = meetings.open("carl", "anna", NOW)
    assert meetings.other(meeting.id, "anna", NOW) == "ben"
    assert meetings.other(meeting.id, "ben", NOW) == "anna"
    assert meetings.other(other.id, "anna", NOW) == "carl"
    assert meetings.other(meeting.id, "carl", NOW) is None
    assert meetings.other("0" * 32, "anna", NOW) is None
    assert len(meeting.id) == 32
    assert meeting.id != other.id


def test_a_meeting_ends_after_its_hour_with_a_new_one_of_the_same_two_and_with_either_device() -> None:
    meetings = Meetings()
    first = meetings.open("anna", "ben", NOW)
    assert meetings.other(first.id, "anna", NOW + MEETING_LIFE_S - 1) == "ben"
    assert meetings.other(first.id, "anna", NOW + MEETING_LIFE_S) is None
    second = meetings.open("ben", "anna", NOW)
    assert meetings.other(first.id, "anna", NOW) is None
    third = meetings.open("anna", "carl", NOW)
    meetings.end(["ben"])
    assert meetings.other(second.id, "anna", NOW) is None
    assert meetings.other(second.id, "ben", NOW) is None
    assert meetings.other(third.id, "anna", NOW) == "carl"  # the control
    assert len(meetings) == 1


def fill(meetings: Meetings, pairs: list[tuple[str, str]]) -> list[str]:
    return [meetings.open(first, second, NOW).id for first, second in pairs]


LIMITS = {
    "all together": (MEETINGS_MAX, [(f"a{n}", f"b{n}") for n in range(MEETINGS_MAX + 1)]),
    "of one device": (MEETINGS_PER_DEVICE_MAX, [("anna", f"b{n}") for n in range(MEETINGS_PER_DEVICE_MAX + 1)]),
    "of one device that is asked": (
        MEETINGS_PER_DEVICE_MAX,
        [(f"b{n}", "anna") for n in range(MEETINGS_PER_DEVICE_MAX + 1)],
    ),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_of_too_many_meetings_the_oldest_gives_way(limit: str) -> None:
    most, pairs = LIMITS[limit]
    meetings = Meetings()
    made = fill(meetings, pairs)
    assert len(meetings) == most
    alive = [one for one, (first, _) in zip(made, pairs, strict=True) if meetings.other(one, first, NOW)]
    assert alive == made[1:]


def test_ended_meetings_count_no_more() -> None:
    meetings = Meetings()
    fill(meetings, LIMITS["all together"][1])
    meetings.open("anna", "ben", NOW + MEETING_LIFE_S)
    assert len(meetings) == 1


def test_a_flood_of_envelopes_is_cut_to_its_allowance_whatever_meetings_it_is_spread_over() -> None:
    meetings = Meetings()
    ids = fill(meetings, [("anna", f"b{n}") for n in range(10)])
    passed = sum(meetings.other(ids[n % 10], "anna", NOW) is not None for n in range(1000))
    assert passed == ENVELOPES_BURST_MAX
    passed = sum(meetings.other(ids[n % 10], "anna", NOW + 2) is not None for n in range(1000))
    assert passed == 2 * ENVELOPES_PER_S
    assert meetings.other(ids[0], "b0", NOW) == "anna"  # the other side has its own
    assert meetings.other(ids[0], "anna", NOW) is None  # a clock set back gives nothing


def test_what_is_in_no_meeting_costs_nobody_an_allowance() -> None:
    meetings = Meetings()
    meeting = meetings.open("anna", "ben", NOW)
    for _ in range(1000):
        assert meetings.other("0" * 32, "anna", NOW) is None
        assert meetings.other(meeting.id, "carl", NOW) is None
    assert meetings.other(meeting.id, "anna", NOW) == "ben"


def test_introductions_are_asked_for_at_a_persons_pace() -> None:
    meetings = Meetings()
    assert sum(meetings.may_ask("anna", NOW) for _ in range(100)) == MEETS_BURST_MAX
    assert not meetings.may_ask("anna", NOW)
    assert meetings.may_ask("ben", NOW)
    assert sum(meetings.may_ask("anna", NOW + 1 / MEETS_PER_S) for _ in range(100)) == 1
    for number in range(DEVICES_MAX + 5):
        meetings.may_ask(f"phone {number}", NOW)
    assert len(meetings._meets) == DEVICES_MAX  # nobody is remembered for ever
