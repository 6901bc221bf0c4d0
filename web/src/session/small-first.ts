// The order in which several things go: small ones do not wait behind a big one, alike ones stay as they were chosen.

/** What is smaller than this is small; each further class is sixteen times larger. `qrshared/shelf/order.py` is the twin. */
const FIRST_BYTES = 64 << 10;
const STEP = 16;

/** Photos of one camera are of one class, and stay in the order in which they were taken. */
export function sizeClass(bytes: number): number {
  let found = 0;
  for (let bound = FIRST_BYTES; bytes >= bound; bound *= STEP) found += 1;
  return found;
}

export function smallFirst<T>(things: readonly T[], bytesOf: (thing: T) => number): readonly T[] {
  return [...things].sort((one, other) => sizeClass(bytesOf(one)) - sizeClass(bytesOf(other))); // stable
}
