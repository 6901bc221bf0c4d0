// Deflated chunks are taken apart where that was agreed, exactly; what holds anything else ends the transfer it belongs to.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";
import { memoryLinks } from "../src/links/memory.ts";
import { CHUNK_BYTES_MAX } from "../src/protocol/limits.ts";
import { ProtocolError, decode, decodeDeflated, encode } from "../src/protocol/codec.ts";
import type { Chunk, Hello, Message } from "../src/protocol/messages.ts";
import { VERSIONS } from "../src/protocol/versions.ts";
import { Sealed } from "../src/seal/sealed.ts";
import { browserInflate, type Inflate } from "../src/session/inflate.ts";
import { SealedLink } from "../src/session/sealed-link.ts";
import { Session } from "../src/session/session.ts";
import { Receiver } from "../src/transfers/receiver.ts";
import { ManualClock } from "./support/manual-clock.ts";

const TRANSFER = "00112233445566778899aabbccddeeff";
const HELLO: Hello = { t: "hello", versions: VERSIONS, name: "STUDY-PC", kind: "computer", instance: 1 };
const inflate = browserInflate();
assert.ok(inflate !== null);

interface Vectors {
  readonly deflated: readonly { readonly hex: string; readonly plain: string }[];
  readonly invalid: readonly { readonly why: string; readonly hex?: readonly (readonly [string, number])[] }[];
}
const vectors = JSON.parse(readFileSync(new URL("../../tests/vectors/messages.json", import.meta.url), "utf8")) as Vectors;
const unhex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"));
const letters = (length: number): Uint8Array => new TextEncoder().encode("The quick brown fox, again. ".repeat(length / 28 + 1)).subarray(0, length);

test("a deflated chunk means the same as a plain one", async () => {
  assert.ok(vectors.deflated.length >= 3);
  for (const { hex, plain } of vectors.deflated) {
    const { length, deflated, ...chunk } = decodeDeflated(unhex(hex));
    assert.deepEqual({ ...chunk, content: await inflate(deflated, length) }, { ...decode(unhex(plain)), content: new Uint8Array((decode(unhex(plain)) as Chunk).content) });
  }
});

test("what is not exactly what it says is refused, before or after it was looked into", async () => {
  let count = 0;
  for (const { why, hex } of vectors.invalid) {
    if (hex === undefined || !why.includes("deflated")) continue;
    const plaintext = unhex(hex.map(([piece, times]) => piece.repeat(times)).join(""));
    count += 1;
    try {
      const { length, deflated } = decodeDeflated(plaintext);
      assert.equal(await inflate(deflated, length), null, why);
    } catch (error) {
      assert.ok(error instanceof ProtocolError, `${why}: ${String(error)}`);
    }
  }
  assert.ok(count >= 10);
});

test("a whole chunk comes out, and of a bomb no more than was promised", async () => {
  const content = letters(CHUNK_BYTES_MAX);
  assert.deepEqual(await inflate(deflateRawSync(content), content.length), new Uint8Array(content));
  assert.equal(await inflate(deflateRawSync(new Uint8Array(60 << 20)).subarray(0, CHUNK_BYTES_MAX), CHUNK_BYTES_MAX), null);
});

/** A page's session, and a daemon that says these messages after its hello. */
async function heard(messages: readonly Uint8Array[], inflates: Inflate | null): Promise<{ taken: readonly Message[]; said: readonly Message[] }> {
  const [near, far] = memoryLinks();
  const [a, b] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const clock = new ManualClock();
  const taken: Message[] = [];
  const said: Message[] = [];
  const owner = { chunks: () => [], receive: (message: Message) => void taken.push(message) };
  const session = new Session(new SealedLink(near, new Sealed({ sending: a, receiving: b })), clock, owner, inflates);
  const daemon = new Sealed({ sending: b, receiving: a });
  const hearing = (async () => {
    try {
      for (;;) for (const message of await far.receive()) said.push(decode(daemon.open(message)));
    } catch {
      return; // the page has left
    }
  })();
  await far.send(daemon.seal(encode(HELLO)));
  await session.greet({ t: "hello", versions: VERSIONS, name: "Phone", kind: "phone", instance: 2 });
  session.post({ t: "accept", transfer: TRANSFER, window: 1 << 20 });
  const running = session.run();
  await far.send(...messages.map((message) => daemon.seal(message)));
  await far.send(daemon.seal(encode({ t: "goodbye", reason: "done" })));
  await running;
  await hearing;
  return { taken, said };
}

function deflatedChunk(offset: number, content: Uint8Array, raw: Uint8Array = deflateRawSync(content)): Uint8Array {
  return encode({ t: "chunk", transfer: TRANSFER, item: 0, offset, content, deflated: raw });
}

test("chunks come in their order, deflated or not, on a link whose accept says so", async () => {
  const plain = encode({ t: "chunk", transfer: TRANSFER, item: 0, offset: 5, content: letters(3) });
  const { taken, said } = await heard([deflatedChunk(0, letters(5)), plain, deflatedChunk(8, letters(40_000))], inflate);
  assert.deepEqual(taken.map((message) => (message.t === "chunk" ? [message.offset, message.content.length] : [])), [[0, 5], [5, 3], [8, 40_000]]);
  assert.equal(said.find((message) => message.t === "accept")?.deflate, true);
});

test("a page that did not agree says so and leaves", async () => {
  const { taken, said } = await heard([deflatedChunk(0, letters(5))], null);
  assert.deepEqual(taken, []);
  assert.equal(said.find((message) => message.t === "accept")?.deflate, undefined);
  assert.ok(said.some((message) => message.t === "goodbye" && message.reason === "protocol"));
});

test("a chunk that holds more or less than it says ends its transfer, and no other", async () => {
  for (const raw of [deflateRawSync(letters(4)), deflateRawSync(letters(6)), new Uint8Array(9).fill(255)]) {
    const { taken, said } = await heard([deflatedChunk(0, letters(5), raw)], inflate);
    assert.ok(!said.some((message) => message.t === "goodbye"));
    const receiver = new Receiver(TRANSFER);
    receiver.receive({ t: "propose", transfer: TRANSFER, first: 0, items: [{ name: "a.log", size: 5 }], more: false, count: 1, bytes: 5 }, 0);
    receiver.accept(1 << 20);
    const events = taken.flatMap((message) => (message.t === "chunk" ? receiver.receive(message, 0) : []));
    assert.deepEqual(events.map(({ t }) => t), ["transfer_failed", "over"]);
    assert.deepEqual(receiver.messagesToSend(0).at(-1), { t: "fail", transfer: TRANSFER, reason: "protocol" });
  }
});
