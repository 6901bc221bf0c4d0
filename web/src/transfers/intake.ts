// The bytes of all items on their way in: what arrived, is written and safe, how much is under way, what is left.
import type { ItemReceipt, Kept } from "../protocol/messages.ts";
import { Arrival } from "./arrival.ts";
import { isFinal } from "./events.ts";
import { Flow } from "./flow.ts";
import { Tally } from "./tally.ts";

/** The receiver's own bookkeeping: it counts, and the receiver says to peer and shell what that means. */
export class Intake {
  readonly arrivals: readonly Arrival[];
  readonly tally: Tally;
  #left: number;
  readonly #flow = new Flow();
  readonly #safe = new Set<number>();

  constructor(sizes: readonly number[] = []) {
    this.arrivals = sizes.map((size) => new Arrival(size));
    this.tally = new Tally(
      sizes.length,
      sizes.reduce((sum, size) => sum + size, 0),
    );
    this.#left = sizes.length;
  }

  /** Items that have no end yet. */
  get left(): number {
    return this.#left;
  }

  at(index: number): Arrival {
    const arrival = this.arrivals[index];
    if (arrival === undefined) throw new RangeError("no such item");
    return arrival;
  }

  // --- link by link

  /** This much of an item is held already. */
  startAt(index: number, offset: number, prove: boolean): void {
    this.at(index).startAt(offset, prove);
    this.tally.bytesDone += offset;
  }

  /** A new accept: counting starts anew. */
  open(window: number): void {
    this.#flow.open(window);
    this.#safe.clear();
    for (const arrival of this.arrivals) arrival.relink();
  }

  /** The link is gone; what is safe is said by the next accept. */
  detached(): void {
    this.#safe.clear();
    for (const arrival of this.arrivals) arrival.rewound = false;
  }

  /** What the sender need not send again. */
  kept(): Kept[] {
    return this.arrivals.flatMap(({ arrived, state, awaitsProof }, item): Kept[] =>
      arrived > 0 && !isFinal(state) ? [{ item, offset: arrived, prove: awaitsProof }] : [],
    );
  }

  /** What is where it belongs, under its name. */
  receipts(): ItemReceipt[] {
    return this.arrivals.flatMap((arrival) => arrival.receipt ?? []);
  }

  // --- bytes

  /** So many bytes came; false when the window did not allow them. */
  receive(count: number): boolean {
    return this.#flow.receive(count);
  }

  /** So many bytes that came are thrown away. */
  drain(count: number): void {
    this.#flow.take(count);
  }

  /** The first `offset` bytes of an item are written. */
  wrote(index: number, offset: number): void {
    const arrival = this.at(index);
    if (isFinal(arrival.state)) return;
    const before = arrival.wrote;
    this.#flow.take(arrival.write(offset));
    this.tally.bytesDone += arrival.wrote - before;
  }

  /** The first `offset` bytes of an item survive a crash. */
  synced(index: number, offset: number): void {
    const arrival = this.at(index);
    if (isFinal(arrival.state) || offset <= arrival.safe || offset > arrival.wrote) return;
    arrival.safe = offset;
    this.#safe.add(index);
  }

  /** Everything of an item from `offset` on was dropped, written or not. */
  rewind(index: number, offset: number): void {
    const arrival = this.at(index);
    const before = arrival.wrote;
    this.#flow.take(arrival.rewindTo(offset));
    this.tally.bytesDone += arrival.wrote - before;
    this.#safe.delete(index);
  }

  /** What had arrived and was not written is lost. */
  forgetUnwritten(): void {
    for (const arrival of this.arrivals) if (arrival.isOpen) arrival.arrived = arrival.wrote;
  }

  /** What `taken` shall say now; null while it need not. */
  sayTaken(now: number): number | null {
    return this.#flow.say(now);
  }

  /** Items, and how much of each has become safe since this was asked. */
  saySafe(): { item: number; offset: number }[] {
    const items = [...this.#safe].sort((a, b) => a - b);
    this.#safe.clear();
    return items.flatMap((item) => (isFinal(this.at(item).state) ? [] : [{ item, offset: this.at(item).safe }]));
  }

  // --- ends

  /** Nothing more will come of an item. */
  end(index: number, state: "done" | "failed" | "cancelled"): void {
    const arrival = this.at(index);
    this.tally.end(state, arrival.size, arrival.wrote);
    this.#flow.take(arrival.end(state));
    this.#left -= 1;
  }

  /** Nothing more will come of any; those being placed still have their own end before them. */
  endOpen(state: "failed" | "cancelled"): void {
    for (const [index, arrival] of this.arrivals.entries()) if (arrival.isOpen) this.end(index, state);
  }
}
