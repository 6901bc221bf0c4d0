// As much of IndexedDB as the page uses, in memory: ordered keys, transactions one after the other, an abort that undoes all, a room that ends.

type Key = string | number | readonly Key[];
type Value = unknown;
type Entries = Map<string, Value>; // by the key as JSON

interface Asked {
  result: Value;
  onsuccess: (() => void) | null;
}

class Range {
  readonly lower: Key;
  readonly upper: Key;

  constructor(lower: Key, upper: Key) {
    this.lower = lower;
    this.upper = upper;
  }
}

/** Numbers before texts before arrays, as the standard says. */
function compare(one: Key, other: Key): number {
  if (Array.isArray(one) && Array.isArray(other)) {
    for (let n = 0; n < Math.min(one.length, other.length); n += 1) {
      const order = compare(one[n] as Key, other[n] as Key);
      if (order !== 0) return order;
    }
    return one.length - other.length;
  }
  const rank = (key: Key): number => (typeof key === "number" ? 0 : typeof key === "string" ? 1 : 2);
  if (rank(one) !== rank(other)) return rank(one) - rank(other);
  return one === other ? 0 : one < other ? -1 : 1;
}

/** One browser's storage. It opens at once, unless `opens` says when. */
export class MemoryDatabase {
  room = Number.POSITIVE_INFINITY; // bytes of Blobs
  opens: Promise<void> = Promise.resolve();
  readonly #stores = new Map<string, Entries>();
  readonly #paths = new Map<string, string | readonly string[]>();
  #last: Promise<void> = Promise.resolve();

  /** Stands in for the browser's own from now on. */
  install(): void {
    Object.assign(globalThis, { indexedDB: { open: () => this.#open() }, IDBKeyRange: { bound: (lower: Key, upper: Key) => new Range(lower, upper) } });
  }

  /** Bytes of all Blobs that lie here. */
  get bytes(): number {
    return [...this.#stores.values()].flatMap((entries) => [...entries.values()]).reduce<number>((sum, value) => sum + (value instanceof Blob ? value.size : 0), 0);
  }

  #open(): object {
    const database = {
      objectStoreNames: [...this.#stores.keys()],
      deleteObjectStore: (name: string) => void this.#stores.delete(name),
      createObjectStore: (name: string, { keyPath = [] }: { readonly keyPath?: string | readonly string[] } = {}) => {
        this.#stores.set(name, new Map());
        this.#paths.set(name, keyPath);
      },
      transaction: () => this.#transaction(),
    };
    const request: { result: typeof database; onupgradeneeded: (() => void) | null; onsuccess: (() => void) | null } = { result: database, onupgradeneeded: null, onsuccess: null };
    void this.opens.then(() => {
      if (this.#stores.size === 0) request.onupgradeneeded?.();
      request.onsuccess?.();
    });
    return request;
  }

  #transaction(): object {
    const waiting: (() => void)[] = [];
    const transaction: { oncomplete: (() => void) | null; onabort: (() => void) | null; objectStore: (name: string) => object } = {
      oncomplete: null, onabort: null, objectStore: (name) => this.#store(name, waiting),
    };
    this.#last = this.#last.then(async () => {
      const before = new Map([...this.#stores].map(([name, entries]) => [name, new Map(entries)]));
      for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
        step();
        await Promise.resolve();
        if (this.bytes <= this.room) continue;
        for (const [name, entries] of before) this.#stores.set(name, entries);
        return transaction.onabort?.();
      }
      transaction.oncomplete?.();
    });
    return transaction;
  }

  #store(name: string, waiting: (() => void)[]): object {
    const entries = (): Entries => this.#stores.get(name) ?? new Map<string, Value>();
    const within = (query?: Key | Range): readonly (readonly [Key, Value])[] => [...entries()]
      .map(([text, value]) => [JSON.parse(text) as Key, value] as const)
      .filter(([key]) => query === undefined || (query instanceof Range ? compare(query.lower, key) <= 0 && compare(key, query.upper) <= 0 : compare(key, query) === 0))
      .sort(([one], [other]) => compare(one, other));
    const ask = (answer: () => Value): Asked => {
      const asked: Asked = { result: undefined, onsuccess: null };
      waiting.push(() => {
        asked.result = answer();
        asked.onsuccess?.();
      });
      return asked;
    };
    const keyAt = (value: Value, path: string): Key => path.split(".").reduce<Value>((at, field) => (at as Record<string, Value>)[field], value) as Key;
    const keyOf = (value: Value): Key => {
      const paths = this.#paths.get(name) ?? [];
      return typeof paths === "string" ? keyAt(value, paths) : paths.map((path) => keyAt(value, path));
    };
    return {
      get: (key: Key) => ask(() => within(key)[0]?.[1]),
      getAll: (query?: Range) => ask(() => within(query).map(([, value]) => value)),
      getAllKeys: (query?: Range) => ask(() => within(query).map(([key]) => key)),
      put: (value: Value, key?: Key) => ask(() => void entries().set(JSON.stringify(key ?? keyOf(value)), value)),
      delete: (query: Key | Range) => ask(() => within(query).forEach(([key]) => void entries().delete(JSON.stringify(key)))),
    };
  }
}
