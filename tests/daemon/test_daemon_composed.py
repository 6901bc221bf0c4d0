"""A composed daemon in this process: the desk's table of rights, what watchers see, and jobs that break."""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Self

import pytest

from qrshared import jobs
from qrshared.daemon import AddressChanged, Landed, Moved, Problem, RunEvent
from qrshared.daemon.compose import OWNER_HERE, compose
from qrshared.daemon.deeds import UNFINISHED_TOLD_MAX
from qrshared.daemon.desk import FrontDesk
from qrshared.daemon.parts import Daemon
from qrshared.daemon.run import Keeper
from qrshared.daemon.systemd import Systemd
from qrshared.daemon.views import TOLD_DEVICES_MAX
from qrshared.inbox import Room
from qrshared.jobs import keep_going
from qrshared.lan import Candidate, Network
from qrshared.protocol import (
    BinEntry,
    DeviceList,
    Done,
    Facts,
    ForgetUnfinished,
    GetStatus,
    Goodbye,
    InboxList,
    ListDevices,
    ListInbox,
    ListUnfinished,
    MakeOwnerTicket,
    MakeTicket,
    OpenInbox,
    PeerKind,
    Reason,
    RenameDevice,
    RenameEntry,
    RevokeDevice,
    StatusFacts,
    StopTransfer,
    TicketFacts,
    Topic,
    TrustDevice,
    UnfinishedList,
    Verb,
    WallFacts,
)
from qrshared.sessions import Asker, DeskRefusal
from qrshared.settings import Settings, Wall
from qrshared.tickets import Credential, Grant, Life, Right, Road, Trust
from tests.adapters.inbox_world import MIB
from tests.client import Batch, File, Repeated, file_of, scan
from tests.waiting import until

RUN = sys.modules["qrshared.daemon.run"]  # the package exports its function under the same name
OWNER = Asker(OWNER_HERE, on_control_socket=True)
GUEST = Grant(Road.HOME, rights=frozenset({Right.SEND}), trust=Trust.GUEST, device="d" * 32)
OWN_VERBS: list[Verb] = [
    GetStatus(), ListInbox(5), OpenInbox(), RenameEntry("a", "b"), BinEntry("a"), ListDevices(),
    RenameDevice("d" * 32, "x"), TrustDevice("d" * 32), RevokeDevice("d" * 32), MakeTicket("once"),
    StopTransfer("t" * 32),
]  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        host="127.0.0.1", port=0, inbox=tmp_path / "inbox", data_dir=tmp_path / "data", name="STUDY-PC", mdns=False,
        notices=False,
    )  # fmt: skip


@pytest.fixture
async def daemon(settings: Settings) -> AsyncIterator[Daemon]:
    async with compose(settings) as composed:
        yield composed


async def _refused(desk: FrontDesk, verb: Verb, asker: Asker) -> Reason | None:
    try:
        await desk.ask(verb, asker)
    except DeskRefusal as refusal:
        return refusal.reason
    return None


@pytest.mark.parametrize("verb", OWN_VERBS, ids=lambda verb: type(verb).__name__)
async def test_a_verb_of_the_owner_is_for_the_owner_alone(daemon: Daemon, verb: Verb) -> None:
    everything = frozenset(Right)
    strangers = [
        Grant(Road.HOME), GUEST, replace(GUEST, rights=everything), replace(GUEST, road=Road.AWAY, rights=everything),
        replace(GUEST, road=Road.LOOPBACK), replace(GUEST, road=Road.SECURE, rights=frozenset({Right.PICK_UP})),
    ]  # fmt: skip
    for grant in strangers:
        assert await _refused(daemon.desk, verb, Asker(grant, grant.device)) is Reason.NOT_ALLOWED
    assert await _refused(daemon.desk, verb, OWNER) is not Reason.NOT_ALLOWED  # the control


async def test_an_owners_ticket_is_made_at_the_control_socket_alone(daemon: Daemon) -> None:
    for asker in (Asker(OWNER_HERE), Asker(GUEST, GUEST.device)):
        assert await _refused(daemon.desk, MakeOwnerTicket(), asker) is Reason.NOT_ALLOWED
    assert isinstance(await daemon.desk.ask(MakeOwnerTicket(), OWNER), TicketFacts)


async def test_topics_without_the_right_are_passed_over_in_silence(daemon: Daemon) -> None:
    told: list[Facts] = []
    stop = daemon.desk.watch(tuple(Topic), Asker(GUEST, GUEST.device), told.append)
    daemon.desk.changed(*Topic)
    assert {type(one) for one in told} == {WallFacts}
    stop()
    daemon.desk.changed(*Topic)
    assert len(told) == 2


async def test_the_desk_carries_out_what_the_owner_asks(daemon: Daemon, settings: Settings) -> None:
    desk = daemon.desk
    (settings.inbox / "old.txt").write_text("x")
    assert await desk.ask(RenameEntry("old.txt", "new.txt"), OWNER) == Done("new.txt")
    listed = await desk.ask(ListInbox(10), OWNER)
    assert isinstance(listed, InboxList)
    assert [one.name for one in listed.entries] == ["new.txt"]
    assert await _refused(desk, RenameEntry("../data/port", "x"), OWNER) is Reason.NAME_REFUSED
    assert await _refused(desk, BinEntry("gone.txt"), OWNER) is Reason.NOT_FOUND
    assert await _refused(desk, RevokeDevice("e" * 32), OWNER) is Reason.NOT_FOUND
    assert await _refused(desk, StopTransfer("e" * 32), OWNER) is Reason.NOT_FOUND
    assert await _refused(desk, OpenInbox("../../etc/passwd"), OWNER) in (Reason.NAME_REFUSED, Reason.UNSUPPORTED)
    assert await _refused(desk, MakeTicket("forever"), OWNER) is Reason.UNSUPPORTED
    status = await desk.ask(GetStatus(), OWNER)
    assert isinstance(status, StatusFacts)
    assert status.free_bytes > 0


async def test_only_the_inbox_itself_is_shown_as_a_folder_of_ours(
    daemon: Daemon, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[str, bool]] = []

    async def show(folder: Path, *, is_ours: bool) -> bool:
        shown.append((str(folder.relative_to(settings.inbox)), is_ours))
        return True

    monkeypatch.setattr("qrshared.daemon.deeds.open_folder", show)
    (settings.inbox / "Trip.app" / "Contents").mkdir(parents=True)
    for name in ("", "a.txt", "Trip.app/x", "Trip.app/Contents/x"):
        await daemon.desk.ask(OpenInbox(name), OWNER)
    assert shown == [(".", True), (".", True), ("Trip.app", False), ("Trip.app/Contents", False)]


async def test_when_no_more_codes_can_be_made_the_owner_hears_why_and_the_wall_stays(daemon: Daemon) -> None:
    answers = [await _refused(daemon.desk, MakeTicket("never"), OWNER) for _ in range(300)]
    assert answers[-1] is Reason.BUSY
    wall = daemon.views.wall(OWNER)
    assert wall.url is None
    assert daemon.views.code_url() is None


async def test_a_wall_shows_its_code_where_the_settings_allow_it(settings: Settings) -> None:
    here, home = Asker(Grant(Road.LOOPBACK)), Asker(Grant(Road.HOME))
    for wall, seen in ((Wall.LAN, (True, True)), (Wall.COMPUTER, (True, False)), (Wall.OFF, (False, False))):
        async with compose(replace(settings, wall=wall)) as daemon:
            found = tuple(daemon.views.wall(asker).url is not None for asker in (here, home))
            assert found == seen


async def test_long_lists_are_cut_to_what_fits_in_a_message(daemon: Daemon) -> None:
    ticket = daemon.book.wall_ticket()
    credential = daemon.book.find(bytes.fromhex(ticket.id), Road.HOME)
    assert isinstance(credential, Credential)
    for n in range(TOLD_DEVICES_MAX + 20):
        daemon.book.register.enroll(credential, n.to_bytes(32, "big"), "phone", PeerKind.PHONE, 1e9 + n)
    devices = await daemon.desk.ask(ListDevices(), OWNER)
    assert isinstance(devices, DeviceList)
    assert len(devices.devices) == TOLD_DEVICES_MAX


async def test_a_device_lists_and_throws_away_what_it_had_begun_itself(daemon: Daemon) -> None:
    ticket = await daemon.book.personal(Life.ONCE)
    phone = scan(daemon.where.code_url(ticket.fragment))
    batch = Batch([File("big", Repeated(2048 * MIB))])  # never whole before the link is cut, however slow the disk
    async with phone.visit() as visit:
        await visit.send(batch, until=lambda: batch.sender.safe(0) >= 8 * MIB)
        mine = await visit.ask(ListUnfinished())
        assert mine == UnfinishedList(())  # it is on its way just now
    async with phone.reloaded().visit() as visit:
        mine = await visit.ask(ListUnfinished())
        assert isinstance(mine, UnfinishedList)
        assert [(one.name, one.transfer) for one in mine.items] == [("big", batch.transfer)]
        assert len(mine.items) <= UNFINISHED_TOLD_MAX
        other = scan(daemon.where.code_url(daemon.book.wall_ticket().fragment))
        async with other.visit() as stranger:
            assert await stranger.ask(ListUnfinished()) == UnfinishedList(())
            assert await stranger.ask(ForgetUnfinished()) == Done("")
        still = await visit.ask(ListUnfinished())  # what had arrived at the cut may be written only now
        assert isinstance(still, UnfinishedList)
        assert [(one.name, one.transfer) for one in still.items] == [("big", batch.transfer)]
        assert await visit.ask(ForgetUnfinished()) == Done("")
        assert await visit.ask(ListUnfinished()) == UnfinishedList(())
    assert not list(daemon.inbox.folder.glob("*.part"))


async def test_trust_reaches_a_session_that_is_open(daemon: Daemon) -> None:
    phone = scan(daemon.where.code_url(daemon.book.wall_ticket().fragment))
    async with phone.visit() as visit:
        device = visit.hello and visit.hello.grant and visit.hello.grant.device
        assert device
        await daemon.desk.ask(TrustDevice(device), OWNER)
        session = daemon.live.of(device)
        assert session is not None
        assert session.asker.grant.allows(Right.PICK_UP)
        assert [one.reason for one in await visit.until_closed() if isinstance(one, Goodbye)] == [Reason.RESTARTING]
    async with phone.visit() as visit:
        assert visit.hello is not None
        assert visit.hello.grant is not None
        assert "pick_up" in visit.hello.grant.rights, "an idle page is told at once, by coming back"


# --- the jobs beside the door ------------------------------------------------------------------------------------


async def test_a_job_that_breaks_begins_anew(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(jobs, "BEGIN_ANEW_S", 0)
    runs: list[int] = []

    async def job() -> None:
        runs.append(len(runs))
        if len(runs) < 3:
            raise ZeroDivisionError

    await keep_going(job)
    assert runs == [0, 1, 2]
    assert caplog.text.count("begins anew") == 2


class Kept:
    """A keeper's jobs at work, and what they showed."""

    def __init__(self, daemon: Daemon) -> None:
        self.shown: list[RunEvent] = []
        self.keeper = Keeper(daemon, self.shown.append)

    async def __aenter__(self) -> Self:
        self.tasks = asyncio.TaskGroup()
        await self.tasks.__aenter__()
        self.jobs = [self.tasks.create_task(keep_going(job)) for job in self.keeper.jobs(Systemd({}))]
        return self

    async def __aexit__(self, *why: object) -> None:
        for job in self.jobs:
            job.cancel()
        await self.tasks.__aexit__(None, None, None)

    async def until_shown(self, kind: type[RunEvent]) -> RunEvent:
        await until(lambda: any(isinstance(one, kind) for one in self.shown))
        return next(one for one in self.shown if isinstance(one, kind))


async def test_a_batch_that_landed_is_told_once_and_progress_is_shown(daemon: Daemon) -> None:
    async with Kept(daemon) as kept:
        for name in ("Anna", "Bob"):
            phone = scan(daemon.where.code_url(daemon.book.wall_ticket().fragment), name=name)
            async with phone.visit() as visit:
                await visit.send(Batch([file_of("a.jpg", b"1"), file_of("b.jpg", b"22")]))
        await until(lambda: sum(isinstance(one, Landed) for one in kept.shown) == 2)
        landed = [one for one in kept.shown if isinstance(one, Landed)]
        assert sorted((one.sender, len(one.names), one.size) for one in landed) == [("Anna", 2, 3), ("Bob", 2, 3)]
        assert any(isinstance(one, Moved) for one in kept.shown)
        await until(lambda: daemon.views.inbox(OWNER).total == 4)
        assert {one.sender for one in daemon.views.inbox(OWNER).entries} == {"Anna", "Bob"}


async def test_the_room_left_is_told_while_files_come_in(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    free = 69_000_000_000
    monkeypatch.setattr(daemon.inbox, "room", lambda: Room(free, reserve=0))
    told: list[int] = []

    def hear(facts: Facts) -> None:
        assert isinstance(facts, StatusFacts)
        told.append(facts.free_bytes)

    async with Kept(daemon), scan(daemon.where.code_url(daemon.book.wall_ticket().fragment)).visit() as visit:
        daemon.desk.watch((Topic.STATUS,), OWNER, hear)
        await until(lambda: told[-1:] == [69_000_000_000])
        free = 66_000_000_000
        await visit.send(Batch([file_of("film.mp4", b"1")]))
        await until(lambda: told[-1] == 66_000_000_000)  # while it is still there: leaving tells the status, too


async def test_a_new_address_reaches_terminal_and_walls(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = asyncio.Event()
    there = Candidate(90, "192.168.9.9", "wlan0", ("private",), 24, is_lan=True)

    async def watch(_read: object) -> AsyncIterator[tuple[list[Candidate], Network | None, dict[str, Network | None]]]:
        yield [], None, {}
        await moved.wait()
        network = Network("wlan0", "192.168.9.0/24")
        yield [there], network, {there.address: network}

    monkeypatch.setattr(RUN, "watch", watch)
    monkeypatch.setattr(daemon.where, "_host", None)
    walls: list[Facts] = []
    daemon.desk.watch((Topic.WALL,), Asker(Grant(Road.LOOPBACK)), walls.append)
    async with Kept(daemon) as kept:
        assert await kept.until_shown(Problem) == Problem("This computer is in no network that a phone could reach.")
        moved.set()
        await until(lambda: any(isinstance(one, AddressChanged) and "192.168.9.9" in one.urls[0] for one in kept.shown))
        last = walls[-1]
        assert isinstance(last, WallFacts)
        assert last.url is not None
        assert "192.168.9.9" in last.url
        assert daemon.problems.by_part.get("network") is None


async def test_the_book_is_saved_when_the_daemon_stops(settings: Settings) -> None:
    async with compose(settings) as daemon:
        fragment = daemon.book.wall_ticket().fragment
    async with compose(settings) as daemon:
        assert daemon.book.wall_ticket().fragment == fragment
