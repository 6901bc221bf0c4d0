"""A hostile edge, whatever it alters, swaps, replays or reflects: nobody hears what was not said to them here."""

import pytest

from qrshared.remote import OverReason, Role
from tests.pure import meeting_world
from tests.pure.meeting_mutations import MUTATIONS, Mutation, between, nothing, replaying
from tests.pure.meeting_world import (
    SECRET,
    Carried,
    Delivery,
    World,
    check_nothing_foreign_was_heard,
    honestly,
    is_everything_heard,
)

BOTH = pytest.mark.parametrize("other", list(Role))


def crowd(other: Role) -> World:
    """Two meetings of one room, and one of another room."""
    world = World()
    world.add_pair("a", other, attempt=1)
    world.add_pair("b", other, attempt=2)
    world.add_pair("c", other, attempt=3, secret=bytes(range(32)))
    return world


def recording(other: Role, nonces: tuple[bytes, bytes] | None = None) -> list[Carried]:
    """A whole meeting of the same room, as an edge saw it."""
    world = World()
    world.add_pair("a", other, attempt=4, nonces=nonces)
    world.run(honestly)
    assert is_everything_heard(world)
    return world.carried


def play(mutation: Mutation, other: Role) -> tuple[World, int]:
    """The world afterwards, and how many envelopes were not simply handed on."""
    world = crowd(other)
    carrier = mutation.make(world, recording(other))
    touched = len(world._queue)

    def counting(carried: Carried) -> list[Delivery]:
        nonlocal touched
        deliveries = list(carrier(carried))
        touched += deliveries != list(honestly(carried))
        return deliveries

    world.run(counting)
    return world, touched


def test_there_are_a_hundred_of_them() -> None:
    assert len({mutation.name for mutation in MUTATIONS}) >= 100


@BOTH
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_nothing_is_heard_that_was_not_said_here(mutation: Mutation, other: Role) -> None:
    world, touched = play(mutation, other)
    assert touched or (other is Role.PAGE and not mutation.where_all_are_pages), "this mutation changes nothing"
    check_nothing_foreign_was_heard(world)
    assert not any(b"offer of" in carried.blob or b"turn:" in carried.blob for carried in world.carried)
    for peer in world.peers.values():
        assert peer.is_verified or not peer.heard
    if mutation.heals:
        assert is_everything_heard(world)
        assert all(peer.meeting.over_reason is None and peer.is_verified for peer in world.peers.values())


@BOTH
def test_without_a_mutation_everything_is_heard(other: Role) -> None:
    world = crowd(other)
    world.run(honestly)
    check_nothing_foreign_was_heard(world)
    assert is_everything_heard(world)
    assert all(len(peer.heard) >= 3 and peer.meeting.spoiled == 0 for peer in world.peers.values())


@BOTH
def test_the_check_notices_a_carrier_that_knows_the_secret(other: Role) -> None:
    world, _ = play(Mutation("between", between(SECRET)), other)
    with pytest.raises(AssertionError, match="did not say"):
        check_nothing_foreign_was_heard(world)


@BOTH
def test_the_check_notices_peers_whose_nonces_are_not_fresh(other: Role) -> None:
    nonces = (bytes([1]) * 32, bytes([2]) * 32)
    world = World()
    world.add_pair("a", other, attempt=1, nonces=nonces)
    make = replaying(lambda at: at, lambda _: True)
    make(world, recording(other, nonces))
    world.run(nothing)
    with pytest.raises(AssertionError, match="did not say"):
        check_nothing_foreign_was_heard(world)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("all hellos dropped", OverReason.NO_ANSWER),
        ("all that a' seals dropped", OverReason.NO_ANSWER),
        ("sealed envelopes of a' cut to a head", OverReason.SPOILED),
        ("what a seals changed once it was verified", OverReason.SPOILED),
        ("what a' seals changed once it was verified", OverReason.SPOILED),
        ("all nonces chosen", OverReason.SPOILED),
        ("everything sent back instead", OverReason.REFLECTED),
    ],
)
def test_the_person_is_told_whether_somebody_is_between(name: str, reason: OverReason) -> None:
    mutation = next(mutation for mutation in MUTATIONS if mutation.name == name)
    world, _ = play(mutation, Role.HOME)
    assert world.peers["a"].meeting.over_reason is reason


def test_a_home_says_nothing_before_it_is_asked_and_little_before_it_is_shown_the_secret() -> None:
    world = World()
    world.add_pair("a")
    world.run(honestly, until=60)
    silent = World()
    silent.add_pair("a")
    silent.run(lambda carried: honestly(carried) if carried.is_hello else [])
    answers = [carried for carried in silent.carried if carried.sender == "a'"]
    asks = [carried for carried in silent.carried if carried.sender == "a" and carried.is_hello]
    assert all(carried.is_hello for carried in answers)
    assert len(answers) <= len(asks)
    assert silent.peers["a'"].meeting.over_reason is OverReason.NO_ANSWER
    assert world.peers["a'"].meeting.over_reason is None


def test_a_deaf_world_is_left_after_its_time() -> None:
    world = World()
    world.add_pair("a", Role.PAGE)
    world.run(nothing)
    assert {peer.meeting.over_reason for peer in world.peers.values()} == {OverReason.NO_ANSWER}
    assert world.now <= meeting_world.LONG_ENOUGH_S
    hellos = [carried.at for carried in world.carried if carried.sender == "a"]
    assert hellos == [0, 1, 3, 7, 15, 23]
