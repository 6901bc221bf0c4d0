// Sums of one transfer that a person sees: items and bytes, without what failed or is not wanted.

/** `bytes` and `bytesDone` count items that are wanted and have not failed; `items` counts all. */
export class Tally {
  itemsDone = 0;
  itemsFailed = 0;
  itemsCancelled = 0;
  bytesDone = 0;
  readonly items: number;
  bytes: number;

  constructor(items: number, bytes: number) {
    this.items = items;
    this.bytes = bytes;
  }

  /** An item of `size`, of which `done` was counted, ends in `state`. */
  end(state: "done" | "failed" | "cancelled", size: number, done: number): void {
    if (state === "done") {
      this.itemsDone += 1;
      this.bytesDone += size - done;
      return;
    }
    if (state === "failed") this.itemsFailed += 1;
    else this.itemsCancelled += 1;
    this.bytes -= size;
    this.bytesDone -= done;
  }

  /** An item that had ended in `state` did arrive after all: nothing of it is counted as done yet. */
  reopen(state: "failed" | "cancelled", size: number): void {
    if (state === "cancelled") this.itemsCancelled -= 1;
    else this.itemsFailed -= 1;
    this.bytes += size;
  }
}
