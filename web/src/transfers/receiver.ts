// One incoming transfer as its receiver sees it: what is proposed, what has arrived, what may be said to be safe.
import type { Accept, Cancel, Chunk, Fail, Item, ItemReceipt, Kept, Message } from "../protocol/messages.ts";
import type { Proof, Propose, Reason, TransferId, TransferMessage } from "../protocol/messages.ts";
import type { Arrival } from "./arrival.ts";
import { isFinal } from "./events.ts";
import type { ItemCancelled, ItemFailed, ItemState, ReceiverEvent, TransferCancelled, TransferFailed } from "./events.ts";
import { Intake } from "./intake.ts";
import { IncomingManifest } from "./manifest.ts";
import { acceptance, pages, receiptWeight } from "./paging.ts";
import { RECEIVER_HEARS, REFUSES_THE_REST, type ReceiverPhase } from "./phases.ts";
import type { Tally } from "./tally.ts";

/** Bytes wanted and bytes there are, when that is the reason. */
export interface Room {
  readonly needed?: number;
  readonly free?: number;
}

/**
 * Feed it messages and what the shell did; it returns events and keeps messages to send. It outlives links: `detached()`
 * when one is gone, and the same transfer proposed on the next one goes on. Bytes handed out in `bytes_arrived` stay the
 * shell's to write across a cut; if it cannot, it calls `forgetUnwritten`.
 */
export class Receiver {
  readonly transfer: TransferId;
  /** When the last bytes arrived. */
  movedAt: number | null = null;
  /** Cancelled here as a whole: it answers the same proposal with its cancel, also on a later link. */
  isStopped = false;
  /** The person here paused the whole transfer; the shell says so, and accepts nothing until it goes on. */
  isHeld = false;
  #toldHeld = false;
  #phase: ReceiverPhase = "new";
  #isLinked = false;
  #incoming = new IncomingManifest();
  #manifest: readonly Item[] = [];
  #intake = new Intake();
  #accepted = false;
  #outgoing: Message[] = [];
  #receipts: ItemReceipt[] = [];

  constructor(transfer: TransferId) {
    this.transfer = transfer;
  }

  /** Nothing will happen any more; unless it `isStopped`, the same proposal again deserves a new receiver. */
  get isOver(): boolean {
    return this.#phase === "over";
  }

  /** The manifest, once it was whole. */
  get items(): readonly Item[] {
    return this.#manifest;
  }

  /** Sums for progress. */
  get tally(): Tally {
    return this.#intake.tally;
  }

  state(item: number): ItemState {
    return this.#intake.at(item).state;
  }

  /** Whether this item still awaits proof; after a rewind what is left of its proof is of no use. */
  awaitsProof(item: number): boolean {
    return this.#intake.at(item).isOpen && this.#intake.at(item).awaitsProof;
  }

  // --- what the peer says

  /** Takes one message about this transfer. */
  receive(message: TransferMessage, now: number): ReceiverEvent[] {
    if (message.t === "propose") {
      this.#isLinked = true;
      if (this.isStopped) this.#outgoing = [{ t: "cancel", transfer: this.transfer }];
    }
    if (!RECEIVER_HEARS[this.#phase].includes(message.t)) {
      return REFUSES_THE_REST.has(this.#phase) ? this.#withOver(this.#fail("protocol")) : [];
    }
    return this.#withOver(this.#hear(message, now));
  }

  #hear(message: TransferMessage, now: number): ReceiverEvent[] {
    switch (message.t) {
      case "chunk":
        this.movedAt = now;
        return this.#chunk(message);
      case "propose":
        return this.#page(message);
      case "proof":
        return this.#proof(message);
      case "finish":
        return this.#finish();
      case "hold":
        return [{ t: "held", held: message.held }];
      case "cancel":
        return message.item === undefined
          ? this.#endAll("cancelled", { t: "transfer_cancelled" })
          : this.#endedBySender("cancelled", { t: "item_cancelled", item: message.item });
      case "fail": {
        const { item, reason, needed, free } = message;
        return item === undefined
          ? this.#endAll("failed", { t: "transfer_failed", reason, needed, free })
          : this.#endedBySender("failed", { t: "item_failed", item, reason });
      }
      default:
        return [];
    }
  }

  #page(page: Propose): ReceiverEvent[] {
    if (this.#phase !== "proposing") {
      this.#phase = "proposing";
      this.#incoming = new IncomingManifest(this.#accepted ? this.#manifest : null);
    }
    const result = this.#incoming.add(page);
    if (result === "more") return [];
    if (result !== "whole") {
      this.#outgoing.push({ t: "decline", transfer: this.transfer, reason: result.refused });
      return this.#endAll("failed", { t: "transfer_failed", reason: result.refused });
    }
    this.#phase = "proposed";
    if (!this.#accepted) {
      this.#manifest = this.#incoming.items;
      this.#intake = new Intake(this.#manifest.map((item) => item.size));
    }
    const { continues } = this.#incoming;
    return [{ t: "proposed", items: this.#manifest, continues, again: this.#accepted }];
  }

  #chunk({ item: index, offset, content, isSpoiled }: Chunk): ReceiverEvent[] {
    const count = content.length;
    const item = this.#intake.arrivals[index];
    if (isSpoiled === true || !this.#intake.receive(count) || item === undefined) return this.#fail("protocol");
    if (item.rewound && offset === item.arrived) item.rewound = false;
    if (item.rewound || !item.isOpen) return [this.#drain(count)];
    if (offset !== item.arrived || offset + count > item.size) {
      return [this.#drain(count), ...this.#failItem(index, "protocol")];
    }
    item.arrived += count;
    item.state = "moving";
    return [{ t: "bytes_arrived", item: index, offset, content }, ...this.#complete(index)];
  }

  #proof({ item: index, first, digests }: Proof): ReceiverEvent[] {
    const item = this.#intake.arrivals[index];
    if (item === undefined) return this.#fail("protocol");
    if (!this.awaitsProof(index)) return [];
    if (!item.prove(first, digests.length)) return this.#failItem(index, "protocol");
    return [{ t: "proof_arrived", item: index, first, digests, last: item.isProofWhole, offset: item.proofOffset }];
  }

  #finish(): ReceiverEvent[] {
    // A rewound item is not short: the sender may not have heard of it yet, and says `finish` again.
    return this.#intake.arrivals.flatMap((item, index) =>
      item.isOpen && !item.isWhole && !item.rewound ? this.#failItem(index, "short") : [],
    );
  }

  #endedBySender(state: "failed" | "cancelled", event: ItemCancelled | ItemFailed): ReceiverEvent[] {
    if (this.#intake.arrivals.length === 0) return [];
    const item = this.#intake.arrivals[event.item];
    if (item === undefined) return this.#fail("protocol");
    if (!item.isOpen) return []; // too late: it is being placed, or was ended from here
    this.#intake.end(event.item, state);
    return [event];
  }

  // --- what the shell does

  /**
   * Wants it. `kept` and `receipts` are what is held already; a receiver that has accepted before knows better. Without
   * effect when the link was cut meanwhile.
   */
  accept(window: number, kept: readonly Kept[] = [], receipts: readonly ItemReceipt[] = []): ReceiverEvent[] {
    if (this.#phase !== "proposed") return [];
    if (!this.#accepted) this.#recall(kept, receipts);
    this.#accepted = true;
    this.#toldHeld = false;
    this.#phase = "open";
    this.#intake.open(window);
    // The acceptance says it all, whatever became of items since the last link.
    this.#outgoing = [...this.#acceptance(window), ...this.#intake.arrivals.flatMap((item) => item.told ?? [])];
    this.#receipts = [];
    return this.#withOver(this.#intake.arrivals.flatMap((_, index) => this.#complete(index)));
  }

  #recall(kept: readonly Kept[], receipts: readonly ItemReceipt[]): void {
    for (const receipt of receipts) {
      const item = this.#intake.at(receipt.item);
      if (!item.isOpen) continue; // cancelled since it was proposed
      item.receipt = receipt;
      this.#intake.end(receipt.item, "done");
    }
    for (const { item, offset, prove } of kept) {
      if (this.#intake.at(item).isOpen) this.#intake.startAt(item, offset, prove ?? false);
    }
  }

  #acceptance(window: number): Accept[] {
    return acceptance(this.transfer, window, this.#intake.kept(), this.#intake.receipts());
  }

  /** Does not want it; without effect unless it is proposed. */
  decline(reason: Reason, room: Room = {}): ReceiverEvent[] {
    if (this.#phase !== "proposed") return [];
    this.#outgoing.push({ t: "decline", transfer: this.transfer, reason, ...room });
    return this.#withOver(this.#endAll("failed", { t: "transfer_failed", reason, ...room }));
  }

  /** The first `offset` bytes of this item are written. */
  wrote(index: number, offset: number): void {
    this.#intake.wrote(index, offset);
  }

  /** The first `offset` bytes of this item survive a crash. */
  synced(index: number, offset: number): void {
    this.#intake.synced(index, offset);
  }

  /** All of its proof matched. */
  proofOk(index: number): ReceiverEvent[] {
    const item = this.#intake.at(index);
    if (!this.awaitsProof(index) || !item.isProofWhole) return [];
    item.trust();
    return this.#phase === "open" ? this.#complete(index) : [];
  }

  /** Its proof did not match: the shell has dropped everything from `offset` on, written or not. */
  rewind(index: number, offset: number): ReceiverEvent[] {
    if (!this.awaitsProof(index)) return [];
    this.#intake.rewind(index, offset);
    if (this.#phase === "open") {
      this.#intake.at(index).rewound = true;
      this.#outgoing.push({ t: "rewind", transfer: this.transfer, item: index, offset });
    }
    return [];
  }

  /** It is where it belongs, under its name. */
  placed(index: number, receipt: ItemReceipt): ReceiverEvent[] {
    const item = this.#intake.at(index);
    if (item.state !== "placing") return [];
    item.receipt = receipt;
    this.#intake.end(index, "done");
    this.#receipts.push(receipt);
    return this.#withOver([]);
  }

  /** This item cannot go on here; what is kept of it stays. */
  failItem(index: number, reason: Reason, room: Room = {}): ReceiverEvent[] {
    return this.#withOver(this.#failItem(index, reason, room));
  }

  /** The whole transfer cannot go on here. */
  fail(reason: Reason, room: Room = {}): ReceiverEvent[] {
    return this.#withOver(this.#fail(reason, room));
  }

  /** The person here does not want this item, or any of it. */
  cancel(index: number | null = null): ReceiverEvent[] {
    if (index === null) {
      if (!this.#isEnding) {
        this.isStopped = true;
        this.#outgoing.push({ t: "cancel", transfer: this.transfer });
      }
      return this.#withOver(this.#endAll("cancelled", { t: "transfer_cancelled" }));
    }
    const item = this.#intake.at(index);
    if (!item.isOpen) return [];
    this.#tell(item, { t: "cancel", transfer: this.transfer, item: index });
    this.#intake.end(index, "cancelled");
    return this.#withOver([{ t: "item_cancelled", item: index }]);
  }

  /** The link is gone, and with it whatever was not sent. */
  detached(): void {
    this.#isLinked = this.#toldHeld = false;
    this.#outgoing = [];
    this.#receipts = [];
    this.#intake.detached();
    if (!this.#isEnding) this.#phase = this.#accepted ? "detached" : "new";
  }

  /** The shell has lost what it was handed and had not written. */
  forgetUnwritten(): void {
    this.#intake.forgetUnwritten();
  }

  /** Everything to tell the peer by now, in order; empty while there is no link, or no answer to its proposal. */
  messagesToSend(now: number): Message[] {
    if (!this.#isLinked || this.#phase === "proposing") return [];
    const hold = this.#sayHold();
    if (this.#phase === "proposed") return hold;
    const { transfer } = this;
    const messages = this.#outgoing;
    this.#outgoing = [];
    messages.push(...pages(this.#receipts, receiptWeight).map((receipts) => ({ t: "receipt", transfer, receipts }) as const));
    this.#receipts = [];
    for (const { item, offset } of this.#intake.saySafe()) messages.push({ t: "safe", transfer, item, offset });
    const taken = this.#phase === "open" ? this.#intake.sayTaken(now) : null;
    if (taken !== null) messages.push({ t: "taken", transfer, count: taken });
    return [...messages, ...hold];
  }

  #sayHold(): Message[] {
    if ((this.#phase !== "proposed" && this.#phase !== "open") || this.isHeld === this.#toldHeld) return [];
    this.#toldHeld = this.isHeld;
    return [{ t: "hold", transfer: this.transfer, held: this.isHeld }];
  }

  // --- within

  get #isEnding(): boolean {
    return this.#phase === "closing" || this.#phase === "over";
  }

  #drain(count: number): ReceiverEvent {
    this.#intake.drain(count);
    return { t: "drained", count };
  }

  #complete(index: number): ReceiverEvent[] {
    const item = this.#intake.at(index);
    if (!item.isOpen || !item.isWhole || item.awaitsProof) return [];
    item.state = "placing";
    return [{ t: "item_complete", item: index }];
  }

  #failItem(index: number, reason: Reason, room: Room = {}): ReceiverEvent[] {
    const item = this.#intake.at(index);
    if (isFinal(item.state)) return [];
    this.#tell(item, { t: "fail", transfer: this.transfer, reason, item: index, ...room });
    this.#intake.end(index, "failed");
    return [{ t: "item_failed", item: index, reason, ...room }];
  }

  #fail(reason: Reason, room: Room = {}): ReceiverEvent[] {
    if (!this.#isEnding) this.#outgoing.push({ t: "fail", transfer: this.transfer, reason, ...room });
    return this.#endAll("failed", { t: "transfer_failed", reason, ...room });
  }

  #endAll(state: "failed" | "cancelled", event: TransferCancelled | TransferFailed): ReceiverEvent[] {
    if (this.#isEnding) return [];
    this.#intake.endOpen(state);
    this.#phase = "closing";
    return [event];
  }

  #tell(item: Arrival, message: Fail | Cancel): void {
    item.told = message;
    this.#outgoing.push(message);
  }

  #withOver(events: ReceiverEvent[]): ReceiverEvent[] {
    const isDone = this.#intake.left === 0 && (this.#phase === "closing" || this.#intake.arrivals.length > 0);
    if (!isDone || this.#phase === "over" || this.#phase === "proposing" || this.#phase === "proposed") return events;
    this.#phase = "over";
    return [...events, { t: "over" }];
  }
}
