// The codec reads what the wire allows, byte for byte, and refuses everything else; same vectors as Python's.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { ProtocolError, WrongAsk, decode, encode, writeChunkHeader } from "../src/protocol/codec.ts";
import {
  CHUNK_BYTES_MAX,
  CHUNK_HEADER_BYTES,
  ENVELOPE_BYTES_MAX,
  PLAINTEXT_BYTES_MAX,
} from "../src/protocol/limits.ts";
import type { Propose } from "../src/protocol/messages.ts";
import { commonVersion } from "../src/protocol/versions.ts";

type Pieces = readonly (readonly [string, number])[];
interface Vectors {
  readonly valid: readonly { readonly text?: string; readonly hex?: string }[];
  readonly other_spellings: readonly { readonly text: string; readonly canonical: string }[];
  readonly deflated: readonly { readonly hex: string }[];
  readonly wrong_asks: readonly { readonly id: number; readonly text: string }[];
  readonly invalid: readonly { readonly why: string; readonly text?: Pieces; readonly hex?: Pieces }[];
}
const path = new URL("../../tests/vectors/messages.json", import.meta.url);
const vectors = JSON.parse(readFileSync(path, "utf8")) as Vectors;
const TRANSFER = "00112233445566778899aabbccddeeff";

function bytes(text: string | undefined, hex: string | undefined): Uint8Array {
  return text === undefined ? new Uint8Array(Buffer.from(hex ?? "", "hex")) : new TextEncoder().encode(text);
}

function joined(pieces: Pieces | undefined): string | undefined {
  return pieces?.map(([piece, times]) => piece.repeat(times)).join("");
}

function readable(plaintext: Uint8Array): string {
  return Buffer.from(plaintext).toString("latin1");
}

test("a valid message is read and written back byte for byte", () => {
  for (const { text, hex } of vectors.valid) {
    const plaintext = bytes(text, hex);
    assert.equal(readable(encode(decode(plaintext))), readable(plaintext));
  }
});

test("another spelling is read and written the one way", () => {
  for (const { text, canonical } of vectors.other_spellings) {
    assert.equal(new TextDecoder().decode(encode(decode(bytes(text, undefined)))), canonical);
  }
});

test("a deflated chunk is refused where nobody asks first whether one is", () => {
  assert.ok(vectors.deflated.length >= 3);
  for (const { hex } of vectors.deflated) {
    assert.throws(
      () => decode(bytes(undefined, hex)),
      (error) => error instanceof ProtocolError && error.message.includes("never agreed"),
    );
  }
});

test("every invalid message is refused as the peer's fault", () => {
  const accepted: string[] = [];
  for (const { why, text, hex } of vectors.invalid) {
    try {
      decode(bytes(joined(text), joined(hex)));
      accepted.push(why);
    } catch (error) {
      assert.ok(error instanceof ProtocolError, `${why}: ${String(error)}`);
    }
  }
  assert.deepEqual(accepted, []);
  assert.ok(vectors.invalid.length >= 150);
});

test("an ask whose verb cannot be read is refused by its number", () => {
  for (const { id, text } of vectors.wrong_asks) {
    assert.throws(
      () => decode(bytes(text, undefined)),
      (error) => error instanceof WrongAsk && error.id === id,
      text,
    );
  }
  assert.ok(vectors.wrong_asks.length >= 5);
  assert.throws(
    () => decode(bytes('{"t":"ask","verb":{"t":"meet"}}', undefined)),
    (error) => error instanceof ProtocolError && !(error instanceof WrongAsk),
  );
});

test("the largest envelope fits in one message and one byte more is refused", () => {
  const envelope = (length: number): Uint8Array =>
    encode({ t: "envelope", meeting: TRANSFER, blob: new Uint8Array(length).fill(7) });
  assert.equal(decode(envelope(ENVELOPE_BYTES_MAX)).t, "envelope");
  assert.throws(() => decode(envelope(ENVELOPE_BYTES_MAX + 1)), ProtocolError);
});

test("the control: were reading a mere JSON.parse, most invalid vectors would pass", () => {
  const passed = vectors.invalid.filter(({ text, hex }) => {
    try {
      return typeof JSON.parse(new TextDecoder().decode(bytes(joined(text), joined(hex)))) === "object";
    } catch {
      return false;
    }
  });
  assert.ok(passed.length > 150);
});

test("an error names the field and never its content", () => {
  const plaintext = bytes('{"t":"ask","id":1,"verb":{"t":"rename_entry","name":"secret.pdf","to":5}}', undefined);
  assert.throws(() => decode(plaintext), { message: "ask.verb rename_entry.to is not a text, or too long" });
});

test("a name that is no text goes out with replacement characters", () => {
  const message = decode(encode({ t: "ask", id: 1, verb: { t: "bin_entry", name: "photo\ud800.jpg" } }));
  assert.deepEqual(message, { t: "ask", id: 1, verb: { t: "bin_entry", name: "photo\ufffd.jpg" } });
});

test("a message that fits no sealed message is our own fault", () => {
  const items = Array.from({ length: 400 }, () => ({ name: "x".repeat(200), size: 1 }));
  const propose: Propose = { t: "propose", transfer: TRANSFER, first: 0, items, more: false, count: 400, bytes: 400 };
  assert.throws(() => encode(propose), RangeError);
  const content = new Uint8Array(CHUNK_BYTES_MAX + 1);
  assert.throws(() => encode({ t: "chunk", transfer: TRANSFER, item: 0, offset: 0, content }), RangeError);
});

test("a chunk is written around content that already stands in the buffer, and read as a view of it", () => {
  const buffer = new Uint8Array(10 + CHUNK_HEADER_BYTES + 3);
  const plaintext = buffer.subarray(10);
  plaintext.set([7, 8, 9], CHUNK_HEADER_BYTES);
  writeChunkHeader(plaintext, TRANSFER, 4, 2 ** 40 + 5);
  const chunk = decode(plaintext);
  assert.ok(chunk.t === "chunk");
  assert.deepEqual([chunk.transfer, chunk.item, chunk.offset], [TRANSFER, 4, 2 ** 40 + 5]);
  assert.deepEqual([...chunk.content], [7, 8, 9]);
  assert.equal(chunk.content.buffer, buffer.buffer);
  assert.ok(CHUNK_HEADER_BYTES + CHUNK_BYTES_MAX <= PLAINTEXT_BYTES_MAX);
});

test("the highest version that both know is used", () => {
  assert.equal(commonVersion([1, 3], [1, 2]), 2);
  assert.equal(commonVersion([2, 2], [1, 1]), null);
  assert.equal(commonVersion([1, 1], [2, 3]), null);
});

test("random bytes and mutations are read or refused and nothing else", () => {
  let state = 12345;
  const random = (below: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  for (let round = 0; round < 3000; round++) {
    const sample = vectors.valid[random(vectors.valid.length)];
    const plaintext = bytes(sample?.text, sample?.hex).slice();
    for (let i = random(3); i >= 0; i--) plaintext[random(plaintext.length)] = random(256);
    try {
      const message = decode(plaintext);
      assert.deepEqual(decode(encode(message)), message);
    } catch (error) {
      assert.ok(error instanceof ProtocolError, String(error));
    }
  }
});
