// The closed lists of words that messages may say: reasons, kinds, states, topics, roads.

/** Why somebody refused, failed or left; each has one sentence on the page. */
export const REASONS = [
  "no_space",
  "inbox_unwritable",
  "inbox_gone",
  "disk_error",
  "name_refused",
  "source_changed",
  "source_unreadable",
  "too_many_items",
  "manifest_too_large",
  "not_allowed",
  "allowance",
  "protocol",
  "short",
  "declined",
  "unknown_transfer",
  "busy",
  "not_found",
  "unsupported",
  "bad_setting",
  // for `Goodbye`
  "another_tab",
  "revoked",
  "expired",
  "restarting",
  "idle",
  "version",
  "done",
] as const;
export type Reason = (typeof REASONS)[number];

/** What the peer says it is; it chooses an icon and nothing else. */
export const KINDS = ["computer", "phone", "tablet", "laptop", "wall", "command"] as const;
export type Kind = (typeof KINDS)[number];

/**
 * Where a transfer stands, as desks tell it; `asking`: its proposal waits for the owner's word; `paused`: the person at its
 * sender holds it back; `waiting`: its link is cut, it goes on when the device is back.
 */
export const TRANSFER_STATES = ["arriving", "asking", "paused", "waiting", "done", "failed", "cancelled"] as const;
export type TransferState = (typeof TRANSFER_STATES)[number];

/** What a page may watch; the grant decides. */
export const TOPICS = ["wall", "status", "transfers", "inbox", "devices", "nearby", "shelf", "offers", "pick_ups"] as const;
export type Topic = (typeof TOPICS)[number];

/** What one item is; a folder is an empty one in a transfer, and one with all that is in it on the shelf. */
export const ENTRY_KINDS = ["file", "folder", "text"] as const;
export type EntryKind = (typeof ENTRY_KINDS)[number];

/** How it stands with something on the shelf and one device that it is for. */
export const OFFER_STATES = ["waiting", "moving", "paused", "done", "handed_over", "failed", "withdrawn"] as const;
export type OfferState = (typeof OFFER_STATES)[number];

/** How a link reaches its peer, as people are told. */
export const ROADS_IN_USE = ["home", "direct", "relay"] as const;
export type RoadInUse = (typeof ROADS_IN_USE)[number];

/** How it stands with the daemon's one line to the edge. */
export const LINE_STATES = ["connected", "connecting", "failed"] as const;
export type LineState = (typeof LINE_STATES)[number];

/** Whose relay is used when there is no direct way. */
export const TURN_KINDS = ["none", "static", "metered", "coturn"] as const;
export type TurnKind = (typeof TURN_KINDS)[number];

/** How far a phone came where none has ever sent; `unreached`: none opened the page, `opened`: no session came of it. */
export const WALL_HINTS = ["unreached", "opened"] as const;
export type WallHint = (typeof WALL_HINTS)[number];
