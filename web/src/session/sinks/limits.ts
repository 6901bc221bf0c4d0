// How much a page can hold of what it receives where it may not write files, by browser and with the reason for each number.

const MB = 1_000_000;

/** What tells the limits apart. */
export interface Holder {
  readonly isApple: boolean;
  readonly isAndroid: boolean;
  /** A private window, as far as a page can tell. */
  readonly isPrivate: boolean;
}

export interface HoldingLimit {
  readonly bytes: number;
  /** Whose limit it is, in words that fit into a sentence. */
  readonly whose: string;
}

/** Safari on iPhones and iPads ends a page that holds more: other programs of this kind stop at 200 MB, too. */
const APPLE: HoldingLimit = { bytes: 200 * MB, whose: "This iPhone’s or iPad’s browser" };

/** Private windows keep Blobs in memory alone; the least that browsers allow there is about this much. */
const PRIVATE: HoldingLimit = { bytes: 500 * MB, whose: "A private window" };

/** Chrome on Android moves Blobs to disk, 6 % of it at most: a gigabyte on the smallest phones that are sold with 16 GB. */
const ANDROID: HoldingLimit = { bytes: 1_000 * MB, whose: "This phone’s browser" };

/** Browsers on computers move Blobs to disk, Chromium 10 % of it at most; beyond this, small disks may not do. */
const COMPUTER: HoldingLimit = { bytes: 2_000 * MB, whose: "This browser" };

export function holdingLimit({ isApple, isAndroid, isPrivate }: Holder): HoldingLimit {
  if (isApple) return APPLE;
  if (isPrivate) return PRIVATE;
  return isAndroid ? ANDROID : COMPUTER;
}
