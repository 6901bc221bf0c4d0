"""Noise NN and NNpsk0: the published vectors, an independent library, and everything that must not open."""

import json
import secrets
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from noise.connection import NoiseConnection

from qrshared.errors import LocalError
from qrshared.seal import HandshakeFailed, Reflected, Sealed
from qrshared.seal.noise import NoiseHandshake

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "noise.json").read_text(encoding="utf-8"))
PSK = bytes(range(32))
LOW_ORDER_POINTS = [  # https://cr.yp.to/ecdh.html, "small-order points", and their spellings above the prime
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000080",
]


def initiator(psk: bytes | None = PSK, prologue: bytes = b"p") -> NoiseHandshake:
    return NoiseHandshake(initiator=True, prologue=prologue, psk=psk)


def responder(psk: bytes | None = PSK, prologue: bytes = b"p") -> NoiseHandshake:
    return NoiseHandshake(initiator=False, prologue=prologue, psk=psk)


def complete(one: NoiseHandshake, other: NoiseHandshake) -> tuple[Sealed, Sealed]:
    other.read_message(one.write_message())
    one.read_message(other.write_message())
    assert one.hash == other.hash
    keys = one.split()
    assert keys == other.split()
    return (
        Sealed(sending_key=keys.initiator, receiving_key=keys.responder),
        Sealed(sending_key=keys.responder, receiving_key=keys.initiator),
    )


@pytest.mark.parametrize("vector", VECTORS["published"], ids=lambda vector: vector["name"])
def test_published_vectors_come_out_byte_for_byte(vector: dict[str, str | list[str]]) -> None:
    prologue = bytes.fromhex(str(vector["prologue"]))
    psk = bytes.fromhex(str(vector["psk"])) if vector["psk"] else None
    ephemerals = [bytes.fromhex(str(vector[f"{side}_ephemeral"])) for side in ("initiator", "responder")]
    sides = [
        NoiseHandshake(initiator=first, prologue=prologue, psk=psk, ephemeral=ephemeral)
        for first, ephemeral in zip((True, False), ephemerals, strict=True)
    ]
    payloads = [bytes.fromhex(payload) for payload in VECTORS["payloads"]]
    messages = [bytes.fromhex(message) for message in vector["messages"]]
    for turn in (0, 1):
        assert sides[turn].write_message(payloads[turn]) == messages[turn]
        assert sides[1 - turn].read_message(messages[turn]) == payloads[turn]
        if turn == 0:
            assert sides[0].hash.hex() == sides[1].hash.hex() == vector["hash_after_first_message"]
    assert sides[0].hash == sides[1].hash
    keys = sides[0].split()
    links = [
        Sealed(sending_key=keys.initiator, receiving_key=keys.responder),
        Sealed(sending_key=keys.responder, receiving_key=keys.initiator),
    ]
    for turn in range(2, len(messages)):
        assert links[turn % 2].seal(payloads[turn]) == messages[turn]
        assert links[1 - turn % 2].open(messages[turn]) == payloads[turn]


@pytest.mark.parametrize("ours_first", [True, False])
@pytest.mark.parametrize("psk", [PSK, None], ids=["NNpsk0", "NN"])
def test_twenty_handshakes_with_an_independent_library(psk: bytes | None, ours_first: bool) -> None:
    for _ in range(20):
        theirs = NoiseConnection.from_name(f"Noise_NN{'psk0' if psk else ''}_25519_ChaChaPoly_SHA256".encode())
        if psk:
            theirs.set_psks(psk)
        theirs.set_prologue(b"p")
        if ours_first:
            ours = initiator(psk)
            theirs.set_as_responder()
            theirs.start_handshake()
            assert bytes(theirs.read_message(ours.write_message(b"a"))) == b"a"
            assert ours.read_message(bytes(theirs.write_message(b"b"))) == b"b"
        else:
            ours = responder(psk)
            theirs.set_as_initiator()
            theirs.start_handshake()
            assert ours.read_message(bytes(theirs.write_message(b"a"))) == b"a"
            assert bytes(theirs.read_message(ours.write_message(b"b"))) == b"b"
        assert ours.hash == theirs.get_handshake_hash()
        keys = ours.split()
        mine, other = (keys.initiator, keys.responder) if ours_first else (keys.responder, keys.initiator)
        sealed = Sealed(sending_key=mine, receiving_key=other)
        for word in (b"one", b"two", b"three"):
            assert bytes(theirs.decrypt(sealed.seal(word))) == word
            assert sealed.open(bytes(theirs.encrypt(word))) == word


@pytest.mark.parametrize("psk", [PSK, None], ids=["NNpsk0", "NN"])
def test_no_flipped_bit_of_the_first_message_leads_to_a_link(psk: bytes | None) -> None:
    ephemeral = secrets.token_bytes(32)

    def converse(bit: int | None) -> None:
        one = NoiseHandshake(initiator=True, prologue=b"p", psk=psk, ephemeral=ephemeral)
        other = responder(psk)
        first = one.write_message()
        other.read_message(first if bit is None else flip(first, bit))
        one.read_message(other.write_message())  # NN has no key yet that could notice: the answer does not open

    for bit in range(8 * (48 if psk else 32)):
        with pytest.raises(HandshakeFailed):
            converse(bit)
    converse(None)


@pytest.mark.parametrize("psk", [PSK, None], ids=["NNpsk0", "NN"])
def test_no_flipped_bit_of_the_answer_is_accepted(psk: bytes | None) -> None:
    ephemeral = secrets.token_bytes(32)
    first = NoiseHandshake(initiator=True, prologue=b"p", psk=psk, ephemeral=ephemeral).write_message()
    other = responder(psk)
    other.read_message(first)
    answer = other.write_message()

    def once_more() -> NoiseHandshake:
        one = NoiseHandshake(initiator=True, prologue=b"p", psk=psk, ephemeral=ephemeral)
        one.write_message()
        return one

    for bit in range(len(answer) * 8):
        with pytest.raises(HandshakeFailed):
            once_more().read_message(flip(answer, bit))
    assert once_more().read_message(answer) == b""


@pytest.mark.parametrize("length", [0, 1, 31, 32, 47, 49, 100, 65_536])
def test_a_message_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(HandshakeFailed):
        responder().read_message(secrets.token_bytes(length))


@pytest.mark.parametrize("point", LOW_ORDER_POINTS)
@pytest.mark.parametrize("psk", [PSK, None], ids=["NNpsk0", "NN"])
def test_a_low_order_point_is_refused_by_both_sides(point: str, psk: bytes | None) -> None:
    public = bytes.fromhex(point)
    other = responder(None)
    other.read_message(public)
    with pytest.raises(HandshakeFailed):
        other.write_message()
    one = initiator(psk)
    one.write_message()
    with pytest.raises(HandshakeFailed):
        one.read_message(public + bytes(16))


def test_a_wrong_psk_or_prologue_is_refused_and_the_right_ones_are_not() -> None:
    for one in (initiator(bytes(32)), initiator(prologue=b"q"), initiator(None)):
        with pytest.raises(HandshakeFailed):
            responder().read_message(one.write_message())
    left, right = complete(initiator(), responder())
    assert right.open(left.seal(b"control")) == b"control"


def test_ones_own_key_coming_back_is_a_reflection() -> None:
    one = initiator()
    first = one.write_message()
    with pytest.raises(Reflected):
        one.read_message(first)


def test_a_psk_of_another_length_is_our_own_fault() -> None:
    with pytest.raises(LocalError):
        initiator(b"short")


def test_every_handshake_has_other_keys() -> None:
    seen = set()
    for _ in range(20):
        one, other = initiator(), responder()
        complete(one, other)
        seen.add(one.split())
    assert len(seen) == 20


def test_the_oracle_of_this_file_is_not_our_own_cipher() -> None:
    key = secrets.token_bytes(32)
    sealed = Sealed(sending_key=key, receiving_key=key).seal(b"x")
    assert ChaCha20Poly1305(key).decrypt(bytes(12), sealed, None) == b"x"


def flip(message: bytes, bit: int) -> bytes:
    spoiled = bytearray(message)
    spoiled[bit // 8] ^= 1 << bit % 8
    return bytes(spoiled)
