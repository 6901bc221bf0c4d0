"""How a computer shows a browser that it holds a key which that browser made for it earlier, and tells nobody else."""

from qrshared.seal.keys import hkdf_expand, hkdf_extract, lv

KNOWN_PROOF_BYTES = 16


def known_proof(key: bytes, handshake_hash: bytes) -> bytes:
    """Of the responder, on this link alone; to whoever does not hold `key` it is noise, and tells it from no other.

    The page's twin is `web/src/seal/known.ts`; both obey `tests/vectors/keys.json`.
    """
    return hkdf_expand(hkdf_extract(handshake_hash, lv(key, b"responder")), b"known computer", KNOWN_PROOF_BYTES)
