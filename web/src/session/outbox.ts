// Everything this page load wants to send: picks become transfers, transfers become rows on the screen.
import type { Chunk, ItemReceipt, Message, Reason, TransferId, TransferMessage } from "../protocol/messages.ts";
import { CONTINUES_MAX } from "../protocol/limits.ts";
import type { SenderEvent } from "../transfers/events.ts";
import { Sender } from "../transfers/sender.ts";
import type { Command, Picked } from "./bridge.ts";
import { Ledger } from "./ledger.ts";
import type { OutboxPorts, Wire } from "./outbox-ports.ts";
import { Outgoing } from "./outgoing.ts";
import { hex, inTransfers, itemOf, newRow, type Row } from "./picks.ts";
import { Resting } from "./resting.ts";
import { fitting, RoomAgain } from "./room-again.ts";
import { Comparing, isComparable } from "./same.ts";
import { isAskedAbout, readingNow, type Shown } from "./shown.ts";

/** A page that has this much to send fetches the faster cipher. */
const BULK_BYTES = 8 << 20;

/** Of each transfer, so many are named to whoever has to choose them again. */
const NAMED_MAX = 200;

type Refusal = Omit<Extract<SenderEvent, { readonly t: "declined" }>, "t">;
type OutboxCommand = Extract<Command, { readonly t: "send" | "pause" | "resume" | "cancel" | "retry" | "clear" | "skip_same" }>;

export class Outbox {
  readonly #ports: OutboxPorts;
  readonly #ledger: Ledger;
  readonly #comparing: Comparing | null;
  readonly #room: RoomAgain | null;
  readonly #transfers = new Map<TransferId, Shown>();
  readonly #picked = new Map<number, Picked>(); // by row, until it is done
  readonly #places = new Map<number, { readonly shown: Shown; readonly item: number }>(); // where a row was last proposed
  readonly #halves = new Set<TransferId>(); // of this page load, over but not whole: a retry may continue them
  #wire: Wire | null = null;
  #rows = 0;
  #turn = 0;
  readonly #resting = new Resting();

  constructor(ports: OutboxPorts) {
    this.#ports = ports;
    this.#ledger = new Ledger(ports.clock, ports.tell);
    this.#room = ports.isAskedForRoom === true ? new RoomAgain(ports.clock, () => this.#offerForRoom()) : null;
    this.#comparing = ports.hasher === undefined ? null : new Comparing({
      hasher: ports.hasher,
      isWanted: (row) => this.#isOpen(row) && !this.#hasBegun(row),
      propose: (rows) => this.#proposeAll(rows),
      open: () => this.#transfers.size,
      tell: (left) => (this.#ledger.comparing = left),
    });
  }

  command(command: OutboxCommand): void {
    switch (command.t) {
      case "send":
        return this.#send(command.picked.map((picked): Row => [this.#rows++, picked]));
      case "pause":
        return command.item === undefined ? this.#pauseAll(true) : this.#pauseOne(command.item, true);
      case "resume":
        return command.item === undefined ? this.#pauseAll(false) : this.#pauseOne(command.item, false);
      case "cancel":
        return command.item === null ? this.#cancelAll() : this.#cancel(command.item);
      case "retry":
        return this.#retry();
      case "clear":
        return this.#clear();
      case "skip_same":
        return this.#skipSame(command.on);
    }
  }

  /** Bytes that are still to go. */
  get toGo(): number {
    return this.#ledger.toGo;
  }

  /** Nothing flows while it is held, whatever is chosen; the manifests are proposed all the same. */
  hold(held: boolean): void {
    if (held === this.#resting.isHeld) return;
    this.#resting.isHeld = held;
    this.#rest();
  }

  /** A session is open: everything that is not over is proposed again; what ended meanwhile is said. */
  attach(wire: Wire, tellsSame = false): void {
    this.#wire = wire;
    this.#comparing?.allow(tellsSame);
    this.#ledger.rebase();
    for (const [id, { outgoing }] of this.#transfers) {
      this.#post(outgoing.sender.propose());
      if (outgoing.sender.isOver) this.#transfers.delete(id);
    }
  }

  /** `ended`: there will be no other session. */
  detach(ended: Reason | null = null): void {
    this.#wire = null;
    if (ended !== null) this.#ledger.fail(ended);
    this.#ledger.rebase();
    for (const shown of this.#transfers.values()) {
      shown.outgoing.detach();
      shown.isAsked = false;
    }
    this.#ledger.isAsked = false;
  }

  /** Chunks that can go out now; transfers take turns, so that a photo does not wait for a film. */
  chunks(most: number): readonly Chunk[] {
    const chunks: Chunk[] = [];
    const reading = readingNow(this.#transfers.values());
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
      this.#await(id, picked);
    }
    if (bytes > BULK_BYTES) this.#ports.onBulk();
    const compared = this.#comparing?.isOn === true ? rows.filter(isComparable) : [];
    if (compared.length > 0) this.#comparing?.add(compared);
    this.#proposeAll(compared.length > 0 ? rows.filter((row) => !isComparable(row)) : rows);
  }

  #proposeAll(rows: readonly Row[]): void {
    for (const some of inTransfers(rows)) this.#propose(some);
  }

  /** From now on, and for what waits and has not begun. */
  #skipSame(on: boolean): void {
    this.#comparing?.wish(on);
    if (this.#comparing?.isOn !== true) return;
    const waiting = [...this.#picked].filter(([row]) => this.#isOpen(row) && !this.#hasBegun(row)).filter(isComparable);
    if (waiting.length > 0) this.#comparing.add(waiting);
  }

  /** Bytes of it are on their way. */
  #hasBegun(row: number): boolean {
    const place = this.#places.get(row);
    return place !== undefined && place.shown.outgoing.sender.state(place.item) === "moving";
  }

  /** A row of which nothing is known yet. */
  #await(id: number, picked: Picked): void {
    this.#ledger.put(newRow(id, picked, this.#resting.isWished(id) ? "paused" : "waiting"));
  }

  #propose(rows: readonly Row[], isQuiet = false): void {
    const id = hex(this.#ports.randomBytes(16));
    const continues = [...this.#ports.continues, ...this.#halves].slice(-CONTINUES_MAX);
    const isForShelf = rows.every(([, picked]) => picked.isForShelf === true);
    const items = rows.map(([row, picked]) => itemOf(picked, this.#comparing?.hashOf(row)));
    const skipsSame = items.some(({ sha256 }) => sha256 !== undefined);
    const sender = new Sender(id, items, continues, { ...(isForShelf ? { shelf: true } : {}), ...(skipsSame ? { skip_same: true } : {}) });
    const outgoing = new Outgoing(sender, rows.map(([, { file }]) => file), {
      clock: this.#ports.clock,
      digest: this.#ports.digest,
      onPreparing: (item, preparing) => this.#ledger.change(shown.rows[item] ?? -1, { preparing }),
      onEvents: (events) => this.#happened(shown, events),
      onReady: () => this.#speak(shown),
      post: (messages) => this.#post(messages),
    });
    const shown: Shown = { outgoing, rows: rows.map(([row]) => row), isQuiet, wasAccepted: false, isAsked: false };
    const before = shown.rows.map((row) => this.#places.get(row));
    for (const [item, row] of shown.rows.entries()) this.#places.set(row, { shown, item });
    // Tried in silence and now by hand, or the other way round: only one of them may bring it.
    for (const place of before) if (place !== undefined) this.#happened(place.shown, place.shown.outgoing.sender.cancel(place.item));
    this.#transfers.set(id, shown);
    this.#restOf(shown);
    if (!isQuiet) this.#ports.tell({ t: "transfer", id, over: false, items: items.slice(0, NAMED_MAX).map(({ name, size }) => ({ name, size })) });
    if (this.#wire !== null) this.#post(sender.propose());
  }

  #happened(shown: Shown, events: readonly SenderEvent[]): void {
    for (const event of events) {
      if (event.t === "deferred" || event.t === "accepted") shown.isAsked = event.t === "deferred";
      shown.outgoing.heed(event);
      this.#tellOf(shown, event);
    }
    this.#speak(shown);
    if (this.#wire !== null && shown.outgoing.sender.isOver) this.#transfers.delete(shown.outgoing.sender.transfer);
    this.#ledger.isAsked = isAskedAbout(this.#transfers.values());
  }

  #tellOf(shown: Shown, event: SenderEvent): void {
    switch (event.t) {
      case "accepted": // what is there already, and what is not any more
        this.#ledger.rebase();
        if (!shown.wasAccepted) this.#accepted(shown);
        shown.wasAccepted = true;
        for (const item of shown.rows.keys()) this.#show(shown, item);
        return;
      case "rewound":
        return this.#show(shown, event.item);
      case "item_done":
        return this.#done(shown, event.item, event.receipt);
      case "item_failed":
        return this.#failed(shown, event.item, event.reason);
      case "item_cancelled":
        return this.#forgetOf(shown, event.item);
      case "declined":
        if (event.reason === "no_space" && this.#sendWhatFits(shown, event.free ?? 0)) return;
        if (shown.isQuiet) return this.#room?.plan();
        return this.#refused(shown, event);
      case "transfer_failed":
        return this.#refused(shown, event);
      case "transfer_cancelled":
        for (const [item, row] of shown.rows.entries()) if (this.#isOpen(row)) this.#forgetOf(shown, item);
        return;
      case "over":
        return this.#ended(shown);
      default:
        return;
    }
  }

  /** None of it will come: the person hears why, once. */
  #refused(shown: Shown, { reason, needed, free }: Refusal): void {
    this.#ports.tell({ t: "declined", reason, needed: needed ?? null, free: free ?? null });
    for (const item of shown.rows.keys()) this.#failed(shown, item, reason);
  }

  /** A full disk refuses what does not fit, and nothing else; false when that is all of it. */
  #sendWhatFits(shown: Shown, free: number): boolean {
    const rows: Row[] = [];
    for (const row of shown.rows) {
      const picked = this.#picked.get(row);
      if (picked !== undefined && this.#places.get(row)?.shown === shown) rows.push([row, picked]);
    }
    const some = fitting(rows, free);
    if (some.length === 0 || some.length === shown.rows.length) return false;
    const isFitting = new Set(some.map(([row]) => row));
    for (const [item, row] of shown.rows.entries()) if (!isFitting.has(row)) this.#failed(shown, item, "no_space");
    for (const part of inTransfers(some)) this.#propose(part, shown.isQuiet);
    return true;
  }

  /** Offers once more what did not fit; false while nothing may be said. */
  #offerForRoom(): boolean {
    const rows = [...this.#picked].filter(([row]) => this.#ledger.row(row)?.reason === "no_space");
    if (rows.length > 0 && (this.#wire === null || this.#resting.isAll)) return false;
    for (const some of inTransfers(rows)) this.#propose(some, true);
    return true;
  }

  /** The computer knows by itself what is to come. What was tried in silence is on its way again. */
  #accepted(shown: Shown): void {
    this.#ports.tell({ t: "transfer", id: shown.outgoing.sender.transfer, over: false });
    if (!shown.isQuiet) return;
    for (const row of shown.rows) {
      const picked = this.#picked.get(row);
      if (picked !== undefined && this.#places.get(row)?.shown === shown) this.#await(row, picked);
    }
  }

  /** Ids of transfers that left something behind are kept, so that a retry or the next page load may continue them. */
  #ended({ outgoing, rows, wasAccepted }: Shown): void {
    const id = outgoing.sender.transfer;
    const isFailed = (row: number): boolean => this.#ledger.row(row)?.state === "failed";
    if (wasAccepted && rows.some(isFailed)) {
      this.#halves.add(id);
      return;
    }
    this.#ports.tell({ t: "transfer", id, over: true });
    if ([...this.#picked.keys()].some(isFailed)) return;
    for (const half of this.#halves) this.#ports.tell({ t: "transfer", id: half, over: true });
    this.#halves.clear();
  }

  /** How a row on its way looks now. */
  #show(shown: Shown, item: number): void {
    const id = shown.rows[item] ?? -1;
    const row = this.#ledger.row(id);
    if (row === undefined || !this.#isOpen(id) || this.#places.get(id)?.shown !== shown) return;
    const { sender } = shown.outgoing;
    const state = this.#resting.isWished(id) ? "paused" : !this.#resting.isHeld && sender.state(item) === "moving" ? "sending" : "waiting";
    const done = sender.done(item);
    if (row.state !== state || row.done !== done) this.#ledger.put({ ...row, state, done });
    this.#ledger.safe(id, sender.safe(item));
  }

  #done(shown: Shown, item: number, { name: finalName, sha256, already }: ItemReceipt): void {
    const id = shown.rows[item] ?? -1;
    const place = this.#places.get(id);
    this.#places.delete(id);
    this.#picked.delete(id);
    this.#resting.forget(id);
    const size = this.#ledger.row(id)?.size ?? 0;
    this.#ledger.change(id, { state: "done", done: size, reason: null, finalName, sha256, preparing: false, ...(already === true ? { already } : {}) });
    this.#comparing?.forget(id);
    this.#ledger.safe(id, size);
    if (this.#resting.hasRows && this.#ledger.isAtRest) this.#rest();
    // It had failed, was sent once more, and arrived after all: not twice.
    if (place !== undefined && place.shown !== shown) this.#happened(place.shown, place.shown.outgoing.sender.cancel(place.item));
  }

  #failed(shown: Shown, item: number, reason: Reason): void {
    const id = shown.rows[item] ?? -1;
    if (this.#isOpen(id) && this.#places.get(id)?.shown === shown) this.#ledger.change(id, { state: "failed", reason, preparing: false });
    if (reason === "no_space") this.#room?.plan();
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
    this.#resting.forget(row);
    this.#comparing?.forget(row);
  }

  #pauseAll(paused: boolean): void {
    this.#resting.pauseAll(paused);
    this.#rest();
  }

  #pauseOne(row: number, paused: boolean): void {
    if (!this.#isOpen(row)) return;
    this.#resting.pauseOne(row, paused, [...this.#picked.keys()].filter((id) => this.#isOpen(id)));
    this.#rest();
  }

  /** Stops or goes on, as it is wanted by now. */
  #rest(): void {
    this.#ledger.paused = this.#resting.isAll;
    for (const shown of this.#transfers.values()) this.#restOf(shown);
    for (const row of this.#comparing?.rows() ?? []) {
      if (!this.#places.has(row)) this.#ledger.change(row, { state: this.#resting.isWished(row) ? "paused" : "waiting" });
    }
    this.#wire?.chunksReady();
  }

  /** The computer is told of a transfer that rests as a whole, all at once or one item after the other. */
  #restOf(shown: Shown): void {
    const { sender } = shown.outgoing;
    for (const [item, row] of shown.rows.entries()) {
      if (this.#resting.isAlone(row)) sender.pause(item);
      else sender.resume(item);
      this.#show(shown, item);
    }
    const open = shown.rows.filter((row) => this.#isOpen(row) && this.#places.get(row)?.shown === shown);
    if (this.#resting.isAll || (open.length > 0 && open.every((row) => this.#resting.isAlone(row)))) sender.pause();
    else sender.resume();
    if (this.#wire !== null) this.#post(sender.messagesToSend());
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
