// What was picked, as rows of the screen and as runs that fit in one transfer each.
import type { Item } from "../protocol/messages.ts";
import { itemWeight } from "../transfers/paging.ts";
import type { ItemView, Picked } from "./bridge.ts";
import { smallFirst } from "./small-first.ts";

/** A pick larger than this becomes several transfers: one manifest holds 100 000 items and 32 MiB of names. */
const ITEMS_IN_A_TRANSFER = 10_000;
const NAMES_IN_A_TRANSFER_BYTES = 16 << 20;

/** One row of the screen and the file behind it. */
export type Row = readonly [id: number, picked: Picked];

/** Of which nothing is known yet. */
export function newRow(id: number, { file, path, kind }: Picked, state: "waiting" | "paused"): ItemView {
  const row = { id, name: path, size: file.size, done: 0, state, reason: null, finalName: null, preparing: false };
  return kind === undefined ? row : { ...row, kind };
}

/** Rows in runs that fit in one transfer each, small files first: the items of a transfer go one after the other. */
export function inTransfers(rows: readonly Row[]): readonly (readonly Row[])[] {
  const transfers: Row[][] = [];
  let last: Row[] = [];
  let names = 0;
  for (const row of smallFirst(rows, ([, { file }]) => file.size)) {
    const weight = itemWeight(itemOf(row[1]));
    if (last.length === 0 || last.length === ITEMS_IN_A_TRANSFER || names + weight > NAMES_IN_A_TRANSFER_BYTES) {
      last = [];
      names = 0;
      transfers.push(last);
    }
    last.push(row);
    names += weight;
  }
  return transfers;
}

/** As its manifest says it; an empty folder has no time worth keeping. */
export function itemOf({ file, path, kind }: Picked, sha256?: string): Item {
  const modified = file.lastModified;
  const hasTime = kind !== "folder" && Number.isSafeInteger(modified) && modified >= 0;
  return { name: path, size: file.size, ...(hasTime ? { modified_ms: modified } : {}), ...(kind === undefined ? {} : { kind }), ...(sha256 === undefined ? {} : { sha256 }) };
}

/** An id as the wire has it. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
