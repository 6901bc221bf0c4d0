// Names another device chose, and the room that Blobs have.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { holdingLimit } from "../src/session/sinks/limits.ts";
import { MemorySinks, Room, tooLarge } from "../src/session/sinks/memory.ts";
import { numbered, savedName, savedPath } from "../src/session/sinks/names.ts";
import { SinkFailed } from "../src/session/sinks/port.ts";

test("no name leaves its folder, hides a character or takes a system's own", () => {
  const hostile = [
    "../../etc/passwd", "..", ".", "", "/", "a/../../b", "C:\\Windows\\x", "con", "CON.txt", "nul.", "  x  ", "...", "a\u0000b", "a\nb",
    "gpj.\u202eexe", "a\u200bb", "\u200d", "\u200c.\u200d", "x".repeat(4_000), "ä".repeat(300) + ".jpg", "<img src=x onerror=alert(1)>", "a:b", "-rf", "~", "🙂".repeat(200), ".bashrc",
  ];
  const vectors: unknown = JSON.parse(readFileSync(new URL("../../tests/vectors/names.json", import.meta.url), "utf8"));
  const known = JSON.stringify(vectors).match(/"(?:[^"\\]|\\.)*"/g)?.map((text) => String(JSON.parse(text))) ?? [];
  assert.ok(known.length > 100);
  for (const name of [...hostile, ...known]) {
    const path = savedPath(name);
    assert.ok(path.length >= 1 && path.length <= 33, name);
    for (const part of path) {
      assert.doesNotMatch(part, /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\u200b\u200e\u200f"*/:<>?\\|]/u, name);
      assert.ok(part !== "" && !/^[.\s\u200c\u200d]|[.\s\u200c\u200d]$/u.test(part), `${JSON.stringify(name)} became ${JSON.stringify(part)}`);
      assert.doesNotMatch(part, /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)/i);
      assert.ok(new TextEncoder().encode(part).length <= 201, name);
    }
  }
});

test("ordinary names stay as they are, and numbers go before the extension", () => {
  for (const name of ["IMG_0001.HEIC", "Übung 3.pdf", "archive.tar.gz", "عكس.jpg", "می\u200cخواهم.pdf", "👨\u200d👩\u200d👧.png", "no extension"]) assert.equal(savedName(name), name);
  assert.deepEqual(savedPath("Trip/Day 1/a.jpg"), ["Trip", "Day 1", "a.jpg"]);
  assert.equal(numbered("photo.jpg", 2), "photo (2).jpg");
  assert.equal(numbered("README", 3), "README (3)");
});

test("of an endless name the beginning and the end are looked at, since composing its marks would take long", (t) => {
  const normalize = t.mock.method(String.prototype, "normalize");
  const name = savedName(`holiday_${"\u0316\u0301".repeat(2_000)}.jpg`);
  assert.match(name, /^holiday_.*\.jpg$/u);
  const lengths = normalize.mock.calls.map(({ this: text }) => String(text).length);
  assert.ok(lengths.length > 0 && Math.max(...lengths) <= 1_024, String(lengths));
});

test("what fits is taken in order, and the rest is named with what it needs", () => {
  const sizes = [60, 50, 40].map((size) => ({ size }));
  assert.deepEqual([...tooLarge(sizes, 100, 0)], [[1, { needed: 50, free: 40 }]]);
  assert.deepEqual([...tooLarge(sizes, 100, 60)], [[0, { needed: 60, free: 40 }], [1, { needed: 50, free: 40 }], [2, { needed: 40, free: 40 }]].slice(0, 2));
  assert.equal(tooLarge(sizes, 1_000, 0).size, 0);
});

test("each kind of browser has a limit, and an iPhone's is the smallest", () => {
  const of = (isApple: boolean, isAndroid: boolean, isPrivate: boolean): number => holdingLimit({ isApple, isAndroid, isPrivate }).bytes;
  assert.ok(of(true, false, false) < of(false, false, true));
  assert.ok(of(false, false, true) < of(false, true, false));
  assert.ok(of(false, true, false) < of(false, false, false));
});

test("a Blob that the browser could not keep fails the item instead of losing it", async (context) => {
  const sinks = new MemorySinks(100, new Room(() => undefined));
  const sink = await sinks.open({ name: "a", size: 4 }, 0);
  await sink.write([new Uint8Array([1, 2, 3, 4])]);
  context.mock.method(Blob.prototype, "arrayBuffer", () => Promise.reject(new DOMException("", "NotReadableError")));
  await assert.rejects(sink.write([new Uint8Array([5])]), (error) => error instanceof SinkFailed && error.reason === "no_space");
  await assert.rejects(sink.finish(), (error) => error instanceof SinkFailed && error.reason === "no_space");
});
