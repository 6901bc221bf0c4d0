// What outlives a page load of a download that is not whole yet: that it is wanted, and the parts of it that arrived.
import { toBase64url } from "../../base64url.ts";
import type { ShelfItem, ShelfItemId } from "../../protocol/messages.ts";
import { deriveKeys } from "../../seal/index.ts";

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

/**
 * A computer and this page's key for it, in a form that opens nothing. What a computer says of itself is no name for it:
 * at a meeting point another one could say the same.
 */
export type Home = string;

export function homeOf(key: Uint8Array): Home {
  return toBase64url(deriveKeys(key).keyId);
}

/** Where parts are kept: apart for each home, and of all of them what is old is thrown away. */
export interface Parts {
  of(home: Home): HomeParts;
}

/** What is kept of one home's things. Nothing here throws: what cannot be kept is not. */
export interface HomeParts {
  /** What is still wanted, from now on by this page load. However long the browser takes to say so. */
  wishes(): Promise<readonly Wish[]>;
  /** False: nothing can be kept here. */
  want(wishes: readonly Pick<Wish, "item" | "limit">[]): Promise<boolean>;
  pause(item: ShelfItemId, isPaused: boolean): void;
  /** The browser's downloads have begun to copy it: no later page load shall hand it over again. */
  saved(item: ShelfItemId): void;
  /** Not wanted any more; without effect when another page load wants it by now. */
  forget(item: ShelfItemId): void;
  /** The same computer has another key for this page: what was kept for the one is the other's. */
  move(to: Home): void;
  /** The computer does not know this key any more: nothing of it stays. */
  clear(): void;
  /** Null: it is not wanted, or nothing can be kept here. */
  open(item: ShelfItemId): Promise<Keeping | null>;
}
