// What the screen shows of each chosen file, and the sums; only what changed is told, at most ten times a second.
import type { Reason } from "../protocol/messages.ts";
import { Progress } from "../transfers/progress.ts";
import type { ItemState, ItemView, TotalView, Update } from "./bridge.ts";
import type { Clock } from "./clock.ts";

const TELL_EVERY_S = 0.1;
const IDLE_TELL_EVERY_S = 1;

/** Rows in one telling: 10 000 new ones at once would stop the page for a moment. */
const ROWS_MAX = 1_000;

export class Ledger {
  readonly #clock: Clock;
  readonly #tell: (update: Update) => void;
  readonly #progress = new Progress();
  readonly #rows = new Map<number, ItemView>();
  readonly #safe = new Map<number, number>();
  readonly #dirty = new Set<number>();
  #gone: number[] = [];
  #paused = false;
  #toldAt = Number.NEGATIVE_INFINITY;
  #dueAt = Number.POSITIVE_INFINITY;
  #takeBack: (() => void) | null = null;
  readonly #counts: Record<ItemState, number> = { waiting: 0, sending: 0, paused: 0, done: 0, failed: 0 };
  #bytes = 0;
  #bytesDone = 0;
  #bytesSafe = 0;
  #comparing = 0;
  #isAsked = false;

  constructor(clock: Clock, tell: (update: Update) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  row(id: number): ItemView | undefined {
    return this.#rows.get(id);
  }

  /** Bytes of what has not failed and is not there yet. */
  get toGo(): number {
    return this.#bytes - this.#bytesDone;
  }

  /** There is something to go, and all of it is paused. */
  get isAtRest(): boolean {
    const { waiting, sending, paused } = this.#counts;
    return paused > 0 && waiting + sending === 0;
  }

  ids(): number[] {
    return [...this.#rows.keys()];
  }

  /** Adds a row or changes one. */
  put(row: ItemView): void {
    this.#count(this.#rows.get(row.id), -1);
    this.#count(row, 1);
    this.#rows.set(row.id, row);
    this.#dirty.add(row.id);
    this.#soon();
  }

  /** Changes a row that is still there. */
  change(id: number, change: Partial<Omit<ItemView, "id">>): void {
    const row = this.#rows.get(id);
    if (row !== undefined) this.put({ ...row, ...change });
  }

  /** What is not over will never be: it has failed. */
  fail(reason: Reason): void {
    for (const { id, state } of this.#rows.values()) if (state !== "done" && state !== "failed") this.change(id, { state: "failed", reason, preparing: false });
  }

  /** So many bytes of it would survive a crash of the computer. */
  safe(id: number, offset: number): void {
    if (!this.#rows.has(id)) return;
    this.#bytesSafe += offset - (this.#safe.get(id) ?? 0);
    this.#safe.set(id, offset);
    this.#soon();
  }

  drop(id: number): void {
    const row = this.#rows.get(id);
    if (row === undefined) return;
    this.safe(id, 0);
    this.#safe.delete(id);
    this.#count(row, -1);
    this.#rows.delete(id);
    this.#dirty.delete(id);
    this.#gone.push(id);
    this.#soon();
  }

  set paused(paused: boolean) {
    this.#paused = paused;
    this.rebase();
    this.#soon();
  }

  set comparing(count: number) {
    this.#comparing = count;
    this.#soon();
  }

  set isAsked(isAsked: boolean) {
    if (isAsked === this.#isAsked) return;
    this.#isAsked = isAsked;
    this.#soon();
  }

  /** Time that passed, or bytes that were there already, say nothing about the speed. */
  rebase(): void {
    this.#progress.pause();
  }

  #count(row: ItemView | undefined, sign: 1 | -1): void {
    if (row === undefined) return;
    this.#counts[row.state] += sign;
    if (row.state === "failed") return; // what will not come is not waited for
    this.#bytes += sign * row.size;
    this.#bytesDone += sign * row.done;
  }

  #soon(): void {
    this.#arm(Math.max(this.#clock.now(), this.#toldAt + TELL_EVERY_S));
  }

  /** Tells at `dueAt`, or earlier if that was already planned. */
  #arm(dueAt: number): void {
    if (dueAt >= this.#dueAt) return;
    this.#dueAt = dueAt;
    this.#takeBack?.();
    this.#takeBack = this.#clock.after(dueAt - this.#clock.now(), () => this.#flush());
  }

  #flush(): void {
    this.#takeBack = null;
    this.#dueAt = Number.POSITIVE_INFINITY;
    this.#toldAt = this.#clock.now();
    const changed: ItemView[] = [];
    for (const id of this.#dirty) {
      if (changed.length === ROWS_MAX) break;
      this.#dirty.delete(id);
      const row = this.#rows.get(id);
      if (row !== undefined) changed.push(row);
    }
    const gone = this.#gone;
    this.#gone = [];
    if (changed.length > 0 || gone.length > 0) this.#tell({ t: "items", changed, gone });
    const total = this.#total();
    this.#tell({ t: "total", total });
    if (this.#dirty.size > 0) this.#arm(this.#toldAt + TELL_EVERY_S);
    else if (total.state === "sending") this.#arm(this.#toldAt + IDLE_TELL_EVERY_S); // a stalled rate sinks too
  }

  #total(): TotalView {
    const counts = this.#counts;
    const bytes = this.#bytes;
    const open = counts.waiting + counts.sending + counts.paused;
    const rests = this.#paused || this.isAtRest; // all of it at once, or one after the other
    const state = this.#rows.size === 0 ? "idle" : open === 0 ? "done" : rests ? "paused" : "sending";
    const isMoving = state === "sending";
    if (isMoving) this.#progress.update(this.#bytesDone, this.#clock.now());
    return {
      state,
      items: this.#rows.size,
      done: counts.done,
      failed: counts.failed,
      bytes,
      bytesDone: this.#bytesDone,
      bytesSafe: this.#bytesSafe,
      rate: isMoving ? this.#progress.rate : 0,
      leftS: isMoving ? this.#progress.leftS(bytes - this.#bytesDone) : null,
      ...(this.#comparing > 0 ? { comparing: this.#comparing } : {}),
      ...(this.#isAsked && isMoving ? { isAsked: true } : {}),
    };
  }
}
