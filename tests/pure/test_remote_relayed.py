"""Relayed bytes of a month: what counts, when, and what is left of it after a restart."""

from dataclasses import dataclass

import pytest

from qrshared.remote import RemoteVisitor, UsedRoad
from qrshared.remote.relayed import MONTHS_KEPT, RelayedBytes


async def nothing_lent() -> tuple[()]:
    return ()


@dataclass
class Line:
    """A link whose road and bytes a test decides."""

    road: UsedRoad | None = None
    moved: int = 0

    @property
    def visitor(self) -> RemoteVisitor:
        return RemoteVisitor(lambda: self.road, lambda: self.moved, lambda: None, nothing_lent)


@dataclass
class Calendar:
    month: str = "2026-11"

    def __call__(self) -> str:
        return self.month


def test_only_what_goes_through_a_relay_counts() -> None:
    relayed = RelayedBytes(Calendar())
    direct, relay = Line("direct"), Line("relay")
    with relayed.following(direct.visitor), relayed.following(relay.visitor):
        direct.moved, relay.moved = 1000, 10
        assert relayed.bytes() == 10
        relay.moved = 25
        assert relayed.bytes() == 25
        relay.moved = 40
    assert relayed.bytes() == 40  # what came after the last look, too
    assert relayed.dump() == {"2026-11": 40}


def test_what_was_moved_before_the_road_was_known_counts_once_it_is() -> None:
    relayed = RelayedBytes(Calendar())
    line = Line(None)
    with relayed.following(line.visitor):
        line.moved = 100
        assert relayed.bytes() == 0
        line.road = "relay"
        assert relayed.bytes() == 100
        assert relayed.bytes() == 100


def test_a_month_begins_at_zero_and_a_link_over_midnight_counts_in_both() -> None:
    calendar = Calendar()
    relayed = RelayedBytes(calendar)
    line = Line("relay")
    with relayed.following(line.visitor):
        line.moved = 100
        assert relayed.bytes() == 100
        calendar.month = "2026-12"
        assert relayed.bytes() == 0
        line.moved = 130
    assert (relayed.month, relayed.bytes()) == ("2026-12", 30)
    assert relayed.dump() == {"2026-11": 100, "2026-12": 30}


def test_a_clock_that_was_wrong_for_a_while_loses_nothing() -> None:
    calendar = Calendar()
    relayed = RelayedBytes(calendar)
    relayed.restore({"2026-11": 5})
    calendar.month = "1970-01"
    with relayed.following(Line("relay", 7).visitor):
        assert relayed.bytes() == 7
    calendar.month = "2026-11"
    assert relayed.bytes() == 5


def test_what_was_kept_goes_on_and_old_months_are_forgotten() -> None:
    calendar = Calendar("2031-01")
    relayed = RelayedBytes(calendar)
    relayed.restore({f"20{year}-{month:02}": year for year in range(24, 31) for month in range(1, 13)})
    with relayed.following(Line("relay", 3).visitor):
        pass
    kept = relayed.dump()
    assert len(kept) == MONTHS_KEPT
    assert kept["2031-01"] == 3
    again = RelayedBytes(calendar)
    again.restore(kept)
    assert again.bytes() == 3


@pytest.mark.parametrize(
    "document", [None, [], "2026-11", {"2026-11": "many"}, {"2026-11": -1}, {"2026-11": True}, {7: 7}]
)
def test_rubbish_that_was_kept_counts_nothing(document: object) -> None:
    relayed = RelayedBytes(Calendar())
    relayed.restore(document)
    assert relayed.bytes() == 0
