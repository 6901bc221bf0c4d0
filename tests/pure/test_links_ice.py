"""Of many servers one STUN and one TURN are used, which is all that aiortc can: which ones, and why."""

import pytest

from qrshared.links import CandidateCounts, IceServer
from qrshared.links.ice import choose_servers, count_candidates, over_tcp

STUN = IceServer(("stun:stun.example.org:19302",))
UDP = "turn:relay.example.org:3478"
TCP = "turn:relay.example.org:3478?transport=tcp"
TLS = "turns:relay.example.org:443?transport=tcp"


def turn(*urls: str) -> IceServer:
    return IceServer(urls, "name", "secret")


@pytest.mark.parametrize(
    ("offered", "first_try", "relay_only"),
    [
        ([UDP, TCP, TLS], UDP, TCP),
        ([TLS, TCP, UDP], UDP, TCP),
        ([TLS, UDP], UDP, TLS),
        ([TLS, TCP], TCP, TCP),
        ([TLS], TLS, TLS),
        ([UDP], UDP, UDP),
        ([TCP, "turn:other.example.org?transport=tcp"], TCP, TCP),
    ],
)
def test_udp_goes_first_and_who_failed_without_a_relay_takes_tcp(
    offered: list[str], first_try: str, relay_only: str
) -> None:
    assert choose_servers([turn(*offered)]) == (turn(first_try),)
    assert choose_servers([turn(url) for url in offered], relay_only=True) == (turn(relay_only),)


def test_a_second_try_leaves_udp_out_where_there_is_anything_else() -> None:
    assert over_tcp([STUN, turn(UDP, TCP), turn(UDP)]) == (STUN, turn(TCP))
    assert over_tcp([turn(UDP), turn(TLS)]) == (turn(TLS),)
    assert over_tcp([STUN, turn(UDP)]) == (STUN, turn(UDP))
    assert over_tcp([]) == ()


def test_the_first_stun_server_is_asked_unless_only_a_relay_may_be_used() -> None:
    servers = [IceServer(("stun:a.example.org", "stun:b.example.org")), STUN, turn(UDP)]
    assert choose_servers(servers) == (IceServer(("stun:a.example.org",)), turn(UDP))
    assert choose_servers(servers, relay_only=True) == (turn(UDP),)
    assert choose_servers([]) == ()


@pytest.mark.parametrize(
    "url",
    [
        "stuns:a.example.org",
        "stun:a.example.org?transport=udp",
        "turn:[2001:db8::1]:3478",
        "turns:a.example.org?transport=udp",
        "turn:a.example.org?transport=sctp",
        "turn:a.example.org:0",
        "turn:a.example.org:99999",
        "turn:",
        "http://a.example.org",
        "turn:a b",
    ],
)
def test_urls_that_the_library_cannot_use_are_passed_over(url: str) -> None:
    assert choose_servers([turn(url), turn(UDP)]) == (turn(UDP),)


def test_a_relay_without_a_password_is_passed_over() -> None:
    assert choose_servers([IceServer((UDP,)), IceServer((UDP,), "name"), IceServer((UDP,), None, "secret")]) == ()


def test_a_password_is_not_shown() -> None:
    assert "secret" not in repr(turn(UDP))


def test_candidates_are_counted_by_kind() -> None:
    assert count_candidates(["host", "relay", "host", "srflx", "prflx"]) == CandidateCounts(2, 1, 1)
    assert str(CandidateCounts(2, 1, 0)) == "host 2, srflx 1, relay 0"
