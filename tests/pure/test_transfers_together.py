"""A sender and a receiver, with cuts, kills, reloads and cancels at any moment: every file lands once, whole."""

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qrshared.protocol import Chunk, Item, ItemReceipt, Kept, Message, Propose, Taken, TransferMessage, decode, encode
from qrshared.transfers import (
    BytesArrived,
    Declined,
    Drained,
    ItemCancelled,
    ItemComplete,
    ItemDone,
    ItemFailed,
    ProofArrived,
    ProofWanted,
    Proposed,
    Read,
    Receiver,
    ReceiverEvent,
    Sender,
    SenderEvent,
    TransferCancelled,
    TransferFailed,
)


class Part:
    """A part file: what is written, and how much of that a crash would leave."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.safe = 0


class World:
    """Two ends, the wires between them, and the disk below the receiver."""

    def __init__(self, rng: random.Random, *, window: int, make_receiver: Callable[[str], Receiver]) -> None:
        self.rng = rng
        self.window = window
        self.make_receiver = make_receiver
        self.sources = {n: rng.randbytes(rng.choice((0, 1, 5, 40, 300))) for n in range(rng.randint(1, 6))}
        self.parts: dict[int, Part] = {}  # by source, as match_parts would find them
        self.placed: dict[int, bytes] = {}
        self.placements: Counter[int] = Counter()
        self.receipts: Counter[int] = Counter()
        self.cancelled: set[int] = set()
        self.sent_bytes = self.cuts = self.kills = 0
        self.loads = 0
        self.now = 0.0
        self.load()

    # --- the sender's page --------------------------------------------------------------------------------------

    def load(self) -> None:
        """A new page load: the person picks again what has not arrived."""
        self.loads += 1
        self.transfer = f"{self.loads:032x}"
        self.order = [n for n in self.sources if n not in self.placed and n not in self.cancelled]
        self.receiver: Receiver | None = None
        self.forget_shell()
        self.is_over = not self.order
        if self.order:
            self.sender = Sender(self.transfer, [Item(str(n), len(self.sources[n])) for n in self.order])
            self.connect()

    def connect(self) -> None:
        self.reads: list[Read] = []
        self.proofs: list[ProofWanted] = []
        self.to_receiver: list[Message] = []
        self.to_sender: list[Message] = []
        self.on_link = self.taken_said = 0
        self.decision = False
        self.to_receiver += self.sender.propose()

    def cut(self) -> None:
        self.cuts += 1
        self.sender.detached()
        if self.receiver is not None:
            self.receiver.detached()
        self.connect()

    def reload(self) -> None:
        self.kills += 1
        if self.receiver is not None:
            while self.writes or self.complete:
                self.write() if self.writes else self.commit()
        if self.rng.random() < 0.5:  # the file is another one now, of the same name and size
            n = self.rng.choice(list(self.sources))
            if self.sources[n] and n not in self.placed:
                self.sources[n] = self.rng.randbytes(len(self.sources[n]))
        self.load()

    def read(self) -> None:
        read = self.sender.next_read(self.rng.randint(1, 100))
        if read is not None:
            self.reads.append(read)

    def send(self) -> None:
        """The first pending read of a random item: files are read at different speeds."""
        if not self.reads:
            return
        item = self.rng.choice(self.reads).item
        read = next(read for read in self.reads if read.item == item)
        self.reads.remove(read)
        if not self.sender.sent(read):
            return
        self.sent_bytes += read.length
        source = self.sources[self.order[item]]
        offset, end = read.offset, read.offset + read.length
        while offset < end:
            upto = min(end, offset + self.rng.randint(1, 60))
            self.to_receiver.append(Chunk(self.transfer, item, offset, source[offset:upto]))
            self.on_link += upto - offset
            offset = upto
        assert self.on_link - self.taken_said <= self.window

    def prove(self) -> None:
        if self.proofs:
            wanted = self.proofs.pop()
            source = self.sources[self.order[wanted.item]]
            self.to_receiver += self.sender.proved(wanted.item, 0, [digest(source[: wanted.offset])])

    def sender_says(self) -> None:
        self.to_receiver += self.sender.messages_to_send()

    def sender_hears(self) -> None:
        if self.to_sender:
            self.on_sender_events(self.sender.receive(over_the_wire(self.to_sender.pop(0))))

    def on_sender_events(self, events: list[SenderEvent]) -> None:
        for event in events:
            match event:
                case ItemDone(item, receipt):
                    source = self.order[item]
                    assert self.placed[source] == self.sources[source]
                    assert receipt.sha256 == hashlib.sha256(self.sources[source]).hexdigest()
                    self.receipts[source] += 1
                    self.cancelled.discard(source)
                case ProofWanted():
                    self.proofs.append(event)
                case ItemFailed() | TransferFailed() | Declined():
                    raise AssertionError(event)
                case ItemCancelled(item):
                    self.cancelled.add(self.order[item])
                case _:
                    pass
        self.is_over = self.sender.is_over

    def cancel(self) -> None:
        item = self.rng.randrange(len(self.order))
        if self.rng.random() < 0.5:
            self.on_sender_events(self.sender.cancel(item))
        elif self.receiver is not None and self.receiver.items and not self.receiver.is_over:
            self.on_receiver_events(self.receiver.cancel(item))

    # --- the receiver's daemon ----------------------------------------------------------------------------------

    def forget_shell(self) -> None:
        self.writes: list[BytesArrived] = []
        self.complete: list[int] = []
        self.arrived_proofs: list[ProofArrived] = []

    def kill(self) -> None:
        """The daemon dies: what was not safe may be gone, or half there."""
        self.kills += 1
        self.receiver = None
        self.forget_shell()
        for part in self.parts.values():
            del part.content[self.rng.randint(part.safe, len(part.content)) :]
        self.sender.detached()
        self.connect()

    def receiver_hears(self) -> None:
        if not self.to_receiver:
            return
        message = over_the_wire(self.to_receiver.pop(0))
        if self.receiver is None or (
            self.receiver.is_over and not self.receiver.is_stopped and isinstance(message, Propose)
        ):
            self.receiver = self.make_receiver(self.transfer)
        self.on_receiver_events(self.receiver.receive(message, self.now))

    def on_receiver_events(self, events: list[ReceiverEvent]) -> None:
        for event in events:
            match event:
                case Proposed():
                    self.decision = True
                case BytesArrived():
                    self.writes.append(event)
                case ItemComplete(item):
                    self.complete.append(item)
                case ProofArrived():
                    self.arrived_proofs.append(event)
                case ItemFailed() | TransferFailed():
                    raise AssertionError(event)
                case ItemCancelled(item):
                    self.drop_writes(item)
                    self.parts.pop(self.order[item], None)
                    self.cancelled.add(self.order[item])
                case TransferCancelled():
                    self.writes.clear()
                case _:
                    pass

    def drop_writes(self, item: int) -> None:
        self.writes = [write for write in self.writes if write.item != item]

    def decide(self) -> None:
        if not self.decision or self.receiver is None:
            return
        self.decision = False
        kept, receipts = [], []
        for item, source in enumerate(self.order):
            if source in self.placed:
                receipts.append(self.receipt(item))
            elif source in self.parts:
                part = self.parts[source]
                kept.append(Kept(item, len(part.content), prove=self.loads > 1))
        self.on_receiver_events(self.receiver.accept(self.window, kept, receipts))

    def receipt(self, item: int) -> ItemReceipt:
        source = self.order[item]
        content = self.placed[source]
        return ItemReceipt(item, f"{source} (2)", len(content), hashlib.sha256(content).hexdigest())

    def write(self) -> None:
        if not self.writes or self.receiver is None:
            return
        write = self.writes.pop(0)
        part = self.parts.setdefault(self.order[write.item], Part())
        assert len(part.content) == write.offset
        part.content += write.content
        self.receiver.wrote(write.item, len(part.content))

    def sync(self) -> None:
        if self.receiver is None or not self.receiver.items:
            return
        for item, source in enumerate(self.order):
            if source in self.parts:
                self.parts[source].safe = len(self.parts[source].content)
                self.receiver.synced(item, self.parts[source].safe)

    def compare(self) -> None:
        if not self.arrived_proofs or self.receiver is None:
            return
        proof = self.arrived_proofs.pop(0)
        part = self.parts.get(self.order[proof.item])
        if part is None:  # cancelled meanwhile
            return
        if len(part.content) < proof.offset:  # not all of it is written yet
            self.arrived_proofs.append(proof)
        elif proof.digests[0] == digest(bytes(part.content[: proof.offset])):
            self.on_receiver_events(self.receiver.proof_ok(proof.item))
        else:
            self.drop_writes(proof.item)
            part.content.clear()
            part.safe = 0
            self.on_receiver_events(self.receiver.rewind(proof.item, 0))

    def commit(self) -> None:
        for item in self.complete:
            if any(write.item == item for write in self.writes) or self.receiver is None:
                continue
            self.complete.remove(item)
            source = self.order[item]
            self.placed[source] = bytes(self.parts.pop(source, Part()).content)
            self.placements[source] += 1
            assert self.placed[source] == self.sources[source], "a torn file"
            if not self.may_die or self.rng.random() < 0.9:  # else the daemon dies between placement and receipt
                self.on_receiver_events(self.receiver.placed(item, self.receipt(item)))
            else:
                self.kill()
            return

    def receiver_says(self) -> None:
        self.now += self.rng.random() * 0.2
        if self.receiver is not None:
            for message in self.receiver.messages_to_send(self.now):
                if isinstance(message, Taken):
                    self.taken_said = message.count
                self.to_sender.append(message)

    def run(self, faults: int) -> None:
        self.may_die = faults > 0
        work = [self.read, self.send, self.send, self.prove, self.sender_says, self.sender_hears, self.receiver_hears]
        work += [self.decide, self.write, self.sync, self.compare, self.commit, self.receiver_says, self.receiver_hears]
        trouble = [self.cut, self.kill, self.cut, self.cancel, self.reload]
        for _ in range(20_000):
            if self.is_over:
                return
            if faults and self.rng.random() < 0.02:
                faults -= 1
                self.rng.choice(trouble)()
            else:
                self.rng.choice(work)()
        raise AssertionError("it never ends")


def digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=32).digest()


def over_the_wire(message: Message) -> TransferMessage:
    read = decode(encode(message))
    assert isinstance(read, TransferMessage)
    return read


def play(seed: int, faults: int, window: int, make_receiver: Callable[[str], Receiver] = Receiver) -> World:
    world = World(random.Random(seed), window=window, make_receiver=make_receiver)
    world.run(faults)
    return world


@settings(max_examples=600, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 8), st.sampled_from([64, 128, 1000]))
def test_whatever_happens_every_wanted_file_lands_once_and_whole(seed: int, faults: int, window: int) -> None:
    world = play(seed, faults, window)
    for source, content in world.sources.items():
        assert world.placements[source] <= 1
        assert world.receipts[source] <= 1
        if source not in world.cancelled:
            assert world.placed[source] == content
    wanted = sum(map(len, world.sources.values()))
    assert world.sent_bytes <= wanted + world.cuts * window + world.kills * (wanted + window)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([64, 500]))
def test_without_faults_no_byte_is_sent_twice(seed: int, window: int) -> None:
    world = play(seed, 0, window)
    assert world.sent_bytes == sum(map(len, world.sources.values()))
    assert set(world.receipts) == set(world.sources)


class ForgetsTheCut(Receiver):
    """A planted bug: after a cut it claims one byte more than it has."""

    def detached(self) -> None:
        super().detached()
        for item in self._intake:
            if item.is_open and 0 < item.arrived < item.size - 1:
                item.arrived += 1


class TrustsWithoutProof(Receiver):
    """A planted bug: it completes an item whose proof has not come."""

    def accept(
        self, window: int, kept: Iterable[Kept] = (), receipts: Iterable[ItemReceipt] = ()
    ) -> list[ReceiverEvent]:
        trusting = [Kept(each.item, each.offset) for each in kept]
        return super().accept(window, trusting, receipts)


class CountsNothingThrownAway(Receiver):
    """A planted bug: what it throws away does not open the window."""

    def _drain(self, count: int) -> Drained:
        return Drained(count)


@pytest.mark.parametrize("bug", [ForgetsTheCut, TrustsWithoutProof, CountsNothingThrownAway])
def test_the_control_planted_bugs_are_caught(bug: type[Receiver]) -> None:
    caught = 0
    for seed in range(200):
        try:
            play(seed, 6, 64, bug)
        except (AssertionError, KeyError):
            caught += 1
    assert caught >= 3
