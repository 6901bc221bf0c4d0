// Two pages without what lies between them: one page's outbox and the other's inbound, with a line that can be cut.
import { createHash, randomBytes } from "node:crypto";
import type { ItemView, TotalView } from "../../src/session/bridge.ts";
import { bulkDigest } from "../../src/session/bulk.ts";
import { sha256Hasher } from "../../src/session/hashing.ts";
import { Inbound, type Load } from "../../src/session/inbound.ts";
import { Outbox } from "../../src/session/outbox.ts";
import type { IncomingView, PeerNews } from "../../src/session/peer-bridge.ts";
import { MemorySinks, type Outliving, Room } from "../../src/session/sinks/memory.ts";
import type { Message, TransferMessage } from "../../src/protocol/messages.ts";
import { ManualClock, turn } from "./manual-clock.ts";

export class Pair {
  readonly clock = new ManualClock();
  readonly outbox: Outbox;
  inbound: Inbound;
  readonly rows = new Map<number, ItemView>(); // the sender's
  readonly arriving = new Map<number, ItemView>();
  readonly received = new Map<number, { readonly name: string; readonly blob: Blob }>();
  readonly said: Message[] = []; // by the receiver
  readonly room: Room;
  total: TotalView | null = null;
  incoming: IncomingView | null = null;
  declined: string | null = null;
  chunkBytes = 0;
  /** The line is cut once so many chunk bytes went over it. */
  cutAt = Number.POSITIVE_INFINITY;
  /** Loses what the receiver says that matches. */
  loses: ((message: Message) => boolean) | null = null;
  /** Loses what the sender says that matches. */
  keepsBack: ((message: Message) => boolean) | null = null;
  #links = 0;
  #isPumping = false;

  constructor(load?: () => Load) {
    this.room = new Room(() => undefined);
    this.outbox = new Outbox({
      clock: this.clock, randomBytes: (count) => new Uint8Array(randomBytes(count)), digest: bulkDigest, onBulk: () => undefined, continues: [],
      tell: (update) => {
        if (update.t === "items") apply(this.rows, update.changed, update.gone);
        if (update.t === "total") this.total = update.total;
        if (update.t === "declined") this.declined = update.reason;
      },
    });
    this.inbound = this.#newInbound(load);
  }

  #newInbound(load?: () => Load): Inbound {
    return new Inbound({ peer: "anna", clock: this.clock, hasher: sha256Hasher, digest: bulkDigest, tell: (news) => this.#hear(news), ...(load === undefined ? {} : { load }) });
  }

  /** The receiver's page is loaded anew: it knows nothing, and is asked again. */
  reload(): void {
    this.cut();
    this.inbound = this.#newInbound();
    this.incoming = null;
    this.link();
  }

  link(): void {
    const mine = (this.#links += 1);
    const isUp = (): boolean => mine === this.#links;
    this.inbound.attach({ post: (...messages) => void queueMicrotask(() => isUp() && this.#said(messages)) });
    this.outbox.attach({
      post: (...messages) => void queueMicrotask(() => isUp() && messages.filter((message) => this.keepsBack?.(message) !== true).forEach((message) => this.inbound.receive(message as TransferMessage))),
      chunksReady: () => void this.#pump(isUp),
    });
  }

  cut(): void {
    this.#links += 1;
    this.cutAt = Number.POSITIVE_INFINITY;
    this.outbox.detach();
    this.inbound.detach();
  }

  send(...files: readonly File[]): void {
    this.outbox.command({ t: "send", picked: files.map((file) => ({ file, path: file.name })) });
  }

  accept(limit = 1 << 30, outliving: Outliving | null = null): void {
    this.inbound.accept(this.transfer, new MemorySinks(limit, this.room, outliving));
  }

  get transfer(): string {
    return this.incoming?.transfer ?? "";
  }

  async until(holds: () => boolean, what: string): Promise<void> {
    for (let step = 0; step < 4_000; step += 1) {
      await turn();
      if (holds()) return;
      await this.clock.advance(0.05);
    }
    throw new Error(`${what} did not happen: ${JSON.stringify(this.incoming)}, ${JSON.stringify(this.total)}`);
  }

  async receivedHashes(): Promise<Record<string, string>> {
    const entries = [...this.received.values()].map(async ({ name, blob }) => [name, sha256(new Uint8Array(await blob.arrayBuffer()))] as const);
    return Object.fromEntries(await Promise.all(entries));
  }

  #said(messages: readonly Message[]): void {
    for (const message of messages) {
      if (this.loses?.(message) === true) continue;
      this.said.push(message);
      this.outbox.receive(message as TransferMessage);
    }
  }

  async #pump(isUp: () => boolean): Promise<void> {
    if (this.#isPumping) return;
    this.#isPumping = true;
    await turn();
    this.#isPumping = false;
    for (let chunks = this.outbox.chunks(16); isUp() && chunks.length > 0; chunks = this.outbox.chunks(16)) {
      for (const chunk of chunks) {
        if (!isUp()) return;
        this.chunkBytes += chunk.content.length;
        this.inbound.receive({ ...chunk, content: chunk.content.slice() });
        if (this.chunkBytes >= this.cutAt) this.cut();
      }
    }
  }

  #hear(news: PeerNews): void {
    if (news.t === "incoming") this.incoming = news.incoming;
    if (news.t === "received") this.received.set(news.item, news);
    if (news.t === "arriving" && news.update.t === "items") apply(this.arriving, news.update.changed, news.update.gone);
  }
}

export function fileOf(name: string, size: number): File {
  return new File([new Uint8Array(randomBytes(size))], name, { lastModified: 1_700_000_000_000 });
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export async function hashesOf(...files: readonly File[]): Promise<Record<string, string>> {
  return Object.fromEntries(await Promise.all(files.map(async (file) => [file.name, sha256(new Uint8Array(await file.arrayBuffer()))])));
}

function apply(rows: Map<number, ItemView>, changed: readonly ItemView[], gone: readonly number[]): void {
  for (const row of changed) rows.set(row.id, row);
  for (const id of gone) rows.delete(id);
}
