"""What the owner decides: settings, doctor, questions that wait for a word, and a wall by which nobody ever came."""

from collections.abc import Mapping

from qrshared.daemon.changing import ASKED_ANEW, AWAY
from qrshared.settings import all_settings
from tests.browser.scenes import OWN, STATUS_FACTS, Json, Scene, Update, link, news, wall

LIVE = ASKED_ANEW | AWAY | {"accept", "inbox", "guest_daily_gb", "log_level"}
VALUES: Mapping[str, str] = {
    "name": "STUDY-PC", "inbox": "/home/anna/QRShare", "wall": "lan", "accept": "everyone", "notices": "true",
    "plain_downloads": "true", "guest_daily_gb": "20", "edge": "https://share.example.org", "relay_ask_mb": "100",
    "stun": "stun:stun.l.google.com:19302", "port": "7774", "mdns": "true", "file_mode": "644", "log_level": "info",
}  # fmt: skip
CHOICES: Mapping[str, list[Json]] = {
    "wall": ["lan", "computer", "off"], "accept": ["everyone", "ask", "trusted"], "notices": ["true", "false"],
    "plain_downloads": ["true", "false"], "mdns": ["true", "false"],
}  # fmt: skip


def settings(**values: str) -> Json:
    """Every setting of the real table, with values of a home.

    `fixed` names one that a flag has set, `from_file` one that the file has.
    """
    fixed, from_file = values.pop("fixed", ""), values.pop("from_file", "")
    sources = {fixed: "--name", from_file: "/home/anna/data/config.toml"}
    return {
        "t": "settings_facts",
        "settings": [
            {
                "name": one.name, "value": {**VALUES, **values}.get(one.name, ""), "default": one.default_text,
                "text": one.text, "source": sources.get(one.name, "default"),
                "choices": CHOICES.get(one.name, []), "is_fixed": one.name == fixed or one.name not in LIVE,
                "needs_restart": one.name not in LIVE,
            }
            for one in all_settings()
            if one.name != "data_dir"
        ],
    }  # fmt: skip


def finding(check: str, seen: str, advice: str = "") -> dict[str, Json]:
    return {"check": check, "ok": not advice, "seen": seen, **({"advice": advice} if advice else {})}


FINDINGS: Json = {
    "t": "finding_list",
    "findings": [
        finding("address", "codes carry 192.168.1.7 (wlan0): it is on the way to the router"),
        finding("VPN", "none"),
        finding("firewall", "ufw lets nobody reach port 7774", "Run: `sudo ufw allow 7774/tcp`"),
        finding("guest Wi-Fi", "nobody else is heard on this network, as on a guest Wi-Fi or one with AP isolation",
                "Put phone and computer on the same main network, and switch off AP isolation in the router."),
        finding("inbox", "/home/anna/QRShare on ext4; files are placed by renameat2, syncs are honoured"),
        finding("disk", "213 GB free"),
        finding("clock", "right to the second"),
    ],
}  # fmt: skip
WELL: Json = {"t": "finding_list", "findings": [finding("address", "192.168.1.7 (wlan0)"), finding("disk", "213 GB")]}
ASKING: Mapping[str, Json] = {
    "question": "ba" * 16, "transfer": "ab" * 16, "device": "Anna’s phone", "kind": "phone", "items": 3,
    "bytes": 12_400_000,
    "first": [{"name": f"IMG_{2041 + n}.JPG", "size": 4_100_000 + 33_000 * n} for n in range(3)],
    "until_ms": 1_900_000_000_000,
}  # fmt: skip
MUCH: Mapping[str, Json] = {
    **ASKING, "question": "ca" * 16, "transfer": "ac" * 16, "device": "Phone of a visitor with quite a long name",
    "items": 214, "bytes": 3_140_000_000, "since_ms": 1_750_000_000_000, "away": True,
    "first": [{"name": "Summer at the lake, the long version with everybody in it.mp4", "size": 1_840_000_000},
              {"name": "عطلة الصيف في البحر ٢٠٢٦.pdf", "size": 840_000}],
}  # fmt: skip
NEW_NETWORK: Json = {"name": "the network of 10.1.1.1", "known": False}


def status(**more: Json) -> Update:
    return news("status_facts", **{**STATUS_FACTS, **more})


def hinted(hint: str) -> Update:
    facts = wall()["facts"]
    assert isinstance(facts, dict)
    return news("wall_facts", **{**{key: value for key, value in facts.items() if key != "t"}, "hint": hint})


REFUSED: Json = {
    "t": "refuse",
    "reason": "bad_setting",
    "sentence": "“late” cannot be used: it must be two times of the day such as 22:00-07:00, or empty for none.",
}
SETTINGS = (
    Scene("owner-settings", "/owner", OWN, {"get_settings": settings()}, click=".settings > details > summary"),
    Scene("owner-doctor", "/owner", OWN, {"examine": FINDINGS}, click=".doctor button"),
    Scene("owner-doctor-well", "/owner", OWN, {"examine": WELL}, click=".doctor button"),
    Scene("owner-asks", "/owner", (*OWN, status(asking=[ASKING, MUCH]))),
    Scene("owner-network", "/owner", (*OWN, status(network=NEW_NETWORK))),
    Scene("wall-unreached", "/", (link(), hinted("unreached"))),
    Scene("wall-opened", "/", (link(), hinted("opened"))),
)
