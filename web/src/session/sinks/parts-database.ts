// Parts of downloads in IndexedDB, as Blobs that lie on the disk; a browser that has none, or forbids it, keeps nothing.
import type { ShelfItem, ShelfItemId } from "../../protocol/messages.ts";
import { type Home, type HomeParts, KEEP_MS, type Keeping, type Parts, type Wish } from "./parts.ts";
import { openDatabase, PARTS, WISHES } from "./parts-opening.ts";
import { readBack, SinkFailed } from "./port.ts";

/** A browser that is slower, or never answers, is not waited for where a person would wait with it. */
const DATABASE_WAIT_MS = 3_000;

interface StoredWish {
  readonly home: Home;
  readonly item: ShelfItem;
  readonly limit: number;
  readonly bytes: number;
  readonly isPaused: boolean;
  readonly isSaved: boolean;
  /** The page load that has it now. */
  readonly owner: string;
  readonly atMs: number;
}

type Work = (wishes: IDBObjectStore, parts: IDBObjectStore) => void;

/** Whether it was done. `soon`: not at all where the database is long in opening. */
type Change = (work: Work, when?: "soon" | "ever") => Promise<boolean>;

/** As this page load has it. */
interface Hands {
  readonly owner: string;
  readonly nowMs: () => number;
  readonly change: Change;
}

export class PartsDatabase implements Parts {
  readonly #hands: Hands;
  #opened: Promise<IDBDatabase | null> | null = null;
  #soon: Promise<IDBDatabase | null> | null = null; // the same, or null after a while

  /** `owner` tells this page load from others. */
  constructor(owner: string, nowMs: () => number = Date.now) {
    this.#hands = { owner, nowMs, change: (work, when = "ever") => this.#change(work, when) };
  }

  of(home: Home): HomeParts {
    return new StoredHome(home, this.#hands);
  }

  /** Both stores in one transaction; false when it did not come to pass. */
  async #change(work: Work, when: "soon" | "ever"): Promise<boolean> {
    this.#open();
    let database = await this.#soon; // by all, so that what was asked for first is done first
    if (when === "ever") database ??= await this.#opened;
    try {
      const transaction = database?.transaction([WISHES, PARTS], "readwrite");
      if (transaction === undefined) return false;
      work(transaction.objectStore(WISHES), transaction.objectStore(PARTS));
      return await new Promise((resolve) => {
        transaction.oncomplete = () => resolve(true);
        transaction.onabort = () => resolve(false); // most often `QuotaExceededError`
      });
    } catch {
      this.#opened = null; // the browser has closed it: a person deletes what sites have stored
      return false;
    }
  }

  #open(): void {
    if (this.#opened !== null) return;
    const opened = openDatabase();
    this.#opened = opened;
    this.#soon = Promise.race([opened, new Promise<null>((resolve) => setTimeout(() => resolve(null), DATABASE_WAIT_MS))]);
    void opened.then(() => {
      if (this.#opened === opened) this.#soon = opened;
    });
  }
}

class StoredHome implements HomeParts {
  readonly #home: Home;
  readonly #hands: Hands;

  constructor(home: Home, hands: Hands) {
    this.#home = home;
    this.#hands = hands;
  }

  async wishes(): Promise<readonly Wish[]> {
    const found: Wish[] = [];
    const { owner, nowMs, change } = this.#hands;
    const atMs = nowMs();
    const each = (visit: (wish: StoredWish, ...stores: Parameters<Work>) => void): Promise<boolean> => change((...stores) => {
      const asked: IDBRequest<StoredWish[]> = stores[0].getAll();
      asked.onsuccess = () => asked.result.forEach((wish) => visit(wish, ...stores));
    });
    await each((wish, ...stores) => {
      const isOld = Math.abs(atMs - wish.atMs) > KEEP_MS; // or of a time when the clock was wrong
      if (isOld || wish.isSaved) remove(wish, ...stores);
    });
    await each((wish, wishes) => { // apart, for where there is no room for a word this fails as a whole
      if (wish.home !== this.#home || wish.isSaved) return;
      found.push({ item: wish.item, limit: wish.limit, isPaused: wish.isPaused, bytes: wish.bytes });
      wishes.put({ ...wish, owner, atMs } satisfies StoredWish);
    });
    return found;
  }

  want(wanted: readonly Pick<Wish, "item" | "limit">[]): Promise<boolean> {
    const { owner, nowMs, change } = this.#hands;
    return change((wishes, parts) => {
      for (const { item, limit } of wanted) {
        const asked: IDBRequest<StoredWish | undefined> = wishes.get([this.#home, item.item]);
        asked.onsuccess = () => {
          const known = asked.result?.isSaved === false && isSame(asked.result.item, item) ? asked.result : null;
          const wish: StoredWish = { home: this.#home, item, limit, bytes: known?.bytes ?? 0, isPaused: false, isSaved: false, owner, atMs: nowMs() };
          if (known === null) remove(wish, wishes, parts);
          wishes.put(wish);
        };
      }
    }, "soon");
  }

  pause(item: ShelfItemId, isPaused: boolean): void {
    this.#alter(item, (wish, wishes) => wishes.put({ ...wish, isPaused } satisfies StoredWish));
  }

  saved(item: ShelfItemId): void {
    this.#alter(item, (wish, wishes) => wishes.put({ ...wish, isSaved: true } satisfies StoredWish));
  }

  forget(item: ShelfItemId): void {
    this.#alter(item, (wish, ...stores) => {
      if (wish.owner === this.#hands.owner) remove(wish, ...stores);
    });
  }

  move(to: Home): void {
    void this.#hands.change((wishes, parts) => {
      const moved: IDBRequest<StoredWish[]> = wishes.getAll(within(this.#home));
      const keys = parts.getAllKeys(within(this.#home));
      const blobs: IDBRequest<Blob[]> = parts.getAll(within(this.#home));
      blobs.onsuccess = () => {
        for (const wish of moved.result) wishes.put({ ...wish, home: to } satisfies StoredWish);
        for (const [n, blob] of blobs.result.entries()) {
          const [, item, start] = keys.result[n] as [Home, ShelfItemId, number];
          parts.put(blob, [to, item, start]);
        }
        wishes.delete(within(this.#home));
        parts.delete(within(this.#home));
      };
    });
  }

  clear(): void {
    void this.#hands.change((wishes, parts) => {
      wishes.delete(within(this.#home));
      parts.delete(within(this.#home));
    });
  }

  async open(item: ShelfItemId): Promise<Keeping | null> {
    const found: (readonly Blob[])[] = [];
    const { owner, change } = this.#hands;
    const isDone = await change((wishes, parts) => {
      const asked: IDBRequest<StoredWish | undefined> = wishes.get([this.#home, item]);
      asked.onsuccess = () => {
        if (asked.result === undefined) return;
        wishes.put({ ...asked.result, owner } satisfies StoredWish);
        const keys = parts.getAllKeys(within(this.#home, item));
        const blobs: IDBRequest<Blob[]> = parts.getAll(within(this.#home, item));
        blobs.onsuccess = () => void found.push(withoutGap(keys.result, blobs.result, parts));
      };
    }, "soon");
    const [parts] = found;
    return !isDone || parts === undefined ? null : new StoredParts(this.#home, item, parts, this.#hands);
  }

  #alter(item: ShelfItemId, alter: (wish: StoredWish, ...stores: Parameters<Work>) => void): void {
    void this.#hands.change((wishes, parts) => {
      const asked: IDBRequest<StoredWish | undefined> = wishes.get([this.#home, item]);
      asked.onsuccess = () => {
        if (asked.result !== undefined) alter(asked.result, wishes, parts);
      };
    });
  }
}

class StoredParts implements Keeping {
  readonly parts: readonly Blob[];
  readonly #home: Home;
  readonly #item: ShelfItemId;
  readonly #hands: Hands;
  #at: number;

  constructor(home: Home, item: ShelfItemId, parts: readonly Blob[], hands: Hands) {
    this.#home = home;
    this.#item = item;
    this.parts = parts;
    this.#hands = hands;
    this.#at = parts.reduce((sum, { size }) => sum + size, 0);
  }

  async add(content: Blob): Promise<Blob | null> {
    const start = this.#at;
    const end = start + content.size;
    if (!(await this.#ours((wish, wishes, parts) => {
      parts.put(content, [this.#home, this.#item, start]);
      wishes.put({ ...wish, bytes: end } satisfies StoredWish);
    }))) return null;
    const kept = await this.#read(start);
    if (kept?.size !== content.size) return null;
    this.#at = end;
    return kept;
  }

  async drop(): Promise<void> {
    this.#at = 0;
    await this.#ours((wish, wishes, parts) => {
      parts.delete(within(this.#home, this.#item));
      wishes.put({ ...wish, bytes: 0 } satisfies StoredWish);
    }).catch(() => false); // another page load's now: it does what it wants with it
  }

  /** One that cannot be read is taken out again: the next page load shall not count on it. */
  async #read(start: number): Promise<Blob | null> {
    const found: Blob[] = [];
    await this.#hands.change((_, parts) => {
      const asked: IDBRequest<Blob | undefined> = parts.get([this.#home, this.#item, start]);
      asked.onsuccess = () => {
        if (asked.result !== undefined) found.push(asked.result);
      };
    });
    const [kept] = found;
    const isThere = kept !== undefined && (await readBack(kept).then(() => true, () => false));
    if (isThere) return kept;
    await this.#ours((wish, wishes, parts) => {
      parts.delete([this.#home, this.#item, start]);
      wishes.put({ ...wish, bytes: start } satisfies StoredWish);
    });
    return null;
  }

  /** Throws `SinkFailed` when it is another's by now; false when there is no room. */
  async #ours(work: (wish: StoredWish, ...stores: Parameters<Work>) => void): Promise<boolean> {
    let isOurs = true;
    const { owner, nowMs, change } = this.#hands;
    const isDone = await change((wishes, parts) => {
      const asked: IDBRequest<StoredWish | undefined> = wishes.get([this.#home, this.#item]);
      asked.onsuccess = () => {
        const wish = asked.result;
        isOurs = wish?.owner === owner;
        if (wish !== undefined && isOurs) work({ ...wish, atMs: nowMs() }, wishes, parts);
      };
    });
    if (!isOurs) throw new SinkFailed("busy");
    return isDone;
  }
}

/** Of one id, and not put there anew: else what is kept is of something else. */
function isSame(before: ShelfItem, now: ShelfItem): boolean {
  return before.name === now.name && before.size === now.size && before.kind === now.kind && before.modified_ms === now.modified_ms;
}

function remove({ home, item: { item } }: Pick<StoredWish, "home" | "item">, wishes: IDBObjectStore, parts: IDBObjectStore): void {
  wishes.delete([home, item]);
  parts.delete(within(home, item));
}

/** All keys that begin so: in IndexedDB every array comes after every number and every text. */
function within(...beginning: readonly string[]): IDBKeyRange {
  return IDBKeyRange.bound([...beginning], [...beginning, []]);
}

/** Up to the first gap; what lies behind it can never be used, and would stand in the way. */
function withoutGap(keys: readonly IDBValidKey[], blobs: readonly Blob[], parts: IDBObjectStore): readonly Blob[] {
  const found: Blob[] = [];
  let end = 0;
  for (const [n, blob] of blobs.entries()) {
    const [, , start] = keys[n] as [Home, ShelfItemId, number];
    if (start !== end || found.length < n) {
      parts.delete([...(keys[n] as IDBValidKey[])]);
      continue;
    }
    found.push(blob);
    end += blob.size;
  }
  return found;
}
