// What becomes of dropped trees, pasted pictures, notes, and what a receipt says.
import assert from "node:assert/strict";
import { test } from "node:test";
import { gather, troubleOf } from "../src/view/drop-folder.ts";
import { named, stamp } from "../src/view/paste.ts";
import { isPlaceBlanked, lossSentences, turnedToJpeg } from "../src/view/receipt-list-loss.ts";
import { firstLink, isTooLong, linkOf, noteFile } from "../src/view/text-note.ts";

const AT = new Date(2026, 10, 22, 20, 31, 5);

// --- trees

interface Made {
  readonly path: string;
  readonly children?: readonly (Made | "unreadable")[];
}

function entry({ path, children }: Made): FileSystemEntry {
  const facts = { fullPath: `/${path}`, name: path.slice(path.lastIndexOf("/") + 1), isFile: children === undefined, isDirectory: children !== undefined };
  if (children === undefined) return { ...facts, file: (take: (file: File) => void) => take(new File(["x"], facts.name)) } as unknown as FileSystemEntry;
  const all = children.map((child) => (child === "unreadable" ? unreadable(`${path}/link`) : entry(child)));
  const createReader = (): unknown => {
    let at = 0;
    return { readEntries: (take: (batch: readonly FileSystemEntry[]) => void) => take(all.slice(at, (at += 100))) };
  };
  return { ...facts, createReader } as unknown as FileSystemEntry;
}

function unreadable(path: string): FileSystemEntry {
  return { fullPath: `/${path}`, isFile: true, isDirectory: false, file: (_: unknown, fail: (error: Error) => void) => fail(new Error("no")) } as unknown as FileSystemEntry;
}

test("a tree keeps its order and its empty folders, and what cannot be read is counted", async () => {
  const found = await gather([entry({
    path: "trip",
    children: [{ path: "trip/a.jpg" }, { path: "trip/empty", children: [] }, "unreadable", { path: "trip/in", children: [{ path: "trip/in/b.jpg" }] }],
  })]);
  assert.deepEqual(found.picked.map(({ path, kind }) => [path, kind]), [["trip/a.jpg", undefined], ["trip/empty", "folder"], ["trip/in/b.jpg", undefined]]);
  assert.equal(found.unread, 1);
  assert.match(troubleOf(found)?.title ?? "", /^1 entry stays behind/);
  assert.equal(troubleOf({ ...found, unread: 0 }), null);
});

test("a folder of more than a reader's hundred is read whole, and of too many nothing is taken", async () => {
  const children = (count: number): Made[] => Array.from({ length: count }, (_, n) => ({ path: `d/${n}` }));
  assert.equal((await gather([entry({ path: "d", children: children(2_501) })])).picked.length, 2_501);
  const more = await gather([entry({ path: "d", children: children(100_001) })]);
  assert.deepEqual([more.picked.length, more.isTooMany], [0, true]);
  assert.match(troubleOf(more)?.text ?? "", /Nothing was sent/);
});

// --- names

test("what a browser calls image.png gets a name that tells it apart, and a name of its own stays", () => {
  assert.equal(stamp(AT), "2026-11-22 at 20.31.05");
  assert.equal(named({ name: "image.png", type: "image/png" }, "Pasted picture", AT), "Pasted picture 2026-11-22 at 20.31.05.png");
  assert.equal(named({ name: "", type: "image/jpeg" }, "Pasted picture", AT, 1), "Pasted picture 2026-11-22 at 20.31.05 2.jpg");
  assert.equal(named({ name: "beach.png", type: "image/png" }, "Pasted picture", AT), "beach.png");
  assert.equal(named({ name: "1699999999.jpg", type: "image/jpeg" }, "Photo", AT, 0, true), "Photo 2026-11-22 at 20.31.05.jpg");
});

// --- notes

test("a link gets a title line, a note stays as it was written, and blanks are nothing", async () => {
  const link = noteFile("  https://www.example.org/a?b#c \r\n", AT);
  assert.equal(link?.path, "Link example.org 2026-11-22 at 20.31.05.txt");
  assert.equal(await link?.file.text(), "example.org\nhttps://www.example.org/a?b#c\n");
  assert.equal(link?.kind, "text");
  const titled = noteFile("Our hotel\nhttps://example.org/", AT);
  assert.equal(await titled?.file.text(), "Our hotel\nhttps://example.org/\n");
  const note = noteFile("Milk\r\nhttps://example.org/ is where\nBread", AT);
  assert.equal(note?.path, "Note 2026-11-22 at 20.31.05.txt");
  assert.equal(await note?.file.text(), "Milk\nhttps://example.org/ is where\nBread\n");
  assert.equal(noteFile(" \n ", AT), null);
});

test("only http and https are links, whatever a note says", () => {
  for (const text of ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "example.org", "https://", "https:///x"]) {
    assert.equal(linkOf(text), null, text);
    assert.equal(firstLink(text), null, text);
  }
  assert.equal(firstLink('see <a href="https://example.org/x">'), "https://example.org/x");
  assert.equal(isTooLong("ü".repeat(40_000)), true);
  assert.equal(isTooLong("u".repeat(60_000)), false);
});

// --- what was lost

const jpeg = (name: string): Pick<File, "name" | "type"> => ({ name, type: "image/jpeg" });

test("photos that an iPhone may have turned into JPEG are said once, and never where one came as HEIC", () => {
  const files = [jpeg("IMG_2041.jpeg"), jpeg("IMG_2042.JPG"), jpeg("scan.jpg")];
  assert.equal(turnedToJpeg(files, true), 2);
  assert.equal(turnedToJpeg(files, false), 0);
  assert.equal(turnedToJpeg([...files, { name: "IMG_1.HEIC", type: "image/heic" }], true), 0);
  assert.deepEqual(lossSentences({ jpegs: 0, blanked: 0, looked: 50 }), []);
  assert.match(lossSentences({ jpegs: 214, blanked: 0, looked: 0 })[0] ?? "", /^214 photos came as JPEG/);
  assert.match(lossSentences({ jpegs: 0, blanked: 3, looked: 5 })[0] ?? "", /out of 3 of 5 photos looked at/);
});

/** A JPEG's beginning with a latitude of these bytes. */
function photo(latitude: readonly number[] | null, little: boolean): Uint8Array {
  const bytes = new Uint8Array(200);
  const view = new DataView(bytes.buffer);
  const tiff = 12;
  view.setUint32(0, 0xffd8ffe1);
  view.setUint16(4, 190);
  view.setUint32(6, 0x45786966);
  view.setUint16(tiff, little ? 0x4949 : 0x4d4d);
  view.setUint32(tiff + 4, 8, little);
  view.setUint16(tiff + 8, 1, little);
  view.setUint16(tiff + 10, latitude === null ? 0x0112 : 0x8825, little);
  view.setUint32(tiff + 18, 40, little);
  view.setUint16(tiff + 40, 1, little);
  view.setUint16(tiff + 42, 2, little);
  view.setUint32(tiff + 50, 80, little);
  bytes.set(latitude ?? [], tiff + 80);
  return bytes;
}

test("a place that was blanked out is seen; one that is there, or never was, is not", () => {
  for (const little of [true, false]) {
    assert.equal(isPlaceBlanked(photo(new Array<number>(24).fill(0), little)), true);
    assert.equal(isPlaceBlanked(photo([0, 0, 0, 48, 0, 0, 0, 1], little)), false);
    assert.equal(isPlaceBlanked(photo(null, little)), false);
  }
});

test("no file, however broken, stops the looking", () => {
  for (let length = 0; length < 200; length += 1) isPlaceBlanked(photo([], true).subarray(0, length));
  for (let seed = 1; seed < 300; seed += 1) {
    const bytes = photo([], seed % 2 === 0);
    for (let n = 0; n < 20; n += 1) bytes[(seed * 7919 + n * 104_729) % 200] = (seed * 31 + n * 17) % 256;
    isPlaceBlanked(bytes);
  }
});
