"""Who may have a relay: only two who each relayed to the other, and no more often than the table says."""

from hypothesis import given
from hypothesis import strategies as st

from qrshared.signaling.exchanged import Exchanged, TurnShares
from qrshared.signaling.limits import TURN_BURST_MAX, TURN_EVERY_S, EdgeLimits

ROOM, OTHER = "room", "other"


def test_one_way_is_not_enough_in_either_order() -> None:
    for first, second in (("sent", "got"), ("got", "sent")):
        exchanged = Exchanged()
        getattr(exchanged, first)(1, ROOM, "peer")
        assert not exchanged.went_both_ways(1, ROOM, "peer")
        getattr(exchanged, first)(1, ROOM, "peer")
        assert not exchanged.went_both_ways(1, ROOM, "peer"), "twice the same way is one way"
        getattr(exchanged, second)(1, ROOM, "peer")
        assert exchanged.went_both_ways(1, ROOM, "peer")
        for line, room, peer in ((2, ROOM, "peer"), (1, OTHER, "peer"), (1, ROOM, "another")):
            assert not exchanged.went_both_ways(line, room, peer)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["sent", "got", "peer gone", "room left"]),
        st.sampled_from([1, 2]),
        st.sampled_from([ROOM, OTHER]),
        st.sampled_from(["a", "b"]),
    )
)


@given(STEPS)
def test_it_agrees_with_a_plain_list_of_what_happened_and_keeps_nothing_of_who_left(
    steps: list[tuple[str, int, str, str]],
) -> None:
    exchanged, happened = Exchanged(), set[tuple[str, int, str, str]]()
    for what, line, room, peer in steps:
        match what:
            case "sent":
                exchanged.sent(line, room, peer)
                happened.add((what, line, room, peer))
            case "got":
                exchanged.got(line, room, peer)
                happened.add((what, line, room, peer))
            case "peer gone":
                exchanged.forget_peer(line, room, peer)
                happened -= {("sent", line, room, peer), ("got", line, room, peer)}
            case _:
                exchanged.forget_room(line, room)
                happened = {each for each in happened if (each[1], each[2]) != (line, room)}
    for line in (1, 2):
        for room in (ROOM, OTHER):
            for peer in ("a", "b"):
                both = {("sent", line, room, peer), ("got", line, room, peer)} <= happened
                assert exchanged.went_both_ways(line, room, peer) == both
    assert len(exchanged) == len({line for _, line, _, _ in happened})


def test_a_share_comes_back_with_time_and_nothing_old_is_kept() -> None:
    shares = TurnShares(EdgeLimits())
    assert shares.take(1, ROOM, "192.0.2.1", 0.0)
    assert not shares.take(1, ROOM, "192.0.2.1", TURN_EVERY_S - 0.1)
    assert shares.take(1, OTHER, "192.0.2.1", 1.0)
    assert shares.take(2, ROOM, "192.0.2.1", 1.0)
    assert shares.take(1, ROOM, "192.0.2.1", TURN_EVERY_S)
    assert shares.take(3, ROOM, "192.0.2.1", 10 * TURN_EVERY_S)
    assert len(shares) == 1


def test_an_address_has_its_share_and_its_neighbour_another() -> None:
    shares = TurnShares(EdgeLimits())
    given_out = [shares.take(line, ROOM, "192.0.2.1", 0.0) for line in range(int(TURN_BURST_MAX) + 5)]
    assert given_out.count(True) == TURN_BURST_MAX
    assert shares.take(999, ROOM, "192.0.2.2", 0.0)
    assert shares.take(1000, ROOM, "192.0.2.1", 61.0), "one a minute in the long run"
