"""A token bucket never lets too much through and always refills; many of them take no more room than they may."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qrshared.buckets import Buckets, TokenBucket

STEPS = st.lists(st.tuples(st.floats(0, 10), st.floats(0.1, 20)), min_size=1, max_size=60)


@given(STEPS, st.floats(1, 50), st.floats(0.1, 5))
def test_a_bucket_never_lets_more_through_than_its_burst_and_its_rate(
    steps: list[tuple[float, float]], burst: float, per_s: float
) -> None:
    bucket, now, taken = TokenBucket(per_s=per_s, burst=burst, now=0.0), 0.0, 0.0
    for wait_s, amount in steps:
        now += wait_s
        taken += amount if bucket.take(amount, now) else 0.0
        assert taken <= burst + per_s * now + 1e-6


def test_a_bucket_refills_and_a_clock_that_stands_still_gives_nothing() -> None:
    bucket = TokenBucket(per_s=0.5, burst=3, now=0.0)
    assert [bucket.take(1, 0.0) for _ in range(5)] == [True, True, True, False, False]
    assert not bucket.take(1, 1.9)
    assert bucket.take(1, 2.1)
    assert [bucket.take(1, 1e6) for _ in range(4)] == [True, True, True, False]
    assert not bucket.take(1, 0.0), "a clock that goes back gives nothing"


def test_what_happened_already_is_counted_down_to_nothing_and_owes_nothing() -> None:
    bucket = TokenBucket(per_s=1, burst=2, now=0.0)
    for _ in range(5):
        bucket.lose(1, 0.0)
    assert bucket.left(0.0) == 0
    assert bucket.left(1.5) == pytest.approx(1.5)
    bucket.lose(2, 1.5)
    assert bucket.left(1.5) == 0
    assert bucket.left(2.5) == pytest.approx(1)


def test_each_key_has_its_own_and_a_look_takes_nothing() -> None:
    buckets = Buckets(per_s=1, burst=1, most=10)
    assert buckets.left("anna", 0.0) == 1
    assert len(buckets) == 0
    assert buckets.take("anna", 0.0)
    assert not buckets.take("anna", 0.0)
    assert buckets.left("anna", 0.0) == 0
    assert buckets.take("ben", 0.0)
    assert buckets.take("anna", 1.0)


def test_beyond_the_most_the_one_used_longest_ago_is_forgotten() -> None:
    buckets = Buckets(per_s=0.001, burst=1, most=3)
    for key in ("a", "b", "c", "a", "d"):
        buckets.lose(key, 0.0)
    assert len(buckets) == 3
    assert [key for key in "abcd" if buckets.left(key, 0.0) == 1] == ["b"]
