"""On a network that its owner has not agreed to a computer shows no code and answers to no name."""

import asyncio
import json
import stat
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from qrshared.daemon import asks
from qrshared.daemon.asks import OwnerAsks
from qrshared.daemon.events import Asked, RunEvent
from qrshared.daemon.networks import FIRST_S, NETWORKS_MAX, Networks
from qrshared.daemon.notices import Notice
from qrshared.daemon.store import Store
from qrshared.lan import Network
from qrshared.protocol import AskingFacts, Item, NetworkFacts, PeerKind
from qrshared.sessions import OwnersWord, Questions, Sender
from qrshared.sessions.asking import manifest_digest
from tests.waiting import until

HOME = Network("eth0", "192.168.1.0/24", "192.168.1.1", "aa:bb:cc:00:00:01")
CAFE = Network("wlan0", "192.168.1.0/24", "192.168.1.1", "dd:ee:ff:00:00:09")
WIRELESS = replace(HOME, interface="wlan0", ssid="Home")
BARE = Network("veth0", "10.0.0.0/24")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def networks(folder: Path, clock: Clock | None = None) -> Networks:
    return Networks(Store(folder / "networks.json"), clock or Clock())


async def later(folder: Path, *known: Network) -> Networks:
    """A later start: these were agreed to before."""
    made = networks(folder)
    await made.look(known[0])
    for one in known[1:]:
        made._first_until = float("-inf")
        await made.look(one)
        await made.trust()
    return networks(folder)


async def test_the_first_network_is_known_and_remembered_for_its_owner_alone(tmp_path: Path) -> None:
    made = networks(tmp_path)
    assert not await made.look(HOME)
    assert made.is_known
    assert made.facts() == NetworkFacts("the network of 192.168.1.1", known=True)
    assert stat.S_IMODE((tmp_path / "networks.json").stat().st_mode) == 0o600
    again = networks(tmp_path)
    await again.look(HOME)
    assert again.is_known


async def test_a_computer_that_is_set_up_in_two_networks_is_at_home_in_both(tmp_path: Path) -> None:
    made = networks(tmp_path)
    await made.look(HOME, [HOME, BARE])
    assert [made.knows(one) for one in (HOME, BARE, CAFE)] == [True, True, False]
    made._first_until = float("-inf")
    await made.look(HOME, [HOME, CAFE])
    assert not made.knows(CAFE), "one that is there later is asked about"


async def test_a_cafe_with_the_same_addresses_is_another_network_until_its_owner_agrees(tmp_path: Path) -> None:
    made = await later(tmp_path, HOME)
    await made.look(HOME)
    assert await made.look(CAFE)
    assert made.facts() == NetworkFacts("the network of 192.168.1.1", known=False)
    told: list[str] = []
    made.trusted = lambda: told.append("trusted")
    assert await made.trust()
    assert (made.is_known, told) == (True, ["trusted"])
    after = networks(tmp_path)
    for one in (HOME, CAFE, HOME):  # moving between known ones works by itself
        await after.look(one)
        assert after.is_known


@pytest.mark.parametrize(
    ("here", "is_known"),
    [
        (WIRELESS, True),  # the same router by Wi-Fi
        (replace(HOME, prefix="192.168.2.0/24"), False),
        (replace(HOME, gateway_mac=None), False),  # it has not answered: that may be anybody's
        (replace(HOME, gateway=None, gateway_mac=None), False),
        (BARE, False),
        (None, True),  # nobody is there to be shown a code
    ],
)
async def test_what_makes_a_network_the_same(tmp_path: Path, here: Network | None, is_known: bool) -> None:
    made = await later(tmp_path, HOME)
    await made.look(here)
    assert made.is_known is is_known


@pytest.mark.parametrize(
    ("here", "is_known"),
    [(BARE, True), (replace(BARE, interface="veth1"), False), (replace(BARE, ssid="Café"), False), (HOME, False)],
)
async def test_without_a_router_it_is_known_only_if_it_was(tmp_path: Path, here: Network, is_known: bool) -> None:
    made = await later(tmp_path, BARE)
    await made.look(here)
    assert made.is_known is is_known


async def test_a_router_that_had_never_answered_is_learnt_once(tmp_path: Path) -> None:
    made = await later(tmp_path, replace(HOME, gateway_mac=None))
    await made.look(HOME)
    assert made.is_known
    await made.look(replace(CAFE, interface="eth0"))
    assert not made.is_known


async def test_a_known_router_that_has_not_answered_yet_is_nothing_to_ask_about(tmp_path: Path) -> None:
    made = await later(tmp_path, HOME)
    await made.look(replace(HOME, gateway_mac=None))
    assert (made.is_known, made.is_settled) == (False, False)
    await made.look(CAFE)
    assert (made.is_known, made.is_settled) == (False, True)


async def test_at_the_first_start_the_network_may_take_a_minute_to_come_up(tmp_path: Path) -> None:
    clock = Clock()
    made = networks(tmp_path, clock)
    await made.look(replace(HOME, gateway=None, gateway_mac=None))
    clock.now = FIRST_S - 1
    await made.look(HOME)
    known_in_time = made.is_known
    assert known_in_time
    clock.now = FIRST_S
    await made.look(CAFE)
    assert not made.is_known
    after = networks(tmp_path)
    await after.look(replace(HOME, gateway=None, gateway_mac=None))
    assert not after.is_known  # what it looked like on the way is not remembered


@pytest.mark.parametrize("content", ["", "[]", "{", '{"format":2,"networks":[]}', '{"format":1,"networks":{}}'])
async def test_a_list_that_cannot_be_read_makes_every_network_new(tmp_path: Path, content: str) -> None:
    (tmp_path / "networks.json").write_text(content)
    made = networks(tmp_path)
    await made.look(HOME)
    assert not made.is_known
    await made.trust()
    assert made.is_known


async def test_rows_that_say_nothing_are_passed_over(tmp_path: Path) -> None:
    rows = [5, {}, {"interface": 1, "prefix": "x"}, {"interface": "veth0", "prefix": "10.0.0.0/24", "ssid": 7}]
    (tmp_path / "networks.json").write_text(json.dumps({"format": 1, "networks": rows}))
    made = networks(tmp_path)
    await made.look(BARE)
    assert made.is_known


async def test_the_network_not_seen_for_longest_is_forgotten_first(tmp_path: Path) -> None:
    many = [replace(HOME, gateway_mac=f"00:00:00:00:01:{n:02x}") for n in range(NETWORKS_MAX)]
    made = await later(tmp_path, *many)
    await made.look(many[0])  # seen again
    await made.look(CAFE)
    await made.trust()
    known = []
    for one in (many[0], many[1], many[2], CAFE):
        await made.look(one)
        known.append(made.is_known)
    assert known == [True, False, True, True]
    assert len(made._known) == NETWORKS_MAX


async def test_without_a_network_there_is_nothing_to_agree_to(tmp_path: Path) -> None:
    made = networks(tmp_path)
    await made.look(None)
    assert not await made.trust()
    assert made.facts() is None


async def test_a_disk_that_refuses_does_not_stop_the_daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(_document: object) -> None:
        raise OSError(28, "No space left on device")

    made = networks(tmp_path)
    monkeypatch.setattr(made._store, "save", refuse)
    await made.look(HOME)
    assert made.is_known


class World:
    """What the owner is asked, in the terminal and by notice."""

    def __init__(self, known: Networks) -> None:
        self.networks = known
        self.questions = Questions()
        self.shown: list[Asked] = []
        self.notices: list[Notice] = []
        self.changes = 0

        def show(event: RunEvent) -> None:
            assert isinstance(event, Asked)
            self.shown.append(event)

        self.asks = OwnerAsks(
            questions=self.questions, networks=known, show=show, notify=self.notices.append, changed=self.change
        )
        self.questions.asked, self.questions.changed = self.asks.ask_about_transfer, self.change

    def change(self) -> None:
        self.changes += 1

    async def move(self, here: Network) -> None:
        await self.networks.look(here)
        self.asks.network_moved()


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    assert asks.NEW_NETWORK_S == 5
    monkeypatch.setattr(asks, "NEW_NETWORK_S", 0.02)
    made = World(await later(tmp_path, HOME))
    async with asyncio.TaskGroup() as tasks:
        jobs = [tasks.create_task(made.asks.ask_about_networks()), tasks.create_task(made.asks.keep_word())]
        yield made
        for job in jobs:
            job.cancel()
        made.questions.close()


async def test_a_new_network_is_asked_about_once_and_a_yes_is_kept(world: World) -> None:
    await world.move(HOME)
    for _ in range(3):
        await world.move(CAFE)
        await until(lambda: len(world.shown) == 1 and not world.asks._moved.is_set())
    (asked,) = world.shown
    assert asked.about == NetworkFacts("the network of 192.168.1.1", known=False)
    assert asked.is_open()
    assert "qrshared open" in world.notices[0].text
    asked.answer(False)
    assert not world.networks.is_known
    asked.answer(True)
    await until(lambda: world.networks.is_known)
    assert not asked.is_open()


async def test_a_yes_that_comes_after_the_computer_moved_on_is_about_another_network(world: World) -> None:
    await world.move(CAFE)
    await until(lambda: len(world.shown) == 1)
    await world.move(replace(CAFE, gateway_mac="dd:ee:ff:00:00:10"))
    assert not world.shown[0].is_open()
    world.shown[0].answer(True)
    await until(lambda: len(world.shown) == 2)
    assert not world.networks.is_known


async def test_a_proposal_is_put_to_the_owner_with_sender_names_and_sizes(world: World) -> None:
    items = tuple(Item(f"photo {n} \x1b[31m.jpg", 1_000_000) for n in range(7))
    sender = Sender("d" * 32, "Eve's\nphone", PeerKind.PHONE, time.time() - 7_300)
    manifest = await asyncio.to_thread(manifest_digest, items)
    heard: list[str] = []
    assert world.questions.ask(sender, "7" * 32, items, manifest, lambda: heard.append("heard"))
    (asked,) = world.shown
    assert isinstance(asked.about, AskingFacts)
    assert (asked.about.items, asked.about.bytes, len(asked.about.first)) == (7, 7_000_000, 5)
    (notice,) = world.notices
    assert notice.title == "A guest (Eve's phone, first seen 2 hours ago) wants to send files"
    assert notice.text.startswith("7 files (7.0 MB): photo 0 [31m.jpg, photo 1 [31m.jpg, photo 2 [31m.jpg and 4 more.")
    assert world.changes == 1
    asked.answer(True)
    assert not asked.is_open()
    assert heard == ["heard"]
    assert world.questions.word(sender.device, "7" * 32, manifest) is OwnersWord.ALLOWED
