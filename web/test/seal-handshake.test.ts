// Noise and the whole handshake: published vectors, Python's transcripts, and everything that must not open.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { REFUSALS, Refused, SealError, SealMisused } from "../src/seal/errors.ts";
import { type Found, Initiator, Responder, type RoadName, refusalMessage } from "../src/seal/handshake.ts";
import { deriveKeys, lv } from "../src/seal/keys.ts";
import { NoiseHandshake } from "../src/seal/noise.ts";
import { Sealed } from "../src/seal/sealed.ts";

interface Published {
  readonly name: string;
  readonly prologue: string;
  readonly psk: string | null;
  readonly initiator_ephemeral: string;
  readonly responder_ephemeral: string;
  readonly hash_after_first_message: string;
  readonly messages: readonly string[];
}
interface Transcript {
  readonly road: RoadName;
  readonly secret: string | null;
  readonly nonces: readonly [string, string];
  readonly ephemerals: readonly [string, string];
  readonly openings: readonly [string, string];
  readonly noise_messages: readonly [string, string];
  readonly handshake_hash: string;
  readonly to_responder: string;
  readonly to_initiator: string;
}
interface Vectors {
  readonly payloads: readonly string[];
  readonly published: readonly Published[];
  readonly handshakes: readonly Transcript[];
  readonly refusals: Readonly<Record<string, string>>;
}
const vectors = JSON.parse(readFileSync(new URL("../../tests/vectors/noise.json", import.meta.url), "utf8")) as Vectors;

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"));
const hex = (octets: Uint8Array | undefined): string => Buffer.from(octets ?? []).toString("hex");
const text = (words: string): Uint8Array => new TextEncoder().encode(words);

const TICKET = Uint8Array.from({ length: 16 }, (_, index) => index);
const DEVICE = Uint8Array.from({ length: 32 }, (_, index) => index);

function daemon(secret: Uint8Array | undefined = TICKET, road: RoadName = "home", fixed = {}): Responder<string> {
  const keys = secret === undefined ? undefined : deriveKeys(secret);
  const find = (keyId: Uint8Array): Found<string> | "unknown_key" => {
    if (keyId.length === 0) return { sessionAuth: undefined, holder: "nobody" };
    if (keys === undefined || hex(keyId) !== hex(keys.keyId)) return "unknown_key";
    return { sessionAuth: keys.sessionAuth, holder: "known" };
  };
  return new Responder(road, find, fixed);
}

function only(messages: readonly Uint8Array[]): Uint8Array {
  assert.equal(messages.length, 1);
  return messages[0] ?? new Uint8Array(0);
}

function introduce(one: Initiator, other: Responder<string>): void {
  assert.deepEqual(other.receive(one.opening()), []);
  const first = only(one.receive(other.opening()));
  assert.deepEqual(one.receive(only(other.receive(first))), []);
}

function flip(message: Uint8Array, bit: number): Uint8Array {
  const spoiled = message.slice();
  spoiled[bit >> 3] = (spoiled[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return spoiled;
}

function fails(fault: string): (error: unknown) => boolean {
  return (error) => error instanceof SealError && error.fault === fault;
}

test("published Noise vectors come out byte for byte", () => {
  for (const vector of vectors.published) {
    const prologue = bytes(vector.prologue);
    const psk = vector.psk === null ? undefined : bytes(vector.psk);
    const one = new NoiseHandshake({ initiator: true, prologue, psk, ephemeral: bytes(vector.initiator_ephemeral) });
    const other = new NoiseHandshake({ initiator: false, prologue, psk, ephemeral: bytes(vector.responder_ephemeral) });
    const payloads = vectors.payloads.map(bytes);
    assert.equal(hex(one.writeMessage(payloads[0])), vector.messages[0]);
    assert.equal(hex(other.readMessage(bytes(vector.messages[0] ?? ""))), vectors.payloads[0]);
    assert.equal(hex(one.hash), vector.hash_after_first_message);
    assert.equal(hex(other.writeMessage(payloads[1])), vector.messages[1]);
    assert.equal(hex(one.readMessage(bytes(vector.messages[1] ?? ""))), vectors.payloads[1]);
    const keys = one.split();
    assert.deepEqual(keys, other.split());
    const links = [
      new Sealed({ sending: keys.initiator, receiving: keys.responder }),
      new Sealed({ sending: keys.responder, receiving: keys.initiator }),
    ];
    for (let turn = 2; turn < vector.messages.length; turn += 1) {
      const message = vector.messages[turn] ?? "";
      assert.equal(hex(links[turn % 2]?.seal(payloads[turn] ?? new Uint8Array(0))), message);
      assert.equal(hex(links[1 - (turn % 2)]?.open(bytes(message))), vectors.payloads[turn]);
    }
  }
});

test("handshakes are those of Python and of an independent Noise", () => {
  for (const vector of vectors.handshakes) {
    const secret = vector.secret === null ? undefined : bytes(vector.secret);
    const [nonces, ephemerals] = [vector.nonces.map(bytes), vector.ephemerals.map(bytes)];
    const fixed = [0, 1].map((side) => ({ nonce: nonces[side] ?? DEVICE, ephemeral: ephemerals[side] ?? DEVICE }));
    const one = new Initiator(vector.road, secret, fixed[0]);
    const other = daemon(secret, vector.road, fixed[1]);
    assert.deepEqual([hex(one.opening()), hex(other.opening())], vector.openings);
    other.receive(one.opening());
    const first = only(one.receive(other.opening()));
    const second = only(other.receive(first));
    one.receive(second);
    assert.deepEqual([hex(first), hex(second)], vector.noise_messages);
    assert.equal(hex(one.handshakeHash), vector.handshake_hash);
    assert.equal(hex(other.handshakeHash), vector.handshake_hash);
    assert.equal(hex(one.sealed?.seal(text("hello, computer"))), vector.to_responder);
    assert.equal(hex(other.sealed?.seal(text("hello, phone"))), vector.to_initiator);
  }
});

test("twenty of twenty connect, with a ticket, a device key and nothing", () => {
  for (let round = 0; round < 20; round += 1) {
    const secret = [TICKET, DEVICE, undefined][round % 3];
    const [one, other] = [new Initiator("home", secret), daemon(secret)];
    introduce(one, other);
    assert.equal(other.found, secret === undefined ? "nobody" : "known");
    assert.deepEqual(other.sealed?.open(one.sealed?.seal(text("up")) ?? DEVICE), text("up"));
    assert.deepEqual(one.sealed?.open(other.sealed?.seal(text("down")) ?? DEVICE), text("down"));
  }
});

test("no flipped bit of any handshake message leads to a link", () => {
  const refuses = (other: Responder<string>, message: Uint8Array): boolean => {
    try {
      other.receive(message);
    } catch (error) {
      return fails("reflected")(error);
    }
    return other.refused !== undefined && other.sealed === undefined;
  };
  for (let bit = 0; bit < new Initiator("home", TICKET).opening().length * 8; bit += 1) {
    const [one, other] = [new Initiator("home", TICKET), daemon()];
    if (refuses(other, flip(one.opening(), bit))) continue;
    assert.ok(refuses(other, only(one.receive(other.opening()))), `opening, bit ${bit}`);
  }
  for (let bit = 0; bit < 48 * 8; bit += 1) {
    const [one, other] = [new Initiator("home", TICKET), daemon()];
    other.receive(one.opening());
    assert.ok(refuses(other, flip(only(one.receive(other.opening())), bit)), `message 1, bit ${bit}`);
  }
  for (let bit = 0; bit < 48 * 8; bit += 1) {
    const [one, other] = [new Initiator("home", TICKET), daemon()];
    other.receive(one.opening());
    const second = only(other.receive(only(one.receive(other.opening()))));
    assert.throws(() => one.receive(flip(second, bit)), fails("handshake"), `message 2, bit ${bit}`);
    assert.equal(one.sealed, undefined);
  }
});

test("a wrong key, a wrong road and a replayed message are refused; the right ones are not", () => {
  const impostor = new Initiator("home", DEVICE);
  const other = daemon();
  const opening = lv(text("qrshared/1"), deriveKeys(TICKET).keyId, impostor.opening().slice(-32));
  other.receive(opening);
  other.receive(only(impostor.receive(other.opening())));
  assert.equal(other.refused, "handshake");

  const traveller = new Initiator("away", TICKET);
  const home = daemon();
  home.receive(traveller.opening());
  assert.deepEqual(home.receive(only(traveller.receive(home.opening()))), [refusalMessage("handshake")]);

  const [one, first] = [new Initiator("home", TICKET), daemon()];
  first.receive(one.opening());
  const message = only(one.receive(first.opening()));
  for (let again = 0; again < 20; again += 1) {
    const victim = daemon();
    victim.receive(one.opening());
    assert.deepEqual(victim.receive(message), [refusalMessage("handshake")]);
  }
  assert.deepEqual(one.receive(only(first.receive(message))), []);
});

test("low-order points are refused by both sides", () => {
  const points = ["00".repeat(32), `01${"00".repeat(31)}`, `ec${"ff".repeat(30)}7f`, `${"00".repeat(31)}80`,
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"];
  for (const point of points) {
    const other = new NoiseHandshake({ initiator: false, prologue: text("p") });
    other.readMessage(bytes(point));
    assert.throws(() => other.writeMessage(), fails("handshake"));
    const one = new NoiseHandshake({ initiator: true, prologue: text("p"), psk: DEVICE });
    one.writeMessage();
    assert.throws(() => one.readMessage(bytes(point + "00".repeat(16))), fails("handshake"));
  }
});

test("one's own words coming back are a reflection", () => {
  const one = new Initiator("home");
  assert.throws(() => one.receive(one.opening()), fails("reflected"));
  const other = daemon();
  assert.throws(() => other.receive(other.opening()), fails("reflected"));
  const two = new Initiator("home", TICKET);
  const first = only(two.receive(daemon().opening()));
  assert.throws(() => two.receive(first), fails("reflected"));
});

test("a refusal says why, early or late", () => {
  for (const refusal of REFUSALS) {
    assert.equal(hex(refusalMessage(refusal)), vectors.refusals[refusal]);
    const [early, late] = [new Initiator("home", TICKET), new Initiator("home", TICKET)];
    late.receive(daemon().opening());
    for (const one of [early, late]) {
      assert.throws(() => one.receive(refusalMessage(refusal)), (error) => error instanceof Refused && error.refusal === refusal);
      assert.throws(() => one.receive(refusalMessage(refusal)), SealMisused);
    }
  }
  const tomorrow = lv(text("qrshared/1 refused"), text("on_holiday"));
  assert.throws(() => new Initiator("home").receive(tomorrow), (error) => error instanceof Refused && error.refusal === "handshake");
});

test("nonsense is refused by both sides, another version by its name", () => {
  const nonsense = [
    new Uint8Array(0), text("GET / HTTP/1.1"), new Uint8Array(65_535), new Uint8Array(65_535).fill(255),
    lv(text("qrshared/1")), lv(text("qrshared/1"), new Uint8Array(15), new Uint8Array(32)),
    lv(text("qrshared/1"), new Uint8Array(0), new Uint8Array(31)), lv(text("http/1.1"), new Uint8Array(0), new Uint8Array(32)),
  ];
  for (const message of nonsense) {
    const other = daemon();
    assert.deepEqual(other.receive(message), [refusalMessage("handshake")]);
    assert.throws(() => new Initiator("home", TICKET).receive(message), SealError);
  }
  const next = lv(text("qrshared/2"), new Uint8Array(0), new Uint8Array(32));
  assert.deepEqual(daemon().receive(next), [refusalMessage("version")]);
  const named = new Initiator("home", TICKET).opening();
  assert.throws(() => new Initiator("home", TICKET).receive(named), fails("malformed"));
});

test("who is there cannot be asked before the seal", () => {
  const other = daemon();
  other.receive(new Initiator("home", TICKET).opening());
  assert.throws(() => other.found, SealMisused);
});
