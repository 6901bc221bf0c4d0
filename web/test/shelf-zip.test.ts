// A folder as one zip file: what a program of its own unpacks from it, its size said before, and nothing where something is missing.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Item } from "../src/protocol/messages.ts";
import { MemorySinks, Room } from "../src/session/sinks/memory.ts";
import { type Saved, type Sink, SinkFailed, type Sinks } from "../src/session/sinks/port.ts";
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
  const sinks = new ZipSinks("Album", new MemorySinks(10_000, room), false);
  assert.equal(sinks.refused(items).size, 0);
  const finished: Promise<Saved>[] = [];
  for (const [index, item] of items.entries()) {
    const sink = await sinks.open(item, index);
    const whole = content[item.name] ?? new Uint8Array();
    if (whole.length > 0) await sink.write([whole.slice(0, 3), whole.slice(3)]);
    finished.push(sink.finish());
  }
  const saved = await Promise.all(finished);
  assert.deepEqual(saved.map(({ blob }) => blob !== null), items.map((item) => item === items.at(-1)));
  const { name, blob: last } = saved.at(-1)!;
  assert.equal(name, "Album.zip");
  assert.equal(last?.size, room.held);
  const path = join(mkdtempSync(join(tmpdir(), "zip-")), "a.zip");
  writeFileSync(path, new Uint8Array(await last!.arrayBuffer()));
  const found = JSON.parse(execFileSync("python3", ["-c", UNPACK, path], { encoding: "utf8" })) as Record<string, string>;
  const hex = (text: string): string => Buffer.from(text).toString("hex");
  assert.deepEqual(found, { "Album/a.jpg": hex("picture"), "Album/Day 2/ö.txt": "", "Album/A (2).jpg": hex("another"), "Album/x_": hex("odd"), "Album/empty/": "" });
  assert.ok(readFileSync(path).length > 0);
});

test("no two files of a folder unpack over each other, wherever, and whichever comes first", async () => {
  const names = ["a:b", "a_b", "X.TXT", "x.txt", "e\u0301", "é", "a.", "a", "B/x", "b/x", "B", "CON", "aux.txt", "v1.0/straße", "v1.0/STRASSE"];
  const items: readonly Item[] = names.map((name) => ({ name: `f/${name}`, size: utf8(name).length }));
  const room = new Room(() => undefined);
  const sinks = new ZipSinks("f", new MemorySinks(10_000, room), true);
  sinks.refused(items);
  let saved: Saved | null = null;
  for (const index of [...items.keys()].reverse()) {
    const sink = await sinks.open(items[index]!, index);
    await sink.write([utf8(names[index]!)]);
    saved = await sink.finish();
  }
  const unpacked = await found(saved!.blob!);
  assert.deepEqual(Object.values(unpacked).sort(), names.map((name) => Buffer.from(name).toString("hex")).sort());
  const members = Object.keys(unpacked);
  assert.equal(new Set(members.map((name) => name.normalize("NFC").toLowerCase())).size, names.length);
  for (const wanted of ["f/_CON", "f/_aux.txt", "f/B/x", "f/b (2)/x", "f/B (3)", "f/v1.0/STRASSE (2)"]) assert.ok(members.includes(wanted), wanted);
});

test("more than four gibibytes are said in the large form, to the byte", async () => {
  const sizes: number[] = [];
  const counting = { refused: (items: readonly Item[]) => (sizes.push(items[0]?.size ?? 0), new Map()), forget: () => undefined, open: async () => sink };
  let written = 0;
  const sink = { write: async (parts: readonly Uint8Array[]) => void parts.forEach((part) => (written += part.length)), finish: async () => ({ name: "", blob: null }), discard: async () => undefined };
  const sinks = new ZipSinks("Big", counting, true);
  const items = [{ name: "Big/film", size: 5 * 2 ** 30 }, { name: "Big/note", size: 3 }];
  sinks.refused(items);
  for (const [index, item] of items.entries()) {
    const entry = await sinks.open(item, index);
    await entry.write([new Uint8Array(3)]);
    await entry.finish();
  }
  assert.equal(sizes[0], written - 6 + 5 * 2 ** 30 + 3);
});

test("where a size was promised and an item does not come, nothing is kept and the room is free again", async () => {
  const room = new Room(() => undefined);
  const sinks = new ZipSinks("Album", new MemorySinks(10_000, room), true);
  sinks.refused([{ name: "Album/a", size: 3 }, { name: "Album/b", size: 3 }, { name: "Album/c", size: 3 }]);
  const first = await sinks.open({ name: "Album/a", size: 3 }, 0);
  await first.write([utf8("abc")]);
  await first.finish();
  const second = await sinks.open({ name: "Album/b", size: 3 }, 1);
  const third = sinks.open({ name: "Album/c", size: 3 }, 2);
  await second.discard();
  await assert.rejects(third, SinkFailed);
  assert.equal(room.held, 0);
});

test("a folder that is too large is refused before a byte of it comes", () => {
  const sinks = new ZipSinks("Album", new MemorySinks(100, new Room(() => undefined)), false);
  assert.equal(sinks.refused([{ name: "Album/a", size: 90 }, { name: "Album/b", size: 1 }]).size, 2);
});

async function found(blob: Blob): Promise<Record<string, string>> {
  const path = join(mkdtempSync(join(tmpdir(), "zip-")), "a.zip");
  writeFileSync(path, new Uint8Array(await blob.arrayBuffer()));
  return JSON.parse(execFileSync("python3", ["-c", UNPACK, path], { encoding: "utf8" })) as Record<string, string>;
}

const ITEMS: readonly Item[] = ["a", "b", "c", "d"].map((name) => ({ name: `Album/${name}`, size: 6 }));

/** Items whose number is in `broken` stop in the middle, those in `missing` never begin; the rest is whole. */
async function zipped(room: Room, broken: readonly number[], missing: readonly number[]): Promise<readonly (Saved | Error)[]> {
  const sinks = new ZipSinks("Album", new MemorySinks(10_000, room), false);
  sinks.refused(ITEMS);
  const finished: Promise<Saved | Error>[] = [];
  for (const [index, item] of ITEMS.entries()) {
    if (missing.includes(index)) {
      sinks.forget(index);
      continue;
    }
    const sink = await sinks.open(item, index);
    await sink.write([utf8("abc")]);
    if (broken.includes(index)) {
      void sink.write([utf8("d")]); // under way
      await sink.discard();
      sinks.forget(index);
      continue;
    }
    await sink.write([utf8("def")]);
    finished.push(sink.finish().catch((problem: unknown) => problem as Error));
  }
  return Promise.all(finished);
}

test("what does not come whole is left out wherever it stands, and all else is whole", async () => {
  const whole = Buffer.from("abcdef").toString("hex");
  const cases: readonly (readonly [broken: readonly number[], missing: readonly number[], left: string])[] = [
    [[1], [], "acd"], [[], [2], "abd"], [[0], [], "bcd"], [[3], [], "abc"], [[], [3], "abc"], [[1, 2, 3], [], "a"], [[0], [1, 2], "d"], [[3], [2], "ab"],
  ];
  for (const [broken, missing, left] of cases) {
    const room = new Room(() => undefined);
    const saved = await zipped(room, broken, missing);
    const blobs = saved.flatMap((each) => (each instanceof Error || each.blob === null ? [] : [each.blob]));
    assert.equal(blobs.length, 1, "it is handed over once, with the last that came");
    assert.deepEqual(await found(blobs[0]!), Object.fromEntries([...left].map((name) => [`Album/${name}`, whole])));
    assert.equal(room.held, blobs[0]!.size, "no room is held for what did not come");
  }
});

test("a zip with nothing in it is none, and one that is not wanted any more leaves nothing", async () => {
  const room = new Room(() => undefined);
  assert.deepEqual(await zipped(room, [0, 1], [2, 3]), []);
  assert.equal(room.held, 0);
  const sinks = new ZipSinks("Album", new MemorySinks(10_000, room), false);
  sinks.refused(ITEMS);
  const sink = await sinks.open(ITEMS[0]!, 0);
  await sink.write([utf8("abcdef")]);
  const saved = sink.finish();
  sinks.drop();
  await assert.rejects(saved, SinkFailed);
  assert.equal(room.held, 0);
});

/** Where the one file goes: the write of this number fails after its first byte, as a full disk does it. */
function failingAt(write: number): Sinks & { readonly bytes: number[]; readonly ends: string[] } {
  const bytes: number[] = [];
  const ends: string[] = [];
  let writes = 0;
  const sink: Sink = {
    write: async (parts) => {
      const all = parts.flatMap((part) => [...part]);
      writes += 1;
      bytes.push(...(writes === write ? all.slice(0, 1) : all));
      if (writes === write) throw new SinkFailed("no_space");
    },
    finish: async () => (ends.push("kept"), { name: "Album.zip", blob: null }),
    discard: async () => void ends.push("discarded"),
  };
  return { refused: () => new Map(), forget: () => undefined, open: async () => sink, bytes, ends };
}

/** Asked for all at once, as small items are; what fails while it is written is discarded and forgotten. */
async function oneByOne(sinks: ZipSinks): Promise<readonly (Saved | Error)[]> {
  sinks.refused(ITEMS);
  const asError = (problem: unknown): Error => problem as Error;
  const taken = ITEMS.map(async (item, index): Promise<Promise<Saved | Error>> => {
    const opened = sinks.open(item, index);
    try {
      const sink = await opened;
      await sink.write([utf8("abc"), utf8("def")]);
      return sink.finish().catch(asError);
    } catch (problem) {
      void opened.then((sink) => sink.discard(), () => undefined);
      sinks.forget(index);
      return Promise.resolve(asError(problem));
    }
  });
  return Promise.all(taken);
}

test("after a write that failed, wherever in the zip, nobody waits for ever and nothing of it is kept", { timeout: 60_000 }, async () => {
  const writes = 3 * ITEMS.length + ITEMS.length + 1; // header, content, sums; the list and its end
  for (const isExact of [false, true]) {
    for (let write = 1; write <= writes; write += 1) {
      const inner = failingAt(write);
      const saved = await oneByOne(new ZipSinks("Album", inner, isExact));
      const told = saved.filter((each) => each instanceof SinkFailed);
      assert.ok(told.length > 0 && told.every(({ reason }) => reason === "no_space"), `write ${write}`);
      assert.deepEqual(inner.ends, ["discarded"], `write ${write}`);
    }
    const sound = failingAt(writes + 1);
    assert.ok((await oneByOne(new ZipSinks("Album", sound, isExact))).every((each) => !(each instanceof Error)), "control");
    assert.deepEqual(sound.ends, ["kept"]);
  }
});

test("an empty folder that ends after the zip was given up hears so", { timeout: 60_000 }, async () => {
  const sinks = new ZipSinks("Album", new MemorySinks(10_000, new Room(() => undefined)), false);
  sinks.refused([{ name: "Album/empty", size: 0, kind: "folder" }, ...ITEMS]);
  const sink = await sinks.open({ name: "Album/empty", size: 0, kind: "folder" }, 0);
  sinks.drop();
  await assert.rejects(sink.finish(), SinkFailed);
  await assert.rejects(sinks.open(ITEMS[0]!, 1), SinkFailed);
});
