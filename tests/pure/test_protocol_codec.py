"""The codec reads what the wire allows, byte for byte, and refuses everything else with one kind of error."""

import json
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qrshared import protocol
from qrshared.daemon import meetings
from qrshared.protocol import Chunk, InboxList, Message, Propose, ProtocolError, WrongAsk, decode, encode, limits
from qrshared.protocol.reading import wire_name
from qrshared.settings import away, read_setting, values

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "messages.json").read_text(encoding="ascii"))
TRANSFER = "00112233445566778899aabbccddeeff"


def plaintext(vector: dict[str, str]) -> bytes:
    return bytes.fromhex(vector["hex"]) if "hex" in vector else vector["text"].encode()


def spoiled(vector: dict[str, list[tuple[str, int]]]) -> bytes:
    if "hex" in vector:
        return b"".join(bytes.fromhex(piece) * times for piece, times in vector["hex"])
    return "".join(piece * times for piece, times in vector["text"]).encode()


@pytest.mark.parametrize("vector", VECTORS["valid"], ids=lambda vector: str(vector)[:60])
def test_a_valid_message_is_read_and_written_back_byte_for_byte(vector: dict[str, str]) -> None:
    assert encode(decode(plaintext(vector))) == plaintext(vector)


@pytest.mark.parametrize("vector", VECTORS["other_spellings"], ids=lambda vector: str(vector["text"])[:60])
def test_another_spelling_is_read_and_written_the_one_way(vector: dict[str, str]) -> None:
    assert encode(decode(vector["text"].encode())) == vector["canonical"].encode()


@pytest.mark.parametrize("vector", VECTORS["deflated"], ids=lambda vector: str(vector["hex"])[:60])
def test_a_deflated_chunk_means_the_same_as_a_plain_one_and_says_how_it_came(vector: dict[str, str]) -> None:
    came = decode(bytes.fromhex(vector["hex"]))
    plain = decode(bytes.fromhex(vector["plain"]))
    assert came == plain
    assert isinstance(came, Chunk)
    assert isinstance(plain, Chunk)
    assert (came.deflated, plain.deflated) == (True, False)


def test_what_comes_out_of_a_deflated_chunk_is_bounded_before_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """64 KiB of deflated zeros are 64 MiB: a decoder without a bound would hold them all, if only to refuse them."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    raw = deflater.compress(bytes(60 * 2**20)) + deflater.flush()
    bomb = b"\x02" + bytes(28) + (65_280).to_bytes(4, "big") + raw
    assert len(bomb) <= limits.PLAINTEXT_BYTES_MAX
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolError):
            decode(bomb)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_every_invalid_message_is_refused_as_the_peers_fault() -> None:
    accepted = []
    for vector in VECTORS["invalid"]:
        try:
            decode(spoiled(vector))
        except ProtocolError:
            continue
        accepted.append(vector["why"])
    assert accepted == []
    assert len(VECTORS["invalid"]) >= 150


@pytest.mark.parametrize("vector", VECTORS["wrong_asks"], ids=lambda vector: str(vector["text"])[:60])
def test_an_ask_whose_verb_cannot_be_read_is_refused_by_its_number(vector: dict[str, object]) -> None:
    with pytest.raises(WrongAsk) as caught:
        decode(str(vector["text"]).encode())
    assert caught.value.refusal().id == vector["id"]
    assert len(caught.value.refusal().sentence) > 20


def test_an_ask_without_a_number_ends_the_link_like_any_other_wrong_message() -> None:
    for text in (b'{"t":"ask","verb":{"t":"meet"}}', b'{"t":"ask","id":-1,"verb":{}}', b'{"t":"ping","id":1,"n":-1}'):
        with pytest.raises(ProtocolError) as caught:
            decode(text)
        assert not isinstance(caught.value, WrongAsk)


def test_an_unknown_verb_is_told_apart_from_a_wrong_one() -> None:
    with pytest.raises(WrongAsk) as caught:
        decode(b'{"t":"ask","id":1,"verb":{"t":"brew_coffee"}}')
    assert caught.value.refusal().reason is protocol.Reason.UNSUPPORTED


def test_the_vectors_show_every_verb_and_all_facts() -> None:
    messages = [decode(plaintext(vector)) for vector in VECTORS["valid"]]
    assert {type(one.verb) for one in messages if isinstance(one, protocol.Ask)} == set(get_args(protocol.Verb))
    facts = {type(one.facts) for one in messages if isinstance(one, protocol.Answer | protocol.News)}
    assert facts == set(get_args(protocol.Facts))


def test_the_vectors_show_every_message_there_is() -> None:
    shown = {type(decode(plaintext(vector))) for vector in VECTORS["valid"]}
    assert shown == set(get_args(Message))


def test_the_control_a_lax_reader_would_accept_invalid_vectors() -> None:
    """Were reading a mere `json.loads`, most invalid vectors would pass: the strict tables are what refuses them."""

    def lax(octets: bytes) -> bool:
        try:
            return isinstance(json.loads(octets), dict)
        except (ValueError, RecursionError):
            return False

    assert sum(lax(spoiled(vector)) for vector in VECTORS["invalid"]) > 150


def test_an_error_names_the_field_and_never_its_content() -> None:
    with pytest.raises(ProtocolError) as caught:
        decode(b'{"t":"ask","id":1,"verb":{"t":"rename_entry","name":"secret.pdf","to":5}}')
    assert caught.value.detail == "ask.verb rename_entry.to is not a text, or too long"
    assert "secret" not in str(caught.value)


def test_a_name_that_is_no_text_goes_out_with_replacement_characters() -> None:
    message = protocol.Ask(1, protocol.BinEntry("photo\udcff.jpg"))
    assert decode(encode(message)) == protocol.Ask(1, protocol.BinEntry("photo\ufffd.jpg"))


def test_a_message_that_fits_no_sealed_message_is_our_own_fault() -> None:
    items = tuple(protocol.Item("x" * 200, 1) for _ in range(400))
    with pytest.raises(protocol.MessageTooLarge):
        encode(Propose(TRANSFER, 0, items, False, 400, 400))
    with pytest.raises(protocol.MessageTooLarge):
        encode(Chunk(TRANSFER, 0, 0, bytes(limits.CHUNK_BYTES_MAX + 1)))
    with pytest.raises(protocol.MessageTooLarge):
        encode(Chunk(TRANSFER, 0, 0, b""))


def test_a_long_list_is_trimmed_from_its_end_until_it_fits() -> None:
    entries = tuple(protocol.EntryFacts("ü" * 100 + str(n), n, n) for n in range(1000))
    trimmed = protocol.trimmed(InboxList("/inbox", entries, 1000))
    assert isinstance(trimmed, InboxList)
    assert trimmed.entries == entries[: len(trimmed.entries)]
    assert len(trimmed.entries) > 150
    assert trimmed.total == 1000
    assert decode(encode(protocol.Answer(2**53 - 1, trimmed))) == protocol.Answer(2**53 - 1, trimmed)


def test_the_largest_chunk_fills_a_sealed_message_and_no_more() -> None:
    largest = encode(Chunk(TRANSFER, 2**32 - 1, 0, bytes(limits.CHUNK_BYTES_MAX)))
    assert len(largest) == limits.CHUNK_HEADER_BYTES + limits.CHUNK_BYTES_MAX <= limits.PLAINTEXT_BYTES_MAX


BOUNDS_IN_WORDS = {
    "at most 65 519 bytes": limits.PLAINTEXT_BYTES_MAX == 65_519,
    "1 … 65 280 bytes": limits.CHUNK_BYTES_MAX == 65_280,
    "1 … 100 000 items": limits.ITEMS_MAX == 100_000,
    "≤ 32 MiB of manifest": limits.MANIFEST_BYTES_MAX == 32 * 1024**2,
    "a page is ≤ 60 KiB": limits.PAGE_BYTES_MAX == 60 * 1024,
    "`continues?: [transfer]` (≤ 16)": limits.CONTINUES_MAX == 16,
    "At most 1 000 digests": limits.DIGESTS_MAX == 1_000,
    "`name` (≤ 60 characters)": limits.DISPLAY_NAME_CHARACTERS_MAX == 60,
    "at most 4 096 Unicode code points": limits.NAME_CHARACTERS_MAX == 4_096,
    "may be open (≤ 32)": limits.ASKS_MAX == 32,
    "`limit` (≤ 1 000)": (limits.INBOX_ENTRIES_MAX, limits.RECEIPTS_TOLD_MAX) == (1_000, 1_000),
    "`items: [id]` (1 … 256)": limits.SHELF_ITEMS_MAX == 256,
    "at most 64 KiB of UTF-8": limits.TEXT_BYTES_MAX == 64 * 1024,
    "`asking?` (≤ 16": limits.ASKING_MAX == 16,
    "`first` (≤ 5 items": limits.ASKING_SHOWN_MAX == 5,
    "0 … 2^53−1": limits.WHOLE_MAX == 2**53 - 1,
    "`blob` (1 … 48 000 bytes)": limits.ENVELOPE_BYTES_MAX == 48_000,
    "A meeting ends after an hour": meetings.MEETING_LIFE_S == 3600,
    "a device has 16 at most, a daemon 64": (meetings.MEETINGS_PER_DEVICE_MAX, meetings.MEETINGS_MAX) == (16, 64),
    "10 introductions at once and one more every 5 s": (meetings.MEETS_BURST_MAX, meetings.MEETS_PER_S) == (10, 1 / 5),
    "100 envelopes at once and 20 more a second": (meetings.ENVELOPES_BURST_MAX, meetings.ENVELOPES_PER_S) == (100, 20),
    "`servers` (≤ 8, each with 1 … 8 addresses)": limits.ICE_SERVERS_MAX == 8,
    "the stored 8 MiB blocks": limits.PROOF_BLOCK_BYTES == 8 * 1024**2,
    "At least every 8 MiB or 1 s": (limits.SAFE_EVERY_BYTES, limits.SAFE_EVERY_S) == (8 * 1024**2, 1.0),
    "sends a ping after 5 s": limits.PING_EVERY_S == 5.0,
    "heard nothing at all for 15 s": limits.SILENCE_S_MAX == 15.0,
    "silent for 10 s": limits.PREEMPT_SILENCE_S == 10.0,
}


@pytest.mark.parametrize("words", BOUNDS_IN_WORDS)
def test_wire_md_says_the_bounds_that_are_in_force(words: str) -> None:
    assert BOUNDS_IN_WORDS[words]
    assert words in (Path(protocol.__file__).parent / "WIRE.md").read_text(encoding="utf-8")


def test_no_setting_allows_what_the_wire_cannot_say() -> None:
    """Settings know nothing of the protocol, so that their bounds are numbers of their own."""
    assert values.NAME_CHARACTERS_MAX == limits.DISPLAY_NAME_CHARACTERS_MAX
    assert away.SERVERS_MAX == limits.ICE_SERVERS_MAX
    for name, unit in (("relay_ask_mb", 10**6), ("reserve_mb", 10**6), ("guest_daily_gb", 10**9)):
        with pytest.raises(values.Expected):
            read_setting(name, limits.WHOLE_MAX // unit + 1)


def test_wire_md_names_every_message() -> None:
    text = (Path(protocol.__file__).parent / "WIRE.md").read_text(encoding="utf-8")
    assert [kind for kind in get_args(Message) if kind is not Chunk and f"`{wire_name(kind)}`" not in text] == []


@pytest.mark.parametrize(
    ("make", "top"),
    [
        (lambda n: protocol.Hello((1, 1), "ü" * n, protocol.PeerKind.PHONE, 0), limits.DISPLAY_NAME_CHARACTERS_MAX),
        (lambda n: protocol.Ask(0, protocol.BinEntry("😀" * n)), limits.NAME_CHARACTERS_MAX),
        (lambda n: Propose(TRANSFER, 0, (), True, 1, 0, (TRANSFER,) * n), limits.CONTINUES_MAX),
        (lambda n: protocol.Proof(TRANSFER, 0, 0, (bytes(32),) * n), limits.DIGESTS_MAX),
        (lambda n: protocol.Ask(0, protocol.ListInbox(n)), limits.INBOX_ENTRIES_MAX),
        (lambda n: protocol.Ask(0, protocol.ListReceipts(n)), limits.RECEIPTS_TOLD_MAX),
        (lambda n: protocol.Ask(0, protocol.PickUp((TRANSFER,) * n)), limits.SHELF_ITEMS_MAX),
        (lambda n: protocol.Ask(0, protocol.Offer(("/a",) * n)), limits.SHELF_ITEMS_MAX),
        (lambda n: protocol.Safe(TRANSFER, n, 0), limits.ITEM_INDEX_MAX),
        (lambda n: protocol.Ping(n), limits.WHOLE_MAX),
        (lambda n: protocol.Envelope(TRANSFER, bytes(n)), limits.ENVELOPE_BYTES_MAX),
        (
            lambda n: protocol.Introduce(
                TRANSFER, TRANSFER, "a", protocol.PeerKind.PHONE, bytes(16), (protocol.IceServerFacts(("stun:a",)),) * n
            ),
            limits.ICE_SERVERS_MAX,
        ),
    ],
)
def test_a_bound_is_reached_and_not_passed(make: Callable[[int], Message], top: int) -> None:
    assert decode(encode(make(top))) == make(top)
    with pytest.raises(ProtocolError):
        decode(encode(make(top + 1)))


@pytest.mark.parametrize(
    ("theirs", "ours", "common"),
    [((1, 1), (1, 1), 1), ((1, 3), (1, 2), 2), ((2, 3), (1, 2), 2), ((2, 2), (1, 1), None), ((1, 1), (2, 2), None)],
)
def test_the_highest_version_that_both_know_is_used(
    theirs: tuple[int, int], ours: tuple[int, int], common: int | None
) -> None:
    assert protocol.common_version(theirs, ours) == common


SAMPLES = [plaintext(vector) for vector in VECTORS["valid"]]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"", b"{", b"\x01", b"\x02", b'{"t":"', b'{"t":"ask","id":1,"verb":']))
def test_random_bytes_are_read_or_refused_and_nothing_else(octets: bytes, start: bytes) -> None:
    try:
        message = decode(start + octets)
    except ProtocolError:
        return
    assert decode(encode(message)) == message


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(SAMPLES), st.integers(min_value=0), st.binary(max_size=4), st.integers(0, 6))
def test_a_mutated_message_is_read_or_refused_and_nothing_else(
    sample: bytes, place: int, insert: bytes, removed: int
) -> None:
    place %= len(sample)
    try:
        message = decode(sample[:place] + insert + sample[place + removed :])
    except ProtocolError:
        return
    assert decode(encode(message)) == message
