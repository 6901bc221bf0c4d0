// What the service worker says of a download: nothing that the browser has not done.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { ASKED_WITHIN_S, DownloadStream, SETTLES_S } from "../src/download-stream.ts";
import type { FromDownload, ToDownload } from "../src/session/sinks/download.ts";
import { ManualClock, turn } from "./support/manual-clock.ts";

/** Longer than the last word waits. */
const REFUSED_WITHIN_S = 5;

const bytes = (of: string): Uint8Array => new TextEncoder().encode(of);

/** A download of so many bytes, the session worker's end of its port, and what was said there. */
function download(context: TestContext, size: number): {
  readonly stream: DownloadStream; readonly clock: ManualClock; readonly said: FromDownload["t"][]; readonly happened: string[];
  send(...messages: ToDownload[]): Promise<void>;
} {
  const { port1, port2 } = new MessageChannel();
  context.after(() => port1.close());
  const clock = new ManualClock();
  const said: FromDownload["t"][] = [];
  const happened: string[] = [];
  port1.onmessage = ({ data }: MessageEvent<FromDownload>) => void said.push(data.t);
  const stream = new DownloadStream({ name: "a.bin", size, port: port2, clock, refusedWithinS: REFUSED_WITHIN_S, onBegun: () => happened.push("begun"), onOver: () => happened.push("over") });
  const send = async (...messages: ToDownload[]): Promise<void> => {
    for (const message of messages) port1.postMessage(message);
    await turn();
  };
  return { stream, clock, said, happened, send };
}

const reader = ({ stream }: { readonly stream: DownloadStream }): ReadableStreamDefaultReader<Uint8Array> => {
  const found = stream.response()?.body?.getReader();
  assert.ok(found);
  return found as ReadableStreamDefaultReader<Uint8Array>;
};

test("a small file that is whole before the browser asks for it stays, and is said to be saved when all of it was read", async (context) => {
  const it = download(context, 3);
  await it.send({ t: "bytes", bytes: bytes("abc") }, { t: "end" });
  await it.clock.advance(ASKED_WITHIN_S - 1);
  assert.deepEqual([it.said, it.happened], [[], []], "nobody has read anything");
  const body = it.stream.response()?.text();
  assert.deepEqual(it.happened, ["begun"]);
  await turn();
  assert.deepEqual(it.said, ["took"]);
  await it.clock.advance(REFUSED_WITHIN_S);
  assert.equal(await body, "abc");
  assert.deepEqual(it.said, ["took"], "what was read is still on its way");
  await it.clock.advance(SETTLES_S);
  assert.deepEqual([it.said, it.happened], [["took", "ended"], ["begun", "over"]]);
});

test("an empty file is saved when it was asked for, and not before", async (context) => {
  const it = download(context, 0);
  await it.send({ t: "end" });
  assert.deepEqual(it.said, []);
  const body = it.stream.response()?.text();
  await it.clock.advance(REFUSED_WITHIN_S);
  assert.equal(await body, "");
  await it.clock.advance(SETTLES_S);
  assert.deepEqual(it.said, ["ended"]);
});

test("what the browser never asks for is not saved", async (context) => {
  const it = download(context, 3);
  await it.send({ t: "bytes", bytes: bytes("abc") }, { t: "end" });
  await it.clock.advance(ASKED_WITHIN_S);
  assert.deepEqual([it.said, it.happened], [["gone"], ["over"]]);
  assert.equal(it.stream.response(), null);
});

test("bytes are taken when somebody reads on, one run at a time", async (context) => {
  const it = download(context, 6);
  const read = reader(it);
  await it.send({ t: "bytes", bytes: bytes("ab") });
  assert.deepEqual(it.said, [], "the browser's disk is busy");
  assert.deepEqual((await read.read()).value, bytes("ab"));
  await turn();
  assert.deepEqual(it.said, ["took"]);
  await it.send({ t: "bytes", bytes: bytes("cd") });
  assert.deepEqual(it.said, ["took"]);
  await read.read();
  await turn();
  assert.deepEqual(it.said, ["took", "took"]);
});

test("who says no while the last byte waits has not saved it", async (context) => {
  const it = download(context, 1);
  const read = reader(it);
  await it.send({ t: "bytes", bytes: bytes("a") }, { t: "end" });
  void read.read();
  await it.clock.advance(REFUSED_WITHIN_S - 0.1);
  await read.cancel();
  await it.clock.advance(10);
  assert.deepEqual(it.said, ["took", "gone"]);
});

test("a browser that stops before the last byte has not saved it", async (context) => {
  const it = download(context, 3);
  const read = reader(it);
  await it.send({ t: "bytes", bytes: bytes("abc") }, { t: "end" });
  assert.deepEqual((await read.read()).value, bytes("ab"));
  await read.cancel();
  await it.clock.advance(10);
  assert.deepEqual(it.said, ["took", "gone"]);
});

test("a download that is given up in the middle, has too few bytes or too many is torn, never whole", async (context) => {
  const ends: readonly (readonly ToDownload[])[] = [
    [{ t: "abort" }],
    [{ t: "end" }],
    [{ t: "bytes", bytes: bytes("abcdef") }],
    [{ t: "bytes", bytes: new Uint8Array(9 << 20) }],
  ];
  for (const end of ends) {
    const it = download(context, 6);
    const read = reader(it);
    await it.send({ t: "bytes", bytes: bytes("ab") });
    await read.read();
    const rest = read.read();
    await Promise.all([assert.rejects(rest), it.send(...end)]);
    assert.deepEqual([it.said.at(-1), it.happened], ["gone", ["begun", "over"]]);
  }
});

test("a second fetch of the same download gets nothing", async (context) => {
  const it = download(context, 3);
  assert.notEqual(it.stream.response(), null);
  assert.equal(it.stream.response(), null);
  await it.send({ t: "abort" });
});

test("the browser names it as it is, without a way to leave the header", async (context) => {
  const { port1, port2 } = new MessageChannel();
  context.after(() => port1.close());
  const nothing = (): void => undefined;
  const stream = new DownloadStream({ name: "it's \"ä\"\r\n(1).txt", size: 1, port: port2, clock: new ManualClock(), refusedWithinS: 0, onBegun: nothing, onOver: nothing });
  const { headers } = stream.response() ?? new Response();
  assert.equal(headers.get("Content-Disposition"), "attachment; filename*=UTF-8''it%27s%20%22%C3%A4%22%0D%0A%281%29.txt");
  assert.equal(headers.get("Content-Length"), "1");
});
