"""Writes `messages.json`: plaintexts every codec must read, and plaintexts every codec must refuse.

Run `python -m tests.vectors.make_messages` after a change of the wire. It knows no codec: valid messages stand in
`valid_messages.py` as plain JSON (chunks in `valid_chunks.py`, odd spellings in `odd_messages.py`) and are spoiled here
field by field.
"""

import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

from tests.vectors.odd_messages import OTHER_SPELLINGS, WRONG_ASKS
from tests.vectors.valid_chunks import DEFLATED_CHUNKS, VALID_CHUNKS, chunk, deflated, raw_deflate
from tests.vectors.valid_messages import (
    ASKING,
    DEVICE,
    DIGEST,
    EDGE,
    INTRODUCE,
    ITEM_ID,
    OTHER,
    RELAY,
    SECRET,
    SHELF_ITEM,
    STATUS,
    TOP,
    TRANSFER,
    TUNNEL,
    VALID,
)

INVALID_CHUNKS = [
    ("no content", chunk(TRANSFER, 0, 0, b"")),
    ("header cut", chunk(TRANSFER, 0, 0, b"")[:-1]),
    ("only the mark", b"\x01"),
    ("ends beyond 2^53-1", chunk(TRANSFER, 0, TOP - 2, b"abc")),
    ("offset 2^64-1", chunk(TRANSFER, 0, 2**64 - 1, b"a")),
    ("one byte too many", chunk(TRANSFER, 0, 0, bytes(65_281))),
    ("another mark", b"\x03" + chunk(TRANSFER, 0, 0, b"a")[1:]),
    ("a deflated chunk's mark on a plain one", b"\x02" + chunk(TRANSFER, 0, 0, b"a")[1:]),
    ("deflated: only the mark", b"\x02"),
    ("deflated: header cut", deflated(TRANSFER, 0, 0, 1, b"")[:-1]),
    ("deflated: nothing behind the header", deflated(TRANSFER, 0, 0, 1, b"")),
    ("deflated: nothing in it", deflated(TRANSFER, 0, 0, 0, raw_deflate(b""))),
    ("deflated: one byte too many promised", deflated(TRANSFER, 0, 0, 65_281, raw_deflate(bytes(65_281)))),
    ("deflated: more than promised", deflated(TRANSFER, 0, 0, 4, raw_deflate(b"hello"))),
    ("deflated: less than promised", deflated(TRANSFER, 0, 0, 6, raw_deflate(b"hello"))),
    ("deflated: a megabyte promised as one byte", deflated(TRANSFER, 0, 0, 1, raw_deflate(bytes(1 << 20)))),
    ("deflated: cut", deflated(TRANSFER, 0, 0, 5, raw_deflate(b"hello")[:-1])),
    ("deflated: rubbish after", deflated(TRANSFER, 0, 0, 5, raw_deflate(b"hello") + b"x")),
    ("deflated: rubbish", deflated(TRANSFER, 0, 0, 5, b"\xff" * 9)),
    ("deflated: with zlib's header", deflated(TRANSFER, 0, 0, 5, zlib.compress(b"hello"))),
    ("deflated: ends beyond 2^53-1", deflated(TRANSFER, 0, TOP - 2, 3, raw_deflate(b"abc"))),
    ("deflated: too long for any sealed message", deflated(TRANSFER, 0, 0, 1, bytes(65_500))),
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

PROPOSE = (
    '{"t":"propose","transfer":"' + TRANSFER + '","first":0,"items":[{"name":"a",%s}],"more":false,"count":1,"bytes":1}'
)
ASKING_ITEMS = [{"name": "a.jpg", "size": 1}] * 2
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
    ("an unknown kind of item", PROPOSE % '"size":1,"kind":"symlink"'),
    ("a hash too short", PROPOSE % ('"size":1,"sha256":"' + "0" * 63 + '"')),
    ("a hash in capitals", PROPOSE % ('"size":1,"sha256":"' + "A" * 64 + '"')),
    ("17 proposals that ask", json.dumps({"t": "news", "facts": {**STATUS, "asking": [ASKING] * 17}})),
    (
        "six items of one that asks",
        json.dumps({"t": "news", "facts": {**STATUS, "asking": [{**ASKING, "first": ASKING_ITEMS * 3}]}}),
    ),
    (
        "a thing on the shelf with a path for an id",
        json.dumps({"t": "news", "facts": {"t": "shelf_list", "items": [{**SHELF_ITEM, "item": "/etc/passwd"}]}}),
    ),
    (
        "an unknown state of an offer",
        json.dumps(
            {
                "t": "news",
                "facts": {
                    "t": "offer_list",
                    "offers": [{"item": ITEM_ID, "name": "a", "state": "lost", "bytes": 1, "bytes_done": 0}],
                },
            }
        ),
    ),
    ("held is a number", '{"t":"hold","transfer":"' + TRANSFER + '","held":1}'),
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
        "deflated": [{"hex": one.hex(), "plain": plain.hex()} for one, plain in DEFLATED_CHUNKS],
        "wrong_asks": [{"id": ask, "text": text} for ask, text in WRONG_ASKS],
        "invalid": [{"why": why, "hex": as_hex(octets)} for why, octets in INVALID_CHUNKS + INVALID_BYTES]
        + [{"why": why, "text": pieces(text)} for why, text in [*INVALID_TEXTS, *spoiled()]],
    }
    target = Path(__file__).with_name("messages.json")
    target.write_text(json.dumps(vectors, ensure_ascii=True, indent=0, separators=(",", ":")) + "\n", encoding="ascii")
    print(len(vectors["valid"]), "valid,", len(vectors["invalid"]), "invalid")


if __name__ == "__main__":
    main()
