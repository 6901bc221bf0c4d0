// Parts that outlive a page load: used when they are what was sent, and never when they are not.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Receipt } from "../src/protocol/messages.ts";
import type { Outliving } from "../src/session/sinks/memory.ts";
import type { Keeping } from "../src/session/sinks/parts.ts";
import { SinkFailed } from "../src/session/sinks/port.ts";
import { fileOf, hashesOf, Pair } from "./support/pair.ts";

const MIB = 1 << 20;
const SIZE = 40 * MIB + 17;

/** What comes again after a reload: a window, and a part that was not whole. */
const AGAIN = 5 * MIB;

/** A browser's storage for one thing, with the room that it has. */
class Disk implements Outliving {
  parts: Blob[] = [];
  room = Number.POSITIVE_INFINITY;
  fulls = 0;
  #owner = 0;

  readonly onFull = (): void => void (this.fulls += 1);

  readonly open = async (): Promise<Keeping> => {
    const mine = (this.#owner += 1);
    return {
      parts: [...this.parts],
      add: async (content) => {
        if (mine !== this.#owner) throw new SinkFailed("busy");
        if (this.bytes + content.size > this.room) return null;
        this.parts.push(content);
        return content;
      },
      drop: async () => {
        if (mine === this.#owner) this.parts = [];
      },
    };
  };

  get bytes(): number {
    return this.parts.reduce((sum, { size }) => sum + size, 0);
  }
}

/** A transfer of one file in its middle. */
async function begun(disk: Disk): Promise<{ readonly pair: Pair; readonly file: File }> {
  const pair = new Pair();
  const file = fileOf("film.mp4", SIZE);
  pair.link();
  pair.send(file);
  await pair.until(() => pair.incoming?.state === "asked", "the question");
  pair.accept(1 << 30, disk);
  await pair.until(() => pair.chunkBytes >= 25 * MIB, "its middle");
  return { pair, file };
}

async function goesOn(pair: Pair, disk: Disk): Promise<void> {
  pair.reload();
  await pair.until(() => pair.incoming?.state === "asked", "the question in the next page load");
  pair.accept(1 << 30, disk);
}

async function isWhole(pair: Pair, file: File): Promise<void> {
  await pair.until(() => pair.incoming?.state === "done" && pair.total?.state === "done", "the end");
  const hashes = await hashesOf(file);
  assert.deepEqual(await pair.receivedHashes(), hashes);
  const receipts = pair.said.filter((message): message is Receipt => message.t === "receipt").flatMap(({ receipts }) => receipts);
  assert.deepEqual(receipts.map(({ sha256 }) => sha256), Object.values(hashes));
}

test("the next page load goes on from what is kept, and its receipt is true", async () => {
  const disk = new Disk();
  const { pair, file } = await begun(disk);
  assert.ok(disk.bytes > 15 * MIB);
  await goesOn(pair, disk);
  await isWhole(pair, file);
  assert.ok(pair.chunkBytes <= SIZE + AGAIN, `${pair.chunkBytes - SIZE} bytes came twice`);
  assert.equal(disk.fulls, 0);
});

test("a cut before the proof is there sends nothing twice", async () => {
  const disk = new Disk();
  const { pair, file } = await begun(disk);
  pair.keepsBack = (message) => message.t === "proof";
  await goesOn(pair, disk);
  const before = pair.chunkBytes;
  const kept = disk.bytes;
  await pair.until(() => pair.chunkBytes - before > 6 * MIB, "some more");
  pair.cut();
  pair.keepsBack = null;
  pair.link();
  await isWhole(pair, file);
  assert.equal(pair.chunkBytes - before, SIZE - kept);
});

test("parts that are not what was sent are dropped, and all of it comes again", async () => {
  const disk = new Disk();
  const { pair, file } = await begun(disk);
  pair.cut();
  disk.parts = disk.parts.map((part, n) => (n === 2 ? new Blob([new Uint8Array(part.size)]) : part));
  const before = pair.chunkBytes;
  await goesOn(pair, disk);
  await isWhole(pair, file);
  assert.ok(pair.chunkBytes - before >= SIZE);
});

test("more than the whole is no beginning of it", async () => {
  const disk = new Disk();
  disk.parts = [new Blob([new Uint8Array(2 * MIB)])];
  const pair = new Pair();
  const file = fileOf("note.txt", MIB);
  pair.link();
  pair.send(file);
  await pair.until(() => pair.incoming?.state === "asked", "the question");
  pair.accept(1 << 30, disk);
  await isWhole(pair, file);
  assert.equal(disk.bytes, MIB);
});

test("a part that cannot be read any more is no part, and no harm", async (context) => {
  const disk = new Disk();
  const { pair, file } = await begun(disk);
  pair.cut();
  const read = Blob.prototype.arrayBuffer;
  let faults = 1;
  context.mock.method(Blob.prototype, "arrayBuffer", function (this: Blob) {
    if (this.size > MIB && faults > 0) {
      faults -= 1;
      return Promise.reject(new DOMException("", "NotReadableError"));
    }
    return read.call(this);
  });
  await goesOn(pair, disk);
  await isWhole(pair, file);
  assert.equal(faults, 0);
});

test("without room it goes on in memory, says so once, and the next page load uses what there is", async () => {
  const disk = new Disk();
  disk.room = 10 * MIB;
  const { pair, file } = await begun(disk);
  assert.equal(disk.fulls, 1);
  await goesOn(pair, disk);
  await isWhole(pair, file);
  assert.ok(disk.bytes > 0 && disk.bytes <= 10 * MIB);
});

test("what another page load has taken over is not written to any more", async () => {
  const disk = new Disk();
  const { pair } = await begun(disk);
  await disk.open();
  const before = disk.bytes;
  await pair.until(() => pair.incoming?.failed === 1, "its end here");
  assert.equal(disk.bytes, before);
});
