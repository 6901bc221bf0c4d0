// How many chunk bytes of one transfer are under way, and when it is time to open the window again.

/** `taken` is said at least this often, or when half the window waits for it: the sender never stands still for it. */
const TAKEN_EVERY_BYTES = 256 * 1024;

/** Or this often, so that progress on a slow road is seen. */
const TAKEN_EVERY_S = 0.25;

/** Counts since the last accept; the receiver's own bookkeeping. */
export class Flow {
  #window = 0;
  #received = 0;
  #taken = 0;
  #said = 0;
  #saidAt = Number.NEGATIVE_INFINITY;

  /** A new accept: counting starts anew. */
  open(window: number): void {
    this.#window = window;
    this.#received = this.#taken = this.#said = 0;
  }

  /** So many bytes came; false when the window did not allow them. */
  receive(count: number): boolean {
    this.#received += count;
    return this.#received - this.#said <= this.#window;
  }

  /** So many bytes were written, or thrown away. */
  take(count: number): void {
    this.#taken += count;
  }

  /** What `taken` shall say now; null while it need not. */
  say(now: number): number | null {
    const unsaid = this.#taken - this.#said;
    const isDue = unsaid >= TAKEN_EVERY_BYTES || 2 * unsaid >= this.#window || now - this.#saidAt >= TAKEN_EVERY_S;
    if (unsaid === 0 || !isDue) return null;
    this.#said = this.#taken;
    this.#saidAt = now;
    return this.#taken;
  }
}
