"""The guest book and its file: on the disk before anybody is told, whole after any cut, quiet while nothing changes."""

import asyncio
import math
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from qrshared.daemon.book import MINUTE_S, NEWCOMERS_MAX, Book
from qrshared.daemon.history import LATELY_S, SENDERS_TOLD_MAX, History, Origin
from qrshared.daemon.store import STORE_BYTES_MAX, Store, StoreDamaged
from qrshared.inbox import Placed
from qrshared.protocol import PeerKind, Reason
from qrshared.seal import Refusal, derive_keys
from qrshared.sessions import EnrollRefused, Sender
from qrshared.tickets import Credential, Life, Road
from tests.adapters.inbox_world import Clock

DAY_S = 86_400


class World:
    """A book on a disk, and a wall clock that tests turn."""

    def __init__(self, root: Path) -> None:
        self.path = root / "devices.json"
        self.clock = Clock()
        self.ended: list[tuple[list[str], Reason]] = []
        self.store = Store(self.path)
        self.book = self.open()

    def open(self) -> Book:
        return Book(
            self.store, guest_day_bytes=1000, on_ended=lambda ids, why: self.ended.append((list(ids), why)),
            now=self.clock,
        )  # fmt: skip

    async def enroll(self, key: bytes, ticket: bytes) -> str:
        found = self.book.find(derive_keys(ticket).key_id, Road.HOME)
        assert isinstance(found, Credential)
        grant = await self.book.enroll(found, key, "phone", PeerKind.PHONE)
        assert grant.device is not None
        return grant.device


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_new_devices_wait_when_too_many_came_in_a_minute_and_known_ones_do_not(world: World) -> None:
    wall = world.book.wall_ticket().secret
    for n in range(NEWCOMERS_MAX):
        await world.enroll(n.to_bytes(32, "big"), wall)
    with pytest.raises(EnrollRefused) as refused:
        await world.enroll(b"k" * 32, wall)
    assert refused.value.goodbye is Reason.BUSY
    await world.enroll((0).to_bytes(32, "big"), wall)
    world.clock.now += MINUTE_S + 1
    await world.enroll(b"k" * 32, wall)


async def test_who_enrolled_is_known_to_the_next_run(world: World) -> None:
    device = await world.enroll(b"k" * 32, (await world.book.personal(Life.ONCE)).secret)
    assert stat.S_IMODE(world.path.stat().st_mode) == 0o600
    again = world.open()
    assert [one.id for one in again.register.devices()] == [device]
    assert isinstance(again.find(derive_keys(b"k" * 32).key_id, Road.HOME), Credential)


async def test_the_room_of_a_code_is_left_when_the_code_ends_not_with_the_next_round(world: World) -> None:
    book, told = world.book, list[set[bytes]]()
    assert book.leave_rooms() == math.inf
    code = await book.personal(Life.ONCE, away=True)
    await book.personal(Life.ONCE)  # at home alone: no room
    book.on_rooms_changed = lambda: told.append(set(book.rooms().values()))
    world.clock.now += 10 * MINUTE_S
    assert code.expires is not None
    assert book.leave_rooms() == pytest.approx(code.expires - world.clock.now)
    assert told == []
    world.clock.now = code.expires
    assert book.leave_rooms() == math.inf
    assert told == [set()]


async def test_the_door_away_from_home_is_told_whenever_its_rooms_change_and_at_no_other_time(world: World) -> None:
    book, told = world.book, list[set[bytes]]()
    book.on_rooms_changed = lambda: told.append(set(book.rooms().values()))
    at_home = await world.enroll(b"h" * 32, (await book.personal(Life.ONCE)).secret)
    await world.enroll(b"g" * 32, book.wall_ticket().secret)
    await book.owner()
    await book.make_round()
    assert told == []  # nothing of that works away from home
    code = await book.personal(Life.ONCE, away=True)
    assert told.pop() == {code.secret}
    found = book.find(derive_keys(code.secret).key_id, Road.AWAY)
    assert isinstance(found, Credential)
    away = (await book.enroll(found, b"a" * 32, "phone", PeerKind.PHONE)).device
    assert away is not None
    assert told.pop() == {b"a" * 32}
    secret = book.road_secret(at_home)
    assert told.pop() == {b"a" * 32, secret}
    second = await book.second_key(at_home)
    assert told.pop() == {b"a" * 32, secret, second.secret}
    world.clock.now += 15 * MINUTE_S
    await book.make_round()
    assert told.pop() == {b"a" * 32, secret}
    await book.revoke(away)
    assert told.pop() == {secret}
    third = await book.second_key(at_home)
    assert told.pop() == {secret, third.secret}
    await book.revoke(at_home)
    assert told.pop() == set()
    assert told == []


async def test_a_code_that_could_not_be_written_down_opens_no_room(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []
    world.book.on_rooms_changed = lambda: told.append(world.book.rooms())

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(world.store, "_replace", full)
    with pytest.raises(OSError, match="No space"):
        await world.book.personal(Life.ONCE, away=True)
    assert told == []


async def test_a_revoked_device_stays_revoked_even_if_nobody_waits_for_the_disk(world: World) -> None:
    device = await world.enroll(b"k" * 32, (await world.book.personal(Life.ONCE)).secret)
    loop, gate = asyncio.get_running_loop(), threading.Event()
    with ThreadPoolExecutor(1) as one_thread:
        loop.set_default_executor(one_thread)
        busy = loop.run_in_executor(None, gate.wait, 10)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):  # a page that closes right after asking
                await world.book.revoke(device)
        assert world.ended == [([device], Reason.REVOKED)]
        gate.set()
        await busy
    assert world.open().find(derive_keys(b"k" * 32).key_id, Road.HOME) is Refusal.UNKNOWN_KEY


async def test_an_earlier_save_never_overtakes_a_later_one(world: World) -> None:
    gates = {1: threading.Event(), 2: threading.Event()}
    real = world.store._replace

    def held(text: bytes, number: int) -> None:
        gates[number].wait(10)
        real(text, number)
        if number == 2:
            gates[1].set()  # the first thread was slower

    world.store._replace = held  # type: ignore[method-assign] # threads in the wrong order
    gates[2].set()
    await asyncio.gather(world.store.save({"n": 1}), world.store.save({"n": 2}))
    assert Store(world.path).load() == {"n": 2}


async def test_a_save_that_fails_is_tried_again_with_the_next_round(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = await world.book.personal(Life.NEVER)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(world.store, "_replace", full)
        with pytest.raises(OSError, match="No space"):
            await world.book.personal(Life.NEVER)
    await world.book.make_round()
    assert len(world.open().register.tickets(world.clock())) == 2
    assert ticket.fragment


@pytest.mark.parametrize("content", [b"", b"{", b"[1", b"\xff\xfe", b"[" * 100_000, b" " * (STORE_BYTES_MAX + 1)])
def test_a_damaged_file_is_a_sentence_and_stays_untouched(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "devices.json"
    path.write_bytes(content)
    with pytest.raises(StoreDamaged) as damaged:
        Store(path).load()
    assert str(path) in damaged.value.sentence
    assert path.read_bytes() == content


async def test_a_leftover_of_a_crash_does_not_keep_anything_from_being_saved(world: World) -> None:
    world.path.with_name("devices.json.new").write_text("half")
    await world.book.save()
    assert world.open().register.devices() == []


async def test_a_wall_that_is_asked_again_and_again_wakes_no_disk(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.book.wall_ticket()
    await world.book.make_round()
    saves: list[object] = []
    monkeypatch.setattr(world.store, "_replace", lambda *told: saves.append(told))
    for _ in range(50):
        world.book.wall_ticket()
    await world.book.make_round()
    assert saves == []
    world.clock.now += 5 * 60 + 1
    world.book.wall_ticket()  # the control: a new one is written down
    await world.book.make_round()
    assert len(saves) == 1


async def test_keys_that_end_by_themselves_are_told_as_expired(world: World) -> None:
    device = await world.enroll(b"g" * 32, world.book.wall_ticket().secret)
    world.clock.now += DAY_S - 60
    world.book.seen(device)
    world.clock.now += DAY_S - 60
    await world.book.make_round()
    assert world.ended == []
    world.clock.now += 120
    await world.book.make_round()
    assert world.ended == [([device], Reason.EXPIRED)]


async def test_bytes_are_counted_before_they_are_written_and_refused_beyond_the_guests_day(world: World) -> None:
    device = await world.enroll(b"g" * 32, world.book.wall_ticket().secret)
    assert world.book.allows(device, 1000)
    assert world.book.brings(device, "a1" * 16, 999)
    assert not world.book.brings(device, "a1" * 16, 2)
    assert world.book.brings(device, "a1" * 16, 1)
    assert not world.book.allows("0" * 32, 1)
    assert not world.book.brings("0" * 32, "a1" * 16, 1)


async def test_what_landed_is_told_once_as_a_batch_with_its_sender(world: World) -> None:
    history = History(world.book)
    anna = Sender("a" * 32, "Anna", PeerKind.PHONE)
    for name in ("a.jpg", "b.mov", "c.txt"):
        history.landed(anna, "t" * 32, 0, Placed(name, 5, "0" * 64))
    assert history.take_landings() == []
    history.ended(anna, "t" * 32)
    history.ended(anna, "t" * 32)
    (landing,) = history.take_landings()
    assert (landing.sender, landing.names, landing.size) == ("Anna", ["a.jpg", "b.mov", "c.txt"], 15)
    assert history.take_landings() == []
    for n in range(SENDERS_TOLD_MAX):
        history.landed(anna, "u" * 32, n, Placed(str(n), 1, "0" * 64))
    assert history.origin_of("a.jpg", 5) is None
    origin = history.origin_of("0", 1)
    assert origin is not None
    assert origin.sender == "Anna"
    assert history.origin_of("0", 2) is None, "somebody put another file there"
    history.remember("0", Origin("", "Ben", 2, 17))
    assert history.origin_of("0", 2) == Origin("", "Ben", 2, 17)


def test_a_wall_says_for_a_minute_that_something_has_arrived(world: World) -> None:
    history = History(world.book, now=world.clock)
    sender = Sender("d" * 32, "phone", PeerKind.PHONE)
    for name in ("a.jpg", "b.jpg"):
        history.landed(sender, "t" * 32, 0, Placed(name, 1, "0" * 64))
    assert history.landed_lately() == 0  # the batch is still on its way, and told as such
    history.ended(sender, "t" * 32)
    assert history.landed_lately() == 2
    world.clock.now += LATELY_S + 1
    assert history.landed_lately() == 0
