// One transfer another device offers to this page: asked, then taken item by item, over as many links as it needs.
import { WINDOW_BYTES } from "../protocol/limits.ts";
import type { Item, ItemReceipt, Kept, Message, Reason, TransferId, TransferMessage } from "../protocol/messages.ts";
import type { ProofArrived, ReceiverEvent } from "../transfers/events.ts";
import { Receiver } from "../transfers/receiver.ts";
import type { IncomingState, LedgerUpdate } from "./peer-bridge.ts";
import type { Clock } from "./clock.ts";
import { Ledger } from "./ledger.ts";
import type { Digest } from "./proof.ts";
import type { Lack, Saved, Sinks } from "./sinks/port.ts";
import { type Hasher, Taking } from "./taking.ts";

export interface IncomingPorts {
  readonly clock: Clock;
  readonly hasher: () => Hasher;
  /** For what an earlier page load has left; without it that is not used. */
  readonly digest?: () => Promise<Digest>;
  readonly post: (messages: readonly Message[]) => void;
  /** Its state, or what is in it, has changed. */
  readonly onChange: (incoming: Incoming) => void;
  readonly onRows: (update: LedgerUpdate) => void;
  readonly onSaved: (item: number, saved: Saved) => void;
}

const OVER: ReadonlySet<IncomingState> = new Set(["done", "declined", "cancelled", "failed"]);

export class Incoming {
  readonly transfer: TransferId;
  state: IncomingState = "asked";
  reason: Reason | null = null;
  isHeld = false;
  readonly #ports: IncomingPorts;
  readonly #ledger: Ledger;
  readonly #takings = new Map<number, Taking>();
  readonly #receipts = new Map<number, ItemReceipt>();
  #receiver: Receiver;
  #items: readonly Item[] | null = null; // null until the manifest was whole once
  #sinks: Sinks | null = null;
  #refused: ReadonlyMap<number, Lack> = new Map(); // as they do not fit here
  #kept: readonly Kept[] = []; // of an earlier page load
  #isTakingUp = false; // what that has left is read: no proposal is answered before
  #isUnanswered = false; // proposed again while it is held

  constructor(transfer: TransferId, ports: IncomingPorts) {
    this.transfer = transfer;
    this.#ports = ports;
    this.#receiver = new Receiver(transfer);
    this.#ledger = new Ledger(ports.clock, (update) => {
      if (update.t === "items" || update.t === "total") ports.onRows(update);
    });
  }

  /** What is offered; empty while its manifest is still on its way. */
  get items(): readonly Item[] {
    return this.#items ?? [];
  }

  get done(): number {
    return this.#receipts.size;
  }

  get failed(): number {
    return this.#receiver.tally.itemsFailed;
  }

  get isOver(): boolean {
    return OVER.has(this.state);
  }

  receive(message: TransferMessage): void {
    if (message.t !== "propose" && this.isOver && this.#sinks === null) return;
    // Proposed again after it was over: the sender did not hear how it ended.
    if (message.t === "propose" && this.#receiver.isOver && !this.#receiver.isStopped) this.#receiver = new Receiver(this.transfer);
    this.#happened(this.#receiver.receive(message, this.#ports.clock.now()));
  }

  /** The link is gone: what arrived is kept, the same transfer goes on when it is proposed again. */
  detach(): void {
    this.#isUnanswered = false;
    this.#receiver.detached();
    this.#ledger.rebase();
  }

  /** The person wants it, here. Without effect unless it is asked. */
  accept(sinks: Sinks): void {
    if (this.state !== "asked" || this.#items === null) return;
    this.#receiver.isHeld = false;
    this.#sinks = sinks;
    this.#refused = sinks.refused(this.#items);
    this.#become("receiving");
    if (sinks.keeps === true && this.#ports.digest !== undefined) void this.#takeUp(this.#ports.digest);
    else this.#happened(this.#take());
  }

  /** Nothing is said before it is known how much is here, and that it can be read. */
  async #takeUp(ready: () => Promise<Digest>): Promise<void> {
    this.#isTakingUp = true;
    const digest = await ready();
    for (const index of this.items.keys()) {
      if (this.isOver || this.#refused.has(index)) continue;
      const offset = await this.#taking(index).takeUp(digest);
      if (offset === 0) continue;
      this.#kept = [...this.#kept, { item: index, offset, prove: true }];
      this.#ledger.change(index, { state: "sending", done: offset });
    }
    this.#isTakingUp = false;
    this.#isUnanswered = this.isHeld;
    if (!this.isOver && !this.isHeld) this.#happened(this.#take());
  }

  /** The person had wanted it in an earlier page load, and paused it: that is said, and nothing else yet. */
  pauseUnanswered(): void {
    this.#receiver.isHeld = true;
  }

  /** Held, nothing is written: the window closes by itself, and no proposal is answered. */
  hold(isHeld: boolean): void {
    if (this.isOver || this.state === "asked" || isHeld === this.isHeld) return;
    this.isHeld = this.#receiver.isHeld = isHeld;
    this.#ledger.paused = isHeld;
    for (const taking of this.#takings.values()) taking.hold(isHeld);
    this.#ports.onChange(this);
    if (isHeld || !this.#isUnanswered) return this.#happened([]);
    this.#isUnanswered = false;
    this.#happened(this.#take());
  }

  decline(reason: Reason = "declined"): void {
    if (this.state !== "asked") return;
    this.#become("declined", reason);
    this.#happened(this.#receiver.decline(reason));
  }

  cancel(item: number | null): void {
    if (this.isOver) return;
    if (item === null && this.state === "asked") return this.decline();
    this.#happened(this.#receiver.cancel(item));
  }

  /** Its sender is gone for good: what is whole stays. */
  abandon(): void {
    if (this.isOver) return;
    this.#ended("cancelled");
    if (this.#sinks === null) this.#release();
  }

  /** Says yes to what was proposed; while there is no link that waits for the next proposal. */
  #take(): readonly ReceiverEvent[] {
    this.#ledger.rebase();
    for (const taking of this.#takings.values()) taking.awaitProof();
    const refused = [...this.#refused].flatMap(([item, lack]) => this.#receiver.failItem(item, "no_space", lack));
    return [...refused, ...this.#receiver.accept(WINDOW_BYTES, this.#kept)];
  }

  #happened(events: readonly ReceiverEvent[]): void {
    this.#act(events);
    this.#ports.post(this.#receiver.messagesToSend(this.#ports.clock.now()));
    if (this.isOver && this.#sinks === null) this.#release();
  }

  /** Nobody wanted it: what it was is not kept, that it is over is. */
  #release(): void {
    this.#items = [];
    this.#receiver = new Receiver(this.transfer);
  }

  #act(events: readonly ReceiverEvent[]): void {
    for (const event of events) this.#act(this.#step(event));
  }

  #step(event: ReceiverEvent): readonly ReceiverEvent[] {
    switch (event.t) {
      case "proposed":
        return this.#proposed(event.items);
      case "bytes_arrived":
        this.#taking(event.item).take(event.content);
        return [];
      case "item_complete":
        this.#taking(event.item).whole();
        return [];
      case "item_failed":
        this.#drop(event.item);
        this.#ledger.change(event.item, { state: "failed", reason: event.reason });
        return [];
      case "item_cancelled":
        this.#drop(event.item);
        this.#ledger.drop(event.item);
        return [];
      case "transfer_failed":
        return this.#ended(this.state === "declined" ? "declined" : "failed", event.reason);
      case "transfer_cancelled":
        return this.#ended("cancelled");
      case "over":
        if (this.state === "receiving") this.#become("done");
        return [];
      case "proof_arrived":
        return this.#proof(event);
      case "drained":
      case "held": // whoever pauses knows; the rows here merely stand still
        return [];
    }
  }

  #proposed(items: readonly Item[]): readonly ReceiverEvent[] {
    if (this.#items === null) {
      this.#items = items;
      for (const [id, { name, size }] of items.entries()) {
        this.#ledger.put({ id, name, size, done: 0, state: "waiting", reason: null, finalName: null, preparing: false });
      }
      this.#ports.onChange(this);
      return [];
    }
    if (this.state === "asked") return [];
    if (this.state === "declined") return this.#receiver.decline(this.reason ?? "declined");
    if (!this.isOver) {
      this.#isUnanswered = this.isHeld;
      return this.isHeld || this.#isTakingUp ? [] : this.#take();
    }
    // Everything was decided before; only the words were lost.
    const receipts = [...this.#receipts.values()].filter(({ item }) => item < items.length);
    const lost = items.flatMap((_, item) => (this.#receipts.has(item) ? [] : this.#receiver.failItem(item, this.reason ?? "declined")));
    return [...lost, ...this.#receiver.accept(WINDOW_BYTES, [], receipts)];
  }

  #proof({ item, first, digests, last, offset }: ProofArrived): readonly ReceiverEvent[] {
    const taking = this.#taking(item);
    if (taking.isSame(first, digests, offset)) {
      if (!last) return [];
      taking.trust();
      return this.#receiver.proofOk(item);
    }
    taking.startOver();
    this.#ledger.change(item, { done: 0 });
    return this.#receiver.rewind(item, 0);
  }

  #taking(index: number): Taking {
    const known = this.#takings.get(index);
    if (known !== undefined) return known;
    const item = this.#items?.[index];
    if (item === undefined || this.#sinks === null) throw new RangeError(`bytes of item ${index}, which was never accepted`);
    const taking = new Taking(item, index, this.#sinks, {
      clock: this.#ports.clock,
      hasher: this.#ports.hasher,
      onTaken: (offset) => {
        this.#receiver.wrote(index, offset);
        this.#ledger.change(index, { state: "sending", done: offset });
        this.#happened([]);
      },
      onFinished: (saved, sha256) => this.#finished(index, saved, sha256),
      onFailed: (reason) => {
        this.#takings.delete(index);
        this.#happened(this.#receiver.failItem(index, reason));
      },
    });
    taking.hold(this.isHeld);
    this.#takings.set(index, taking);
    return taking;
  }

  #finished(index: number, saved: Saved, sha256: string): void {
    this.#takings.delete(index);
    const size = this.#items?.[index]?.size ?? 0;
    const receipt: ItemReceipt = { item: index, name: saved.name, size, sha256, handed_over: true };
    this.#receipts.set(index, receipt);
    this.#ledger.change(index, { state: "done", done: size, finalName: saved.name });
    this.#ports.onSaved(index, saved);
    this.#happened(this.#receiver.placed(index, receipt));
  }

  #drop(item: number): void {
    this.#takings.get(item)?.discard();
    this.#takings.delete(item);
    this.#sinks?.forget(item);
  }

  /** It ended as a whole; an item that is just being finished is finished all the same. */
  #ended(state: "failed" | "cancelled" | "declined", reason: Reason | null = null): readonly ReceiverEvent[] {
    this.#sinks?.drop?.();
    for (const item of this.items.keys()) {
      if (this.#receipts.has(item) || (this.#items !== null && this.#receiver.state(item) === "placing")) continue;
      this.#drop(item);
      if (state === "failed") this.#ledger.change(item, { state: "failed", reason });
      else this.#ledger.drop(item);
    }
    this.#become(state, reason);
    return [];
  }

  #become(state: IncomingState, reason: Reason | null = null): void {
    this.state = state;
    this.reason = reason;
    this.#ports.onChange(this);
  }
}
