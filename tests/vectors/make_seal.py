"""Writes the seal's vectors (keys, noise, sealed, envelopes): what Python and TypeScript must both compute.

Run as `python tests/vectors/make_seal.py`. Nothing here comes from `qrshared` except the list of comparison words: the
numbers are published ones, or those of other implementations (`cryptography`'s HKDF and AEAD, and `noiseprotocol`).
"""

import base64
import hashlib
import json
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand
from noise.connection import Keypair, NoiseConnection

from qrshared.seal.words import WORDS

HERE = Path(__file__).parent
TICKET = bytes(range(16))
DEVICE = bytes(range(100, 132))
NONCES = bytes([1]) * 32, bytes([2]) * 32
EPHEMERALS = bytes([0x31]) * 32, bytes([0x42]) * 32

# From cacophony.txt as kept by the Rust library snow (in tests/vectors). What that file calls `handshake_hash`
# is the hash as it stood after the first message (noiseprotocol finds the same), hence its name here.
_PUBLISHED_PAYLOADS = [
    "4c756477696720766f6e204d69736573",
    "4d757272617920526f746862617264",
    "462e20412e20486179656b",
    "4361726c204d656e676572",
    "4a65616e2d426170746973746520536179",
    "457567656e2042f6686d20766f6e2042617765726b",
]
_PUBLISHED = {
    "prologue": "4a6f686e2047616c74",
    "initiator_ephemeral": "893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a",
    "responder_ephemeral": "bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b",
}
PUBLISHED = [
    {
        "name": "Noise_NN_25519_ChaChaPoly_SHA256",
        **_PUBLISHED,
        "psk": None,
        "hash_after_first_message": "443165f72d404a81932d277075e873dfac74456aa1f866ee3781f42de3675cce",
        "messages": [
            "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c79444c756477696720766f6e204d69736573",
            (
                "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843"
                "a0ff96bdf86b579ef7dbf94e812a7470b903c20a85a87e3a1fe863264ae547"
            ),
            "eb1a3e3d80c1792b1bb9cb0e1382f8d8322bfb1ca7c4c8517bb686",
            "c781b198d2a974eb1da2c7d518c000cf6396de87ca540963c03713",
            "c77048eb6919fdfe8fe45842bfc5b8d1ff50d1e20c717453ccdfe6176d805b996d",
            "61834d7069dcfb7a1adf8d5ac910f83fa04c73a67789895c6f5f995c5db2ce88e49b124178",
        ],
    },
    {
        "name": "Noise_NNpsk0_25519_ChaChaPoly_SHA256",
        **_PUBLISHED,
        "psk": "54686973206973206d7920417573747269616e20706572737065637469766521",
        "hash_after_first_message": "054a32eaeedc4061a64cec028e34e5775d4de033e32525a5dfbd719056bae0b6",
        "messages": [
            (
                "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944"
                "79b962b8aff8485742ac32f905ba45369e2465fb59e138a93d67a0d1266b6a54"
            ),
            (
                "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843"
                "d6062704d5a9c422a8e834423f8c1feada7e8d0d910a1a2cd030fb584221e3"
            ),
            "e632c3763d7669067383433197a3baddf146e9e70ad4b4e9e59e0f",
            "64c6bee32ea91c8474bb4c21d7a700109ad45af77b29764ba5eb1e",
            "e2fa0bed0603b62d3ccac2ecabbf3fe33f3e86514909b323361626266cb2471cc8",
            "0c01dc9cec1fe4ddd692e8dd32188aa351088dc91183639a53b57aa4692b5ebdef8b8ca111",
        ],
    },
]


def keys_of(secret: bytes) -> dict[str, str]:
    root = HKDF.extract(SHA256(), b"qrshared/1 root", secret)
    labels = {
        "key_id": (b"key-id", 16),
        "session_auth": (b"session-auth", 32),
        "rendezvous": (b"rendezvous", 16),
        "envelopes": (b"envelopes", 32),
    }
    derived = {name: HKDFExpand(SHA256(), length, label).derive(root).hex() for name, (label, length) in labels.items()}
    return {"secret": secret.hex(), **derived}


def words_of(handshake_hash: bytes) -> list[str]:
    bits = "".join(f"{byte:08b}" for byte in HKDFExpand(SHA256(), 8, b"comparison words").derive(handshake_hash))
    return [WORDS[int(bits[at : at + 10], 2)] for at in (0, 10, 20, 30)]


def known_of(key: bytes, handshake_hash: bytes) -> dict[str, str]:
    root = HKDF.extract(SHA256(), handshake_hash, lv(key, b"responder"))
    proof = HKDFExpand(SHA256(), 16, b"known computer").derive(root)
    return {"key": key.hex(), "handshake_hash": handshake_hash.hex(), "proof": proof.hex()}


def lv(*fields: bytes) -> bytes:
    return b"".join(len(field).to_bytes(4, "big") + field for field in fields)


def make_keys() -> dict[str, object]:
    fragments = [TICKET, bytes(16), b"\xff" * 16, hashlib.sha256(b"fragment").digest()[:16]]
    hashes = [bytes(32), b"\xff" * 32, hashlib.sha256(b"one").digest(), hashlib.sha256(b"two").digest()]
    lists = [[], [b""], [b"", b""], [b"ab", b"c"], [b"a", b"bc"], [b"x" * 300]]
    return {
        "known": [known_of(key, each) for key in (DEVICE, bytes(32)) for each in hashes],
        "keys": [keys_of(secret) for secret in (TICKET, DEVICE, bytes(16), bytes(32))],
        "fragments": [
            {"secret": secret.hex(), "fragment": "1" + base64.urlsafe_b64encode(secret).decode().rstrip("=")}
            for secret in fragments
        ],
        "lv": [{"fields": [field.hex() for field in fields], "joined": lv(*fields).hex()} for fields in lists],
        "words_sha256": hashlib.sha256(" ".join(WORDS).encode()).hexdigest(),
        "comparison_words": [{"hash": hash_.hex(), "words": words_of(hash_)} for hash_ in hashes],
    }


def connection(prologue: bytes, psk: bytes | None, ephemeral: bytes, *, initiator: bool) -> NoiseConnection:
    """One side of the `noiseprotocol` package with a fixed ephemeral key."""
    noise = NoiseConnection.from_name(f"Noise_NN{'psk0' if psk else ''}_25519_ChaChaPoly_SHA256".encode())
    if initiator:
        noise.set_as_initiator()
    else:
        noise.set_as_responder()
    if psk:
        noise.set_psks(psk)
    noise.set_prologue(prologue)
    noise.set_keypair_from_private_bytes(Keypair.EPHEMERAL, ephemeral)
    noise.start_handshake()
    return noise


def handshake(road: str, secret: bytes | None) -> dict[str, object]:
    """A whole handshake of ours, its Noise part by the independent package."""
    keys = keys_of(secret) if secret else None
    key_id = bytes.fromhex(keys["key_id"]) if keys else b""
    psk = bytes.fromhex(keys["session_auth"]) if keys else None
    prologue = lv(b"qrshared/1", road.encode(), key_id, *NONCES)
    initiator = connection(prologue, psk, EPHEMERALS[0], initiator=True)
    responder = connection(prologue, psk, EPHEMERALS[1], initiator=False)
    first = bytes(initiator.write_message())
    responder.read_message(first)
    second = bytes(responder.write_message())
    initiator.read_message(second)
    return {
        "road": road,
        "secret": secret.hex() if secret else None,
        "nonces": [nonce.hex() for nonce in NONCES],
        "ephemerals": [ephemeral.hex() for ephemeral in EPHEMERALS],
        "openings": [lv(b"qrshared/1", key_id, NONCES[0]).hex(), lv(b"qrshared/1", b"", NONCES[1]).hex()],
        "noise_messages": [first.hex(), second.hex()],
        "handshake_hash": initiator.get_handshake_hash().hex(),
        "to_responder": bytes(initiator.encrypt(b"hello, computer")).hex(),
        "to_initiator": bytes(responder.encrypt(b"hello, phone")).hex(),
    }


def make_noise() -> dict[str, object]:
    return {
        "payloads": _PUBLISHED_PAYLOADS,
        "published": PUBLISHED,
        "handshakes": [
            handshake("home", TICKET),
            handshake("away", DEVICE),
            handshake("peer", TICKET),
            handshake("home", None),
        ],
        "refusals": {
            reason: lv(b"qrshared/1 refused", reason.encode()).hex()
            for reason in ("unknown_key", "wrong_road", "busy", "handshake", "version")
        },
    }


def make_sealed() -> dict[str, object]:
    key = hashlib.sha256(b"sealed").digest()
    cases = [
        (0, b""),
        (1, b"a"),
        (255, bytes(64)),
        (2**32 - 1, b"wide"),
        (2**32, b"wider"),
        (2**40 - 1, bytes(range(256))),
    ]
    return {
        "key": key.hex(),
        "cases": [
            {
                "counter": counter,
                "plaintext": plaintext.hex(),
                "sealed": ChaCha20Poly1305(key)
                .encrypt(bytes(4) + counter.to_bytes(8, "little"), plaintext, None)
                .hex(),
            }
            for counter, plaintext in cases
        ],
    }


def hello_of(role: bytes, nonce: bytes, echo: bytes) -> str:
    return (b"\x01" + lv(b"qrshared/1 meet", role, nonce, echo)).hex()


def meeting_keys(secret: bytes) -> tuple[bytes, bytes]:
    """The initiator's and the responder's key of a meeting over NONCES."""
    prk = HKDF.extract(SHA256(), bytes.fromhex(keys_of(secret)["envelopes"]), lv(*NONCES))
    initiator, responder = (HKDFExpand(SHA256(), 32, label).derive(prk) for label in (b"initiator", b"responder"))
    return initiator, responder


def envelope(key: bytes, count: int, plaintext: bytes) -> str:
    sealed = ChaCha20Poly1305(key).encrypt(bytes(4) + count.to_bytes(8, "little"), plaintext, None)
    return (b"\x02" + count.to_bytes(8, "big") + sealed).hex()


def make_envelopes() -> dict[str, object]:
    cases = [(0, b""), (1, b'{"t":"bye"}'), (255, bytes(64)), (2**32, bytes(range(256))), (2**53 - 1, b"last")]
    return {
        "nonces": [nonce.hex() for nonce in NONCES],
        "hellos": [
            {
                "role": role,
                "nonce": NONCES[0].hex(),
                "echo": echo.hex(),
                "hello": hello_of(role.encode(), NONCES[0], echo),
            }
            for role in ("home", "page")
            for echo in (b"", NONCES[1])
        ],
        "not_hellos": [
            "",
            "01",
            hello_of(b"edge", NONCES[0], b""),
            hello_of(b"page", NONCES[0][:31], b""),
            hello_of(b"page", NONCES[0], NONCES[1][:16]),
            hello_of(b"page", b"", b""),
            hello_of(b"page", NONCES[0], b"") + "00",
            hello_of(b"page", NONCES[0], b"")[:-2],
            "02" + hello_of(b"page", NONCES[0], b"")[2:],
            (b"\x01" + lv(b"qrshared/2 meet", b"page", NONCES[0], b"")).hex(),
        ],
        "meetings": [
            {
                "secret": secret.hex(),
                "sealed": [
                    {
                        "count": count,
                        "plaintext": plaintext.hex(),
                        "from_initiator": envelope(initiator, count, plaintext),
                        "from_responder": envelope(responder, count, plaintext),
                    }
                    for count, plaintext in cases
                ],
            }
            for secret in (TICKET, DEVICE)
            for initiator, responder in (meeting_keys(secret),)
        ],
    }


def write(name: str, vectors: dict[str, object]) -> None:
    (HERE / name).write_text(json.dumps(vectors, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write("keys.json", make_keys())
    write("noise.json", make_noise())
    write("sealed.json", make_sealed())
    write("envelopes.json", make_envelopes())
