// Where received bytes go: one port, three ways behind it; none of them can promise a disk, so a receipt says `handed_over`.
import type { Item, Reason } from "../../protocol/messages.ts";

/** What became of one item: the name it has here, and its content where the person still has to save it. */
export interface Saved {
  readonly name: string;
  readonly blob: Blob | null;
}

/** This item cannot be kept here. */
export class SinkFailed extends Error {
  readonly reason: Reason;

  constructor(reason: Reason) {
    super(reason);
    this.reason = reason;
  }
}

/** One item on its way in. Calls come one after the other. */
export interface Sink {
  /** Takes the next bytes; when it resolves they are kept as well as this way can. Throws `SinkFailed`. */
  write(parts: readonly Uint8Array[]): Promise<void>;
  /** All bytes were written. Throws `SinkFailed`. */
  finish(): Promise<Saved>;
  /** No more than so many bytes come, which may be fewer than was said. */
  shrink?(bytes: number): void;
  /** Leaves nothing behind; never throws. */
  discard(): Promise<void>;
  /** What an earlier page load has left of it; `write` goes on behind that. */
  readonly kept?: Kept;
}

/** The beginning of an item. Who cannot use it drops it before writing: then the item begins anew. */
export interface Kept {
  readonly content: Blob;
  drop(): Promise<void>;
}

/** Where one transfer goes. */
export interface Sinks {
  /** What may not come at all, because it cannot be kept here: bytes there would have to be, bytes there are. */
  refused(items: readonly Item[]): ReadonlyMap<number, Lack>;
  /** Throws `SinkFailed`. */
  open(item: Item, index: number): Promise<Sink>;
  /** This item does not come, or not to its end. */
  forget(index: number): void;
  /** Nothing of the transfer is wanted any more. */
  drop?(): void;
  /** Something may be left of an earlier page load. */
  readonly keeps?: boolean;
}

export interface Lack {
  readonly needed: number;
  readonly free: number;
}

/** For a way without a limit of its own. */
export const NOTHING_REFUSED: ReadonlyMap<number, Lack> = new Map();

/** For an empty folder where nothing but files can be kept, or where it has been made already. */
export function nothingToKeep(name: string): Sink {
  return { write: async () => undefined, finish: async () => ({ name, blob: null }), discard: async () => undefined };
}

/** A browser without room makes a Blob all the same, and it is empty. Throws `SinkFailed`. */
export async function readBack(blob: Blob): Promise<void> {
  const byte = await blob.slice(blob.size - 1).arrayBuffer().catch(() => null);
  if (byte?.byteLength !== 1) throw new SinkFailed("no_space");
}

/** A browser's error as the reason a sender is told. */
export function reasonOf(error: unknown): Reason {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "QuotaExceededError") return "no_space";
  if (name === "NotAllowedError" || name === "NoModificationAllowedError" || name === "SecurityError") return "inbox_unwritable";
  if (name === "NotFoundError") return "inbox_gone";
  return "disk_error";
}
