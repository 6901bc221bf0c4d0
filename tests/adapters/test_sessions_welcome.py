"""From a link to a session: enrolment, versions, one live session a device, and letting go of whoever misbehaves."""

import asyncio
import base64
from dataclasses import replace
from pathlib import Path

import pytest

from qrshared.daemon.store import Store
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
from qrshared.seal import Refusal, Refused
from qrshared.sessions import session as session_module
from qrshared.sessions.live import REPLACED_S_MAX
from qrshared.sessions.session import SAYS_MAX
from qrshared.tickets import Life, Right, Road
from tests.adapters.sessions_world import Computer, computer, until
from tests.client import Phone, Unwelcome
from tests.desk_double import DeskDouble


class FailingStore(Store):
    """A disk that refuses, until it does not."""

    is_failing = True

    async def save(self, document: object) -> None:
        if self.is_failing:
            raise OSError(28, "No space left on device")
        await super().save(document)


def _is_written(home: Computer, phone: Phone) -> bool:
    return base64.b64encode(phone.key).decode() in (home.data_dir / "devices.json").read_text()


async def test_a_phone_that_enrolls_is_on_the_disk_before_it_hears_so(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        phone = await home.trusted_phone()
        async with phone.visit() as visit:
            assert _is_written(home, phone)
            assert visit.hello is not None
            assert visit.hello.grant is not None
            assert visit.hello.grant.rights == ("pick_up", "send")
            assert (visit.hello.name, visit.hello.words) == ("STUDY-PC", None)


async def test_a_phone_whose_record_cannot_be_written_is_refused_and_may_try_again(tmp_path: Path) -> None:
    store = FailingStore(tmp_path / "devices.json")
    async with computer(tmp_path, store=store) as home:
        phone = home.guest()
        with pytest.raises(Unwelcome) as refused:
            async with phone.visit():
                pass
        assert refused.value.answer == Goodbye(Reason.DISK_ERROR)
        store.is_failing = False
        async with phone.visit() as visit:
            assert visit.hello is not None
        assert len(home.book.register.devices()) == 1


async def test_the_same_key_is_the_same_device_however_often_it_enrolls(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        phone = home.guest()
        for _ in range(3):
            phone.is_enrolled = False  # the answer was lost on the way
            async with phone.visit():
                pass
        assert len(home.book.register.devices()) == 1


async def test_a_code_for_one_phone_lets_one_phone_in(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        phone = await home.trusted_phone()
        async with phone.visit():
            pass
        with pytest.raises(Refused) as used_up:
            async with replace(phone, key=b"t" * 32, is_enrolled=False).visit():
                pass
        assert used_up.value.refusal is Refusal.UNKNOWN_KEY
        assert home.refused == 1
        async with phone.visit():  # the control: its own key still opens
            pass


async def test_the_comparison_words_are_shown_only_where_the_page_is_authentic(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        home.road = Road.SECURE
        async with (await home.trusted_phone()).visit() as visit:
            assert visit.hello is not None
            assert visit.hello.words == visit.link.words
            assert len(visit.link.words.split()) == 4


@pytest.mark.parametrize(
    ("versions", "reason"), [((2, 9), Reason.VERSION), ((0, 0), Reason.VERSION)], ids=["newer", "older"]
)
async def test_without_a_common_version_the_peer_hears_version(
    tmp_path: Path, versions: tuple[int, int], reason: Reason
) -> None:
    async with computer(tmp_path) as home:
        phone = home.guest()
        async with phone.sealed(phone.ticket) as visit:
            await visit.say(phone.hello(enroll=phone.key, versions=versions))
            assert await visit.hear() == Goodbye(reason)
            with pytest.raises(LinkClosed):
                await visit.hear()
        assert home.book.register.devices() == []


async def test_a_page_without_a_ticket_may_look_and_nothing_else(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        async with home.stranger().visit() as visit:
            assert visit.hello is not None
            assert visit.hello.grant is not None
            assert (visit.hello.grant.rights, visit.hello.grant.device) == ((), None)
            assert len(home.live) == 1
        await until(lambda: len(home.live) == 0)


async def test_a_ticket_alone_gives_no_right_before_it_enrolls(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        phone = await home.trusted_phone()
        async with phone.sealed(phone.ticket) as visit:
            hello = await visit.greet(phone.hello())
            assert hello.grant is not None
            assert hello.grant.rights == ()


@pytest.mark.parametrize("first", [Ping(1), Goodbye(Reason.DONE), Ask(1, GetStatus())], ids=lambda m: type(m).__name__)
async def test_a_session_that_does_not_start_with_a_hello_is_closed(tmp_path: Path, first: Ping) -> None:
    async with computer(tmp_path) as home:
        phone = home.guest()
        async with phone.sealed(phone.ticket) as visit:
            await visit.say(first)
            with pytest.raises(LinkClosed):
                await visit.hear()
        await until(lambda: not home.serving)
        assert home.refused == 1


async def test_a_link_that_dies_at_any_step_leaves_nothing_behind(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        for steps in range(4):
            phone = home.guest()
            async with phone.connect() as link:
                if steps == 0:
                    await link.close()
                    continue
            async with phone.sealed(phone.ticket) as visit:
                if steps > 1:
                    await visit.say(phone.hello(enroll=phone.key))
                if steps > 2:
                    await visit.hear()
        for link in home.links:
            await link.close()
        await home.quiet()
        assert len(home.live) == 0


# --- one live session a device ------------------------------------------------------------------------------------


async def test_another_tab_is_told_so_and_the_first_one_goes_on(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        phone = await home.trusted_phone()
        async with phone.visit() as first:
            with pytest.raises(Unwelcome) as turned_away:
                async with phone.reloaded().visit():
                    pass
            assert turned_away.value.answer == Goodbye(Reason.ANOTHER_TAB)
            await first.say(Ping(7))
            assert await first.hear() == Pong(7)
            assert len(home.live) == 1


async def test_the_same_page_load_replaces_its_own_old_link_at_once(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        phone = await home.trusted_phone()
        async with phone.visit() as old, phone.visit() as new:
            assert await old.hear() == Goodbye(Reason.ANOTHER_TAB)
            await new.say(Ping(1))
            assert await new.hear() == Pong(1)
            assert len(home.live) == 1


async def test_another_page_load_replaces_one_that_has_been_silent_for_ten_seconds(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        phone = await home.trusted_phone()
        async with phone.visit():
            home.clock.ahead_s += 9.5
            with pytest.raises(Unwelcome):
                async with phone.reloaded().visit():
                    pass
            home.clock.ahead_s += 0.6
            async with phone.reloaded().visit() as new:
                await new.say(Ping(1))
                assert await new.hear() == Pong(1)


async def test_a_device_is_never_locked_out_by_links_that_died_while_they_waited_for_each_other(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        phone = await home.trusted_phone()
        async with phone.visit():
            pass
        async with asyncio.TaskGroup() as tasks:  # a phone at the edge of its network tries again and again

            async def attempt() -> None:
                try:
                    async with phone.visit() as visit:
                        await visit.say(Ping(1))
                        await visit.hear()
                except (Unwelcome, LinkClosed):
                    pass

            for _ in range(12):
                tasks.create_task(attempt())
        for task in list(home.serving):
            task.cancel()  # a door that closes while somebody is let in
        await until(lambda: not home.serving)
        assert len(home.live) == 0
        async with asyncio.timeout(REPLACED_S_MAX), phone.visit() as visit:
            await visit.say(Ping(1))
            assert await visit.hear() == Pong(1)


# --- letting go ------------------------------------------------------------------------------------


async def test_a_revoked_device_is_gone_within_a_second_even_if_it_does_not_read(tmp_path: Path) -> None:
    async with computer(tmp_path, desk=DeskDouble()) as home:
        phone = await home.trusted_phone()
        deaf = await home.trusted_phone()
        async with phone.visit() as visit, deaf.visit() as stuck:
            device = visit.hello and visit.hello.grant and visit.hello.grant.device
            deaf_device = stuck.hello and stuck.hello.grant and stuck.hello.grant.device
            assert device
            assert deaf_device
            stuffed = asyncio.get_running_loop().time() + 10
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
                assert await visit.hear() == Goodbye(Reason.REVOKED)
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
            assert _is_written(home, phone)
            revoking = home.tasks.create_task(home.book.revoke(device))
            await asyncio.sleep(0)
            revoking.cancel()
            await until(lambda: not _is_written(home, phone))


async def test_pings_are_sent_and_silence_ends_the_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "TICK_S", 0.01)
    async with computer(tmp_path) as home:
        async with home.stranger().visit() as visit:
            home.clock.ahead_s += 5.1
            assert await visit.hear() == Ping(1)
            await visit.say(Pong(1))
            home.clock.ahead_s += 5.1
            assert await visit.hear() == Ping(2)
            home.clock.ahead_s += 9
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
