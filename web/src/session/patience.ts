// Waiting for something for so long and no longer.
import type { Clock } from "./clock.ts";

/** It took too long. */
export class Late extends Error {
  override readonly name = "Late";
}

/** What `promise` gives, if it does so in time; throws `Late` otherwise. */
export function within<T>(clock: Clock, seconds: number, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const takeBack = clock.after(seconds, () => reject(new Late(`nothing within ${seconds} s`)));
    promise.then(resolve, reject).finally(takeBack);
  });
}
