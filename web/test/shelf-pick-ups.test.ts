// Picking up from the shelf: what was asked for comes without a question, everything else is asked; pauses, cuts, a forgetful computer.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import type { Ask, Message, PickUp, ShelfItem, TransferMessage } from "../src/protocol/messages.ts";
import { bulkDigest } from "../src/session/bulk.ts";
import { sha256Hasher } from "../src/session/hashing.ts";
import { Outbox } from "../src/session/outbox.ts";
import type { IncomingView } from "../src/session/peer-bridge.ts";
import type { PickUpNews, PickUpView } from "../src/session/pick-up-bridge.ts";
import { PickUps } from "../src/session/pick-ups.ts";
import { Places } from "../src/session/sinks/places.ts";
import { ManualClock, turn } from "./support/manual-clock.ts";
import { fileOf, hashesOf, sha256 } from "./support/pair.ts";

const MIB = 1 << 20;
const ROOM = 1 << 30;
const DEVICE = "d".repeat(32);

/** The page's side, and a computer that proposes what it is asked for. */
class Shelf {
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
  isSilent = false; // takes the question and says nothing
  refusal: string | null = null;
  computer: Outbox;
  #links = 0;
  #isPumping = false;

  constructor() {
    this.computer = this.#newComputer();
    const places = new Places({ randomBytes: bytes, tell: (news) => (this.held = news.t === "held" ? news.bytes : this.held) });
    this.pickUps = new PickUps({ clock: this.clock, hasher: sha256Hasher, places, tell: (news) => this.#hear(news) });
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
    this.pickUps.attach({ computer: "STUDY-PC", device: DEVICE, asksAbove: Number.POSITIVE_INFINITY, hurry: () => undefined, post: (...messages) => void queueMicrotask(() => isUp() && messages.forEach((message) => this.#said(message))) });
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

function last(shelf: Shelf): IncomingView | undefined {
  return [...shelf.incoming.values()].at(-1);
}

test("what was asked for comes without a question, whole; what was not is put to the person", async () => {
  const shelf = new Shelf();
  const files = [fileOf("a.jpg", 3 * MIB + 5), fileOf("empty", 0)];
  const items = shelf.put(...files);
  shelf.link();
  shelf.save(items);
  await shelf.until(() => shelf.isDone(...items), "the end");
  assert.deepEqual(await shelf.hashes(), await hashesOf(...files));
  shelf.offer(fileOf("unasked", 10));
  await shelf.until(() => last(shelf)?.state === "asked", "the question");
  assert.equal(shelf.received.has("unasked"), false);
});

test("only the thing itself is taken for an answer: another name or size is asked about", async () => {
  const shelf = new Shelf();
  const [item] = shelf.put(fileOf("a", 100)) as [ShelfItem];
  shelf.isSilent = true;
  shelf.link();
  shelf.save([item]);
  for (const wrong of [fileOf("a", 101), fileOf("b", 100)]) {
    shelf.offer(wrong);
    await shelf.until(() => last(shelf)?.items === 1 && last(shelf)?.bytes === wrong.size, "its proposal");
    assert.equal(last(shelf)?.state, "asked");
  }
  assert.equal(shelf.chunkBytes, 0);
});

test("what is already being taken is not taken twice", async () => {
  const shelf = new Shelf();
  const file = fileOf("a", MIB);
  const items = shelf.put(file);
  shelf.link();
  shelf.save(items);
  await shelf.until(() => shelf.isDone(...items), "the end");
  shelf.offer(file);
  await shelf.until(() => shelf.incoming.size === 2 && last(shelf)?.state === "declined", "the answer");
  assert.equal(shelf.chunkBytes, MIB);
});

test("held, no more than a window comes, no new proposal is answered; then it goes on where it was", async () => {
  const shelf = new Shelf();
  const file = fileOf("film", 20 * MIB);
  const [item] = shelf.put(file) as [ShelfItem];
  shelf.link();
  shelf.save([item]);
  await shelf.until(() => shelf.chunkBytes >= 6 * MIB, "some bytes");
  shelf.pickUps.order({ t: "pause", item: item.item });
  const at = shelf.chunkBytes;
  await shelf.clock.advance(60);
  assert.ok(shelf.chunkBytes - at <= 4 * MIB, `${shelf.chunkBytes - at} bytes came all the same`);
  assert.equal(shelf.view(item)?.isHeld, true);
  shelf.cut();
  const before = shelf.chunkBytes;
  shelf.link();
  await shelf.clock.advance(60);
  assert.equal(shelf.chunkBytes, before);
  assert.equal(shelf.states.get(item.item)?.isPaused, true);
  shelf.pickUps.order({ t: "resume", item: item.item });
  await shelf.until(() => shelf.isDone(item), "the end");
  assert.deepEqual(await shelf.hashes(), await hashesOf(file));
  assert.equal(shelf.chunkBytes, 20 * MIB, "nothing came twice");
});

test("a computer that knows nothing of it any more is asked once more, one that never answered too", async () => {
  const shelf = new Shelf();
  const files = [fileOf("film", 12 * MIB), fileOf("note", 10)];
  const [film, note] = shelf.put(...files) as [ShelfItem, ShelfItem];
  shelf.link();
  shelf.isSilent = true;
  shelf.save([note]);
  await turn();
  shelf.isSilent = false;
  shelf.save([film]);
  await shelf.until(() => shelf.chunkBytes >= 4 * MIB, "some bytes");
  shelf.cut();
  shelf.forget();
  shelf.link();
  await shelf.until(() => shelf.isDone(film, note), "the end");
  assert.deepEqual(await shelf.hashes(), await hashesOf(...files));
  assert.deepEqual(shelf.asked.filter((item) => item === film.item).length, 2);
  assert.equal(shelf.held, 12 * MIB + 10, "what had come in vain gave its room back");
});

test("many at once are asked for eight at a time, and all come", async () => {
  const shelf = new Shelf();
  const files = Array.from({ length: 40 }, (_, n) => fileOf(`${n}.jpg`, 1_000 + n));
  const items = shelf.put(...files);
  shelf.isSilent = true;
  shelf.link();
  shelf.save(items);
  await shelf.clock.advance(1);
  assert.equal(shelf.asked.length, 8);
  shelf.cut();
  shelf.isSilent = false;
  shelf.link();
  await shelf.until(() => shelf.isDone(...items), "the end");
  assert.deepEqual(await shelf.hashes(), await hashesOf(...files));
});

test("memory takes what it can hold, and the rest when something was saved", async () => {
  const shelf = new Shelf();
  const files = [fileOf("a", 3 * MIB), fileOf("b", 3 * MIB)];
  const [a, b] = shelf.put(...files) as [ShelfItem, ShelfItem];
  shelf.link();
  shelf.save([a, b], 4 * MIB);
  await shelf.until(() => shelf.isDone(a), "the first");
  await shelf.clock.advance(10);
  assert.deepEqual([shelf.asked, shelf.states.get(b.item)?.state], [[a.item], "waiting"]);
  shelf.pickUps.order({ t: "saved", transfer: shelf.states.get(a.item)?.transfer ?? "", bytes: 3 * MIB });
  await shelf.until(() => shelf.isDone(b), "the second");
  assert.deepEqual(await shelf.hashes(), await hashesOf(...files));
});

test("what the computer refuses says why, what a person stops ends, and both can be saved again", async () => {
  const shelf = new Shelf();
  const files = [fileOf("a", 10), fileOf("film", 20 * MIB)];
  const [a, film] = shelf.put(...files) as [ShelfItem, ShelfItem];
  shelf.refusal = "It is gone.";
  shelf.link();
  shelf.save([a]);
  await shelf.until(() => shelf.states.get(a.item)?.state === "refused", "the answer");
  assert.equal(shelf.states.get(a.item)?.sentence, "It is gone.");
  shelf.refusal = null;
  shelf.save([a, film]);
  await shelf.until(() => shelf.isDone(a) && shelf.chunkBytes >= 4 * MIB, "some of it");
  shelf.pickUps.order({ t: "stop", item: film.item });
  assert.equal(shelf.states.get(film.item)?.state, "stopped");
  await shelf.clock.advance(2);
  assert.equal(shelf.held, 10);
  shelf.save([film]);
  await shelf.until(() => shelf.isDone(film), "the end");
  assert.deepEqual(await shelf.hashes(), await hashesOf(...files));
});

test("what an earlier load of the page had asked for is asked about once, and goes on by a tap on Save", async () => {
  const shelf = new Shelf();
  const file = fileOf("film", 5 * MIB);
  const [item] = shelf.put(file) as [ShelfItem];
  shelf.link();
  shelf.offer(file);
  await shelf.until(() => last(shelf)?.state === "asked", "the question");
  shelf.save([item]);
  await shelf.until(() => shelf.isDone(item), "the end");
  assert.deepEqual([shelf.asked, shelf.incoming.size], [[], 1]);
});

test("an answer without a proposal is asked for again on the same link, and nothing comes twice", async () => {
  const shelf = new Shelf();
  const [item] = shelf.put(fileOf("a.txt", 1_000));
  assert.ok(item);
  shelf.link();
  shelf.promises = 1;
  shelf.save([item]);
  await shelf.until(() => shelf.isDone(item), "the file after the second question");
  assert.deepEqual(shelf.asked, [item.item, item.item]);
  await shelf.clock.advance(60);
  assert.equal(shelf.asked.length, 2, "what came is not asked for any more");
});

test("what was asked for when the link was cut is asked for at once on the next", async () => {
  const shelf = new Shelf();
  const [item] = shelf.put(fileOf("a.txt", 1_000));
  assert.ok(item);
  shelf.link();
  shelf.isSilent = true;
  shelf.save([item]);
  shelf.cut();
  shelf.isSilent = false;
  shelf.link();
  for (let n = 0; n < 100 && !shelf.isDone(item); n += 1) await turn(); // no time passes
  assert.ok(shelf.isDone(item));
});

test("beside eight films a note is fetched at once", async () => {
  const shelf = new Shelf();
  const films = shelf.put(...Array.from({ length: 9 }, (_, n) => fileOf(`film ${n}`, 17 * MIB)));
  const [note] = shelf.put(fileOf("note", 10));
  assert.ok(note);
  shelf.link();
  shelf.isSilent = true; // films that take their time
  shelf.save(films);
  await turn();
  assert.equal(shelf.asked.length, 8);
  shelf.isSilent = false;
  shelf.save([note]);
  await shelf.until(() => shelf.isDone(note), "the note");
  assert.equal(shelf.asked.length, 9);
});
