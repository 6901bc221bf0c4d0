// A transfer and the rows that show it, and which transfers are read from now.
import type { Outgoing } from "./outgoing.ts";

/** Transfers that read at once: a second pick does not wait for the first, ten do not share the memory. */
const READING_MAX = 3;

/** A transfer and its rows, by item. */
export interface Shown {
  readonly outgoing: Outgoing;
  readonly rows: readonly number[];
  /** Nobody is told that it is tried until it is accepted. */
  readonly isQuiet: boolean;
  wasAccepted: boolean;
  /** A person over there is asked about it. */
  isAsked: boolean;
}

/** The oldest, so that each comes to its end, and those with the least to go: a photo waits for no number of films. */
export function readingNow(all: Iterable<Shown>): readonly Shown[] {
  const [oldest, ...others] = [...all].filter(({ outgoing }) => outgoing.sender.isReading);
  if (oldest === undefined || others.length < READING_MAX) return oldest === undefined ? [] : [oldest, ...others];
  const left = ({ outgoing: { sender } }: Shown): number => sender.tally.bytes - sender.tally.bytesDone;
  return [oldest, ...others.sort((one, other) => left(one) - left(other)).slice(0, READING_MAX - 1)];
}

/** Whether everything that is on its way waits for a person over there. */
export function isAskedAbout(all: Iterable<Shown>): boolean {
  const open = [...all].filter(({ outgoing, isQuiet }) => !isQuiet && !outgoing.sender.isOver);
  return open.length > 0 && open.every(({ isAsked }) => isAsked);
}
