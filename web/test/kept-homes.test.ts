// Computers that one browser knows at one meeting point: one is in use, the others are kept, and none is lost silently.
import assert from "node:assert/strict";
import { test } from "node:test";
import { HOMES_MAX } from "../src/view/kept-homes.ts";
import { Keyring } from "../src/view/keyring.ts";

const CODES = Array.from({ length: 12 }, (_, number) => `#1${String.fromCharCode(65 + number).repeat(21)}A`);
const key = (number: number): Uint8Array => new Uint8Array(32).fill(number + 1);

function stored(): Map<string, string> {
  const kept = new Map<string, string>();
  const storage = {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => void kept.set(name, value),
    removeItem: (name: string) => void kept.delete(name),
  };
  for (const name of ["localStorage", "sessionStorage"]) Object.defineProperty(globalThis, name, { value: storage, configurable: true });
  return kept;
}

function at(hash: string): void {
  Object.assign(globalThis, { location: { hash, pathname: "/p", search: "" }, history: { state: null, replaceState: () => at("") } });
}

/** A page load that is let in by a code. */
function scan(number: number): Keyring {
  at(CODES[number] ?? "");
  const keyring = new Keyring("key", true);
  keyring.keepKey(key(number));
  keyring.keepComputer(`PC ${number}`); // however early it is told
  keyring.ticketRedeemed(key(number));
  keyring.keepComputer(`PC ${number}`);
  return keyring;
}

const names = ({ others }: Keyring): readonly (string | null)[] => others.map(({ computer }) => computer);

test("a second computer is added, the first is kept under its name, and either is used again without a code", () => {
  stored();
  scan(0);
  const second = scan(1);
  assert.deepEqual([second.key, second.computer, names(second)], [key(1), "PC 1", ["PC 0"]]);
  const [first] = second.others;
  assert.ok(first);
  second.use(first);
  const again = new Keyring("key", true);
  assert.deepEqual([again.key, again.computer, names(again)], [key(0), "PC 0", ["PC 1"]]);
  at(CODES[0] ?? "");
  assert.equal(again.isUsedCode, true, "its code is still known as used");
  at(CODES[1] ?? "");
  assert.equal(again.otherOfCode?.computer, "PC 1", "an old code leads to the computer that it was of");
  at(CODES[2] ?? "");
  assert.equal(again.otherOfCode, null);
});

test("eight are known, the last used first; the one that was not used for the longest time gives way to a ninth", () => {
  stored();
  for (let number = 0; number < HOMES_MAX; number += 1) scan(number);
  const eight = scan(HOMES_MAX - 1);
  assert.deepEqual(names(eight), ["PC 6", "PC 5", "PC 4", "PC 3", "PC 2", "PC 1", "PC 0"]);
  const nine = scan(HOMES_MAX);
  assert.deepEqual([nine.computer, names(nine)[0], names(nine).at(-1), names(nine).length], ["PC 8", "PC 7", "PC 1", HOMES_MAX - 1]);
});

test("a computer that is forgotten is gone with its key, and the others stay", () => {
  const kept = stored();
  scan(0);
  scan(1);
  const keyring = scan(2);
  const gone = keyring.others[1];
  assert.ok(gone);
  keyring.forget(gone);
  assert.deepEqual([names(keyring), keyring.key], [["PC 1"], key(2)]);
  assert.ok(![...kept.values()].some((value) => value.includes(gone.key)));
});

test("a page that is open goes on with its own computer when another tab takes another", () => {
  stored();
  scan(0);
  const here = scan(1);
  const there = new Keyring("key", true);
  const [first] = there.others;
  assert.ok(first);
  there.use(first);
  here.keepComputer("Attic");
  assert.deepEqual([there.key, there.computer, names(there)], [key(0), "PC 0", ["Attic"]], "a new name is the right one's");
  here.dropKey();
  assert.deepEqual([there.key, names(there)], [key(0), []], "and so is an end");
});

test("an end leaves the others, and a damaged list is an empty one", () => {
  const kept = stored();
  scan(0);
  const keyring = scan(1);
  keyring.dropKey();
  assert.deepEqual([keyring.hasComputer, names(keyring)], [false, ["PC 0"]]);
  for (const damaged of ["{", "{}", '[{"key":"short","code":null,"computer":null,"usedMs":1}]', "[null]"]) {
    kept.set("qrshared/1 homes", damaged);
    assert.deepEqual(names(keyring), []);
  }
  assert.deepEqual(new Keyring("key").others, [], "at home an address is one computer's");
});
