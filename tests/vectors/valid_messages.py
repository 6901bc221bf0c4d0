"""Messages every codec must read, as plain JSON in the order of `WIRE.md`."""

import base64

TRANSFER = "00112233445566778899aabbccddeeff"
OTHER = "ffeeddccbbaa99887766554433221100"
DIGEST = base64.urlsafe_b64encode(bytes(range(32))).rstrip(b"=").decode()
SECRET = base64.urlsafe_b64encode(bytes(range(16))).rstrip(b"=").decode()
SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
TOP = 2**53 - 1

RECEIPT = {"item": 0, "name": "photo (2).jpg", "size": 4096, "sha256": SHA256}
DEVICE = {
    "device": OTHER,
    "name": "Anna's phone",
    "kind": "phone",
    "trust": "guest",
    "rights": ["send"],
    "made_ms": 1,
    "seen_ms": 2,
    "online": True,
}
TRANSFER_FACTS = {
    "transfer": TRANSFER,
    "device": "Anna's phone",
    "kind": "phone",
    "state": "arriving",
    "items": 3,
    "items_done": 1,
    "items_failed": 0,
    "bytes": 300,
    "bytes_done": 100,
    "rate": 50,
    "started_ms": 1,
}
TUNNEL = {"address": "10.8.0.2", "interface": "tun0", "score": -10_000, "why": "a tunnel"}
EDGE = {"url": "https://share.example.org", "state": "connected"}
RELAY = {"turn": "metered", "month": "2026-11", "bytes": 6_000_000_000, "ask_bytes": 104_857_600}
STATUS = {
    "t": "status_facts",
    "version": "0.1.0",
    "pid": 1,
    "computer": "STUDY-PC",
    "urls": ["http://192.168.1.7:7774/"],
    "inbox": "/home/a/QRShare",
    "free_bytes": TOP,
    "sessions": 0,
    "started_ms": 1,
    "addresses": [{"address": "192.168.1.7", "interface": "eth0", "score": 90, "why": "the default route"}, TUNNEL],
    "problems": [],
}

ARRIVALS = {"senders": 1, "arriving": 2, "photos": 3, "videos": 4, "others": 5, "landed": 6, "percent": 100}
WALL = {
    "t": "wall_facts",
    "computer": "STUDY-PC",
    "fresh_until_ms": 9,
    "addresses": ["192.168.1.7:7774"],
    "arrivals": ARRIVALS,
}
ITEM_ID = "0123456789abcdef0123456789abcdef"
SHELF_ITEM = {"item": ITEM_ID, "name": "holiday", "size": 12, "kind": "folder", "modified_ms": 3}
QUESTION = "89abcdef0123456789abcdef01234567"
ASKING = {
    "question": QUESTION,
    "transfer": TRANSFER,
    "device": "Anna's phone",
    "kind": "phone",
    "items": 214,
    "bytes": 300,
    "first": [{"name": "a.jpg", "size": 1}, {"name": "b/c", "size": 0, "kind": "folder"}],
    "until_ms": 9,
    "since_ms": 8,
    "away": True,
}
SETTING = {"name": "accept", "value": "ask", "default": "everyone", "text": "Whose files come in.", "source": "default"}
ARRIVED = {"name": "photo (2).jpg", "size": 4096, "sha256": SHA256, "placed_ms": 5}
PICKED_UP = {"item": ITEM_ID, "device": "Pixel 8", "state": "moving", "bytes": 12, "bytes_done": 5}
OFFERED = {"item": ITEM_ID, "name": "holiday", "state": "waiting", "bytes": 12, "bytes_done": 0}
INTRODUCE: dict[str, object] = {
    "t": "introduce",
    "meeting": TRANSFER,
    "device": OTHER,
    "name": "Ben's laptop",
    "kind": "laptop",
    "secret": SECRET,
}

# The first of each `t` has every required field and no optional one; later ones show the optional fields.
VALID: list[dict[str, object]] = [
    {"t": "hello", "versions": [1, 1], "name": "Anna's phone", "kind": "phone", "instance": TOP},
    {"t": "hello", "versions": [1, 1], "name": "", "kind": "wall", "instance": 1, "grant": {"rights": []}},
    {
        "t": "hello",
        "versions": [1, 2],
        "name": "ü 😀" * 20,
        "kind": "computer",
        "instance": 0,
        "enroll": DIGEST,
        "grant": {"rights": ["send", "pick_up"], "trust": "trusted", "device": OTHER, "until_ms": 5, "only_own": True},
        "words": "tiger moon apple river",
    },
    {
        "t": "hello",
        "versions": [1, 1],
        "name": "STUDY-PC",
        "kind": "computer",
        "instance": 1,
        "grant": {
            "rights": ["pick_up", "send"],
            "away": {"edge": "https://share.example.org", "relay_ask_bytes": 104_857_600, "secret": SECRET},
        },
    },
    {
        "t": "hello",
        "versions": [1, 1],
        "name": "STUDY-PC",
        "kind": "computer",
        "instance": 1,
        "grant": {"rights": [], "away": {"edge": "https://share.example.org", "relay_ask_bytes": 0}},
        "proofs": [SECRET, SECRET],
    },
    {"t": "goodbye", "reason": "another_tab"},
    {"t": "ping", "n": 0},
    {"t": "pong", "n": TOP},
    {
        "t": "propose",
        "transfer": TRANSFER,
        "first": 0,
        "items": [{"name": 'a/b\u2028"\\\n\u0001\u007f.jpg', "size": 0}, {"name": "ü", "size": TOP, "modified_ms": 0}],
        "more": False,
        "count": 2,
        "bytes": TOP,
    },
    {
        "t": "propose",
        "transfer": TRANSFER,
        "first": 99_999,
        "items": [],
        "more": True,
        "count": 100_000,
        "bytes": 0,
        "continues": [OTHER] * 16,
    },
    {
        "t": "propose",
        "transfer": TRANSFER,
        "first": 0,
        "items": [
            {"name": "tree/empty", "size": 0, "kind": "folder"},
            {"name": "Text.txt", "size": 65_536, "modified_ms": 1, "kind": "text", "sha256": SHA256},
            {"name": "a.jpg", "size": 5, "sha256": SHA256},
        ],
        "more": False,
        "count": 3,
        "bytes": 65_541,
        "shelf": True,
        "skip_same": True,
    },
    {"t": "accept", "transfer": TRANSFER, "window": 4_194_304},
    {"t": "accept", "transfer": TRANSFER, "window": 4_194_304, "deflate": True},
    {
        "t": "accept",
        "transfer": TRANSFER,
        "window": 0,
        "kept": [{"item": 1, "offset": 5}, {"item": 4_294_967_295, "offset": TOP, "prove": True}],
        "receipts": [RECEIPT, {**RECEIPT, "handed_over": True}],
        "more": True,
    },
    {"t": "decline", "transfer": TRANSFER, "reason": "no_space"},
    {"t": "decline", "transfer": TRANSFER, "reason": "no_space", "needed": 6, "free": 2},
    {"t": "proof", "transfer": TRANSFER, "item": 0, "first": 3, "digests": [DIGEST, DIGEST]},
    {"t": "rewind", "transfer": TRANSFER, "item": 0, "offset": 8_388_608},
    {"t": "taken", "transfer": TRANSFER, "count": 262_144},
    {"t": "safe", "transfer": TRANSFER, "item": 7, "offset": 1},
    {"t": "defer", "transfer": TRANSFER},
    {"t": "hold", "transfer": TRANSFER, "held": True},
    {"t": "hold", "transfer": TRANSFER, "held": False},
    {"t": "finish", "transfer": TRANSFER},
    {"t": "receipt", "transfer": TRANSFER, "receipts": [RECEIPT]},
    {"t": "receipt", "transfer": TRANSFER, "receipts": [{**RECEIPT, "already": True}]},
    {"t": "cancel", "transfer": TRANSFER},
    {"t": "cancel", "transfer": TRANSFER, "item": 3},
    {"t": "fail", "transfer": TRANSFER, "reason": "source_changed"},
    {"t": "fail", "transfer": TRANSFER, "reason": "no_space", "item": 0, "needed": 0, "free": 0},
    {"t": "watch", "topics": ["wall"]},
    {"t": "watch", "topics": ["nearby", "devices", "shelf", "offers", "pick_ups"]},
    {"t": "watch", "topics": []},
    {"t": "news", "facts": WALL},
    {"t": "news", "facts": {**WALL, "away_url": "https://share.example.org/p#1AAECAwQFBgcICQoLDA0ODw"}},
    {"t": "news", "facts": {**WALL, "hint": "unreached"}},
    {"t": "news", "facts": {**WALL, "only_own": True}},
    {"t": "news", "facts": STATUS},
    {"t": "news", "facts": {**STATUS, "edge": EDGE, "relay": RELAY}},
    {"t": "news", "facts": {**STATUS, "edge": EDGE, "relay": {**RELAY, "turn": "none", "borrowed": True}}},
    {"t": "news", "facts": {**STATUS, "edge": {**EDGE, "state": "failed", "sentence": "No qrshared answers there."}}},
    {"t": "news", "facts": {**STATUS, "devices": [DEVICE], "transfers": [TRANSFER_FACTS]}},
    {
        "t": "news",
        "facts": {**STATUS, "network": {"name": "the network of 192.168.1.1", "known": False}, "asking": [ASKING]},
    },
    {"t": "news", "facts": {"t": "transfer_list", "transfers": [{**TRANSFER_FACTS, "current": "a.jpg"}]}},
    {
        "t": "news",
        "facts": {
            "t": "transfer_list",
            "transfers": [{**TRANSFER_FACTS, "state": "asking"}, {**TRANSFER_FACTS, "state": "paused"}],
        },
    },
    {
        "t": "news",
        "facts": {
            "t": "inbox_list",
            "folder": "/home/a/QRShare",
            "entries": [
                {"name": "a.jpg", "size": 1, "arrived_ms": 2},
                {"name": "trip", "size": 0, "arrived_ms": 3, "is_folder": True},
                {"name": "Note.txt", "size": 5, "arrived_ms": 4, "text": "hello"},
                {"name": "long.txt", "size": 9000, "arrived_ms": 4, "text": "It begins", "is_cut": True},
            ],
            "total": 1,
        },
    },
    {"t": "news", "facts": {"t": "device_list", "devices": [DEVICE]}},
    {
        "t": "news",
        "facts": {"t": "device_list", "devices": [{**DEVICE, "road": "relay", "second_of": DEVICE["device"]}]},
    },
    {
        "t": "news",
        "facts": {"t": "nearby_list", "peers": [{"device": OTHER, "name": "Ben's laptop", "kind": "laptop"}]},
    },
    {"t": "news", "facts": {"t": "shelf_list", "items": []}},
    {
        "t": "news",
        "facts": {
            "t": "shelf_list",
            "items": [
                SHELF_ITEM,
                {**SHELF_ITEM, "count": 4, "expires_ms": 7, "to": OTHER},
                {**SHELF_ITEM, "taken": "waiting", "taken_ms": 9, "taken_bytes": 5},
            ],
        },
    },
    {
        "t": "news",
        "facts": {
            "t": "pick_up_list",
            "pick_ups": [PICKED_UP, {**PICKED_UP, "state": "handed_over", "bytes_done": 12, "at_ms": 9}],
        },
    },
    {
        "t": "news",
        "facts": {
            "t": "offer_list",
            "offers": [OFFERED, {**OFFERED, "state": "handed_over", "bytes_done": 12, "device": "Anna's phone"}],
        },
    },
    {"t": "ask", "id": 1, "verb": {"t": "get_status"}},
    {"t": "ask", "id": 1, "verb": {"t": "list_inbox"}},
    {"t": "ask", "id": 1, "verb": {"t": "list_inbox", "limit": 1000}},
    {"t": "ask", "id": 1, "verb": {"t": "open_inbox"}},
    {"t": "ask", "id": 1, "verb": {"t": "open_inbox", "name": "a.jpg"}},
    {"t": "ask", "id": 1, "verb": {"t": "rename_entry", "name": "a.jpg", "to": "b.jpg"}},
    {"t": "ask", "id": 1, "verb": {"t": "bin_entry", "name": "a.jpg"}},
    {"t": "ask", "id": 1, "verb": {"t": "list_devices"}},
    {"t": "ask", "id": 1, "verb": {"t": "rename_device", "device": OTHER, "to": "Anna"}},
    {"t": "ask", "id": 1, "verb": {"t": "trust_device", "device": OTHER}},
    {"t": "ask", "id": 1, "verb": {"t": "revoke_device", "device": OTHER}},
    {"t": "ask", "id": 1, "verb": {"t": "make_ticket"}},
    {"t": "ask", "id": 1, "verb": {"t": "make_ticket", "life": "never"}},
    {"t": "ask", "id": 1, "verb": {"t": "make_ticket", "away": True}},
    {"t": "ask", "id": 1, "verb": {"t": "make_owner_ticket"}},
    {"t": "ask", "id": 1, "verb": {"t": "stop_transfer", "transfer": TRANSFER}},
    {"t": "ask", "id": 1, "verb": {"t": "list_unfinished"}},
    {"t": "ask", "id": 1, "verb": {"t": "forget_unfinished"}},
    {"t": "ask", "id": 1, "verb": {"t": "use_away"}},
    {"t": "ask", "id": 1, "verb": {"t": "meet", "device": OTHER}},
    {"t": "ask", "id": 1, "verb": {"t": "pick_up", "items": [ITEM_ID]}},
    {"t": "ask", "id": 1, "verb": {"t": "plain_download", "item": ITEM_ID}},
    {"t": "ask", "id": 1, "verb": {"t": "offer", "paths": ["/home/a/holiday"]}},
    {
        "t": "ask",
        "id": 1,
        "verb": {"t": "offer", "paths": ["/a", "/b"], "to": OTHER, "once": True, "expires_s": 7200, "away": True},
    },
    {"t": "ask", "id": 1, "verb": {"t": "withdraw", "item": ITEM_ID}},
    {"t": "ask", "id": 1, "verb": {"t": "allow_transfer", "question": QUESTION}},
    {"t": "ask", "id": 1, "verb": {"t": "refuse_transfer", "question": QUESTION}},
    {"t": "ask", "id": 1, "verb": {"t": "trust_network"}},
    {"t": "ask", "id": 1, "verb": {"t": "get_settings"}},
    {"t": "rename", "name": "Küche"},
    {"t": "ask", "id": 1, "verb": {"t": "change_setting", "name": "accept"}},
    {"t": "ask", "id": 1, "verb": {"t": "change_setting", "name": "accept", "value": "ask"}},
    {"t": "ask", "id": 1, "verb": {"t": "examine"}},
    {"t": "ask", "id": 1, "verb": {"t": "list_receipts"}},
    {"t": "ask", "id": 1, "verb": {"t": "list_receipts", "limit": 1000}},
    {"t": "answer", "id": 1, "facts": {"t": "offer_facts", "items": [SHELF_ITEM]}},
    {
        "t": "answer",
        "id": 1,
        "facts": {"t": "offer_facts", "items": [SHELF_ITEM], "url": "http://192.168.1.7:7774/p#1x"},
    },
    {"t": "answer", "id": 1, "facts": {"t": "settings_facts", "settings": [SETTING]}},
    {
        "t": "answer",
        "id": 1,
        "facts": {
            "t": "settings_facts",
            "settings": [
                {**SETTING, "choices": ["everyone", "ask", "trusted"], "is_fixed": True, "needs_restart": True}
            ],
        },
    },
    {
        "t": "answer",
        "id": 1,
        "facts": {
            "t": "finding_list",
            "findings": [
                {"check": "address", "ok": True, "seen": "192.168.1.7"},
                {"check": "firewall", "ok": False, "seen": "ufw blocks it", "advice": "sudo ufw allow 7774/tcp"},
            ],
        },
    },
    {"t": "answer", "id": 1, "facts": {"t": "receipt_list", "receipts": [ARRIVED, {**ARRIVED, "sender": "Anna"}]}},
    {"t": "answer", "id": 1, "facts": {"t": "ticket_facts", "url": "http://192.168.1.7:7774/p#1x"}},
    {"t": "answer", "id": 1, "facts": {"t": "ticket_facts", "url": "http://192.168.1.7:7774/p#1x", "expires_ms": 7}},
    {
        "t": "answer",
        "id": 1,
        "facts": {
            "t": "unfinished_list",
            "items": [{"transfer": TRANSFER, "name": "a.mov", "size": 9, "offset": 3}],
        },
    },
    {"t": "answer", "id": 1, "facts": {"t": "done"}},
    {"t": "answer", "id": 1, "facts": {"t": "done", "text": "b.jpg"}},
    {"t": "refuse", "id": 1, "reason": "not_allowed"},
    {"t": "refuse", "id": 1, "reason": "not_allowed", "sentence": "Only the owner may do that."},
    INTRODUCE,
    {
        **INTRODUCE,
        "servers": [
            {"urls": ["stun:stun.example.org:3478"]},
            {
                "urls": ["turn:turn.example.org:3478?transport=udp"],
                "username": "1764000000:x",
                "credential": "c2VjcmV0",
            },
        ],
    },
    {"t": "envelope", "meeting": TRANSFER, "blob": "AA"},
    {"t": "envelope", "meeting": TRANSFER, "blob": "AAA"},
    {"t": "envelope", "meeting": TRANSFER, "blob": "AAAA"},
    {"t": "envelope", "meeting": TRANSFER, "blob": SECRET * 2 + DIGEST},
]
