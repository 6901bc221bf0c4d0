// Sending, end to end in one process: real seal, real Receiver, links that break; every file lands whole, once.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Link } from "../src/links/port.ts";
import { DaemonDouble } from "./support/daemon-double.ts";
import { InboxDouble } from "./support/inbox-double.ts";
import { KEY, PageDouble } from "./support/page-double.ts";

function bytes(count: number, seed = 1): Uint8Array<ArrayBuffer> {
  const made = new Uint8Array(count);
  let state = seed * 2654435761;
  for (let at = 0; at < count; at += 1) {
    state = (state * 1664525 + 1013904223) >>> 0;
    made[at] = state >>> 24;
  }
  return made;
}

function file(name: string, content: Uint8Array<ArrayBuffer>): File {
  return new File([content], name, { lastModified: 1_700_000_000_000 });
}

function setting(spoil?: (link: Link) => Link): { daemon: DaemonDouble; inbox: InboxDouble; open: (continues?: string[]) => PageDouble } {
  const daemon = new DaemonDouble();
  daemon.addDevice(KEY);
  const inbox = new InboxDouble();
  inbox.serve(daemon);
  const open = (continues: string[] = []): PageDouble =>
    new PageDouble(daemon, { key: KEY, continues }, spoil === undefined ? {} : { connect: () => daemon.connect(spoil) });
  return { daemon, inbox, open };
}

function allDone(page: PageDouble, count: number): Promise<void> {
  return page.until(() => page.total?.state === "done" && page.total.done === count, `${count} files done`);
}

function same(inbox: InboxDouble, name: string, content: Uint8Array): void {
  assert.ok(inbox.files.get(name)?.equals(content), `${name} arrived changed, or not at all`);
}

test("files of every size arrive whole, and the screen hears of each", async () => {
  const { inbox, open } = setting();
  const page = open();
  const contents = [0, 1, 65_280, 65_281, 1_044_480, 3_000_000, 9_000_001].map((size, n) => bytes(size, n + 1));
  page.send(...contents.map((content, n) => file(`f${n}`, content)));
  await allDone(page, contents.length);
  for (const [n, content] of contents.entries()) same(inbox, `f${n}`, content);
  for (const [n, content] of contents.entries()) {
    const row = page.row(`f${n}`);
    assert.deepEqual([row?.state, row?.done, row?.finalName, row?.reason], ["done", content.length, `f${n}`, null]);
  }
  const total = page.total;
  assert.equal(total?.bytesDone, total?.bytes);
  assert.equal(total?.bytesSafe, total?.bytes);
  assert.deepEqual(page.told("transfer").map(({ over }) => over), [false, false, true]); // proposed, accepted, over
  await page.stop();
});

test("bytes that nobody takes stop a sender at its window, of big and of small files", async () => {
  for (const files of [[file("film", bytes(9_000_000))], Array.from({ length: 900 }, (_, n) => file(`s${n}`, bytes(10_000)))]) {
    const { inbox, open } = setting();
    inbox.takesNothing = true;
    const page = open();
    page.send(...files);
    await page.until(() => inbox.received > inbox.window - 1_100_000);
    await page.clock.advance(5);
    assert.ok(inbox.largestUnderWay <= inbox.window, `${inbox.largestUnderWay} bytes were under way`);
    await page.stop();
  }
});

test("two thousand small files are one transfer, and the screen is told ten times a second at most", async () => {
  const { inbox, open } = setting();
  const page = open();
  await page.untilOpen();
  const since = page.clock.now();
  page.send(...Array.from({ length: 2_000 }, (_, n) => file(`s${n}`, bytes(1_000, n))));
  await allDone(page, 2_000);
  const seconds = page.clock.now() - since;
  assert.equal(inbox.proposed.length, 1);
  assert.equal(inbox.files.size, 2_000);
  const told = page.told("items");
  assert.ok(told.length <= 10 * seconds + 2, `${told.length} tellings in ${seconds} s`);
  assert.ok(told.every(({ changed }) => changed.length <= 1_000));
  assert.ok([...page.items.values()].every((row) => row.state === "done"));
  await page.stop();
});

test("a link that is cut again and again loses nothing and sends little twice", async () => {
  const { daemon, inbox, open } = setting();
  const content = bytes(24_000_000);
  let next = 1_500_000;
  let cuts = 0;
  inbox.onBytes = (total, guest) => {
    if (total < next || cuts === 12) return;
    cuts += 1;
    next = total + 700_000 + ((cuts * 977_777) % 2_500_000);
    guest.cut();
  };
  const page = open();
  page.send(file("film", content), file("photo", bytes(5_000)));
  await allDone(page, 2);
  same(inbox, "film", content);
  same(inbox, "photo", bytes(5_000));
  assert.equal(inbox.files.size, 2);
  assert.equal(daemon.guests.length, cuts + 1);
  assert.ok(cuts >= 6, `control: ${cuts} cuts`);
  assert.ok(inbox.received - content.length - 5_000 <= cuts * (4 << 20), `${inbox.received - content.length} bytes were sent twice`);
  await page.stop();
});

test("a daemon that dies in the middle is met again, and the page goes on from what is safe", async () => {
  const { daemon, inbox, open } = setting();
  const content = bytes(12_000_000);
  let hasDied = false;
  inbox.onBytes = (total, guest) => {
    if (hasDied || total < 7_000_000) return;
    hasDied = true;
    inbox.kill((written) => written - (written % 1_000_000));
    guest.cut();
  };
  const page = open();
  page.send(file("film", content));
  await allDone(page, 1);
  same(inbox, "film", content);
  assert.equal(daemon.guests.length, 2);
  assert.ok(inbox.received < content.length + 2_000_000, "control: it did not begin anew");
  await page.stop();
});

test("a receipt that was lost with the link comes with the next accept, and there is one file", async () => {
  const { daemon, inbox, open } = setting();
  inbox.onPlaced = (guest) => {
    inbox.onPlaced = () => undefined;
    guest.cut();
  };
  const page = open();
  page.send(file("note", bytes(500)));
  await allDone(page, 1);
  assert.equal(inbox.files.size, 1);
  assert.equal(daemon.guests.length, 2, "control: the first link broke");
  await page.stop();
});

test("after a reload the same pick is proved and goes on, and a file that differs is sent anew from there", async () => {
  for (const spoiled of [false, true]) {
    const { inbox, open } = setting();
    const content = bytes(20_000_000);
    inbox.at(17_500_000, (guest) => {
      page.visit.stop();
      guest.cut();
    });
    const page = open();
    page.send(file("film", content));
    await page.running;
    const id = page.told("transfer")[0]?.id ?? "";
    inbox.kill((written) => written); // its receiver is another one: this page load has another transfer
    if (spoiled) inbox.spoil("film", 9 << 20);
    const before = inbox.received;
    const again = open([id]);
    again.send(file("film", content));
    await allDone(again, 1);
    same(inbox, "film", content);
    assert.deepEqual(inbox.proposed.at(-1)?.continues, [id]);
    const sent = inbox.received - before;
    assert.ok(spoiled ? sent >= 11_000_000 && sent < 17_000_000 : sent < 4_000_000, `${sent} bytes were sent`);
    await again.stop();
  }
});

test("a file that cannot be read fails alone, and a retry sends it when it can be read again", async () => {
  const { inbox, open } = setting();
  const good = bytes(100_000);
  const bad = file("bad", good);
  let isBroken = true;
  const arrayBuffer = bad.arrayBuffer.bind(bad);
  bad.arrayBuffer = () => (isBroken ? Promise.reject(new DOMException("no", "NotReadableError")) : arrayBuffer());
  const page = open();
  page.send(file("good", good), bad);
  await page.until(() => page.total?.state === "done");
  assert.deepEqual([page.row("bad")?.state, page.row("bad")?.reason], ["failed", "source_unreadable"]);
  assert.deepEqual([page.total?.done, page.total?.failed], [1, 1]);
  isBroken = false;
  page.command({ t: "retry" });
  await allDone(page, 2);
  same(inbox, "bad", good);
  assert.deepEqual(page.told("transfer").filter(({ over }) => over).length, 2, "both transfers may be forgotten");
  assert.equal(page.items.size, 2, "the same row");
  await page.stop();
});

test("an item the computer cannot take fails with its reason; a transfer it declines fails as a whole", async () => {
  const { inbox, open } = setting();
  inbox.failsItem = ({ name }) => (name === "bad" ? "disk_error" : null);
  const page = open();
  page.send(file("good", bytes(1_000)), file("bad", bytes(1_000)));
  await page.until(() => page.total?.state === "done");
  assert.deepEqual([page.row("good")?.state, page.row("bad")?.reason], ["done", "disk_error"]);
  inbox.failsItem = null;
  inbox.declines = { reason: "no_space", needed: 6_000, free: 2_000 };
  page.send(file("big", bytes(6_000)));
  await page.until(() => page.row("big")?.state === "failed");
  assert.deepEqual(page.told("declined"), [{ t: "declined", reason: "no_space", needed: 6_000, free: 2_000 }]);
  inbox.declines = null;
  page.command({ t: "retry" });
  await page.until(() => page.row("big")?.state === "done" && page.row("bad")?.state === "done");
  await page.stop();
});

test("pause stops the bytes, resume goes on", async () => {
  const { inbox, open } = setting();
  const content = bytes(15_000_000);
  inbox.at(3_000_000, () => page.command({ t: "pause" }));
  const page = open();
  page.send(file("film", content));
  await page.until(() => page.total?.state === "paused" && page.row("film")?.state === "paused");
  await page.clock.advance(3);
  const before = inbox.received;
  await page.clock.advance(30);
  assert.equal(inbox.received, before);
  assert.ok(before < content.length);
  page.command({ t: "resume" });
  await allDone(page, 1);
  same(inbox, "film", content);
  await page.stop();
});

test("in one pick a note does not wait behind a film, and photos stay in their order", async () => {
  const { inbox, open } = setting();
  const page = open();
  const photos = [5, 2, 9].map((n) => file(`photo ${n}`, bytes(100_000 + n)));
  inbox.at(2_000_000, () => assert.deepEqual([...inbox.files.keys()], ["note", "photo 5", "photo 2", "photo 9"]));
  page.send(file("film", bytes(30_000_000)), ...photos, file("note", bytes(10)));
  await allDone(page, 5);
  assert.equal(inbox.proposed.length, 1, "it is one transfer");
  assert.deepEqual([...page.items.values()].map(({ name }) => name)[0], "film", "the list is as it was chosen");
  await page.stop();
});

test("a cancelled item leaves the list and the total, the others go on; cancel all leaves what is done", async () => {
  const { daemon, inbox, open } = setting();
  const page = open();
  inbox.at(6_000_000, () => page.command({ t: "cancel", item: 1 })); // rows count from 0: the film
  page.send(file("a", bytes(3_000)), file("film", bytes(30_000_000)), file("b", bytes(4_000)));
  await allDone(page, 2);
  assert.deepEqual([...page.items.values()].map(({ name }) => name).sort(), ["a", "b"]);
  assert.equal(page.total?.bytes, 7_000);
  assert.ok(daemon.guests[0]?.heard.some((message) => message.t === "cancel" && message.item === 2), "in its transfer it is the last, being the largest");
  inbox.at(inbox.received + 6_000_000, () => page.command({ t: "cancel", item: null }));
  page.send(file("film2", bytes(30_000_000, 5)));
  await page.until(() => page.told("transfer").filter(({ over }) => over).length === 2);
  await allDone(page, 2);
  assert.equal(inbox.files.size, 2);
  page.command({ t: "clear" });
  await page.until(() => page.total?.state === "idle");
  assert.equal(page.items.size, 0);
  await page.stop();
});

test("what is cancelled while the link is away is said on the next one", async () => {
  const { daemon, inbox, open } = setting();
  const page = open();
  inbox.at(2_000_000, (guest) => {
    daemon.isDown = true;
    guest.cut();
  });
  page.send(file("film", bytes(9_000_000)));
  await page.until(() => page.link?.state === "lost");
  page.command({ t: "cancel", item: null });
  daemon.isDown = false;
  await page.untilOpen();
  await page.until(() => daemon.guests[1]?.heard.some((message) => message.t === "cancel") ?? false);
  await page.until(() => page.total?.state === "idle");
  assert.equal(inbox.files.size, 0);
  await page.stop();
});

test("a small pick does not wait behind a big one", async () => {
  const { inbox, open } = setting();
  const page = open();
  inbox.at(2_000_000, () => page.send(file("photo", bytes(300_000))));
  page.send(file("film", bytes(25_000_000)));
  await allDone(page, 2);
  assert.deepEqual([...inbox.files.keys()], ["photo", "film"]);
  await page.stop();
});

test("a page told another tab is live keeps its files and sends them when its turn comes", async () => {
  const { daemon, inbox, open } = setting();
  daemon.farewell = "another_tab";
  const page = open();
  page.send(file("note", bytes(500)));
  await page.until(() => page.link?.state === "elsewhere");
  await page.clock.advance(10);
  assert.equal(inbox.files.size, 0);
  daemon.farewell = null;
  await allDone(page, 1);
  await page.stop();
});

test("much to send brings the faster cipher in the middle of a link, and nothing breaks without it", async () => {
  for (const available of [true, false]) {
    const { daemon, inbox } = setting();
    let asked = 0;
    const { bulkCipher } = await import("../src/session/bulk.ts");
    const page = new PageDouble(daemon, { key: KEY }, { bulkCipher: () => ((asked += 1), available ? bulkCipher() : Promise.resolve(null)) });
    await page.untilOpen();
    page.send(file("small", bytes(1_000)));
    await allDone(page, 1);
    assert.equal(asked, 0);
    const content = bytes(10_000_000);
    page.send(file("film", content));
    await allDone(page, 2);
    assert.equal(asked, 1);
    same(inbox, "film", content);
    await page.stop();
  }
});
