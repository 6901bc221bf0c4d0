"""What two browsers see of each other, beside a computer at home and in a session of their own."""

from collections.abc import Mapping

from tests.browser.scenes import LONG, Json, Scene, Update, item, items, link, news, total

TRUSTED: Mapping[str, Json] = {"rights": ["send", "pick_up"], "trust": "trusted", "device": "ef" * 16}
ANNA, BEN, CLARA = "a1" * 16, "b2" * 16, "c3" * 16
NEAR = news(
    "nearby_list",
    peers=[
        {"device": ANNA, "name": "Anna’s iPhone", "kind": "phone"},
        {"device": BEN, "name": "The laptop of the whole family, in the living room upstairs", "kind": "laptop"},
        {"device": CLARA, "name": "هاتف كلارا", "kind": "tablet"},
    ],
)


def told(t: str, **facts: Json) -> Update:
    return {"t": "peers", "news": {"t": t, **facts}}


def peer(device: str, name: str, state: str = "open", kind: str = "phone", **more: Json) -> Update:
    how: dict[str, Json] = {"state": state}
    if state == "open":
        how["words"] = "coral lamp seven tulip"
    if state == "failed":
        how["sentence"] = "No way to it from this network. Try again on the same Wi-Fi."
    facts: dict[str, Json] = {"peer": device, "name": name, "kind": kind, "link": how, "road": None, "unanswered": 0}
    facts |= {"relay": {"question": "none", "bytes": 0}, **more}
    return told("peer", peer=facts)


def sent(device: str, *updates: Update) -> tuple[Update, ...]:
    return tuple(told("sent", peer=device, update=update) for update in updates)


def offered(device: str, state: str, *rows: Mapping[str, Json], **more: Json) -> tuple[Update, ...]:
    """One transfer that the other device offers."""
    sizes = [row["size"] for row in rows]
    bytes_in_all = sum(size for size in sizes if isinstance(size, int))
    view = {
        "peer": device, "transfer": "dd" * 16, "state": state, "items": len(rows), "bytes": bytes_in_all, "done": 0,
        "failed": 0, "sizes": sizes, "reason": None, **more,
    }  # fmt: skip
    frame = {"peer": device, "transfer": "dd" * 16}
    sums = total("done" if state == "done" else "sending", len(rows), bytes=bytes_in_all, bytesDone=bytes_in_all // 3)
    updates = (items(*rows), sums)
    return told("incoming", incoming=view), *(told("arriving", **frame, update=update) for update in updates)


OPEN = (link(grant=TRUSTED), NEAR)
PHOTOS = (item(0, "IMG_2041.JPG", 4_800_000), item(1, LONG, 240_000_000), item(2, "عطلة الصيف.pdf", 840_000))
SOME = total("sending", 3, 1, bytes=245_640_000, bytesDone=92_000_000, leftS=21)
SENDS = (peer(ANNA, "Anna’s iPhone", road="direct"), *sent(ANNA, items(*PHOTOS), SOME))
WAITS = (peer(ANNA, "Anna’s iPhone", road="direct", unanswered=1), *sent(ANNA, items(*PHOTOS), SOME))
DONE = total("done", 3, 3, bytes=245_640_000, bytesDone=245_640_000)
MET = peer(ANNA, "Anna’s iPhone", road="direct")
RELAYED = peer(ANNA, "Anna’s iPhone", road="relay", relay={"question": "asked", "bytes": 1_900_000_000})
RECEIVES = tuple(item(n, str(row["name"]), 4_800_000, "sending", done=900_000) for n, row in enumerate(PHOTOS))

PEERS = (
    Scene("phone-nearby", "/p", OPEN),
    Scene("phone-nearby-sending", "/p", (*OPEN, *SENDS)),
    Scene("phone-nearby-asks", "/p", (*OPEN, *WAITS)),
    Scene("phone-nearby-done", "/p", (*OPEN, MET, *sent(ANNA, items(*PHOTOS), DONE))),
    Scene("phone-nearby-relay", "/p", (*OPEN, RELAYED, *sent(ANNA, items(*PHOTOS), SOME))),
    Scene("phone-nearby-failed", "/p", (*OPEN, peer(ANNA, "Anna’s iPhone", "failed"))),
    Scene("phone-nearby-asked", "/p", (*OPEN, MET, *offered(ANNA, "asked", *PHOTOS))),
    Scene("phone-nearby-receiving", "/p", (*OPEN, MET, *offered(ANNA, "receiving", *RECEIVES))),
    Scene("meet-alone", "/", at_edge=True),
    Scene("meet-guest", "/#1Zk3qWv8sQm2LxYtR5bNc0A", at_edge=True),
    Scene("meet-damaged", "/#1Zk3qWv8sQm2", at_edge=True),
    Scene("meet-met", "/", (MET,), at_edge=True),
    Scene("meet-fault", "/", (told("fault", sentence="Somebody is there, and no way leads to it."),), at_edge=True),
)
