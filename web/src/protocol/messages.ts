// Every message of protocol version 1; `qrshared/protocol/WIRE.md` is the same list for people. Field names are the wire's.
import type { DeskMessage } from "./desk.ts";
import type { EntryKind, Kind, Reason } from "./vocabulary.ts";

export type * from "./desk.ts";
export type * from "./facts.ts";
export type {
  EntryKind,
  Kind,
  LineState,
  OfferState,
  Reason,
  RoadInUse,
  Topic,
  TransferState,
  TurnKind,
  WallHint,
} from "./vocabulary.ts";

/** 32 lower-case hex digits, chosen at random by the sender. */
export type TransferId = string;
export type QuestionId = string;
/** 32 lower-case hex digits. */
export type DeviceId = string;
/** 32 lower-case hex digits; of what lies in the Outbox the same after a restart of the daemon. */
export type ShelfItemId = string;
/** 32 lower-case hex digits, chosen at random by the daemon. */
export type MeetingId = string;

// --- hello

/**
 * How this computer is reached from elsewhere: `secret` (16 bytes, for memory only) lets a living page go on there, absent
 * on that road itself. Beyond `relay_ask_bytes` the page asks before it sends through a relay.
 */
export interface AwayFacts {
  readonly edge: string;
  readonly relay_ask_bytes: number;
  readonly secret?: Uint8Array;
}

/** What the daemon lets this peer do; `device` is absent while it has no key of its own. `only_own`: it would send, and files come in from trusted devices alone now. */
export interface GrantFacts {
  readonly rights: readonly string[];
  readonly trust?: string;
  readonly device?: DeviceId;
  readonly until_ms?: number;
  readonly away?: AwayFacts;
  readonly only_own?: boolean;
}

/** First message of each side, the initiator's first; the daemon's answer carries `grant`. */
export interface Hello {
  readonly t: "hello";
  readonly versions: readonly [number, number];
  readonly name: string;
  readonly kind: Kind;
  readonly instance: number;
  readonly enroll?: Uint8Array;
  readonly grant?: GrantFacts;
  readonly words?: string;
  /** Between pages alone: half of the key by which the two know each other again, 16 bytes. */
  readonly token?: Uint8Array;
  /** Between pages alone: that this side holds the keys of those it knows, 16 bytes each. */
  readonly proofs?: readonly Uint8Array[];
}

/** Last message before a side closes the link on purpose. */
export interface Goodbye {
  readonly t: "goodbye";
  readonly reason: Reason;
}

/** Asks for a `Pong` with the same number; every 5 s each way. */
export interface Ping {
  readonly t: "ping";
  readonly n: number;
}

/** Answers a `Ping`. */
export interface Pong {
  readonly t: "pong";
  readonly n: number;
}

// --- transfer

/** One thing to send: `name` may hold "/" for a tree of folders; `size` in bytes, 0 for a folder; `kind` is `file` if absent. */
export interface Item {
  readonly name: string;
  readonly size: number;
  readonly modified_ms?: number;
  readonly kind?: EntryKind;
  readonly sha256?: string;
}

/** The receiver already holds `offset` bytes of `item`; with `prove` it wants proof before it trusts them. */
export interface Kept {
  readonly item: number;
  readonly offset: number;
  readonly prove?: boolean;
}

/** What the receiver proves of one item: final name, size in bytes, SHA-256 in hex. */
export interface ItemReceipt {
  readonly item: number;
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
  readonly handed_over?: boolean;
  readonly already?: boolean;
}

/**
 * One page of a manifest; the first page (`first == 0`) says the totals and what it continues. `shelf`: the owner puts it on
 * the shelf, not into the inbox. `skip_same`: what is there already need not move.
 */
export interface Propose {
  readonly t: "propose";
  readonly transfer: TransferId;
  readonly first: number;
  readonly items: readonly Item[];
  readonly more: boolean;
  readonly count: number;
  readonly bytes: number;
  readonly continues?: readonly TransferId[];
  readonly shelf?: boolean;
  readonly skip_same?: boolean;
}

/** Answers a whole proposal, in pages; items in neither list start at 0. `deflate`: chunks may come deflated. */
export interface Accept {
  readonly t: "accept";
  readonly transfer: TransferId;
  readonly window: number;
  readonly kept?: readonly Kept[];
  readonly receipts?: readonly ItemReceipt[];
  readonly more?: boolean;
  readonly deflate?: boolean;
}

/** Before the answer to a proposal: a person is asked about it, which may take minutes. */
export interface Defer {
  readonly t: "defer";
  readonly transfer: TransferId;
}

/** Answers a proposal that the receiver will not take. */
export interface Decline {
  readonly t: "decline";
  readonly transfer: TransferId;
  readonly reason: Reason;
  readonly needed?: number;
  readonly free?: number;
}

/** Bytes of one item at `offset`; the one binary message. */
export interface Chunk {
  readonly t: "chunk";
  readonly transfer: TransferId;
  readonly item: number;
  readonly offset: number;
  readonly content: Uint8Array;
  /** The same as raw DEFLATE, where that is smaller and its receiver agreed: this goes on the wire instead. */
  readonly deflated?: Uint8Array;
  /** It came deflated, and something else was in it than its header says: nothing of it can be used. */
  readonly isSpoiled?: boolean;
}

/** BLAKE2b-256 digests of the stored 8 MiB blocks of `item`, from block number `first` on. */
export interface Proof {
  readonly t: "proof";
  readonly transfer: TransferId;
  readonly item: number;
  readonly first: number;
  readonly digests: readonly Uint8Array[];
}

/** The receiver dropped what it held of `item` from `offset` on: send from there again. */
export interface Rewind {
  readonly t: "rewind";
  readonly transfer: TransferId;
  readonly item: number;
  readonly offset: number;
}

/** Chunk bytes of this transfer that the receiver disposed of since its last `Accept`; opens the window. */
export interface Taken {
  readonly t: "taken";
  readonly transfer: TransferId;
  readonly count: number;
}

/** The first `offset` bytes of `item` survive a crash of the receiver. */
export interface Safe {
  readonly t: "safe";
  readonly transfer: TransferId;
  readonly item: number;
  readonly offset: number;
}

/** The person at the sender paused this transfer, or lets it go on. */
export interface Hold {
  readonly t: "hold";
  readonly transfer: TransferId;
  readonly held: boolean;
}

/** The sender has sent every byte it will send. */
export interface Finish {
  readonly t: "finish";
  readonly transfer: TransferId;
}

/** These items are in the inbox under their names: the sender may forget them. */
export interface Receipt {
  readonly t: "receipt";
  readonly transfer: TransferId;
  readonly receipts: readonly ItemReceipt[];
}

/** The user does not want this transfer (no `item`) or this item any more; from either side. */
export interface Cancel {
  readonly t: "cancel";
  readonly transfer: TransferId;
  readonly item?: number;
}

/** This transfer (no `item`) or this item cannot go on; from either side. */
export interface Fail {
  readonly t: "fail";
  readonly transfer: TransferId;
  readonly reason: Reason;
  readonly item?: number;
  readonly needed?: number;
  readonly free?: number;
}

export type HelloMessage =
  | Hello
  | Goodbye
  | Ping
  | Pong;

export type TransferMessage =
  | Propose
  | Defer
  | Accept
  | Decline
  | Chunk
  | Proof
  | Rewind
  | Taken
  | Safe
  | Hold
  | Finish
  | Receipt
  | Cancel
  | Fail;

export type Message = HelloMessage | TransferMessage | DeskMessage;
