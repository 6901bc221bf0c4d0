"""The key schedule, the fragment and the words, against numbers that were computed by somebody else's code."""

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qrshared.errors import LocalError
from qrshared.seal import (
    FragmentMalformed,
    MalformedOpening,
    comparison_words,
    derive_keys,
    known_proof,
    lv,
    parse_lv,
    secret_from_fragment,
    ticket_fragment,
)
from qrshared.seal.words import WORDS

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "keys.json").read_text(encoding="utf-8"))
SECRET = bytes(range(16))


@pytest.mark.parametrize("vector", VECTORS["keys"], ids=lambda vector: vector["secret"][:8])
def test_keys_are_those_of_another_hkdf(vector: dict[str, str]) -> None:
    keys = derive_keys(bytes.fromhex(vector["secret"]))
    assert keys.key_id.hex() == vector["key_id"]
    assert keys.session_auth.hex() == vector["session_auth"]
    assert keys.rendezvous.hex() == vector["rendezvous"]
    assert keys.envelopes.hex() == vector["envelopes"]


@pytest.mark.parametrize("vector", VECTORS["known"], ids=lambda vector: vector["proof"][:8])
def test_proofs_that_a_key_is_known_are_those_of_another_hkdf(vector: dict[str, str]) -> None:
    proof = known_proof(bytes.fromhex(vector["key"]), bytes.fromhex(vector["handshake_hash"]))
    assert proof.hex() == vector["proof"]


def test_only_the_key_id_is_ever_printed() -> None:
    keys = derive_keys(SECRET)
    assert repr(keys.key_id) in repr(keys)
    assert repr(keys.session_auth) not in repr(keys)
    assert repr(keys.rendezvous) not in repr(keys)
    assert repr(keys.envelopes) not in repr(keys)


@pytest.mark.parametrize("length", [0, 15, 17, 31, 33, 64])
def test_a_secret_of_another_length_is_our_own_fault(length: int) -> None:
    with pytest.raises(LocalError):
        derive_keys(bytes(length))


@pytest.mark.parametrize("vector", VECTORS["fragments"], ids=lambda vector: vector["fragment"])
def test_a_fragment_is_a_digit_and_22_characters(vector: dict[str, str]) -> None:
    secret = bytes.fromhex(vector["secret"])
    assert ticket_fragment(secret) == vector["fragment"]
    assert len(vector["fragment"]) == 23
    assert secret_from_fragment(vector["fragment"]) == secret
    assert secret_from_fragment("#" + vector["fragment"]) == secret


GOOD = ticket_fragment(b"\xfb\xff" * 8)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "#",
        "1",
        GOOD[1:],
        GOOD[:-1],
        GOOD + "A",
        "2" + GOOD[1:],
        "##" + GOOD,
        GOOD + "=",
        GOOD[:-1] + "=",
        GOOD[:-1] + "B",  # unused bits set: another spelling of the same secret
        GOOD.replace("-", "+"),
        GOOD.replace("_", "/"),
        " " + GOOD,
        GOOD[:5] + "é" + GOOD[6:],
        GOOD[:5] + "\0" + GOOD[6:],
        GOOD[:5] + "\n" + GOOD[6:],
    ],
)
def test_a_cut_or_misspelt_fragment_is_refused(text: str) -> None:
    with pytest.raises(FragmentMalformed):
        secret_from_fragment(text)


def test_the_control_fragment_is_accepted() -> None:
    assert secret_from_fragment(GOOD) == b"\xfb\xff" * 8
    assert "-" in GOOD
    assert "_" in GOOD


@given(st.text(max_size=40))
def test_no_fragment_is_read_as_anything_but_itself(text: str) -> None:
    try:
        secret = secret_from_fragment(text)
    except FragmentMalformed:
        return
    assert ticket_fragment(secret) == text.removeprefix("#")


@pytest.mark.parametrize("vector", VECTORS["lv"], ids=lambda vector: vector["joined"][:24] or "none")
def test_fields_join_as_the_vectors_say(vector: dict[str, str | list[str]]) -> None:
    fields = [bytes.fromhex(field) for field in vector["fields"]]
    assert lv(*fields).hex() == vector["joined"]
    assert parse_lv(lv(*fields), len(fields)) == tuple(fields)


@given(st.lists(st.binary(max_size=20), max_size=4), st.lists(st.binary(max_size=20), max_size=4))
def test_two_different_lists_never_join_to_the_same_bytes(one: list[bytes], two: list[bytes]) -> None:
    assert (lv(*one) == lv(*two)) == (one == two)


@given(st.binary(max_size=60), st.integers(0, 4))
def test_parsing_anything_gives_the_joined_fields_or_an_error(message: bytes, count: int) -> None:
    try:
        fields = parse_lv(message, count)
    except MalformedOpening:
        return
    assert lv(*fields) == message


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=4), st.integers(0, 100))
def test_a_cut_list_is_refused(fields: list[bytes], cut: int) -> None:
    joined = lv(*fields)
    with pytest.raises(MalformedOpening):
        parse_lv(joined[: cut % len(joined)], len(fields))


def test_the_word_list_has_1024_short_distinct_words() -> None:
    assert len(WORDS) == len(set(WORDS)) == 1024
    assert all(word.isascii() and word.isalpha() and word.islower() and 3 <= len(word) <= 8 for word in WORDS)
    assert hashlib.sha256(" ".join(WORDS).encode()).hexdigest() == VECTORS["words_sha256"]


@pytest.mark.parametrize("vector", VECTORS["comparison_words"], ids=lambda vector: vector["hash"][:8])
def test_comparison_words_are_those_of_the_vectors(vector: dict[str, str | list[str]]) -> None:
    assert list(comparison_words(bytes.fromhex(str(vector["hash"])))) == vector["words"]
