// An inbox in memory behind the real `Receiver`: parts, receipts, proofs, and the ways in which they can be lost.
import { createHash } from "node:crypto";
import { blake2b } from "@noble/hashes/blake2.js";
import { CHUNK_BYTES_MAX, PROOF_BLOCK_BYTES, WINDOW_BYTES } from "../../src/protocol/limits.ts";
import type { Item, ItemReceipt, Kept, Message, Reason, TransferMessage } from "../../src/protocol/messages.ts";
import type { ReceiverEvent } from "../../src/transfers/events.ts";
import { Receiver } from "../../src/transfers/receiver.ts";
import type { DaemonDouble, Guest } from "./daemon-double.ts";

interface Part {
  readonly transfer: string;
  readonly item: number;
  readonly facts: Item;
  bytes: Buffer;
  used: number;
}

const TRANSFER_TAGS: ReadonlySet<Message["t"]> = new Set(["propose", "chunk", "proof", "finish", "cancel", "fail"]);

export class InboxDouble {
  readonly files = new Map<string, Buffer>(); // by final name
  readonly proposed: { readonly transfer: string; readonly continues: readonly string[]; readonly names: readonly string[] }[] = [];
  largestUnderWay = 0;
  readonly #receivers = new Map<string, Receiver>();
  readonly #parts = new Map<string, Part>();
  readonly #receipts = new Map<string, ItemReceipt[]>();
  readonly #provenOffsets = new Map<string, number>(); // what was kept when it was accepted: bytes go on meanwhile
  readonly #claims = new Map<string, { guest: Guest; seen: number; taken: number }>();
  window = WINDOW_BYTES;
  declines: { reason: Reason; needed?: number; free?: number } | null = null;
  /** A person is asked about each proposal; `answers` has what lets each come in, or not. */
  asks = false;
  readonly answers: ((isLetIn: boolean) => Promise<void>)[] = [];
  failsItem: ((facts: Item) => Reason | null) | null = null;
  takesNothing = false;
  /** Called after each chunk with all chunk bytes that ever came. */
  onBytes: (total: number, guest: Guest) => void = () => undefined;
  /** Called when a file is in the inbox, before its receipt is on its way. */
  onPlaced: (guest: Guest) => void = () => undefined;
  received = 0;
  /** Chunk bytes that ever came, by transfer. */
  readonly receivedOf = new Map<string, number>();
  readonly #skips = new Set<string>(); // transfers whose sender wishes that what is here does not move
  #now = 0;

  serve(daemon: DaemonDouble): void {
    daemon.onMessage = async (guest, message) => {
      if (TRANSFER_TAGS.has(message.t)) await this.#take(guest, message as TransferMessage);
    };
    daemon.onLeft = () => {
      for (const receiver of this.#receivers.values()) receiver.detached();
    };
  }

  /** The daemon died: what it knew of transfers is gone, and of parts what was not on the disk. */
  kill(safe: (written: number) => number): void {
    this.#receivers.clear();
    for (const part of this.#parts.values()) part.used = Math.min(part.used, safe(part.used));
  }

  /** Changes a byte of what is kept. */
  spoil(name: string, offset: number): void {
    for (const part of this.#parts.values()) if (part.facts.name === name) part.bytes[offset] = (part.bytes[offset] ?? 0) ^ 1;
  }

  /** Does something once, when so many chunk bytes have come. */
  at(bytes: number, action: (guest: Guest) => void): void {
    this.onBytes = (total, guest) => {
      if (total < bytes) return;
      this.onBytes = () => undefined;
      action(guest);
    };
  }

  async #take(guest: Guest, message: TransferMessage): Promise<void> {
    let receiver = this.#receivers.get(message.transfer);
    if (receiver === undefined || (receiver.isOver && message.t === "propose")) {
      if (message.t !== "propose") return;
      receiver = new Receiver(message.transfer);
      this.#receivers.set(message.transfer, receiver);
    }
    if (message.t === "chunk") {
      this.received += message.content.length;
      this.receivedOf.set(message.transfer, (this.receivedOf.get(message.transfer) ?? 0) + message.content.length);
      if (message.content.length > CHUNK_BYTES_MAX) throw new Error("a chunk that is too long");
    }
    if (message.t === "propose" && message.skip_same === true) this.#skips.add(message.transfer);
    this.#watchWindow(guest, message);
    const before = this.answers.length;
    this.#act(receiver, receiver.receive(message, this.#tick()), guest);
    if (this.answers.length > before) await guest.say({ t: "defer", transfer: message.transfer });
    if (message.t === "chunk") this.onBytes(this.received, guest);
    await this.#speak(guest, receiver);
  }

  /** The window is the only brake of a sender: bytes sent minus bytes it was told are taken stay within it. */
  #watchWindow(guest: Guest, message: TransferMessage): void {
    let claim = this.#claims.get(message.transfer);
    if (claim?.guest !== guest) claim = { guest, seen: 0, taken: 0 };
    this.#claims.set(message.transfer, claim);
    if (message.t === "chunk") claim.seen += message.content.length;
    this.largestUnderWay = Math.max(this.largestUnderWay, claim.seen - claim.taken);
  }

  async #speak(guest: Guest, receiver: Receiver): Promise<void> {
    const messages = receiver.messagesToSend(this.#tick()).filter((message) => message.t !== "taken" || !this.takesNothing);
    for (const message of messages) {
      const claim = this.#claims.get(receiver.transfer);
      if (message.t === "taken" && claim !== undefined) claim.taken = message.count;
    }
    await guest.say(...messages);
  }

  #tick(): number {
    this.#now += 1; // each call a second later: every `taken` is due
    return this.#now;
  }

  #act(receiver: Receiver, events: readonly ReceiverEvent[], guest?: Guest): void {
    for (const event of events) this.#act(receiver, this.#step(receiver, event, guest));
  }

  #answer(receiver: Receiver, event: Extract<ReceiverEvent, { t: "proposed" }>, guest: Guest, isLetIn: boolean): Promise<void> {
    this.#act(receiver, isLetIn ? this.#accept(receiver, event.items, event.continues) : receiver.decline("declined"));
    return this.#speak(guest, receiver);
  }

  #step(receiver: Receiver, event: ReceiverEvent, guest?: Guest): readonly ReceiverEvent[] {
    switch (event.t) {
      case "proposed":
        this.proposed.push({ transfer: receiver.transfer, continues: event.continues, names: event.items.map(({ name }) => name) });
        if (this.declines !== null) return receiver.decline(this.declines.reason, this.declines);
        if (this.asks && guest !== undefined) {
          this.answers.push((isLetIn) => this.#answer(receiver, event, guest, isLetIn));
          return [];
        }
        return event.again ? receiver.accept(this.window) : this.#accept(receiver, event.items, event.continues);
      case "bytes_arrived": {
        const part = this.#part(receiver.transfer, event.item, receiver.items);
        part.bytes.set(event.content, event.offset);
        part.used = event.offset + event.content.length;
        receiver.wrote(event.item, part.used);
        receiver.synced(event.item, part.used);
        const reason = this.failsItem?.(part.facts) ?? null;
        return reason === null ? [] : receiver.failItem(event.item, reason);
      }
      case "proof_arrived":
        return this.#compare(receiver, event.item, event.first, event.digests, event.last);
      case "item_complete": {
        const placed = receiver.placed(event.item, this.#place(receiver, event.item));
        const guest = this.#claims.get(receiver.transfer)?.guest;
        if (guest !== undefined) this.onPlaced(guest);
        return placed;
      }
      case "item_cancelled":
        this.#parts.delete(`${receiver.transfer}/${event.item}`);
        return [];
      default:
        return [];
    }
  }

  #accept(receiver: Receiver, items: readonly Item[], continues: readonly string[]): readonly ReceiverEvent[] {
    const receipts = [...(this.#receipts.get(receiver.transfer) ?? []), ...this.#there(receiver.transfer, items)];
    const kept: Kept[] = [];
    for (const [item, facts] of items.entries()) {
      if (receipts.some((receipt) => receipt.item === item)) continue;
      const own = this.#parts.get(`${receiver.transfer}/${item}`);
      const earlier = [...this.#parts.values()].find(
        (part) => continues.includes(part.transfer) && part.facts.name === facts.name && part.facts.size === facts.size,
      );
      const part = own ?? earlier;
      if (part === undefined || part.used === 0) continue;
      this.#parts.delete(`${part.transfer}/${part.item}`);
      this.#parts.set(`${receiver.transfer}/${item}`, { ...part, transfer: receiver.transfer, item });
      kept.push({ item, offset: part.used, prove: own === undefined });
      this.#provenOffsets.set(`${receiver.transfer}/${item}`, part.used);
    }
    return receiver.accept(this.window, kept, receipts);
  }

  #there(transfer: string, items: readonly Item[]): ItemReceipt[] {
    if (!this.#skips.has(transfer)) return [];
    return items.flatMap(({ name, size, sha256 }, item) => {
      const here = this.files.get(name);
      const isSame = here !== undefined && sha256 !== undefined && createHash("sha256").update(here).digest("hex") === sha256;
      return isSame ? [{ item, name, size, sha256, already: true }] : [];
    });
  }

  #compare(receiver: Receiver, item: number, first: number, digests: readonly Uint8Array[], last: boolean): readonly ReceiverEvent[] {
    const part = this.#part(receiver.transfer, item, receiver.items);
    for (const [at, digest] of digests.entries()) {
      const start = (first + at) * PROOF_BLOCK_BYTES;
      const isLast = last && at === digests.length - 1;
      const end = isLast ? this.#provenOffsets.get(`${receiver.transfer}/${item}`) : start + PROOF_BLOCK_BYTES;
      const same = Buffer.from(blake2b(part.bytes.subarray(start, end), { dkLen: 32 })).equals(digest);
      if (!same) return receiver.rewind(item, start);
    }
    return last ? receiver.proofOk(item) : [];
  }

  #part(transfer: string, item: number, items: readonly Item[]): Part {
    const facts = items[item];
    if (facts === undefined) throw new Error("no such item");
    const key = `${transfer}/${item}`;
    const part = this.#parts.get(key) ?? { transfer, item, facts, bytes: Buffer.alloc(facts.size), used: 0 };
    this.#parts.set(key, part);
    return part;
  }

  #place(receiver: Receiver, item: number): ItemReceipt {
    const part = this.#part(receiver.transfer, item, receiver.items);
    let name = part.facts.name;
    for (let n = 2; this.files.has(name); n += 1) name = `${part.facts.name} (${n})`;
    this.files.set(name, part.bytes);
    this.#parts.delete(`${receiver.transfer}/${item}`);
    const receipt: ItemReceipt = { item, name, size: part.facts.size, sha256: createHash("sha256").update(part.bytes).digest("hex") };
    this.#receipts.set(receiver.transfer, [...(this.#receipts.get(receiver.transfer) ?? []), receipt]);
    return receipt;
  }
}
