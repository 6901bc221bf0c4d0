// What another device offers: asked first, taken whole, over cuts, and refused honestly where there is no room.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Receipt } from "../src/protocol/messages.ts";
import { type Load, loadOf } from "../src/session/inbound.ts";
import { hashesOf, fileOf, Pair } from "./support/pair.ts";

const MIB = 1 << 20;

async function asked(pair: Pair, ...files: readonly File[]): Promise<void> {
  pair.link();
  pair.send(...files);
  await pair.until(() => pair.incoming?.state === "asked", "the question");
}

const isDone = (pair: Pair) => (): boolean => pair.incoming?.state === "done" && pair.total?.state === "done";

test("nothing moves before a person said yes; then all of it arrives whole, with a true receipt", async () => {
  const pair = new Pair();
  const files = [fileOf("a.jpg", 3 * MIB + 17), fileOf("empty", 0), fileOf("b.txt", 5)];
  await asked(pair, ...files);
  await pair.clock.advance(60);
  assert.equal(pair.chunkBytes, 0);
  assert.deepEqual(pair.incoming?.sizes, [0, 5, 3 * MIB + 17], "small ones first");
  assert.deepEqual([...pair.arriving.values()].map(({ name }) => name), ["empty", "b.txt", "a.jpg"]);
  pair.accept();
  await pair.until(isDone(pair), "the end");
  const hashes = await hashesOf(...files);
  assert.deepEqual(await pair.receivedHashes(), hashes);
  const receipts = pair.said.filter((message): message is Receipt => message.t === "receipt").flatMap(({ receipts }) => receipts);
  assert.deepEqual(Object.fromEntries(receipts.map(({ name, sha256 }) => [name, sha256])), hashes);
  assert.ok(receipts.every((receipt) => receipt.handed_over === true));
  assert.deepEqual([...pair.rows.values()].map(({ state }) => state), ["done", "done", "done"]);
});

test("what is declined is told to the sender, and told again when the answer was lost", async () => {
  const pair = new Pair();
  await asked(pair, fileOf("a", 10));
  pair.loses = (message) => message.t === "decline";
  pair.inbound.decline(pair.transfer);
  assert.equal(pair.incoming?.state, "declined");
  await pair.clock.advance(1);
  pair.cut();
  pair.loses = null;
  pair.link();
  await pair.until(() => pair.declined === "declined", "the answer");
  assert.equal(pair.incoming?.state, "declined");
  assert.equal(pair.chunkBytes, 0);
});

test("a cut in the middle costs no more than the window, and the hash goes on where it was", async () => {
  const pair = new Pair();
  const file = fileOf("film.mp4", 24 * MIB);
  await asked(pair, file);
  pair.cutAt = 11 * MIB;
  pair.accept();
  await pair.until(() => pair.chunkBytes >= 11 * MIB, "the cut");
  await pair.clock.advance(5);
  assert.notEqual(pair.incoming?.state, "done");
  pair.link();
  await pair.until(isDone(pair), "the end");
  assert.deepEqual(await pair.receivedHashes(), await hashesOf(file));
  assert.equal(pair.chunkBytes, 24 * MIB, "nothing was sent twice: what arrived was kept");
});

test("a yes that is said while there is no link is a yes", async () => {
  const pair = new Pair();
  const file = fileOf("a", MIB);
  await asked(pair, file, fileOf("too large", 4 * MIB));
  pair.cut();
  pair.accept(2 * MIB);
  await pair.clock.advance(5);
  assert.equal(pair.chunkBytes, 0);
  pair.link();
  await pair.until(isDone(pair), "the end");
  assert.deepEqual(await pair.receivedHashes(), await hashesOf(file));
  assert.equal(pair.chunkBytes, MIB);
});

test("what there is no room for is refused before a byte of it moves, and the rest comes", async () => {
  const pair = new Pair();
  const [small, large, other] = [fileOf("small", MIB), fileOf("large", 5 * MIB), fileOf("other", MIB)] as const;
  await asked(pair, small, large, other);
  pair.accept(3 * MIB);
  await pair.until(isDone(pair), "the end");
  assert.deepEqual(await pair.receivedHashes(), await hashesOf(small, other));
  assert.equal(pair.chunkBytes, 2 * MIB);
  const row = [...pair.rows.values()].find(({ name }) => name === "large");
  assert.deepEqual([row?.state, row?.reason], ["failed", "no_space"]);
  assert.deepEqual([pair.incoming?.done, pair.incoming?.failed], [2, 1]);
  assert.equal(pair.room.held, 2 * MIB, "until they are saved");
});

test("room is given back for what was cancelled, begun or not", async () => {
  const pair = new Pair();
  await asked(pair, fileOf("a", 9 * MIB), fileOf("b", 9 * MIB));
  pair.cutAt = 3 * MIB;
  pair.accept();
  await pair.until(() => pair.chunkBytes >= 3 * MIB, "some bytes");
  pair.inbound.cancel(pair.transfer, null);
  assert.equal(pair.incoming?.state, "cancelled");
  pair.link();
  await pair.until(() => pair.rows.size === 0, "the sender hears of it");
  await pair.clock.advance(1);
  assert.equal(pair.room.held, 0);
});

test("a sender that cancels takes its question back, or what is under way", async () => {
  for (const isBegun of [false, true]) {
    const pair = new Pair();
    await asked(pair, fileOf("a", 9 * MIB));
    if (isBegun) {
      pair.cutAt = 3 * MIB;
      pair.accept();
      await pair.until(() => pair.chunkBytes >= 3 * MIB, "some bytes");
      pair.link();
    }
    pair.outbox.command({ t: "cancel", item: null });
    await pair.until(() => pair.incoming?.state === "cancelled", "the end");
    assert.equal(pair.room.held, 0);
  }
});

test("a transfer whose last receipt was lost is proposed again and costs no byte and no question", async () => {
  const pair = new Pair();
  const files = [fileOf("a", MIB), fileOf("b", 100)];
  await asked(pair, ...files);
  pair.loses = (message) => message.t === "receipt";
  pair.accept();
  await pair.until(() => pair.incoming?.state === "done", "the end here");
  pair.cut();
  pair.loses = null;
  pair.link();
  await pair.until(() => pair.total?.state === "done", "the end there");
  assert.deepEqual([...pair.rows.values()].map(({ state }) => state), ["done", "done"]);
  assert.equal(pair.chunkBytes, MIB + 100);
  assert.equal(pair.received.size, 2);
});

test("bytes that nobody accepted end the transfer", async () => {
  const pair = new Pair();
  await asked(pair, fileOf("a", 10));
  pair.inbound.receive({ t: "chunk", transfer: pair.transfer, item: 0, offset: 0, content: new Uint8Array(5) });
  assert.deepEqual([pair.incoming?.state, pair.incoming?.reason], ["failed", "protocol"]);
});

test("a device that asks without end is told to wait", async () => {
  const pair = new Pair();
  pair.link();
  for (let n = 0; n < 20; n += 1) {
    const transfer = n.toString(16).padStart(32, "0");
    pair.inbound.receive({ t: "propose", transfer, first: 0, items: [{ name: "x", size: 1 }], more: false, count: 1, bytes: 1 });
  }
  await pair.clock.advance(1);
  assert.equal(pair.said.filter((message) => message.t === "decline" && message.reason === "busy").length, 12);
});

const idOf = (n: number): string => n.toString(16).padStart(32, "0");

test("devices that ask together are told to wait once the questions are too many for one person", async () => {
  const all: Pair[] = [];
  const load = (): Load => loadOf(all.map(({ inbound }) => inbound.load));
  for (let n = 0; n < 4; n += 1) all.push(new Pair(load));
  for (const [at, pair] of all.entries()) {
    pair.link();
    for (let n = 0; n < 6; n += 1) pair.inbound.receive({ t: "propose", transfer: idOf(at * 10 + n), first: 0, items: [{ name: "x", size: 1 }], more: false, count: 1, bytes: 1 });
    await pair.clock.advance(1);
  }
  assert.equal(load().questions, 16);
  const refused = all.map(({ said }) => said.filter((message) => message.t === "decline" && message.reason === "busy").length);
  assert.deepEqual(refused, [0, 0, 2, 6]);
});

/** Pages of one endless list, each as heavy as the wire allows. */
function pagesOf(pair: Pair, transfer: string, pages: number): void {
  const items = Array.from({ length: 14 }, () => ({ name: "x".repeat(4_096), size: 1 }));
  for (let page = 0; page < pages; page += 1) pair.inbound.receive({ t: "propose", transfer, first: page * items.length, items, more: true, count: 100_000, bytes: 100_000 });
}

test("lists that are never finished weigh no more than one device may hold", async () => {
  const pair = new Pair();
  pair.link();
  for (let n = 0; n < 4; n += 1) pagesOf(pair, idOf(n), 400);
  assert.ok(pair.inbound.load.lists <= 40 << 20, `${pair.inbound.load.lists}`);
  pair.inbound.receive({ t: "propose", transfer: idOf(9), first: 0, items: [{ name: "x", size: 1 }], more: false, count: 1, bytes: 1 });
  await pair.clock.advance(1);
  assert.equal(pair.incoming?.transfer, idOf(9), "a short question still finds room");
});

test("what was taken back unanswered keeps no list", async () => {
  const pair = new Pair();
  pair.link();
  for (let n = 0; n < 12; n += 1) {
    const transfer = idOf(n);
    pair.inbound.receive({ t: "propose", transfer, first: 0, items: [{ name: "x", size: 1 }], more: false, count: 1, bytes: 1 });
    pair.inbound.receive({ t: "cancel", transfer });
    assert.deepEqual(pair.inbound.find((incoming) => incoming.transfer === transfer)?.items, []);
  }
  assert.deepEqual(pair.inbound.load, { questions: 0, lists: 0 });
  pair.inbound.receive({ t: "propose", transfer: idOf(3), first: 0, items: [{ name: "x", size: 1 }], more: false, count: 1, bytes: 1 });
  await pair.clock.advance(1);
  assert.ok(pair.said.some((message) => message.t === "accept" && message.transfer === idOf(3)), "it is told how that ended");
});
