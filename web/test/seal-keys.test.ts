// Keys, fragment and words: the same vectors as Python's, computed by somebody else's code.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { SealError, SealMisused } from "../src/seal/errors.ts";
import { deriveKeys, lv, parseLv, secretFromFragment, ticketFragment } from "../src/seal/keys.ts";
import { knownProof } from "../src/seal/known.ts";
import { WORDS, comparisonWords } from "../src/seal/words.ts";

interface Vectors {
  readonly known: readonly { readonly key: string; readonly handshake_hash: string; readonly proof: string }[];
  readonly keys: readonly { readonly secret: string; readonly key_id: string; readonly session_auth: string; readonly rendezvous: string; readonly envelopes: string }[];
  readonly fragments: readonly { readonly secret: string; readonly fragment: string }[];
  readonly lv: readonly { readonly fields: readonly string[]; readonly joined: string }[];
  readonly words_sha256: string;
  readonly comparison_words: readonly { readonly hash: string; readonly words: readonly string[] }[];
}
const vectors = JSON.parse(readFileSync(new URL("../../tests/vectors/keys.json", import.meta.url), "utf8")) as Vectors;

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"));
const hex = (octets: Uint8Array): string => Buffer.from(octets).toString("hex");

test("keys are those of the vectors", () => {
  for (const vector of vectors.keys) {
    const keys = deriveKeys(bytes(vector.secret));
    assert.equal(hex(keys.keyId), vector.key_id);
    assert.equal(hex(keys.sessionAuth), vector.session_auth);
    assert.equal(hex(keys.rendezvous), vector.rendezvous);
    assert.equal(hex(keys.envelopes), vector.envelopes);
  }
  assert.equal(vectors.keys.length, 4);
});

test("proofs that a key is known are those of the vectors, and differ for each key and each link", () => {
  for (const { key, handshake_hash, proof } of vectors.known) assert.equal(hex(knownProof(bytes(key), bytes(handshake_hash))), proof);
  assert.equal(new Set(vectors.known.map(({ proof }) => proof)).size, 8);
});

test("a secret of another length is our own fault", () => {
  for (const length of [0, 15, 17, 31, 33]) assert.throws(() => deriveKeys(new Uint8Array(length)), SealMisused);
});

test("a fragment goes there and back", () => {
  for (const { secret, fragment } of vectors.fragments) {
    assert.equal(ticketFragment(bytes(secret)), fragment);
    assert.equal(hex(secretFromFragment(fragment)), secret);
    assert.equal(hex(secretFromFragment(`#${fragment}`)), secret);
  }
});

test("a cut or misspelt fragment is refused", () => {
  const good = ticketFragment(new Uint8Array(16).fill(0xfb));
  const spoiled = [
    "", "#", "1", good.slice(1), good.slice(0, -1), `${good}A`, `2${good.slice(1)}`, `##${good}`, `${good}=`,
    `${good.slice(0, -1)}=`, `${good.slice(0, -1)}x`, ` ${good}`, `${good}\n`, good.replace("-", "+"), good.replace("_", "/"),
    `${good.slice(0, 5)}é${good.slice(6)}`,
  ];
  for (const text of spoiled) {
    if (text === good) continue;
    assert.throws(() => secretFromFragment(text), (error) => error instanceof SealError && error.fault === "fragment", text);
  }
  assert.equal(secretFromFragment(good).length, 16);
});

test("fields join as the vectors say, and anything cut or longer is refused", () => {
  for (const vector of vectors.lv) {
    const fields = vector.fields.map(bytes);
    assert.equal(hex(lv(...fields)), vector.joined);
    assert.deepEqual(parseLv(bytes(vector.joined), fields.length).map(hex), vector.fields);
    assert.throws(() => parseLv(bytes(`${vector.joined}00`), fields.length), SealError);
    for (let cut = 0; cut < vector.joined.length / 2; cut += 1) {
      assert.throws(() => parseLv(bytes(vector.joined).subarray(0, cut), fields.length), SealError);
    }
  }
});

test("a parsed field is a copy that a later write to the message does not change", () => {
  const message = lv(Uint8Array.of(1, 2, 3));
  const [field] = parseLv(message, 1);
  message.fill(9);
  assert.deepEqual(field, Uint8Array.of(1, 2, 3));
});

test("the words are Python's", () => {
  assert.equal(WORDS.length, 1024);
  assert.equal(createHash("sha256").update(WORDS.join(" ")).digest("hex"), vectors.words_sha256);
  for (const vector of vectors.comparison_words) assert.deepEqual(comparisonWords(bytes(vector.hash)), vector.words);
});
