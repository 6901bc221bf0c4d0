// Which way is dialled, when home is looked for, and when the relay is asked about: rules, with no link and no clock.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Credentials } from "../src/session/credentials.ts";
import { RelayAsk } from "../src/session/relay-ask.ts";
import { LOOK_EVERY_S, Roads, lookIn } from "../src/session/roads.ts";

const AWAY = { edge: "https://edge.example", relay_ask_bytes: 100, secret: new Uint8Array(16).fill(9) };
const TICKET = new Uint8Array(16).fill(1);
const KEY = new Uint8Array(32).fill(3);

test("a home's page dials home, and goes elsewhere only when home is out of reach and the computer has said how", () => {
  const roads = new Roads(null);
  assert.deepEqual(roads.next(), { by: "home", hasOther: false });
  assert.equal(roads.failed("home"), false, "nothing else is known");
  roads.told(AWAY);
  roads.opened();
  assert.deepEqual(roads.next(), { by: "home", hasOther: true });
  assert.equal(roads.failed("home"), true);
  assert.deepEqual(roads.next(), { by: "away", edge: AWAY.edge, secret: AWAY.secret });
  assert.equal(roads.failed("away"), false, "both were tried: a pause, then home again");
  assert.equal(roads.next().by, "home");
});

test("after a session on any road home is tried first", () => {
  const roads = new Roads(null);
  roads.told(AWAY);
  roads.failed("home");
  assert.equal(roads.next().by, "away");
  roads.opened();
  assert.equal(roads.next().by, "home");
});

test("a link away says no secret and takes none away; the end of access does", () => {
  const roads = new Roads(null);
  roads.told(AWAY);
  roads.told({ edge: "https://other.example", relay_ask_bytes: 1 });
  roads.failed("home");
  assert.deepEqual(roads.next(), { by: "away", edge: AWAY.edge, secret: AWAY.secret });
  roads.forget();
  assert.deepEqual(roads.next(), { by: "home", hasOther: false });
});

test("a meeting point's page has one way, with the credentials' own secret, whatever it is told", () => {
  const roads = new Roads("https://edge.example");
  roads.told(AWAY);
  assert.deepEqual(roads.next(), { by: "away", edge: "https://edge.example", secret: null });
  assert.equal(roads.failed("away"), false);
  assert.deepEqual(roads.next(), { by: "away", edge: "https://edge.example", secret: null });
  assert.equal(roads.doubtsHome, false);
});

test("who answers at the home address is doubted once, and believed when the other way has failed too", () => {
  const roads = new Roads(null);
  assert.equal(roads.doubtsHome, false, "nothing else is known");
  roads.told(AWAY);
  assert.equal(roads.doubtsHome, true);
  roads.failed("away");
  assert.equal(roads.doubtsHome, false);
  roads.opened();
  assert.equal(roads.doubtsHome, true);
});

test("home is looked for soon at first and then every half minute", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5, 90].map(lookIn), [2, 3, 6, 9, LOOK_EVERY_S, LOOK_EVERY_S, LOOK_EVERY_S]);
});

test("much through a relay is asked about once a page load; little, and other roads, never", () => {
  const ask = new RelayAsk();
  ask.on("home", 100);
  ask.has(5_000);
  assert.equal(ask.question, "none");
  ask.on("direct", 100);
  assert.equal(ask.question, "none");
  ask.on("relay", 100);
  assert.equal(ask.question, "asked", "control: in the middle of it, too");
  ask.answered(true);
  assert.equal(ask.question, "none");
  ask.has(9_000);
  ask.on(null, undefined);
  ask.on("relay", 100);
  assert.equal(ask.question, "none", "confirmed for this page load");

  const little = new RelayAsk();
  little.on("relay", 100);
  little.has(100);
  assert.equal(little.question, "none");
  little.has(101);
  assert.equal(little.question, "asked");
});

test("who waits waits through lost links and goes on by itself on another road", () => {
  const ask = new RelayAsk();
  ask.on("relay", 100);
  ask.has(5_000);
  ask.answered(false);
  assert.equal(ask.question, "waits");
  ask.on(null, undefined);
  ask.on("relay", 100);
  assert.equal(ask.question, "waits");
  ask.has(6_000);
  assert.equal(ask.question, "waits", "one more file changes nothing");
  ask.on("home", 100);
  assert.equal(ask.question, "none");
  ask.on("relay", 100);
  assert.equal(ask.question, "asked", "and asks again: waiting was no yes");
  ask.has(0);
  assert.equal(ask.question, "none", "everything was cancelled");
});

test("a code that leads nowhere gives way to the key of an earlier one; without one it is tried again", () => {
  const nowhere = { why: "unreached", fault: "nobody", hasOther: false } as const;
  const known = new Credentials({ ticket: TICKET, key: null, spare: KEY, bare: "watch" });
  assert.deepEqual(known.after(known.next(), nowhere), { do: "again" });
  assert.deepEqual(known.next(), { by: "key", secret: KEY });
  const fresh = new Credentials({ ticket: TICKET, key: null, bare: "watch" });
  assert.deepEqual(fresh.after(fresh.next(), nowhere), { do: "lost", fault: "nobody" });
  assert.deepEqual(fresh.next(), { by: "ticket", secret: TICKET });
});

test("the key of an earlier code is never enrolled with another one", () => {
  const credentials = new Credentials({ ticket: TICKET, key: null, spare: KEY, bare: "watch" });
  assert.equal(credentials.key, null, "a key of its own must be made");
  assert.deepEqual(credentials.after(credentials.next(), { why: "unreached", fault: "no_way", hasOther: false }), { do: "lost", fault: "no_way" });
  assert.equal(credentials.key, null);
});
