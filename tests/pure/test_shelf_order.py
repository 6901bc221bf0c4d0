"""Small things go before big ones, and alike ones as they were."""

from qrshared.shelf import size_class, small_first

CLASSES = {
    0: 0, 65_535: 0, 65_536: 1, 1_048_575: 1, 1_048_576: 2, 16_777_215: 2, 16_777_216: 3, 2**32: 5, 2**53 - 1: 10,
}  # fmt: skip


def test_each_class_is_sixteen_times_larger_as_on_the_page() -> None:
    assert {size: size_class(size) for size in CLASSES} == CLASSES


def test_alike_ones_keep_their_order() -> None:
    things = [("film", 2**31), ("b.jpg", 3_000_000), ("a.jpg", 4_000_000), ("note", 10), ("empty", 0)]
    assert [name for name, _ in small_first(things, lambda one: one[1])] == ["note", "empty", "b.jpg", "a.jpg", "film"]
