// One loop waits until somebody says that there is something to do; a call that comes early is not lost.

export class Signal {
  #raised = false;
  #waiting: (() => void) | null = null;

  raise(): void {
    this.#raised = true;
    this.#waiting?.();
    this.#waiting = null;
  }

  /** Resolves at the next `raise`, or at once when one came since the last wait. */
  async wait(): Promise<void> {
    if (!this.#raised) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
    this.#raised = false;
  }
}
