// Dials a better link than the one in use now and then, one try at a time, until one is sealed: the old one stays until then.
import { LinkClosed } from "../links/port.ts";
import { Refused, SealError } from "../seal/index.ts";
import type { Clock } from "./clock.ts";
import type { Dialled } from "./dialler.ts";
import { Late } from "./patience.ts";
import { Unreached } from "./roads.ts";

export interface Looks {
  /** Seconds until the next look, so many have been. */
  readonly inS: (looks: number) => number;
  /** A sealed link; throws what means "not now". Nobody wants it any more after `signal`. */
  readonly dial: (signal: AbortSignal) => Promise<Dialled>;
  /** Whoever is woken again and again looks no more often than that. */
  readonly leastS: number;
}

export class Looking {
  readonly #clock: Clock;
  readonly #looks: Looks;
  readonly #onFound: (found: Dialled) => void;
  #count = 0;
  #lookedAt: number;
  #dialling: AbortController | null = null;
  #isOver = false;
  #takeBack = (): void => undefined;

  constructor(clock: Clock, looks: Looks, onFound: (found: Dialled) => void) {
    this.#clock = clock;
    this.#looks = looks;
    this.#onFound = onFound;
    this.#lookedAt = clock.now();
    this.#later();
  }

  /** The page is visible or online again. */
  now(): void {
    if (this.#clock.now() - this.#lookedAt >= this.#looks.leastS) void this.#look();
  }

  stop(): void {
    this.#isOver = true;
    this.#takeBack();
    this.#dialling?.abort();
  }

  #later(): void {
    this.#takeBack = this.#clock.after(this.#looks.inS(this.#count), () => void this.#look());
    this.#count += 1;
  }

  async #look(): Promise<void> {
    if (this.#dialling !== null || this.#isOver) return;
    this.#dialling = new AbortController();
    this.#takeBack();
    const found = await this.#looks.dial(this.#dialling.signal).catch(notNow);
    this.#dialling = null;
    this.#lookedAt = this.#clock.now();
    if (found === null) {
      if (!this.#isOver) this.#later();
      return;
    }
    if (this.#isOver) return found.link.close("done");
    this.#isOver = true;
    this.#onFound(found);
  }
}

/** What ends a look: nobody there, somebody else, or no better way. Anything else is our own fault. */
function notNow(error: unknown): null {
  if (error instanceof LinkClosed || error instanceof Unreached || error instanceof Late) return null;
  if (error instanceof Refused || error instanceof SealError) return null;
  throw error;
}
