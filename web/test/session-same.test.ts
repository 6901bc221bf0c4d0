// What is there already is not sent again, and a small transfer waits for no big one: counted in bytes on the wire.
import assert from "node:assert/strict";
import { test } from "node:test";
import { sha256Hasher } from "../src/session/hashing.ts";
import { SAME_BYTES_MAX } from "../src/session/same.ts";
import { isOffered } from "../src/view/skip-same.ts";
import { DaemonDouble } from "./support/daemon-double.ts";
import { InboxDouble } from "./support/inbox-double.ts";
import { KEY, PageDouble } from "./support/page-double.ts";

const TRUSTED = { rights: ["pick_up", "send"], trust: "trusted" } as const;
const GUEST = { rights: ["send"], trust: "guest" } as const;

function setting(grant: typeof TRUSTED | typeof GUEST = TRUSTED): { inbox: InboxDouble; page: PageDouble } {
  const daemon = new DaemonDouble();
  daemon.addDevice(KEY);
  daemon.grant = grant;
  const inbox = new InboxDouble();
  inbox.serve(daemon);
  return { inbox, page: new PageDouble(daemon, { key: KEY }, { hasher: sha256Hasher }) };
}

function photo(n: number): File {
  return new File([`photo number ${n}`], `${n}.jpg`);
}

function photos(count: number): File[] {
  return Array.from({ length: count }, (_, n) => photo(n));
}

function allDone(page: PageDouble, count: number): Promise<void> {
  return page.until(() => page.total?.state === "done" && page.total.done === count, `${count} files done`);
}

function already(page: PageDouble): number {
  return [...page.items.values()].filter(({ already: there }) => there === true).length;
}

test("of many files only those move that are not there, and each row says which", async () => {
  const { inbox, page } = setting();
  for (const n of [0, 1, 2, 400]) inbox.files.set(`${n}.jpg`, Buffer.from(`photo number ${n}`));
  inbox.files.set("3.jpg", Buffer.from("PHOTO NUMBER 3")); // same name and size, another content
  await page.untilOpen();
  page.command({ t: "skip_same", on: true });
  const many = photos(500);
  let release = (): void => undefined;
  const opened = new Promise<void>((resolve) => (release = resolve));
  many[499]!.arrayBuffer = () => opened.then(() => photo(499).arrayBuffer());
  page.send(...many);
  await page.until(() => page.total?.comparing === 1, "it says that it compares");
  release();
  await allDone(page, 500);
  assert.equal(already(page), 4);
  assert.equal(page.row("400.jpg")?.already, true);
  assert.deepEqual([page.row("3.jpg")?.already, page.row("3.jpg")?.finalName], [undefined, "3.jpg (2)"]);
  assert.equal(inbox.files.size, 501);
  assert.equal(inbox.received, page.total!.bytes - [0, 1, 2, 400].reduce((sum, n) => sum + photo(n).size, 0));
  assert.ok(inbox.proposed.length <= 3, `${inbox.proposed.length} transfers`);
  assert.equal(page.total?.comparing, undefined);
  await page.stop();
});

test("without the wish, and for guests, nothing is hashed and everything moves", async () => {
  for (const [grant, on] of [[TRUSTED, false], [GUEST, true]] as const) {
    const { inbox, page } = setting(grant);
    inbox.files.set("0.jpg", Buffer.from("photo number 0"));
    await page.untilOpen();
    page.command({ t: "skip_same", on });
    page.send(...photos(30));
    await allDone(page, 30);
    assert.deepEqual([already(page), inbox.files.size], [0, 31]);
    await page.stop();
  }
});

test("what is too large to compare moves at once, folders and all", async () => {
  const { inbox, page } = setting();
  await page.untilOpen();
  page.command({ t: "skip_same", on: true });
  const film = new File([new Uint8Array(SAME_BYTES_MAX + 1)], "film.mov");
  page.send(film, photo(1), { file: new File([], "empty"), path: "trip/empty", kind: "folder" });
  await allDone(page, 3);
  assert.equal(inbox.proposed[0]?.names.length, 2, "the film did not wait for a hash");
  await page.stop();
});

test("turned on in the middle it counts for what has not begun; turned off, everything moves", async () => {
  const { inbox, page } = setting();
  const film = new File([new Uint8Array(20_000_000)], "film.mov");
  const many = photos(200);
  for (let n = 0; n < 200; n += 1) inbox.files.set(`${n}.jpg`, Buffer.from(`photo number ${n}`));
  await page.untilOpen();
  inbox.at(3_000_000, () => {
    page.command({ t: "pause" }); // photos are small, and would all be there before one was looked at
    page.send(...many);
    page.command({ t: "skip_same", on: true });
  });
  page.send(film);
  await page.until(() => inbox.proposed.length > 2 && page.total?.comparing === undefined, "they are compared");
  page.command({ t: "resume" });
  await allDone(page, 201);
  assert.ok(already(page) > 150, `${already(page)} of 200 were skipped`);
  assert.equal([...inbox.files.keys()].filter((name) => name.startsWith("film")).length, 1);
  const moved = inbox.files.size - 201;
  assert.equal(moved + already(page), 200, "none twice, none lost");
  page.command({ t: "clear" });
  page.command({ t: "skip_same", on: false });
  page.send(...many);
  await page.until(() => page.total?.state === "done" && page.total.items === 200);
  assert.equal(inbox.files.size, 201 + moved + 200);
  await page.stop();
});

test("what is taken back, paused or cut while it is compared is not sent, or later, and never twice", async () => {
  const { inbox, page } = setting();
  await page.untilOpen();
  page.command({ t: "skip_same", on: true });
  page.send(...photos(100));
  page.command({ t: "cancel", item: 7 });
  page.command({ t: "pause" });
  await page.until(() => page.total?.state === "paused");
  page.daemon.guests.at(-1)?.cut();
  page.command({ t: "resume" });
  await allDone(page, 99);
  assert.equal(inbox.files.size, 99);
  assert.equal(inbox.files.has("7.jpg"), false);
  await page.stop();
});

test("a file that cannot be read is proposed without a hash, and says itself why it fails", async () => {
  const { page } = setting();
  await page.untilOpen();
  page.command({ t: "skip_same", on: true });
  const gone = new File(["gone"], "gone.jpg");
  gone.arrayBuffer = () => Promise.reject(new DOMException("gone", "NotFoundError"));
  page.send(gone, photo(1));
  await page.until(() => page.row("gone.jpg")?.state === "failed" && page.row("1.jpg")?.state === "done");
  assert.equal(page.row("gone.jpg")?.reason, "source_unreadable");
  await page.stop();
});

test("the switch stands there for many files of a device that may pick up, and for no guest", () => {
  const total = { state: "sending", items: 21, done: 0, failed: 0, bytes: 0, bytesDone: 0, bytesSafe: 0, rate: 0, leftS: null } as const;
  assert.ok(isOffered({ grant: TRUSTED, total }, false));
  assert.ok(!isOffered({ grant: TRUSTED, total: { ...total, items: 20 } }, false));
  assert.ok(isOffered({ grant: TRUSTED, total: { ...total, items: 1 } }, true));
  for (const isOn of [true, false]) assert.ok(!isOffered({ grant: GUEST, total }, isOn));
  assert.ok(!isOffered({ grant: null, total }, true));
});

/** So many bytes without holding them: each slice is made when it is read. */
function vast(name: string, size: number): File {
  const made = (length: number): Blob => ({ size: length, arrayBuffer: async () => new ArrayBuffer(length) }) as Blob;
  return { name, size, lastModified: 1, slice: (from = 0, to = size) => made(to - from), arrayBuffer: async () => new ArrayBuffer(size) } as File;
}

test("a small file is there before a tenth of what flows beside it, however many big ones there are", async () => {
  for (const films of [1, 4]) {
    const { inbox, page } = setting();
    const size = 1 << 28;
    await page.untilOpen();
    const start = 600_000 * films;
    let landed = 0;
    inbox.onPlaced = () => (landed ||= inbox.received);
    inbox.at(start, (guest) => {
      page.send(new File([new Uint8Array(1 << 20)], "photo.jpg"));
      inbox.at(start + size / 4, () => {
        page.command({ t: "cancel", item: null });
        guest.cut();
      });
    });
    for (let n = 0; n < films; n += 1) page.send(vast(`film ${n}`, size));
    await page.until(() => page.total?.state === "done" || page.total?.state === "idle");
    assert.ok(inbox.received >= start + size / 4, "control: the films flowed on");
    const beside = landed - start - (1 << 20);
    assert.ok(landed > 0 && beside < size / 10, `${films} films: ${beside} bytes of them went first`);
    await page.stop();
  }
});
