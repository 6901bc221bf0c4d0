"""What a hostile carrier does, more than a hundred ways; `heals` where everything must be heard all the same.

Pairs of a world: `a` and `b` are pages in one room with `a'` and `b'`; `c` and `c'` are in a room with another secret.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from qrshared.remote import Role
from qrshared.seal import ENVELOPE_BYTES_MAX, Hello, derive_keys, encode_hello, parse_hello
from qrshared.seal.envelopes import COUNT_MAX, Envelopes
from tests.pure.meeting_world import Carried, Carrier, Delivery, World, honestly, other_of

Change: TypeAlias = Callable[[Carried], Sequence[Delivery]]
Which: TypeAlias = Callable[[Carried], bool]
Make: TypeAlias = Callable[[World, Sequence[Carried]], Carrier]


@dataclass(frozen=True)
class Mutation:
    """`make` gets the world, and an earlier meeting of the same peers as it was recorded."""

    name: str
    make: Make
    heals: bool = False
    where_all_are_pages: bool = True
    """Whether it changes anything there."""


def plain(carrier: Carrier) -> Make:
    return lambda _world, _recording: carrier


def to_other(carried: Carried, blob: bytes, later_s: float = 0.0) -> Sequence[Delivery]:
    return [(other_of(carried.sender), blob, later_s)]


def only(which: Which, change: Change) -> Carrier:
    return lambda carried: change(carried) if which(carried) else honestly(carried)


def nth(sender: str, number: int) -> Which:
    return lambda carried: (carried.sender, carried.number) == (sender, number)


def hello(carried: Carried) -> bool:
    return carried.is_hello


def sealed(carried: Carried) -> bool:
    return not carried.is_hello


def everything(_: Carried) -> bool:
    return True


def sealed_of(sender: str) -> Which:
    return lambda carried: carried.sender == sender and not carried.is_hello


def said_by(sender: str) -> Which:
    return lambda carried: carried.sender == sender


def numbered(number: int) -> Which:
    return lambda carried: carried.number == number


def late_words_of(sender: str) -> Which:
    return lambda carried: carried.sender == sender and carried.number >= 3 and sealed(carried)


def nothing(_: Carried) -> Sequence[Delivery]:
    return []


# --- changed on the way ---------------------------------------------------------------------------------------


def flipped(at: int) -> Change:
    def change(carried: Carried) -> Sequence[Delivery]:
        place = at % len(carried.blob)
        return to_other(carried, carried.blob[:place] + bytes([carried.blob[place] ^ 0x40]) + carried.blob[place + 1 :])

    return change


def cut(to: int) -> Change:
    return lambda carried: to_other(carried, carried.blob[:to])


def counted(number: Callable[[int], int]) -> Change:
    """Another count in the head, in clear as it is."""

    def change(carried: Carried) -> Sequence[Delivery]:
        said = number(int.from_bytes(carried.blob[1:9], "big"))
        return to_other(carried, carried.blob[:1] + said.to_bytes(8, "big") + carried.blob[9:])

    return change


def changes() -> Iterator[Mutation]:
    for sender in ("a", "a'"):
        for number in range(5):
            for place, at in (("mark", 0), ("head", 8), ("middle", 30), ("end", -1)):
                name = f"the {place} of {sender}'s envelope {number} flipped"
                # Another nonce or echo in a hello ends the meeting, as it must; anything else is said again.
                heals = not (number == 0 and place in {"middle", "end"})
                yield Mutation(name, plain(only(nth(sender, number), flipped(at))), heals)
        for name, to in (("nothing", 0), ("one byte", 1), ("a head", 9), ("head and tag", 25), ("all but one", -1)):
            yield Mutation(f"sealed envelopes of {sender} cut to {name}", plain(only(sealed_of(sender), cut(to))))
        late_words = only(late_words_of(sender), flipped(30))
        yield Mutation(f"what {sender} seals changed once it was verified", plain(late_words))
    numbers: dict[str, Callable[[int], int]] = {
        "one more": lambda number: number + 1,
        "one less": lambda number: max(number - 1, 0) if number else 1,
        "as far as can be": lambda _: COUNT_MAX,
        "beyond": lambda _: 2**64 - 1,
        "always none": lambda number: 0 if number else 7,
    }
    for name, count in numbers.items():
        yield Mutation(f"counts: {name}", plain(only(sealed, counted(count))))
    yield Mutation("heads of one envelope on the body of the next", splicing)
    yield Mutation("bits flipped at random in a third of all", rattling)


def splicing(_world: World, _recording: Sequence[Carried]) -> Carrier:
    heads: dict[str, bytes] = {}

    def carry(carried: Carried) -> Sequence[Delivery]:
        if carried.is_hello:
            return honestly(carried)
        head, heads[carried.sender] = heads.get(carried.sender, carried.blob[:9]), carried.blob[:9]
        if head == carried.blob[:9]:
            return []
        return [*to_other(carried, head + carried.blob[9:]), *to_other(carried, carried.blob[:9] + bytes(40))]

    return carry


def rattling(_world: World, _recording: Sequence[Carried]) -> Carrier:
    rng = random.Random(5)

    def carry(carried: Carried) -> Sequence[Delivery]:
        flip = flipped(rng.randrange(len(carried.blob)))
        return flip(carried) if not carried.is_hello and rng.random() < 0.3 else honestly(carried)

    return carry


# --- lost, doubled, late, in another order --------------------------------------------------------------------


def late(seconds: float) -> Change:
    return lambda carried: to_other(carried, carried.blob, seconds)


def doubled(*seconds: float) -> Change:
    return lambda carried: [delivery for later in seconds for delivery in to_other(carried, carried.blob, later)]


def every(number: int, which: Which = everything) -> Which:
    return lambda carried: which(carried) and carried.number % number == number - 1


def disorders() -> Iterator[Mutation]:
    for number in (2, 3, 4, 5, 7):
        # Peers say hello and something sealed in turn: an even number can hit the same one each time.
        yield Mutation(f"every {number}th dropped", plain(only(every(number), nothing)), heals=bool(number % 2))
        yield Mutation(f"every {number}th late", plain(only(every(number), late(3.3))), heals=bool(number % 2))
    yield Mutation("all hellos dropped", plain(only(hello, nothing)))
    for sender in ("a", "a'"):
        yield Mutation(f"all of {sender} dropped", plain(only(said_by(sender), nothing)))
        yield Mutation(f"all that {sender} seals dropped", plain(only(sealed_of(sender), nothing)))
    yield Mutation("the first two of each dropped", plain(only(lambda c: c.number < 2, nothing)), heals=True)
    yield Mutation("nothing for the first 9 s", plain(only(lambda c: c.at < 9, nothing)), heals=True)
    yield Mutation("nothing for the first 29 s", plain(only(lambda c: c.at < 29, nothing)))
    yield Mutation("everything twice", plain(doubled(0, 0)), heals=True)
    yield Mutation("everything again later", plain(doubled(0, 0.4, 2.5, 20)), heals=True)
    yield Mutation("everything nine times", plain(doubled(*[number / 9 for number in range(9)])), heals=True)
    yield Mutation("hellos after what was sealed", plain(only(hello, late(0.3))), heals=True)
    # Counts only go up, so what is overtaken is lost; an honest edge keeps the order.
    yield Mutation("later ones overtake", plain(lambda c: to_other(c, c.blob, 0.1 * (7 - c.number % 8))))
    yield Mutation("pairs swapped", plain(lambda c: to_other(c, c.blob, 0.2 if c.number % 2 else 0.5)), heals=True)


# --- sent back, from another meeting, from earlier ------------------------------------------------------------


def reflected(carried: Carried) -> Sequence[Delivery]:
    return [(carried.sender, carried.blob, 0.0)]


def also(change: Change) -> Change:
    """After the true one."""
    return lambda carried: [*honestly(carried), *[(to, blob, later + 0.01) for to, blob, later in change(carried)]]


def crossing(pair: str, other: str) -> Change:
    """Everything of these two pairs goes to the same side of the other pair."""

    def change(carried: Carried) -> Sequence[Delivery]:
        swap = {pair: other, other: pair}
        to = other_of(carried.sender)
        return [(swap.get(to[0], to[0]) + to[1:], carried.blob, 0.0)]

    return change


def replays() -> Iterator[Mutation]:
    yield Mutation("everything sent back instead", plain(reflected))
    yield Mutation("everything sent back as well", plain(also(reflected)))
    yield Mutation("what is sealed sent back instead", plain(only(sealed, reflected)))
    yield Mutation("what is sealed sent back as well", plain(only(sealed, also(reflected))), heals=True)
    yield Mutation("hellos sent back instead", plain(only(hello, reflected)))
    for pair, other, where in (("a", "b", "of the same room"), ("a", "c", "of another room")):
        swap = crossing(pair, other)
        yield Mutation(f"two meetings {where} swapped", plain(swap))
        yield Mutation(f"what two meetings {where} seal swapped", plain(only(sealed, swap)))
        yield Mutation(f"hellos of two meetings {where} swapped", plain(only(hello, swap)))
        yield Mutation(f"what a meeting {where} seals as well", plain(only(sealed, also(swap))), heals=True)
        yield Mutation(f"hellos of a meeting {where} as well", plain(only(hello, also(swap))), heals=True)
        yield Mutation(f"hellos of a meeting {where} first", plain(only(hello, first_of(pair, swap))))
        for number in range(2, 6):
            swapped = only(numbered(number), swap)
            yield Mutation(f"envelopes {number} of two meetings {where} swapped", plain(swapped), heals=True)
    for name, times in (("before", lambda _: -1.0), ("during", lambda at: at + 0.02), ("after", lambda _: 6.0)):
        for part, which in (("an earlier meeting", everything), ("what was sealed earlier", sealed)):
            yield Mutation(f"{part} replayed {name}", replaying(times, which), heals=which is sealed)
    yield Mutation("an earlier meeting and nothing else", only_recorded)
    yield Mutation("an earlier meeting's hellos for ours, then its words", substituting)


def first_of(pair: str, swap: Change) -> Change:
    return lambda carried: [*swap(carried), *late(0.4)(carried)] if carried.sender[0] != pair else late(0.2)(carried)


def replaying(times: Callable[[float], float], which: Which) -> Make:
    def make(world: World, recording: Sequence[Carried]) -> Carrier:
        for carried in filter(which, recording):
            world.deliver(other_of(carried.sender), carried.blob, times(carried.at))
        return honestly

    return make


def only_recorded(world: World, recording: Sequence[Carried]) -> Carrier:
    for carried in recording:
        world.deliver(other_of(carried.sender), carried.blob, carried.at)
    return only(lambda carried: carried.sender[0] == "a", nothing)


def substituting(world: World, recording: Sequence[Carried]) -> Carrier:
    hellos = {carried.sender: carried.blob for carried in recording if carried.is_hello}
    for carried in filter(sealed, recording):
        world.deliver(other_of(carried.sender), carried.blob, carried.at + 0.5)
    return only(hello, lambda c: to_other(c, hellos.get(c.sender, c.blob)))


# --- made up --------------------------------------------------------------------------------------------------


def as_if(**changed: bytes | Role) -> Change:
    """A hello with other fields."""

    def change(carried: Carried) -> Sequence[Delivery]:
        said = parse_hello(carried.blob)
        fields = {"role": said.role, "nonce": said.nonce, "echo": said.echo, **changed}
        return to_other(carried, encode_hello(Hello(**fields)))  # type: ignore[arg-type] # fields by their names

    return change


def role_swapped(carried: Carried) -> Sequence[Delivery]:
    role = Role.PAGE if parse_hello(carried.blob).role is Role.HOME else Role.HOME
    return as_if(role=role)(carried)


def zeros(length: int) -> Callable[[Carried, random.Random], bytes]:
    return lambda _carried, _rng: (b"\x02" + bytes(length))[:length]


def flood(change: Callable[[Carried, random.Random], bytes], *, before: bool) -> Change:
    rng = random.Random(3)

    def carry(carried: Carried) -> Sequence[Delivery]:
        forged = [(other_of(carried.sender), change(carried, rng), 0.0) for _ in range(200)]
        return [*forged, *honestly(carried)] if before else [*honestly(carried), *forged]

    return carry


def forged_hello(carried: Carried, rng: random.Random) -> bytes:
    echo = b"" if rng.random() < 0.5 else rng.randbytes(32)
    return encode_hello(Hello(rng.choice(list(Role)), rng.randbytes(32), echo))


def garbage(carried: Carried, rng: random.Random) -> bytes:
    return bytes([rng.choice((1, 2, 2, 3))]) + rng.randbytes(rng.randrange(120))


def inventions() -> Iterator[Mutation]:
    for name, nonce in (("zeros", bytes(32)), ("ones", b"\xff" * 32), ("chosen", bytes(range(32)))):
        yield Mutation(f"all nonces {name}", plain(only(hello, as_if(nonce=nonce))))
        page = only(lambda c: c.is_hello and c.sender == "a", as_if(nonce=nonce))
        yield Mutation(f"the page's nonces {name}", plain(page))
        echo = only(hello, as_if(echo=nonce))
        yield Mutation(f"all echoes {name}", plain(echo))
    yield Mutation("no echoes", plain(only(hello, as_if(echo=b""))))
    yield Mutation("roles swapped", plain(only(hello, role_swapped)))
    yield Mutation("everybody a page", plain(only(hello, as_if(role=Role.PAGE))), where_all_are_pages=False)
    yield Mutation("everybody a home", plain(only(hello, as_if(role=Role.HOME))))
    yield Mutation("with roles swapped as well", plain(only(hello, also(role_swapped))), heals=True)
    for name, change in (("hellos", forged_hello), ("garbage", garbage)):
        yield Mutation(f"a flood of {name} before", plain(only(hello, flood(change, before=True))))
        # After a true hello the page's answer may come too late, but nothing false is ever believed.
        yield Mutation(f"a flood of {name} after", plain(only(sealed, flood(change, before=False))), heals=True)
    yield Mutation("a flood of the true hello", plain(only(hello, doubled(*[0.0] * 200))), heals=True)
    for length in (0, 1, 9, 24, 25, ENVELOPE_BYTES_MAX + 1):
        made_up = flood(zeros(length), before=True)
        yield Mutation(f"sealed zeros of {length} bytes as well", plain(only(sealed, made_up)), heals=True)
    yield Mutation("somebody between, with nonces and a guessed secret", between(bytes(16)))


def between(secret: bytes) -> Make:
    """Meets both sides itself, and says its own words; with the true secret it would succeed."""

    def make(_world: World, _recording: Sequence[Carried]) -> Carrier:
        nonces: dict[str, bytes] = {}
        mine = b"\x5a" * 32

        def words(to: str) -> bytes:
            is_page = not to.endswith("'")
            talk = Envelopes(
                derive_keys(secret).envelopes,
                initiator_nonce=nonces[to] if is_page else mine,
                responder_nonce=mine if is_page else nonces[to],
                is_initiator=not is_page,
            )
            words = b'{"n":0,"t":"failed","attempt":1,"reason":"busy"}'
            return talk.seal(words)

        def carry(carried: Carried) -> Sequence[Delivery]:
            if carried.sender[0] != "a" or not carried.is_hello:
                return honestly(carried) if carried.sender[0] != "a" else []
            said = parse_hello(carried.blob)
            nonces[carried.sender] = said.nonce
            role = Role.HOME if said.role is Role.PAGE else Role.PAGE
            answer = encode_hello(Hello(role, mine, said.nonce))
            forward = encode_hello(Hello(said.role, mine, b""))
            return [
                (carried.sender, answer, 0.0),
                (carried.sender, words(carried.sender), 0.1),
                (other_of(carried.sender), forward, 0.0),
            ]

        return carry

    return make


MUTATIONS = [*changes(), *disorders(), *replays(), *inventions()]
assert all(one.name != other.name for one, other in pairwise(sorted(MUTATIONS, key=lambda each: each.name)))
