// Sealed messages with both ciphers: the same bytes, in the same order, and nothing else opens.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import type { Cipher } from "../src/seal/cipher.ts";
import { nobleCipher } from "../src/seal/cipher-noble.ts";
import { loadSodiumCipher } from "../src/seal/cipher-sodium.ts";
import { SealError, SealMisused } from "../src/seal/errors.ts";
import { PLAINTEXT_BYTES_MAX, Sealed } from "../src/seal/sealed.ts";

interface Vectors {
  readonly key: string;
  readonly cases: readonly { readonly counter: number; readonly plaintext: string; readonly sealed: string }[];
}
const vectors = JSON.parse(readFileSync(new URL("../../tests/vectors/sealed.json", import.meta.url), "utf8")) as Vectors;
const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"));
const hex = (octets: Uint8Array): string => Buffer.from(octets).toString("hex");

const [ONE, TWO] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
const sodiumCipher = await loadSodiumCipher();
const ciphers: readonly (readonly [string, Cipher])[] = [["noble", nobleCipher], ["sodium", sodiumCipher]];

function pair(cipher: Cipher): [Sealed, Sealed] {
  return [new Sealed({ sending: ONE, receiving: TWO }, cipher), new Sealed({ sending: TWO, receiving: ONE }, cipher)];
}

function isSpoiled(error: unknown): boolean {
  return error instanceof SealError && error.fault === "spoiled";
}

/** Content that differs at each place, so that a misplaced byte shows. */
function content(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + (index >> 8)) & 255);
}

for (const [name, cipher] of ciphers) {
  test(`${name}: vectors, also with counters beyond 32 bits`, () => {
    for (const { counter, plaintext, sealed } of vectors.cases) {
      const message = cipher.seal(bytes(vectors.key), counter, bytes(plaintext), new Uint8Array(sealed.length / 2));
      assert.equal(hex(message), sealed);
      const opened = cipher.open(bytes(vectors.key), counter, bytes(sealed), new Uint8Array(plaintext.length / 2));
      assert.equal(hex(opened), plaintext);
    }
  });

  test(`${name}: what is sealed opens in order, at every length around the edges`, () => {
    const [sender, receiver] = pair(cipher);
    for (const length of [0, 1, 15, 16, 17, 63, 64, 65, 1000, 65_280, PLAINTEXT_BYTES_MAX]) {
      assert.deepEqual(receiver.open(sender.seal(content(length))), content(length));
    }
    assert.throws(() => sender.seal(new Uint8Array(PLAINTEXT_BYTES_MAX + 1)), SealMisused);
  });

  test(`${name}: seals into and out of a region of a larger buffer, at any alignment`, () => {
    const [sender, receiver] = pair(cipher);
    for (const at of [0, 1, 2, 3, 5]) {
      const frame = new Uint8Array(300).fill(0xee);
      const region = frame.subarray(at, at + 116);
      const source = new Uint8Array(200).fill(7).subarray(at, at + 100);
      assert.equal(sender.seal(source, region).buffer, frame.buffer);
      assert.ok(frame.subarray(at + 116).every((byte) => byte === 0xee), "wrote beyond its region");
      assert.ok(frame.subarray(0, at).every((byte) => byte === 0xee), "wrote before its region");
      const target = new Uint8Array(150).fill(0xee);
      receiver.open(region, target.subarray(at, at + 100));
      assert.ok(target.subarray(at, at + 100).every((byte) => byte === 7));
      assert.ok(target.subarray(at + 100).every((byte) => byte === 0xee), "wrote beyond its region");
    }
    assert.throws(() => sender.seal(content(10), new Uint8Array(25)), SealMisused);
  });

  test(`${name}: a flipped, dropped, swapped, doubled, reflected or cut message ends the link`, () => {
    const deeds: readonly ((messages: Uint8Array[], receiver: Sealed) => void)[] = [
      (messages) => void messages.shift(),
      (messages) => void messages.reverse(),
      (messages) => void messages.splice(0, 0, messages[0] ?? ONE),
      (messages, receiver) => void messages.splice(0, 1, receiver.seal(content(20))),
      (messages) => void messages.splice(0, 1, messages[0]?.slice(0, -1) ?? ONE),
      (messages) => void messages.splice(0, 1, Uint8Array.of(...(messages[0] ?? []), 0)),
      ...Array.from({ length: 36 * 8 }, (_, bit) => (messages: Uint8Array[]) => {
        const message = messages[0] ?? ONE;
        message[bit >> 3] = (message[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      }),
    ];
    for (const deed of deeds) {
      const [sender, receiver] = pair(cipher);
      const messages = [sender.seal(content(20)), sender.seal(content(21))];
      const good = messages.map((message) => message.slice());
      deed(messages, receiver);
      assert.throws(() => messages.forEach((message) => receiver.open(message)), isSpoiled);
      assert.throws(() => receiver.open(good[0] ?? ONE), isSpoiled);
      assert.throws(() => receiver.open(good[1] ?? ONE), isSpoiled);
      const [, control] = pair(cipher);
      assert.deepEqual(good.map((message) => control.open(message).length), [20, 21]);
    }
  });

  test(`${name}: nonsense does not open`, () => {
    for (const length of [0, 1, 15, 16, 65_535, 65_536]) {
      assert.throws(() => pair(cipher)[1].open(new Uint8Array(length)), isSpoiled);
    }
  });
}

test("the cipher can be exchanged between any two messages", () => {
  const [sender, receiver] = pair(nobleCipher);
  for (let round = 0; round < 40; round += 1) {
    if (round % 3 === 0) sender.use(round % 2 === 0 ? sodiumCipher : nobleCipher);
    if (round % 5 === 0) receiver.use(round % 2 === 0 ? nobleCipher : sodiumCipher);
    assert.deepEqual(receiver.open(sender.seal(content(round * 31))), content(round * 31));
  }
});

test("a message that did not open leaves nothing of it behind in the caller's region", () => {
  for (const [, cipher] of ciphers) {
    const [sender, receiver] = pair(cipher);
    const message = sender.seal(content(50));
    message[10] = (message[10] ?? 0) ^ 1;
    const region = new Uint8Array(50);
    assert.throws(() => receiver.open(message, region), isSpoiled);
    assert.ok(region.every((byte) => byte === 0));
  }
});

test("the library is loaded once", async () => {
  assert.equal(await loadSodiumCipher(), sodiumCipher);
});
