// Speed and time left of a transfer, smoothed so that a person can read them.

/** A change of speed is two thirds visible after this long. */
const SMOOTHING_S = 3;

/** Shorter steps say more about buffers than about the road. */
const STEP_S = 0.25;

/** Feed it the bytes done now and then; it knows the rate and, from that, the time left. */
export class Progress {
  #at: number | null = null;
  #done = 0;
  #rate: number | null = null;

  /** Bytes a second; 0 while unknown. */
  get rate(): number {
    return Math.round(this.#rate ?? 0);
  }

  /** So many bytes are done by now (in seconds); fewer than before (a rewind) begins anew. */
  update(bytesDone: number, now: number): void {
    if (this.#at === null || bytesDone < this.#done) {
      this.#at = now;
      this.#done = bytesDone;
      return;
    }
    const step = now - this.#at;
    if (step < STEP_S) return;
    const current = (bytesDone - this.#done) / step;
    const weight = this.#rate === null ? 1 : 1 - Math.exp(-step / SMOOTHING_S);
    this.#rate = current * weight + (this.#rate ?? 0) * (1 - weight);
    this.#at = now;
    this.#done = bytesDone;
  }

  /** Seconds until the rest is done, rounded up; null while nobody can know. */
  leftS(bytesLeft: number): number | null {
    if (bytesLeft === 0) return 0;
    if (this.#rate === null || this.#rate < 1) return null;
    return Math.ceil(bytesLeft / this.#rate);
  }

  /** Nothing moves on purpose, or the link is gone: the time until the next update does not count. */
  pause(): void {
    this.#at = null;
  }
}
