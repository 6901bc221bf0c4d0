"""Chunks of every kind that the wire allows, for the vectors of both languages."""

import zlib

from tests.vectors.valid_messages import OTHER, TOP, TRANSFER


def chunk(transfer: str, item: int, offset: int, content: bytes) -> bytes:
    return b"\x01" + bytes.fromhex(transfer) + item.to_bytes(4, "big") + offset.to_bytes(8, "big") + content


VALID_CHUNKS = [
    chunk(TRANSFER, 0, 0, b"\x00"),
    chunk(OTHER, 2**32 - 1, TOP - 3, b"abc"),
    chunk(TRANSFER, 99_999, 2**32 + 5, b"hello"),
]


def deflated(transfer: str, item: int, offset: int, length: int, raw: bytes) -> bytes:
    head = bytes.fromhex(transfer) + item.to_bytes(4, "big") + offset.to_bytes(8, "big")
    return b"\x02" + head + length.to_bytes(4, "big") + raw


def raw_deflate(content: bytes) -> bytes:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return deflater.compress(content) + deflater.flush()


# A deflated chunk, and the chunk with the same meaning.
DEFLATED_CHUNKS = [
    (deflated(TRANSFER, 0, 0, 1, raw_deflate(b"a")), chunk(TRANSFER, 0, 0, b"a")),
    (deflated(TRANSFER, 0, 0, 5, b"\x01\x05\x00\xfa\xffhello"), chunk(TRANSFER, 0, 0, b"hello")),  # a stored block
    (deflated(OTHER, 7, TOP - 400, 400, raw_deflate(b"ab" * 200)), chunk(OTHER, 7, TOP - 400, b"ab" * 200)),
]
