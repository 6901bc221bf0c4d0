// What a sender or a receiver has to tell its shell; `qrshared/transfers/events.py` is the twin.
import type { Item, ItemReceipt, Reason, TransferId } from "../protocol/messages.ts";

/** Where one item stands, at either end; `placing` only at a receiver: all of it arrived, its shell shall commit. */
export type ItemState = "waiting" | "moving" | "placing" | "done" | "failed" | "cancelled";

/** Nothing more will happen to it in this transfer. */
export function isFinal(state: ItemState): boolean {
  return state === "done" || state === "failed" || state === "cancelled";
}

// --- both ends

/** This item cannot go on; both sides know, or will when the messages to send are sent. */
export interface ItemFailed {
  readonly t: "item_failed";
  readonly item: number;
  readonly reason: Reason;
  readonly needed?: number | undefined;
  readonly free?: number | undefined;
}

/** Somebody does not want this item any more. */
export interface ItemCancelled {
  readonly t: "item_cancelled";
  readonly item: number;
}

/** The whole transfer cannot go on; items without a receipt have failed. Kept bytes stay. */
export interface TransferFailed {
  readonly t: "transfer_failed";
  readonly reason: Reason;
  readonly needed?: number | undefined;
  readonly free?: number | undefined;
}

/** The whole transfer is not wanted any more. */
export interface TransferCancelled {
  readonly t: "transfer_cancelled";
}

/** Every item has a receipt, has failed or is cancelled. Always the last event. */
export interface Over {
  readonly t: "over";
}

// --- sender

/** A person over there is asked; the answer comes by itself. */
export interface Deferred {
  readonly t: "deferred";
}

/** The receiver wants it: bytes may be read. `kept` bytes of it are there already, receipts included. */
export interface Accepted {
  readonly t: "accepted";
  readonly kept: number;
}

/** The receiver does not want this transfer, which is over; its items have failed. */
export interface Declined {
  readonly t: "declined";
  readonly reason: Reason;
  readonly needed?: number | undefined;
  readonly free?: number | undefined;
}

/** The item is in the inbox: it may be forgotten here. */
export interface ItemDone {
  readonly t: "item_done";
  readonly item: number;
  readonly receipt: ItemReceipt;
}

/** Hash the source's blocks up to `offset` and hand the digests to `proved`, while other bytes flow. */
export interface ProofWanted {
  readonly t: "proof_wanted";
  readonly item: number;
  readonly offset: number;
}

/** The receiver dropped what differed: the item goes on from `offset`, its proof is not wanted any more. */
export interface Rewound {
  readonly t: "rewound";
  readonly item: number;
  readonly offset: number;
}

export type SenderEvent =
  | Deferred
  | Accepted
  | Declined
  | ItemDone
  | ItemFailed
  | ItemCancelled
  | ProofWanted
  | Rewound
  | Held
  | TransferCancelled
  | TransferFailed
  | Over;

// --- receiver

/** The manifest is whole: call `accept` or `decline`. `again`: accepted before a cut, it knows itself what it holds. */
export interface Proposed {
  readonly t: "proposed";
  readonly items: readonly Item[];
  readonly continues: readonly TransferId[];
  readonly again: boolean;
}

/** The next bytes of an item: write them at `offset`, then call `wrote`. */
export interface BytesArrived {
  readonly t: "bytes_arrived";
  readonly item: number;
  readonly offset: number;
  readonly content: Uint8Array;
}

/** All bytes arrived and none awaits proof: once they are written, commit, then call `placed`. */
export interface ItemComplete {
  readonly t: "item_complete";
  readonly item: number;
}

/**
 * Compare with the stored blocks `first`, …; then call `proofOk` (when `last`) or `rewind`. The last block of the whole
 * proof ends at `offset`: chunks behind it may be written already.
 */
export interface ProofArrived {
  readonly t: "proof_arrived";
  readonly item: number;
  readonly first: number;
  readonly digests: readonly Uint8Array[];
  readonly last: boolean;
  readonly offset: number;
}

/** The person at the other end paused the transfer, or lets it go on; for people to see. */
export interface Held {
  readonly t: "held";
  readonly held: boolean;
}

/** So many bytes were thrown away: they were under way when their item was rewound or ended. */
export interface Drained {
  readonly t: "drained";
  readonly count: number;
}

export type ReceiverEvent =
  | Proposed
  | BytesArrived
  | ItemComplete
  | ProofArrived
  | Held
  | Drained
  | ItemFailed
  | ItemCancelled
  | TransferCancelled
  | TransferFailed
  | Over;
