"""Whatever a peer says, in whatever order, nothing is raised and no promise to the shell is broken."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from qrshared.protocol import (
    Accept,
    Cancel,
    Chunk,
    Decline,
    Fail,
    Finish,
    Hold,
    Item,
    ItemReceipt,
    Kept,
    Proof,
    Propose,
    Reason,
    Receipt,
    Rewind,
    Safe,
    Taken,
    TransferMessage,
    limits,
)
from qrshared.transfers import (
    BytesArrived,
    ItemComplete,
    Over,
    ProofArrived,
    Proposed,
    Receiver,
    ReceiverEvent,
    ReceiverPhase,
    Sender,
    TransferFailed,
)

T = "0" * 32
WINDOW = 200


def any_message(rng: random.Random) -> TransferMessage:
    """Legal for the codec, and most often senseless."""
    item = rng.choice((0, 0, 1, 2, 3, limits.ITEM_INDEX_MAX))
    offset = rng.choice((0, 0, 1, 5, 10, 40, limits.WHOLE_MAX - 70))
    count = rng.choice((0, 1, 5, 10, 40, limits.WHOLE_MAX))
    reason = rng.choice(list(Reason))
    some = rng.choice((None, item))
    sizes = [rng.choice((0, 10, 40)) for _ in range(rng.randint(0, 3))]
    items = tuple(Item("x", size) for size in sizes)
    receipts = (ItemReceipt(item, "x", count, "0" * 64),) * rng.randint(0, 2)
    return rng.choice(
        (
            Propose(T, rng.choice((0, item)), items, rng.random() < 0.2, len(items), sum(sizes)),
            Propose(T, 0, (Item("x", 10), Item("y", 0), Item("z", 40)), False, 3, 50),
            Accept(
                T, WINDOW, (Kept(item, offset, rng.random() < 0.5),) * rng.randint(0, 2), receipts, rng.random() < 0.2
            ),
            Accept(T, WINDOW),
            Decline(T, reason),
            Chunk(T, item, offset, bytes(rng.randint(1, 60))),
            Chunk(T, rng.choice((0, 2)), 0, bytes(10)),
            Proof(T, item, rng.choice((0, 1)), (bytes(32),) * rng.randint(1, 3)),
            Rewind(T, item, offset),
            Taken(T, count),
            Safe(T, item, offset),
            Finish(T),
            Hold(T, rng.random() < 0.5),
            Receipt(T, receipts),
            Cancel(T, some),
            Fail(T, reason, some),
        )
    )


def likely_message(rng: random.Random, receiver: Receiver, arrived: dict[int, int]) -> TransferMessage:
    """What an almost honest sender would say next to an open receiver."""
    item = rng.randrange(len(receiver.items))
    left = receiver.items[item].size - arrived.get(item, 0)
    return rng.choice(
        (
            Chunk(T, item, arrived.get(item, 0), bytes(rng.randint(1, max(1, left)))),
            Chunk(T, item, arrived.get(item, 0), bytes(rng.randint(1, max(1, left)))),
            Proof(T, item, 0, (bytes(32),)),
            Cancel(T, item) if rng.random() < 0.2 else Proof(T, item, 0, (bytes(32),)),
        )
    )


class Shell:
    """Does what a receiver's events say, and checks that they keep their promises."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.receiver = Receiver(T)
        self.arrived: dict[int, int] = {}
        self.complete: set[int] = set()
        self.unwritten = 0

    def next_message(self) -> TransferMessage:
        if self.receiver.phase is ReceiverPhase.OPEN and self.rng.random() < 0.9:
            return likely_message(self.rng, self.receiver, self.arrived)
        return any_message(self.rng)

    def on(self, event: ReceiverEvent) -> None:
        match event:
            case Proposed(items=items, again=again):
                kept = [Kept(2, 8, prove=True)] if len(items) > 2 and items[2].size > 8 else []
                if not again:
                    self.arrived = {each.item: each.offset for each in kept}
                self.receiver.accept(WINDOW, kept)
                self.unwritten = 0
            case BytesArrived(item, offset, content):
                assert item not in self.complete
                assert offset == self.arrived.get(item, 0)
                self.arrived[item] = offset + len(content)
                assert self.arrived[item] <= self.receiver.items[item].size
                self.unwritten += len(content)
                assert self.unwritten <= WINDOW
            case ProofArrived(item, last=True):
                if self.rng.random() < 0.5:
                    for each in self.receiver.proof_ok(item):
                        self.on(each)
                else:
                    self.arrived[item] = 0
                    self.receiver.rewind(item, 0)
            case ItemComplete(item):
                assert item not in self.complete
                assert self.arrived.get(item, 0) == self.receiver.items[item].size
                assert not self.receiver.awaits_proof(item)
                self.complete.add(item)
            case Over():
                assert self.receiver.is_over

    def write(self) -> None:
        for item, offset in self.arrived.items():
            self.receiver.wrote(item, offset)
        self.unwritten = 0


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
def test_a_receiver_survives_any_peer_and_hands_out_bytes_in_order_within_sizes_and_window(seed: int) -> None:
    rng = random.Random(seed)
    shell = Shell(rng)
    for step in range(80):
        for event in shell.receiver.receive(shell.next_message(), step / 10):
            shell.on(event)
        if rng.random() < 0.3:
            shell.write()
        shell.receiver.messages_to_send(step / 10)
        if rng.random() < 0.05:
            shell.receiver.detached()
        if shell.receiver.is_over:
            shell = Shell(rng)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
def test_a_sender_survives_any_peer_and_never_exceeds_the_window_or_a_file(seed: int) -> None:
    rng = random.Random(seed)
    sizes = [10, 0, 40, 500]
    sender = Sender(T, [Item("x", size) for size in sizes])
    under_way = 0
    for _ in range(60):
        message = any_message(rng)
        was_over = sender.is_over
        events = sender.receive(message)
        assert sum(isinstance(event, Over) for event in events) == (sender.is_over and not was_over)
        under_way = 0 if isinstance(message, Accept) else under_way
        while (read := sender.next_read(rng.randint(1, 50))) is not None:
            assert read.length > 0
            assert read.offset + read.length <= sizes[read.item]
            under_way += read.length if sender.sent(read) else 0
        assert under_way - (message.count if isinstance(message, Taken) else 0) <= WINDOW
        if isinstance(message, Taken):
            under_way = max(0, under_way - message.count)
        sender.messages_to_send()
        if rng.random() < 0.2:
            sender.propose()
            under_way = 0
        if sender.is_over:
            sender = Sender(T, [Item("x", size) for size in sizes])
            under_way = 0


def test_a_deflated_chunk_nobody_agreed_to_fails_the_transfer() -> None:
    for deflated in (False, True):
        receiver = Receiver(T)
        receiver.receive(Propose(T, 0, (Item("a", 5),), False, 1, 5), 0.0)
        receiver.accept(WINDOW)
        events = receiver.receive(Chunk(T, 0, 0, b"hello", deflated=deflated), 1.0)
        assert (TransferFailed(Reason.PROTOCOL) in events) is deflated
        assert any(isinstance(event, BytesArrived) for event in events) is not deflated


def test_a_deflated_chunk_is_taken_on_the_links_whose_accept_agreed_to_it_and_on_no_other() -> None:
    receiver = Receiver(T)
    for agrees in (True, False):
        receiver.takes_deflated = agrees
        receiver.receive(Propose(T, 0, (Item("a", 10),), False, 1, 10), 0.0)
        receiver.accept(WINDOW)
        (accept,) = (message for message in receiver.messages_to_send(0.0) if isinstance(message, Accept))
        assert accept.deflate is agrees
        offset = 0 if agrees else 5
        events = receiver.receive(Chunk(T, 0, offset, b"hello", deflated=True), 1.0)
        assert any(isinstance(event, BytesArrived) for event in events) is agrees
        receiver.detached()
