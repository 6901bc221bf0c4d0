"""Whole handshakes as conversations: who gets in, who is told no, and what an attacker achieves (nothing)."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from qrshared.errors import LocalError
from qrshared.seal import (
    Found,
    HandshakeFailed,
    Initiator,
    MalformedOpening,
    Reflected,
    Refusal,
    Refused,
    Responder,
    RoadName,
    SealError,
    State,
    comparison_words,
    derive_keys,
    lv,
    refusal_message,
)
from qrshared.seal.noise import NoiseHandshake

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "noise.json").read_text(encoding="utf-8"))
TICKET = bytes(range(16))
DEVICE = bytes(range(32))


def knows(*secrets: bytes) -> Callable[[bytes], Found[str] | Refusal]:
    table = {derive_keys(secret).key_id: derive_keys(secret).session_auth for secret in secrets}

    def find(key_id: bytes) -> Found[str] | Refusal:
        if key_id == b"":
            return Found(None, "nobody")
        return Found(table[key_id], key_id.hex()) if key_id in table else Refusal.UNKNOWN_KEY

    return find


def daemon(*secrets: bytes, road: RoadName = "home") -> Responder[str]:
    return Responder(road, knows(*(secrets or (TICKET,))))


def introduce(one: Initiator, other: Responder[str]) -> None:
    """The whole conversation; the openings cross."""
    openings = one.opening(), other.opening()
    assert other.receive(openings[0]) == ()
    (first,) = one.receive(openings[1])
    (second,) = other.receive(first)
    assert one.receive(second) == ()


@pytest.mark.parametrize("secret", [TICKET, DEVICE, None], ids=["ticket", "device", "nobody"])
def test_a_known_peer_gets_a_sealed_link(secret: bytes | None) -> None:
    one, other = Initiator("home", secret), daemon(TICKET, DEVICE)
    introduce(one, other)
    assert one.sealed is not None
    assert other.sealed is not None
    assert other.found == (derive_keys(secret).key_id.hex() if secret else "nobody")
    assert other.sealed.open(one.sealed.seal(b"up")) == b"up"
    assert one.sealed.open(other.sealed.seal(b"down")) == b"down"
    assert one.handshake_hash is not None
    assert other.handshake_hash is not None
    assert comparison_words(one.handshake_hash) == comparison_words(other.handshake_hash)


def test_a_hundred_of_a_hundred_connect() -> None:
    for _ in range(100):
        one, other = Initiator("home", TICKET), daemon()
        introduce(one, other)
        assert (one.state, other.state) == (State.SEALED, State.SEALED)


@pytest.mark.parametrize("vector", VECTORS["handshakes"], ids=lambda vector: f"{vector['road']} {vector['secret']}")
def test_handshakes_are_those_of_the_vectors(vector: dict[str, str | list[str] | None]) -> None:
    secret = bytes.fromhex(str(vector["secret"])) if vector["secret"] else None
    nonces = [bytes.fromhex(nonce) for nonce in vector["nonces"] or ()]
    ephemerals = [bytes.fromhex(ephemeral) for ephemeral in vector["ephemerals"] or ()]
    road: RoadName = vector["road"]  # type: ignore[assignment]  # the vectors hold these three words only
    one = Initiator(road, secret, nonce=nonces[0], ephemeral=ephemerals[0])
    other = Responder(road, knows(*[secret] if secret else []), nonce=nonces[1], ephemeral=ephemerals[1])
    assert [one.opening().hex(), other.opening().hex()] == vector["openings"]
    other.receive(one.opening())
    (first,) = one.receive(other.opening())
    (second,) = other.receive(first)
    one.receive(second)
    assert [first.hex(), second.hex()] == vector["noise_messages"]
    assert one.handshake_hash is not None
    assert one.handshake_hash.hex() == vector["handshake_hash"]
    assert one.sealed is not None
    assert other.sealed is not None
    assert one.sealed.seal(b"hello, computer").hex() == vector["to_responder"]
    assert other.sealed.seal(b"hello, phone").hex() == vector["to_initiator"]


@pytest.mark.parametrize("refusal", Refusal)
@pytest.mark.parametrize("late", [False, True], ids=["instead of its opening", "instead of message 2"])
def test_a_refusal_has_its_reason_and_a_sentence(refusal: Refusal, late: bool) -> None:
    one = Initiator("home", TICKET)
    if late:
        one.receive(daemon().opening())
    assert refusal_message(refusal).hex() == VECTORS["refusals"][refusal.value]
    with pytest.raises(Refused) as caught:
        one.receive(refusal_message(refusal))
    assert caught.value.refusal is refusal
    assert len(caught.value.sentence) > 30
    assert caught.value.sentence == refusal.sentence
    with pytest.raises(LocalError):
        one.receive(daemon().opening())


def test_a_refusal_with_a_reason_of_tomorrow_is_still_a_refusal() -> None:
    with pytest.raises(Refused) as caught:
        Initiator("home", TICKET).receive(lv(b"qrshared/1 refused", b"on_holiday"))
    assert caught.value.refusal is Refusal.HANDSHAKE


def test_an_unknown_key_is_refused_before_any_key_is_made() -> None:
    other = daemon(DEVICE)
    (answer,) = other.receive(Initiator("home", TICKET).opening())
    assert answer == refusal_message(Refusal.UNKNOWN_KEY)
    assert other.refused is Refusal.UNKNOWN_KEY
    assert other.state is State.OVER


def test_who_is_there_cannot_be_asked_before_the_seal() -> None:
    other = daemon()
    other.receive(Initiator("home", TICKET).opening())
    with pytest.raises(LocalError):
        _ = other.found


def refused_by(other: Responder[str], message: bytes) -> bool:
    try:
        answers = other.receive(message)
    except Reflected:
        return True
    return other.refused is not None and list(answers) == [refusal_message(other.refused)] and other.sealed is None


def test_no_flipped_bit_of_either_opening_leads_to_a_link() -> None:
    for bit in range(len(Initiator("home", TICKET).opening()) * 8):
        one, other = Initiator("home", TICKET), daemon()
        if refused_by(other, flip(one.opening(), bit)):
            continue
        (first,) = one.receive(other.opening())
        assert refused_by(other, first), f"bit {bit} of the initiator's opening"
    for bit in range(len(daemon().opening()) * 8):
        one, other = Initiator("home", TICKET), daemon()
        other.receive(one.opening())
        try:
            (first,) = one.receive(flip(other.opening(), bit))
        except SealError:
            continue
        assert refused_by(other, first), f"bit {bit} of the responder's opening"


def test_no_flipped_bit_of_the_noise_messages_leads_to_a_link() -> None:
    for bit in range(48 * 8):
        one, other = Initiator("home", TICKET), daemon()
        other.receive(one.opening())
        (first,) = one.receive(other.opening())
        assert refused_by(other, flip(first, bit))
    for bit in range(48 * 8):
        one, other = Initiator("home", TICKET), daemon()
        other.receive(one.opening())
        (second,) = other.receive(*one.receive(other.opening()))
        with pytest.raises(HandshakeFailed):
            one.receive(flip(second, bit))
        assert one.sealed is None


def test_a_replayed_conversation_opens_nothing() -> None:
    one, other = Initiator("home", TICKET), daemon()
    other.receive(one.opening())
    (first,) = one.receive(other.opening())
    for _ in range(100):  # each responder has a nonce of its own, which the recorded message does not fit
        victim = daemon()
        assert victim.receive(one.opening()) == ()
        assert refused_by(victim, first)
    assert len(other.receive(first)) == 1  # the control: where it belongs it opens


@pytest.mark.parametrize("roads", [("home", "away"), ("away", "home"), ("home", "peer"), ("peer", "away")])
def test_a_diverted_road_is_refused(roads: tuple[RoadName, RoadName]) -> None:
    one, other = Initiator(roads[0], TICKET), daemon(road=roads[1])
    other.receive(one.opening())
    assert refused_by(other, *one.receive(other.opening()))


def test_a_swapped_key_id_is_refused() -> None:
    one, other = Initiator("home", TICKET), daemon(TICKET, DEVICE)
    _, _, nonce = (b"", b"", one.opening()[-32:])
    other.receive(lv(b"qrshared/1", derive_keys(DEVICE).key_id, nonce))
    assert refused_by(other, *one.receive(other.opening()))


def test_a_peer_without_a_key_cannot_be_taken_for_one_with_a_key() -> None:
    one, other = Initiator("home"), daemon()
    other.receive(lv(b"qrshared/1", derive_keys(TICKET).key_id, one.opening()[-32:]))
    assert refused_by(other, *one.receive(other.opening()))


def test_a_payload_in_a_noise_message_is_refused_by_both_sides() -> None:
    keys, nonces = derive_keys(TICKET), (b"\x01" * 32, b"\x02" * 32)
    prologue = lv(b"qrshared/1", b"home", keys.key_id, *nonces)
    chatty = NoiseHandshake(initiator=True, prologue=prologue, psk=keys.session_auth)
    other = Responder("home", knows(TICKET), nonce=nonces[1])
    other.receive(lv(b"qrshared/1", keys.key_id, nonces[0]))
    assert refused_by(other, chatty.write_message(b"early"))

    one = Initiator("home", TICKET, nonce=nonces[0])
    (first,) = one.receive(lv(b"qrshared/1", b"", nonces[1]))
    talker = NoiseHandshake(initiator=False, prologue=prologue, psk=keys.session_auth)
    assert talker.read_message(first) == b""
    with pytest.raises(HandshakeFailed):
        one.receive(talker.write_message(b"early"))
    assert one.sealed is None


def test_ones_own_opening_coming_back_is_a_reflection() -> None:
    one = Initiator("home")
    with pytest.raises(Reflected):
        one.receive(one.opening())
    other = daemon()
    with pytest.raises(Reflected):
        other.receive(other.opening())
    assert other.refused is None


def test_ones_own_noise_message_coming_back_is_a_reflection() -> None:
    one, other = Initiator("home", TICKET), daemon()
    (first,) = one.receive(other.opening())
    with pytest.raises(Reflected):
        one.receive(first)


def test_two_initiators_do_not_meet() -> None:
    one, two = Initiator("home", TICKET), Initiator("home", TICKET)
    with pytest.raises(MalformedOpening):
        one.receive(two.opening())


def test_another_version_is_told_so() -> None:
    other = daemon()
    (answer,) = other.receive(lv(b"qrshared/2", b"", bytes(32)))
    assert answer == refusal_message(Refusal.VERSION)
    with pytest.raises(Refused):
        Initiator("home").receive(lv(b"qrshared/2", b"", bytes(32)))


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        bytes(65_535),
        b"\xff" * 65_535,
        lv(b"qrshared/1"),
        lv(b"qrshared/1", b"", b""),
        lv(b"qrshared/1", b"x" * 15, bytes(32)),
        lv(b"qrshared/1", b"x" * 17, bytes(32)),
        lv(b"qrshared/1", b"", bytes(31)),
        lv(b"qrshared/1", b"", bytes(32), b""),
        lv(b"qrshared/1", b"", bytes(32)) + b"\0",
        lv(b"http/1.1", b"", bytes(32)),
    ],
    ids=repr,
)
def test_nonsense_is_refused_by_both_sides(message: bytes) -> None:
    assert refused_by(daemon(), message)
    with pytest.raises(SealError):
        Initiator("home", TICKET).receive(message)


def test_after_its_end_a_handshake_takes_nothing_more() -> None:
    one, other = Initiator("home", TICKET), daemon()
    introduce(one, other)
    for side in (one, other):
        with pytest.raises(LocalError):
            side.receive(b"more")
    refused = daemon(DEVICE)
    refused.receive(Initiator("home", TICKET).opening())
    with pytest.raises(LocalError):
        refused.receive(b"more")


def test_a_register_that_mixes_up_key_and_no_key_is_our_own_fault() -> None:
    other: Responder[str] = Responder("home", lambda _: Found(None, "wrong"))
    with pytest.raises(LocalError):
        other.receive(Initiator("home", TICKET).opening())


def flip(message: bytes, bit: int) -> bytes:
    spoiled = bytearray(message)
    spoiled[bit // 8] ^= 1 << bit % 8
    return bytes(spoiled)
