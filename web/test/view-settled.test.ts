import assert from "node:assert/strict";
import { test } from "node:test";
import { SETTLED_MS, Settled } from "../src/view/settled.ts";

test("what moves up beneath a finger waits for a moment, what stays where it was does not", () => {
  const settled = new Settled();
  settled.see(["one", "two", "three"], 0);
  assert.equal(settled.has("one", SETTLED_MS - 1), false, "nobody has read it yet");
  assert.equal(settled.has("one", SETTLED_MS), true);
  settled.see(["one", "three"], 5_000); // "two" was withdrawn
  assert.equal(settled.has("one", 5_000), true);
  assert.equal(settled.has("three", 5_000), false);
  assert.equal(settled.has("three", 5_000 + SETTLED_MS), true);
  assert.equal(settled.has("two", 9_000), false);
});

test("questions that come behind hold up nobody", () => {
  const settled = new Settled();
  settled.see(["one"], 0);
  for (let at = 0; at < 2_000; at += 100) settled.see(["one", `flood ${at}`], at);
  assert.equal(settled.has("one", 2_000), true);
});
