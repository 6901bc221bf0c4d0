// Pausing by hand, a disk that is full, folders and texts: what the page sends, what it holds back, and what it says.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message, Propose, TransferMessage } from "../src/protocol/messages.ts";
import { DaemonDouble } from "./support/daemon-double.ts";
import { InboxDouble } from "./support/inbox-double.ts";
import { KEY, PageDouble } from "./support/page-double.ts";

function file(name: string, size: number): File {
  return new File([new Uint8Array(size).fill(name.length)], name, { lastModified: 1_700_000_000_000 });
}

interface Setting {
  readonly page: PageDouble;
  readonly inbox: InboxDouble;
  readonly heard: Message[];
  readonly cut: () => void;
}

async function setting(change: (inbox: InboxDouble) => void = () => undefined): Promise<Setting> {
  const daemon = new DaemonDouble();
  daemon.addDevice(KEY);
  const inbox = new InboxDouble();
  change(inbox);
  inbox.serve(daemon);
  const heard: Message[] = [];
  const takes = daemon.onMessage;
  daemon.onMessage = async (guest, message) => {
    if (message.t !== "chunk") heard.push(message);
    await takes(guest, message);
  };
  const page = new PageDouble(daemon, { key: KEY });
  await page.untilOpen();
  return { page, inbox, heard, cut: () => [...daemon.present].forEach((guest) => guest.cut()) };
}

const holds = (heard: readonly Message[]): boolean[] => heard.flatMap((message) => (message.t === "hold" ? [message.held] : []));
const proposals = (heard: readonly Message[]): Propose[] => heard.filter((message): message is Propose => message.t === "propose");

test("one item that is paused stays, the others arrive, and it goes on when it may", async () => {
  const { page, inbox, heard } = await setting();
  page.send(file("film", 9_000_000), file("photo", 2_000_000));
  page.command({ t: "pause", item: 0 });
  await page.until(() => page.row("photo")?.state === "done");
  await page.clock.advance(30);
  assert.deepEqual([page.row("film")?.state, page.row("film")?.done], ["paused", 0]);
  assert.equal(page.total?.state, "paused", "nothing else is left to move");
  assert.equal(inbox.files.has("film"), false);
  page.command({ t: "resume", item: 0 });
  await page.until(() => page.total?.state === "done");
  assert.deepEqual([...inbox.files.keys()].sort(), ["film", "photo"]);
  assert.equal(proposals(heard).length, 1, "it is the same transfer");
  await page.stop();
});

test("the computer hears that everything is paused, at once or one by one, and that it goes on", async () => {
  const { page, inbox, heard } = await setting();
  inbox.at(1_000_000, () => page.command({ t: "pause" }));
  page.send(file("one", 9_000_000), file("two", 9_000_000));
  await page.until(() => holds(heard).length === 1 && page.total?.state === "paused");
  assert.deepEqual([page.row("one")?.state, page.row("two")?.state, page.total?.state], ["paused", "paused", "paused"]);
  page.command({ t: "resume" });
  page.command({ t: "pause", item: 0 });
  page.command({ t: "pause", item: 1 });
  await page.until(() => holds(heard).length === 3);
  page.command({ t: "resume", item: 1 });
  await page.until(() => page.row("two")?.state === "done");
  assert.deepEqual(holds(heard), [true, false, true, false, true], "with two done, all that is left rests again");
  assert.equal(page.row("one")?.state, "paused");
  page.command({ t: "resume" });
  await page.until(() => page.total?.state === "done");
  assert.equal(holds(heard).at(-1), false);
  await page.stop();
});

test("while a person over there is asked the page says so, also after a cut, and it goes on or not by the answer", async () => {
  const { page, inbox, cut } = await setting((inbox) => (inbox.asks = true));
  page.send(file("photo", 70_000), file("other", 10));
  await page.until(() => page.total?.isAsked === true);
  assert.deepEqual([page.total?.state, inbox.received], ["sending", 0]);
  page.send(file("later", 10));
  await page.until(() => inbox.answers.length === 2 && page.total?.isAsked === true);
  await inbox.answers[0]?.(true);
  await page.until(() => page.row("photo")?.state === "done" && page.total?.isAsked === true, "the other question is open");
  cut();
  await page.until(() => page.total?.isAsked !== true, "nobody knows what is asked while there is no link");
  await page.until(() => inbox.answers.length === 3 && page.total?.isAsked === true);
  await inbox.answers[2]?.(false);
  await page.until(() => page.row("later")?.state === "failed");
  assert.equal(page.total?.isAsked, undefined);
  assert.deepEqual([...inbox.files.keys()].sort(), ["other", "photo"]);
  await page.stop();
});

test("resuming one of many that were paused together leaves the others paused, and new picks flow", async () => {
  const { page, inbox } = await setting();
  page.command({ t: "pause" });
  page.send(file("one", 70_000), file("two", 70_000));
  await page.until(() => page.row("two")?.state === "paused");
  page.command({ t: "resume", item: 1 });
  page.send(file("three", 70_000));
  await page.until(() => page.row("two")?.state === "done" && page.row("three")?.state === "done");
  assert.equal(page.row("one")?.state, "paused");
  assert.equal(inbox.files.has("one"), false);
  await page.stop();
});

test("three transfers that are paused do not hold up a fourth", async () => {
  const { page } = await setting();
  for (const n of [0, 1, 2]) {
    page.send(file(`film ${n}`, 5_000_000));
    page.command({ t: "pause", item: n });
  }
  page.send(file("photo", 70_000));
  await page.until(() => page.row("photo")?.state === "done");
  await page.stop();
});

/** Declines what is larger than the room there is, as the daemon does. */
function withRoom(inbox: InboxDouble, room: { free: number }): void {
  const serve = inbox.serve.bind(inbox);
  inbox.serve = (daemon) => {
    serve(daemon);
    const takes = daemon.onMessage;
    daemon.onMessage = async (guest, message) => {
      const missing = message.t === "propose" ? (message as TransferMessage & Propose).bytes : 0;
      inbox.declines = missing > room.free ? { reason: "no_space", needed: missing, free: room.free } : null;
      await takes(guest, message);
    };
  };
}

test("a full disk refuses only what does not fit, and takes it by itself when there is room again", async () => {
  const room = { free: 1_000_000 };
  const { page, inbox, heard } = await setting((made) => withRoom(made, room));
  page.send(file("film", 5_000_000), file("photo", 600_000), file("clip", 2_000_000), file("note", 100));
  await page.until(() => page.total?.state === "done");
  assert.deepEqual([...inbox.files.keys()].sort(), ["note", "photo"]);
  assert.deepEqual([page.row("film")?.reason, page.row("clip")?.reason, page.total?.failed], ["no_space", "no_space", 2]);
  assert.deepEqual(page.told("declined"), [], "what fits was not declined");

  const before = page.told("items").length;
  await page.clock.advance(61);
  await page.until(() => proposals(heard).length === 3, "it asks whether there is room");
  await page.clock.advance(5);
  assert.equal(page.told("items").length, before, "in silence");
  room.free = 10_000_000;
  await page.clock.advance(61);
  await page.until(() => page.total?.state === "done" && page.total.done === 4, "all four done");
  assert.deepEqual([...inbox.files.keys()].sort(), ["clip", "film", "note", "photo"]);
  const asked = proposals(heard).length;
  await page.clock.advance(300);
  assert.equal(proposals(heard).length, asked, "control: nothing is left to ask for");
  await page.stop();
});

test("what is retried by hand while it is tried in silence arrives once", async () => {
  const room = { free: 0 };
  const { page, inbox } = await setting((made) => withRoom(made, room));
  page.send(file("film", 5_000_000));
  await page.until(() => page.total?.state === "done" && page.total.failed === 1);
  assert.equal(page.told("declined").length, 1);
  room.free = 10_000_000;
  await page.clock.advance(60.01);
  page.command({ t: "retry" });
  await page.until(() => page.total?.state === "done" && page.total.done === 1);
  await page.clock.advance(5);
  assert.deepEqual([...inbox.files.keys()], ["film"]);
  await page.stop();
});

test("empty folders and texts say what they are, and receipts bring the hash to the row", async () => {
  const { page, heard } = await setting();
  page.send(
    { file: new File([], "empty"), path: "trip/empty", kind: "folder" },
    { file: new File(["hello\n"], "Note.txt", { lastModified: 5 }), path: "Note.txt", kind: "text" },
    file("plain", 3),
  );
  await page.until(() => page.total?.state === "done");
  assert.deepEqual(proposals(heard)[0]?.items, [
    { name: "trip/empty", size: 0, kind: "folder" },
    { name: "Note.txt", size: 6, modified_ms: 5, kind: "text" },
    { name: "plain", size: 3, modified_ms: 1_700_000_000_000 },
  ]);
  assert.equal(page.row("trip/empty")?.kind, "folder");
  assert.equal(page.row("Note.txt")?.sha256, "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03");
  assert.equal(page.total?.done, 3);
  await page.stop();
});
