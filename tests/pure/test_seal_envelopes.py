"""Envelopes against numbers of other implementations, and against everybody who carries them."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qrshared.errors import LocalError
from qrshared.seal import (
    ENVELOPE_BYTES_MAX,
    ENVELOPE_PLAINTEXT_BYTES_MAX,
    Envelopes,
    EnvelopeSpoiled,
    Hello,
    MalformedOpening,
    Role,
    derive_keys,
    encode_hello,
    parse_hello,
)
from qrshared.seal.envelopes import COUNT_MAX

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "envelopes.json").read_text(encoding="utf-8"))
NONCES = [bytes.fromhex(nonce) for nonce in VECTORS["nonces"]]


def pair(secret: bytes = bytes(16)) -> tuple[Envelopes, Envelopes]:
    keys = derive_keys(secret).envelopes
    initiator, responder = (
        Envelopes(keys, initiator_nonce=NONCES[0], responder_nonce=NONCES[1], is_initiator=is_initiator)
        for is_initiator in (True, False)
    )
    return initiator, responder


@pytest.mark.parametrize("vector", VECTORS["hellos"], ids=lambda vector: f"{vector['role']}-{bool(vector['echo'])}")
def test_a_hello_is_spelt_as_in_the_vectors(vector: dict[str, str]) -> None:
    hello = Hello(Role(vector["role"]), bytes.fromhex(vector["nonce"]), bytes.fromhex(vector["echo"]))
    assert encode_hello(hello).hex() == vector["hello"]
    assert parse_hello(bytes.fromhex(vector["hello"])) == hello


@pytest.mark.parametrize("spoiled", VECTORS["not_hellos"])
def test_what_is_no_hello_is_refused(spoiled: str) -> None:
    with pytest.raises(MalformedOpening):
        parse_hello(bytes.fromhex(spoiled))


@given(st.binary(max_size=200))
def test_nonsense_is_refused_and_nothing_else(blob: bytes) -> None:
    for start in (b"", b"\x01", b"\x02"):
        with pytest.raises(MalformedOpening):
            parse_hello(start + blob)
        with pytest.raises(EnvelopeSpoiled):
            pair()[0].open(start + blob)


@pytest.mark.parametrize("meeting", VECTORS["meetings"], ids=lambda meeting: meeting["secret"][:8])
def test_sealed_envelopes_are_those_of_another_implementation(meeting: dict[str, object]) -> None:
    secret = bytes.fromhex(str(meeting["secret"]))
    initiator, responder = pair(secret)
    sealed = meeting["sealed"]
    assert isinstance(sealed, list)
    for case in sealed:  # counts go up, so each side opens all of them in this order
        assert responder.open(bytes.fromhex(case["from_initiator"])) == bytes.fromhex(case["plaintext"])
        assert initiator.open(bytes.fromhex(case["from_responder"])) == bytes.fromhex(case["plaintext"])
    assert [initiator.seal(bytes.fromhex(case["plaintext"])).hex() for case in sealed[:2]] == [
        case["from_initiator"] for case in sealed[:2]
    ]
    assert responder.seal(b"").hex() == sealed[0]["from_responder"]


def test_each_opens_once_and_never_after_a_later_one() -> None:
    initiator, responder = pair()
    one, two, three = (initiator.seal(word) for word in (b"one", b"two", b"three"))
    assert responder.open(two) == b"two"
    assert [responder.open(again) for again in (one, two)] == [None, None]
    assert responder.open(three) == b"three"


def test_one_that_does_not_open_changes_nothing() -> None:
    initiator, responder = pair()
    envelope = initiator.seal(b"word")
    far = envelope[:1] + COUNT_MAX.to_bytes(8, "big") + envelope[9:]
    farther = envelope[:1] + (COUNT_MAX + 1).to_bytes(8, "big") + envelope[9:]
    flips = [envelope[:at] + bytes([envelope[at] ^ 1]) + envelope[at + 1 :] for at in range(len(envelope))]
    cuts = [envelope[:length] for length in range(len(envelope))]
    for spoiled in [far, farther, *flips, *cuts, envelope + b"\0", bytes(ENVELOPE_BYTES_MAX + 1)]:
        with pytest.raises(EnvelopeSpoiled):
            responder.open(spoiled)
    assert responder.open(envelope) == b"word"


def test_nobody_opens_their_own_or_another_meetings_words() -> None:
    initiator, responder = pair()
    envelope = initiator.seal(b"word")
    other_nonce = derive_keys(bytes(16)).envelopes
    strangers = [
        initiator,
        pair(bytes([1]) * 16)[1],
        Envelopes(other_nonce, initiator_nonce=NONCES[1], responder_nonce=NONCES[0], is_initiator=False),
        Envelopes(other_nonce, initiator_nonce=NONCES[0], responder_nonce=bytes(32), is_initiator=False),
    ]
    for stranger in strangers:
        with pytest.raises(EnvelopeSpoiled):
            stranger.open(envelope)
    assert responder.open(envelope) == b"word"


def test_the_longest_envelope_fits_the_edge_and_a_longer_one_is_our_own_fault() -> None:
    initiator, responder = pair()
    envelope = initiator.seal(bytes(ENVELOPE_PLAINTEXT_BYTES_MAX))
    assert len(envelope) == ENVELOPE_BYTES_MAX
    assert responder.open(envelope) == bytes(ENVELOPE_PLAINTEXT_BYTES_MAX)
    with pytest.raises(LocalError):
        initiator.seal(bytes(ENVELOPE_PLAINTEXT_BYTES_MAX + 1))
