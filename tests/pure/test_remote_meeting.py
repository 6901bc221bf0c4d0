"""Meetings: the recordings both languages play, any fate of envelopes, and the bounds."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qrshared.errors import LocalError
from qrshared.remote import (
    Answer,
    Bye,
    Call,
    Candidate,
    Failed,
    FailReason,
    Heard,
    IceServer,
    Meeting,
    MeetingMessage,
    MeetingSpoiled,
    NoAnswer,
    Offer,
    OverReason,
    RoadUsed,
    Role,
    Servers,
    SpeaksDifferently,
    State,
)
from qrshared.remote.messages import (
    ATTEMPTS_MAX,
    CANDIDATE_CHARACTERS_MAX,
    CANDIDATES_MAX,
    MID_CHARACTERS_MAX,
    SDP_CHARACTERS_MAX,
    SERVERS_MAX,
    URL_CHARACTERS_MAX,
    Got,
    Said,
    WrongMessage,
    decode,
    encode_got,
    encode_said,
)
from qrshared.remote.outbox import UNCONFIRMED_MAX
from tests.pure.meeting_world import (
    SECRET,
    Carried,
    Delivery,
    Peer,
    World,
    check_nothing_foreign_was_heard,
    honestly,
    is_everything_heard,
    other_of,
)
from tests.vectors.make_meetings import play

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "meetings.json").read_text(encoding="ascii"))
MESSAGES = VECTORS["messages"]


@pytest.mark.parametrize("vector", VECTORS["meetings"], ids=lambda vector: vector["name"])
def test_a_recorded_meeting_goes_as_it_went(vector: dict[str, object]) -> None:
    peers, steps = vector["peers"], vector["steps"]
    assert isinstance(peers, list)
    assert isinstance(steps, list)
    secret = bytes.fromhex(str(vector["secret"]))
    meetings = [Meeting(secret, Role(peer["role"]), now=0, nonce=bytes.fromhex(peer["nonce"])) for peer in peers]
    for step in steps:
        given_ = {name: step[name] for name in ("who", "at", "do", "message", "blob") if name in step}
        assert {**given_, **play(meetings[step["who"]], given_)} == step


@pytest.mark.parametrize("text", MESSAGES["valid"])
def test_a_message_goes_there_and_back(text: str) -> None:
    said = decode(text.encode())
    assert (encode_got(said) if isinstance(said, Got) else _again(said)).decode() == text


def _again(said: Said) -> bytes:
    assert said.message is not None
    return encode_said(said.n, said.message)


@pytest.mark.parametrize(("text", "spelt"), MESSAGES["same"])
def test_another_spelling_is_the_same_message(text: str, spelt: str) -> None:
    assert decode(text.encode()) == decode(spelt.encode())


@pytest.mark.parametrize("text", MESSAGES["unknown"])
def test_a_message_of_a_later_version_has_its_place(text: str) -> None:
    assert decode(text.encode()) == Said(3, None)


@pytest.mark.parametrize("text", MESSAGES["wrong"])
def test_what_is_not_in_the_table_is_refused(text: str) -> None:
    with pytest.raises(WrongMessage):
        decode(text.encode())


@given(st.binary(max_size=300))
def test_nonsense_is_refused_and_nothing_else(plaintext: bytes) -> None:
    with pytest.raises(WrongMessage):
        decode(plaintext)


SERVER = IceServer(("turn:x",), "u", "c")
AT_THE_BOUND: list[MeetingMessage] = [
    Call(ATTEMPTS_MAX),
    Offer(1, "s" * SDP_CHARACTERS_MAX),
    Candidate(1, "c" * CANDIDATE_CHARACTERS_MAX, "m" * MID_CHARACTERS_MAX, 65_535),
    Servers(1, (SERVER,) * SERVERS_MAX),
    Servers(1, (IceServer(("stun:" + "x" * (URL_CHARACTERS_MAX - 5),) * SERVERS_MAX),)),
]
BEYOND: list[MeetingMessage] = [
    Call(ATTEMPTS_MAX + 1),
    Call(-1),
    Offer(1, "s" * (SDP_CHARACTERS_MAX + 1)),
    Answer(1, "\ud800"),
    Candidate(1, "c" * (CANDIDATE_CHARACTERS_MAX + 1)),
    Candidate(1, "", "m" * (MID_CHARACTERS_MAX + 1)),
    Servers(1, (SERVER,) * (SERVERS_MAX + 1)),
    Servers(1, (IceServer(()),)),
    Servers(1, (IceServer(("https://x",)),)),
    Servers(1, (IceServer(("stun:" + "x" * (URL_CHARACTERS_MAX - 4),)),)),
]


@pytest.mark.parametrize("message", AT_THE_BOUND, ids=lambda message: type(message).__name__)
def test_a_message_at_its_bound_is_said(message: MeetingMessage) -> None:
    assert decode(encode_said(0, message)) == Said(0, message)


@pytest.mark.parametrize("message", BEYOND, ids=lambda message: type(message).__name__)
def test_to_say_more_is_our_own_fault(message: MeetingMessage) -> None:
    with pytest.raises(LocalError):
        encode_said(0, message)


def met(other: Role = Role.HOME) -> tuple[World, Peer, Peer]:
    """Two verified peers that say only what they are told to."""
    world = World()
    one, two = world.add_pair("a", other, nonces=(bytes(32), b"\1" * 32))
    one.is_silent = two.is_silent = True
    world.run(honestly, until=0.5)
    assert one.meeting.state is two.meeting.state is State.VERIFIED
    return world, one, two


@pytest.mark.parametrize(
    ("other", "is_first", "message"),
    [
        (Role.HOME, True, Servers(1, ())),
        (Role.HOME, True, Answer(1, "")),
        (Role.HOME, False, Call(1)),
        (Role.HOME, False, Offer(1, "")),
        (Role.HOME, False, RoadUsed(1, "relay")),
        (Role.PAGE, True, Call(1)),
        (Role.PAGE, True, Servers(1, ())),
        (Role.PAGE, True, Answer(1, "")),
        (Role.PAGE, False, Servers(1, ())),
        (Role.PAGE, False, Offer(1, "")),
        (Role.PAGE, False, RoadUsed(1, "direct")),
    ],
)
def test_nobody_says_what_the_other_side_says(other: Role, is_first: bool, message: MeetingMessage) -> None:
    _, one, two = met(other)
    with pytest.raises(LocalError):
        (one if is_first else two).meeting.say(message, 1)


def test_nothing_is_said_before_they_met() -> None:
    with pytest.raises(LocalError):
        Meeting(SECRET, Role.PAGE, now=0).say(Call(1), 0)


@pytest.mark.parametrize("other", list(Role))
def test_the_page_initiates_towards_a_home_and_the_smaller_nonce_between_pages(other: Role) -> None:
    world = World()
    one, two = world.add_pair("a", other, nonces=(b"\2" * 32, b"\1" * 32))
    world.run(honestly, until=0.5)
    assert (one.meeting.is_initiator, two.meeting.is_initiator) == (other is Role.HOME, other is Role.PAGE)
    assert one.meeting.peer_role is other


def test_two_homes_ignore_each_other() -> None:
    one, two = (Meeting(SECRET, Role.HOME, now=0) for _ in range(2))
    page = Meeting(SECRET, Role.PAGE, now=0)
    page.start(0)
    assert one.receive(page.blobs_to_send(0)[0], 0)
    [hello] = one.blobs_to_send(0)
    assert two.receive(hello, 0) == []
    assert two.blobs_to_send(0) == []


def test_candidates_beyond_the_bound_are_neither_said_nor_heard() -> None:
    world, one, two = met()
    for number in range(CANDIDATES_MAX + 5):
        one.meeting.say(Candidate(1, f"{number}"), world.now)
    one.meeting.say(Candidate(1, ""), world.now)
    one.meeting.say(Candidate(2, "next attempt"), world.now)
    world.run(honestly, until=2)
    assert len(two.heard) == CANDIDATES_MAX + 2
    two.meeting._candidates_heard[2] = CANDIDATES_MAX
    one.meeting.say(Candidate(2, "one more than it heard"), world.now)
    one.meeting.say(Failed(2, FailReason.ICE), world.now)
    world.run(honestly, until=4)
    assert two.heard[-1] == Failed(2, FailReason.ICE)
    assert len(two.heard) == CANDIDATES_MAX + 3


def test_who_says_much_and_hears_nothing_has_a_fault() -> None:
    _, one, _ = met()
    for _number in range(UNCONFIRMED_MAX):
        one.meeting.say(Failed(1, FailReason.ICE), 1)
    with pytest.raises(LocalError):
        one.meeting.say(Failed(1, FailReason.ICE), 1)


def test_what_is_not_confirmed_is_said_again_less_and_less_often_and_given_up() -> None:
    world, one, _ = met()
    began = world.now
    one.meeting.say(Call(1), began)
    before = len(world.carried)
    world.run(lambda _: [], until=began + 60)
    moments = [round(carried.at - began, 2) for carried in world.carried[before:]]
    assert moments == [0, 1, 2.6, 5.16, 9.26, 15.81, 23.81]
    assert one.meeting.over_reason is OverReason.NO_ANSWER
    assert round(world.now - began) == 30


def test_a_bye_is_the_end_on_both_sides_with_what_was_said_before_it() -> None:
    world, one, two = met()
    one.meeting.say(Call(1), world.now)
    one.meeting.say(Bye(), world.now)
    one.meeting.say(Call(2), world.now)
    world.run(honestly, until=3)
    assert two.heard == [Call(1), Bye()]
    assert one.meeting.over_reason is two.meeting.over_reason is OverReason.BYE
    assert one.meeting.next_due() is None
    assert one.meeting.receive(b"\x02" + bytes(40), 3) == []


def test_a_bye_before_anybody_is_there_goes_nowhere() -> None:
    meeting = Meeting(SECRET, Role.PAGE, now=0)
    meeting.start(0)
    meeting.say(Bye(), 0)
    assert meeting.blobs_to_send(0) == []


def test_each_end_has_its_sentence_but_a_bye() -> None:
    errors = {reason: reason.error for reason in OverReason}
    assert errors.pop(OverReason.BYE) is None
    kinds = {reason: type(error) for reason, error in errors.items()}
    assert kinds == {
        OverReason.NO_ANSWER: NoAnswer,
        OverReason.SPOILED: MeetingSpoiled,
        OverReason.REFLECTED: MeetingSpoiled,
        OverReason.WRONG: SpeaksDifferently,
    }
    assert all("{" not in str(error) for error in errors.values())


FATES = st.lists(st.lists(st.floats(0, 12), max_size=3), max_size=60)


@settings(max_examples=300, deadline=None)
@given(FATES, st.sampled_from(list(Role)))
def test_whatever_is_lost_doubled_or_late_all_is_heard_once_in_order_or_it_is_over(
    fates: list[list[float]], other: Role
) -> None:
    world = World()
    peers = world.add_pair("a", other)
    left = list(fates)

    def carrier(carried: Carried) -> Sequence[Delivery]:
        delays = left.pop() if left else [0.0]
        return [(other_of(carried.sender), carried.blob, delay) for delay in delays]

    world.run(carrier, until=200)
    check_nothing_foreign_was_heard(world)
    if all(peer.meeting.over_reason is None for peer in peers):
        assert is_everything_heard(world)
        assert all(peer.meeting.state is State.VERIFIED for peer in peers)
    assert all(peer.meeting.spoiled == 0 for peer in peers)


def test_a_heard_message_is_what_was_said() -> None:
    world, one, two = met()
    one.meeting.say(Call(1), world.now)
    blobs = one.meeting.blobs_to_send(world.now)
    assert [event for blob in blobs for event in two.meeting.receive(blob, world.now)] == [Heard(Call(1))]
