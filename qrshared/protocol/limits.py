"""Every bound of the wire in one place; `WIRE.md` names the same numbers."""

WHOLE_MAX = 2**53 - 1
"""The largest whole number both JSON and JavaScript carry exactly; bounds every size, offset, count and time."""

SCORE_MAX = 10_000
"""How likely an address is, or how unlikely; far more than all reasons together weigh."""

ITEM_INDEX_MAX = 2**32 - 1
"""An item's number is a u32 in a chunk."""

PLAINTEXT_BYTES_MAX = 65_519
"""A Noise message of 65 535 bytes less its 16-byte tag."""

CHUNK_HEADER_BYTES = 29
"""`01`, transfer (16), item (4), offset (8)."""

CHUNK_BYTES_MAX = 65_280
"""Content of one chunk: 255 · 256, so that header, tag and framing stay below 64 KiB."""

DEFLATED_HEADER_BYTES = 33
"""`02`, transfer (16), item (4), offset (8), length (4)."""

TEXT_BYTES_MAX = 64 * 1024
"""A text that is sent as one; a longer one is a file."""

PAGE_BYTES_MAX = 60 * 1024
"""A page of a manifest, of an accept or of receipts, as JSON."""

ITEMS_MAX = 100_000
"""Items in one transfer."""

MANIFEST_BYTES_MAX = 32 * 1024 * 1024
"""All pages of one manifest together, counted as JSON."""

NAME_CHARACTERS_MAX = 4_096
"""A file name or a path; also any other text without a bound of its own. Counted in Unicode code points."""

DISPLAY_NAME_CHARACTERS_MAX = 60
"""What a peer calls itself."""

CONTINUES_MAX = 16
"""Earlier transfers that one proposal may continue."""

DIGESTS_MAX = 1_000
"""Block digests in one proof message."""

PROOF_BLOCK_BYTES = 8 * 1024 * 1024
"""Bytes under one digest of a proof."""

WINDOW_BYTES = 4 * 1024 * 1024
"""Chunk bytes one transfer may have under way when there is room for it."""

WINDOW_BYTES_MIN = 64 * 1024
"""The smallest window worth granting: one chunk."""

WINDOWS_BYTES_MAX = 64 * 1024 * 1024
"""Chunk bytes all transfers of one daemon may have under way."""

SAFE_EVERY_BYTES = 8 * 1024 * 1024
"""A receiver says `safe` at least this often while bytes flow."""

SAFE_EVERY_S = 1.0
"""Or this often, whichever comes first."""

ASKS_MAX = 32
"""Verbs one session may have open."""

INBOX_ENTRIES_MAX = 1_000
"""Entries one `list_inbox` may ask for."""

RECEIPTS_TOLD_MAX = 1_000
"""Receipts one `list_receipts` may ask for."""

SHELF_ITEMS_MAX = 256
"""Things on the shelf, and ids in one `pick_up`: with names of common length they fit in one message."""

KNOWN_PAGES_MAX = 16
"""Proofs in one hello: of keys that a computer holds, or of other pages that one page of a session knows."""

ASKING_MAX = 16
"""Proposals that may wait for the owner's word."""

ASKING_SHOWN_MAX = 5
"""Items of such a proposal that the owner is shown by name."""

ENVELOPE_BYTES_MAX = 48_000
"""What two devices say to each other through the daemon at a time; as base64url it still fits in one message."""

ICE_SERVERS_MAX = 8
"""STUN and TURN servers in one introduction, and addresses of one server."""

PING_EVERY_S = 5.0
"""A side that has sent no ping for so long sends one."""

SILENCE_S_MAX = 15.0
"""A side that heard nothing for so long closes the link."""

PREEMPT_SILENCE_S = 10.0
"""A session that has been silent for so long gives way to another instance of its device."""

__all__ = [
    "ASKING_MAX",
    "ASKING_SHOWN_MAX",
    "ASKS_MAX",
    "CHUNK_BYTES_MAX",
    "CHUNK_HEADER_BYTES",
    "CONTINUES_MAX",
    "DEFLATED_HEADER_BYTES",
    "DIGESTS_MAX",
    "DISPLAY_NAME_CHARACTERS_MAX",
    "ENVELOPE_BYTES_MAX",
    "ICE_SERVERS_MAX",
    "INBOX_ENTRIES_MAX",
    "ITEMS_MAX",
    "ITEM_INDEX_MAX",
    "KNOWN_PAGES_MAX",
    "MANIFEST_BYTES_MAX",
    "NAME_CHARACTERS_MAX",
    "PAGE_BYTES_MAX",
    "PING_EVERY_S",
    "PLAINTEXT_BYTES_MAX",
    "PREEMPT_SILENCE_S",
    "PROOF_BLOCK_BYTES",
    "RECEIPTS_TOLD_MAX",
    "SAFE_EVERY_BYTES",
    "SAFE_EVERY_S",
    "SHELF_ITEMS_MAX",
    "SILENCE_S_MAX",
    "TEXT_BYTES_MAX",
    "WHOLE_MAX",
    "WINDOWS_BYTES_MAX",
    "WINDOW_BYTES",
    "WINDOW_BYTES_MIN",
]
