// Everything this page load wants to send: picks become transfers, transfers become rows on the screen.
import type { Chunk, Item, Message, Reason, TransferId, TransferMessage } from "../protocol/messages.ts";
import { CONTINUES_MAX } from "../protocol/limits.ts";
import type { SenderEvent } from "../transfers/events.ts";
import { itemWeight } from "../transfers/paging.ts";
import { Sender } from "../transfers/sender.ts";
import type { Command, Picked, Update } from "./bridge.ts";
import type { Clock } from "./clock.ts";
import { Ledger } from "./ledger.ts";
import { Outgoing } from "./outgoing.ts";
import type { Digest } from "./proof.ts";

/** A pick larger than this becomes several transfers: one manifest holds 100 000 items and 32 MiB of names. */
const ITEMS_IN_A_TRANSFER = 10_000;
const NAMES_IN_A_TRANSFER_BYTES = 16 << 20;

/** Transfers that read at once: a second pick does not wait for the first, ten do not share the memory. */
const READING_MAX = 3;

/** A page that has this much to send fetches the faster cipher. */
const BULK_BYTES = 8 << 20;

/** What an outbox needs of the world. */
export interface OutboxPorts {
  readonly clock: Clock;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly tell: (update: Update) => void;
  readonly digest: () => Promise<Digest>;
  /** Much is about to be sent. */
  readonly onBulk: () => void;
  /** Transfers of earlier page loads whose items may be among those that come. */
  readonly continues: readonly TransferId[];
}

/** The session as the outbox sees it. */
export interface Wire {
  post(...messages: readonly Exclude<Message, Chunk>[]): void;
  chunksReady(): void;
}

/** One row of the screen and the file behind it. */
type Row = readonly [id: number, picked: Picked];

/** A transfer and its rows, by item. */
interface Shown {
  readonly outgoing: Outgoing;
  readonly rows: readonly number[];
}

type OutboxCommand = Extract<Command, { readonly t: "send" | "pause" | "resume" | "cancel" | "retry" | "clear" }>;

export class Outbox {
  readonly #ports: OutboxPorts;
  readonly #ledger: Ledger;
  readonly #transfers = new Map<TransferId, Shown>();
  readonly #picked = new Map<number, Picked>(); // by row, until it is done
  readonly #places = new Map<number, { readonly shown: Shown; readonly item: number }>(); // where a row was last proposed
  readonly #halves = new Set<TransferId>(); // of this page load, over but not whole: a retry may continue them
  #wire: Wire | null = null;
  #rows = 0;
  #turn = 0;
  #paused = false; // by the person
  #held = false; // until the person has answered, or another road is there

  constructor(ports: OutboxPorts) {
    this.#ports = ports;
    this.#ledger = new Ledger(ports.clock, ports.tell);
  }

  command(command: OutboxCommand): void {
    switch (command.t) {
      case "send":
        return this.#send(command.picked.map((picked): Row => [this.#rows++, picked]));
      case "pause":
        this.#paused = true;
        return this.#rest();
      case "resume":
        this.#paused = false;
        return this.#rest();
      case "cancel":
        return command.item === null ? this.#cancelAll() : this.#cancel(command.item);
      case "retry":
        return this.#retry();
      case "clear":
        return this.#clear();
    }
  }

  /** Bytes that are still to go. */
  get toGo(): number {
    return this.#ledger.toGo;
  }

  /** Nothing flows while it is held, whatever is chosen; the manifests are proposed all the same. */
  hold(held: boolean): void {
    if (held === this.#held) return;
    this.#held = held;
    this.#rest();
  }

  /** A session is open: everything that is not over is proposed again; what ended meanwhile is said. */
  attach(wire: Wire): void {
    this.#wire = wire;
    this.#ledger.rebase();
    for (const [id, { outgoing }] of this.#transfers) {
      this.#post(outgoing.sender.propose());
      if (outgoing.sender.isOver) this.#transfers.delete(id);
    }
  }

  detach(): void {
    this.#wire = null;
    this.#ledger.rebase();
    for (const { outgoing } of this.#transfers.values()) outgoing.detach();
  }

  /** Chunks that can go out now; transfers take turns, so that a photo does not wait for a film. */
  chunks(most: number): readonly Chunk[] {
    const chunks: Chunk[] = [];
    const reading = [...this.#transfers.values()].slice(0, READING_MAX);
    this.#turn += 1;
    for (let n = 0; n < reading.length && chunks.length < most; n += 1) {
      reading[(this.#turn + n) % reading.length]?.outgoing.take(most, chunks);
    }
    return chunks;
  }

  /** A message about a transfer; those about one that is over are nobody's. */
  receive(message: TransferMessage): void {
    const shown = this.#transfers.get(message.transfer);
    if (shown === undefined) return;
    this.#happened(shown, shown.outgoing.sender.receive(message));
    if (message.t === "taken") for (const item of shown.outgoing.moving) this.#show(shown, item);
    if (message.t === "safe") this.#show(shown, message.item);
  }

  #send(rows: readonly Row[]): void {
    let bytes = 0;
    for (const [id, picked] of rows) {
      bytes += picked.file.size;
      this.#picked.set(id, picked);
      this.#ledger.put({
        id, name: picked.path, size: picked.file.size, done: 0, state: this.#resting(), reason: null, finalName: null, preparing: false,
      });
    }
    if (bytes > BULK_BYTES) this.#ports.onBulk();
    for (const some of inTransfers(rows)) this.#propose(some);
  }

  #propose(rows: readonly Row[]): void {
    const id = hex(this.#ports.randomBytes(16));
    const continues = [...this.#ports.continues, ...this.#halves].slice(-CONTINUES_MAX);
    const sender = new Sender(id, rows.map(([, picked]) => itemOf(picked)), continues);
    if (this.#rests) sender.pause();
    const outgoing = new Outgoing(sender, rows.map(([, { file }]) => file), {
      clock: this.#ports.clock,
      digest: this.#ports.digest,
      onPreparing: (item, preparing) => this.#ledger.change(shown.rows[item] ?? -1, { preparing }),
      onEvents: (events) => this.#happened(shown, events),
      onReady: () => this.#speak(shown),
      post: (messages) => this.#post(messages),
    });
    const shown: Shown = { outgoing, rows: rows.map(([row]) => row) };
    for (const [item, row] of shown.rows.entries()) this.#places.set(row, { shown, item });
    this.#transfers.set(id, shown);
    this.#ports.tell({ t: "transfer", id, over: false });
    if (this.#wire !== null) this.#post(sender.propose());
  }

  #happened(shown: Shown, events: readonly SenderEvent[]): void {
    for (const event of events) {
      shown.outgoing.heed(event);
      this.#tellOf(shown, event);
    }
    this.#speak(shown);
    if (this.#wire !== null && shown.outgoing.sender.isOver) this.#transfers.delete(shown.outgoing.sender.transfer);
  }

  #tellOf(shown: Shown, event: SenderEvent): void {
    switch (event.t) {
      case "accepted": // what is there already, and what is not any more
        this.#ledger.rebase();
        for (const item of shown.rows.keys()) this.#show(shown, item);
        return;
      case "rewound":
        return this.#show(shown, event.item);
      case "item_done":
        return this.#done(shown, event.item, event.receipt.name);
      case "item_failed":
        return this.#failed(shown, event.item, event.reason);
      case "item_cancelled":
        return this.#forgetOf(shown, event.item);
      case "declined":
      case "transfer_failed":
        this.#ports.tell({ t: "declined", reason: event.reason, needed: event.needed ?? null, free: event.free ?? null });
        for (const item of shown.rows.keys()) this.#failed(shown, item, event.reason);
        return;
      case "transfer_cancelled":
        for (const [item, row] of shown.rows.entries()) if (this.#isOpen(row)) this.#forgetOf(shown, item);
        return;
      case "over":
        return this.#ended(shown);
      case "proof_wanted":
        return;
    }
  }

  /** Ids of transfers that left something behind are kept, so that a retry or the next page load may continue them. */
  #ended({ outgoing, rows }: Shown): void {
    const id = outgoing.sender.transfer;
    const isFailed = (row: number): boolean => this.#ledger.row(row)?.state === "failed";
    if (rows.some(isFailed)) {
      this.#halves.add(id);
      return;
    }
    this.#ports.tell({ t: "transfer", id, over: true });
    if ([...this.#picked.keys()].some(isFailed)) return;
    for (const half of this.#halves) this.#ports.tell({ t: "transfer", id: half, over: true });
    this.#halves.clear();
  }

  /** How a row that is still on its way looks now. */
  #show(shown: Shown, item: number): void {
    const id = shown.rows[item] ?? -1;
    const row = this.#ledger.row(id);
    if (row === undefined || !this.#isOpen(id) || this.#places.get(id)?.shown !== shown) return;
    const { sender } = shown.outgoing;
    const state = this.#paused ? "paused" : !this.#held && sender.state(item) === "moving" ? "sending" : "waiting";
    const done = sender.done(item);
    if (row.state !== state || row.done !== done) this.#ledger.put({ ...row, state, done });
    this.#ledger.safe(id, sender.safe(item));
  }

  #done(shown: Shown, item: number, finalName: string): void {
    const id = shown.rows[item] ?? -1;
    const place = this.#places.get(id);
    this.#places.delete(id);
    this.#picked.delete(id);
    const size = this.#ledger.row(id)?.size ?? 0;
    this.#ledger.change(id, { state: "done", done: size, reason: null, finalName, preparing: false });
    this.#ledger.safe(id, size);
    // It had failed, was sent once more, and arrived after all: not twice.
    if (place !== undefined && place.shown !== shown) this.#happened(place.shown, place.shown.outgoing.sender.cancel(place.item));
  }

  #failed(shown: Shown, item: number, reason: Reason): void {
    const id = shown.rows[item] ?? -1;
    if (this.#isOpen(id) && this.#places.get(id)?.shown === shown) this.#ledger.change(id, { state: "failed", reason, preparing: false });
  }

  #forgetOf(shown: Shown, item: number): void {
    const id = shown.rows[item] ?? -1;
    if (this.#places.get(id)?.shown === shown) this.#forget(id);
  }

  #isOpen(row: number): boolean {
    const state = this.#ledger.row(row)?.state;
    return state === "waiting" || state === "sending" || state === "paused";
  }

  #forget(row: number): void {
    this.#ledger.drop(row);
    this.#picked.delete(row);
    this.#places.delete(row);
  }

  get #rests(): boolean {
    return this.#paused || this.#held;
  }

  #resting(): "paused" | "waiting" {
    return this.#paused ? "paused" : "waiting";
  }

  /** Stops or goes on, as it is wanted by now. */
  #rest(): void {
    const rests = this.#rests;
    this.#ledger.paused = rests;
    for (const shown of this.#transfers.values()) {
      if (rests) shown.outgoing.sender.pause();
      else shown.outgoing.sender.resume();
      for (const item of shown.rows.keys()) this.#show(shown, item);
    }
    this.#wire?.chunksReady();
  }

  #cancelAll(): void {
    for (const shown of [...this.#transfers.values()]) this.#happened(shown, shown.outgoing.sender.cancel());
    for (const row of [...this.#picked.keys()]) this.#forget(row); // what had failed
  }

  #cancel(row: number): void {
    const place = this.#places.get(row);
    if (place !== undefined) this.#happened(place.shown, place.shown.outgoing.sender.cancel(place.item));
    if (this.#picked.has(row)) this.#forget(row); // it had failed
  }

  #retry(): void {
    this.#send([...this.#picked].filter(([row]) => this.#ledger.row(row)?.state === "failed"));
  }

  /** What is done or has failed leaves the list. */
  #clear(): void {
    for (const row of this.#ledger.ids()) if (!this.#isOpen(row)) this.#forget(row);
  }

  /** Says what the sender wants to say, and wakes who writes. */
  #speak(shown: Shown): void {
    if (this.#wire === null) return;
    this.#post(shown.outgoing.sender.messagesToSend());
    this.#wire.chunksReady();
  }

  #post(messages: readonly Message[]): void {
    for (const message of messages) if (message.t !== "chunk") this.#wire?.post(message);
  }
}

/** Rows in runs that fit in one transfer each. */
function inTransfers(rows: readonly Row[]): readonly (readonly Row[])[] {
  const transfers: Row[][] = [];
  let last: Row[] = [];
  let names = 0;
  for (const row of rows) {
    const weight = itemWeight(itemOf(row[1]));
    if (last.length === 0 || last.length === ITEMS_IN_A_TRANSFER || names + weight > NAMES_IN_A_TRANSFER_BYTES) {
      last = [];
      names = 0;
      transfers.push(last);
    }
    last.push(row);
    names += weight;
  }
  return transfers;
}

function itemOf({ file, path }: Picked): Item {
  const modified = file.lastModified;
  return Number.isSafeInteger(modified) && modified >= 0 ? { name: path, size: file.size, modified_ms: modified } : { name: path, size: file.size };
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
