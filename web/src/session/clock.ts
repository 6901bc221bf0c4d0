// Time as the session sees it, so that tests can turn the hands.

export interface Clock {
  /** Seconds that only go forward; no date. */
  now(): number;
  /** Calls `run` once after so many seconds; the answer takes it back. */
  after(seconds: number, run: () => void): () => void;
}

export const realClock: Clock = {
  now: () => performance.now() / 1000,
  after(seconds, run) {
    const timer = setTimeout(run, seconds * 1000);
    return () => clearTimeout(timer);
  },
};
