// What this browser keeps for this address: its key, a code that is not redeemed yet, ids of transfers that did not finish.
// Everything here may be missing or forbidden (private windows, cleared storage): then the page works and remembers nothing.

import { fromBase64url as fromBase64, toBase64url as toBase64 } from "../base64url.ts";
import { asSecret, deriveKeys } from "../seal/index.ts";
import type { NamedItem } from "../session/bridge.ts";
import { forgetHome, keepHome, type KeptHome, keptHomes, renameHome, tried } from "./kept-homes.ts";

const TICKET = "qrshared/1 ticket";
const COMPUTER = "qrshared/1 computer";
const AWAY = "qrshared/1 away";
const DATABASE = "qrshared/1";
const KEEP_MS = 8 * 86_400_000; // a day more than receipts are repeated
const CONTINUES_MAX = 16;
const DATABASE_WAIT_MS = 1_000;

/** The owner page keeps a key of its own, so that a guest's drop on the same computer never replaces it; a wall keeps none. */
export type Slot = "key" | "owner" | "none";

/** `#1` and 22 characters of base64url: 16 bytes; null for anything else. */
export const secretFromFragment = asSecret;

/** A key that was made for a code and is not yet known to have arrived. */
interface Pending {
  readonly code: string;
  readonly key: string;
  /** How its computer calls itself, where that was told before the key was let in. */
  readonly computer?: string;
}

export class Keyring {
  readonly #slot: Slot;
  readonly isShared: boolean;
  readonly #transfers: Promise<IDBDatabase | null>;
  #used: string | null = null; // what this page load opened links with: in another tab another computer may be in use

  /**
   * `isShared`: several homes may give their codes for this address (a meeting point's). Then each code gets a key of its
   * own, for one key for two homes would let either of them open the other; the last one that was let in is in use, and
   * the others are kept beside it.
   */
  constructor(slot: Slot, isShared = false) {
    this.#slot = slot;
    this.isShared = isShared;
    this.#transfers = openDatabase();
  }

  get #keyName(): string {
    return `qrshared/1 ${this.#slot}`;
  }

  get #endName(): string {
    return `${this.#keyName} ended`;
  }

  get #pendingName(): string {
    return `${this.#keyName} pending`;
  }

  get #usedName(): string {
    return `${this.#keyName} code`;
  }

  /** The key that opens links, or is brought to the computer whose code is in hand. */
  get key(): Uint8Array | null {
    if (this.#slot === "none") return null;
    const code = this.isShared ? this.#code : null;
    const pending = this.isShared ? this.#pending : null;
    const key = code === null ? (this.#stored ?? asKey(pending?.key)) : pending?.code === code ? asKey(pending.key) : null;
    if (key !== null) this.#used ??= toBase64(key);
    return key;
  }

  /** The key of an earlier code, while another one is in hand. */
  get spare(): Uint8Array | null {
    return this.isShared && this.#code !== null ? this.#stored : null;
  }

  /**
   * The code in hand may lead to another computer than those that are known here, and nobody here has said yet that they
   * want it: any page on the web can open an address with a code in it.
   */
  get isForeignCode(): boolean {
    const code = this.isShared ? this.#code : null;
    const isAnyKnown = this.#stored !== null || this.others.length > 0;
    return code !== null && isAnyKnown && this.#pending?.code !== code && !this.isUsedCode;
  }

  /** Computers at this address beside this page's own, the last used first: another tab may have another one in use. */
  get others(): readonly KeptHome[] {
    if (!this.isShared) return [];
    const inUse = this.#inUse;
    const own = this.#used ?? inUse?.key;
    return [...(inUse === null ? [] : [inUse]), ...keptHomes().filter(({ key }) => key !== inUse?.key)].filter(({ key }) => key !== own);
  }

  /** The one that the next page load takes. */
  get #inUse(): KeptHome | null {
    const key = this.#storedText;
    if (key === null || asKey(key) === null) return null;
    return { key, code: tried(() => localStorage.getItem(this.#usedName), null), computer: this.keptComputer, usedMs: Date.now() };
  }

  /** The one of them that the code in hand belongs to. */
  get otherOfCode(): KeptHome | null {
    const code = nameOf(this.ticket);
    return this.others.find((home) => code !== null && home.code === code) ?? null;
  }

  /** Uses another one from now on; the present one stays in the list. A page that is open goes on with its own. */
  use(home: KeptHome): void {
    forgetHome(home.key); // first: the present one needs its place
    if (home.key !== this.#storedText) this.#layAside();
    this.#put(home);
  }

  #put({ key, code, computer }: KeptHome): void {
    tried(() => localStorage.setItem(this.#keyName, key), undefined);
    tried(() => (code === null ? undefined : localStorage.setItem(this.#usedName, code)), undefined);
    tried(() => (computer === null ? undefined : localStorage.setItem(COMPUTER, computer)), undefined);
  }

  /** One is in use, whatever code is in hand. */
  get hasComputer(): boolean {
    return this.#stored !== null;
  }

  forget({ key }: KeptHome): void {
    if (key !== this.#storedText) return forgetHome(key);
    this.#empty(); // another tab had chosen it
    const own = keptHomes().find((home) => home.key === this.#used);
    if (own === undefined) return;
    forgetHome(own.key);
    this.#put(own);
  }

  /** Puts the computer in use among the others. */
  #layAside(): void {
    const inUse = this.#inUse;
    if (inUse !== null) keepHome(inUse);
    this.#empty();
  }

  /** None is in use. */
  #empty(): void {
    for (const name of [this.#keyName, this.#usedName, this.#pendingName, COMPUTER]) tried(() => localStorage.removeItem(name), undefined);
  }

  /** The code in hand is the one that the kept key came by. */
  get isUsedCode(): boolean {
    const used = tried(() => localStorage.getItem(this.#usedName), null);
    return this.isShared && used !== null && this.#stored !== null && used === nameOf(this.ticket);
  }

  /** Goes on as if no code had come. */
  dropCode(): void {
    tried(() => sessionStorage.removeItem(`${TICKET} ${location.pathname}`), undefined);
    history.replaceState(history.state, "", location.pathname + location.search);
  }

  get #stored(): Uint8Array | null {
    return asKey(this.#storedText);
  }

  get #storedText(): string | null {
    return tried(() => localStorage.getItem(this.#keyName), null);
  }

  /** This page's own key waits in the list: meanwhile another computer was chosen in another tab. */
  get #isElsewhere(): boolean {
    return this.isShared && this.#used !== null && this.#used !== this.#storedText;
  }

  get #pending(): Pending | null {
    const read: unknown = tried(() => JSON.parse(localStorage.getItem(this.#pendingName) ?? "null"), null);
    if (typeof read !== "object" || read === null || !("code" in read) || !("key" in read)) return null;
    if (typeof read.code !== "string" || typeof read.key !== "string") return null;
    return { code: read.code, key: read.key, ...("computer" in read && typeof read.computer === "string" ? { computer: read.computer } : {}) };
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
    const code = this.isShared ? this.#code : null;
    if (code === null) return this.#store(key);
    this.#used = toBase64(key);
    this.#await({ code, key: this.#used });
  }

  #await(pending: Pending): void {
    tried(() => localStorage.setItem(this.#pendingName, JSON.stringify(pending)), undefined);
  }

  #store(key: Uint8Array): void {
    tried(() => localStorage.setItem(this.#keyName, toBase64(key)), undefined);
  }

  dropKey(): void {
    const isPending = this.isShared && this.#code !== null && this.#pending !== null;
    if (isPending) return tried(() => localStorage.removeItem(this.#pendingName), undefined);
    if (this.#isElsewhere) return forgetHome(this.#used ?? "");
    for (const name of [this.#keyName, this.#usedName, this.#pendingName]) tried(() => localStorage.removeItem(name), undefined);
    if (this.isShared) tried(() => localStorage.removeItem(COMPUTER), undefined); // what comes next may be another one
  }

  /** The code in the address bar, or the one a reload brought back before it was redeemed. */
  get ticket(): Uint8Array | null {
    return secretFromFragment(this.#code ?? "");
  }

  get #code(): string | null {
    const fragment = secretFromFragment(location.hash) ? location.hash : null;
    const name = `${TICKET} ${location.pathname}`;
    if (fragment) tried(() => sessionStorage.setItem(name, fragment), undefined);
    return fragment ?? tried(() => sessionStorage.getItem(name), null);
  }

  /** The computer knows this browser by `key` from now on. */
  ticketRedeemed(key: Uint8Array | null): void {
    const code = nameOf(this.ticket);
    this.dropCode();
    if (!this.isShared || key === null) return;
    const text = toBase64(key);
    const stored = this.#storedText;
    if (code === null && stored !== null && stored !== text) return; // merely linked again: another tab's choice stands
    const computer = this.#pending?.key === text ? (this.#pending.computer ?? null) : null;
    this.#used = text;
    if (text === stored) return tried(() => localStorage.removeItem(this.#pendingName), undefined); // the code led nowhere
    this.use(keptHomes().find((home) => home.key === text) ?? { key: text, code, computer, usedMs: Date.now() });
  }

  /** This device has been shown how to be used away from home. */
  usesAway(device: string): boolean {
    return tried(() => localStorage.getItem(AWAY), null) === device;
  }

  keepAway(device: string): void {
    tried(() => localStorage.setItem(AWAY, device), undefined);
  }

  /** The computer's name of the last visit, so that the first picture is already right. */
  get computer(): string | null {
    if (this.isShared && this.#code !== null) return null; // it may be another one's code
    return this.keptComputer;
  }

  /** Whose key is kept, whatever code is in hand. */
  get keptComputer(): string | null {
    return tried(() => localStorage.getItem(COMPUTER), null);
  }

  keepComputer(name: string): void {
    const pending = this.isShared ? this.#pending : null;
    if (pending !== null && pending.key === this.#used) return this.#await({ ...pending, computer: name });
    if (this.#isElsewhere && this.#used !== null) return renameHome(this.#used, name);
    tried(() => localStorage.setItem(COMPUTER, name), undefined);
  }

  /** This slot's transfers that earlier page loads did not finish, the newest last, with what was not accepted of them. */
  async unfinished(): Promise<readonly KeptTransfer[]> {
    const database = await this.#transfers;
    if (!database) return [];
    const home = this.#home;
    const rows = await answered(database.transaction("transfers").objectStore("transfers").getAll(), [] as StoredTransfer[]);
    const oldest = Date.now() - KEEP_MS;
    for (const row of rows) if (row.atMs < oldest) await this.forgetTransfer(row.id);
    return rows
      .filter((row) => row.slot === this.#slot && (row.home ?? home) === home && row.atMs >= oldest)
      .sort((a, b) => a.atMs - b.atMs)
      .slice(-CONTINUES_MAX)
      .map(({ id, items = [] }) => ({ id, items }));
  }

  /** Tells the transfers of one computer from another's, and opens nothing. */
  get #home(): string | null {
    const key = this.isShared ? (asKey(this.#used) ?? this.key) : null;
    return key === null ? null : nameOf(key);
  }

  /** `items`: what nobody has accepted yet; where the same was left behind before, it is not any more. */
  async keepTransfer(id: string, items: readonly NamedItem[] = []): Promise<void> {
    const home = this.#home;
    const row: StoredTransfer = { id, slot: this.#slot, atMs: Date.now(), ...(home === null ? {} : { home }), ...(items.length === 0 ? {} : { items }) };
    const database = await this.#transfers;
    if (!database) return;
    const store = database.transaction("transfers", "readwrite").objectStore("transfers");
    if (items.length > 0) {
      for (const other of await answered(store.getAll(), [] as StoredTransfer[])) {
        const left = without(other.items ?? [], items);
        if (other.slot === this.#slot && left.length < (other.items ?? []).length) store.put({ ...other, items: left });
      }
    }
    await answered(store.put(row), "");
  }

  async forgetTransfer(id: string): Promise<void> {
    const database = await this.#transfers;
    if (database) await answered(database.transaction("transfers", "readwrite").objectStore("transfers").delete(id), undefined);
  }
}

/** By what a code is known without being kept. */
function nameOf(ticket: Uint8Array | null): string | null {
  return ticket === null ? null : toBase64(deriveKeys(ticket).keyId);
}

function asKey(text: string | null | undefined): Uint8Array | null {
  const key = fromBase64(text ?? "");
  return key?.length === 32 ? key : null;
}

/** What an earlier page load did not finish. */
export interface KeptTransfer {
  readonly id: string;
  readonly items: readonly NamedItem[];
}

/** Those of `items` that are not among `here`. */
export function without<Named extends NamedItem>(items: readonly Named[], here: readonly NamedItem[]): readonly Named[] {
  const known = new Set(here.map(({ name, size }) => `${size} ${name}`));
  return items.filter(({ name, size }) => !known.has(`${size} ${name}`));
}

interface StoredTransfer {
  readonly id: string;
  readonly slot: Slot;
  readonly atMs: number;
  /** Whose, where several homes share an address. */
  readonly home?: string;
  readonly items?: readonly NamedItem[];
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
