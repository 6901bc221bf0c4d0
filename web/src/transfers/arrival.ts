// One item on its way in: how far it has arrived, is written and safe, and whether it still awaits proof.
import { PROOF_BLOCK_BYTES } from "../protocol/limits.ts";
import type { Cancel, Fail, ItemReceipt } from "../protocol/messages.ts";
import type { ItemState } from "./events.ts";

/** Offsets and state of one item; the receiver's own bookkeeping. */
export class Arrival {
  readonly size: number;
  state: ItemState = "waiting";
  arrived = 0;
  wrote = 0;
  safe = 0;
  /** A `rewind` was sent and no chunk at its offset has come yet. */
  rewound = false;
  receipt: ItemReceipt | null = null;
  /** How this side ended it, to be said again after a cut. */
  told: Fail | Cancel | null = null;
  /** The offset up to which its bytes count as taken on this link. */
  #counted = 0;
  /** The kept bytes that await proof; 0: none. */
  proofOffset = 0;
  #proofBlocks = 0;
  #proofGot = 0;

  constructor(size: number) {
    this.size = size;
  }

  /** Bytes may still come for it. */
  get isOpen(): boolean {
    return this.state === "waiting" || this.state === "moving";
  }

  /** All its bytes arrived. */
  get isWhole(): boolean {
    return this.arrived === this.size;
  }

  /** This much of it is held already. */
  startAt(offset: number, prove: boolean): void {
    if (offset < 0 || offset > this.size) throw new RangeError("more is kept of an item than there is of it");
    this.arrived = this.wrote = this.safe = offset;
    this.proofOffset = prove ? offset : 0;
  }

  /** A new accept: counting starts anew, and so does a proof that was under way. */
  relink(): void {
    this.#counted = this.arrived;
    if (!this.awaitsProof) return;
    this.proofOffset = this.arrived;
    this.#proofBlocks = Math.ceil(this.arrived / PROOF_BLOCK_BYTES);
    this.#proofGot = 0;
  }

  /** Written up to `offset`; returns how many bytes became taken by it. */
  write(offset: number): number {
    if (offset > this.arrived) return 0;
    this.wrote = Math.max(this.wrote, offset);
    return this.#take(offset);
  }

  /** Back to `offset`, without proof from here on; returns how many bytes became taken by dropping them. */
  rewindTo(offset: number): number {
    if (offset < 0 || offset >= Math.max(this.proofOffset, 1)) {
      throw new RangeError("a rewind goes back into what was under proof");
    }
    const taken = this.#take(this.arrived);
    this.arrived = this.wrote = this.#counted = offset;
    this.safe = Math.min(this.safe, offset);
    this.proofOffset = 0;
    return taken;
  }

  /** Nothing more will come of it; returns how many bytes became taken by that. */
  end(state: "done" | "failed" | "cancelled"): number {
    this.state = state;
    this.rewound = false;
    const taken = this.#take(this.arrived);
    if (state === "done") this.arrived = this.wrote = this.size;
    return taken;
  }

  // --- proof

  /** No receipt before its kept bytes are proven. */
  get awaitsProof(): boolean {
    return this.proofOffset > 0;
  }

  /** Every block's digest has come. */
  get isProofWhole(): boolean {
    return this.#proofGot === this.#proofBlocks;
  }

  /** The digests of `count` more blocks came; false when they are out of order or too many. */
  prove(first: number, count: number): boolean {
    if (first !== this.#proofGot || first + count > this.#proofBlocks) return false;
    this.#proofGot += count;
    return true;
  }

  /** Its proof matched. */
  trust(): void {
    this.proofOffset = 0;
  }

  #take(offset: number): number {
    const taken = Math.max(0, offset - this.#counted);
    this.#counted += taken;
    return taken;
  }
}
