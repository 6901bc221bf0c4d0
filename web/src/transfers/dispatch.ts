// The bytes of all items on their way out: what to read next within the window, what is under way, what is left.
import { CHUNK_BYTES_MAX } from "../protocol/limits.ts";
import { Departure, type Read } from "./departure.ts";
import { Tally } from "./tally.ts";
import { UnderWay } from "./under-way.ts";

/** The sender's own bookkeeping: it counts, and the sender says to peer and shell what that means. */
export class Dispatch {
  readonly departures: readonly Departure[];
  readonly tally: Tally;
  #left: number;
  #window = 0;
  /** Bytes handed out for reading since the accept that were sent or still may be. */
  #claimed = 0;
  #sent = 0;
  #taken = 0;
  readonly #underWay = new UnderWay();
  #cursor = 0;
  /** Items of which bytes are still to be sent; once there is none, `finish` is due. */
  #unsent: number;
  #finishDue = false;

  constructor(sizes: readonly number[]) {
    this.departures = sizes.map((size) => new Departure(size));
    this.tally = new Tally(
      sizes.length,
      sizes.reduce((sum, size) => sum + size, 0),
    );
    this.#left = sizes.length;
    this.#unsent = this.departures.filter((departure) => !departure.isSent).length;
  }

  /** Items that have no end yet. */
  get left(): number {
    return this.#left;
  }

  /** Bytes of some item are still to be sent. */
  get hasUnsent(): boolean {
    return this.#unsent > 0;
  }

  at(item: number): Departure {
    const departure = this.departures[item];
    if (departure === undefined) throw new RangeError("no such item");
    return departure;
  }

  // --- link by link

  /** A new accept: everything that has no end goes out from its start, unless `goOn` says more of it is there. */
  open(window: number): void {
    for (const departure of this.departures) {
      if (departure.isOpen) this.#restart(departure, 0);
      departure.proofOffset = 0;
    }
    this.#window = window;
    this.#claimed = this.#sent = this.#taken = this.#cursor = 0;
    this.#underWay.clear();
    this.#finishDue = true;
  }

  /** The receiver holds this much of an item already. */
  goOn(item: number, offset: number, prove: boolean): void {
    const departure = this.at(item);
    this.#restart(departure, offset);
    if (offset === 0) return;
    departure.state = "moving";
    if (prove) departure.proofOffset = offset;
  }

  /** Back to `offset`, for an item's proof did not match; false when that was not under proof. */
  rewind(item: number, offset: number): boolean {
    const departure = this.at(item);
    if (offset >= departure.proofOffset) return false;
    this.#restart(departure, offset);
    departure.proofOffset = 0;
    this.#cursor = Math.min(this.#cursor, item);
    this.#finishDue = true;
    return true;
  }

  #restart(departure: Departure, offset: number): void {
    if (!departure.isSent) this.#unsent -= 1;
    this.tally.bytesDone += offset - departure.done;
    this.#claimed -= departure.restart(offset);
    if (!departure.isSent) this.#unsent += 1;
  }

  // --- bytes

  /** What to read and send next, at most `maxBytes`; null while there is nothing, or no room in the window. */
  nextRead(maxBytes: number): Read | null {
    const room = this.#window - (this.#claimed - this.#taken);
    for (let index = this.#cursor; index < this.departures.length; index++) {
      const departure = this.at(index);
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

  /** These bytes go to the link now, in order; false when they are not wanted any more. */
  sent(read: Read): boolean {
    const departure = this.at(read.item);
    if (read.turn !== departure.turn || !departure.isOpen) return false;
    if (read.offset !== departure.sent) throw new Error("the chunks of an item are sent in order");
    departure.sent += read.length;
    this.#sent += read.length;
    this.#underWay.push(read.item, read.turn, read.offset, read.length);
    if (departure.isSent) this.#unsent -= 1;
    return true;
  }

  /** The receiver has taken so many bytes since the accept; false when that cannot be. */
  take(count: number): boolean {
    if (count < this.#taken || count > this.#sent) return false;
    for (const { item, turn, offset } of this.#underWay.take(count - this.#taken)) {
      const departure = this.at(item);
      if (!departure.isOpen || departure.turn !== turn) continue;
      this.tally.bytesDone += offset - departure.done;
      departure.done = offset;
    }
    this.#taken = count;
    return true;
  }

  /** Whether `finish` is to be said now: all was sent, and that is news. */
  sayFinish(): boolean {
    const isDue = this.#finishDue && this.#unsent === 0;
    if (isDue) this.#finishDue = false;
    return isDue;
  }

  // --- ends

  /** Nothing more goes out of an item. */
  end(item: number, state: "done" | "failed" | "cancelled"): void {
    const departure = this.at(item);
    if (!departure.isSent) this.#unsent -= 1;
    this.#claimed -= departure.claimed - departure.sent;
    departure.claimed = departure.sent;
    departure.turn += 1;
    this.tally.end(state, departure.size, departure.done);
    departure.state = state;
    if (state === "done") departure.done = departure.size;
    this.#left -= 1;
  }

  /** Nothing more goes out of any. */
  endOpen(state: "failed" | "cancelled"): void {
    for (const [item, departure] of this.departures.entries()) if (departure.isOpen) this.end(item, state);
  }

  /** It has arrived, even if it was cancelled or failed here meanwhile. */
  endDone(item: number): void {
    const departure = this.at(item);
    if (departure.state === "cancelled" || departure.state === "failed") {
      this.#left += 1;
      this.tally.reopen(departure.state, departure.size);
      departure.done = 0;
      departure.told = null;
    }
    this.end(item, "done");
  }
}
