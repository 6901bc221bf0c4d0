"""A visit counts against the address it comes from, and what the table says of the edge's limits is what holds."""

import ipaddress

import pytest

from qrshared.signaling.client_address import client_address
from qrshared.signaling.limits import (
    EDGE_SOCKETS_MAX,
    LIMITS,
    VISITORS_MAX,
    VISITS_BURST_MAX,
    VISITS_PER_S,
    EdgeLimits,
    Visits,
    affordable_sockets,
)


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
