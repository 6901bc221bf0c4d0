"""Rooms as pure rules: who hears what, and that nobody else does."""

from collections.abc import Iterable
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from qrshared.signaling.bus import Member
from qrshared.signaling.limits import MEMBERSHIP_S, PEERS_PER_ROOM_MAX, ROOM_LINGER_S, ROOMS_MAX, ROOMS_PER_SOCKET_MAX
from qrshared.signaling.messages import Joined, Left, Presence, Refuse, RefuseReason, Relay, Relayed
from qrshared.signaling.rooms import Change, Rooms, ToLine, ToNode
from qrshared.signaling.told import Arrived, Carried, Departed

R, S = "R" * 21 + "A", "S" * 21 + "A"


def rooms_of(node: str = "here", **limits: int) -> Rooms:
    numbers = count()
    return Rooms(node=node, new_peer=lambda: f"{node}-{next(numbers)}", **limits)


def said_to(line: int, change: Change | Iterable[object]) -> list[object]:
    deliveries = change.deliveries if isinstance(change, Change) else change
    return [each.message for each in deliveries if isinstance(each, ToLine) and each.line == line]


def test_two_peers_meet_and_part() -> None:
    rooms = rooms_of()
    assert rooms.join(1, [R], 0).deliveries == (ToLine(1, Joined((Presence(R, "here-0", ()),))),)
    met = rooms.join(2, [R], 0)
    assert said_to(2, met) == [Joined((Presence(R, "here-1", ("here-0",)),))]
    assert said_to(1, met) == [Joined((Presence(R, "here-0", ("here-1",)),))]
    assert met.entered == (Member(R, "here-1", "here"),)
    parted = rooms.leave(2, 1)
    assert parted.deliveries == (ToLine(1, Left(R, "here-1")),)
    assert parted.departed == (Member(R, "here-1", "here"),)


def test_an_envelope_goes_to_exactly_one_peer_and_never_back() -> None:
    rooms = rooms_of()
    for line in (1, 2, 3):
        rooms.join(line, [R], 0)
    assert rooms.relay(1, Relay(R, "here-2", 9, "x")) == (ToLine(3, Relayed(R, "here-0", 9, "x")),)
    assert rooms.relay(1, Relay(R, "here-0", 9, "x")) == (), "to itself"
    assert rooms.relay(1, Relay(R, "nobody-0", 9, "x")) == ()
    assert rooms.relay(4, Relay(R, "here-0", 9, "x")) == (), "who is not in the room reaches nobody in it"
    rooms.join(4, [S], 0)
    assert rooms.relay(4, Relay(R, "here-0", 9, "x")) == ()
    assert rooms.relay(4, Relay(S, "here-0", 9, "x")) == (), "a peer's id counts in its own room only"


def test_one_line_is_somebody_else_in_each_room_and_after_each_join() -> None:
    rooms = rooms_of()
    rooms.join(1, [R, S, R], 0)
    assert len({member.peer for member in rooms.members()}) == 2
    again = rooms.join(1, [R], 0)
    assert again.entered == ()
    assert said_to(1, again) == [Joined((Presence(R, "here-0", ()),))], "the same join again tells the same"
    rooms.leave(1, 0, [R])
    assert said_to(1, rooms.join(1, [R], 0)) == [Joined((Presence(R, "here-2", ()),))]


def test_a_room_nobody_knows_answers_like_one_where_nobody_is_yet() -> None:
    rooms = rooms_of()
    rooms.join(1, [R], 0)
    rooms.leave(1, 0)
    known, unknown = rooms.join(2, [R], 1), rooms.join(3, [S], 1)
    assert [type(each.message) for each in known.deliveries if isinstance(each, ToLine)] == [Joined]
    assert said_to(2, known) == [Joined((Presence(R, "here-1", ()),))]
    assert said_to(3, unknown) == [Joined((Presence(S, "here-2", ()),))]


def test_the_ninth_peer_is_refused_and_the_eight_hear_nothing_of_it() -> None:
    rooms = rooms_of()
    for line in range(PEERS_PER_ROOM_MAX):
        rooms.join(line, [R], 0)
    change = rooms.join(99, [R, S], 0)
    assert change.deliveries == (
        ToLine(99, Joined((Presence(S, "here-8", ()),))),
        ToLine(99, Refuse(RefuseReason.CROWDED, R)),
    )
    rooms.leave(0, 1)
    assert rooms.join(99, [R], 1).entered


def test_a_line_is_in_so_many_rooms_and_no_more() -> None:
    rooms = rooms_of()
    names = [f"{n:021d}A" for n in range(ROOMS_PER_SOCKET_MAX + 1)]
    rooms.join(1, names[:-1], 0)
    assert rooms.join(1, names[-1:], 0).deliveries == (ToLine(1, Refuse(RefuseReason.TOO_MANY_ROOMS, names[-1])),)
    rooms.leave(1, 0, names[:1])
    assert rooms.join(1, names[-1:], 0).entered


def test_a_full_edge_forgets_empty_rooms_first_and_then_takes_nobody_in() -> None:
    assert ROOMS_MAX > 0
    rooms = rooms_of(rooms_most=2)
    rooms.join(1, [R], 0)
    rooms.leave(1, 0)
    rooms.join(1, [S], 0)
    third = "T" * 21 + "A"
    assert rooms.join(2, [third], 1).entered, "the empty one gave way"
    assert rooms.join(3, [R], 1).deliveries == (ToLine(3, Refuse(RefuseReason.FULL, R)),)
    assert rooms.join(3, [S], 1).entered, "a room that is there may still be joined"


def test_an_empty_room_lingers_for_ten_minutes() -> None:
    rooms = rooms_of()
    rooms.join(1, [R, S], 0)
    rooms.leave(1, 100)
    assert (rooms.occupied, rooms.empty) == (0, 2)
    assert rooms.expire(100 + ROOM_LINGER_S - 1) == 0
    rooms.join(2, [R], 200)
    assert rooms.expire(100 + ROOM_LINGER_S) == 1
    assert (rooms.occupied, rooms.empty) == (1, 0), "while somebody is there it lives"
    assert rooms.expire(1e9) == 0


def test_peers_of_two_nodes_meet_talk_and_part() -> None:
    here, there = rooms_of("here"), rooms_of("there")
    here.join(1, [R], 0)
    mine = here.members()[0]
    entered = there.join(5, [R], 0).entered
    # the bus answers the one who came second with both
    change = there.account(entered, {R: frozenset((mine, *entered))}, 0)
    assert said_to(5, change) == [Joined((Presence(R, "there-0", ("here-0",)),))]
    told = [each.told for each in change.deliveries if isinstance(each, ToNode) and each.node == "here"]
    assert told == [Arrived(R, "there-0", "there")]
    assert said_to(1, here.hear(told[0], 0)) == [Joined((Presence(R, "here-0", ("there-0",)),))]
    assert here.hear(told[0], 0) == (), "said twice is heard once"

    (carried,) = here.relay(1, Relay(R, "there-0", 4, "x"))
    assert carried == ToNode("there", Carried(R, "there-0", "here-0", 4, "x"))
    assert isinstance(carried, ToNode)
    assert there.hear(carried.told, 0) == (ToLine(5, Relayed(R, "here-0", 4, "x")),)

    gone = here.leave(1, 1)
    assert gone.deliveries == (ToNode("there", Departed(R, "here-0")),)
    assert said_to(5, there.hear(Departed(R, "here-0"), 1)) == [Left(R, "here-0")]
    assert there.hear(Departed(R, "there-0"), 1) == (), "nobody else says who is here"
    assert there.hear(Carried(R, "nobody-0", "here-0", 1, "x"), 1) == ()


def test_a_killed_node_is_missed_twice_before_its_peers_are_gone() -> None:
    rooms = rooms_of()
    change = rooms.join(1, [R], 0)
    other = Member(R, "far-0", "far")
    rooms.account(change.entered, {R: frozenset((*change.entered, other))}, 0)
    alone = {R: frozenset(change.entered)}
    assert rooms.account(change.entered, alone, 1).deliveries == (), "this account may be older than its coming"
    assert said_to(1, rooms.account(change.entered, alone, 2)) == [Left(R, "far-0")]


def test_a_bus_that_has_just_come_back_is_no_proof_that_somebody_is_gone() -> None:
    rooms = rooms_of()
    change = rooms.join(1, [R], 0)
    rooms.account(change.entered, {R: frozenset((*change.entered, Member(R, "far-0", "far")))}, 0)
    rooms.resume(100)
    alone = {R: frozenset(change.entered)}
    for now in (100, 110, 100 + MEMBERSHIP_S - 1, 100 + MEMBERSHIP_S):
        assert rooms.account(change.entered, alone, now).deliveries == ()
    assert said_to(1, rooms.account(change.entered, alone, 140)) == [Left(R, "far-0")]


def test_who_was_too_late_elsewhere_leaves_and_is_told_why() -> None:
    rooms = rooms_of()
    first = rooms.join(1, [R], 0).entered
    late = rooms.join(2, [R], 0).entered
    change = rooms.account(late, {R: frozenset(first)}, 0)
    assert said_to(2, change) == [Refuse(RefuseReason.CROWDED, R)]
    assert said_to(1, change) == [Left(R, "here-1")]
    assert change.departed == late
    assert rooms.account(late, {R: frozenset(first)}, 0).deliveries == (), "an answer may come after its peer has left"


def test_an_answer_about_one_peer_says_nothing_about_those_who_came_since() -> None:
    rooms = rooms_of()
    first = rooms.join(1, [R], 0).entered
    rooms.join(2, [R], 0)
    assert rooms.account(first, {R: frozenset(first)}, 0) == Change()


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["join", "leave", "relay"]), st.integers(0, 3), st.sampled_from([R, S]), st.integers(0, 9)
    ),
    max_size=60,
)


@given(STEPS)
def test_whatever_is_done_everybody_knows_exactly_who_is_there(steps: list[tuple[str, int, str, int]]) -> None:
    """Each line keeps, from what it hears alone, what the rooms hold; and an envelope has one reader."""
    rooms = rooms_of(peers_per_room=3)
    believed: dict[tuple[int, str], tuple[str, set[str]]] = {}
    for kind, line, room, number in steps:
        change = Change()
        if kind == "join":
            change = rooms.join(line, [room], 0)
        elif kind == "leave":
            change = rooms.leave(line, 0, [room])
            believed.pop((line, room), None)
        else:
            deliveries = rooms.relay(line, Relay(room, f"here-{number}", 1, "x"))
            owners = [owner for (owner, name), (you, _) in believed.items() if name == room and you == f"here-{number}"]
            expected = [owner for owner in owners if owner != line] if (line, room) in believed else []
            assert [each.line for each in deliveries if isinstance(each, ToLine)] == expected
        for each in change.deliveries:
            assert isinstance(each, ToLine)
            if isinstance(each.message, Joined):
                for state in each.message.present:
                    believed[each.line, state.room] = (state.you, set(state.peers))
            elif isinstance(each.message, Left):
                believed[each.line, each.message.room][1].discard(each.message.peer)
        for (owner, name), (you, peers) in believed.items():
            there = {member.peer for member in rooms.members() if member.room == name}
            assert peers == there - {you}, (owner, name)
        assert rooms.occupied == len({name for _, name in believed})
