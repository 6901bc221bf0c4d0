"""Plays a conversation with a sender or a receiver, and tells what comes out of each step."""

import json
import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

from qrshared.protocol import (
    Chunk,
    Item,
    ItemReceipt,
    Kept,
    Message,
    Reason,
    TransferMessage,
    decode_json,
    encode_json,
)
from qrshared.transfers import Read, Receiver, Sender

T = "00112233445566778899aabbccddeeff"

Json = dict[str, Any]  # as it is written down: the player is the first to look at what is in it
Step = Json


def plain(value: object) -> object:
    """A value as JSON, without what is absent, false, empty or goes without saying.

    Bytes are their number (so in chunks) or their count.
    """
    if is_dataclass(value) and not isinstance(value, type):
        tag = re.sub("(?<!^)(?=[A-Z])", "_", type(value).__name__).lower()
        named = {
            field.name: plain(getattr(value, field.name))
            for field in fields(value)
            if getattr(value, field.name) != field.default
        }
        return {"t": tag} | {name: each for name, each in named.items() if each or (each == 0 and each is not False)}
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    return len(value) if isinstance(value, bytes) else value


def written(message: Message) -> object:
    """A message as it stands in the script."""
    if isinstance(message, Chunk):
        return {
            "t": "chunk",
            "transfer": message.transfer,
            "item": message.item,
            "offset": message.offset,
            "length": len(message.content),
        }
    parsed: object = json.loads(encode_json(message))
    return parsed


def read_message(message: Json) -> TransferMessage:
    if message["t"] == "chunk":
        return Chunk(
            str(message["transfer"]),
            number(message["item"]),
            number(message["offset"]),
            bytes(number(message["length"])),
        )
    read = decode_json(json.dumps(message))
    assert isinstance(read, TransferMessage)
    return read


def number(value: object) -> int:
    assert isinstance(value, int)
    return value


class Player:
    """Plays one conversation; `play` returns what came out of a step."""

    def __init__(self, conversation: Json) -> None:
        self.now = 0.0
        self.reads: list[Read] = []
        items = [Item(**item) for item in conversation.get("items", [])]
        continues: tuple[str, ...] = tuple(conversation.get("continues", ()))
        self.sender = Sender(T, items, continues) if conversation["end"] == "sender" else Sender(T, [Item("-", 0)])
        self.receiver = Receiver(T)
        self.end: Sender | Receiver = self.sender if conversation["end"] == "sender" else self.receiver

    def play(self, step: Step) -> object:
        arguments = step.get("with", ())
        if "now" in step:
            self.now = float(step["now"])
        verb = VERBS[str(step["do"])]
        return verb(self, *arguments)

    def read(self, most: int) -> object:
        read = self.sender.next_read(most)
        if read is None:
            return None
        self.reads.append(read)
        return [read.item, read.offset, read.length]

    def hear(self, message: Json) -> object:
        read = read_message(message)
        events = self.sender.receive(read) if self.end is self.sender else self.receiver.receive(read, self.now)
        return plain(events)

    def say(self) -> object:
        end = self.end
        messages = end.messages_to_send() if isinstance(end, Sender) else end.messages_to_send(self.now)
        return [written(message) for message in messages]

    def sent(self, which: int) -> object:
        return self.sender.sent(self.reads[which])

    def accept(self, window: int, kept: list[Json], receipts: list[Json]) -> object:
        return plain(
            self.receiver.accept(
                window,
                [Kept(**each) for each in kept],
                [ItemReceipt(**each) for each in receipts],
            )
        )

    def sums(self) -> object:
        t = self.end.tally
        return [t.items, t.items_done, t.items_failed, t.items_cancelled, t.bytes, t.bytes_done]


VERBS: dict[str, Callable[..., object]] = {
    "hear": Player.hear,
    "say": Player.say,
    "sums": Player.sums,
    "state": lambda p, item: str(p.end.state(item)),
    "detached": lambda p: p.end.detached(),
    "cancel": lambda p, item=None: plain(p.end.cancel(item)),
    "fail": lambda p, reason: plain(p.end.fail(Reason(reason))),
    "fail_item": lambda p, item, reason: plain(p.end.fail_item(item, Reason(reason))),
    # sender
    "propose": lambda p: [written(message) for message in p.sender.propose()],
    "read": Player.read,
    "sent": Player.sent,
    "proved": lambda p, item, first, count: [
        written(message) for message in p.sender.proved(item, first, [bytes(range(32))] * count)
    ],
    "pause": lambda p, item=None: p.sender.pause(item),
    "resume": lambda p, item=None: p.sender.resume(item),
    "done": lambda p, item: [p.sender.done(item), p.sender.safe(item)],
    # receiver
    "accept": Player.accept,
    "decline": lambda p, reason: plain(p.receiver.decline(Reason(reason))),
    "wrote": lambda p, item, offset: p.receiver.wrote(item, offset),
    "synced": lambda p, item, offset: p.receiver.synced(item, offset),
    "placed": lambda p, receipt: plain(p.receiver.placed(receipt["item"], ItemReceipt(**receipt))),
    "proof_ok": lambda p, item: plain(p.receiver.proof_ok(item)),
    "rewind": lambda p, item, offset: plain(p.receiver.rewind(item, offset)),
    "hold": lambda p, held: setattr(p.receiver, "is_held", held),
    "forget_unwritten": lambda p: p.receiver.forget_unwritten(),
}
