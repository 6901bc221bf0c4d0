"""Whose files come in: everybody's, a guest's once its owner says yes, or only the owner's own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from qrshared.protocol import ASKING_MAX, Accept, Cancel, Decline, Defer, Hold, Item, PeerKind, Reason, TransferState
from qrshared.sessions import OwnersWord, Question, asking
from qrshared.sessions.asking import ASKING_PER_DEVICE_MAX, ASKING_S, WORDS_MAX, Questions, manifest_digest
from qrshared.sessions.facts import Sender
from qrshared.settings import Accept as Policy
from tests.adapters.inbox_world import content_of
from tests.adapters.sessions_world import Computer, computer
from tests.client import Batch, Phone, Visit, file_of
from tests.waiting import until

PHOTOS = [file_of("a.jpg", b"one"), file_of("trip/b.jpg", b"three")]


@asynccontextmanager
async def careful(tmp_path: Path) -> AsyncIterator[Computer]:
    async with computer(tmp_path, accept=Policy.ASK) as home:
        yield home


def asked(home: Computer) -> list[Question]:
    return home.transfers.questions.pending()


async def propose(home: Computer, visit: Visit, batch: Batch) -> None:
    """Propose, and return once the owner is asked about it."""
    await visit.say(*batch.sender.propose())
    await until(lambda: any(one.transfer == batch.transfer for one in asked(home)))


def answer(home: Computer, batch: Batch, word: OwnersWord) -> None:
    (question,) = (one.id for one in asked(home) if one.transfer == batch.transfer)
    assert home.transfers.questions.answer(question, word)


async def test_a_guests_files_wait_for_the_owners_yes_and_then_come_in(tmp_path: Path) -> None:
    async with careful(tmp_path) as home, home.guest("Eve's phone").visit() as visit:
        told: list[Question] = []
        home.transfers.questions.asked = told.append
        batch = Batch(PHOTOS)
        await propose(home, visit, batch)
        (question,) = told
        assert question == asked(home)[0]
        assert (question.sender.name, question.items, question.bytes) == ("Eve's phone", 2, 8)
        assert [(one.name, one.size) for one in question.first] == [("a.jpg", 3), ("trip/b.jpg", 5)]
        (facts,) = home.transfers.facts()
        assert facts.state is TransferState.ASKING
        assert home.parts() == []
        answer(home, batch, OwnersWord.ALLOWED)
        await visit.send_on(batch)
        assert home.visible() == {"a.jpg": b"one", "trip/b.jpg": b"three"}
        assert asked(home) == []
        await home.idle()


async def test_the_sender_hears_at_once_that_the_owner_is_asked_and_again_after_a_cut(tmp_path: Path) -> None:
    async with careful(tmp_path) as home:
        guest, batch = home.guest(), Batch(PHOTOS)
        for _ in range(2):
            async with guest.visit() as visit:
                await visit.say(*batch.sender.propose())
                assert await visit.hear_a(Defer) == Defer(batch.transfer)
            await until(lambda: len(home.live) == 0)
        answer(home, batch, OwnersWord.ALLOWED)
        async with guest.visit() as visit:
            await visit.say(*batch.sender.propose())
            heard = await visit.hear()
            assert isinstance(heard, Accept), heard  # the control: nobody is asked any more


async def test_what_the_owner_refuses_is_declined_also_when_it_is_proposed_again(tmp_path: Path) -> None:
    async with careful(tmp_path) as home, home.guest().visit() as visit:
        batch = Batch(PHOTOS)
        await propose(home, visit, batch)
        answer(home, batch, OwnersWord.REFUSED)
        assert await visit.hear_a(Decline) == Decline(batch.transfer, Reason.DECLINED)
        await home.idle()
        await visit.say(*Batch(PHOTOS, transfer=batch.transfer).sender.propose())
        assert await visit.hear_a(Decline) == Decline(batch.transfer, Reason.DECLINED)
        assert (home.visible(), asked(home)) == ({}, [])


async def test_nobody_is_asked_about_the_owners_own_devices(tmp_path: Path) -> None:
    for policy in (Policy.ASK, Policy.TRUSTED):
        async with computer(tmp_path, accept=policy) as home, (await home.trusted_phone()).visit() as visit:
            batch = await visit.send(Batch([file_of(policy, b"mine")]))
            assert len(batch.receipts) == 1
            assert asked(home) == []


async def test_a_home_for_its_own_devices_declines_a_guest(tmp_path: Path) -> None:
    async with computer(tmp_path, accept=Policy.TRUSTED) as home, home.guest().visit() as visit:
        refused = await visit.send(Batch(PHOTOS))
        assert (refused.refusal, refused.sent_bytes) == (Reason.NOT_ALLOWED, 0)
        assert (home.visible(), home.parts(), asked(home)) == ({}, [], [])
        home.history.accept = Policy.EVERYONE
        batch = await visit.send(Batch(PHOTOS))
        assert len(batch.receipts) == 2
        await home.idle()


async def test_what_had_been_accepted_goes_on_after_the_owner_changed_the_policy(tmp_path: Path) -> None:
    async with computer(tmp_path) as home:
        guest, batch = home.guest(), Batch([file_of("a", content_of(9_000_000))])
        async with guest.visit() as visit:
            await visit.send(batch, until=lambda: batch.sent_bytes > 0)
        await until(lambda: len(home.live) == 0)
        home.history.accept = Policy.TRUSTED
        async with guest.visit() as visit:
            await visit.send(batch)
        assert len(batch.receipts) == 1
        await home.idle()
        for policy in (Policy.ASK, Policy.TRUSTED):  # and what has arrived gets its receipts again, whoever may send
            home.history.accept = policy
            async with guest.visit() as visit:
                again = await visit.send(Batch(batch.files, transfer=batch.transfer))
            assert (again.sent_bytes, again.receipts) == (0, batch.receipts)
            await home.idle()


async def test_a_phone_that_locks_its_screen_comes_back_to_its_question_and_to_its_answer(tmp_path: Path) -> None:
    async with careful(tmp_path) as home:
        guest, batch = home.guest(), Batch(PHOTOS)
        for _ in range(2):
            async with guest.visit() as visit:
                await propose(home, visit, batch)
            await until(lambda: len(home.live) == 0)
            assert len(asked(home)) == 1
        answer(home, batch, OwnersWord.ALLOWED)  # while it is away
        async with guest.visit() as visit:
            await visit.send(batch)
        assert len(batch.receipts) == 2


async def test_other_files_under_an_allowed_id_are_another_question(tmp_path: Path) -> None:
    async with careful(tmp_path) as home:
        guest, batch = home.guest(), Batch(PHOTOS)
        async with guest.visit() as visit:
            await propose(home, visit, batch)
        await until(lambda: len(home.live) == 0)
        answer(home, batch, OwnersWord.ALLOWED)
        async with guest.visit() as visit:
            other = Batch([*PHOTOS, file_of("much more", b"!")], transfer=batch.transfer)
            await propose(home, visit, other)
            assert asked(home)[0].items == 3
            assert home.visible() == {}


async def test_a_yes_is_no_yes_to_what_was_put_in_the_place_of_the_question_meanwhile(tmp_path: Path) -> None:
    async with careful(tmp_path) as home, home.guest().visit() as visit:
        batch = Batch(PHOTOS)
        await propose(home, visit, batch)
        (read,) = asked(home)
        await visit.say(Cancel(batch.transfer))
        await until(lambda: asked(home) == [])
        await propose(home, visit, Batch([file_of("much more", b"!")], transfer=batch.transfer))
        assert not home.transfers.questions.answer(read.id, OwnersWord.ALLOWED)
        (other,) = asked(home)
        assert other.first[0].name == "much more"
        assert home.visible() == {}


async def test_a_yes_to_one_phone_is_no_yes_to_another_that_asks_under_the_same_id(tmp_path: Path) -> None:
    async with careful(tmp_path) as home, home.guest("A").visit() as one, home.guest("B").visit() as other:
        batch = Batch(PHOTOS)
        await propose(home, one, batch)
        await other.say(*Batch([file_of("virus.exe", b"!")], transfer=batch.transfer).sender.propose())
        await until(lambda: len(asked(home)) == 2)
        assert home.transfers.questions.answer(asked(home)[0].id, OwnersWord.ALLOWED)
        await one.send_on(batch)
        assert [one.sender.name for one in asked(home)] == ["B"]
        assert home.visible() == {"a.jpg": b"one", "trip/b.jpg": b"three"}


async def test_a_question_is_gone_once_its_sender_its_owner_or_its_device_is(tmp_path: Path) -> None:
    async with careful(tmp_path) as home, home.guest().visit() as visit:
        cancelled, stopped, forgotten = Batch(PHOTOS), Batch(PHOTOS), Batch(PHOTOS)
        for batch in (cancelled, stopped, forgotten):
            await propose(home, visit, batch)
        await visit.say(Cancel(cancelled.transfer))
        await until(lambda: len(asked(home)) == 2)
        assert home.transfers.stop(stopped.transfer)
        assert await visit.hear_a(Cancel) == Cancel(stopped.transfer)
        (question,) = asked(home)
        assert question.transfer == forgotten.transfer
        (device,) = home.live.devices()
        await home.transfers.forget(device, carried_too=True)
        assert asked(home) == []
        assert not home.transfers.questions.answer(question.id, OwnersWord.ALLOWED)
        await home.idle()


def left_of(home: Computer, device: str) -> list[str]:
    """What its page is told that it began and did not finish."""
    return [one.name for one in home.transfers.not_begun(device, [])]


async def ask_and_reload(home: Computer, guest: Phone, batch: Batch) -> str:
    """Propose, and lose the page with its files while the owner is asked."""
    async with guest.visit() as visit:
        await propose(home, visit, batch)
        (question,) = asked(home)
        assert home.transfers.questions.is_carried(question)
    await until(lambda: len(home.live) == 0)
    (question,) = asked(home)
    assert not home.transfers.questions.is_carried(question)
    return question.sender.device


async def test_a_page_that_was_loaded_anew_during_the_question_is_told_what_never_came(tmp_path: Path) -> None:
    async with careful(tmp_path) as home:
        guest, lost = home.guest(), Batch(PHOTOS)
        device = await ask_and_reload(home, guest, lost)
        assert left_of(home, device) == ["a.jpg", "trip/b.jpg"]
        assert left_of(home, "0" * 32) == []
        async with guest.visit() as visit:
            some = Batch(PHOTOS[:1], continues=[lost.transfer])
            await propose(home, visit, some)
            assert left_of(home, device) == ["trip/b.jpg"]  # the other one still never came
            answer(home, some, OwnersWord.ALLOWED)
            await visit.send_on(some)
        await home.transfers.forget(device, carried_too=False)
        assert (left_of(home, device), asked(home)) == ([], [])


async def test_files_that_are_chosen_again_need_no_second_word_and_no_second_question(tmp_path: Path) -> None:
    async with careful(tmp_path) as home:
        guest, lost = home.guest(), Batch(PHOTOS)
        device = await ask_and_reload(home, guest, lost)
        (before,) = asked(home)
        again = Batch(PHOTOS[::-1], continues=[lost.transfer])
        assert await ask_and_reload(home, guest, again) == device
        (after,) = asked(home)
        assert (after.id, after.transfer) == (before.id, again.transfer)  # it may be open under the owner's finger
        answer(home, again, OwnersWord.ALLOWED)
        assert left_of(home, device) == ["trip/b.jpg", "a.jpg"]
        async with guest.visit() as visit:
            third = await visit.send(Batch(PHOTOS, continues=[lost.transfer, again.transfer]))
            assert len(third.receipts) == 2
            assert left_of(home, device) == []
            # The control: that yes is used up; other bytes under the same names are another question.
            more = Batch(PHOTOS, continues=[lost.transfer, again.transfer, third.transfer])
            await propose(home, visit, more)
        assert home.visible() == {"a.jpg": b"one", "trip/b.jpg": b"three"}


async def test_nobody_there_to_ask_is_a_no(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ASKING_S == 600
    monkeypatch.setattr(asking, "ASKING_S", 0.05)
    async with careful(tmp_path) as home, home.guest().visit() as visit:
        batch = Batch(PHOTOS)
        await visit.say(*batch.sender.propose())
        assert await visit.hear_a(Decline) == Decline(batch.transfer, Reason.DECLINED)
        assert asked(home) == []


async def test_a_device_that_is_trusted_meanwhile_need_not_wait(tmp_path: Path) -> None:
    async with careful(tmp_path) as home, home.guest().visit() as visit:
        batch = Batch(PHOTOS)
        await propose(home, visit, batch)
        home.transfers.questions.allow_all_of(asked(home)[0].sender.device)
        await visit.send_on(batch)
        assert len(batch.receipts) == 2


async def test_questions_are_bounded_for_each_device_and_for_all(tmp_path: Path) -> None:
    async with careful(tmp_path) as home, AsyncExitStack() as crowd:
        for n in range(ASKING_MAX // ASKING_PER_DEVICE_MAX):
            visit = await crowd.enter_async_context(home.guest(f"Guest {n}").visit())
            for _ in range(ASKING_PER_DEVICE_MAX):
                await propose(home, visit, Batch(PHOTOS))
            late = Batch(PHOTOS)
            await visit.say(*late.sender.propose())
            assert await visit.hear_a(Decline) == Decline(late.transfer, Reason.BUSY)
        assert len(asked(home)) == ASKING_MAX
        visit = await crowd.enter_async_context(home.guest("One more").visit())
        batch = Batch(PHOTOS)
        await visit.say(*batch.sender.propose())
        assert await visit.hear_a(Decline) == Decline(batch.transfer, Reason.BUSY)
        answer(home, Batch(PHOTOS, transfer=asked(home)[0].transfer), OwnersWord.REFUSED)  # the control: there is room
        again = Batch(PHOTOS)
        await propose(home, visit, again)


async def test_what_cannot_come_in_anyway_is_no_question(tmp_path: Path) -> None:
    async with computer(tmp_path, accept=Policy.ASK, reserve_bytes=2**60) as home, home.guest().visit() as visit:
        await visit.say(*Batch(PHOTOS).sender.propose())
        assert (await visit.hear_a(Decline)).reason is Reason.NO_SPACE
        assert asked(home) == []


async def test_a_sender_that_pauses_is_shown_as_paused_until_it_goes_on(tmp_path: Path) -> None:
    async with computer(tmp_path) as home, home.guest().visit() as visit:
        batch = Batch([file_of("a", content_of(300_000))])
        await visit.say(*batch.sender.propose())
        await visit.take(batch, await visit.hear_a(Accept))

        def state() -> TransferState:
            return home.transfers.facts()[0].state

        batch.sender.pause()
        held = batch.sender.messages_to_send()
        assert held == [Hold(batch.transfer, held=True)]
        await visit.say(*held)
        await until(lambda: state() is TransferState.PAUSED)
        batch.sender.resume()
        await visit.say(*batch.sender.messages_to_send())
        await until(lambda: state() is TransferState.ARRIVING)
        await visit.send_on(batch)
        assert len(batch.receipts) == 1


async def test_remembered_words_are_bounded_and_a_forgotten_one_is_asked_again() -> None:
    questions = Questions()
    sender = Sender("d" * 32, "A", PeerKind.PHONE)
    items = (Item("a", 1),)
    manifest = await asyncio.to_thread(manifest_digest, items)
    for n in range(WORDS_MAX + 1):
        assert questions.ask(sender, f"{n:032x}", items, manifest, lambda: None)
        assert questions.answer(questions.pending()[0].id, OwnersWord.ALLOWED)
    assert questions.word(sender.device, f"{0:032x}", manifest) is None
    assert questions.word(sender.device, f"{1:032x}", manifest) is OwnersWord.ALLOWED
    questions.close()


def test_lists_that_differ_in_anything_the_owner_reads_have_other_digests() -> None:
    lists = [
        (Item("a", 1),), (Item("a", 2),), (Item("b", 1),), (Item("a", 1), Item("a", 1)),
        (Item("a:1", 1),), (Item("a", 11),), (Item("\udcff", 1),),
    ]  # fmt: skip
    assert len({manifest_digest(one) for one in lists}) == len(lists)
