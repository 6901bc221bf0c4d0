"""What was proposed and never accepted: named to its own device, bounded, and forgotten once it comes after all."""

from qrshared.protocol import Item
from qrshared.sessions.left_behind import ITEMS_MAX, NAMES_MAX, TRANSFERS_MAX, LeftBehind

ANNA, BEN = "a" * 32, "b" * 32


def names(left: LeftBehind, device: str) -> list[tuple[str, str]]:
    return [(one.transfer, one.name) for one in left.of(device)]


def test_each_device_hears_of_its_own_until_the_same_files_come() -> None:
    left = LeftBehind()
    left.keep(ANNA, "1", [Item("a.jpg", 3), Item("b.jpg", 5)])
    left.keep(BEN, "1", [Item("a.jpg", 3)])
    left.go_on(ANNA, ["1"], [Item("a.jpg", 3), Item("b.jpg", 6)])  # another size: another file
    assert names(left, ANNA) == [("1", "b.jpg")]
    left.go_on(ANNA, ["2"], [Item("b.jpg", 5)])  # it does not say that it continues that one
    assert left.transfers(ANNA) == ["1"]
    left.go_on(ANNA, ["2", "1"], [Item("b.jpg", 5)])
    assert (names(left, ANNA), names(left, BEN)) == ([], [("1", "a.jpg")])
    left.forget(BEN)
    assert names(left, BEN) == []


def test_neither_many_transfers_nor_many_files_fill_the_memory() -> None:
    left = LeftBehind()
    left.keep(ANNA, "first", [Item("a", 1)] * (ITEMS_MAX + 1))
    assert len(left.of(ANNA)) == ITEMS_MAX
    left.keep(ANNA, "long", [Item("a" * 4000, 1)] * ITEMS_MAX)
    long = [one for one in left.of(ANNA) if one.transfer == "long"]
    assert NAMES_MAX - 4000 < sum(len(one.name) for one in long) <= NAMES_MAX
    for number in range(TRANSFERS_MAX):
        left.keep(BEN, str(number), [Item("a", 1)])
    assert left.of(ANNA) == []
    assert len(left.transfers(BEN)) == TRANSFERS_MAX
