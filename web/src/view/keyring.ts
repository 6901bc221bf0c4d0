// What this browser keeps for this address: its key, a code that is not redeemed yet, ids of transfers that did not finish.
// Everything here may be missing or forbidden (private windows, cleared storage): then the page works and remembers nothing.

const TICKET = "qrshared/1 ticket";
const COMPUTER = "qrshared/1 computer";
const DATABASE = "qrshared/1";
const KEEP_MS = 8 * 86_400_000; // a day more than receipts are repeated
const CONTINUES_MAX = 16;
const DATABASE_WAIT_MS = 1_000;

/** The owner page keeps a key of its own, so that a guest's drop on the same computer never replaces it; a wall keeps none. */
export type Slot = "key" | "owner" | "none";

/** `#1` and 22 characters of base64url: 16 bytes; null for anything else. */
export function secretFromFragment(fragment: string): Uint8Array | null {
  const match = /^#?1([A-Za-z0-9_-]{22})$/.exec(fragment);
  return match?.[1] === undefined ? null : fromBase64(match[1]);
}

function fromBase64(text: string): Uint8Array | null {
  try {
    return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
  } catch {
    return null;
  }
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Runs one storage access; a browser that forbids it gives `fallback`. */
function tried<Value>(access: () => Value, fallback: Value): Value {
  try {
    return access();
  } catch {
    return fallback;
  }
}

export class Keyring {
  readonly #slot: Slot;
  readonly #transfers: Promise<IDBDatabase | null>;

  constructor(slot: Slot) {
    this.#slot = slot;
    this.#transfers = openDatabase();
  }

  get #keyName(): string {
    return `qrshared/1 ${this.#slot}`;
  }

  get #endName(): string {
    return `${this.#keyName} ended`;
  }

  get key(): Uint8Array | null {
    if (this.#slot === "none") return null;
    const key = fromBase64(tried(() => localStorage.getItem(this.#keyName), null) ?? "");
    return key?.length === 32 ? key : null;
  }

  /** Access was ended for this browser, and no code has let it in again since: it does not help itself to another one. */
  get hasEnded(): boolean {
    return tried(() => localStorage.getItem(this.#endName), null) !== null;
  }

  keepEnd(): void {
    tried(() => localStorage.setItem(this.#endName, "revoked"), undefined);
  }

  forgetEnd(): void {
    tried(() => localStorage.removeItem(this.#endName), undefined);
  }

  keepKey(key: Uint8Array): void {
    tried(() => localStorage.setItem(this.#keyName, toBase64(key)), undefined);
  }

  dropKey(): void {
    tried(() => localStorage.removeItem(this.#keyName), undefined);
  }

  /** The code in the address bar, or the one a reload brought back before it was redeemed. */
  get ticket(): Uint8Array | null {
    const fragment = secretFromFragment(location.hash) ? location.hash : null;
    const name = `${TICKET} ${location.pathname}`;
    if (fragment) tried(() => sessionStorage.setItem(name, fragment), undefined);
    return secretFromFragment(fragment ?? tried(() => sessionStorage.getItem(name), null) ?? "");
  }

  ticketRedeemed(): void {
    tried(() => sessionStorage.removeItem(`${TICKET} ${location.pathname}`), undefined);
    history.replaceState(history.state, "", location.pathname + location.search);
  }

  /** The computer's name of the last visit, so that the first picture is already right. */
  get computer(): string | null {
    return tried(() => localStorage.getItem(COMPUTER), null);
  }

  keepComputer(name: string): void {
    tried(() => localStorage.setItem(COMPUTER, name), undefined);
  }

  /** Ids of this slot's transfers that earlier page loads did not finish, the newest last. */
  async unfinished(): Promise<readonly string[]> {
    const database = await this.#transfers;
    if (!database) return [];
    const rows = await answered(database.transaction("transfers").objectStore("transfers").getAll(), [] as StoredTransfer[]);
    const oldest = Date.now() - KEEP_MS;
    for (const row of rows) if (row.atMs < oldest) await this.forgetTransfer(row.id);
    return rows
      .filter((row) => row.slot === this.#slot && row.atMs >= oldest)
      .sort((a, b) => a.atMs - b.atMs)
      .slice(-CONTINUES_MAX)
      .map((row) => row.id);
  }

  async keepTransfer(id: string): Promise<void> {
    const row: StoredTransfer = { id, slot: this.#slot, atMs: Date.now() };
    const database = await this.#transfers;
    if (database) await answered(database.transaction("transfers", "readwrite").objectStore("transfers").put(row), "");
  }

  async forgetTransfer(id: string): Promise<void> {
    const database = await this.#transfers;
    if (database) await answered(database.transaction("transfers", "readwrite").objectStore("transfers").delete(id), undefined);
  }
}

interface StoredTransfer {
  readonly id: string;
  readonly slot: Slot;
  readonly atMs: number;
}

/** The database of transfer ids, or null where there is none; a browser that never answers is not waited for. */
function openDatabase(): Promise<IDBDatabase | null> {
  const opened = new Promise<IDBDatabase | null>((resolve) => {
    const request = tried(() => indexedDB.open(DATABASE, 1), null);
    if (!request) return resolve(null);
    request.onupgradeneeded = () => request.result.createObjectStore("transfers", { keyPath: "id" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => resolve(null);
    request.onblocked = () => resolve(null);
    setTimeout(() => resolve(null), DATABASE_WAIT_MS);
  });
  return opened;
}

function answered<Value>(request: IDBRequest<Value>, fallback: NoInfer<Value>): Promise<Value> {
  return new Promise((resolve) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => resolve(fallback);
  });
}
