"""States that only a computer with a meeting point knows, and all scenes together."""

from collections.abc import Mapping

from tests.browser.scenes import (
    ALL_DONE,
    AT_HOME,
    BIG,
    CODE,
    DEVICE_LIST,
    DONE,
    NOW_MS,
    OWN,
    SENDING,
    STATUS_FACTS,
    Json,
    Scene,
    Update,
    item,
    items,
    link,
    news,
    total,
)
from tests.browser.scenes_much import MUCH
from tests.browser.scenes_peers import PEERS
from tests.browser.scenes_settings import SETTINGS
from tests.browser.scenes_shelf import SHELF
from tests.browser.scenes_ways import WAYS

AWAY: Json = {"edge": "https://meet.example.org", "relay_ask_bytes": 104_857_600}
TRUSTED: Mapping[str, Json] = {"rights": ["send", "pick_up"], "trust": "trusted", "device": "ef" * 16, "away": AWAY}

# --- the phone page ---

FILM = item(0, "Clip of the garden.mov", 6_000_000_000)
FILM_TOTAL = total("paused", 1, bytes=6_000_000_000, bytesDone=0, bytesSafe=0)


def relay(question: str) -> Update:
    return {"t": "relay", "question": question, "bytes": 6_000_000_000}


ASKED = (link(road="relay"), items(FILM), FILM_TOTAL, relay("asked"))
MEETING_POINT = f"/p{CODE[CODE.index('#') :]}"

AWAY_FROM_HOME = (
    Scene("phone-offer", "/p", (link(grant=TRUSTED),)),
    Scene("phone-offer-done", "/p", (link(grant=TRUSTED), DONE, total("sending", 3), ALL_DONE), picked=True),
    Scene("phone-direct", MEETING_POINT, (link(grant=TRUSTED, road="direct"),), at_edge=True),
    Scene("phone-direct-trust", MEETING_POINT, (link(grant=TRUSTED, road="direct"),), at_edge=True, click=".head-link"),
    Scene("phone-relay-trust", MEETING_POINT, (link(road="relay"),), at_edge=True, click=".head-link"),
    Scene("phone-direct-sending", MEETING_POINT, (link(road="direct"), SENDING, BIG), at_edge=True, picked=True),
    Scene("phone-relay-asked", MEETING_POINT, ASKED, at_edge=True),
    Scene("phone-relay-held", MEETING_POINT, (*ASKED, relay("waits")), at_edge=True),
    *(
        Scene(f"phone-away-{fault}", MEETING_POINT, (link("lost", retryInS=4, fault=fault),), at_edge=True)
        for fault in ("no_edge", "nobody", "silent", "no_way", "spoiled", "busy", "version")
    ),
    Scene(
        "phone-away-stalled",
        "/p",
        (link(road="home"), SENDING, BIG, link("lost", retryInS=3, fault="nobody")),
        picked=True,
    ),
)

# --- the owner page ---

EDGE: Mapping[str, Json] = {"url": "https://meet.example.org", "state": "connected"}
RELAYED: Json = {"turn": "coturn", "month": "2026-11", "bytes": 1_240_000_000, "ask_bytes": 104_857_600}
AWAY_OWN = (
    *OWN,
    news("status_facts", **{**STATUS_FACTS, "edge": EDGE, "relay": RELAYED}),
    news(
        "device_list",
        devices=[{**DEVICE_LIST[0], "road": "direct"}, {**DEVICE_LIST[1], "road": "relay"}, *DEVICE_LIST[2:]],
    ),
)
NO_ANSWER = "The meeting point https://meet.example.org does not answer. At home all works; away devices wait."
AWAY_FAILED = news(
    "status_facts",
    **{
        **STATUS_FACTS,
        "edge": {**EDGE, "state": "failed", "sentence": NO_ANSWER},
        "relay": {**RELAYED, "turn": "none"},
    },
)
AWAY_TICKET: Json = {
    "t": "ticket_facts",
    "url": f"https://meet.example.org{MEETING_POINT}",
    "expires_ms": NOW_MS + 860_000,
}

LOOPBACK = news("status_facts", **{**STATUS_FACTS, "edge": {**EDGE, "url": "http://127.0.0.1:7780"}, "relay": RELAYED})
SECOND: Json = {**DEVICE_LIST[1], "device": "b8" * 16, "trust": "trusted", "road": "direct", "second_of": f"{2:032x}"}
TWO_KEYS = news("device_list", devices=[SECOND, *DEVICE_LIST])

OWNER_AWAY = (
    Scene("owner-away-loopback", "/owner", (*OWN, LOOPBACK)),
    Scene("owner-two-keys", "/owner", (*AWAY_OWN, TWO_KEYS), {"revoke_device": {"t": "done", "text": ""}}),
    Scene("owner-away", "/owner", AWAY_OWN),
    Scene("owner-away-failed", "/owner", (*OWN, AWAY_FAILED)),
    Scene("owner-add-away", "/owner", AWAY_OWN, {"make_ticket": AWAY_TICKET}, click=".owner-add"),
)

SCENES = AT_HOME + AWAY_FROM_HOME + OWNER_AWAY + WAYS + SHELF + SETTINGS + PEERS + MUCH
