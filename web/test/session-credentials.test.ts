// Which secret comes next: a word that nobody signed never costs a key, a signed one does.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff } from "../src/session/backoff.ts";
import { Credentials, type Outcome } from "../src/session/credentials.ts";

const TICKET = new Uint8Array(16).fill(1);
const WALLS = new Uint8Array(16).fill(2);
const KEY = new Uint8Array(32).fill(3);
const DEVICE = { rights: ["send"], device: "d".repeat(32) };

function refused(reason: "unknown_key" | "wrong_road" | "busy" | "version"): Outcome {
  return { why: "refused", reason };
}

function goodbye(reason: "revoked" | "expired" | "another_tab" | "restarting" | "version" | "busy"): Outcome {
  return { why: "goodbye", reason, signed: true };
}

test("a fresh ticket enrolls a new key, and the key opens every later link", () => {
  const credentials = new Credentials({ ticket: TICKET, key: null, bare: "enroll" });
  assert.deepEqual(credentials.next(), { by: "ticket", secret: TICKET });
  assert.equal(credentials.key, null, "the page must make one first");
  credentials.made(KEY);
  assert.equal(credentials.opened(credentials.next(), DEVICE), true);
  assert.deepEqual(credentials.next(), { by: "key", secret: KEY });
});

test("a link that broke while enrolling tries the same ticket and the same key again", () => {
  const credentials = new Credentials({ ticket: TICKET, key: null, bare: "enroll" });
  credentials.made(KEY);
  assert.deepEqual(credentials.after(credentials.next(), { why: "lost" }), { do: "lost" });
  assert.deepEqual(credentials.next(), { by: "ticket", secret: TICKET });
  assert.equal(credentials.key, KEY);
});

test("a code that is too old falls back to the key that was there before", () => {
  const credentials = new Credentials({ ticket: TICKET, key: KEY, bare: "enroll" });
  assert.deepEqual(credentials.after(credentials.next(), refused("unknown_key")), { do: "again" });
  assert.deepEqual(credentials.next(), { by: "key", secret: KEY });
});

test("a code that is too old, with only a key it made itself, is told and asked again rarely", () => {
  const credentials = new Credentials({ ticket: TICKET, key: null, bare: "enroll" });
  credentials.made(KEY);
  const step = credentials.after(credentials.next(), refused("unknown_key"));
  assert.deepEqual(step, { do: "refused", reason: "unknown_key", final: false });
  assert.deepEqual(credentials.next(), { by: "ticket", secret: TICKET });
});

test("a one-use code whose enrolment's answer got lost is not told as too old: the key it made is known", () => {
  const credentials = new Credentials({ ticket: TICKET, key: null, bare: "enroll" });
  credentials.made(KEY);
  credentials.after(credentials.next(), { why: "lost" });
  assert.deepEqual(credentials.after(credentials.next(), refused("unknown_key")), { do: "again" });
  assert.deepEqual(credentials.next(), { by: "key", secret: KEY });
});

test("an unknown key is kept, and enrolled again where the wall gives a ticket", () => {
  const credentials = new Credentials({ ticket: null, key: KEY, bare: "enroll" });
  assert.deepEqual(credentials.after(credentials.next(), refused("unknown_key")), { do: "again" });
  const fetch = credentials.next();
  assert.deepEqual(fetch, { by: "none", purpose: "fetch" });
  assert.deepEqual(credentials.after(fetch, { why: "fetched", ticket: WALLS }), { do: "again" });
  assert.deepEqual(credentials.next(), { by: "ticket", secret: WALLS });
  assert.equal(credentials.key, KEY, "the same device");
});

test("a wall's ticket that died on the way is fetched anew, not in a tight circle", () => {
  const credentials = new Credentials({ ticket: null, key: null, bare: "enroll" });
  credentials.after(credentials.next(), { why: "fetched", ticket: WALLS });
  credentials.made(KEY);
  assert.deepEqual(credentials.after(credentials.next(), refused("unknown_key")), { do: "lost" });
  assert.deepEqual(credentials.next(), { by: "none", purpose: "fetch" });
});

test("an owner's page whose key is unknown says so and never becomes a guest", () => {
  const credentials = new Credentials({ ticket: null, key: KEY, bare: "watch" });
  assert.deepEqual(credentials.after(credentials.next(), refused("unknown_key")), { do: "refused", reason: "unknown_key", final: false });
  assert.deepEqual(credentials.next(), { by: "key", secret: KEY });
});

test("no refusal before the seal drops a key; revoked and expired under the seal do", () => {
  for (const reason of ["unknown_key", "wrong_road", "busy", "version"] as const) {
    const credentials = new Credentials({ ticket: null, key: KEY, bare: "watch" });
    const step = credentials.after(credentials.next(), refused(reason));
    assert.equal("dropKey" in step, false, reason);
    assert.equal(credentials.key, KEY);
  }
  for (const reason of ["revoked", "expired"] as const) {
    const credentials = new Credentials({ ticket: null, key: KEY, bare: "watch" });
    assert.deepEqual(credentials.after(credentials.next(), goodbye(reason)), { do: "refused", reason, final: true, dropKey: true });
    assert.equal(credentials.key, null);
  }
});

test("an expired guest comes again by the wall, a revoked one does not by itself", () => {
  const expired = new Credentials({ ticket: null, key: KEY, bare: "enroll" });
  assert.deepEqual(expired.after(expired.next(), goodbye("expired")), { do: "again", dropKey: true });
  assert.deepEqual(expired.next(), { by: "none", purpose: "fetch" });
  const revoked = new Credentials({ ticket: null, key: KEY, bare: "enroll" });
  assert.deepEqual(revoked.after(revoked.next(), goodbye("revoked")), { do: "refused", reason: "revoked", final: true, dropKey: true });
});

test("a guest who is revoked in the very visit that let it in does not come again by itself", () => {
  for (const ticket of [null, TICKET]) {
    const credentials = new Credentials({ ticket, key: null, bare: "enroll" });
    if (ticket === null) credentials.after(credentials.next(), { why: "fetched", ticket: TICKET });
    credentials.made(KEY);
    const attempt = credentials.next();
    assert.equal(credentials.opened(attempt, { rights: ["send"], device: "00".repeat(16) }), true);
    assert.deepEqual(credentials.after(attempt, goodbye("revoked")), { do: "refused", reason: "revoked", final: true, dropKey: true });
  }
});

test("a revoked device that scans a new code comes in with a new key, once", () => {
  const credentials = new Credentials({ ticket: TICKET, key: KEY, bare: "enroll" });
  assert.deepEqual(credentials.after(credentials.next(), goodbye("revoked")), { do: "again", dropKey: true });
  assert.deepEqual(credentials.next(), { by: "ticket", secret: TICKET });
  credentials.made(new Uint8Array(32));
  assert.equal(credentials.after(credentials.next(), goodbye("revoked")).do, "refused");
});

test("the other endings", () => {
  const credentials = new Credentials({ ticket: null, key: KEY, bare: "watch" });
  const attempt = credentials.next();
  assert.deepEqual(credentials.after(attempt, goodbye("another_tab")), { do: "elsewhere" });
  assert.deepEqual(credentials.after(attempt, goodbye("restarting")), { do: "lost" });
  assert.deepEqual(credentials.after(attempt, goodbye("version")), { do: "refused", reason: "version", final: true });
  assert.deepEqual(credentials.after(attempt, { why: "spoiled" }), { do: "lost" });
  assert.deepEqual(credentials.after(attempt, { why: "spoiled" }), { do: "refused", reason: "handshake", final: false });
});

test("waiting times grow to ten seconds, start anew after success, and are spread over the whole span", () => {
  const high = new Backoff(() => 0.999_999);
  const waits = Array.from({ length: 8 }, () => Math.round(high.afterLoss() * 10) / 10);
  assert.deepEqual(waits, [0.3, 0.6, 1.2, 2.4, 4.8, 9.6, 10, 10]);
  high.reset();
  assert.ok(high.afterLoss() <= 0.3);
  assert.equal(new Backoff(() => 0).afterLoss(), 0);
  const low = new Backoff(() => 0);
  const refusals = Array.from({ length: 6 }, () => low.afterRefusal());
  assert.deepEqual(refusals, [15, 30, 60, 120, 150, 150], "fewer than ten a minute, from five tabs too");
});
