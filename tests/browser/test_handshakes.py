"""Used, expired, replayed and mutated handshakes are refused, each beside an honest one that connects."""

import json
import random
import time
from collections.abc import Callable

import pytest

from qrshared.links import LinkClosed
from qrshared.protocol import Goodbye, Reason
from qrshared.seal import Initiator, Refusal, Refused, refusal_message
from tests.browser.home import Home
from tests.browser.phones import phone_on
from tests.client import Phone, Unwelcome

pytestmark = pytest.mark.needs("netns")

ROUNDS = 100
ATTACKERS = [f"192.168.77.{100 + n}" for n in range(40)]
"""After ten failures a minute an address is shut out, which is another test's matter: here each has a few tries."""

Mutation = Callable[[int, bytes], bytes]


def honestly(_number: int, message: bytes) -> bytes:
    return message


@pytest.fixture
async def crowd(home: Home) -> Home:
    """A home where one machine has very many addresses."""
    for address in ATTACKERS:
        home.neighbour.run("ip", "address", "add", f"{address}/24", "dev", home.neighbour.interface)
    return home


async def enrolled(home: Home) -> Phone:
    phone = phone_on(home.phone, home.daemon.ticket_url())
    await connect(phone)
    return phone


async def connect(phone: Phone) -> None:
    """The control: a visit, to the daemon's hello and out again."""
    async with phone.visit() as visit:
        assert visit.hello is not None


def stranger(home: Home, turn: int) -> Phone:
    return phone_on(home.neighbour, home.url(), address=ATTACKERS[turn % len(ATTACKERS)])


async def handshake(phone: Phone, secret: bytes, change: Mutation = honestly) -> list[bytes]:
    """Seal a link and drop it; what was said, for a replay. Raises Refused when the daemon does."""
    initiator = Initiator("home", secret)
    said = [change(0, initiator.opening())]
    async with phone.connect() as link:
        await link.send(said[0])
        while initiator.sealed is None:
            for message in await link.receive():
                answers = [change(1, answer) for answer in initiator.receive(message)]
                said += answers
                if answers:
                    await link.send(*answers)
    return said


async def replay(phone: Phone, said: list[bytes]) -> list[bytes]:
    """Say the same again on a new link; everything that was heard until the daemon closed it."""
    heard: list[bytes] = []
    async with phone.connect() as link:
        try:
            await link.send(*said)
            while True:
                heard += await link.receive()
        except LinkClosed:
            return heard


async def test_replayed_handshakes_are_refused_and_honest_ones_connect(crowd: Home) -> None:
    phone = await enrolled(crowd)
    for turn in range(ROUNDS):
        said = await handshake(phone, phone.key)
        _opening, *answers = await replay(stranger(crowd, turn), said)
        assert answers == [refusal_message(Refusal.HANDSHAKE)]
        await connect(phone)


async def test_mutated_handshakes_are_refused_and_honest_ones_connect(crowd: Home) -> None:
    phone = await enrolled(crowd)
    chance = random.Random(7)
    for turn in range(ROUNDS):
        which, place = turn % 2, chance.random()

        def flip(number: int, message: bytes, which: int = which, place: float = place) -> bytes:
            if number != which:
                return message
            bit = int(place * len(message) * 8)
            return (int.from_bytes(message, "big") ^ 1 << bit).to_bytes(len(message), "big")

        with pytest.raises(Refused):
            await handshake(stranger(crowd, turn), phone.key, flip)
        await connect(phone)


async def test_a_used_code_lets_nobody_else_in(crowd: Home) -> None:
    url = crowd.daemon.ticket_url()
    first = phone_on(crowd.phone, url)
    await connect(first)
    for turn in range(ROUNDS):
        second = phone_on(crowd.neighbour, url, address=ATTACKERS[turn % len(ATTACKERS)])
        with pytest.raises((Refused, Unwelcome)) as refused:
            await connect(second)
        assert _says_too_old(refused.value)
        await connect(first)


def _says_too_old(refusal: BaseException) -> bool:
    if isinstance(refusal, Refused):
        return refusal.refusal is Refusal.UNKNOWN_KEY
    return isinstance(refusal, Unwelcome) and refusal.answer == Goodbye(Reason.EXPIRED)


async def test_an_expired_code_and_an_expired_key_open_nothing(home: Home) -> None:
    codes = [home.daemon.say("qr", "--url", "--expires", "7d") for _ in range(2)]
    await home.daemon.stop()
    await home.daemon.start()
    in_time, too_late = (phone_on(home.phone, code) for code in codes)
    await connect(in_time)
    await home.daemon.stop()
    _let_everything_expire(home)
    await home.daemon.start()
    for phone in (in_time, too_late):
        with pytest.raises(Refused) as refused:
            await connect(phone)
        assert refused.value.refusal is Refusal.UNKNOWN_KEY
    await enrolled(home)


def _let_everything_expire(home: Home) -> None:
    """The daemon's own list, with all ends a second ago: a week need not be waited for."""
    path = home.daemon.data_dir / "devices.json"
    known = json.loads(path.read_text())
    assert known["tickets"]
    for one in (*known["tickets"], *known["devices"]):
        one["expires"] = time.time() - 1
    path.write_text(json.dumps(known))
