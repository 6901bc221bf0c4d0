// A clock whose hands only a test moves.
import type { Clock } from "../../src/session/clock.ts";

interface Alarm {
  readonly at: number;
  readonly run: () => void;
}

export class ManualClock implements Clock {
  #now = 1000;
  readonly #alarms = new Set<Alarm>();

  now(): number {
    return this.#now;
  }

  after(seconds: number, run: () => void): () => void {
    const alarm = { at: this.#now + seconds, run };
    this.#alarms.add(alarm);
    return () => void this.#alarms.delete(alarm);
  }

  /** Moves on, alarm by alarm; between two alarms everything that waits for a promise has its turn. */
  async advance(seconds: number): Promise<void> {
    const end = this.#now + seconds;
    await turn();
    for (;;) {
      const next = [...this.#alarms].filter((alarm) => alarm.at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#now = Math.max(this.#now, next.at);
      this.#alarms.delete(next);
      next.run();
      await turn();
    }
    this.#now = end;
    await turn();
  }
}

/** Lets everything run that is ready to. */
export async function turn(): Promise<void> {
  for (let n = 0; n < 5; n += 1) await new Promise((resolve) => setImmediate(resolve));
}
