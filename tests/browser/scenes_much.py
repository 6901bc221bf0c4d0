"""Much of everything, and several things at once: homes to choose from, long lists, a question about 200 files."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping

from tests.browser.scenes import (
    LONG,
    NOW_MS,
    OWN,
    OWNER,
    PICTURES,
    STATUS,
    STATUS_FACTS,
    Json,
    Scene,
    entry,
    item,
    items,
    link,
    news,
    total,
)
from tests.browser.scenes_settings import ASKING
from tests.browser.scenes_shelf import AWAY_PEER, PEER, THINGS, TRUSTED, begun, shelf, thing, told

# --- several computers at one meeting point ---


def key(number: int) -> str:
    return urlsafe_b64encode(bytes([number]) * 32).decode().rstrip("=")


def home(number: int, computer: str | None, age_h: float) -> Mapping[str, Json]:
    return {"key": key(number), "code": None, "computer": computer, "usedMs": NOW_MS - int(age_h * 3_600_000)}


OTHERS = (
    home(1, "Attic", 2),
    home(2, "The old computer in the living room of my parents, behind the sofa", 30),
    home(3, "حاسوب أبي", 200),
    home(4, None, 900),
)
IN_USE: Mapping[str, str] = {"qrshared/1 key": key(9), "qrshared/1 computer": "STUDY-PC"}
ONE_OF_FIVE = {**IN_USE, "qrshared/1 homes": json.dumps(OTHERS)}
ANOTHER_CODE = "/p#1AAECAwQFBgcICQoLDA0ODw"
SESSION = "/#1Zk3qWv8sQm2LxYtR5bNc0A"

# --- long lists ---

KINDS = ("pdf", "jpg", "mov", "zip", "docx", "m4a")
SORTS = ("Scan of the contract", "Lecture notes", "Lecture notes")
FORTY = tuple(
    thing(number, f"{SORTS[number % 3]} {number:02}.{KINDS[number % 6]}", 90_000 * number**2) for number in range(1, 41)
)
FOUR_HUNDRED = news(
    "inbox_list",
    folder="/home/anna/QRShare",
    total=400,
    entries=[entry(f"IMG_{2000 + n}.JPG", 3_000_000 + 9_000 * n, 3.0 * n, "Anna’s iPhone") for n in range(200)],
)
TWO_HUNDRED: Mapping[str, Json] = {
    **ASKING,
    "items": 200,
    "bytes": 812_000_000,
    "first": [{"name": f"Holiday in Crete/IMG_{2041 + n}.JPG", "size": 4_100_000 + 33_000 * n} for n in range(5)],
}
ASKS = news("status_facts", **{**STATUS_FACTS, "asking": [TWO_HUNDRED]})

# --- several things at once on a phone ---

THREE_STATES = (
    link(grant=TRUSTED),
    told(t="peer", peer=PEER),
    shelf(*THINGS),
    *begun(2, "receiving", 0.31, paused=True),
    *begun(3, "receiving", 0.62),
    items(
        item(0, PICTURES[0], 4_800_000, "done"),
        item(1, PICTURES[1], 5_200_000, "paused", done=2_100_000),
        item(2, "Clip of the garden.mov", 812_000_000, "sending", done=170_000_000),
        item(3, LONG, 240_000_000, "waiting"),
    ),
    total("sending", 4, 1, bytes=1_062_000_000, bytesDone=176_900_000, rate=9_000_000, leftS=98),
)

MUCH = (
    Scene("phone-homes", "/p", (link(road="direct"),), at_edge=True, stored=ONE_OF_FIVE),
    Scene("phone-homes-one", "/p", (link(road="direct"),), at_edge=True, stored=IN_USE),
    Scene("meet-homes", SESSION, at_edge=True, stored=ONE_OF_FIVE),
    Scene("homes-foreign-code", ANOTHER_CODE, at_edge=True, stored=ONE_OF_FIVE),
    Scene("homes-forget", "/p", (link(road="direct"),), at_edge=True, stored=ONE_OF_FIVE, click="[data-home] .round"),
    Scene("shelf-forty", "/p", (link(grant=TRUSTED), shelf(*FORTY))),
    Scene("owner-shelf-forty", "/owner", (*OWN, shelf(*FORTY))),
    Scene("owner-inbox-400", "/owner", (link(grant=OWNER), STATUS, FOUR_HUNDRED)),
    Scene("owner-asks-200", "/owner", (*OWN, ASKS)),
    Scene("phone-three-states", "/p", THREE_STATES, picked=True),
    Scene("phone-three-states-cut", "/p", (*THREE_STATES, AWAY_PEER, link("lost", retryInS=3)), picked=True),
)
