"""Asks for a name by mDNS as a phone would, and listens whether the question and an answer are on the wire.

A question sent to the group of one network comes back to every listener on this computer by the way that questions from
other machines take, firewall included: whether we hear our own tells whether we would hear theirs.
"""

import secrets
import select
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Final

PORT: Final = 5353
GROUP: Final = "224.0.0.251"

WAIT_S: Final = 1.5
"""A responder may wait 120 ms before it answers (RFC 6762 6), a loaded one longer; the question is asked twice."""

PACKET_BYTES_MAX: Final = 9000
"""The longest mDNS packet (RFC 6762 17)."""

_NOTHING: Final = bytes(12)  # a header: no question, no answer, and nobody's business
_TYPE_A, _CLASS_IN = 1, 1
_JUMPS_MAX = 20  # compressed names point backwards; a circle of pointers is no name


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of a question: None where it could not be known."""

    can_send: bool
    hears_questions: bool | None
    """False: something on this computer keeps mDNS from coming in."""
    answers: tuple[tuple[str, str], ...] = ()
    """Who answered, and with which address."""


def ask_for_name(name: str, address: str, *, wait_s: float = WAIT_S) -> Heard:
    """Asks who is `name` (such as `qrshare.local`) in the network where we have `address`; waits up to `wait_s`."""
    number = secrets.randbelow(0xFFFF) + 1  # legacy answers repeat it, others would carry 0 (RFC 6762 6.7)
    question = _question(name, number)
    with ExitStack() as opened:
        try:
            asker = opened.enter_context(_asker(address))
            listener = _listener(address)
            if listener is not None:
                opened.enter_context(listener)
            asker.sendto(question, (GROUP, PORT))
        except OSError:
            return Heard(can_send=False, hears_questions=None)
        heard = False
        answers: dict[tuple[str, str], None] = {}
        begun = time.monotonic()
        asked_again = False
        while (left := begun + wait_s - time.monotonic()) > 0 and not (answers and (heard or listener is None)):
            if not asked_again and left < wait_s / 2:
                with suppress(OSError):
                    asker.sendto(question, (GROUP, PORT))
                asked_again = True
            ready, _, _ = select.select([each for each in (asker, listener) if each], [], [], min(left, wait_s / 2))
            for here in ready:
                packet, (source, *_) = here.recvfrom(PACKET_BYTES_MAX)
                if here is listener:
                    heard = heard or packet == question
                elif packet[:2] == question[:2]:
                    answers.update(((source, found), None) for found in _addresses(packet, name))
        return Heard(can_send=True, hears_questions=heard if listener is not None else None, answers=tuple(answers))


def check_reach(addresses: Sequence[str]) -> None:
    """Raise what the system says if nothing by multicast leaves this computer by any of these addresses."""
    faults: list[OSError] = []
    for address in addresses:
        try:
            with _asker(address) as asker:
                asker.sendto(_NOTHING, (GROUP, PORT))
        except OSError as fault:
            faults.append(fault)
    if faults and len(faults) == len(addresses):
        raise faults[0]


def _asker(address: str) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
    made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
    made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
    made.bind((address, 0))
    return made


def _listener(address: str) -> socket.socket | None:
    """None where another program keeps the port for itself."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "SO_REUSEPORT"):
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind(("", PORT))
        membership = socket.inet_aton(GROUP) + socket.inet_aton(address)
        made.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    except OSError:
        made.close()
        return None
    return made


def _question(name: str, number: int) -> bytes:
    labels = b"".join(bytes([len(label)]) + label for label in name.rstrip(".").encode().split(b"."))
    return struct.pack("!6H", number, 0, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", _TYPE_A, _CLASS_IN)


def _addresses(packet: bytes, name: str) -> list[str]:
    """The IPv4 addresses that an answer gives for `name`; none for what cannot be read."""
    try:
        return [
            socket.inet_ntoa(content)
            for owner, kind, content in _records(packet)
            if kind == _TYPE_A and len(content) == 4 and owner.casefold() == name.rstrip(".").casefold()
        ]
    except (struct.error, IndexError, ValueError):
        return []


def _records(packet: bytes) -> Iterator[tuple[str, int, bytes]]:
    _, flags, questions, *counts = struct.unpack_from("!6H", packet)
    if not flags & 0x8000:
        return
    at = 12
    for _ in range(questions):
        _, at = _name(packet, at)
        at += 4
    for _ in range(sum(counts)):
        owner, at = _name(packet, at)
        kind, _, _, length = struct.unpack_from("!2HIH", packet, at)
        at += 10
        yield owner, kind, packet[at : at + length]
        at += length


def _name(packet: bytes, at: int) -> tuple[str, int]:
    """A name, following pointers, and where the next field begins."""
    labels: list[str] = []
    after: int | None = None
    for _ in range(_JUMPS_MAX * 8):
        length = packet[at]
        if length & 0xC0 == 0xC0:
            after = at + 2 if after is None else after
            at = struct.unpack_from("!H", packet, at)[0] & 0x3FFF
        elif length == 0:
            return ".".join(labels), at + 1 if after is None else after
        else:
            labels.append(packet[at + 1 : at + 1 + length].decode("utf-8", "replace"))
            at += 1 + length
    raise ValueError("a name without an end")
