"""Token buckets never let too much through and always refill; a visit counts against the address it comes from."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qrshared.signaling.client_address import client_address
from qrshared.signaling.limits import (
    EDGE_SOCKETS_MAX,
    LIMITS,
    VISITORS_MAX,
    VISITS_BURST_MAX,
    VISITS_PER_S,
    EdgeLimits,
    TokenBucket,
    Visits,
    affordable_sockets,
)

STEPS = st.lists(st.tuples(st.floats(0, 10), st.floats(0.1, 20)), min_size=1, max_size=60)


@given(STEPS, st.floats(1, 50), st.floats(0.1, 5))
def test_a_bucket_never_lets_more_through_than_its_burst_and_its_rate(
    steps: list[tuple[float, float]], burst: float, per_s: float
) -> None:
    bucket, now, taken = TokenBucket(burst, 0.0), 0.0, 0.0
    for wait_s, amount in steps:
        now += wait_s
        taken += amount if bucket.take(amount, per_s=per_s, burst=burst, now=now) else 0.0
        assert taken <= burst + per_s * now + 1e-6


def test_a_bucket_refills_and_a_clock_that_stands_still_gives_nothing() -> None:
    bucket = TokenBucket(3, 0.0)
    take = [bucket.take(1, per_s=0.5, burst=3, now=0.0) for _ in range(5)]
    assert take == [True, True, True, False, False]
    assert not bucket.take(1, per_s=0.5, burst=3, now=1.9)
    assert bucket.take(1, per_s=0.5, burst=3, now=2.1)
    assert [bucket.take(1, per_s=0.5, burst=3, now=1e6) for _ in range(4)] == [True, True, True, False]
    assert not bucket.take(1, per_s=0.5, burst=3, now=0.0), "a clock that goes back gives nothing"


def test_visits_are_counted_by_address_and_by_64() -> None:
    visits = Visits()
    burst = int(VISITS_BURST_MAX)
    assert all(visits.take(f"2001:db8:0:1::{n:x}", 0.0) for n in range(burst))
    assert not visits.take("2001:db8:0:1:ffff::1", 0.0)
    assert visits.take("2001:db8:0:2::1", 0.0)
    assert visits.take("192.0.2.1", 0.0)
    assert visits.take("2001:db8:0:1::1", 1 / VISITS_PER_S + 0.1)


def test_a_flood_of_addresses_does_not_grow_the_table() -> None:
    visits = Visits()
    for n in range(VISITORS_MAX + 500):
        visits.take(str(ipaddress.IPv4Address(n)), 0.0)
    assert len(visits) == VISITORS_MAX


def test_sockets_fit_into_the_descriptors() -> None:
    assert 0 < affordable_sockets() <= EDGE_SOCKETS_MAX


def test_the_table_and_what_an_edge_uses_are_the_same_numbers() -> None:
    numbers = {limit.number for limit in LIMITS}
    used = EdgeLimits(sockets=EDGE_SOCKETS_MAX)
    told_beside = {"messages_burst", "bytes_burst", "visits_burst", "ping_every_s", "drain_s", "renew_every_s"}
    for name in EdgeLimits.__dataclass_fields__:
        if name not in told_beside:
            assert getattr(used, name) in numbers, name


PROXIES = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("source", "forwarded", "address"),
    [
        ("192.0.2.7", [], "192.0.2.7"),
        ("192.0.2.7", ["198.51.100.1"], "192.0.2.7"),  # a stranger's header counts for nothing
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["203.0.113.9, 198.51.100.1"], "198.51.100.1"),  # what is left of it is the visitor's own
        ("10.0.0.1", ["203.0.113.9", "198.51.100.1, 10.9.9.9"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("fd00::1", ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("10.0.0.1", ["2001:db8::1"], "2001:db8::1"),
        ("10.0.0.1", ["198.51.100.1, unknown"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, , 10.1.1.1"], "10.1.1.1"),
        ("10.0.0.1", ["10.1.1.1"], "10.1.1.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("", ["198.51.100.1"], ""),
    ],
)
def test_whose_visit_it_is(source: str, forwarded: list[str], address: str) -> None:
    assert client_address(source, forwarded, PROXIES) == address
    assert client_address(source, forwarded, []) == source
