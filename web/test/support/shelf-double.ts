// A page that picks up from the shelf, and a computer that proposes what it is asked for.
import { randomBytes } from "node:crypto";
import type { Ask, Message, PickUp, RoadInUse, ShelfItem, TransferMessage } from "../../src/protocol/messages.ts";
import { bulkDigest } from "../../src/session/bulk.ts";
import { sha256Hasher } from "../../src/session/hashing.ts";
import { Outbox } from "../../src/session/outbox.ts";
import type { IncomingView } from "../../src/session/peer-bridge.ts";
import type { PickUpNews, PickUpView } from "../../src/session/pick-up-bridge.ts";
import { PickUps } from "../../src/session/pick-ups.ts";
import type { Parts } from "../../src/session/sinks/parts.ts";
import { Places } from "../../src/session/sinks/places.ts";
import { ManualClock, turn } from "./manual-clock.ts";
import { sha256 } from "./pair.ts";

const ROOM = 1 << 30;
export const HOME = "d".repeat(22);

/** A new one is a new page load. */
export class Shelf {
  readonly clock = new ManualClock();
  readonly pickUps: PickUps;
  readonly files = new Map<string, File>(); // by item
  readonly asked: string[] = [];
  readonly said: Message[] = [];
  readonly states = new Map<string, PickUpView>();
  readonly incoming = new Map<string, IncomingView>();
  readonly received = new Map<string, Blob>();
  held = 0;
  chunkBytes = 0;
  promises = 0; // so many questions get a yes that nothing follows
  road: RoadInUse | null = "home";
  asksAbove = Number.POSITIVE_INFINITY;
  isSilent = false; // takes the question and says nothing
  refusal: string | null = null;
  isBusy = false;
  computer: Outbox;
  #links = 0;
  #isPumping = false;

  constructor(parts?: Parts) {
    this.computer = this.#newComputer();
    const places = new Places({ randomBytes: bytes, tell: (news) => (this.held = news.t === "held" ? news.bytes : this.held) });
    this.pickUps = new PickUps({ clock: this.clock, hasher: sha256Hasher, digest: bulkDigest, places, tell: (news) => this.#hear(news), ...(parts === undefined ? {} : { parts }) });
  }

  /** Puts files there; an item's id is its place in the order. */
  put(...files: readonly File[]): readonly ShelfItem[] {
    return files.map((file): ShelfItem => {
      const item = this.files.size.toString(16).padStart(32, "0");
      this.files.set(item, file);
      return { item, name: file.name, size: file.size, kind: "file", modified_ms: 0 };
    });
  }

  link(): void {
    const mine = (this.#links += 1);
    const isUp = (): boolean => mine === this.#links;
    this.pickUps.attach({
      computer: "STUDY-PC", home: HOME, road: this.road, asksAbove: this.asksAbove, hurry: () => undefined,
      post: (...messages) => void queueMicrotask(() => isUp() && messages.forEach((message) => this.#said(message))),
    });
    this.computer.attach({
      post: (...messages) => void queueMicrotask(() => isUp() && messages.forEach((message) => this.pickUps.receive(message as TransferMessage))),
      chunksReady: () => void this.#pump(isUp),
    });
  }

  cut(): void {
    this.#links += 1;
    this.computer.detach();
    this.pickUps.detach();
  }

  /** It was started anew and knows nothing of what was picked up. */
  forget(): void {
    this.computer = this.#newComputer();
  }

  offer(...files: readonly File[]): void {
    this.computer.command({ t: "send", picked: files.map((file) => ({ file, path: file.name })) });
  }

  save(items: readonly ShelfItem[], limit = ROOM): void {
    this.pickUps.order({ t: "save", items, place: { by: "memory", limit } });
  }

  view(item: ShelfItem): IncomingView | undefined {
    return this.incoming.get(this.states.get(item.item)?.transfer ?? "");
  }

  isDone(...items: readonly ShelfItem[]): boolean {
    return items.every((item) => this.view(item)?.state === "done");
  }

  hashes(): Promise<Record<string, string>> {
    return Promise.all([...this.received].map(async ([name, blob]) => [name, sha256(new Uint8Array(await blob.arrayBuffer()))] as const)).then(Object.fromEntries);
  }

  async until(holds: () => boolean, what: string): Promise<void> {
    for (let step = 0; step < 2_000; step += 1) {
      await turn();
      if (holds()) return;
      await this.clock.advance(0.05);
    }
    throw new Error(`${what} did not happen: ${JSON.stringify([...this.states.values()])} ${JSON.stringify([...this.incoming.values()])}`);
  }

  #newComputer(): Outbox {
    return new Outbox({ clock: this.clock, randomBytes: bytes, digest: bulkDigest, onBulk: () => undefined, continues: [], tell: () => undefined });
  }

  #said(message: Message): void {
    this.said.push(message);
    if (message.t === "ask") this.#answer(message);
    else if ("transfer" in message) this.computer.receive(message as TransferMessage);
  }

  #answer({ id, verb }: Ask): void {
    const [item = ""] = (verb as PickUp).items;
    this.asked.push(item);
    if (this.isSilent) return;
    if (this.isBusy) return void this.pickUps.answered({ t: "refuse", id, reason: "busy", sentence: "Later." });
    if (this.refusal !== null) return void this.pickUps.answered({ t: "refuse", id, reason: "not_found", sentence: this.refusal });
    this.pickUps.answered({ t: "answer", id, facts: { t: "done" } });
    const file = this.files.get(item);
    if (this.promises > 0) this.promises -= 1;
    else if (file !== undefined) this.offer(file);
  }

  async #pump(isUp: () => boolean): Promise<void> {
    if (this.#isPumping) return;
    this.#isPumping = true;
    await turn();
    this.#isPumping = false;
    for (let chunks = this.computer.chunks(16); isUp() && chunks.length > 0; chunks = this.computer.chunks(16)) {
      for (const chunk of chunks) {
        this.chunkBytes += chunk.content.length;
        this.pickUps.receive({ ...chunk, content: chunk.content.slice() });
      }
    }
  }

  #hear(news: PickUpNews): void {
    if (news.t === "pick_up") this.states.set(news.pickUp.item, news.pickUp);
    if (news.t === "incoming") this.incoming.set(news.incoming.transfer, news.incoming);
    if (news.t === "received") this.received.set(news.name, news.blob);
  }
}

function bytes(count: number): Uint8Array {
  return new Uint8Array(randomBytes(count));
}

export function last(shelf: Shelf): IncomingView | undefined {
  return [...shelf.incoming.values()].at(-1);
}
