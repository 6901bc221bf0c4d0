"""A home with two devices and three files, for commands to ask."""

from collections.abc import Callable, Collection
from pathlib import Path

from qrshared.daemon.deeds import NO_EDGE
from qrshared.protocol import (
    DeviceFacts,
    DeviceList,
    Done,
    EdgeFacts,
    EntryFacts,
    Envelope,
    Facts,
    GetSettings,
    GetStatus,
    InboxList,
    ListDevices,
    ListInbox,
    ListReceipts,
    MakeOwnerTicket,
    MakeTicket,
    PeerKind,
    Reason,
    ReceiptList,
    RevokeDevice,
    SettingFacts,
    SettingsFacts,
    StatusFacts,
    TicketFacts,
    Topic,
    Verb,
)
from qrshared.sessions import Asker, DeskRefusal

CODE = "http://192.168.1.7:7774/p#1" + "A" * 22
AWAY_CODE = "https://share.example.org/p#1" + "C" * 22
OWNER_URL = "http://127.0.0.1:7774/owner#1" + "B" * 22
ANNA = DeviceFacts("a1" * 16, "Anna's phone", PeerKind.PHONE, "guest", ("send",), 0, 0, online=True)
BEN = DeviceFacts("b2" * 16, "\x1b[2JBen", PeerKind.PHONE, "trusted", ("send", "pick_up"), 0, 0, online=False)


class FullDesk:
    """A home with two devices and three files."""

    def __init__(self, inbox: Path) -> None:
        self.asked: list[Verb] = []
        self.inbox = inbox
        self.devices = [ANNA, BEN]
        self.edge: EdgeFacts | None = None
        self.is_empty = False
        self.settings: tuple[SettingFacts, ...] = ()

    async def ask(self, verb: Verb, asker: Asker) -> Facts:
        self.asked.append(verb)
        match verb:
            case GetStatus():
                return self.status()
            case ListInbox() if self.is_empty:
                return InboxList(str(self.inbox), (), 0)
            case ListInbox(limit=limit):
                return InboxList(str(self.inbox), self.entries()[:limit], 3)
            case GetSettings():
                return SettingsFacts(self.settings)
            case ListReceipts():
                return ReceiptList(())
            case ListDevices():
                return DeviceList(tuple(self.devices))
            case MakeTicket(away=True) if self.edge is None:
                raise DeskRefusal(Reason.UNSUPPORTED, NO_EDGE)
            case MakeTicket(away=True):
                return TicketFacts(AWAY_CODE, 1_900_000_000_000)
            case MakeTicket():
                return TicketFacts(CODE, 1_900_000_000_000 if verb.life == "once" else None)
            case MakeOwnerTicket():
                return TicketFacts(OWNER_URL, None)
            case RevokeDevice() if verb.device == BEN.device:
                raise DeskRefusal(Reason.NOT_FOUND, "That device is gone already.")
            case _:
                return Done("Anna")

    def hand_on(self, envelope: Envelope, asker: Asker) -> None:
        raise AssertionError("the command line meets nobody")

    def watch(self, topics: Collection[Topic], asker: Asker, tell: Callable[[Facts], None]) -> Callable[[], None]:
        if Topic.DEVICES in topics:
            tell(DeviceList(tuple(self.devices)))
        if Topic.INBOX in topics:
            tell(InboxList(str(self.inbox), self.entries(), 3))
        return lambda: None

    def entries(self) -> tuple[EntryFacts, ...]:
        return (
            EntryFacts("photo [bold].jpg", 2_000_000, 1_700_000_002_000, "Anna's phone"),
            EntryFacts("a\x1b]0;owned\x07.txt", 3, 1_700_000_001_000),
            EntryFacts("old.txt", 1, 1_700_000_000_000),
        )

    def status(self) -> StatusFacts:
        return StatusFacts(
            "0.1.0", 17, "STUDY-PC", ("http://192.168.1.7:7774/",), None, str(self.inbox), 10**9, 1, 0, (), (),
            tuple(self.devices), edge=self.edge,
        )  # fmt: skip
