"""Letting go: of revoked devices, of silence, floods and nonsense, and of one session when a fault is ours."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from qrshared.links import LinkClosed
from qrshared.protocol import (
    ASKS_MAX,
    Ask,
    BinEntry,
    Done,
    GetStatus,
    Goodbye,
    ListDevices,
    Ping,
    Pong,
    Reason,
    Refuse,
    RenameEntry,
    Watch,
)
from qrshared.protocol.vocabulary import Topic
from qrshared.seal import Refused
from qrshared.sessions import session as session_module
from qrshared.sessions.session import SAYS_MAX
from qrshared.tickets import Life, Right
from tests.adapters.sessions_world import computer, is_written
from tests.desk_double import DeskDouble
from tests.waiting import until


async def test_a_revoked_device_is_gone_within_a_second_even_if_it_does_not_read(tmp_path: Path) -> None:
    async with computer(tmp_path, desk=DeskDouble()) as home:
        phone = await home.trusted_phone()
        deaf = await home.trusted_phone()
        async with phone.visit() as visit, deaf.visit() as stuck:
            device = visit.hello and visit.hello.grant and visit.hello.grant.device
            deaf_device = stuck.hello and stuck.hello.grant and stuck.hello.grant.device
            assert device
            assert deaf_device
            stuffed = asyncio.get_running_loop().time() + 60
            while not _is_full(home.links[-1]):  # answers it does not read fill its link
                await stuck.say(Ping(1))
                assert asyncio.get_running_loop().time() < stuffed
                await asyncio.sleep(0)
                if len(home.live) < 2:
                    break
            async with asyncio.timeout(1.1):
                await home.book.revoke(device)
                if home.live.is_online(deaf_device):
                    await home.book.revoke(deaf_device)
                while isinstance(heard := await visit.hear(), Ping):
                    pass  # the heartbeat, where filling the other link took its time
                assert heard == Goodbye(Reason.REVOKED)
                await until(lambda: not home.live.is_online(device) and not home.live.is_online(deaf_device))
        with pytest.raises(Refused):
            async with phone.visit():
                pass


def _is_full(link: object) -> bool:
    return bool(link._outgoing.held_bytes >= 1 << 20)  # type: ignore[attr-defined] # the memory link's own queue


async def test_a_revocation_survives_a_page_that_closes_right_after_asking(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        phone = await home.trusted_phone()
        async with phone.visit() as visit:
            device = visit.hello and visit.hello.grant and visit.hello.grant.device
            assert device
            assert is_written(home, phone)
            revoking = home.tasks.create_task(home.book.revoke(device))
            await asyncio.sleep(0)
            revoking.cancel()
            await until(lambda: not is_written(home, phone))


async def test_pings_are_sent_and_silence_ends_the_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "TICK_S", 0.01)
    async with computer(tmp_path) as home:
        async with home.stranger().visit() as visit:
            home.clock.ahead_s += 5.1
            assert await visit.hear() == Ping(1)
            await visit.say(Pong(1))
            home.clock.ahead_s += 5.1
            assert await visit.hear() == Ping(2)
            home.clock.ahead_s += 15.1
            assert await visit.hear_a(Goodbye) == Goodbye(Reason.IDLE)
        await home.quiet()


async def test_a_flood_of_pings_from_one_that_does_not_read_is_bounded(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        async with home.guest().visit() as visit:
            (session,) = home.live._by_device.values()

            async def flood() -> None:
                while True:
                    await visit.say(Ping(1))
                    assert len(session._says) <= SAYS_MAX

            with pytest.raises(LinkClosed):
                await flood()
        await home.quiet()


async def test_a_flood_of_asks_is_cut_and_other_sessions_do_not_notice(tmp_path: Path) -> None:
    desk = DeskDouble()
    async with computer(tmp_path, desk=desk) as home:
        async with home.guest().visit() as other, home.guest().visit() as visit:
            await visit.say(*(Ask(n, ListDevices()) for n in range(ASKS_MAX)))
            await desk.until(lambda: desk.held == ASKS_MAX)
            await visit.say(Ask(99, ListDevices()))
            assert await visit.hear_a(Goodbye) == Goodbye(Reason.PROTOCOL)
            assert await other.ask(GetStatus()) == Done("well")
        desk.let_go.set()


async def test_the_desk_answers_refuses_and_survives_its_own_faults(tmp_path: Path) -> None:
    async with computer(tmp_path) as home, home.guest().visit() as visit:
        assert await visit.ask(GetStatus()) == Done("well")
        refusal = await visit.ask(BinEntry("x"))
        assert isinstance(refusal, Refuse)
        assert refusal.reason is Reason.NOT_FOUND
        fault = await visit.ask(RenameEntry("a", "b"))
        assert isinstance(fault, Refuse)
        assert fault.reason is Reason.UNSUPPORTED
        assert await visit.ask(GetStatus()) == Done("well")


async def test_a_second_hello_or_nonsense_ends_the_session_as_protocol(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        phone = home.guest()
        async with phone.visit() as visit:
            await visit.say(phone.hello())
            assert await visit.hear_a(Goodbye) == Goodbye(Reason.PROTOCOL)
        async with home.guest().visit() as visit:
            await visit.link._link.send(visit.link._sealed.seal(b'{"t":"nonsense"}'))
            assert await visit.hear_a(Goodbye) == Goodbye(Reason.PROTOCOL)


async def test_a_fault_of_ours_ends_one_session_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with computer(tmp_path) as home, home.guest().visit() as other, home.guest().visit() as visit:

        def broken(*_: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(home.desk, "watch", broken)
        await visit.say(Watch((Topic.WALL,)))
        with pytest.raises(LinkClosed):
            await visit.hear()
        await other.say(Ping(3))
        assert await other.hear() == Pong(3)


async def test_news_to_a_slow_reader_skips_and_memory_stays(tmp_path: Path) -> None:
    desk = DeskDouble()
    async with computer(tmp_path, desk=desk) as home:
        async with home.guest().visit() as visit:
            await visit.say(Watch((Topic.TRANSFERS,)))
            await until(lambda: len(desk.tells) == 1)
            (session,) = home.live._by_device.values()
            facts = await desk.ask(GetStatus(), session.asker)
            for _ in range(10_000):
                desk.tells[0](facts)
            assert len(session._news) <= 2
        await until(lambda: desk.stopped == 1)


async def test_the_name_that_others_see_is_the_owners_or_a_cleaned_one(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        phone = home.guest(name="Bob\u202egpj.exe")
        async with phone.visit() as visit:
            assert visit.hello is not None
            (session,) = home.live._by_device.values()
            sender = session._receiving._sender
            assert sender is not None
            assert sender.name == "Bobgpj.exe"


async def test_trust_given_while_the_session_lives_counts_at_once(tmp_path: Path) -> None:
    async with computer(tmp_path) as home, home.guest().visit() as visit:
        device = visit.hello and visit.hello.grant and visit.hello.grant.device
        assert device
        session = home.live.of(device)
        assert session is not None
        assert not session.asker.grant.allows(Right.PICK_UP)
        await home.book.trust(device)
        session.give(replace(session.asker, grant=replace(session.asker.grant, rights=frozenset(Right))))
        assert session.asker.grant.allows(Right.PICK_UP)


async def test_a_stop_tells_everybody_to_come_back(tmp_path: Path) -> None:
    async with computer(tmp_path) as home, home.guest().visit() as guest, home.stranger().visit() as wall:
        await home.live.end_all(Reason.RESTARTING)
        assert await guest.hear_a(Goodbye) == Goodbye(Reason.RESTARTING)
        assert await wall.hear_a(Goodbye) == Goodbye(Reason.RESTARTING)
        assert len(home.live) == 0


async def test_a_second_ticket_of_the_owner_does_not_make_a_second_device(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        phone = home.guest()
        async with phone.visit():
            pass
        raised = replace(phone, ticket=(await home.book.personal(Life.ONCE)).secret, is_enrolled=False)
        async with raised.visit() as visit:
            assert visit.hello is not None
            assert visit.hello.grant is not None
            assert "pick_up" in visit.hello.grant.rights
        assert len(home.book.register.devices()) == 1
