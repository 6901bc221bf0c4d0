"""Writes `messages.json`: plaintexts every codec must read, and plaintexts every codec must refuse.

Run `python tests/vectors/make_messages.py` after a change of the wire. It knows no codec: valid messages are written
here as plain JSON in the order of `WIRE.md`, and are spoiled field by field.
"""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

TRANSFER = "00112233445566778899aabbccddeeff"
OTHER = "ffeeddccbbaa99887766554433221100"
DIGEST = base64.urlsafe_b64encode(bytes(range(32))).rstrip(b"=").decode()
SECRET = base64.urlsafe_b64encode(bytes(range(16))).rstrip(b"=").decode()
SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
TOP = 2**53 - 1

RECEIPT = {"item": 0, "name": "photo (2).jpg", "size": 4096, "sha256": SHA256}
DEVICE = {
    "device": OTHER,
    "name": "Anna's phone",
    "kind": "phone",
    "trust": "guest",
    "rights": ["send"],
    "made_ms": 1,
    "seen_ms": 2,
    "online": True,
}
TRANSFER_FACTS = {
    "transfer": TRANSFER,
    "device": "Anna's phone",
    "kind": "phone",
    "state": "arriving",
    "items": 3,
    "items_done": 1,
    "items_failed": 0,
    "bytes": 300,
    "bytes_done": 100,
    "rate": 50,
    "started_ms": 1,
}
TUNNEL = {"address": "10.8.0.2", "interface": "tun0", "score": -10_000, "why": "a tunnel"}
EDGE = {"url": "https://share.example.org", "state": "connected"}
RELAY = {"turn": "metered", "month": "2026-11", "bytes": 6_000_000_000, "ask_bytes": 104_857_600}
STATUS = {
    "t": "status_facts",
    "version": "0.1.0",
    "pid": 1,
    "computer": "STUDY-PC",
    "urls": ["http://192.168.1.7:7774/"],
    "inbox": "/home/a/QRShare",
    "free_bytes": TOP,
    "sessions": 0,
    "started_ms": 1,
    "addresses": [{"address": "192.168.1.7", "interface": "eth0", "score": 90, "why": "the default route"}, TUNNEL],
    "problems": [],
}

ARRIVALS = {"senders": 1, "arriving": 2, "photos": 3, "videos": 4, "others": 5, "landed": 6, "percent": 100}
WALL = {
    "t": "wall_facts",
    "computer": "STUDY-PC",
    "fresh_until_ms": 9,
    "addresses": ["192.168.1.7:7774"],
    "arrivals": ARRIVALS,
}
INTRODUCE: dict[str, object] = {
    "t": "introduce",
    "meeting": TRANSFER,
    "device": OTHER,
    "name": "Ben's laptop",
    "kind": "laptop",
    "secret": SECRET,
}

# The first of each `t` has every required field and no optional one; later ones show the optional fields.
VALID: list[dict[str, object]] = [
    {"t": "hello", "versions": [1, 1], "name": "Anna's phone", "kind": "phone", "instance": TOP},
    {"t": "hello", "versions": [1, 1], "name": "", "kind": "wall", "instance": 1, "grant": {"rights": []}},
    {
        "t": "hello",
        "versions": [1, 2],
        "name": "ü 😀" * 20,
        "kind": "computer",
        "instance": 0,
        "enroll": DIGEST,
        "grant": {"rights": ["send", "pick_up"], "trust": "trusted", "device": OTHER, "until_ms": 5},
        "words": "tiger moon apple river",
    },
    {
        "t": "hello",
        "versions": [1, 1],
        "name": "STUDY-PC",
        "kind": "computer",
        "instance": 1,
        "grant": {
            "rights": ["pick_up", "send"],
            "away": {"edge": "https://share.example.org", "relay_ask_bytes": 104_857_600, "secret": SECRET},
        },
    },
    {
        "t": "hello",
        "versions": [1, 1],
        "name": "STUDY-PC",
        "kind": "computer",
        "instance": 1,
        "grant": {"rights": [], "away": {"edge": "https://share.example.org", "relay_ask_bytes": 0}},
    },
    {"t": "goodbye", "reason": "another_tab"},
    {"t": "ping", "n": 0},
    {"t": "pong", "n": TOP},
    {
        "t": "propose",
        "transfer": TRANSFER,
        "first": 0,
        "items": [{"name": 'a/b\u2028"\\\n\u0001\u007f.jpg', "size": 0}, {"name": "ü", "size": TOP, "modified_ms": 0}],
        "more": False,
        "count": 2,
        "bytes": TOP,
    },
    {
        "t": "propose",
        "transfer": TRANSFER,
        "first": 99_999,
        "items": [],
        "more": True,
        "count": 100_000,
        "bytes": 0,
        "continues": [OTHER] * 16,
    },
    {"t": "accept", "transfer": TRANSFER, "window": 4_194_304},
    {
        "t": "accept",
        "transfer": TRANSFER,
        "window": 0,
        "kept": [{"item": 1, "offset": 5}, {"item": 4_294_967_295, "offset": TOP, "prove": True}],
        "receipts": [RECEIPT, {**RECEIPT, "handed_over": True}],
        "more": True,
    },
    {"t": "decline", "transfer": TRANSFER, "reason": "no_space"},
    {"t": "decline", "transfer": TRANSFER, "reason": "no_space", "needed": 6, "free": 2},
    {"t": "proof", "transfer": TRANSFER, "item": 0, "first": 3, "digests": [DIGEST, DIGEST]},
    {"t": "rewind", "transfer": TRANSFER, "item": 0, "offset": 8_388_608},
    {"t": "taken", "transfer": TRANSFER, "count": 262_144},
    {"t": "safe", "transfer": TRANSFER, "item": 7, "offset": 1},
    {"t": "finish", "transfer": TRANSFER},
    {"t": "receipt", "transfer": TRANSFER, "receipts": [RECEIPT]},
    {"t": "cancel", "transfer": TRANSFER},
    {"t": "cancel", "transfer": TRANSFER, "item": 3},
    {"t": "fail", "transfer": TRANSFER, "reason": "source_changed"},
    {"t": "fail", "transfer": TRANSFER, "reason": "no_space", "item": 0, "needed": 0, "free": 0},
    {"t": "watch", "topics": ["wall"]},
    {"t": "watch", "topics": ["nearby", "devices"]},
    {"t": "watch", "topics": []},
    {"t": "news", "facts": WALL},
    {"t": "news", "facts": {**WALL, "away": True}},
    {"t": "news", "facts": STATUS},
    {"t": "news", "facts": {**STATUS, "edge": EDGE, "relay": RELAY}},
    {"t": "news", "facts": {**STATUS, "edge": {**EDGE, "state": "failed", "sentence": "No qrshared answers there."}}},
    {"t": "news", "facts": {**STATUS, "devices": [DEVICE], "transfers": [TRANSFER_FACTS]}},
    {"t": "news", "facts": {"t": "transfer_list", "transfers": [{**TRANSFER_FACTS, "current": "a.jpg"}]}},
    {
        "t": "news",
        "facts": {
            "t": "inbox_list",
            "folder": "/home/a/QRShare",
            "entries": [
                {"name": "a.jpg", "size": 1, "arrived_ms": 2},
                {"name": "trip", "size": 0, "arrived_ms": 3, "is_folder": True},
            ],
            "total": 1,
        },
    },
    {"t": "news", "facts": {"t": "device_list", "devices": [DEVICE]}},
    {"t": "news", "facts": {"t": "device_list", "devices": [{**DEVICE, "road": "relay"}]}},
    {
        "t": "news",
        "facts": {"t": "nearby_list", "peers": [{"device": OTHER, "name": "Ben's laptop", "kind": "laptop"}]},
    },
    {"t": "ask", "id": 1, "verb": {"t": "get_status"}},
    {"t": "ask", "id": 1, "verb": {"t": "list_inbox"}},
    {"t": "ask", "id": 1, "verb": {"t": "list_inbox", "limit": 1000}},
    {"t": "ask", "id": 1, "verb": {"t": "open_inbox"}},
    {"t": "ask", "id": 1, "verb": {"t": "open_inbox", "name": "a.jpg"}},
    {"t": "ask", "id": 1, "verb": {"t": "rename_entry", "name": "a.jpg", "to": "b.jpg"}},
    {"t": "ask", "id": 1, "verb": {"t": "bin_entry", "name": "a.jpg"}},
    {"t": "ask", "id": 1, "verb": {"t": "list_devices"}},
    {"t": "ask", "id": 1, "verb": {"t": "rename_device", "device": OTHER, "to": "Anna"}},
    {"t": "ask", "id": 1, "verb": {"t": "trust_device", "device": OTHER}},
    {"t": "ask", "id": 1, "verb": {"t": "revoke_device", "device": OTHER}},
    {"t": "ask", "id": 1, "verb": {"t": "make_ticket"}},
    {"t": "ask", "id": 1, "verb": {"t": "make_ticket", "life": "never"}},
    {"t": "ask", "id": 1, "verb": {"t": "make_ticket", "away": True}},
    {"t": "ask", "id": 1, "verb": {"t": "make_owner_ticket"}},
    {"t": "ask", "id": 1, "verb": {"t": "stop_transfer", "transfer": TRANSFER}},
    {"t": "ask", "id": 1, "verb": {"t": "list_unfinished"}},
    {"t": "ask", "id": 1, "verb": {"t": "forget_unfinished"}},
    {"t": "ask", "id": 1, "verb": {"t": "use_away"}},
    {"t": "ask", "id": 1, "verb": {"t": "meet", "device": OTHER}},
    {"t": "answer", "id": 1, "facts": {"t": "ticket_facts", "url": "http://192.168.1.7:7774/p#1x"}},
    {"t": "answer", "id": 1, "facts": {"t": "ticket_facts", "url": "http://192.168.1.7:7774/p#1x", "expires_ms": 7}},
    {
        "t": "answer",
        "id": 1,
        "facts": {
            "t": "unfinished_list",
            "items": [{"transfer": TRANSFER, "name": "a.mov", "size": 9, "offset": 3}],
        },
    },
    {"t": "answer", "id": 1, "facts": {"t": "done"}},
    {"t": "answer", "id": 1, "facts": {"t": "done", "text": "b.jpg"}},
    {"t": "refuse", "id": 1, "reason": "not_allowed"},
    {"t": "refuse", "id": 1, "reason": "not_allowed", "sentence": "Only the owner may do that."},
    INTRODUCE,
    {
        **INTRODUCE,
        "servers": [
            {"urls": ["stun:stun.example.org:3478"]},
            {
                "urls": ["turn:turn.example.org:3478?transport=udp"],
                "username": "1764000000:x",
                "credential": "c2VjcmV0",
            },
        ],
    },
    {"t": "envelope", "meeting": TRANSFER, "blob": "AA"},
    {"t": "envelope", "meeting": TRANSFER, "blob": "AAA"},
    {"t": "envelope", "meeting": TRANSFER, "blob": "AAAA"},
    {"t": "envelope", "meeting": TRANSFER, "blob": SECRET * 2 + DIGEST},
]

# Other spellings of a valid message: read, and written as the second.
OTHER_SPELLINGS = [
    ('{"n":7,"t":"ping"}', '{"t":"ping","n":7}'),
    ('{ "t" : "ping" ,\n\t"n":7 } ', '{"t":"ping","n":7}'),
    ('{"t":"ping","n":7.0}', '{"t":"ping","n":7}'),
    ('{"t":"ping","n":7e0}', '{"t":"ping","n":7}'),
    ('{"t":"ping","n":-0}', '{"t":"ping","n":0}'),
    ('{"t":"ping","n":-0.0}', '{"t":"ping","n":0}'),
    ('{"t":"ping","n":9007199254740991.0}', '{"t":"ping","n":9007199254740991}'),
    ('{"t":"\\u0070ing","n":7}', '{"t":"ping","n":7}'),
    ('{"t":"ping","n":7,"later":{"x":[null,"😀"]}}', '{"t":"ping","n":7}'),
    ('{"t":"ping","n":7,"__proto__":{"n":8},"constructor":1}', '{"t":"ping","n":7}'),
    ('{"t":"ping","n":6,"n":7}', '{"t":"ping","n":7}'),
    (
        '{"t":"accept","transfer":"' + TRANSFER + '","window":1,"kept":[{"item":0,"offset":1,"prove":false}],'
        '"receipts":[],"more":false}',
        '{"t":"accept","transfer":"' + TRANSFER + '","window":1,"kept":[{"item":0,"offset":1}]}',
    ),
    ('{"t":"ask","id":1,"verb":{"t":"list_inbox","limit":200}}', '{"t":"ask","id":1,"verb":{"t":"list_inbox"}}'),
    ('{"t":"answer","id":1,"facts":{"t":"done","text":""}}', '{"t":"answer","id":1,"facts":{"t":"done"}}'),
    (
        '{"t":"ask","id":1,"verb":{"t":"bin_entry","name":"\\ud83d\\ude00"}}',
        '{"t":"ask","id":1,"verb":{"t":"bin_entry","name":"😀"}}',
    ),
]


# An `ask` whose verb cannot be read: the number it is refused under.
WRONG_ASKS = [
    (1, '{"t":"ask","id":1,"verb":{"t":"rename_device","device":"' + OTHER + '","to":"' + "x" * 61 + '"}}'),
    (0, '{"t":"ask","id":0,"verb":{"t":"list_inbox","limit":1001}}'),
    (TOP, '{"t":"ask","id":9007199254740991,"verb":{"t":"meet","device":"anna"}}'),
    (7, '{"t":"ask","id":7.0,"verb":{"t":"brew_coffee"}}'),
    (3, '{"t":"ask","id":3,"verb":{"t":"bin_entry"}}'),
    (3, '{"t":"ask","id":3,"verb":null}'),
    (3, '{"t":"ask","id":3}'),
]


def chunk(transfer: str, item: int, offset: int, content: bytes) -> bytes:
    return b"\x01" + bytes.fromhex(transfer) + item.to_bytes(4, "big") + offset.to_bytes(8, "big") + content


VALID_CHUNKS = [
    chunk(TRANSFER, 0, 0, b"\x00"),
    chunk(OTHER, 2**32 - 1, TOP - 3, b"abc"),
    chunk(TRANSFER, 99_999, 2**32 + 5, b"hello"),
]

INVALID_CHUNKS = [
    ("no content", chunk(TRANSFER, 0, 0, b"")),
    ("header cut", chunk(TRANSFER, 0, 0, b"")[:-1]),
    ("only the mark", b"\x01"),
    ("ends beyond 2^53-1", chunk(TRANSFER, 0, TOP - 2, b"abc")),
    ("offset 2^64-1", chunk(TRANSFER, 0, 2**64 - 1, b"a")),
    ("one byte too many", chunk(TRANSFER, 0, 0, bytes(65_281))),
    ("another mark", b"\x02" + chunk(TRANSFER, 0, 0, b"a")[1:]),
]

INVALID_BYTES = [
    ("nothing", b""),
    ("a zero byte", b"\x00"),
    ("a byte order mark", b'\xef\xbb\xbf{"t":"ping","n":1}'),
    ("a space before", b' {"t":"ping","n":1}'),
    ("UTF-16", '{"t":"ping","n":1}'.encode("utf-16-le")),
    ("a stray continuation byte", b'{"t":"ask","id":1,"verb":{"t":"bin_entry","name":"\x80"}}'),
    ("an overlong form", b'{"t":"ask","id":1,"verb":{"t":"bin_entry","name":"\xc0\xaf"}}'),
    ("a surrogate as UTF-8", b'{"t":"ask","id":1,"verb":{"t":"bin_entry","name":"\xed\xa0\x80"}}'),
    ("too long", b'{"t":"ping","n":1' + b" " * 65_503 + b"}"),
]

INVALID_TEXTS = [
    ("not closed", '{"t":"ping","n":1'),
    ("rubbish after", '{"t":"ping","n":1}x'),
    ("two objects", '{"t":"ping","n":1}{"t":"ping","n":1}'),
    ("a comma too many", '{"t":"ping","n":1,}'),
    ("single quotes", "{'t':'ping','n':1}"),
    ("no t", '{"n":1}'),
    ("t is a number", '{"t":1,"n":1}'),
    ("t is a list", '{"t":["ping"],"n":1}'),
    ("unknown t", '{"t":"pung","n":1}'),
    ("t in capitals", '{"t":"Ping","n":1}'),
    ("chunk as JSON", '{"t":"chunk","transfer":"' + TRANSFER + '","item":0,"offset":0,"content":"AA"}'),
    ("t of an object's own methods", '{"t":"constructor"}'),
    ("t is __proto__", '{"t":"__proto__"}'),
    ("facts where a message stands", '{"t":"done"}'),
    ("NaN", '{"t":"ping","n":NaN}'),
    ("Infinity", '{"t":"ping","n":Infinity}'),
    ("minus Infinity", '{"t":"ping","n":-Infinity}'),
    ("NaN in a field nobody reads", '{"t":"ping","n":1,"later":NaN}'),
    ("1e400", '{"t":"ping","n":1e400}'),
    ("a fraction", '{"t":"ping","n":0.5}'),
    ("a tiny fraction", '{"t":"ping","n":1e-9}'),
    ("negative", '{"t":"ping","n":-1}'),
    ("2^53", '{"t":"ping","n":9007199254740992}'),
    ("2^53 as a fraction", '{"t":"ping","n":9007199254740992.0}'),
    ("5000 digits", '{"t":"ping","n":' + "9" * 5000 + "}"),
    ("a leading zero", '{"t":"ping","n":01}'),
    ("a plus sign", '{"t":"ping","n":+1}'),
    ("hexadecimal", '{"t":"ping","n":0x1}'),
    ("true is no number", '{"t":"ping","n":true}'),
    ("a number as text", '{"t":"ping","n":"1"}'),
    ("deep nesting", '{"t":"ping","n":' + "[" * 20_000 + "]" * 20_000 + "}"),
    ("deep nesting, not closed", '{"t":' + "[" * 60_000),
    ("a lone surrogate", '{"t":"ask","id":1,"verb":{"t":"bin_entry","name":"\\ud800"}}'),
    ("surrogates the wrong way round", '{"t":"ask","id":1,"verb":{"t":"bin_entry","name":"\\udc00\\ud800"}}'),
    ("a raw control character", '{"t":"ask","id":1,"verb":{"t":"bin_entry","name":"\u0001"}}'),
    ("a name too long", '{"t":"ask","id":1,"verb":{"t":"bin_entry","name":"' + "x" * 4097 + '"}}'),
    ("a name too long beyond the BMP", '{"t":"ask","id":1,"verb":{"t":"bin_entry","name":"' + "😀" * 4097 + '"}}'),
    ("an unknown verb", '{"t":"ask","id":1,"verb":{"t":"format_disk"}}'),
    ("a message as verb", '{"t":"ask","id":1,"verb":{"t":"ping","n":1}}'),
    ("limit too high", '{"t":"ask","id":1,"verb":{"t":"list_inbox","limit":1001}}'),
    ("an unknown reason", '{"t":"goodbye","reason":"because"}'),
    ("an unknown topic", '{"t":"watch","topics":["wall","secrets"]}'),
    ("17 topics", '{"t":"watch","topics":[' + ",".join(['"wall"'] * 17) + "]}"),
    ("versions of one", '{"t":"hello","versions":[1],"name":"a","kind":"phone","instance":1}'),
    ("versions of three", '{"t":"hello","versions":[1,1,1],"name":"a","kind":"phone","instance":1}'),
    ("a display name too long", '{"t":"hello","versions":[1,1],"name":"' + "x" * 61 + '","kind":"phone","instance":1}'),
    (
        "an item that is a list",
        '{"t":"propose","transfer":"' + TRANSFER + '","first":0,"items":[["a",1]],"more":false,"count":1,"bytes":1}',
    ),
]

ENVELOPE = '{"t":"envelope","meeting":"' + TRANSFER + '","blob":"%s"}'
KEY = '{"t":"hello","versions":[1,1],"name":"a","kind":"phone","instance":1,"enroll":"%s"}'
INVALID_TEXTS += [
    ("a key of 31 bytes", KEY % DIGEST[:-1]),
    ("a key of 33 bytes", KEY % (DIGEST + "A")),
    ("a key with padding", KEY % (DIGEST[:-1] + "=")),
    ("a key in the other base64", KEY % ("+" + DIGEST[1:])),
    ("a key with stray bits", KEY % (DIGEST[:-1] + "9")),
    ("a key with a newline", KEY % (DIGEST[:-1] + "\\n")),
    (
        "a score beyond the least",
        json.dumps({"t": "news", "facts": {**STATUS, "addresses": [{**TUNNEL, "score": -10_001}]}}),
    ),
    ("an empty key", KEY % ""),
    ("transfer in capitals", '{"t":"finish","transfer":"' + TRANSFER.upper() + '"}'),
    ("transfer too short", '{"t":"finish","transfer":"' + TRANSFER[:-1] + '"}'),
    ("transfer with a newline after", '{"t":"finish","transfer":"' + TRANSFER + '\\n"}'),
    ("transfer with a newline in it", '{"t":"finish","transfer":"' + TRANSFER[:-1] + '\\n"}'),
    (
        "17 to continue",
        json.dumps(
            {
                "t": "propose",
                "transfer": TRANSFER,
                "first": 0,
                "items": [],
                "more": False,
                "count": 1,
                "bytes": 1,
                "continues": [OTHER] * 17,
            }
        ),
    ),
    (
        "an unknown road",
        json.dumps({"t": "news", "facts": {"t": "device_list", "devices": [{**DEVICE, "road": "away"}]}}),
    ),
    ("an unknown state of the line", json.dumps({"t": "news", "facts": {**STATUS, "edge": {**EDGE, "state": "lost"}}})),
    ("an unknown relay", json.dumps({"t": "news", "facts": {**STATUS, "relay": {**RELAY, "turn": "xirsys"}}})),
    ("a pair ticket of 15 bytes", json.dumps({**INTRODUCE, "secret": SECRET[:-2]})),
    ("nine servers", json.dumps({**INTRODUCE, "servers": [{"urls": ["stun:a"]}] * 9})),
    ("a server without addresses", json.dumps({**INTRODUCE, "servers": [{"urls": []}]})),
    ("an empty envelope", ENVELOPE % ""),
    ("an envelope too long", ENVELOPE % ("A" * 64_001)),
    ("an envelope of no whole bytes", ENVELOPE % "AAAAA"),
    ("an envelope with stray bits", ENVELOPE % "AB"),
    ("an envelope with padding", ENVELOPE % "AA=="),
    ("an envelope with a newline", ENVELOPE % "AAA\\n"),
    ("a meeting in capitals", '{"t":"envelope","meeting":"' + OTHER.upper() + '","blob":"AA"}'),
    ("item 2^32", '{"t":"safe","transfer":"' + TRANSFER + '","item":4294967296,"offset":0}'),
    ("a proof of nothing", '{"t":"proof","transfer":"' + TRANSFER + '","item":0,"first":0,"digests":[]}'),
    (
        "1001 digests",
        json.dumps({"t": "proof", "transfer": TRANSFER, "item": 0, "first": 0, "digests": [DIGEST] * 1001}),
    ),
]


def pieces(text: str) -> list[tuple[str, int]]:
    """`text` as pieces and how often each stands: long runs would make this file long."""
    runs = re.finditer(r"(.)\1{99,}|(?:(?!(.)\2{99,}).)+", text, re.DOTALL)
    return [(run[1], len(run[0])) if run[1] else (run[0], 1) for run in runs]


def as_hex(octets: bytes) -> list[tuple[str, int]]:
    return [(piece.encode("latin-1").hex(), times) for piece, times in pieces(octets.decode("latin-1"))]


def compact(message: object) -> str:
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))


def wrong_values(value: object) -> Iterator[tuple[str, object]]:
    """Values of other types than `value` has."""
    yield "null", None
    for what, other in (("a number", 1), ("a text", "x"), ("a list", [[]]), ("an object", {}), ("true", True)):
        if type(other) is not type(value):
            yield what, other


def spoiled() -> Iterator[tuple[str, str]]:
    """Every message with each of its fields missing, or of another type; also one level down."""
    seen: set[str] = set()
    for message in VALID:
        tag = str(message["t"])
        for field, value in message.items():
            if field == "t":
                continue
            if tag not in seen:
                yield f"{tag} without {field}", compact({k: v for k, v in message.items() if k != field})
            for what, other in wrong_values(value) if tag not in seen or tag == "accept" else ():
                yield f"{tag}: {field} is {what}", compact({**message, field: other})
            if isinstance(value, dict):
                inner = str(value.get("t", field))
                for name in value if inner not in seen else ():
                    rest = {k: v for k, v in value.items() if k != name}
                    yield f"{inner} without {name}", compact({**message, field: rest})
                    yield f"{inner}: {name} is null", compact({**message, field: {**value, name: None}})
                seen.add(inner)
        seen.add(tag)


def main() -> None:
    vectors = {
        "about": "By make_messages.py. hex: bytes; text: as UTF-8. An invalid one is a list of (piece, how often).",
        "valid": [{"text": compact(message)} for message in VALID] + [{"hex": c.hex()} for c in VALID_CHUNKS],
        "other_spellings": [{"text": text, "canonical": canonical} for text, canonical in OTHER_SPELLINGS],
        "wrong_asks": [{"id": ask, "text": text} for ask, text in WRONG_ASKS],
        "invalid": [{"why": why, "hex": as_hex(octets)} for why, octets in INVALID_CHUNKS + INVALID_BYTES]
        + [{"why": why, "text": pieces(text)} for why, text in [*INVALID_TEXTS, *spoiled()]],
    }
    target = Path(__file__).with_name("messages.json")
    target.write_text(json.dumps(vectors, ensure_ascii=True, indent=0, separators=(",", ":")) + "\n", encoding="ascii")
    print(len(vectors["valid"]), "valid,", len(vectors["invalid"]), "invalid")


if __name__ == "__main__":
    main()
