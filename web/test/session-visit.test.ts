// A visit: enrolling, coming back, being refused, being elsewhere; with the real seal on every link.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Link } from "../src/links/port.ts";
import { ticketFragment } from "../src/seal/index.ts";
import { DaemonDouble, hex } from "./support/daemon-double.ts";
import { KEY, PageDouble, TICKET } from "./support/page-double.ts";

const ARRIVALS = { senders: 0, arriving: 0, photos: 0, videos: 0, others: 0, landed: 0, percent: 0 };

test("a scanned code enrolls a key that was stored first, and the key opens the next link", async () => {
  const daemon = new DaemonDouble();
  daemon.addTicket(TICKET);
  const page = new PageDouble(daemon, { ticket: TICKET });
  await page.untilOpen();
  const order = page.updates.map((update) => update.t);
  assert.ok(order.indexOf("keep_key") < order.indexOf("enrolled"));
  assert.deepEqual(daemon.guests[0]?.hello?.enroll, page.key);
  const link = page.link;
  assert.ok(link?.state === "open" && link.computer === "STUDY-PC" && link.grant.device === daemon.guests[0].device);
  daemon.tickets.clear(); // used up
  daemon.guests[0].cut();
  await page.until(() => page.links().at(-1) === "open" && daemon.guests.length === 2, "the second link");
  assert.equal(daemon.guests[1]?.holder.by, "device");
  assert.equal(daemon.guests[1].device, daemon.guests[0].device);
  await page.stop();
});

test("a page that is open hears what the computer is called from now on, and stays open", async () => {
  const daemon = new DaemonDouble();
  daemon.addDevice(KEY);
  const page = new PageDouble(daemon, { key: KEY });
  await page.untilOpen();
  await daemon.guests[0]?.say({ t: "rename", name: "Küche" });
  await page.until(() => page.link?.state === "open" && page.link.computer === "Küche");
  assert.equal(daemon.guests.length, 1);
  await page.stop();
});

test("a computer that calls itself two thousand names is shown by its first and its last", async () => {
  const daemon = new DaemonDouble();
  daemon.addDevice(KEY);
  const page = new PageDouble(daemon, { key: KEY });
  await page.untilOpen();
  const before = page.links().length;
  for (let n = 0; n < 2_000; n += 1) await daemon.guests[0]?.say({ t: "rename", name: `PC ${n}` });
  await page.until(() => page.link?.state === "open" && page.link.computer === "PC 1999");
  const shown = page.links().length - before;
  assert.ok(shown >= 2 && shown <= 20, `${shown} of 2000 were shown`);
  await page.clock.advance(10);
  assert.equal(page.links().length - before, shown, "and nothing after the last");
  await page.stop();
});

test("no link is opened with a ticket before the page says that the key is kept", async () => {
  const daemon = new DaemonDouble();
  daemon.addTicket(TICKET);
  const page = new PageDouble(daemon, { ticket: TICKET }, {}, { keepsKeys: false });
  await page.clock.advance(60);
  assert.equal(daemon.dialled, 0);
  page.command({ t: "key_kept" });
  await page.untilOpen();
  await page.stop();
});

test("scanning again with a stored key is the same device", async () => {
  const daemon = new DaemonDouble();
  daemon.addTicket(TICKET);
  const id = daemon.addDevice(KEY);
  const page = new PageDouble(daemon, { ticket: TICKET, key: KEY });
  await page.untilOpen();
  assert.equal(daemon.guests[0]?.holder.by, "ticket");
  assert.equal(daemon.guests[0].device, id);
  assert.equal(page.told("keep_key").length, 0);
  await page.stop();
});

test("a code that is too old opens the door all the same for a device with a key", async () => {
  const daemon = new DaemonDouble();
  daemon.addDevice(KEY);
  const page = new PageDouble(daemon, { ticket: TICKET, key: KEY });
  await page.untilOpen();
  assert.equal(daemon.guests[0]?.holder.by, "device");
  assert.ok(!page.links().includes("refused"));
  await page.stop();
});

test("a code that is too old is told, kept, and asked again rarely or at a wake", async () => {
  const daemon = new DaemonDouble();
  const page = new PageDouble(daemon, { ticket: TICKET });
  await page.until(() => page.link?.state === "refused");
  assert.deepEqual(page.link, { state: "refused", reason: "unknown_key" });
  await page.clock.advance(60);
  assert.ok(daemon.dialled <= 4, `${daemon.dialled} tries in a minute`);
  daemon.addTicket(TICKET);
  page.command({ t: "wake" });
  await page.untilOpen();
  assert.equal(page.told("drop_key").length, 0);
  await page.stop();
});

test("a bare page fetches the wall's ticket and enrolls with it", async () => {
  const daemon = new DaemonDouble();
  daemon.addTicket(TICKET);
  daemon.onMessage = async (guest, message) => {
    if (message.t !== "watch" || !message.topics.includes("wall")) return;
    const url = `http://192.168.1.7:7774/p#${ticketFragment(TICKET)}`;
    await guest.say({ t: "news", facts: { t: "wall_facts", computer: "STUDY-PC", url, fresh_until_ms: 1, addresses: [], arrivals: ARRIVALS } });
  };
  const page = new PageDouble(daemon);
  await page.untilOpen();
  assert.deepEqual(daemon.guests.map((guest) => guest.holder.by), ["nobody", "ticket"]);
  assert.equal(page.told("enrolled").length, 1);
  await page.stop();
});

test("a wall watches without a key and makes none", async () => {
  const daemon = new DaemonDouble();
  daemon.grant = { rights: [] };
  const page = new PageDouble(daemon, { bare: "watch", kind: "wall", topics: ["wall"] });
  await page.untilOpen();
  await daemon.until(() => daemon.guests[0]?.heard.some((message) => message.t === "watch") ?? false);
  assert.equal(page.told("keep_key").length + page.told("enrolled").length, 0);
  daemon.guests[0]?.cut();
  await page.until(() => daemon.guests.length === 2 && page.link?.state === "open");
  await daemon.until(() => daemon.guests[1]?.heard.some((message) => message.t === "watch") ?? false);
  await page.stop();
});

test("a page that runs in another tab says so, does not fight, and takes over when that one is closed", async () => {
  const daemon = new DaemonDouble();
  daemon.addDevice(KEY);
  daemon.farewell = "another_tab";
  const page = new PageDouble(daemon, { key: KEY });
  await page.until(() => page.link?.state === "elsewhere");
  const before = daemon.dialled;
  await page.clock.advance(30);
  assert.ok(daemon.dialled - before <= 10, "once in three seconds");
  daemon.farewell = null;
  await page.untilOpen();
  await page.stop();
});

test("revoked under the seal costs the key; refused before it does not", async () => {
  const daemon = new DaemonDouble();
  daemon.addDevice(KEY);
  daemon.refusal = "unknown_key";
  const page = new PageDouble(daemon, { key: KEY, bare: "watch" });
  await page.until(() => page.link?.state === "refused");
  assert.equal(page.told("drop_key").length, 0);
  daemon.refusal = null;
  page.command({ t: "wake" });
  await page.untilOpen();
  await daemon.guests[0]?.goodbye("revoked");
  await page.until(() => page.told("drop_key").length === 1);
  assert.deepEqual(page.link, { state: "refused", reason: "revoked" });
  await page.running;
  assert.equal(daemon.present.length, 0);
});

test("where access has ended nothing waits any more: what was not sent has failed, and says why", async () => {
  const daemon = new DaemonDouble();
  daemon.addDevice(KEY);
  const page = new PageDouble(daemon, { key: KEY });
  await page.untilOpen();
  page.send(new File(["a film"], "film.mp4"));
  await page.until(() => page.row("film.mp4")?.state === "waiting");
  await daemon.guests[0]?.goodbye("revoked");
  await page.until(() => page.total?.state === "done");
  assert.deepEqual([page.row("film.mp4")?.state, page.row("film.mp4")?.reason, page.total?.failed], ["failed", "revoked", 1]);
  await page.running;
});

test("a daemon that is away is tried again, with growing waits, until it is back", async () => {
  const daemon = new DaemonDouble();
  daemon.addDevice(KEY);
  daemon.isDown = true;
  const page = new PageDouble(daemon, { key: KEY });
  await page.clock.advance(60);
  const waits = page.told("link").flatMap(({ link }) => (link.state === "lost" ? [link.retryInS] : []));
  assert.deepEqual(waits.slice(0, 7), [0.15, 0.3, 0.6, 1.2, 2.4, 4.8, 5]);
  daemon.isDown = false;
  page.command({ t: "wake" });
  await page.clock.advance(0);
  await page.untilOpen();
  await page.stop();
});

test("a link that falls silent is given up after 15 seconds, a woken one after four", async () => {
  const daemon = new DaemonDouble();
  daemon.addDevice(KEY);
  let isDead = false;
  const mute = (link: Link): Link => {
    const receive = async (): Promise<readonly Uint8Array[]> => {
      const messages = await link.receive();
      return isDead ? receive() : messages;
    };
    const send: Link["send"] = async (...messages) => (isDead ? undefined : link.send(...messages));
    return { send, receive, close: (reason) => link.close(reason) };
  };
  const page = new PageDouble(daemon, { key: KEY }, { connect: () => daemon.connect(mute) });
  await page.untilOpen();
  await page.clock.advance(40);
  assert.equal(page.link?.state, "open", "control: pings and pongs keep it");
  for (const [wake, least, most] of [[false, 14, 18], [true, 3, 6]] as const) {
    isDead = true;
    const since = page.clock.now();
    if (wake) page.command({ t: "wake" });
    await page.until(() => page.link?.state === "lost");
    const silence = page.clock.now() - since;
    assert.ok(silence >= least && silence <= most, `given up after ${silence} s`);
    isDead = false;
    await page.untilOpen();
  }
  await page.stop();
});

test("a hello of another version is answered with goodbye and the word to reload", async () => {
  const daemon = new DaemonDouble();
  daemon.addDevice(KEY);
  daemon.versions = [7, 9];
  const page = new PageDouble(daemon, { key: KEY });
  await page.until(() => page.link?.state === "refused");
  assert.deepEqual(page.link, { state: "refused", reason: "version" });
  await daemon.until(() => daemon.guests[0]?.heard.some((m) => m.t === "goodbye" && m.reason === "version") ?? false);
});

test("a spoiled message ends the link; nonsense under the seal is answered with goodbye protocol", async () => {
  const daemon = new DaemonDouble();
  daemon.addDevice(KEY);
  const page = new PageDouble(daemon, { key: KEY });
  await page.untilOpen();
  await daemon.guests[0]?.link.send(new Uint8Array(40));
  await page.until(() => daemon.guests.length === 2 && page.link?.state === "open", "a new link after the spoiled one");
  await daemon.guests[1]?.say({ t: "hello", versions: [1, 1], name: "again", kind: "computer", instance: 1 });
  await daemon.until(() => daemon.guests[1]?.heard.some((m) => m.t === "goodbye" && m.reason === "protocol") ?? false);
  await page.until(() => daemon.guests.length === 3 && page.link?.state === "open");
  await page.stop();
});

test("questions are answered once, and refused when the link ends or was never there", async () => {
  const daemon = new DaemonDouble();
  daemon.addDevice(KEY);
  daemon.onMessage = async (guest, message) => {
    if (message.t === "ask" && message.id < 3) await guest.say({ t: "answer", id: message.id, facts: { t: "done", text: "yes" } });
  };
  const page = new PageDouble(daemon, { key: KEY });
  page.command({ t: "ask", id: 0, verb: { t: "get_status" } });
  assert.deepEqual(page.told("refuse").map(({ id }) => id), [0]);
  await page.untilOpen();
  for (const id of [1, 2, 3]) page.command({ t: "ask", id, verb: { t: "list_unfinished" } });
  await page.until(() => page.told("answer").length === 2);
  daemon.guests[0]?.cut();
  await page.until(() => page.told("refuse").length === 2);
  assert.deepEqual(page.told("refuse").map(({ id }) => id), [0, 3]);
  await page.untilOpen();
  await page.stop();
});

test("a mirror on the way is recognised and nothing is sent into it", async () => {
  const daemon = new DaemonDouble();
  daemon.addDevice(KEY);
  const mirror = (): Promise<Link> => {
    const kept: Uint8Array[] = [];
    let wake = (): void => undefined;
    return Promise.resolve({
      send: async (...messages) => {
        kept.push(...messages.map((message) => message.slice()));
        wake();
      },
      receive: async () => {
        while (kept.length === 0) await new Promise<void>((resolve) => (wake = resolve));
        return kept.splice(0);
      },
      close: () => undefined,
    });
  };
  const page = new PageDouble(daemon, { key: KEY }, { connect: mirror });
  await page.until(() => page.link?.state === "refused");
  assert.deepEqual(page.link, { state: "refused", reason: "handshake" });
  assert.equal(hex(page.key ?? new Uint8Array()), hex(KEY));
  page.visit.stop();
});
