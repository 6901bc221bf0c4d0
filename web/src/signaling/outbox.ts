/** What one side of a meeting said and the other has not confirmed: said again until it has, or given up. */

import { SealMisused } from "../seal/errors.ts";
import { type Bye, type MeetingMessage, encodeSaid } from "./messages.ts";

// Moments and spans are milliseconds here, seconds in Python; `qrshared/remote/outbox.py` says why each is what it is.
export const AGAIN_MS = 1000;
export const AGAIN_GROWTH = 1.6;
export const AGAIN_LONGEST_MS = 8000;
export const GIVEN_UP_MS = 30_000;
export const UNCONFIRMED_MAX = 256;

interface Waiting {
  readonly n: number;
  readonly plaintext: Uint8Array;
  due: number;
  wait: number;
  firstSaid: number | undefined;
}

/** The messages of one side, each with its place and the moment when it is due. */
export class Outbox {
  #waiting: Waiting[] = [];
  #said = 0;
  #isClosed = false;

  /** Due at once, after what waits already. */
  say(message: MeetingMessage, now: number): void {
    if (this.#waiting.length >= UNCONFIRMED_MAX) {
      throw new SealMisused("a meeting in which much is said and nothing confirmed");
    }
    this.#add(message, now);
  }

  /** Everything unconfirmed once more, this after it, and then nothing. */
  sayLast(message: Bye, now: number): void {
    this.#add(message, now);
    for (const waiting of this.#waiting) waiting.due = now;
    this.#isClosed = true;
  }

  /** Everything before `through` has arrived; false when so much was never said. */
  confirm(through: number): boolean {
    this.#waiting = this.#waiting.filter((waiting) => waiting.n >= through);
    return through <= this.#said;
  }

  /** What is to be said now, in order. */
  due(now: number): Uint8Array[] {
    const plaintexts: Uint8Array[] = [];
    for (const waiting of this.#waiting) {
      if (waiting.due > now) continue;
      plaintexts.push(waiting.plaintext);
      waiting.firstSaid ??= now;
      waiting.due = now + waiting.wait;
      waiting.wait = Math.min(waiting.wait * AGAIN_GROWTH, AGAIN_LONGEST_MS);
    }
    if (this.#isClosed) this.#waiting = [];
    return plaintexts;
  }

  /** When something is to be said again, or given up. */
  nextDue(): number {
    return Math.min(
      ...this.#waiting.map(({ due, firstSaid }) => Math.min(due, (firstSaid ?? Number.POSITIVE_INFINITY) + GIVEN_UP_MS)),
    );
  }

  /** Whether something was said for so long in vain that nobody will answer. */
  isGivenUp(now: number): boolean {
    return this.#waiting.some(({ firstSaid }) => firstSaid !== undefined && now >= firstSaid + GIVEN_UP_MS);
  }

  #add(message: MeetingMessage, now: number): void {
    const plaintext = encodeSaid(this.#said, message);
    this.#waiting.push({ n: this.#said, plaintext, due: now, wait: AGAIN_MS, firstSaid: undefined });
    this.#said += 1;
  }
}
