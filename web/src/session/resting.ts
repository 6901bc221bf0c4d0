// What is not to flow now: all of it, because the person paused it or a question is open, or single rows.

export class Resting {
  #isPaused = false; // by the person
  readonly #rows = new Set<number>(); // that the person paused one by one
  /** Until the person has answered, or another road is there. */
  isHeld = false;

  /** Nothing flows at all. */
  get isAll(): boolean {
    return this.#isPaused || this.isHeld;
  }

  /** Some rows rest for themselves. */
  get hasRows(): boolean {
    return this.#rows.size > 0;
  }

  /** The person wants this row to wait. */
  isWished(row: number): boolean {
    return this.#isPaused || this.#rows.has(row);
  }

  /** This row waits for itself, whatever the others do. */
  isAlone(row: number): boolean {
    return this.#rows.has(row);
  }

  pauseAll(paused: boolean): void {
    this.#isPaused = paused;
    if (!paused) this.#rows.clear();
  }

  /** `open`: the rows that are not over. One of many that were all paused goes on: the others stay so, each for itself. */
  pauseOne(row: number, paused: boolean, open: Iterable<number>): void {
    if (!paused && this.#isPaused) {
      for (const other of open) this.#rows.add(other);
      this.#isPaused = false;
    }
    if (paused) this.#rows.add(row);
    else this.#rows.delete(row);
  }

  forget(row: number): void {
    this.#rows.delete(row);
  }
}
