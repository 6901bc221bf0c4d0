"""What replicas tell each other, one JSON list a line: who came, who went, and envelopes for their peers."""

import json
from dataclasses import dataclass
from typing import Final, TypeAlias

from qrshared.signaling.codec import PEER_ID, ROOM_ID, WrongMessage, blob, parse, whole


@dataclass(frozen=True, slots=True)
class Arrived:
    """This peer is in the room now, on this node."""

    room: str
    peer: str
    node: str


@dataclass(frozen=True, slots=True)
class Departed:
    """This peer is in the room no longer."""

    room: str
    peer: str


@dataclass(frozen=True, slots=True)
class Carried:
    """An envelope from `peer` for `to`, who is on the node that hears this."""

    room: str
    to: str
    peer: str
    seq: int
    blob: str


Told: TypeAlias = Arrived | Departed | Carried

NODE_CHARACTERS_MAX: Final = 32
"""A node's name: random, so that a replica that starts again is another one."""


def encode_told(told: Told) -> str:
    """One line, without its end."""
    return json.dumps(_words(told), separators=(",", ":"))


def _words(told: Told) -> list[object]:
    match told:
        case Arrived(room, peer, node):
            return ["arrived", room, peer, node]
        case Departed(room, peer):
            return ["departed", room, peer]
        case Carried(room, to, peer, seq, envelope):
            return ["carried", room, to, peer, seq, envelope]


def decode_told(line: str) -> Told:
    """Read one line; raises `WrongMessage`, for others may write into a Redis too."""
    match parse(line):
        case ["arrived", str(room), str(peer), str(node)] if 0 < len(node) <= NODE_CHARACTERS_MAX:
            told: Told = Arrived(room, peer, node)
        case ["departed", str(room), str(peer)]:
            told = Departed(room, peer)
        case ["carried", str(room), str(to), str(peer), seq, envelope] if PEER_ID.fullmatch(to):
            told = Carried(room, to, peer, whole(seq), blob(envelope))
        case _:
            raise WrongMessage("no word between replicas")
    if not ROOM_ID.fullmatch(told.room) or not PEER_ID.fullmatch(told.peer):
        raise WrongMessage("no room, or no peer")
    return told
