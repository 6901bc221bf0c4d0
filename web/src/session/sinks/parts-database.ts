// Parts of downloads in IndexedDB, as Blobs that lie on the disk; a browser that has none, or forbids it, keeps nothing.
import type { DeviceId, ShelfItem, ShelfItemId } from "../../protocol/messages.ts";
import { KEEP_MS, type Keeping, type Parts, type Wish } from "./parts.ts";
import { readBack, SinkFailed } from "./port.ts";

const DATABASE = "qrshared/1 parts";
const WISHES = "wishes"; // by the shelf item's id
const PARTS = "parts"; // Blobs, by [the shelf item's id, the offset where it begins]
const DATABASE_WAIT_MS = 3_000;

interface StoredWish {
  readonly item: ShelfItem;
  readonly device: DeviceId;
  readonly limit: number;
  readonly bytes: number;
  readonly isPaused: boolean;
  readonly isSaved: boolean;
  /** The page load that has it now. */
  readonly owner: string;
  readonly atMs: number;
}

export class PartsDatabase implements Parts {
  readonly #owner: string;
  readonly #nowMs: () => number;
  #opened: Promise<IDBDatabase | null> | null = null;

  /** `owner` tells this page load from others. */
  constructor(owner: string, nowMs: () => number = Date.now) {
    this.#owner = owner;
    this.#nowMs = nowMs;
  }

  async wishes(device: DeviceId): Promise<readonly Wish[]> {
    const found: Wish[] = [];
    const oldest = this.#nowMs() - KEEP_MS;
    await this.#change((wishes, parts) => {
      const asked: IDBRequest<StoredWish[]> = wishes.getAll();
      asked.onsuccess = () => {
        for (const wish of asked.result) {
          const isOurs = wish.device === device && wish.atMs >= oldest && !wish.isSaved;
          if (isOurs) found.push({ item: wish.item, limit: wish.limit, isPaused: wish.isPaused, bytes: wish.bytes });
          else remove(wish.item.item, wishes, parts);
        }
      };
    });
    return found;
  }

  want(device: DeviceId, wanted: readonly Pick<Wish, "item" | "limit">[]): Promise<boolean> {
    return this.#change((wishes, parts) => {
      for (const { item, limit } of wanted) {
        const asked: IDBRequest<StoredWish | undefined> = wishes.get(item.item);
        asked.onsuccess = () => {
          const known = asked.result?.device === device && !asked.result.isSaved ? asked.result : null;
          if (known === null) remove(item.item, wishes, parts);
          const bytes = known?.bytes ?? 0;
          wishes.put({ item, device, limit, bytes, isPaused: false, isSaved: false, owner: this.#owner, atMs: this.#nowMs() } satisfies StoredWish);
        };
      }
    });
  }

  pause(item: ShelfItemId, isPaused: boolean): void {
    void this.#change((wishes) => change(wishes, item, (wish) => ({ ...wish, isPaused })));
  }

  saved(item: ShelfItemId): void {
    void this.#change((wishes) => change(wishes, item, (wish) => ({ ...wish, isSaved: true })));
  }

  forget(item: ShelfItemId): void {
    void this.#change((wishes, parts) => remove(item, wishes, parts));
  }

  clear(): void {
    void this.#change((wishes, parts) => {
      wishes.clear();
      parts.clear();
    });
  }

  async open(item: ShelfItemId): Promise<Keeping | null> {
    const found: (readonly Blob[])[] = [];
    await this.#change((wishes, parts) => change(wishes, item, (wish) => {
      const range = partsOf(item);
      const keys = parts.getAllKeys(range);
      const blobs: IDBRequest<Blob[]> = parts.getAll(range);
      blobs.onsuccess = () => void found.push(withoutGap(keys.result.map((key) => Number((key as [string, number])[1])), blobs.result));
      return { ...wish, owner: this.#owner };
    }));
    return found[0] === undefined ? null : new StoredParts(item, found[0], this.#owner, (work) => this.#change(work));
  }

  /** Both stores in one transaction; false when it did not come to pass. */
  async #change(work: Work): Promise<boolean> {
    this.#opened ??= openDatabase();
    const database = await this.#opened;
    try {
      const transaction = database?.transaction([WISHES, PARTS], "readwrite");
      if (transaction === undefined) return false;
      work(transaction.objectStore(WISHES), transaction.objectStore(PARTS));
      return await new Promise((resolve) => {
        transaction.oncomplete = () => resolve(true);
        transaction.onabort = () => resolve(false); // most often `QuotaExceededError`
      });
    } catch {
      return false; // the browser has closed it: a person deletes what sites have stored
    }
  }
}

type Work = (wishes: IDBObjectStore, parts: IDBObjectStore) => void;

class StoredParts implements Keeping {
  readonly parts: readonly Blob[];
  readonly #item: ShelfItemId;
  readonly #owner: string;
  readonly #change: (work: Work) => Promise<boolean>;
  #at: number;

  constructor(item: ShelfItemId, parts: readonly Blob[], owner: string, change: (work: Work) => Promise<boolean>) {
    this.#item = item;
    this.parts = parts;
    this.#owner = owner;
    this.#change = change;
    this.#at = parts.reduce((sum, { size }) => sum + size, 0);
  }

  async add(content: Blob): Promise<Blob | null> {
    const start = this.#at;
    const end = start + content.size;
    if (!(await this.#ours((wish, wishes, parts) => {
      parts.put(content, [this.#item, start]);
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
      parts.delete(partsOf(this.#item));
      wishes.put({ ...wish, bytes: 0 } satisfies StoredWish);
    }).catch(() => false); // another page load's now: it does what it wants with it
  }

  /** One that cannot be read is taken out again: the next page load shall not count on it. */
  async #read(start: number): Promise<Blob | null> {
    const found: Blob[] = [];
    await this.#change((_, parts) => {
      const asked: IDBRequest<Blob | undefined> = parts.get([this.#item, start]);
      asked.onsuccess = () => {
        if (asked.result !== undefined) found.push(asked.result);
      };
    });
    const [kept] = found;
    const isThere = kept !== undefined && (await readBack(kept).then(() => true, () => false));
    if (isThere) return kept;
    await this.#ours((wish, wishes, parts) => {
      parts.delete([this.#item, start]);
      wishes.put({ ...wish, bytes: start } satisfies StoredWish);
    });
    return null;
  }

  /** Throws `SinkFailed` when it is another's by now; false when there is no room. */
  async #ours(work: (wish: StoredWish, ...stores: Parameters<Work>) => void): Promise<boolean> {
    let isOurs = true;
    const isDone = await this.#change((wishes, parts) => {
      const asked: IDBRequest<StoredWish | undefined> = wishes.get(this.#item);
      asked.onsuccess = () => {
        const wish = asked.result;
        isOurs = wish?.owner === this.#owner;
        if (wish !== undefined && isOurs) work({ ...wish, atMs: Date.now() }, wishes, parts);
      };
    });
    if (!isOurs) throw new SinkFailed("busy");
    return isDone;
  }
}

function change(wishes: IDBObjectStore, item: ShelfItemId, changed: (wish: StoredWish) => StoredWish): void {
  const asked: IDBRequest<StoredWish | undefined> = wishes.get(item);
  asked.onsuccess = () => {
    if (asked.result !== undefined) wishes.put(changed(asked.result));
  };
}

function remove(item: ShelfItemId, wishes: IDBObjectStore, parts: IDBObjectStore): void {
  wishes.delete(item);
  parts.delete(partsOf(item));
}

/** All offsets: in IndexedDB every array comes after every number. */
function partsOf(item: ShelfItemId): IDBKeyRange {
  return IDBKeyRange.bound([item], [item, []]);
}

/** Up to the first gap: behind one nothing can be used. */
function withoutGap(starts: readonly number[], blobs: readonly Blob[]): readonly Blob[] {
  const found: Blob[] = [];
  let end = 0;
  for (const [n, blob] of blobs.entries()) {
    if (starts[n] !== end) break;
    found.push(blob);
    end += blob.size;
  }
  return found;
}

/** Null where there is none; a browser that never answers is not waited for. */
function openDatabase(): Promise<IDBDatabase | null> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(null), DATABASE_WAIT_MS);
    try {
      const request = indexedDB.open(DATABASE, 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore(WISHES, { keyPath: "item.item" });
        request.result.createObjectStore(PARTS);
      };
      request.onsuccess = () => {
        request.result.onversionchange = () => request.result.close();
        resolve(request.result);
      };
      request.onerror = request.onblocked = () => resolve(null);
    } catch {
      resolve(null);
    }
  });
}
