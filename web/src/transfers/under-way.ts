// Sent bytes that the receiver has not taken yet, in the order of sending.

/** A run of sent bytes of one item. */
interface Run {
  readonly item: number;
  readonly turn: number;
  readonly end: number;
  left: number;
}

/** What a `taken` says about one item: the receiver has it up to `offset`, if the item is still at that turn. */
export interface TakenUpTo {
  readonly item: number;
  readonly turn: number;
  readonly offset: number;
}

/**
 * Which item a taken byte belongs to is not said. In the order of sending is near enough, for it serves the person who
 * watches and nothing else.
 */
export class UnderWay {
  #runs: Run[] = [];

  push(item: number, turn: number, offset: number, length: number): void {
    this.#runs.push({ item, turn, end: offset + length, left: length });
  }

  take(count: number): TakenUpTo[] {
    const reached: TakenUpTo[] = [];
    let gone = 0;
    for (const run of this.#runs) {
      const part = Math.min(count, run.left);
      if (part === 0) break;
      count -= part;
      run.left -= part;
      reached.push({ item: run.item, turn: run.turn, offset: run.end - run.left });
      if (run.left === 0) gone += 1;
    }
    this.#runs.splice(0, gone);
    return reached;
  }

  clear(): void {
    this.#runs = [];
  }
}
