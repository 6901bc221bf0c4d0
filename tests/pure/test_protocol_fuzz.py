"""A minute of rubbish for the codec, starting from what is valid; runs with `python -m tests fuzz`."""

import json
import random
import time
from pathlib import Path

import pytest

from qrshared.protocol import ProtocolError, decode, encode

SECONDS = 60
VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "messages.json").read_text(encoding="ascii"))
SAMPLES = [bytes.fromhex(v["hex"]) if "hex" in v else v["text"].encode() for v in VECTORS["valid"]]
PIECES = [
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b",",
    b":",
    b"\\",
    b"\\u",
    b"null",
    b"true",
    b"-",
    b"1e9",
    b"9" * 20,
    b"\x00",
    b"\xff",
]
PIECES += [b"\x00", b"\xff", b'"t":', b'"item":', b'"offset":', b'"items":', b'"verb":', b'"facts":', "😀".encode()]


def mutated(rng: random.Random) -> bytes:
    octets = bytearray(rng.choice(SAMPLES))
    for _ in range(rng.randint(1, 6)):
        place = rng.randrange(len(octets) + 1)
        match rng.randrange(5):
            case 0:
                octets[place : place + rng.randint(0, 8)] = rng.choice(PIECES)
            case 1:
                octets[place : place + 1] = bytes([rng.randrange(256)])
            case 2:
                del octets[place : place + rng.randint(1, 20)]
            case 3:
                other = rng.choice(SAMPLES)
                start = rng.randrange(len(other))
                octets[place:place] = other[start : start + rng.randint(1, 40)]
            case _:
                octets[place:place] = rng.choice(PIECES) * rng.choice((1, 2, 5000))
    return bytes(octets)


@pytest.mark.fuzz
def test_a_minute_of_mutations_is_read_or_refused_and_nothing_else() -> None:
    seed = random.randrange(2**32)
    rng = random.Random(seed)
    read = refused = 0
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        octets = mutated(rng)
        try:
            message = decode(octets)
        except ProtocolError:
            refused += 1
            continue
        except Exception as error:
            raise AssertionError(f"seed {seed}: {octets!r}") from error
        assert decode(encode(message)) == message, f"seed {seed}: {octets!r}"
        read += 1
    print(f"{read} read, {refused} refused, seed {seed}")
    assert read > 100
    assert refused > 100
