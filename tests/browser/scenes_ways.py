"""What more ways to send look like: notes, folders, pauses of one file, the receipt, texts on the owner page."""

from tests.browser.scenes import (
    DONE,
    LONG,
    OWNER,
    PICTURES,
    SAFARI,
    STATUS,
    Json,
    Scene,
    device,
    entry,
    item,
    items,
    link,
    news,
    total,
)

HASH = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
LINKED = "example.org\nhttps://example.org/recipes/2026/apple-tart?from=phone#steps"
LISTED = "Milk, 2 l\nBread\nThe blue paint, not the green one\nCall Anna about Saturday"


def received(number: int, name: str, size: int, **more: Json) -> dict[str, Json]:
    return item(number, name, size, "done", sha256=HASH, **more)


RECEIVED = items(
    received(0, PICTURES[0], 4_800_000),
    received(1, PICTURES[1], 5_200_000, finalName="IMG_2042 (2).JPG"),
    received(2, PICTURES[2], 3_900_000),
    received(3, "Holiday in Crete/day one/empty", 0, kind="folder"),
    received(4, LONG, 240_000_000),
    received(5, "Note 2026-11-22 at 20.31.05.txt", 64, kind="text"),
)
ALL_SIX = total("done", 6, 6, bytes=253_900_064, bytesDone=253_900_064)
ONE_PAUSED = items(
    item(0, PICTURES[0], 4_800_000, "done"),
    item(1, PICTURES[1], 5_200_000, "sending", done=4_300_000),
    item(2, "Clip of the garden.mov", 812_000_000, "paused", done=170_000_000),
    item(3, LONG, 240_000_000),
    item(4, "Holiday in Crete/empty", 0, kind="folder"),
)
NOTES = news(
    "inbox_list",
    folder="/home/anna/QRShare",
    total=4,
    entries=[
        entry("Link example.org 2026-11-22 at 20.31.05.txt", 80, 0.4, "Anna’s iPhone", text=LINKED),
        entry("Note 2026-11-22 at 20.30.11.txt", 75, 2, "Pixel 8", text=LISTED),
        entry("Minutes of the meeting.txt", 9_000, 50, "Windows computer", text="It begins here " * 20, is_cut=True),
        entry("IMG_2041.JPG", 4_800_000, 70, "Anna’s iPhone"),
    ],
)

WAYS = (
    Scene("phone-note", "/p", (link(),), click='.ways button:has-text("Note or link")'),
    Scene("phone-ways-apple", "/p", (link(),), user_agent=SAFARI),
    Scene(
        "phone-one-paused", "/p", (link(), ONE_PAUSED, total("sending", 5, 1, rate=9_000_000, leftS=95)), picked=True
    ),
    Scene("phone-receipt", "/p", (link(), RECEIVED, total("sending", 6), ALL_SIX), picked=True),
    Scene(
        "phone-receipt-open",
        "/p",
        (link(), RECEIVED, total("sending", 6), ALL_SIX),
        picked=True,
        click=".receipt .quiet",
    ),
    Scene(
        "phone-receipt-lost",
        "/p",
        (link(), DONE, total("sending", 3), total("done", 3, 3)),
        picked=True,
        user_agent=SAFARI,
    ),
    Scene(
        "owner-notes",
        "/owner",
        (
            link(grant=OWNER),
            STATUS,
            NOTES,
            news("device_list", devices=[device(1, "Anna’s iPhone", "phone", "trusted", 0, True)]),
            news("transfer_list", transfers=[]),
        ),
    ),
)
