// One outgoing transfer as its sender sees it: what to propose, what to read and send next, what is safe over there.
import { CONTINUES_MAX, DIGESTS_MAX, ITEMS_MAX, MANIFEST_BYTES_MAX } from "../protocol/limits.ts";
import type { Accept, Cancel, Fail, Item, ItemReceipt, Kept, Message, Proof } from "../protocol/messages.ts";
import type { Reason, TransferId, TransferMessage } from "../protocol/messages.ts";
import type { Read } from "./departure.ts";
import { Dispatch } from "./dispatch.ts";
import type { ItemState, SenderEvent } from "./events.ts";
import { itemWeight, proposal, type Wishes } from "./paging.ts";
import { REFUSES_THE_REST, SENDER_HEARS } from "./phases.ts";
import type { SenderPhase } from "./phases.ts";
import type { Tally } from "./tally.ts";

export type { Read } from "./departure.ts";

/**
 * Outlives links: on each new one send `propose()`, after a cut call `detached()`. Then feed it messages, read and send
 * what `nextRead` says, and send `messagesToSend()` after every call that may have changed something.
 */
export class Sender {
  readonly transfer: TransferId;
  readonly items: readonly Item[];
  /** The receiver takes deflated chunks on this link. */
  mayDeflate = false;
  readonly #continues: readonly TransferId[];
  readonly #wishes: Wishes;
  readonly #dispatch: Dispatch;
  #phase: SenderPhase = "detached";
  /** The person at the receiver paused it: nothing is read until it is let go on, or accepted anew. */
  isHeld = false;
  #paused = false;
  #outgoing: Message[] = [];
  /** Ended as a whole from here while there was no link, or before it could be said. */
  #untold: Cancel | Fail | null = null;
  #kept: Kept[] = [];
  #receipts: ItemReceipt[] = [];

  constructor(transfer: TransferId, items: readonly Item[], continues: readonly TransferId[] = [], wishes: Wishes = {}) {
    const weight = items.reduce((sum, item) => sum + itemWeight(item), 0);
    if (items.length === 0 || items.length > ITEMS_MAX || weight > MANIFEST_BYTES_MAX) {
      throw new RangeError("a transfer has 1 to 100 000 items, and 32 MiB of names");
    }
    this.transfer = transfer;
    this.items = items;
    this.#continues = continues.slice(-CONTINUES_MAX);
    this.#wishes = wishes;
    this.#dispatch = new Dispatch(items.map((item) => item.size));
  }

  get isOver(): boolean {
    return this.#phase === "over";
  }

  /** Bytes of it may be read as soon as its window has room. */
  get isReading(): boolean {
    return this.#phase === "open" && !this.#paused && !this.isHeld && this.#dispatch.hasUnsent;
  }

  /** Sums for progress. */
  get tally(): Tally {
    return this.#dispatch.tally;
  }

  state(item: number): ItemState {
    return this.#dispatch.at(item).state;
  }

  /** Bytes of this item that the receiver has, as far as its `taken` can tell. */
  done(item: number): number {
    return this.#dispatch.at(item).done;
  }

  /** Bytes of this item that survive a crash of the receiver. */
  safe(item: number): number {
    return this.#dispatch.at(item).safe;
  }

  // --- messages

  /** The whole proposal, for a new link. A transfer that ended from here meanwhile only says so. */
  propose(): Message[] {
    this.detached();
    if (this.isOver) return this.messagesToSend();
    this.#phase = "proposed";
    return proposal(this.transfer, this.items, this.#continues, this.#wishes);
  }

  /** Takes one message about this transfer. */
  receive(message: TransferMessage): SenderEvent[] {
    if (!SENDER_HEARS[this.#phase].includes(message.t)) {
      return REFUSES_THE_REST.has(this.#phase) ? this.fail("protocol") : [];
    }
    switch (message.t) {
      case "defer":
        return [{ t: "deferred" }];
      case "accept":
        return this.#accept(message);
      case "hold":
        this.isHeld = message.held;
        return [{ t: "held", held: message.held }];
      case "decline": {
        const { reason, needed, free } = message;
        return this.#endAll("failed", { t: "declined", reason, needed, free });
      }
      case "taken":
        return this.#dispatch.take(message.count) ? [] : this.fail("protocol");
      case "safe":
        return this.#safe(message.item, message.offset);
      case "receipt":
        return this.#receive(message.receipts);
      case "rewind":
        return this.#rewind(message.item, message.offset);
      case "cancel":
        return message.item === undefined
          ? this.#endAll("cancelled", { t: "transfer_cancelled" })
          : this.#endItem(message.item, "cancelled", message, { t: "item_cancelled", item: message.item });
      case "fail": {
        const { item, reason, needed, free } = message;
        return item === undefined
          ? this.#endAll("failed", { t: "transfer_failed", reason, needed, free })
          : this.#endItem(item, "failed", message, { t: "item_failed", item, reason, needed, free });
      }
      default:
        return [];
    }
  }

  /** Everything to tell the peer by now, in order; empty while there is no link. */
  messagesToSend(): Message[] {
    if (this.#phase === "detached") return [];
    const messages = this.#outgoing;
    this.#outgoing = [];
    if (this.#untold !== null) messages.push(this.#untold);
    this.#untold = null;
    if (this.#phase === "open" && this.#dispatch.sayFinish()) messages.push({ t: "finish", transfer: this.transfer });
    return messages;
  }

  /** The link is gone, and with it whatever was not taken; what was handed out for reading is not wanted any more. */
  detached(): void {
    this.isHeld = false;
    if (this.#phase === "over") return;
    this.#phase = "detached";
    this.#outgoing = [];
    this.#kept = [];
    this.#receipts = [];
  }

  // --- bytes

  /** What to read and send next, at most `maxBytes`; null while there is nothing, or no room in the window. */
  nextRead(maxBytes: number): Read | null {
    if (this.#phase !== "open" || this.#paused || this.isHeld) return null;
    return this.#dispatch.nextRead(maxBytes);
  }

  /**
   * Says that these bytes go to the link now, as chunks in order; ask right before, with no wait in between. False: they
   * are not wanted any more (a cut, a rewind, a cancel), throw them away.
   */
  sent(read: Read): boolean {
    return this.#phase === "open" && this.#dispatch.sent(read);
  }

  /** Digests of an item's blocks from number `first` on, as `proof_wanted` asked; returns the messages to send. */
  proved(item: number, first: number, digests: readonly Uint8Array[]): Message[] {
    const departure = this.#dispatch.at(item);
    if (this.#phase !== "open" || departure.proofOffset === 0 || !departure.isOpen) return [];
    const proofs: Proof[] = [];
    for (let start = 0; start < digests.length; start += DIGESTS_MAX) {
      const run = digests.slice(start, start + DIGESTS_MAX);
      proofs.push({ t: "proof", transfer: this.transfer, item, first: first + start, digests: run });
    }
    return proofs;
  }

  // --- what the person, or the shell, does

  /** Nothing more of this item, or of the whole transfer, is read until `resume`. */
  pause(item: number | null = null): void {
    if (item === null) this.#hold(true);
    else this.#dispatch.at(item).paused = true;
  }

  resume(item: number | null = null): void {
    if (item === null) this.#hold(false);
    else this.#dispatch.at(item).paused = false;
  }

  #hold(held: boolean): void {
    if (held !== this.#paused && this.#phase === "open") this.#outgoing.push({ t: "hold", transfer: this.transfer, held });
    this.#paused = held;
  }

  /** The person does not want this item, or the rest of the transfer. */
  cancel(item: number | null = null): SenderEvent[] {
    if (item === null) {
      if (this.isOver) return [];
      this.#untold = { t: "cancel", transfer: this.transfer };
      return this.#endAll("cancelled", { t: "transfer_cancelled" });
    }
    return this.#endHere(item, "cancelled", { t: "cancel", transfer: this.transfer, item }, { t: "item_cancelled", item });
  }

  /** This item cannot be read here. */
  failItem(item: number, reason: Reason): SenderEvent[] {
    return this.#endHere(item, "failed", { t: "fail", transfer: this.transfer, reason, item }, { t: "item_failed", item, reason });
  }

  /** The whole transfer cannot go on. */
  fail(reason: Reason): SenderEvent[] {
    if (this.isOver) return [];
    this.#untold = { t: "fail", transfer: this.transfer, reason };
    return this.#endAll("failed", { t: "transfer_failed", reason });
  }

  // --- within

  #accept(accept: Accept): SenderEvent[] {
    const { kept = [], receipts: pageOfReceipts = [] } = accept;
    this.#kept.push(...kept);
    this.#receipts.push(...pageOfReceipts);
    const honest =
      kept.every((each) => this.#has(each.item, each.offset)) &&
      pageOfReceipts.every((receipt) => this.#has(receipt.item, 0)) &&
      this.#kept.length + this.#receipts.length <= 2 * this.items.length;
    if (!honest) return this.fail("protocol");
    if (accept.more) return [];
    this.#open(accept.window);
    this.mayDeflate = accept.deflate === true;
    const wanted: SenderEvent[] = [];
    for (const { item, offset, prove } of this.#kept) {
      if (!this.#dispatch.at(item).isOpen) continue;
      this.#dispatch.goOn(item, offset, prove === true);
      if (prove === true && offset > 0) wanted.push({ t: "proof_wanted", item, offset });
    }
    const receipts = this.#receipts;
    this.#kept = [];
    this.#receipts = [];
    const done = this.#receive(receipts);
    return [{ t: "accepted", kept: this.tally.bytesDone }, ...wanted, ...done];
  }

  #has(item: number, offset: number): boolean {
    return offset <= (this.items[item]?.size ?? -1);
  }

  #safe(item: number, offset: number): SenderEvent[] {
    if (!this.#has(item, offset)) return this.fail("protocol");
    const departure = this.#dispatch.at(item);
    departure.safe = Math.max(departure.safe, offset);
    return [];
  }

  #open(window: number): void {
    this.#phase = "open";
    this.isHeld = false;
    this.#dispatch.open(window);
    for (const { told } of this.#dispatch.departures) if (told !== null) this.#outgoing.push(told);
    if (this.#paused) this.#outgoing.push({ t: "hold", transfer: this.transfer, held: true }); // it may have forgotten
  }

  #receive(receipts: readonly ItemReceipt[]): SenderEvent[] {
    const events: SenderEvent[] = [];
    for (const receipt of receipts) {
      if (receipt.size !== this.items[receipt.item]?.size) return [...events, ...this.fail("protocol")];
      // One that was cancelled or failed here meanwhile is in the inbox all the same: that is what is told.
      if (this.state(receipt.item) === "done") continue;
      this.#dispatch.endDone(receipt.item);
      events.push({ t: "item_done", item: receipt.item, receipt });
    }
    return this.#withOver(events);
  }

  #rewind(item: number, offset: number): SenderEvent[] {
    const departure = this.#dispatch.departures[item];
    if (departure === undefined) return this.fail("protocol");
    if (!departure.isOpen) return [];
    return this.#dispatch.rewind(item, offset) ? [{ t: "rewound", item, offset }] : this.fail("protocol");
  }

  #endHere(item: number, state: "failed" | "cancelled", message: Fail | Cancel, event: SenderEvent): SenderEvent[] {
    if (this.isOver || !this.#dispatch.at(item).isOpen) return [];
    this.#outgoing.push(message);
    return this.#endItem(item, state, message, event);
  }

  #endItem(item: number, state: "failed" | "cancelled", message: Fail | Cancel, event: SenderEvent): SenderEvent[] {
    const departure = this.#dispatch.departures[item];
    if (departure === undefined) return this.fail("protocol");
    if (!departure.isOpen) return [];
    departure.told = message;
    this.#dispatch.end(item, state);
    return this.#withOver([event]);
  }

  #endAll(state: "failed" | "cancelled", event: SenderEvent): SenderEvent[] {
    this.#dispatch.endOpen(state);
    return this.#withOver([event]);
  }

  #withOver(events: SenderEvent[]): SenderEvent[] {
    if (this.#dispatch.left > 0 || this.isOver) return events;
    this.#phase = "over";
    return [...events, { t: "over" }];
  }
}
