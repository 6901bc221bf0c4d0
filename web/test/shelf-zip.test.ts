// A folder as one zip file: what a program of its own unpacks from it, its size said before, and nothing where something is missing.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Item } from "../src/protocol/messages.ts";
import { MemorySinks, Room } from "../src/session/sinks/memory.ts";
import { SinkFailed } from "../src/session/sinks/port.ts";
import { ZipSinks } from "../src/session/sinks/zip.ts";

const UNPACK = `
import sys, zipfile, json
with zipfile.ZipFile(sys.argv[1]) as zip:
    assert zip.testzip() is None
    print(json.dumps({one.filename: zip.read(one).hex() for one in zip.infolist()}))
`;

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

test("another program finds the tree, names and all, and the size was said exactly", async () => {
  const content: Record<string, Uint8Array> = { "Album/a.jpg": utf8("picture"), "Album/Day 2/ö.txt": utf8(""), "Album/A.jpg": utf8("another"), "Album/../x\u202e": utf8("odd") };
  const items: Item[] = [...Object.entries(content).map(([name, { length: size }]) => ({ name, size, modified_ms: 1_700_000_000_000 })), { name: "Album/empty", size: 0, kind: "folder" }];
  const room = new Room(() => undefined);
  const sinks = new ZipSinks("Album", new MemorySinks(10_000, room));
  assert.equal(sinks.refused(items).size, 0);
  let last: Blob | null = null;
  for (const item of items) {
    const sink = await sinks.open(item);
    const whole = content[item.name] ?? new Uint8Array();
    if (whole.length > 0) await sink.write([whole.slice(0, 3), whole.slice(3)]);
    const saved = await sink.finish();
    last = saved.blob;
    assert.equal(saved.blob === null, item !== items.at(-1));
    if (saved.blob !== null) assert.equal(saved.name, "Album.zip");
  }
  assert.equal(last?.size, room.held);
  const path = join(mkdtempSync(join(tmpdir(), "zip-")), "a.zip");
  writeFileSync(path, new Uint8Array(await last!.arrayBuffer()));
  const found = JSON.parse(execFileSync("python3", ["-c", UNPACK, path], { encoding: "utf8" })) as Record<string, string>;
  const hex = (text: string): string => Buffer.from(text).toString("hex");
  assert.deepEqual(found, { "Album/a.jpg": hex("picture"), "Album/Day 2/ö.txt": "", "Album/A (2).jpg": hex("another"), "Album/x_": hex("odd"), "Album/empty/": "" });
  assert.ok(readFileSync(path).length > 0);
});

test("more than four gibibytes are said in the large form, to the byte", async () => {
  const sizes: number[] = [];
  const counting = { refused: (items: readonly Item[]) => (sizes.push(items[0]?.size ?? 0), new Map()), forget: () => undefined, open: async () => sink };
  let written = 0;
  const sink = { write: async (parts: readonly Uint8Array[]) => void parts.forEach((part) => (written += part.length)), finish: async () => ({ name: "", blob: null }), discard: async () => undefined };
  const sinks = new ZipSinks("Big", counting);
  const items = [{ name: "Big/film", size: 5 * 2 ** 30 }, { name: "Big/note", size: 3 }];
  sinks.refused(items);
  for (const item of items) {
    const entry = await sinks.open(item);
    await entry.write([new Uint8Array(3)]);
    await entry.finish();
  }
  assert.equal(sizes[0], written - 6 + 5 * 2 ** 30 + 3);
});

test("where an item does not come, nothing is kept and the room is free again", async () => {
  const room = new Room(() => undefined);
  const sinks = new ZipSinks("Album", new MemorySinks(10_000, room));
  sinks.refused([{ name: "Album/a", size: 3 }, { name: "Album/b", size: 3 }, { name: "Album/c", size: 3 }]);
  const first = await sinks.open({ name: "Album/a", size: 3 });
  await first.write([utf8("abc")]);
  await first.finish();
  const second = await sinks.open({ name: "Album/b", size: 3 });
  const third = sinks.open({ name: "Album/c", size: 3 });
  await second.discard();
  await assert.rejects(third, SinkFailed);
  assert.equal(room.held, 0);
});

test("a folder that is too large is refused before a byte of it comes", () => {
  const sinks = new ZipSinks("Album", new MemorySinks(100, new Room(() => undefined)));
  assert.equal(sinks.refused([{ name: "Album/a", size: 90 }, { name: "Album/b", size: 1 }]).size, 2);
});
