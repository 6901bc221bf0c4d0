// How long what lies over a wall's code may stay there when nobody touches it: the next guest wants to scan. Pure.
import type { TotalView } from "../session/bridge.ts";

export const RECEIPT_MS = 30_000;
export const UNTOUCHED_MS = 120_000;

/** In ms; null while something is under way, because then it stays. */
export function patience({ state, failed }: TotalView): number | null {
  if (state === "sending" || state === "paused") return null;
  return state === "done" && failed === 0 ? RECEIPT_MS : UNTOUCHED_MS;
}
