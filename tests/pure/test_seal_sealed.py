"""Sealed messages: what goes in comes out in order, and nothing else comes out at all."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qrshared.errors import LocalError
from qrshared.seal import PLAINTEXT_BYTES_MAX, MessageSpoiled, Sealed
from qrshared.seal.errors import LinkWornOut
from qrshared.seal.sealed import MESSAGES_MAX

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "sealed.json").read_text(encoding="utf-8"))
ONE, TWO = b"\x01" * 32, b"\x02" * 32


def pair() -> tuple[Sealed, Sealed]:
    return Sealed(sending_key=ONE, receiving_key=TWO), Sealed(sending_key=TWO, receiving_key=ONE)


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: str(case["counter"]))
def test_the_nonce_is_the_counter_of_the_vectors(case: dict[str, str | int]) -> None:
    key = bytes.fromhex(VECTORS["key"])
    sealed = Sealed(sending_key=key, receiving_key=key)
    sealed._sent = sealed._received = int(case["counter"])
    assert sealed.seal(bytes.fromhex(str(case["plaintext"]))).hex() == case["sealed"]
    assert sealed.open(bytes.fromhex(str(case["sealed"]))).hex() == case["plaintext"]


@given(st.lists(st.binary(max_size=200), max_size=8))
def test_what_is_sealed_opens_in_the_same_order(plaintexts: list[bytes]) -> None:
    sender, receiver = pair()
    assert [receiver.open(sealed) for sealed in map(sender.seal, plaintexts)] == plaintexts


@given(
    plaintexts=st.lists(st.binary(max_size=60), min_size=2, max_size=6),
    deed=st.sampled_from(["flip", "drop", "swap", "double", "reflect", "cut", "lengthen"]),
    where=st.integers(0, 10_000),
)
@settings(max_examples=400)
def test_whatever_is_done_on_the_way_ends_the_link(plaintexts: list[bytes], deed: str, where: int) -> None:
    sender, receiver = pair()
    messages = [sender.seal(plaintext) for plaintext in plaintexts]
    at = where % (len(messages) - 1)  # never the last: a dropped last message is seen by the next one only
    match deed:
        case "flip":
            messages[at] = flip(messages[at], where % (len(messages[at]) * 8))
        case "drop":
            del messages[at]
        case "swap":
            messages[at], messages[at + 1] = messages[at + 1], messages[at]
        case "double":
            messages.insert(at, messages[at])
        case "reflect":
            messages[at] = receiver.seal(plaintexts[at])
        case "cut":
            messages[at] = messages[at][:-1]
        case _:
            messages[at] += b"\0"
    opened = list(until_spoiled(receiver, messages))
    assert len(opened) < len(messages), "the deed went unnoticed"
    assert opened == plaintexts[: len(opened)]


def until_spoiled(receiver: Sealed, messages: list[bytes]) -> Iterator[bytes]:
    for message in messages:
        try:
            yield receiver.open(message)
        except MessageSpoiled:
            return


def test_after_one_spoiled_message_even_good_ones_stay_shut() -> None:
    sender, receiver = pair()
    good = sender.seal(b"good")
    with pytest.raises(MessageSpoiled):
        receiver.open(flip(good, 3))
    with pytest.raises(MessageSpoiled):
        receiver.open(good)
    _, untouched = pair()
    assert untouched.open(good) == b"good"


@pytest.mark.parametrize("message", [b"", b"short", bytes(15), bytes(16), bytes(65_536)], ids=len)
def test_nonsense_does_not_open(message: bytes) -> None:
    with pytest.raises(MessageSpoiled):
        pair()[1].open(message)


def test_the_longest_plaintext_fits_a_message_and_one_byte_more_does_not() -> None:
    sender, receiver = pair()
    message = sender.seal(bytes(PLAINTEXT_BYTES_MAX))
    assert len(message) == 65_535
    assert receiver.open(message) == bytes(PLAINTEXT_BYTES_MAX)
    with pytest.raises(LocalError):
        sender.seal(bytes(PLAINTEXT_BYTES_MAX + 1))


def test_views_are_sealed_and_opened_without_being_copied_first() -> None:
    sender, receiver = pair()
    whole = bytearray(b"..content..")
    assert receiver.open(memoryview(sender.seal(memoryview(whole)[2:9]))) == b"content"


def test_a_worn_out_link_ends_instead_of_repeating_a_nonce() -> None:
    sender, receiver = pair()
    sender._sent = receiver._received = MESSAGES_MAX - 1
    assert receiver.open(sender.seal(b"last")) == b"last"
    with pytest.raises(LinkWornOut):
        sender.seal(b"one too many")
    with pytest.raises(LinkWornOut):
        receiver.open(bytes(20))


def flip(message: bytes, bit: int) -> bytes:
    spoiled = bytearray(message)
    spoiled[bit // 8] ^= 1 << bit % 8
    return bytes(spoiled)
