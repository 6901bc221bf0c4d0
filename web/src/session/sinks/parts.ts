// What outlives a page load of a download that is not whole yet: that it is wanted, and the parts of it that arrived.
import type { DeviceId, ShelfItem, ShelfItemId } from "../../protocol/messages.ts";

/** A part is worth a place of its own from so many bytes on: what is less comes again after a reload. */
export const PART_BYTES = 1 << 20;

/** Parts that nobody came back for in so long are thrown away. */
export const KEEP_MS = 7 * 86_400_000;

/** Something of the shelf that a person wants here. */
export interface Wish {
  readonly item: ShelfItem;
  /** Bytes that all unsaved Blobs of the page may hold together, as when it was asked for. */
  readonly limit: number;
  readonly isPaused: boolean;
  /** So much of it is here. */
  readonly bytes: number;
}

/** The parts of one thing, in the hands of one page load; another that opens the same takes them over. */
export interface Keeping {
  /** From its beginning, without a gap. */
  readonly parts: readonly Blob[];
  /**
   * Keeps what follows; gives it as it lies there, after a byte of it was read back. Null: there is no room (any more).
   * Throws `SinkFailed` when another page load has taken it over.
   */
  add(content: Blob): Promise<Blob | null>;
  /** Throws all parts away, and begins anew. */
  drop(): Promise<void>;
}

/** Where parts are kept, for one device of one home at a time. Nothing here throws: what cannot be kept is not. */
export interface Parts {
  /** What this device still wants. Throws away what is old, what was saved, and all that belongs to another device. */
  wishes(device: DeviceId): Promise<readonly Wish[]>;
  /** False: nothing can be kept here. */
  want(device: DeviceId, wishes: readonly Pick<Wish, "item" | "limit">[]): Promise<boolean>;
  pause(item: ShelfItemId, isPaused: boolean): void;
  /** The browser's downloads have begun to copy it: no later page load shall hand it over again. */
  saved(item: ShelfItemId): void;
  /** Not wanted any more. */
  forget(item: ShelfItemId): void;
  /** The computer does not know this device any more: nothing of it stays. */
  clear(): void;
  /** Null: it is not wanted, or nothing can be kept here. */
  open(item: ShelfItemId): Promise<Keeping | null>;
}
