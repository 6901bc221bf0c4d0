"""The edge's wire: every message there and back, everything else refused, and the document says the same."""

import json
from dataclasses import fields
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qrshared.signaling.codec import WrongMessage, decode_from_edge, decode_to_edge, encode
from qrshared.signaling.limits import (
    BLOB_CHARACTERS_MAX,
    ROOMS_PER_SOCKET_MAX,
    SIGNAL_BYTES_MAX,
    TURN_SERVERS_MAX,
    TURN_URLS_MAX,
    TURN_WORD_CHARACTERS_MAX,
)
from qrshared.signaling.messages import (
    FromEdge,
    Join,
    Joined,
    Leave,
    Left,
    Moved,
    Ping,
    Pong,
    Presence,
    Refuse,
    RefuseReason,
    Relay,
    Relayed,
    Servers,
    ToEdge,
    Turn,
    TurnServer,
    Welcome,
)
from qrshared.signaling.told import NODE_CHARACTERS_MAX, Arrived, Carried, Departed, Told, decode_told, encode_told
from tests.house.tree import ROOT

ROOM, OTHER = "A" * 22, "-_" * 10 + "9w"
PEER, SECOND = "abcd-_09", "AAAAAAAA"

TO_EDGE: list[ToEdge] = [
    Join((ROOM, OTHER)),
    Leave((ROOM,)),
    Relay(ROOM, PEER, 2**53 - 1, "abc_-"),
    Relay(ROOM, PEER, 0, ""),
    Turn(ROOM, PEER),
    Ping(),
    Pong(),
]
FROM_EDGE: list[FromEdge] = [
    Welcome(1),
    Welcome(1, stun=("stun:stun.example.org:3478",)),
    Welcome(1, turn=True, stun=()),
    Welcome(1, turn=True),
    Servers(ROOM, (TurnServer(("turn:a:1", "turn:a:1?transport=tcp"), "me", "pw"), TurnServer(("turn:b:2",))), 2**40),
    Joined((Presence(ROOM, PEER, ()), Presence(OTHER, PEER, (SECOND,)))),
    Left(ROOM, PEER),
    Relayed(ROOM, PEER, 7, "abc"),
    Moved(20_000),
    Refuse(RefuseReason.CROWDED, ROOM),
    Refuse(RefuseReason.TOO_FAST),
    Ping(),
    Pong(),
]
TOLD: list[Told] = [Arrived(ROOM, PEER, "node"), Departed(ROOM, PEER), Carried(ROOM, PEER, SECOND, 3, "abc")]


@pytest.mark.parametrize("message", TO_EDGE, ids=repr)
def test_what_a_peer_says_comes_back_the_same(message: ToEdge) -> None:
    assert decode_to_edge(encode(message)) == message


@pytest.mark.parametrize("message", FROM_EDGE, ids=repr)
def test_what_the_edge_says_comes_back_the_same(message: FromEdge) -> None:
    assert decode_from_edge(encode(message)) == message


@pytest.mark.parametrize("told", TOLD, ids=repr)
def test_what_replicas_say_comes_back_the_same(told: Told) -> None:
    assert decode_told(encode_told(told)) == told


def test_the_words_on_the_wire_are_those_of_the_document() -> None:
    assert json.loads(encode(Relay(ROOM, PEER, 1, "x"))) == {
        "t": "relay",
        "room": ROOM,
        "to": PEER,
        "seq": 1,
        "blob": "x",
    }
    assert json.loads(encode(Refuse(RefuseReason.TOO_FAST))) == {"t": "refuse", "reason": "too_fast"}
    text = (ROOT / "qrshared" / "signaling" / "WIRE.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    for kind in (*get_args(ToEdge), *get_args(FromEdge)):
        named = [row for row in rows if f"`{kind.__name__.lower()}`" in row.split("|")[1]]
        assert named, kind
        for field in fields(kind):
            assert any(field.name in row for row in named), (kind, field.name)
    for reason in RefuseReason:
        assert f"`{reason}`" in text
    assert f"{SIGNAL_BYTES_MAX // 1000} {SIGNAL_BYTES_MAX % 1000}" in text


def relay(**wrong: object) -> str:
    return json.dumps({"t": "relay", "room": ROOM, "to": PEER, "seq": 1, "blob": "abc"} | wrong)


def join(rooms: object) -> str:
    return json.dumps({"t": "join", "rooms": rooms})


WRONG = {
    "nothing": "",
    "no JSON": "{",
    "no object": "[]",
    "a number": "1",
    "no tag": "{}",
    "a tag that is none": '{"t": 1}',
    "an unknown tag": '{"t": "shout"}',
    "a word of the edge": encode(Welcome(1)),
    "NaN": relay().replace("1,", "NaN,"),
    "deep": "[" * 100_000,
    "no room": relay(room=None),
    "a short room": relay(room=ROOM[1:]),
    "a long room": relay(room=ROOM + "A"),
    "a room with stray bits": relay(room="A" * 21 + "B"),
    "a room with a line end": relay(room="A" * 22 + "\n"),
    "a peer of other letters": relay(to="abc=efgh"),
    "a negative number": relay(seq=-1),
    "a broken number": relay(seq=1.5),
    "a huge number": relay(seq=2**53),
    "a truth for a number": relay(seq=True),
    "an envelope of other letters": relay(blob="a b"),
    "an envelope that is none": relay(blob=["a"]),
    "an envelope too long": relay(blob="a" * (BLOB_CHARACTERS_MAX + 1)),
    "no rooms": join([]),
    "rooms that are none": join(ROOM),
    "too many rooms": join([f"{n:021d}A" for n in range(ROOMS_PER_SOCKET_MAX + 1)]),
    "one bad room of many": join([ROOM, 7]),
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG.keys())
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(WrongMessage) as refused:
        decode_to_edge(text)
    assert len(refused.value.sentence) < 200, "the peer's words are not repeated"


def test_the_largest_of_everything_is_let_through() -> None:
    rooms = tuple(f"{n:021d}A" for n in range(ROOMS_PER_SOCKET_MAX))
    for message in (Join(rooms), Relay(ROOM, PEER, 2**53 - 1, "_" * BLOB_CHARACTERS_MAX)):
        text = encode(message)
        assert len(text) <= SIGNAL_BYTES_MAX
        assert decode_to_edge(text) == message


def test_the_largest_answer_with_relays_fits_and_a_larger_one_is_refused() -> None:
    word = "x" * TURN_WORD_CHARACTERS_MAX
    server = TurnServer((word,) * TURN_URLS_MAX, word, word)
    largest = Servers(ROOM, (server,) * TURN_SERVERS_MAX, 2**53 - 1)
    assert len(encode(largest)) <= SIGNAL_BYTES_MAX
    assert decode_from_edge(encode(largest)) == largest
    more_urls = TurnServer((word,) * (TURN_URLS_MAX + 1), word, word)
    for servers in (
        (), (server,) * (TURN_SERVERS_MAX + 1), (more_urls,), (TurnServer(()),), (TurnServer((word + "x",)),),
        (TurnServer(("turn:a",), "", "pw"),), (TurnServer(("turn:a",), "me", word + "x"),),
    ):  # fmt: skip
        with pytest.raises(WrongMessage):
            decode_from_edge(encode(Servers(ROOM, servers, 1)))


def test_what_opens_a_relay_is_never_printed() -> None:
    assert "hidden" not in repr(Servers(ROOM, (TurnServer(("turn:a",), "me", "hidden"),), 1))


@pytest.mark.parametrize("turn", [False, 1, "yes"])
def test_an_edge_has_relays_or_does_not_speak_of_them(turn: object) -> None:
    with pytest.raises(WrongMessage):
        decode_from_edge(json.dumps({"t": "welcome", "version": 1, "turn": turn}))


def test_fields_of_later_versions_are_passed_over() -> None:
    assert decode_to_edge('{"t": "ping", "mood": {"deep": []}}') == Ping()


@pytest.mark.parametrize(
    "line",
    ["", "{}", '["arrived"]', f'["arrived", "{ROOM}", "{PEER}", ""]', f'["departed", "{ROOM}", "x"]',
     f'["arrived", "{ROOM}", "{PEER}", "{"n" * (NODE_CHARACTERS_MAX + 1)}"]',
     f'["carried", "{ROOM}", "{PEER}", "{SECOND}", -1, "abc"]', f'["carried", "{ROOM}", "", "{SECOND}", 1, "abc"]'],
)  # fmt: skip
def test_a_stranger_in_redis_is_not_understood(line: str) -> None:
    with pytest.raises(WrongMessage):
        decode_told(line)


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_no_text_does_anything_but_be_refused_or_read(text: str) -> None:
    for read in (decode_to_edge, decode_from_edge, decode_told):
        try:
            read(text)
        except WrongMessage:
            pass


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from([ROOM, PEER, "abc"])
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["t", "room", "you", "peers"]), inner),
)


@given(
    st.sampled_from(["join", "leave", "relay", "joined", "left", "relayed", "moved", "refuse", "welcome"]),
    st.dictionaries(
        st.sampled_from(["rooms", "room", "to", "seq", "blob", "present", "peer", "reason", "version"]), _JSON
    ),
)
def test_a_message_that_is_read_can_be_written(tag: str, words: dict[str, object]) -> None:
    text = json.dumps({"t": tag} | words)
    for read in (decode_to_edge, decode_from_edge):
        try:
            message = read(text)
        except WrongMessage:
            continue
        assert read(encode(message)) == message
