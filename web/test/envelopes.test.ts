// Envelopes: the same vectors as Python's, computed by somebody else's code.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import {
  ENVELOPE_BYTES_MAX, ENVELOPE_PLAINTEXT_BYTES_MAX, Envelopes, type Role, encodeHello, parseHello,
} from "../src/seal/envelopes.ts";
import { SealError, SealMisused } from "../src/seal/errors.ts";
import { deriveKeys } from "../src/seal/keys.ts";

interface Vectors {
  readonly nonces: readonly [string, string];
  readonly hellos: readonly { readonly role: Role; readonly nonce: string; readonly echo: string; readonly hello: string }[];
  readonly not_hellos: readonly string[];
  readonly meetings: readonly {
    readonly secret: string;
    readonly sealed: readonly {
      readonly count: number;
      readonly plaintext: string;
      readonly from_initiator: string;
      readonly from_responder: string;
    }[];
  }[];
}
const vectors = JSON.parse(readFileSync(new URL("../../tests/vectors/envelopes.json", import.meta.url), "utf8")) as Vectors;
const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"));
const hex = (octets: Uint8Array | undefined): string | undefined => octets && Buffer.from(octets).toString("hex");

function pair(secret: string = "00".repeat(16)): [Envelopes, Envelopes] {
  const keys = deriveKeys(bytes(secret)).envelopes;
  const [initiator, responder] = [bytes(vectors.nonces[0]), bytes(vectors.nonces[1])];
  return [
    new Envelopes(keys, { initiator, responder, isInitiator: true }),
    new Envelopes(keys, { initiator, responder, isInitiator: false }),
  ];
}

function isSpoiled(error: unknown): boolean {
  return error instanceof SealError && error.fault === "spoiled";
}

function flipped(envelope: Uint8Array, at: number): Uint8Array {
  const copy = new Uint8Array(envelope);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

test("hellos are spelt as in the vectors, and what is none is refused", () => {
  for (const { role, nonce, echo, hello } of vectors.hellos) {
    assert.equal(hex(encodeHello({ role, nonce: bytes(nonce), echo: bytes(echo) })), hello);
    assert.deepEqual(parseHello(bytes(hello)), { role, nonce: bytes(nonce), echo: bytes(echo) });
  }
  for (const spoiled of vectors.not_hellos) {
    assert.throws(() => parseHello(bytes(spoiled)), (error) => error instanceof SealError && error.fault === "malformed");
  }
});

test("sealed envelopes are those of the vectors, in both directions", () => {
  for (const { secret, sealed } of vectors.meetings) {
    const [initiator, responder] = pair(secret);
    for (const { plaintext, from_initiator, from_responder } of sealed) {
      assert.equal(hex(responder.open(bytes(from_initiator))), plaintext);
      assert.equal(hex(initiator.open(bytes(from_responder))), plaintext);
    }
    for (const { plaintext, from_initiator } of sealed.slice(0, 2)) {
      assert.equal(hex(initiator.seal(bytes(plaintext))), from_initiator);
    }
    assert.equal(hex(responder.seal(new Uint8Array(0))), sealed[0]?.from_responder);
  }
  assert.equal(vectors.meetings.length, 2);
});

test("each opens once, and never after a later one", () => {
  const [initiator, responder] = pair();
  const [one, two, three] = ["01", "02", "03"].map((word) => initiator.seal(bytes(word))) as [Uint8Array, Uint8Array, Uint8Array];
  assert.equal(hex(responder.open(two)), "02");
  assert.deepEqual([responder.open(one), responder.open(two)], [undefined, undefined]);
  assert.equal(hex(responder.open(three)), "03");
});

test("one that does not open changes nothing", () => {
  const [initiator, responder] = pair();
  const envelope = initiator.seal(bytes("0102"));
  const longest = new Uint8Array(ENVELOPE_BYTES_MAX + 1).fill(2);
  const farther = new Uint8Array(envelope).fill(0xff, 1, 9);
  for (const spoiled of [longest, farther, ...Array.from(envelope, (_, at) => flipped(envelope, at))]) {
    assert.throws(() => responder.open(spoiled), isSpoiled);
  }
  for (const length of envelope.keys()) assert.throws(() => responder.open(envelope.subarray(0, length)), isSpoiled);
  assert.throws(() => initiator.open(envelope), isSpoiled); // reflected
  assert.throws(() => pair("11".repeat(16))[1].open(envelope), isSpoiled);
  assert.equal(hex(responder.open(envelope)), "0102");
});

test("an envelope inside a larger buffer opens", () => {
  const [initiator, responder] = pair();
  const envelope = initiator.seal(bytes("0102"));
  const larger = new Uint8Array(envelope.length + 20);
  larger.set(envelope, 7);
  assert.equal(hex(responder.open(larger.subarray(7, 7 + envelope.length))), "0102");
});

test("the longest envelope fits the edge, and a longer one is our own fault", () => {
  const [initiator, responder] = pair();
  const envelope = initiator.seal(new Uint8Array(ENVELOPE_PLAINTEXT_BYTES_MAX));
  assert.equal(envelope.length, ENVELOPE_BYTES_MAX);
  assert.equal(responder.open(envelope)?.length, ENVELOPE_PLAINTEXT_BYTES_MAX);
  assert.throws(() => initiator.seal(new Uint8Array(ENVELOPE_PLAINTEXT_BYTES_MAX + 1)), SealMisused);
});
