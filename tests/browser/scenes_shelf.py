"""What waits to be picked up, in every state, on the phone page and on the owner's."""

from collections.abc import Mapping

from tests.browser.scenes import BIG, NOW_MS, OWN, SENDING, Json, Scene, Update, item, items, link, news, total

AWAY: Json = {"edge": "https://meet.example.org", "relay_ask_bytes": 104_857_600}
TRUSTED: Mapping[str, Json] = {"rights": ["send", "pick_up"], "trust": "trusted", "device": "ef" * 16}
PICKS_UP: Mapping[str, Json] = {"rights": ["pick_up"], "trust": "guest", "device": "ee" * 16}
PEER: Mapping[str, Json] = {
    "peer": "home",
    "name": "STUDY-PC",
    "kind": "computer",
    "link": {"state": "open", "words": None},
    "road": None,
    "relay": {"question": "none", "bytes": 0},
    "unanswered": 0,
}
APPLE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1"


def thing(number: int, name: str, size: int, kind: str = "file", **more: Json) -> dict[str, Json]:
    return {
        "item": f"{number:032x}", "name": name, "size": size, "kind": kind,
        "modified_ms": NOW_MS - 240_000 * number - 30_000, **more,
    }  # fmt: skip


THINGS = (
    thing(1, "Boarding passes.pdf", 812_000),
    thing(2, "Summer at the lake, the long version with everybody in it.mp4", 1_840_000_000),
    thing(3, "Album", 412_000_000, "folder", count=96),
    thing(4, "رسالة إلى أمي.docx", 48_000, to="ef" * 16),
    thing(5, "Minutes <2026>.txt", 900, "text"),
    thing(6, "Backup of the old laptop.zip", 5_300_000_000),
)


def shelf(*things: Mapping[str, Json]) -> Update:
    return news("shelf_list", items=things)


def told(**facts: Json) -> Update:
    return {"t": "shelf", "news": facts}


def picked_up(number: int, state: str, **more: Json) -> Update:
    facts = {"item": f"{number:032x}", "state": state, "transfer": None, "place": "memory", "isPaused": False}
    return told(t="pick_up", pickUp={**facts, "isKept": True, "sentence": None, **more})


def begun(number: int, state: str, share: float, *, paused: bool = False) -> tuple[Update, ...]:
    """One thing on its way, or over."""
    one = THINGS[number - 1]
    transfer, size = f"{number:02x}" * 16, one["size"]
    assert isinstance(size, int)
    done = state == "done"
    row = item(0, str(one["name"]), size, {"receiving": "sending"}.get(state, state), done=int(size * share))
    view = {
        "peer": "home", "transfer": transfer, "state": state, "items": 1, "bytes": size, "done": int(done),
        "failed": int(state == "failed"), "sizes": [], "reason": "disk_error" if state == "failed" else None,
    }  # fmt: skip
    sums = total("done" if done else "sending", 1, int(done), bytes=size, bytesDone=int(size * share), leftS=47)
    frame = {"t": "arriving", "peer": "home", "transfer": transfer}
    return (
        picked_up(number, "begun", transfer=transfer, isPaused=paused),
        told(t="incoming", incoming=view),
        told(**frame, update=items(row)),
        told(**frame, update=sums),
    )


OPEN = (link(grant=TRUSTED), told(t="peer", peer=PEER), shelf(*THINGS))
MOVING = (
    *OPEN,
    *begun(1, "done", 1),
    *begun(2, "receiving", 0.31),
    *begun(3, "receiving", 0.62, paused=True),
    picked_up(4, "waiting"),
    picked_up(5, "refused", sentence="Another device is just picking up Minutes 2026.txt."),
    *begun(6, "failed", 0.2),
)
AWAY_PEER = told(t="peer", peer={**PEER, "link": {"state": "away"}})
ASKED: Mapping[str, Json] = {
    "peer": "home", "transfer": "aa" * 16, "state": "asked", "items": 1, "bytes": 1_840_000_000, "done": 0, "failed": 0,
    "sizes": [1_840_000_000], "reason": None,
}  # fmt: skip
OFFERED = (
    *OPEN,
    told(t="incoming", incoming=ASKED),
    told(t="arriving", peer="home", transfer="aa" * 16, update=items(item(0, str(THINGS[1]["name"]), 1_840_000_000))),
    told(t="arriving", peer="home", transfer="aa" * 16, update=total("sending", 1)),
)


def taker(number: int, device: str, state: str, share: float, **more: Json) -> Json:
    size = THINGS[number - 1]["size"]
    assert isinstance(size, int)
    row = {"item": f"{number:032x}", "device": device, "state": state, "bytes": size, "bytes_done": int(size * share)}
    return {**row, **more}


TAKERS = news(
    "pick_up_list",
    pick_ups=[
        taker(2, "Pixel 8", "moving", 0.4),
        taker(2, "Anna\u2019s iPhone <b>", "waiting", 0.2),
        taker(2, "Ben\u2019s laptop", "handed_over", 1, at_ms=NOW_MS - 500_000),
        taker(1, "Pixel 8", "failed", 0.5, at_ms=NOW_MS - 9_000_000),
        *(taker(3, f"Phone {number}", "handed_over", 1, at_ms=NOW_MS - 60_000 * number) for number in range(1, 8)),
    ],
)

SHELF = (
    Scene("shelf-only", "/p", (link(grant=PICKS_UP), shelf(THINGS[0]))),
    Scene("shelf-only-over", "/p", (link(grant=PICKS_UP), shelf())),
    Scene("shelf-one", "/p", (link(grant=TRUSTED), shelf(THINGS[0]))),
    Scene("shelf-waits", "/p", OPEN),
    Scene("shelf-choose", "/p", OPEN, click=".shelf .list-head button"),
    Scene("shelf-moving", "/p", MOVING),
    Scene("shelf-cut", "/p", (*MOVING, AWAY_PEER, link("lost", retryInS=3))),
    Scene("shelf-too-large", "/p", OPEN, user_agent=APPLE),
    Scene("shelf-too-large-away", "/p", (link(grant=TRUSTED, road="direct"), shelf(*THINGS)), user_agent=APPLE),
    Scene("shelf-relay", "/p", (link(grant={**TRUSTED, "away": AWAY}, road="relay"), shelf(THINGS[1])), click=".save"),
    Scene("shelf-asked-again", "/p", OFFERED),
    Scene("shelf-beside-sending", "/p", (*OPEN, SENDING, BIG), picked=True),
    Scene("owner-shelf", "/owner", (*OWN, shelf(*THINGS))),
    Scene("owner-shelf-takers", "/owner", (*OWN, shelf(*THINGS), TAKERS)),
    Scene("owner-shelf-take-back", "/owner", (*OWN, shelf(*THINGS)), click='.owner [data-shelf="Album"] button'),
)
