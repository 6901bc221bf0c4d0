"""From a link to a session: enrolment, versions, one live session a device, and letting go of whoever misbehaves."""

import asyncio
import secrets
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from qrshared.daemon.store import Store
from qrshared.links import LinkClosed
from qrshared.protocol import Accept, Ask, GetStatus, Goodbye, Item, Ping, Pong, Propose, Reason
from qrshared.seal import Refusal, Refused
from qrshared.sessions.live import GAVE_WAY_MAX, REPLACED_S_MAX
from qrshared.tickets import Road
from tests.adapters.sessions_world import computer, is_written
from tests.client import Unwelcome, Visit
from tests.waiting import until


class FailingStore(Store):
    """A disk that refuses, until it does not."""

    is_failing = True

    async def save(self, document: object) -> None:
        if self.is_failing:
            raise OSError(28, "No space left on device")
        await super().save(document)


async def test_a_phone_that_enrolls_is_on_the_disk_before_it_hears_so(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        phone = await home.trusted_phone()
        async with phone.visit() as visit:
            assert is_written(home, phone)
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


async def begin_to_send(visit: Visit) -> None:
    """A transfer is under way from here on, and stays so: its one item never comes."""
    transfer = secrets.token_hex(16)
    await visit.say(Propose(transfer, 0, (Item("film.mp4", 1 << 20),), more=False, count=1, bytes=1 << 20))
    await visit.hear_a(Accept)


async def test_another_tab_is_told_so_and_the_first_one_goes_on(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        phone = await home.trusted_phone()
        async with phone.visit() as first:
            await begin_to_send(first)
            with pytest.raises(Unwelcome) as turned_away:
                async with phone.reloaded().visit():
                    pass
            assert turned_away.value.answer == Goodbye(Reason.ANOTHER_TAB)
            await first.say(Ping(7))
            assert await first.hear_a(Pong) == Pong(7)
            assert len(home.live) == 1


async def test_a_tab_with_nothing_to_send_gives_way_to_a_new_one_and_does_not_take_it_back(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        forgotten = await home.trusted_phone()
        async with forgotten.visit() as old, forgotten.reloaded().visit() as new:
            assert await old.hear() == Goodbye(Reason.ANOTHER_TAB)
            with pytest.raises(Unwelcome):
                async with forgotten.visit():
                    pass
            await new.say(Ping(1))
            assert await new.hear() == Pong(1)
        await home.quiet()
        async with forgotten.visit() as back:  # the other one was closed
            await back.say(Ping(2))
            assert await back.hear() == Pong(2)


async def test_only_so_many_page_loads_that_gave_way_are_remembered(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        first = await home.trusted_phone()
        async with AsyncExitStack() as tabs:
            await tabs.enter_async_context(first.visit())
            for _ in range(3):
                await tabs.enter_async_context(first.reloaded().visit())
            assert len(home.live._gave_way) == 3
        device = home.book.register.devices()[0].id
        for n in range(GAVE_WAY_MAX):
            home.live._remember((device, n))
        assert len(home.live._gave_way) == GAVE_WAY_MAX


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
        async with phone.visit() as first:
            await begin_to_send(first)
            home.clock.ahead_s += 9.5
            with pytest.raises(Unwelcome):
                async with phone.reloaded().visit():
                    pass
            home.clock.ahead_s += 0.6
            async with phone.reloaded().visit() as new:
                await new.say(Ping(1))
                assert await new.hear() == Pong(1)


async def test_a_third_link_waits_for_a_second_that_waits_for_a_first_which_does_not_read(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        phone = await home.trusted_phone()

        async def is_let_in() -> bool:
            try:
                async with phone.visit() as visit:
                    await visit.say(Ping(1))
                    return await visit.hear() == Pong(1)
            except (Unwelcome, LinkClosed):
                return False

        async with phone.visit():
            home.links[-1]._outgoing.held_bytes = 1 << 21  # type: ignore[attr-defined] # its queue is full
            async with asyncio.timeout(REPLACED_S_MAX), asyncio.TaskGroup() as tasks:
                second = tasks.create_task(is_let_in())
                await until(lambda: len(home.serving) == 2 and home.sealed == 2)
                third = tasks.create_task(is_let_in())
            assert (second.result(), third.result()) == (False, True)


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
