"""Turns messages into plaintexts and back, strictly, by tables that are compiled once from the messages' type hints."""

import json
import re
import struct
import zlib
from dataclasses import replace
from typing import NoReturn, TypeVar, cast, get_args

from qrshared.errors import LocalError, RemoteError
from qrshared.protocol import reading, writing
from qrshared.protocol.limits import (
    CHUNK_BYTES_MAX,
    CHUNK_HEADER_BYTES,
    DEFLATED_HEADER_BYTES,
    PLAINTEXT_BYTES_MAX,
    WHOLE_MAX,
)
from qrshared.protocol.messages import (
    Chunk,
    DeviceList,
    Facts,
    InboxList,
    Message,
    NearbyList,
    OfferFacts,
    OfferList,
    PickUpList,
    Reason,
    ReceiptList,
    Refuse,
    ShelfList,
    StatusFacts,
    TransferId,
    TransferList,
    UnfinishedList,
)
from qrshared.protocol.reading import WrongValue

_CHUNK_HEADER = struct.Struct(">B16sIQ")
_CHUNK_MARK = 1
_DEFLATED_HEADER = struct.Struct(">B16sIQI")
_DEFLATED_MARK = 2
_RAW_DEFLATE = -zlib.MAX_WBITS
_OBJECT_MARK = ord("{")
_UNKNOWN_VERB = "ask.verb unknown t"
T = TypeVar("T")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class ProtocolError(RemoteError):
    """The other side says something this one does not understand. Reload the page, or update qrshared on both sides."""

    reason = "protocol"

    def __init__(self, detail: str) -> None:
        super().__init__(detail=detail)
        self.detail = detail


class WrongAsk(ProtocolError):
    """That cannot be done as asked: something in it is missing, too long or too large. Change it and try again."""

    # What comes of an `ask` whose verb cannot be read: that one is refused, and the link goes on.

    def __init__(self, ask: int, detail: str) -> None:
        super().__init__(detail)
        self.ask = ask

    def refusal(self) -> Refuse:
        """What the asker is told."""
        if self.detail == _UNKNOWN_VERB:
            return Refuse(self.ask, Reason.UNSUPPORTED, "This qrshared does not know how to do that yet. Update it.")
        return Refuse(self.ask, Reason.PROTOCOL, self.sentence)


class MessageTooLarge(LocalError):
    """This is a fault in qrshared itself, please report it: a {name} message of {length} bytes does not fit."""


_JSON_MESSAGES = tuple(kind for kind in get_args(Message) if kind is not Chunk)
_read_message = reading.tagged(_JSON_MESSAGES)
_read_number = reading.whole(WHOLE_MAX)
_write_message = writing.tagged(_JSON_MESSAGES)
_write_facts = writing.tagged(get_args(Facts))


def decode(plaintext: bytes) -> Message:
    """Reads one plaintext; raises `ProtocolError` for anything `WIRE.md` does not allow."""
    if not plaintext:
        raise ProtocolError("empty message")
    if plaintext[0] == _CHUNK_MARK:
        return _decode_chunk(plaintext)
    if plaintext[0] == _DEFLATED_MARK:
        return _decode_deflated(plaintext)
    if plaintext[0] != _OBJECT_MARK or len(plaintext) > PLAINTEXT_BYTES_MAX:
        raise ProtocolError("neither an object nor a chunk, or too long")
    try:
        text = plaintext.decode("utf-8")
    except UnicodeDecodeError:
        raise ProtocolError("not UTF-8") from None
    return decode_json(text)


def decode_json(text: str) -> Message:
    """Reads one message written as JSON, as on the control socket; length is the caller's business."""
    try:
        parsed: object = json.loads(text, parse_constant=_refuse_constant)
    except WrongValue as wrong:
        raise ProtocolError(str(wrong)) from None
    except (ValueError, RecursionError):
        raise ProtocolError("not JSON") from None
    try:
        # The table for tags in `Message` gives members of `Message`: what the type checker cannot follow.
        return cast(Message, _read_message(parsed))
    except WrongValue as wrong:
        asked = _asked_by(parsed)
        raise ProtocolError(str(wrong)) if asked is None else WrongAsk(asked, str(wrong)) from None


def encode(message: Message) -> bytes:
    """Writes one message as a plaintext; raises `MessageTooLarge` when it fits in no sealed message."""
    if isinstance(message, Chunk):
        if message.raw:
            return _encode_deflated(message)
        return encode_chunk(message.transfer, message.item, message.offset, message.content)
    plaintext = _to_utf8(encode_json(message))
    if len(plaintext) > PLAINTEXT_BYTES_MAX:
        raise MessageTooLarge(name=type(message).__name__, length=len(plaintext))
    return plaintext


def encode_json(message: Message) -> str:
    """Writes one message other than a chunk as JSON on one line."""
    return _compact(_write_message(message))


def encode_chunk(transfer: TransferId, item: int, offset: int, content: bytes | memoryview) -> bytes:
    """Writes one chunk; `content` is copied once, into the result."""
    if not 0 < len(content) <= CHUNK_BYTES_MAX:
        raise MessageTooLarge(name="Chunk", length=len(content))
    return b"".join((_CHUNK_HEADER.pack(_CHUNK_MARK, bytes.fromhex(transfer), item, offset), content))


def _encode_deflated(chunk: Chunk) -> bytes:
    length = len(chunk.content)
    if not 0 < length <= CHUNK_BYTES_MAX or DEFLATED_HEADER_BYTES + len(chunk.raw) > PLAINTEXT_BYTES_MAX:
        raise MessageTooLarge(name="Chunk", length=length)
    name = bytes.fromhex(chunk.transfer)
    return _DEFLATED_HEADER.pack(_DEFLATED_MARK, name, chunk.item, chunk.offset, length) + chunk.raw


def trimmed(facts: Facts, bytes_max: int = PLAINTEXT_BYTES_MAX - 1024) -> Facts:
    """The same facts, with the ends of their lists left out until they fit in one message beside its own fields.

    Lists are told with the most telling first (newest, last seen), so that what is left out matters least.
    """
    while len(_to_utf8(_compact(_write_facts(facts)))) > bytes_max:
        shorter = _shorter(facts)
        if shorter == facts:
            break
        facts = shorter
    return facts


def _shorter(facts: Facts) -> Facts:
    match facts:
        case InboxList(entries=entries):
            return replace(facts, entries=_most(entries))
        case DeviceList(devices=devices):
            return replace(facts, devices=_most(devices))
        case NearbyList(peers=peers):
            return replace(facts, peers=_most(peers))
        case TransferList(transfers=transfers):
            return replace(facts, transfers=_most(transfers))
        case UnfinishedList(items=items):
            return replace(facts, items=_most(items))
        case ShelfList(items=shelf) | OfferFacts(items=shelf):
            return replace(facts, items=_most(shelf))
        case PickUpList(pick_ups=pick_ups):
            return replace(facts, pick_ups=_most(pick_ups))
        case OfferList(offers=offers):
            return replace(facts, offers=_most(offers))
        case ReceiptList(receipts=receipts):
            return replace(facts, receipts=_most(receipts))
        case StatusFacts(devices=devices, transfers=transfers):
            return replace(facts, devices=_most(devices), transfers=_most(transfers))
        case _:
            return facts


def _most(elements: tuple[T, ...]) -> tuple[T, ...]:
    return elements[: len(elements) * 7 // 8]


def _decode_chunk(plaintext: bytes) -> Chunk:
    length = len(plaintext) - CHUNK_HEADER_BYTES
    if not 0 < length <= CHUNK_BYTES_MAX:
        raise ProtocolError("chunk without content, or with too much")
    _, transfer, item, offset = _CHUNK_HEADER.unpack_from(plaintext)
    if offset + length > WHOLE_MAX:
        raise ProtocolError("chunk beyond the largest size")
    return Chunk(transfer.hex(), item, offset, plaintext[CHUNK_HEADER_BYTES:])


def _decode_deflated(plaintext: bytes) -> Chunk:
    if not DEFLATED_HEADER_BYTES < len(plaintext) <= PLAINTEXT_BYTES_MAX:
        raise ProtocolError("deflated chunk without content, or with too much")
    _, transfer, item, offset, length = _DEFLATED_HEADER.unpack_from(plaintext)
    if not 0 < length <= CHUNK_BYTES_MAX:
        raise ProtocolError("deflated chunk of nothing, or of too much")
    if offset + length > WHOLE_MAX:
        raise ProtocolError("chunk beyond the largest size")
    inflater = zlib.decompressobj(_RAW_DEFLATE)
    try:
        # One byte more than promised: what comes out is bounded, and too much of it is seen.
        content = inflater.decompress(plaintext[DEFLATED_HEADER_BYTES:], length + 1)
    except zlib.error:
        raise ProtocolError("not deflated") from None
    if len(content) != length or not inflater.eof or inflater.unused_data:
        raise ProtocolError("deflated chunk of another length than it says")
    return Chunk(transfer.hex(), item, offset, content, deflated=True)


def _asked_by(parsed: object) -> int | None:
    """The number of an `ask`, if it is one and has one."""
    if not isinstance(parsed, dict) or parsed.get("t") != "ask":
        return None
    try:
        return cast(int, _read_number(parsed.get("id")))
    except WrongValue:
        return None


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _to_utf8(text: str) -> bytes:
    """A file name on Linux need not be text: what UTF-8 cannot say goes out as U+FFFD rather than not at all."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        return _LONE_SURROGATE.sub("\ufffd", text).encode("utf-8")


def _refuse_constant(name: str) -> NoReturn:
    raise WrongValue(f"{name} is not a number")
