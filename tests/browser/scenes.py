"""Every state of every screen, as the updates that a worker would send."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

Json: TypeAlias = object  # what json can write
Update: TypeAlias = Mapping[str, Json]

COMPUTER = "STUDY-PC"
CODE = "http://192.168.1.7:7774/p#1Zk3qWv8sQm2LxYtR5bNc0A"
NOW_MS = int(time.time() * 1000)
GUEST: Mapping[str, Json] = {"rights": ["send"], "trust": "guest", "device": "ab" * 16}
OWNER: Mapping[str, Json] = {"rights": ["own", "send", "pick_up"], "trust": "owner", "device": "cd" * 16}


@dataclass(frozen=True)
class Scene:
    """One state: the address, what the worker says, what it answers, and what a person then does."""

    name: str
    path: str
    updates: tuple[Update, ...] = ()
    answers: Mapping[str, Json] = field(default_factory=dict)
    picked: bool = False  # pictures are chosen first, so that thumbnails can be made
    click: str | None = None  # selector of what is clicked at the end
    user_agent: str | None = None
    age_s: float = 0  # so long after the updates
    hour: int = 13  # of the day, on the wall's clock
    second: tuple[Update, ...] = ()  # what the second worker says (a guest on the wall)
    clock: bool = False  # time is moved by the test
    at_edge: bool = False  # a meeting point served the page
    stored: Mapping[str, str] = field(default_factory=dict)  # what an earlier visit left in this browser


def link(state: str = "open", **more: Json) -> Update:
    facts: dict[str, Json] = {"state": state, **more}
    if state == "open":
        facts = {"computer": COMPUTER, "grant": GUEST, "words": None, "road": "home", **facts}
    return {"t": "link", "link": facts}


def item(number: int, name: str, size: int, state: str = "waiting", **more: Json) -> dict[str, Json]:
    done = size if state == "done" else 0
    final = name if state == "done" else None
    facts: dict[str, Json] = {"id": number, "name": name, "size": size, "done": done, "state": state, "reason": None}
    return {**facts, "finalName": final, "preparing": False, **more}


def items(*changed: Mapping[str, Json]) -> Update:
    return {"t": "items", "changed": changed, "gone": []}


def total(state: str, n: int, done: int = 0, failed: int = 0, **more: Json) -> Update:
    facts: dict[str, Json] = {"state": state, "items": n, "done": done, "failed": failed, "bytes": 3_140_000_000}
    facts |= {"bytesDone": 2_010_000_000, "bytesSafe": 1_980_000_000, "rate": 0, "leftS": None, **more}
    return {"t": "total", "total": facts}


def news(t: str, **facts: Json) -> Update:
    return {"t": "news", "facts": {"t": t, **facts}}


def arrivals(**more: int) -> dict[str, Json]:
    return {"senders": 0, "arriving": 0, "photos": 0, "videos": 0, "others": 0, "landed": 0, "percent": 0, **more}


def wall(url: str | None = CODE, *, away: bool = False, **arriving: int) -> Update:
    facts: dict[str, Json] = {
        "computer": COMPUTER,
        "fresh_until_ms": NOW_MS + 600_000,
        "arrivals": arrivals(**arriving),
    }
    facts["addresses"] = ["192.168.1.7:7774", "qrshare.local:7774"]
    away_url = {"away_url": "https://share.example.org/p#1AAECAwQFBgcICQoLDA0ODw"} if away else {}
    return news("wall_facts", **facts, **({"url": url} if url else {}), **away_url)


# --- the phone page ---------------------------------------------------------------------------------------------

PICTURES = ("IMG_2041.JPG", "IMG_2042.JPG", "IMG_2043.JPG")
LONG = "Backup of the old phone, everything from 2019 to 2024, really everything (final, second try).zip"

SENDING = items(
    item(0, PICTURES[0], 4_800_000, "done"),
    item(1, PICTURES[1], 5_200_000, "sending", done=4_300_000),
    item(2, PICTURES[2], 3_900_000, "sending", done=900_000),
    item(3, "Clip of the garden.mov", 812_000_000, "sending", done=170_000_000),
    item(4, LONG, 240_000_000, "waiting"),
    item(5, "عطلة الصيف في البحر ٢٠٢٦.pdf", 840_000, "waiting"),
    item(6, "🎂🎉 Birthday 👨‍👩‍👧‍👦 playlist.m3u", 3_400, "waiting"),
    item(7, "x", 0, "waiting"),
    *(
        item(8 + n, f"IMG_{2044 + n}.JPG", 13_400_000 if n < 136 else 3_500_000, "done" if n < 136 else "waiting")
        for n in range(206)
    ),
)
DONE = items(
    item(0, PICTURES[0], 4_800_000, "done"),
    item(1, PICTURES[1], 5_200_000, "done", finalName="IMG_2042 (2).JPG"),
    item(2, PICTURES[2], 3_900_000, "done"),
)
EARLIER = [item(number, f"IMG_{2041 + number}.JPG", 4_000_000 + number * 700_000, "done") for number in range(6)]
SECOND = items(
    item(6, "IMG_3000.JPG", 5_000_000, "sending", done=1_200_000), item(7, "Clip of the garden.mov", 812_000_000)
)
EARLIER_BYTES = 34_500_000
SECOND_BATCH = (
    items(*EARLIER),
    total("sending", 6, bytes=EARLIER_BYTES, bytesDone=0, bytesSafe=0),
    total("done", 6, 6, bytes=EARLIER_BYTES, bytesDone=EARLIER_BYTES, bytesSafe=EARLIER_BYTES),
    SECOND,
    total("sending", 8, 6, bytes=851_500_000, bytesDone=EARLIER_BYTES + 1_200_000, rate=11_000_000, leftS=74),
)
FAILED = items(
    item(0, PICTURES[0], 4_800_000, "done"),
    item(1, PICTURES[1], 5_200_000, "failed", reason="source_unreadable"),
    item(2, PICTURES[2], 3_900_000, "failed", reason="source_changed"),
    item(3, "Backup.zip", 2_300_000_000, "failed", reason="no_space"),
)


ALL_DONE = total("done", 3, 3, bytes=13_900_000, bytesDone=13_900_000)


def one_of_many(number: int) -> Mapping[str, Json]:
    name, size = f"IMG_{number:05}.JPG", 2_000_000 + number
    if 6_800 <= number < 6_804:
        return item(number, name, size, "sending", done=700_000)
    return item(number, name, size, "done" if number < 6_800 else "waiting")


MANY = [one_of_many(number) for number in range(10_000)]

UNFINISHED: Json = {
    "t": "unfinished_list",
    "items": [
        {"transfer": "ef" * 16, "name": "Clip of the garden.mov", "size": 812_000_000, "offset": 377_000_000},
        {"transfer": "ef" * 16, "name": LONG, "size": 2_300_000_000, "offset": 1_200_000_000},
    ],
}
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
SAFARI = f"{IPHONE} Version/18.5 Mobile/15E148 Safari/604.1"
BIG = total("sending", 214, 137, rate=48_000_000, leftS=41)

PHONE = (
    Scene("phone-connecting", "/p"),
    Scene("phone-ready", "/p", (link(),)),
    Scene("phone-lost", "/p", (link("lost", retryInS=4),)),
    Scene("phone-elsewhere", "/p", (link(), link("elsewhere"))),
    Scene("phone-elsewhere-waiting", "/p", (link("elsewhere"), SECOND, total("sending", 2, bytes=817_000_000))),
    Scene("phone-refused", "/p", (link("refused", reason="unknown_key"),)),
    Scene("phone-ended", "/p", (link("refused", reason="revoked"),)),
    Scene("phone-scanner", f"/p{CODE[CODE.index('#') :]}", (link(),), user_agent=SAFARI),
    Scene("phone-in-app", "/p", (link(),), user_agent=f"{IPHONE} Mobile/15E148"),
    Scene("phone-unfinished", "/p", (link(),), {"list_unfinished": UNFINISHED}),
    Scene("phone-sending", "/p", (link(), SENDING, BIG), picked=True),
    Scene(
        "phone-preparing",
        "/p",
        (
            link(),
            items(item(0, "IMG_3000.MOV", 812_000_000, "sending", preparing=True)),
            total("sending", 1, bytes=812_000_000, bytesDone=0, bytesSafe=0),
        ),
        user_agent=SAFARI,
    ),
    Scene(
        "phone-paused",
        "/p",
        (
            link(),
            items(item(0, PICTURES[0], 4_800_000, "done"), item(1, LONG, 2_300_000_000, "paused", done=2_000_000_000)),
            total("paused", 2, 1),
        ),
        picked=True,
    ),
    Scene("phone-second-batch", "/p", (link(), *SECOND_BATCH), picked=True),
    Scene("phone-stalled", "/p", (link(), SENDING, BIG, link("lost", retryInS=3)), picked=True),
    Scene(
        "phone-done",
        "/p",
        (link(), DONE, total("sending", 3), ALL_DONE),
        picked=True,
    ),
    Scene("phone-partly", "/p", (link(), FAILED, total("done", 4, 1, 3)), picked=True),
    Scene(
        "phone-no-space",
        "/p",
        (
            link(),
            items(item(0, "Backup.zip", 6_000_000_000, "failed", reason="no_space")),
            total("done", 1, 0, 1, bytes=0, bytesDone=0),
            {"t": "declined", "reason": "no_space", "needed": 6_000_000_000, "free": 2_100_000_000},
        ),
    ),
    Scene("phone-many", "/p", (link(), items(*MANY), total("sending", 10_000, 6_800, rate=52_000_000, leftS=190))),
    Scene("phone-trust", "/p", (link(),), click=".head-link"),
    Scene("phone-words", "/p", (link(words="coral lamp seven tulip"),), click=".head-link"),
    Scene("phone-cancel", "/p", (link(), SENDING, BIG), click=".list-head .quiet"),
)

# --- the wall ---------------------------------------------------------------------------------------------------

WALL = (
    Scene("wall-first", "/"),
    Scene("wall-ready", "/", (link(), wall())),
    Scene("wall-busy", "/", (link(), wall(), wall(senders=2, arriving=14, photos=12, videos=2, landed=4, percent=38))),
    Scene("wall-covered", "/", (link(), wall(), link("lost", retryInS=5)), age_s=1.5),
    Scene("wall-off", "/", (link(), wall(None))),
    Scene("wall-away", "/", (link(), wall(away=True))),
    Scene("wall-away-sheet", "/", (link(), wall(away=True)), click=".wall-away"),
    Scene("wall-night", "/", (link(), wall()), hour=23),
    Scene("wall-trust", "/", (link(), wall()), click=".wall-trust"),
    Scene("wall-guest", "/", (link(), wall()), click=".drop", second=(link(),)),
    Scene("wall-guest-done", "/", (link(), wall()), click=".drop", second=(link(), DONE, ALL_DONE)),
    Scene("wall-guest-sending", "/", (link(), wall()), click=".drop", second=(link(), SENDING, BIG)),
)

# --- the owner page ---------------------------------------------------------------------------------------------


def entry(name: str, size: int, age_min: float, sender: str | None, **more: Json) -> dict[str, Json]:
    return {
        "name": name,
        "size": size,
        "arrived_ms": NOW_MS - int(age_min * 60_000),
        **({"sender": sender} if sender else {}),
        **more,
    }


def device(number: int, name: str, kind: str, trust: str, age_min: float, online: bool = False) -> dict[str, Json]:
    facts: dict[str, Json] = {
        "device": f"{number:032x}",
        "name": name,
        "kind": kind,
        "trust": trust,
        "rights": ["send"],
    }
    return {**facts, "made_ms": NOW_MS - 9_000_000, "seen_ms": NOW_MS - int(age_min * 60_000), "online": online}


def transfer(number: int, name: str, state: str, items_done: int, n: int, **more: Json) -> dict[str, Json]:
    facts: dict[str, Json] = {"transfer": f"{number:032x}", "device": name, "kind": "phone", "state": state, "items": n}
    facts |= {
        "items_done": items_done,
        "items_failed": 0,
        "bytes": 3_140_000_000,
        "bytes_done": 2_010_000_000,
        "rate": 0,
    }
    return {**facts, "started_ms": NOW_MS - 400_000, **more}


STATUS_FACTS: Mapping[str, Json] = {
    "version": "0.1.0",
    "pid": 4711,
    "computer": COMPUTER,
    "urls": ["http://192.168.1.7:7774/", "http://qrshare.local:7774/"],
    "local_name": "qrshare.local",
    "inbox": "/home/anna/QRShare",
    "free_bytes": 213_000_000_000,
    "sessions": 2,
    "started_ms": NOW_MS - 8_000_000,
    "addresses": [
        {
            "address": "192.168.1.7",
            "interface": "wlan0",
            "score": 90,
            "why": "+12 private, +30 own default gateway, metric 0",
        },
        {"address": "10.8.0.2", "interface": "tun0", "score": 10, "why": "+10 private, -80 tunnel"},
        {
            "address": "172.17.0.1",
            "interface": "docker0",
            "score": 5,
            "why": "+5 private, though containers like it, -45 virtual",
        },
    ],
    "problems": [],
}
STATUS = news("status_facts", **STATUS_FACTS)
PROBLEMS = [
    "The firewall on this computer blocks port 7774: run `sudo ufw allow 7774/tcp`.",
    "Only 2.1 GB are left on the disk: new files are declined below 1 GiB.",
]
INBOX = news(
    "inbox_list",
    folder="/home/anna/QRShare",
    total=412,
    entries=[
        entry("IMG_2041.JPG", 4_800_000, 0.4, "Anna’s iPhone"),
        entry("IMG_2042 (2).JPG", 5_200_000, 0.5, "Anna’s iPhone"),
        entry("Clip of the garden.mov", 812_000_000, 6, "Anna’s iPhone"),
        entry("Holiday in Crete", 0, 9, "Windows computer", is_folder=True),
        entry(LONG, 2_300_000_000, 65, "Pixel 8"),
        entry("عطلة الصيف في البحر ٢٠٢٦.pdf", 840_000, 1_500, "Pixel 8"),
        entry("Lease agreement signed.pdf", 240_000, 2_900, None),
        entry("Voice 004.m4a", 1_200_000, 30_000, "Phone of a visitor with quite a long name"),
    ],
)
DEVICE_LIST = [
    device(1, "Anna’s iPhone", "phone", "trusted", 0, True),
    device(2, "Pixel 8", "phone", "guest", 0, True),
    device(3, "iPad in the kitchen", "tablet", "trusted", 300),
    device(4, "Pixel 8", "phone", "guest", 4_000),
    device(5, "Windows computer", "laptop", "guest", 1_300),
]
DEVICES = news("device_list", devices=DEVICE_LIST)
TRANSFERS = news(
    "transfer_list",
    transfers=[
        transfer(1, "Anna’s iPhone", "arriving", 137, 214, rate=48_000_000, left_s=41),
        transfer(2, "Pixel 8", "waiting", 0, 3, bytes_done=370_000_000),
        transfer(3, "Windows computer", "done", 12, 12),
    ],
)
OWN = (link(grant=OWNER), STATUS, INBOX, DEVICES, TRANSFERS)
TICKET: Json = {"t": "ticket_facts", "url": CODE, "expires_ms": NOW_MS + 860_000}

OWNER_PAGE = (
    Scene("owner", "/owner", OWN),
    Scene(
        "owner-empty",
        "/owner",
        (
            link(grant=OWNER),
            {**STATUS},
            news("inbox_list", folder="/home/anna/QRShare", total=0, entries=[]),
            news("device_list", devices=[]),
            news("transfer_list", transfers=[]),
        ),
    ),
    Scene(
        "owner-problems",
        "/owner",
        (*OWN, news("status_facts", **{**STATUS_FACTS, "free_bytes": 2_100_000_000, "problems": PROBLEMS})),
    ),
    Scene("owner-details", "/owner", OWN, click=".facts summary"),
    Scene("owner-locked", "/owner", (link("refused", reason="unknown_key"),)),
    Scene("owner-add", "/owner", OWN, {"make_ticket": TICKET}, click=".owner-add"),
    Scene("owner-bin", "/owner", OWN, click='[data-entry="Lease agreement signed.pdf"] button:nth-of-type(3)'),
    Scene("owner-rename", "/owner", OWN, click='[data-entry="Lease agreement signed.pdf"] button:nth-of-type(2)'),
    Scene("owner-lost", "/owner", (*OWN, link("lost", retryInS=3))),
)

AT_HOME = PHONE + WALL + OWNER_PAGE
