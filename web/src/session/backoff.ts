// How long to wait before the next try, with full jitter: twenty phones must not come back in the same moment.

const FIRST_S = 0.3;
const LAST_S = 10;

/** Nobody signed "this code is too old": asking again is right, but the door counts failed handshakes (10 a minute). */
const REFUSED_FIRST_S = 30;
const REFUSED_LAST_S = 300;

export class Backoff {
  #tries = 0;
  #refusals = 0;
  readonly #random: () => number;

  /** `random` gives numbers in [0, 1). */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** Seconds to wait after a try that failed or a link that broke. */
  afterLoss(): number {
    const most = Math.min(LAST_S, FIRST_S * 2 ** this.#tries);
    this.#tries += 1;
    return most * this.#random();
  }

  /** Seconds to wait after a refusal: long, and never nothing. */
  afterRefusal(): number {
    const most = Math.min(REFUSED_LAST_S, REFUSED_FIRST_S * 2 ** this.#refusals);
    this.#refusals += 1;
    return most * (0.5 + 0.5 * this.#random());
  }

  /** A session came to be: the next trouble is a new one. */
  reset(): void {
    this.#tries = 0;
    this.#refusals = 0;
  }
}
