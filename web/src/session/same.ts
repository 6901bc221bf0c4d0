// "Skip what is already there": hashes what was chosen before it is proposed, so that the computer can say what it has.
import type { Row } from "./picks.ts";
import type { Hasher } from "./taking.ts";

/** The computer looks at no larger item (`WIRE.md` 3.2); such a one moves. */
export const SAME_BYTES_MAX = 64 << 20;

/** What is read at once: between two of these the worker sends, hears and beats. */
const STEP_BYTES = 1 << 20;

/** The first proposal holds so many, each next one four times as many: bytes flow early, and few transfers do for many items. */
const FIRST_ROWS = 64;
const GROWTH = 4;

/** More wait together until one of these has ended: a device's third window at once is a small one. */
const TRANSFERS_MAX = 2;

export interface ComparingPorts {
  readonly hasher: () => Hasher;
  /** It has not begun to move, and nobody has taken it back. */
  readonly isWanted: (row: number) => boolean;
  readonly propose: (rows: readonly Row[]) => void;
  /** Transfers that are not over. */
  readonly open: () => number;
  /** So many are still to be compared. */
  readonly tell: (left: number) => void;
}

export class Comparing {
  readonly #ports: ComparingPorts;
  readonly #hashes = new Map<number, string>(); // by row, in hex
  readonly #left = new Map<number, Row>();
  #isWished = false;
  #isAllowed = true;
  #isAtWork = false;

  constructor(ports: ComparingPorts) {
    this.#ports = ports;
  }

  /** The person wishes it, and the computer would heed it. */
  get isOn(): boolean {
    return this.#isWished && this.#isAllowed;
  }

  wish(isWished: boolean): void {
    this.#isWished = isWished;
  }

  /** Guests are never told what is there: for them nothing is hashed. */
  allow(isAllowed: boolean): void {
    this.#isAllowed = isAllowed;
  }

  hashOf(row: number): string | undefined {
    return this.isOn ? this.#hashes.get(row) : undefined;
  }

  forget(row: number): void {
    this.#hashes.delete(row);
    this.#left.delete(row);
  }

  /** Still to be compared. */
  rows(): Iterable<number> {
    return this.#left.keys();
  }

  /** Compares these one after the other and proposes them in portions. */
  add(rows: readonly Row[]): void {
    for (const row of rows) this.#left.set(row[0], row);
    if (!this.#isAtWork) void this.#work();
  }

  async #work(): Promise<void> {
    this.#isAtWork = true;
    let ready: Row[] = [];
    let most = FIRST_ROWS;
    const propose = (): void => {
      const wanted = ready.filter(([id]) => this.#ports.isWanted(id));
      ready = [];
      most *= GROWTH;
      if (wanted.length > 0) this.#ports.propose(wanted);
    };
    for (let next = this.#next(); next !== null; next = this.#next()) {
      this.#ports.tell(this.#left.size);
      if (this.isOn && this.#ports.isWanted(next[0]) && !this.#hashes.has(next[0])) await this.#hash(next);
      this.#left.delete(next[0]);
      ready.push(next);
      if (ready.length >= most && this.#ports.open() < TRANSFERS_MAX) propose();
    }
    this.#isAtWork = false;
    this.#ports.tell(0);
    propose();
  }

  #next(): Row | null {
    for (const row of this.#left.values()) return row;
    return null;
  }

  /** What cannot be read goes without: whoever sends it says why. */
  async #hash([id, { file }]: Row): Promise<void> {
    const hasher = this.#ports.hasher();
    try {
      for (let at = 0; at < file.size; at += STEP_BYTES) {
        const end = Math.min(at + STEP_BYTES, file.size);
        const step = at === 0 && end === file.size ? file : file.slice(at, end);
        const bytes = new Uint8Array(await step.arrayBuffer());
        if (bytes.length !== end - at || !this.isOn) return;
        hasher.update(bytes);
      }
    } catch {
      return;
    }
    this.#hashes.set(id, hasher.end());
  }
}

/** Whether the computer could have it already, as far as that is looked at. */
export function isComparable([, { file, kind, isForShelf }]: Row): boolean {
  return kind !== "folder" && isForShelf !== true && file.size <= SAME_BYTES_MAX;
}
