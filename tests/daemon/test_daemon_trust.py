"""A composed daemon among strangers: what walls show in a new network, and what the owner's word does."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from qrshared.daemon.compose import compose
from qrshared.daemon.parts import Daemon
from qrshared.daemon.run import Keeper
from qrshared.lan import Advertiser, Candidate, Network
from qrshared.protocol import (
    AllowTransfer,
    Decline,
    Done,
    Facts,
    GetStatus,
    NetworkFacts,
    Reason,
    RefuseTransfer,
    StatusFacts,
    Topic,
    TransferState,
    TrustDevice,
    TrustNetwork,
    WallFacts,
)
from qrshared.sessions import Asker, DeskRefusal
from qrshared.settings import Accept, Settings
from qrshared.tickets import Grant, Road
from tests.client import Batch, Phone, file_of, scan
from tests.daemon.test_daemon_composed import OWNER, Kept
from tests.waiting import until

CAFE = Network("wlan0", "192.168.1.0/24", "192.168.1.1", "dd:ee:ff:00:00:09")
HERE = Candidate(90, "192.168.1.7", "wlan0", (), 24, is_lan=True)


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    settings = Settings(
        host="127.0.0.1", port=0, inbox=tmp_path / "inbox", data_dir=tmp_path / "data", name="STUDY-PC", mdns=False,
        notices=False, accept=Accept.ASK,
    )  # fmt: skip
    async with compose(settings) as composed:
        yield composed


async def enter(daemon: Daemon, network: Network) -> None:
    """Go there, long after the first start."""
    daemon.networks._first_until = float("-inf")
    await daemon.networks.look(network)


def wall(daemon: Daemon, road: Road = Road.HOME) -> WallFacts:
    return daemon.views.wall(Asker(Grant(road)))


async def status(daemon: Daemon) -> StatusFacts:
    facts = await daemon.desk.ask(GetStatus(), OWNER)
    assert isinstance(facts, StatusFacts)
    return facts


def guest(daemon: Daemon) -> Phone:
    return scan(daemon.where.code_url(daemon.book.wall_ticket().fragment), name="Eve's phone")


async def test_in_a_new_network_no_wall_shows_a_code_until_the_owner_agrees(daemon: Daemon) -> None:
    assert daemon.views.code_url() is not None  # the control: the first network is known
    await enter(daemon, CAFE)
    assert daemon.views.code_url() is None
    assert [wall(daemon, road).url for road in (Road.HOME, Road.LOOPBACK)] == [None, None]
    assert (await status(daemon)).network == NetworkFacts("the network of 192.168.1.1", known=False)
    with pytest.raises(DeskRefusal) as refused:
        await daemon.desk.ask(TrustNetwork(), Asker(Grant(Road.HOME)))
    assert refused.value.reason is Reason.NOT_ALLOWED
    assert await daemon.desk.ask(TrustNetwork(), OWNER) == Done()
    assert wall(daemon).url == daemon.views.code_url() is not None
    assert (await status(daemon)).network == NetworkFacts("the network of 192.168.1.1", known=True)


async def test_without_a_network_there_is_none_to_agree_to(daemon: Daemon) -> None:
    await daemon.networks.look(None)
    with pytest.raises(DeskRefusal) as refused:
        await daemon.desk.ask(TrustNetwork(), OWNER)
    assert refused.value.reason is Reason.NOT_FOUND


class Voice:
    """An advertiser that only notes where it would be heard."""

    local_name = None

    def __init__(self) -> None:
        self.heard: list[list[str]] = []

    async def follow(self, addresses: Sequence[str]) -> None:
        self.heard.append(list(addresses))


async def test_mdns_is_silent_until_the_owner_agrees_and_walls_hear_of_it_at_once(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = Voice()
    known = replace(daemon, advertiser=cast("Advertiser", voice))
    monkeypatch.setattr(Keeper, "_look_around", lambda _keeper: ([HERE], CAFE, {HERE.address: CAFE}))
    daemon.networks._first_until = float("-inf")
    walls: list[Facts] = []
    daemon.desk.watch((Topic.WALL,), Asker(Grant(Road.LOOPBACK)), walls.append)
    async with Kept(known):
        await until(lambda: voice.heard == [[]])
        await until(lambda: isinstance(walls[-1], WallFacts) and walls[-1].url is None)
        await daemon.desk.ask(TrustNetwork(), OWNER)
        await until(lambda: voice.heard[-1] == [HERE.address])
        await until(lambda: isinstance(walls[-1], WallFacts) and walls[-1].url is not None)


async def test_at_home_by_cable_mdns_is_silent_in_the_cafe_next_door(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = Voice()
    home = replace(CAFE, interface="eth0", gateway_mac="aa:bb:cc:00:00:01")
    cable = replace(HERE, address="192.168.1.8", interface="eth0")
    ours: dict[str, Network | None] = {cable.address: home, HERE.address: CAFE}
    daemon.networks._first_until = float("-inf")
    daemon.networks._known = [home]
    monkeypatch.setattr(Keeper, "_look_around", lambda _keeper: ([cable, HERE], home, ours))
    async with Kept(replace(daemon, advertiser=cast("Advertiser", voice))):
        await until(lambda: voice.heard == [[cable.address]])


async def test_the_owner_is_asked_and_answers_on_the_owner_page(daemon: Daemon) -> None:
    async with guest(daemon).visit() as visit:
        wanted, unwanted = (
            Batch([file_of("a.jpg", b"1"), file_of("b" * 90, b"22")]),
            Batch([file_of("virus.exe", b"3")]),
        )
        for batch in (wanted, unwanted):
            await visit.say(*batch.sender.propose())
        await until(lambda: len(daemon.transfers.questions) == 2)
        told = await status(daemon)
        assert [(one.device, one.items, one.bytes) for one in told.asking] == [
            ("Eve's phone", 2, 3),
            ("Eve's phone", 1, 1),
        ]
        assert [one.name for one in told.asking[0].first] == ["a.jpg", "…" + "b" * 79]
        assert {one.state for one in told.transfers} == {TransferState.ASKING}
        yes, no = (one.question for one in told.asking)
        for verb in (AllowTransfer(yes), RefuseTransfer(yes)):
            with pytest.raises(DeskRefusal):
                await daemon.desk.ask(verb, Asker(Grant(Road.HOME)))
        assert await daemon.desk.ask(RefuseTransfer(no), OWNER) == Done()
        assert await visit.hear_a(Decline) == Decline(unwanted.transfer, Reason.DECLINED)
        assert await daemon.desk.ask(AllowTransfer(yes), OWNER) == Done()
        await visit.send_on(wanted)
        assert len(wanted.receipts) == 2
        with pytest.raises(DeskRefusal) as late:
            await daemon.desk.ask(AllowTransfer(yes), OWNER)
        assert late.value.reason is Reason.NOT_FOUND
    assert sorted(path.name for path in daemon.inbox.folder.iterdir() if path.is_file() and path.name[0] != ".") == [
        "a.jpg", "b" * 90,
    ]  # fmt: skip


async def test_trusting_a_device_lets_in_what_it_asks_for(daemon: Daemon) -> None:
    async with guest(daemon).visit() as visit:
        batch = Batch([file_of("a.jpg", b"1")])
        await visit.say(*batch.sender.propose())
        await until(lambda: len(daemon.transfers.questions) == 1)
        await daemon.desk.ask(TrustDevice(daemon.live.devices()[0]), OWNER)
        await visit.send_on(batch)
        assert len(batch.receipts) == 1
