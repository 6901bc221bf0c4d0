"""A computer with Docker's bridge, a VPN and IPv6 has addresses that score below nothing: all are told."""

import pytest

from qrshared.daemon.whereabouts import Whereabouts
from qrshared.lan import Candidate
from qrshared.protocol import Answer, StatusFacts, decode, encode
from qrshared.protocol.limits import SCORE_MAX


@pytest.mark.parametrize("score", [-80, -40, 0, 90, SCORE_MAX, -SCORE_MAX])
def test_a_status_with_any_score_goes_over_the_wire(score: int) -> None:
    where = Whereabouts(host=None, public_host=None)
    where.move([Candidate(score, "172.17.0.1", "docker0", ("-40 bridge without a physical port",), 16, False)])
    status = StatusFacts("0.1.0", 1, "PC", (), None, "/inbox", 1, 0, 1, where.facts(), ())
    answer = Answer(1, status)
    assert decode(encode(answer)) == answer


@pytest.mark.parametrize("host", ["192.168.1.7", "127.0.0.1"])
def test_the_address_that_codes_carry_is_told_first(host: str) -> None:
    where = Whereabouts(host=host, public_host=None)
    where.move(
        [Candidate(90, "10.0.0.2", "eth0", ("+90",), 24, True), Candidate(60, "192.168.1.7", "wlan0", (), 24, True)]
    )
    assert where.address == host
    told = [one.address for one in where.facts()]
    assert told[0] == host
    assert sorted(told) == sorted({"10.0.0.2", "192.168.1.7", host})
