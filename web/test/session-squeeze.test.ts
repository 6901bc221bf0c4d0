// What is deflated and what is not, and that exactly the same comes out.
import assert from "node:assert/strict";
import { test } from "node:test";
import { inflateRawSync } from "node:zlib";
import { encode } from "../src/protocol/codec.ts";
import { CHUNK_BYTES_MAX, DEFLATED_HEADER_BYTES, PLAINTEXT_BYTES_MAX } from "../src/protocol/limits.ts";
import { browserDeflate, ITEM_BYTES_LEAST, Squeezer } from "../src/session/squeeze.ts";

const letters = (length: number): Uint8Array => new TextEncoder().encode("The quick brown fox, again. ".repeat(length / 28 + 1)).subarray(0, length);
const noise = (length: number): Uint8Array => {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, Math.min(at + 65_536, length)));
  return bytes;
};
const together = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

test("each chunk is deflated on its own, and exactly it comes out again", async () => {
  const bytes = letters(3 * CHUNK_BYTES_MAX + 17);
  const deflated = await new Squeezer(browserDeflate).squeeze(0, "diary.txt", bytes);
  assert.equal(deflated.length, 4);
  deflated.slice(0, 3).forEach((chunk, index) => {
    assert.ok(chunk !== null && chunk.length < CHUNK_BYTES_MAX / 10);
    assert.deepEqual(new Uint8Array(inflateRawSync(chunk)), bytes.slice(index * CHUNK_BYTES_MAX, (index + 1) * CHUNK_BYTES_MAX));
  });
  assert.equal(deflated[3], null, "17 bytes do not become smaller");
});

test("what is compressed already, tiny, or shrinks nothing at its beginning goes out as it is", async () => {
  const squeezer = new Squeezer(browserDeflate);
  for (const name of ["IMG_1.JPG", "film.mp4", "all.zip", "report.DOCX"]) assert.deepEqual(await new Squeezer(browserDeflate).squeeze(0, name, letters(CHUNK_BYTES_MAX)), []);
  assert.deepEqual(await squeezer.squeeze(1, "note.txt", letters(ITEM_BYTES_LEAST - 1)), []);
  assert.deepEqual(await squeezer.squeeze(2, "noise.bin", noise(CHUNK_BYTES_MAX)), []);
  assert.deepEqual(await squeezer.squeeze(2, "noise.bin", letters(CHUNK_BYTES_MAX)), [], "it is not tried again");
  assert.equal((await squeezer.squeeze(3, "letters.bin", letters(CHUNK_BYTES_MAX))).length, 1, "control");
});

test("a chunk in the middle that does not shrink goes out as it is", async () => {
  const bytes = together(letters(CHUNK_BYTES_MAX), noise(CHUNK_BYTES_MAX), letters(CHUNK_BYTES_MAX));
  const deflated = await new Squeezer(browserDeflate).squeeze(0, "mixed.bin", bytes);
  assert.deepEqual(deflated.map((chunk) => chunk !== null), [true, false, true]);
});

test("a browser that cannot deflate sends everything as it is", async () => {
  assert.deepEqual(await new Squeezer(async () => null).squeeze(0, "diary.txt", letters(CHUNK_BYTES_MAX)), []);
});

test("on the wire it says how much comes out, and fits in a sealed message", async () => {
  const content = letters(CHUNK_BYTES_MAX);
  const deflated = await browserDeflate(content);
  assert.ok(deflated);
  const plaintext = encode({ t: "chunk", transfer: "00112233445566778899aabbccddeeff", item: 7, offset: 5 * 2 ** 32 + 3, content, deflated });
  assert.ok(plaintext.length <= PLAINTEXT_BYTES_MAX);
  const view = new DataView(plaintext.buffer, plaintext.byteOffset);
  assert.equal(plaintext[0], 2);
  assert.deepEqual([view.getUint32(17), view.getUint32(21), view.getUint32(25), view.getUint32(29)], [7, 5, 3, CHUNK_BYTES_MAX]);
  assert.deepEqual(new Uint8Array(inflateRawSync(plaintext.subarray(DEFLATED_HEADER_BYTES))), content);
});
