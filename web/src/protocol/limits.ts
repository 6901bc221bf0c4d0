// Every bound of the wire in one place; `qrshared/protocol/limits.py` is the twin, `WIRE.md` names the numbers.

/** The largest whole number both JSON and JavaScript carry exactly. */
export const WHOLE_MAX = Number.MAX_SAFE_INTEGER;
/** How likely an address is, or how unlikely. */
export const SCORE_MAX = 10_000;
/** An item's number is a u32 in a chunk. */
export const ITEM_INDEX_MAX = 2 ** 32 - 1;
/** A Noise message of 65 535 bytes less its 16-byte tag. */
export const PLAINTEXT_BYTES_MAX = 65_519;
/** `01`, transfer (16), item (4), offset (8). */
export const CHUNK_HEADER_BYTES = 29;
/** `02`, transfer (16), item (4), offset (8), length of what comes out (4). */
export const DEFLATED_HEADER_BYTES = 33;
/** Content of one chunk. */
export const CHUNK_BYTES_MAX = 65_280;
/** A page of a manifest, of an accept or of receipts, as JSON. */
export const PAGE_BYTES_MAX = 60 * 1024;
/** Items in one transfer. */
export const ITEMS_MAX = 100_000;
/** All pages of one manifest together, counted as JSON. */
export const MANIFEST_BYTES_MAX = 32 * 1024 * 1024;
/** A file name, a path, any text without a bound of its own; in Unicode code points. */
export const NAME_CHARACTERS_MAX = 4_096;
/** What a peer calls itself. */
export const DISPLAY_NAME_CHARACTERS_MAX = 60;
/** Earlier transfers that one proposal may continue. */
export const CONTINUES_MAX = 16;
/** Block digests in one proof message. */
export const DIGESTS_MAX = 1_000;
/** Bytes under one digest of a proof. */
export const PROOF_BLOCK_BYTES = 8 * 1024 * 1024;
/** Chunk bytes one transfer may have under way when there is room for it. */
export const WINDOW_BYTES = 4 * 1024 * 1024;
/** A text that is sent as one; a longer one is a file. */
export const TEXT_BYTES_MAX = 64 * 1024;
/** Receipts one `list_receipts` may ask for. */
export const RECEIPTS_TOLD_MAX = 1_000;
/** Things on the shelf, and ids in one `pick_up`. */
export const SHELF_ITEMS_MAX = 256;
/** Proposals that may wait for the owner's word. */
export const ASKING_MAX = 16;
/** Items of such a proposal that the owner is shown by name. */
export const ASKING_SHOWN_MAX = 5;
/** Entries one `list_inbox` may ask for. */
export const INBOX_ENTRIES_MAX = 1_000;
/** What two devices say to each other through the daemon at a time; as base64url it still fits in one message. */
export const ENVELOPE_BYTES_MAX = 48_000;
/** STUN and TURN servers in one introduction, and addresses of one server. */
export const ICE_SERVERS_MAX = 8;
/** Proofs in one hello: of keys that a computer holds, or of other pages that one page of a session knows. */
export const KNOWN_PAGES_MAX = 16;
/** Verbs one session may have open. */
export const ASKS_MAX = 32;
/** A side that has sent no ping for so long sends one. */
export const PING_EVERY_S = 5;
/** A side that heard nothing for so long closes the link. */
export const SILENCE_S_MAX = 15;
