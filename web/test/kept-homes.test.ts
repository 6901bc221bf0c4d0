// Computers that one browser knows at one meeting point: one is in use, the others are kept, and none is lost silently.
import assert from "node:assert/strict";
import { test } from "node:test";
import { HOMES_MAX, type KeptHome } from "../src/view/kept-homes.ts";
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

/** A page load that is let in by a code, and is told the computer's name before that, or after. */
function scan(number: number, told: "before" | "after" = "after"): Keyring {
  at(CODES[number] ?? "");
  const keyring = new Keyring("key", true);
  keyring.keepKey(key(number));
  if (told === "before") keyring.keepComputer(`PC ${number}`);
  keyring.ticketRedeemed(key(number));
  if (told === "after") keyring.keepComputer(`PC ${number}`);
  return keyring;
}

/** A page load without a code, as far as it opens a link. */
function reload(): Keyring {
  const keyring = new Keyring("key", true);
  assert.notEqual(keyring.key, undefined);
  return keyring;
}

function other(keyring: Keyring, computer: string): KeptHome {
  const found = keyring.others.find((home) => home.computer === computer);
  assert.ok(found, computer);
  return found;
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

test("a name that is told before its key is let in is kept, and is nobody else's", () => {
  stored();
  assert.equal(scan(0, "before").computer, "PC 0");
  const second = scan(1, "before");
  assert.deepEqual([second.computer, names(second)], ["PC 1", ["PC 0"]]);
  at(CODES[2] ?? "");
  const never = new Keyring("key", true);
  never.keepKey(key(2));
  never.keepComputer("PC 2"); // and is not let in
  assert.deepEqual(names(never), ["PC 1", "PC 0"], "nothing is laid aside for it");
  never.dropCode();
  assert.deepEqual([reload().computer, names(reload())], ["PC 1", ["PC 0"]]);
});

test("eight are still eight after any of them was used", () => {
  stored();
  for (let number = 0; number < HOMES_MAX; number += 1) scan(number);
  for (const wanted of ["PC 6", "PC 0", "PC 3"]) {
    reload().use(other(reload(), wanted));
    const all = [reload().computer, ...names(reload())];
    assert.deepEqual([all[0], all.length, new Set(all).size], [wanted, HOMES_MAX, HOMES_MAX]);
  }
});

test("in a tab whose computer was left in another tab, the others are that tab's, and a choice there loses none", () => {
  stored();
  for (const number of [0, 1, 2]) scan(number);
  const here = reload();
  const there = reload();
  there.use(other(there, "PC 0"));
  assert.deepEqual([names(here), names(reload())], [["PC 0", "PC 1"], ["PC 2", "PC 1"]]);
  here.use(other(here, "PC 0")); // which the next load takes anyway
  assert.deepEqual([reload().key, names(reload())], [key(0), ["PC 2", "PC 1"]]);
  here.use(other(here, "PC 1"));
  assert.deepEqual([reload().key, [...names(reload())].sort(), names(here)], [key(1), ["PC 0", "PC 2"], ["PC 1", "PC 0"]]);
  here.forget(other(here, "PC 1"));
  assert.deepEqual([reload().key, reload().computer, names(reload())], [key(2), "PC 2", ["PC 0"]], "its own is the one that is left");
});

test("a tab that is merely linked again leaves the choice of another tab alone", () => {
  stored();
  scan(0);
  const here = scan(1);
  reload().use(other(reload(), "PC 0"));
  here.ticketRedeemed(key(1));
  assert.deepEqual([reload().key, reload().computer, names(reload())], [key(0), "PC 0", ["PC 1"]]);
});

test("a code is asked about while any computer is known, and an old one of a known computer leads to its key", () => {
  stored();
  scan(0);
  scan(1).dropKey(); // its access has ended
  at(CODES[2] ?? "");
  assert.deepEqual([reload().isForeignCode, reload().otherOfCode], [true, null]);
  at(CODES[0] ?? "");
  const again = new Keyring("key", true);
  assert.deepEqual([again.isForeignCode, again.hasComputer, again.keptComputer], [true, false, null], "the one that has ended is not spoken of");
  again.use(again.otherOfCode ?? other(again, "PC 0"));
  again.dropCode();
  assert.deepEqual([again.key, again.computer, names(again)], [key(0), "PC 0", []]);
  stored();
  at(CODES[0] ?? "");
  assert.equal(new Keyring("key", true).isForeignCode, false, "control: nobody is known");
});
