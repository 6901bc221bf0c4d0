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
