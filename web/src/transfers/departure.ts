// One item on its way out: how far it is read, sent and taken, and whether a proof of it is wanted.
import type { Cancel, Fail } from "../protocol/messages.ts";
import type { ItemState } from "./events.ts";
import { isFinal } from "./events.ts";

/** What to read and send next. `turn` tells an outdated one apart. */
export interface Read {
  readonly item: number;
  readonly offset: number;
  readonly length: number;
  readonly turn: number;
}

/** Offsets and state of one item; the sender's own bookkeeping. */
export class Departure {
  readonly size: number;
  state: ItemState = "waiting";
  paused = false;
  /** Handed out for reading up to here. */
  claimed = 0;
  /** Sent up to here. */
  sent = 0;
  /** The receiver has this much, as far as its `taken` can tell. */
  done = 0;
  /** This much survives a crash of the receiver. */
  safe = 0;
  /** The kept offset whose proof is wanted; 0: none. */
  proofOffset = 0;
  /** Raised whenever what was handed out for reading is not wanted any more. */
  turn = 0;
  /** How it ended without a receipt: said on every new link, for the receiver may have forgotten. */
  told: Fail | Cancel | null = null;

  constructor(size: number) {
    this.size = size;
  }

  get isOpen(): boolean {
    return !isFinal(this.state);
  }

  get isSent(): boolean {
    return !this.isOpen || this.sent === this.size;
  }

  /** It goes on from `offset`; returns how many claimed bytes will never be sent. */
  restart(offset: number): number {
    const dropped = this.claimed - this.sent;
    this.turn += 1;
    this.claimed = this.sent = this.done = offset;
    this.safe = Math.min(this.safe, offset);
    return dropped;
  }
}
