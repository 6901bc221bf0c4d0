// Files and folders the person chose, and downloads: free names, trees, what an end in the middle leaves behind.
import assert from "node:assert/strict";
import { test } from "node:test";
import { DownloadSinks, type DownloadStart, type FromDownload, type ToDownload } from "../src/session/sinks/download.ts";
import { FileSinks, FolderSinks } from "../src/session/sinks/files.ts";
import { SinkFailed } from "../src/session/sinks/port.ts";
import { turn } from "./support/manual-clock.ts";

const text = (bytes: readonly Uint8Array[]): string => bytes.map((part) => new TextDecoder().decode(part)).join("");
const bytes = (of: string): Uint8Array => new TextEncoder().encode(of);

/** A folder with the face of the browser's; files appear when they are closed, as there. */
class FolderDouble {
  readonly name: string;
  readonly entries = new Map<string, FolderDouble | string>();
  error: string | null = null;

  constructor(name: string) {
    this.name = name;
  }

  async getDirectoryHandle(name: string): Promise<FolderDouble> {
    const found = this.entries.get(name) ?? new FolderDouble(name);
    if (typeof found === "string") throw new DOMException("", "TypeMismatchError");
    this.entries.set(name, found);
    return found;
  }

  async getFileHandle(name: string, options?: { create: boolean }): Promise<object> {
    const found = this.entries.get(name);
    if (found instanceof FolderDouble) throw new DOMException("", "TypeMismatchError");
    if (found === undefined && options?.create !== true) throw new DOMException("", "NotFoundError");
    if (found === undefined) this.entries.set(name, "");
    return this.file(name);
  }

  async removeEntry(name: string): Promise<void> {
    this.entries.delete(name);
  }

  file(name: string): object {
    const createWritable = async (): Promise<object> => {
      const written: Uint8Array[] = [];
      return {
        write: async (part: Uint8Array) => {
          if (this.error !== null) throw new DOMException("", this.error);
          written.push(part);
        },
        close: async () => void this.entries.set(name, text(written)),
        abort: async () => undefined,
      };
    };
    const getFile = async (): Promise<object> => {
      const content = this.entries.get(name);
      if (typeof content !== "string") throw new DOMException("", "NotFoundError");
      return { size: content.length };
    };
    return { name, createWritable, getFile };
  }

  get handle(): FileSystemDirectoryHandle {
    return this as unknown as FileSystemDirectoryHandle;
  }
}

const failure = (reason: string) => (error: unknown): boolean => error instanceof SinkFailed && error.reason === reason;

test("items of one name get free names, and nothing that is there is written over", async () => {
  const folder = new FolderDouble("Downloads");
  folder.entries.set("photo.jpg", "old");
  folder.entries.set("photo (2).jpg", new FolderDouble("photo (2).jpg"));
  const sinks = new FolderSinks(folder.handle);
  const opened = await Promise.all([0, 1, 2].map(() => sinks.open({ name: "photo.jpg", size: 3 })));
  const names: string[] = [];
  for (const [index, sink] of opened.entries()) {
    await sink.write([bytes(`n${index}`)]);
    names.push((await sink.finish()).name);
  }
  assert.deepEqual(names, ["photo (3).jpg", "photo (4).jpg", "photo (5).jpg"]);
  assert.equal(folder.entries.get("photo.jpg"), "old");
  assert.deepEqual(names.map((name) => folder.entries.get(name)), ["n0", "n1", "n2"]);
});

test("two transfers into one folder never share a name, and one that stops takes nothing of the other's with it", async () => {
  const folder = new FolderDouble("Downloads");
  const [first, second] = await Promise.all([0, 1].map(() => new FolderSinks(folder.handle).open({ name: "film.mp4", size: 5 })));
  assert.ok(first !== undefined && second !== undefined);
  await first.write([bytes("whole")]);
  assert.equal((await first.finish()).name, "film.mp4");
  await second.write([bytes("hal")]);
  await second.discard();
  assert.deepEqual([...folder.entries], [["film.mp4", "whole"]]);
});

test("what somebody puts under the name meanwhile is neither written over nor removed", async () => {
  for (const end of ["finish", "discard"] as const) {
    const folder = new FolderDouble("Downloads");
    const sink = await new FolderSinks(folder.handle).open({ name: "a.txt", size: 4 });
    await sink.write([bytes("mine")]);
    folder.entries.set("a.txt", "theirs");
    if (end === "finish") await assert.rejects(sink.finish(), failure("name_refused"));
    await sink.discard();
    assert.deepEqual([...folder.entries], [["a.txt", "theirs"]]);
  }
  const folder = new FolderDouble("Downloads");
  const sink = await new FolderSinks(folder.handle).open({ name: "a.txt", size: 4 });
  await sink.write([bytes("mine")]);
  folder.entries.delete("a.txt"); // a person tidied up the empty file
  assert.equal((await sink.finish()).name, "a.txt");
  assert.deepEqual([...folder.entries], [["a.txt", "mine"]]);
});

test("a tree stays a tree inside the folder, and a hostile path stays inside, too", async () => {
  const folder = new FolderDouble("Downloads");
  const sinks = new FolderSinks(folder.handle);
  for (const name of ["Trip/Day 1/a.jpg", "../../../etc/passwd", "Trip/../x"]) {
    const sink = await sinks.open({ name, size: 1 });
    await sink.write([bytes("x")]);
    await sink.finish();
  }
  assert.deepEqual([...folder.entries.keys()], ["Trip", "etc"]);
  const trip = folder.entries.get("Trip");
  assert.ok(trip instanceof FolderDouble);
  assert.deepEqual([...trip.entries.keys()], ["Day 1", "x"]);
});

test("what ends in the middle leaves no file behind, and a full disk is said to be one", async () => {
  const folder = new FolderDouble("Downloads");
  const sink = await new FolderSinks(folder.handle).open({ name: "a", size: 9 });
  folder.error = "QuotaExceededError";
  await assert.rejects(sink.write([bytes("x")]), failure("no_space"));
  await sink.discard();
  assert.deepEqual([...folder.entries.keys()], []);
});

test("one chosen file is written whole, and an existing one survives an end in the middle", async () => {
  const folder = new FolderDouble("Downloads");
  folder.entries.set("chosen.bin", "old");
  const handle = folder.file("chosen.bin") as FileSystemFileHandle;
  const cut = await new FileSinks(handle).open();
  await cut.write([bytes("ne")]);
  await cut.discard();
  assert.equal(folder.entries.get("chosen.bin"), "old");
  const whole = await new FileSinks(handle).open();
  await whole.write([bytes("ne"), bytes("w")]);
  assert.deepEqual(await whole.finish(), { name: "chosen.bin", blob: null });
  assert.equal(folder.entries.get("chosen.bin"), "new");
});

/** The service worker's end of a download. */
function download(): { readonly sinks: DownloadSinks; readonly starts: DownloadStart[]; readonly heard: ToDownload[]; answer: (message: FromDownload) => void } {
  const starts: DownloadStart[] = [];
  const heard: ToDownload[] = [];
  const sinks = new DownloadSinks({
    randomBytes: (count) => new Uint8Array(count).fill(1),
    start: (start) => {
      starts.push(start);
      start.port.onmessage = ({ data }: MessageEvent<ToDownload>) => void heard.push(data);
    },
  });
  return { sinks, starts, heard, answer: (message) => starts[0]?.port.postMessage(message) };
}

async function heard(world: ReturnType<typeof download>, count: number): Promise<void> {
  for (let step = 0; world.heard.length < count; step += 1) {
    assert.ok(step < 1_000, "the service worker heard nothing");
    await turn();
  }
}

test("a download waits for the browser's disk, ends with it, and owns its bytes", async () => {
  const world = download();
  const sink = await world.sinks.open({ name: "Trip/a <b>.jpg", size: 4 });
  assert.deepEqual([world.starts[0]?.name, world.starts[0]?.size], ["a _b_.jpg", 4]);
  const chunk = bytes("abcd");
  let isTaken = false;
  const written = sink.write([chunk.subarray(0, 2), chunk.subarray(2)]).then(() => (isTaken = true));
  await heard(world, 1);
  assert.equal(isTaken, false);
  assert.equal(chunk.length, 4, "the message it came in was not given away");
  world.answer({ t: "took" });
  await written;
  const finished = sink.finish();
  await heard(world, 2);
  world.answer({ t: "ended" });
  assert.deepEqual(await finished, { name: "a _b_.jpg", blob: null });
  assert.deepEqual(world.heard.map(({ t }) => t), ["bytes", "end"]);
  world.starts[0]?.port.close();
});

test("a download whose service worker was stopped is not said to be saved", async () => {
  for (const when of ["writing", "finishing", "before"]) {
    const world = download();
    const sink = await world.sinks.open({ name: "a", size: 2 });
    const lose = (): void => world.starts[0]?.watch.postMessage({ t: "lost" });
    if (when === "before") {
      lose();
      await turn();
    }
    const written = sink.write([bytes("ab")]);
    if (when === "writing") lose();
    else if (when === "finishing") world.answer({ t: "took" });
    if (when !== "finishing") await assert.rejects(written, failure("declined"));
    else await written;
    const finished = assert.rejects(sink.finish(), failure("declined"));
    lose();
    await finished;
    world.starts[0]?.port.close();
  }
});

test("no two downloads of a transfer have the same name, whatever folders they were in", async () => {
  const world = download();
  for (const name of ["Day 1/a.jpg", "Day 2/A.jpg", "a.jpg"]) await world.sinks.open({ name, size: 1 });
  assert.deepEqual(world.starts.map(({ name }) => name), ["a.jpg", "A (2).jpg", "a (3).jpg"]);
  for (const { port, watch } of world.starts) for (const each of [port, watch]) each.close();
});

test("a download that the person stopped in the browser's list fails its item", async () => {
  const world = download();
  const sink = await world.sinks.open({ name: "a", size: 4 });
  const written = sink.write([bytes("ab")]);
  world.answer({ t: "gone" });
  await assert.rejects(written, failure("declined"));
  await assert.rejects(sink.write([bytes("cd")]), failure("declined"));
  await sink.discard();
  world.starts[0]?.port.close();
});
