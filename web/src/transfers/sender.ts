// One outgoing transfer as its sender sees it: what to propose, what to read and send next, what is safe over there.
import { CHUNK_BYTES_MAX, CONTINUES_MAX, DIGESTS_MAX, ITEMS_MAX, MANIFEST_BYTES_MAX } from "../protocol/limits.ts";
import type { Accept, Cancel, Fail, Item, ItemReceipt, Kept, Message, Proof } from "../protocol/messages.ts";
import type { Reason, Taken, TransferId, TransferMessage } from "../protocol/messages.ts";
import { Departure } from "./departure.ts";
import type { Read } from "./departure.ts";
import type { ItemState, SenderEvent } from "./events.ts";
import { itemWeight, proposal, type Wishes } from "./paging.ts";
import { REFUSES_THE_REST, SENDER_HEARS } from "./phases.ts";
import type { SenderPhase } from "./phases.ts";
import { Tally } from "./tally.ts";
import { UnderWay } from "./under-way.ts";

export type { Read } from "./departure.ts";

/**
 * Outlives links: on each new one send `propose()`, after a cut call `detached()`. Then feed it messages, read and send
 * what `nextRead` says, and send `messagesToSend()` after every call that may have changed something.
 */
export class Sender {
  readonly transfer: TransferId;
  readonly items: readonly Item[];
  /** Sums for progress. */
  readonly tally: Tally;
  /** The receiver takes deflated chunks on this link. */
  mayDeflate = false;
  readonly #continues: readonly TransferId[];
  readonly #wishes: Wishes;
  readonly #departures: readonly Departure[];
  #phase: SenderPhase = "detached";
  #left: number;
  /** The person at the receiver paused it: nothing is read until it is let go on, or accepted anew. */
  isHeld = false;
  #paused = false;
  #outgoing: Message[] = [];
  /** Ended as a whole from here while there was no link, or before it could be said. */
  #untold: Cancel | Fail | null = null;
  #kept: Kept[] = [];
  #receipts: ItemReceipt[] = [];
  #window = 0;
  /** Bytes handed out for reading since the accept that were sent or still may be. */
  #claimed = 0;
  #sent = 0;
  #taken = 0;
  readonly #underWay = new UnderWay();
  #cursor = 0;
  /** Items of which bytes are still to be sent; once there is none, `finish` is due. */
  #unsent = 0;
  #finishDue = false;

  constructor(transfer: TransferId, items: readonly Item[], continues: readonly TransferId[] = [], wishes: Wishes = {}) {
    const weight = items.reduce((sum, item) => sum + itemWeight(item), 0);
    if (items.length === 0 || items.length > ITEMS_MAX || weight > MANIFEST_BYTES_MAX) {
      throw new RangeError("a transfer has 1 to 100 000 items, and 32 MiB of names");
    }
    this.transfer = transfer;
    this.items = items;
    this.#continues = continues.slice(-CONTINUES_MAX);
    this.#wishes = wishes;
    this.#departures = items.map((item) => new Departure(item.size));
    this.#left = items.length;
    this.tally = new Tally(
      items.length,
      items.reduce((sum, item) => sum + item.size, 0),
    );
  }

  get isOver(): boolean {
    return this.#phase === "over";
  }

  /** Bytes of it may be read as soon as its window has room. */
  get isReading(): boolean {
    return this.#phase === "open" && !this.#paused && !this.isHeld && this.#unsent > 0;
  }

  state(item: number): ItemState {
    return this.#at(item).state;
  }

  /** Bytes of this item that the receiver has, as far as its `taken` can tell. */
  done(item: number): number {
    return this.#at(item).done;
  }

  /** Bytes of this item that survive a crash of the receiver. */
  safe(item: number): number {
    return this.#at(item).safe;
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
        return this.#take(message);
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
    if (this.#phase === "open" && this.#finishDue && this.#unsent === 0) {
      this.#finishDue = false;
      messages.push({ t: "finish", transfer: this.transfer });
    }
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
    const room = this.#window - (this.#claimed - this.#taken);
    for (let index = this.#cursor; index < this.#departures.length; index++) {
      const departure = this.#at(index);
      const left = departure.isOpen ? departure.size - departure.claimed : 0;
      if (left === 0 && index === this.#cursor) this.#cursor += 1;
      if (left === 0 || departure.paused) continue;
      // Small rests of a window make small chunks; the receiver opens it again before half of it is closed.
      if (room < Math.min(left, CHUNK_BYTES_MAX, Math.max(1, Math.floor(this.#window / 4)))) return null;
      let length = Math.min(left, room, maxBytes);
      if (length < left && length > CHUNK_BYTES_MAX) length -= length % CHUNK_BYTES_MAX;
      const read = { item: index, offset: departure.claimed, length, turn: departure.turn };
      departure.claimed += length;
      departure.state = "moving";
      this.#claimed += length;
      return read;
    }
    return null;
  }

  /**
   * Says that these bytes go to the link now, as chunks in order; ask right before, with no wait in between. False: they
   * are not wanted any more (a cut, a rewind, a cancel), throw them away.
   */
  sent(read: Read): boolean {
    const departure = this.#at(read.item);
    if (this.#phase !== "open" || read.turn !== departure.turn || !departure.isOpen) return false;
    if (read.offset !== departure.sent) throw new Error("the chunks of an item are sent in order");
    departure.sent += read.length;
    this.#sent += read.length;
    this.#underWay.push(read.item, read.turn, read.offset, read.length);
    if (departure.isSent) this.#unsent -= 1;
    return true;
  }

  /** Digests of an item's blocks from number `first` on, as `proof_wanted` asked; returns the messages to send. */
  proved(item: number, first: number, digests: readonly Uint8Array[]): Message[] {
    const departure = this.#at(item);
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
    else this.#at(item).paused = true;
  }

  resume(item: number | null = null): void {
    if (item === null) this.#hold(false);
    else this.#at(item).paused = false;
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
      const departure = this.#at(item);
      if (!departure.isOpen) continue;
      this.#restart(departure, offset);
      if (offset > 0) departure.state = "moving";
      if (!prove || offset === 0) continue;
      departure.proofOffset = offset;
      wanted.push({ t: "proof_wanted", item, offset });
    }
    const receipts = this.#receipts;
    this.#kept = [];
    this.#receipts = [];
    this.#unsent = this.#departures.reduce((sum, departure) => sum + (departure.isSent ? 0 : 1), 0);
    const done = this.#receive(receipts);
    return [{ t: "accepted", kept: this.tally.bytesDone }, ...wanted, ...done];
  }

  #has(item: number, offset: number): boolean {
    return offset <= (this.#departures[item]?.size ?? -1);
  }

  #safe(item: number, offset: number): SenderEvent[] {
    if (!this.#has(item, offset)) return this.fail("protocol");
    const departure = this.#at(item);
    departure.safe = Math.max(departure.safe, offset);
    return [];
  }

  #open(window: number): void {
    this.#phase = "open";
    this.isHeld = false;
    this.#window = window;
    this.#claimed = this.#sent = this.#taken = this.#cursor = 0;
    this.#underWay.clear();
    this.#finishDue = true;
    for (const departure of this.#departures) {
      if (departure.isOpen) this.#restart(departure, 0);
      departure.proofOffset = 0;
      if (departure.told !== null) this.#outgoing.push(departure.told);
    }
    if (this.#paused) this.#outgoing.push({ t: "hold", transfer: this.transfer, held: true }); // it may have forgotten
  }

  /** An item goes on from `offset`; returns how many claimed bytes will never be sent. */
  #restart(departure: Departure, offset: number): number {
    this.tally.bytesDone += offset - departure.done;
    return departure.restart(offset);
  }

  #take({ count }: Taken): SenderEvent[] {
    if (count < this.#taken || count > this.#sent) return this.fail("protocol");
    for (const { item, turn, offset } of this.#underWay.take(count - this.#taken)) {
      const departure = this.#at(item);
      if (!departure.isOpen || departure.turn !== turn) continue;
      this.tally.bytesDone += offset - departure.done;
      departure.done = offset;
    }
    this.#taken = count;
    return [];
  }

  #receive(receipts: readonly ItemReceipt[]): SenderEvent[] {
    const events: SenderEvent[] = [];
    for (const receipt of receipts) {
      const departure = this.#departures[receipt.item];
      if (departure === undefined || receipt.size !== departure.size) return [...events, ...this.fail("protocol")];
      // One that was cancelled or failed here meanwhile is in the inbox all the same: that is what is told.
      if (departure.state === "done") continue;
      if (departure.state === "cancelled" || departure.state === "failed") {
        this.#left += 1;
        this.tally.reopen(departure.state, departure.size);
        departure.done = 0;
        departure.told = null;
      }
      this.#end(departure, "done");
      events.push({ t: "item_done", item: receipt.item, receipt });
    }
    return this.#withOver(events);
  }

  #rewind(item: number, offset: number): SenderEvent[] {
    const departure = this.#departures[item];
    if (departure === undefined) return this.fail("protocol");
    if (!departure.isOpen) return [];
    if (offset >= departure.proofOffset) return this.fail("protocol");
    if (departure.isSent) this.#unsent += 1;
    this.#claimed -= this.#restart(departure, offset);
    departure.proofOffset = 0;
    this.#cursor = Math.min(this.#cursor, item);
    this.#finishDue = true;
    return [{ t: "rewound", item, offset }];
  }

  #endHere(item: number, state: "failed" | "cancelled", message: Fail | Cancel, event: SenderEvent): SenderEvent[] {
    const departure = this.#at(item);
    if (this.isOver || !departure.isOpen) return [];
    this.#outgoing.push(message);
    return this.#endItem(item, state, message, event);
  }

  #endItem(item: number, state: "failed" | "cancelled", message: Fail | Cancel, event: SenderEvent): SenderEvent[] {
    const departure = this.#departures[item];
    if (departure === undefined) return this.fail("protocol");
    if (!departure.isOpen) return [];
    departure.told = message;
    this.#end(departure, state);
    return this.#withOver([event]);
  }

  #endAll(state: "failed" | "cancelled", event: SenderEvent): SenderEvent[] {
    for (const departure of this.#departures) if (departure.isOpen) this.#end(departure, state);
    return this.#withOver([event]);
  }

  #end(departure: Departure, state: "done" | "failed" | "cancelled"): void {
    if (!departure.isSent) this.#unsent -= 1;
    this.#claimed -= departure.claimed - departure.sent;
    departure.claimed = departure.sent;
    departure.turn += 1;
    this.tally.end(state, departure.size, departure.done);
    departure.state = state;
    if (state === "done") departure.done = departure.size;
    this.#left -= 1;
  }

  #withOver(events: SenderEvent[]): SenderEvent[] {
    if (this.#left > 0 || this.isOver) return events;
    this.#phase = "over";
    return [...events, { t: "over" }];
  }

  #at(item: number): Departure {
    const departure = this.#departures[item];
    if (departure === undefined) throw new RangeError("no such item");
    return departure;
  }
}
