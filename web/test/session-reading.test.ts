// Reading a chosen file: every byte in order, one block ahead, and no silence about a file that changed.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { proofOf } from "../src/session/proof.ts";
import { BLOCK_BYTES, type Readable, Source, SourceFailed } from "../src/session/reading.ts";
import { ManualClock, turn } from "./support/manual-clock.ts";

function pattern(bytes: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: bytes }, (_, at) => (at * 7 + (at >> 8)) & 0xff);
}

/** A file that notes how often it is read, and by what length. */
function watched(bytes: Uint8Array<ArrayBuffer>): { file: Readable; reads: number[] } {
  const whole = new File([bytes], "a", { lastModified: 5 });
  const reads: number[] = [];
  const slice: File["slice"] = (start, end) => {
    reads.push((end ?? 0) - (start ?? 0));
    return whole.slice(start, end);
  };
  const arrayBuffer = (): Promise<ArrayBuffer> => {
    reads.push(whole.size);
    return whole.arrayBuffer();
  };
  return { file: { size: whole.size, lastModified: 5, slice, arrayBuffer }, reads };
}

/** A file that gives what `arrayBuffer` says, read whole or in slices. */
function giving(arrayBuffer: () => Promise<ArrayBuffer>): Readable {
  return { size: 10, lastModified: 1, slice: () => Object.assign(new Blob(), { arrayBuffer }), arrayBuffer };
}

function failure(reason: string): (error: unknown) => boolean {
  return (error) => error instanceof SourceFailed && error.reason === reason;
}

test("reads give exactly the bytes asked for, whatever their place", async () => {
  const bytes = pattern(2 * BLOCK_BYTES + 1000);
  const { file, reads } = watched(bytes);
  const source = new Source(file, new ManualClock(), () => undefined);
  const wanted: [number, number][] = [[0, 10], [10, 1_000_000], [BLOCK_BYTES - 5, 10], [2 * BLOCK_BYTES - 1, 1001], [3, 4]];
  for (const [offset, length] of wanted) {
    assert.deepEqual(Buffer.from(await source.read(offset, length)), Buffer.from(bytes.subarray(offset, offset + length)));
  }
  assert.ok(Math.max(...reads) <= BLOCK_BYTES);
});

test("a big file is read one block ahead and each block once", async () => {
  const { file, reads } = watched(pattern(4 * BLOCK_BYTES));
  const source = new Source(file, new ManualClock(), () => undefined);
  await source.read(0, 100);
  assert.deepEqual(reads, [BLOCK_BYTES, BLOCK_BYTES], "the second block is on its way before it is asked for");
  for (let at = 100; at < 4 * BLOCK_BYTES; at += 1_044_480) await source.read(at, Math.min(1_044_480, 4 * BLOCK_BYTES - at));
  assert.equal(reads.length, 4);
});

test("a file that cannot be read, shrank or was saved again says so", async () => {
  const clock = new ManualClock();
  const unreadable = giving(() => Promise.reject(new DOMException("gone", "NotReadableError")));
  await assert.rejects(new Source(unreadable, clock, () => undefined).read(0, 10), failure("source_unreadable"));
  const shrunk = giving(() => Promise.resolve(new ArrayBuffer(4)));
  await assert.rejects(new Source(shrunk, clock, () => undefined).read(0, 10), failure("source_changed"));
  const saved = giving(() => Promise.resolve(new ArrayBuffer(10)));
  const source = new Source(saved, clock, () => undefined);
  await source.read(0, 5);
  source.release();
  Object.assign(saved, { lastModified: 2 });
  await assert.rejects(source.read(0, 5), failure("source_changed"));
  Object.assign(saved, { lastModified: 1 });
  assert.equal((await source.read(0, 5)).length, 5, "control: unchanged again, it reads");
});

test("a file whose first byte takes two seconds is being prepared, until it comes", async () => {
  const clock = new ManualClock();
  let give: (bytes: ArrayBuffer) => void = () => undefined;
  const bytes = new Promise<ArrayBuffer>((resolve) => {
    give = resolve;
  });
  const slow = giving(() => bytes);
  const told: boolean[] = [];
  const reading = new Source(slow, clock, (preparing) => told.push(preparing)).read(0, 10);
  await clock.advance(1.9);
  assert.deepEqual(told, []);
  await clock.advance(0.2);
  assert.deepEqual(told, [true]);
  give(new ArrayBuffer(10));
  await reading;
  await turn();
  assert.deepEqual(told, [true, false]);
});

test("a proof covers the kept bytes in blocks of 8 MiB and ends where they end", async () => {
  const sha = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest(); // any hash shows the blocks
  const bytes = pattern(9 << 20);
  const source = new Source(watched(bytes).file, new ManualClock(), () => undefined);
  const parts = [];
  for await (const part of proofOf(source, (8 << 20) + 77, sha)) parts.push(part);
  assert.equal(parts.length, 1);
  assert.deepEqual(parts[0]?.digests, [sha(bytes.subarray(0, 8 << 20)), sha(bytes.subarray(8 << 20, (8 << 20) + 77))]);
});
