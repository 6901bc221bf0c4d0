"""A guest's key sends and does nothing else; revoked it is gone at once; no key opens another road."""

import asyncio
import time

import pytest

from qrshared.links import LinkClosed
from qrshared.protocol import (
    Answer,
    Ask,
    BinEntry,
    DeviceList,
    Done,
    GetStatus,
    Goodbye,
    InboxList,
    ListDevices,
    ListInbox,
    MakeOwnerTicket,
    MakeTicket,
    Message,
    News,
    OpenInbox,
    Reason,
    Refuse,
    RenameDevice,
    RenameEntry,
    RevokeDevice,
    StopTransfer,
    Topic,
    TrustDevice,
    Verb,
    WallFacts,
    Watch,
)
from qrshared.seal import Refused
from tests.browser.home import PORT, Home
from tests.browser.phones import phone_on, wall_url
from tests.client import Batch, Phone, Unwelcome, file_of

pytestmark = pytest.mark.needs("netns")

LOOPBACK = f"http://127.0.0.1:{PORT}/owner"
SOMEBODY = "00" * 16
SECRET_NAME = "a surprise for Ann.pdf"
OWNERS_VERBS: tuple[Verb, ...] = (
    GetStatus(), ListInbox(), OpenInbox(), OpenInbox(SECRET_NAME), RenameEntry(SECRET_NAME, "mine.pdf"),
    BinEntry(SECRET_NAME), ListDevices(), RenameDevice(SOMEBODY, "x"), TrustDevice(SOMEBODY), RevokeDevice(SOMEBODY),
    MakeTicket(), MakeTicket("never"), MakeOwnerTicket(), StopTransfer(SOMEBODY),
)  # fmt: skip


@pytest.fixture
async def guest(home: Home) -> Phone:
    """A phone that came by the wall's code."""
    phone = phone_on(home.phone, await wall_url(home), name="Guest")
    async with phone.visit() as visit:
        assert visit.hello is not None
        assert visit.hello.grant is not None
        assert (visit.hello.grant.trust, visit.hello.grant.rights) == ("guest", ("send",))
    return phone


@pytest.fixture
async def owner(home: Home) -> Phone:
    """The owner's page on the computer itself."""
    phone = phone_on(home.computer, home.daemon.owner_url(), name="Owner")
    async with phone.visit():
        pass
    return phone


async def drop_a_file(home: Home, phone: Phone) -> None:
    """Something happens that an owner would hear of."""
    async with phone.visit() as visit:
        batch = await visit.send(Batch([file_of(SECRET_NAME, b"x" * 1000)]))
    assert batch.names == [SECRET_NAME]
    assert home.daemon.files().keys() == {SECRET_NAME}


async def hear_all(phone: Phone, verbs: tuple[Verb, ...], meanwhile: asyncio.Event) -> list[Message]:
    """Watch every topic, let something happen, ask every verb; everything that was heard until the last answer."""
    heard: list[Message] = []
    async with phone.visit() as visit:
        await visit.say(Watch(tuple(Topic)))
        await meanwhile.wait()
        await visit.say(*(Ask(number, verb) for number, verb in enumerate(verbs)))
        open_asks = len(verbs)
        while open_asks:
            heard.append(await visit.hear())
            open_asks -= isinstance(heard[-1], Answer | Refuse)
    return heard


async def listen(home: Home, phone: Phone, verbs: tuple[Verb, ...]) -> list[Message]:
    sender = phone_on(home.phone, home.daemon.ticket_url(), name="Sender")
    happened = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        hearing = tasks.create_task(hear_all(phone, verbs, happened))
        await drop_a_file(home, sender)
        happened.set()
    return hearing.result()


async def test_a_guest_hears_no_name_no_topic_but_the_wall_and_is_refused_every_verb_of_the_owner(
    home: Home, guest: Phone
) -> None:
    heard = await listen(home, guest, OWNERS_VERBS)
    refusals = [message for message in heard if isinstance(message, Refuse)]
    assert {refusal.reason for refusal in refusals} == {Reason.NOT_ALLOWED}
    assert len(refusals) == len(OWNERS_VERBS)
    assert all(isinstance(message.facts, WallFacts) for message in heard if isinstance(message, News))
    for word in ("surprise", "Sender", "Guest", str(home.daemon.inbox)):
        assert word not in repr(heard)
    assert home.daemon.files().keys() == {SECRET_NAME}


async def test_the_owner_hears_all_of_it(home: Home, owner: Phone) -> None:
    heard = await listen(home, owner, (ListInbox(), ListDevices(), GetStatus()))
    told = {type(message.facts) for message in heard if isinstance(message, News | Answer)}
    assert {InboxList, DeviceList} <= told
    assert "surprise" in repr(heard)
    assert "Sender" in repr(heard)


async def test_no_key_is_worth_anything_on_another_road(home: Home, guest: Phone, owner: Phone) -> None:
    elsewhere = [
        (guest, phone_on(home.computer, LOOPBACK)),  # the wall's guest, on loopback
        (owner, phone_on(home.computer, home.url("/owner"))),  # the owner, by the computer's address on the LAN
        (owner, phone_on(home.phone, home.url("/owner"))),  # and from a phone
    ]
    for phone, there in elsewhere:
        there.key, there.is_enrolled = phone.key, True
        with pytest.raises(Refused):
            async with there.visit():
                pass
    for phone in (guest, owner):  # where they belong they still open
        async with phone.visit() as visit:
            assert visit.hello is not None


async def test_a_revoked_guest_is_told_cut_off_within_a_second_and_not_let_in_again(
    home: Home, guest: Phone, owner: Phone
) -> None:
    async with guest.visit() as visit, owner.visit() as at_home:
        assert visit.hello is not None
        assert visit.hello.grant is not None
        assert visit.hello.grant.device is not None
        asked_at = time.monotonic()
        assert await at_home.ask(RevokeDevice(visit.hello.grant.device)) == Done()
        assert await visit.hear_a(Goodbye) == Goodbye(Reason.REVOKED)
        with pytest.raises(LinkClosed):
            await visit.hear()
        took_s = time.monotonic() - asked_at
    print(f"a revoked guest was cut off after {took_s * 1000:.0f} ms")
    assert took_s <= 1
    with pytest.raises((Refused, Unwelcome)):
        async with guest.visit():
            pass
