import assert from "node:assert/strict";
import { test } from "node:test";
import type { Command, Update } from "../src/session/bridge.ts";
import { Keyring } from "../src/view/keyring.ts";
import { VerbRefused, WorkerLine, type WorkerPort } from "../src/view/line.ts";
import { MemoryDatabase } from "./support/memory-indexeddb.ts";

class FakeWorker implements WorkerPort {
  onmessage: ((event: MessageEvent<Update>) => void) | null = null;
  readonly posted: Command[] = [];
  isOver = false;

  #waits = new Map<string, () => void>();

  postMessage(command: Command): void {
    this.posted.push(command);
    this.#waits.get(command.t)?.();
  }

  until(kind: Command["t"]): Promise<void> {
    return new Promise((resolve) => this.#waits.set(kind, resolve));
  }

  terminate(): void {
    this.isOver = true;
  }

  say(update: Update): void {
    this.onmessage?.({ data: update } as MessageEvent<Update>);
  }
}

/** A browser's storage, as far as the page uses it. */
function stored(): Map<string, string> {
  const kept = new Map<string, string>();
  const storage = {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => void kept.set(name, value),
    removeItem: (name: string) => void kept.delete(name),
  };
  for (const name of ["localStorage", "sessionStorage"]) Object.defineProperty(globalThis, name, { value: storage, configurable: true });
  return kept;
}

const OPENING = {
  bare: "enroll", topics: [], ticket: null, socketUrl: "ws://x/link", name: "iPhone", kind: "phone", instance: 7,
} as const;

async function start(slot: "key" | "owner" | "none" = "key"): Promise<{ worker: FakeWorker; line: WorkerLine; kept: Map<string, string>; keyring: Keyring }> {
  const kept = stored();
  const worker = new FakeWorker();
  const keyring = new Keyring(slot);
  const line = new WorkerLine(worker, keyring);
  const opened = worker.until("open");
  line.open(OPENING);
  await opened;
  worker.posted.length = 0;
  return { worker, line, kept, keyring };
}

test("a new key is stored before the worker may use it", async () => {
  const { worker, kept, keyring } = await start();
  const key = new Uint8Array(32).map((_, index) => index * 7);
  worker.say({ t: "keep_key", key });
  assert.deepEqual(worker.posted, [{ t: "key_kept" }]);
  assert.deepEqual(keyring.key, key);
  assert.deepEqual([...kept.keys()], ["qrshared/1 key"]);
});

test("what was proposed and not accepted is named after a reload, until it is proposed again, accepted or forgotten", async () => {
  new MemoryDatabase().install();
  const [photo, film, note] = [{ name: "photo.jpg", size: 1 }, { name: "film.mp4", size: 2 }, { name: "note.txt", size: 3 }] as const;
  const names = ({ left }: WorkerLine): readonly string[] => left.map(({ name }) => name).sort();
  try {
    const first = await start();
    assert.deepEqual(first.line.left, []);
    first.worker.say({ t: "transfer", id: "a1", over: false, items: [photo, film] });
    first.worker.say({ t: "transfer", id: "b2", over: false, items: [note] });
    first.worker.say({ t: "transfer", id: "b2", over: false }); // accepted: the computer knows
    assert.deepEqual(first.line.left, [], "they are in its own rows");

    const second = await start();
    assert.deepEqual(names(second.line), ["film.mp4", "photo.jpg"]);
    second.worker.say({ t: "transfer", id: "c3", over: false, items: [photo] });
    assert.deepEqual(names(second.line), ["film.mp4"]);
    second.worker.say({ t: "transfer", id: "c3", over: true });

    const third = await start();
    assert.deepEqual(third.line.left, [{ transfer: "a1", name: "film.mp4", size: 2, offset: 0 }]);
    third.line.forgetLeft();
    assert.deepEqual(third.line.left, []);
    assert.deepEqual((await start()).line.left, []);
  } finally {
    Reflect.deleteProperty(globalThis, "indexedDB");
  }
});

test("only a word under the seal throws the key away", async () => {
  const { worker, keyring } = await start();
  worker.say({ t: "keep_key", key: new Uint8Array(32) });
  worker.say({ t: "link", link: { state: "refused", reason: "unknown_key" } });
  assert.notEqual(keyring.key, null);
  worker.say({ t: "drop_key" });
  assert.equal(keyring.key, null);
});

test("whose access was ended stays outside after a reload, until a code lets them in again", async () => {
  const { worker, kept } = await start();
  worker.say({ t: "keep_key", key: new Uint8Array(32) });
  worker.say({ t: "drop_key" });
  worker.say({ t: "link", link: { state: "refused", reason: "revoked" } });
  assert.deepEqual([...kept.keys()], ["qrshared/1 key ended"]);

  const reloaded = new FakeWorker();
  const line = new WorkerLine(reloaded, new Keyring("key"));
  line.open(OPENING);
  assert.deepEqual(line.state.link, { state: "refused", reason: "revoked" });
  assert.deepEqual([reloaded.isOver, reloaded.posted], [true, []]);

  const scanned = new FakeWorker();
  const opened = scanned.until("open");
  new WorkerLine(scanned, new Keyring("key")).open({ ...OPENING, ticket: new Uint8Array(16) });
  await opened;
  assert.deepEqual([...kept.keys()], []);
});

test("a refusal that anybody may have written, or an expired visit, ends nothing for good", async () => {
  const { worker, kept } = await start();
  worker.say({ t: "link", link: { state: "refused", reason: "revoked" } });
  worker.say({ t: "drop_key" });
  worker.say({ t: "link", link: { state: "refused", reason: "expired" } });
  worker.say({ t: "drop_key" });
  worker.say({ t: "keep_key", key: new Uint8Array(32) });
  worker.say({ t: "link", link: { state: "refused", reason: "revoked" } });
  assert.deepEqual([...kept.keys()], ["qrshared/1 key"]);
});

test("the owner's key and a guest's stand side by side, and a wall has none", async () => {
  const { worker, keyring } = await start("owner");
  worker.say({ t: "keep_key", key: new Uint8Array(32).fill(1) });
  assert.equal(new Keyring("key").key, null);
  assert.equal(new Keyring("none").key, null);
  assert.equal(keyring.key?.[0], 1);
});

test("a browser without any storage still opens", async () => {
  for (const name of ["localStorage", "sessionStorage"]) {
    Object.defineProperty(globalThis, name, { configurable: true, get: () => assert.fail("forbidden here") });
  }
  const worker = new FakeWorker();
  const line = new WorkerLine(worker, new Keyring("key"));
  const opened = worker.until("open");
  line.open(OPENING);
  await opened;
  assert.deepEqual(worker.posted, [{ t: "open", ...OPENING, key: null, spare: null, others: [], continues: [] }]);
});

test("a file dropped before the worker is open is sent after the opening, not lost", async () => {
  stored();
  const worker = new FakeWorker();
  const line = new WorkerLine(worker, new Keyring("key"));
  const sent = worker.until("send");
  line.open(OPENING);
  line.send([{ file: new File(["x"], "plan.pdf"), path: "plan.pdf" }]);
  await sent;
  assert.deepEqual(worker.posted.map(({ t }) => t), ["open", "send"]);
});

test("each verb gets its own answer, and a refusal is a sentence", async () => {
  const { worker, line } = await start("owner");
  const first = line.ask({ t: "get_status" });
  const second = line.ask({ t: "bin_entry", name: "a.jpg" });
  worker.say({ t: "refuse", id: 2, reason: "not_found", sentence: "It is not there any more." });
  worker.say({ t: "answer", id: 1, facts: { t: "done", text: "yes" } });
  assert.deepEqual(await first, { t: "done", text: "yes" });
  await assert.rejects(second, (problem) => problem instanceof VerbRefused && problem.message === "It is not there any more." && problem.reason === "not_found");
});

test("listeners hear every change until they stop", async () => {
  const { worker, line } = await start();
  let heard = 0;
  const stop = line.subscribe(() => (heard += 1));
  worker.say({ t: "link", link: { state: "lost", retryInS: 1 } });
  stop();
  worker.say({ t: "link", link: { state: "connecting" } });
  assert.equal(heard, 1);
  assert.equal(line.state.link.state, "connecting");
});

test("the file behind an item is found by its place, and only under its own name", async () => {
  const { worker, line } = await start();
  const files = ["a.jpg", "b.jpg"].map((name) => ({ file: new File(["x"], name), path: name }));
  line.send(files);
  line.send([]);
  assert.equal(worker.posted.length, 1, "an empty choice is not sent");
  const item = { size: 1, done: 0, state: "waiting", reason: null, finalName: null, preparing: false } as const;
  assert.equal(line.fileOf({ ...item, id: 1, name: "b.jpg" }), files[1]?.file);
  assert.equal(line.fileOf({ ...item, id: 0, name: "b.jpg" }), null);
});

test("on an address that several homes share each code has a key of its own, and the last one let in is kept", () => {
  const kept = stored();
  const at = (hash: string): void => void Object.assign(globalThis, { location: { hash, pathname: "/p", search: "" }, history: { state: null, replaceState: () => at("") } });
  const [one, other] = [`#1${"A".repeat(22)}`, `#1${"B".repeat(21)}A`];
  const [first, second] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  at(one);
  const keyring = new Keyring("key", true);
  assert.equal(keyring.key, null);
  keyring.keepKey(first);
  assert.deepEqual(keyring.key, first, "a reload before the answer goes on with the same key");
  assert.equal(kept.has("qrshared/1 key"), false);
  keyring.ticketRedeemed(first);
  assert.deepEqual([keyring.key, keyring.spare], [first, null]);

  at(other);
  assert.equal(keyring.key, null, "the first home's key is not for the second");
  assert.deepEqual(keyring.spare, first);
  keyring.keepKey(second);
  assert.deepEqual([keyring.key, keyring.spare], [second, first]);
  keyring.dropKey();
  assert.deepEqual([keyring.key, keyring.spare], [null, first], "the end of one is not the end of the other");
  keyring.keepKey(second);
  keyring.ticketRedeemed(second);
  assert.deepEqual(keyring.key, second);
  keyring.dropKey();
  assert.equal(keyring.key, null);
});

test("a code that led nowhere leaves the key of an earlier one as it was", () => {
  stored();
  const at = (hash: string): void => void Object.assign(globalThis, { location: { hash, pathname: "/p", search: "" }, history: { state: null, replaceState: () => at("") } });
  const known = new Uint8Array(32).fill(1);
  at("");
  const keyring = new Keyring("key", true);
  keyring.keepKey(known);
  at(`#1${"A".repeat(22)}`);
  keyring.keepKey(new Uint8Array(32).fill(2));
  keyring.ticketRedeemed(known); // the worker fell back to it
  assert.deepEqual(keyring.key, known);
});

test("where a key is kept, another code waits for a person's word, and the same one again needs none", () => {
  const kept = stored();
  const at = (hash: string): void => void Object.assign(globalThis, { location: { hash, pathname: "/p", search: "" }, history: { state: null, replaceState: () => at("") } });
  const [one, other] = [`#1${"A".repeat(22)}`, `#1${"B".repeat(21)}A`];
  const key = new Uint8Array(32).fill(1);
  at(one);
  const keyring = new Keyring("key", true);
  assert.equal(keyring.isForeignCode, false, "the first code needs no word");
  keyring.keepKey(key);
  keyring.ticketRedeemed(key);
  assert.equal(keyring.isForeignCode, false);

  at(one);
  assert.deepEqual([keyring.isForeignCode, keyring.isUsedCode], [false, true]);
  keyring.dropCode();
  at(other);
  assert.deepEqual([keyring.isForeignCode, keyring.isUsedCode], [true, false]);
  keyring.dropCode();
  assert.deepEqual([keyring.ticket, keyring.key, keyring.isForeignCode], [null, key, false], "as if no code had come");
  at(other);
  keyring.keepKey(new Uint8Array(32).fill(2));
  assert.equal(keyring.isForeignCode, false, "said once, also after a reload");
  assert.equal(new Keyring("key").isForeignCode, false, "at home an address is one computer's");
  assert.ok(![...kept].some(([name, value]) => name.endsWith(" code") && value.includes("AAAA")), "the code itself is not kept");
});
