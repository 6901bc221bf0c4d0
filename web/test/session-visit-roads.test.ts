// A visit that changes roads: away when home is gone, home again when it is back, and the relay only with a yes.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message } from "../src/protocol/messages.ts";
import { Unreached } from "../src/session/roads.ts";
import { DaemonDouble, type Guest } from "./support/daemon-double.ts";
import { KEY, PageDouble, TICKET } from "./support/page-double.ts";

const ROAD_SECRET = new Uint8Array(16).fill(9);
const EDGE = "https://edge.example";

/** A daemon with a device that may go on away from home. */
function home(): DaemonDouble {
  const daemon = new DaemonDouble();
  const id = daemon.addDevice(KEY);
  daemon.addAway(ROAD_SECRET, id);
  daemon.isSingle = true;
  daemon.grant = { rights: ["send", "pick_up"], trust: "trusted", away: { edge: EDGE, relay_ask_bytes: 1_000, secret: ROAD_SECRET } };
  return daemon;
}

function road(page: PageDouble): string | null {
  return page.link?.state === "open" ? page.link.road : null;
}

function proposals(guest: Guest | undefined): Extract<Message, { t: "propose" }>[] {
  return (guest?.heard ?? []).filter((message) => message.t === "propose");
}

test("a page whose home is gone goes on away with the road secret, and the same transfer is proposed there", async () => {
  const daemon = home();
  const page = new PageDouble(daemon, { key: KEY });
  await page.untilOpen();
  assert.equal(road(page), "home");
  page.send(new File([new Uint8Array(500)], "a.jpg"));
  await page.until(() => proposals(daemon.guests[0]).length === 1);
  daemon.isDown = true;
  daemon.guests[0]?.cut();
  await page.until(() => road(page) === "direct");
  assert.equal(daemon.guests[1]?.road, "away");
  await page.until(() => proposals(daemon.guests[1]).length === 1);
  assert.equal(proposals(daemon.guests[1])[0]?.transfer, proposals(daemon.guests[0])[0]?.transfer);
  assert.equal(daemon.guests[1]?.hello?.instance, daemon.guests[0]?.hello?.instance);
  assert.equal(daemon.guests[1]?.hello?.enroll, undefined);
  await page.stop();
});

test("the road secret does not reach the screen", async () => {
  const page = new PageDouble(home(), { key: KEY });
  await page.untilOpen();
  assert.ok(page.link?.state === "open" && page.link.grant.away?.edge === EDGE, "control: the rest of it does");
  assert.ok(!JSON.stringify(page.updates).includes("secret"));
  await page.stop();
});

test("away it looks for home every half minute and at once when woken, and goes back without losing the old link first", async () => {
  const daemon = home();
  const page = new PageDouble(daemon, { key: KEY });
  await page.untilOpen();
  daemon.isDown = true;
  daemon.guests[0]?.cut();
  await page.until(() => road(page) === "direct");
  const before = daemon.dialled;
  await page.clock.advance(120);
  const looks = daemon.dialled - before;
  assert.ok(looks >= 5 && looks <= 9, `${looks} looks in two minutes`);
  assert.equal(road(page), "direct");
  daemon.isDown = false;
  page.command({ t: "wake" });
  await page.until(() => road(page) === "home");
  assert.equal(daemon.guests.filter((guest) => guest.road === "home").length, 2);
  assert.equal(daemon.present.length, 1, "the link away is closed");
  assert.deepEqual(page.links().slice(-2), ["open", "open"], "nobody saw a break");
  await page.stop();
});

test("while nobody answers away either, home is found as soon as it is back", async () => {
  const daemon = home();
  const page = new PageDouble(daemon, { key: KEY });
  await page.untilOpen();
  daemon.isDown = true;
  daemon.awayFault = "nobody";
  daemon.guests[0]?.cut();
  await page.until(() => page.link?.state === "lost" && page.link.fault === "nobody");
  daemon.isDown = false;
  const since = page.clock.now();
  await page.until(() => road(page) === "home");
  assert.ok(page.clock.now() - since <= 11);
  await page.stop();
});

test("a stranger at the home address does not end it: another way is known", async () => {
  const daemon = home();
  const page = new PageDouble(daemon, { key: KEY });
  await page.untilOpen();
  daemon.refusal = "unknown_key"; // on the home door
  daemon.refusesAwayToo = false;
  daemon.guests[0]?.cut();
  await page.until(() => road(page) === "direct");
  assert.equal(page.told("drop_key").length, 0);
  await page.stop();
});

test("a guest is told no way away and stays at home", async () => {
  const daemon = home();
  daemon.grant = { rights: ["send"], trust: "guest" };
  const page = new PageDouble(daemon, { key: KEY });
  await page.untilOpen();
  daemon.isDown = true;
  daemon.guests[0]?.cut();
  await page.clock.advance(60);
  assert.equal(daemon.awayDialled, 0);
  assert.equal(page.link?.state, "lost");
  page.visit.stop();
});

test("a meeting point's page enrolls with the code away, and its key opens the later links there", async () => {
  const daemon = new DaemonDouble();
  daemon.addTicket(TICKET);
  daemon.isDown = true; // nobody dials a home door from here
  const page = new PageDouble(daemon, { edge: EDGE, ticket: TICKET, bare: "watch" });
  await page.untilOpen();
  assert.equal(road(page), "direct");
  assert.deepEqual(daemon.guests[0]?.hello?.enroll, page.key);
  assert.deepEqual(page.told("enrolled").map(({ key }) => key), [page.key]);
  daemon.guests[0]?.cut();
  await page.until(() => daemon.guests.length === 2 && page.link?.state === "open");
  assert.equal(daemon.guests[1]?.holder.by, "device");
  assert.equal(daemon.dialled, 0);
  await page.stop();
});

test("each way of not reaching the computer is told, and tried again", async () => {
  const daemon = new DaemonDouble();
  daemon.addDevice(KEY);
  const page = new PageDouble(daemon, { edge: EDGE, key: KEY, bare: "watch" });
  for (const fault of ["no_edge", "nobody", "silent", "no_way", "spoiled", "busy"] as const) {
    daemon.awayFault = fault;
    daemon.guests.at(-1)?.cut();
    await page.until(() => page.link?.state === "lost" && page.link.fault === fault, fault);
  }
  daemon.awayFault = "version";
  await page.until(() => page.link?.state === "refused");
  daemon.awayFault = null;
  page.command({ t: "wake" });
  await page.untilOpen();
  await page.stop();
});

test("much through a relay waits for the answer; a yes lets it flow, and it is not asked again", async () => {
  const daemon = new DaemonDouble();
  daemon.addDevice(KEY);
  daemon.awayRoad = "relay";
  daemon.grant = { rights: ["send"], away: { edge: EDGE, relay_ask_bytes: 1_000 } };
  let chunks = 0;
  daemon.onMessage = async (guest, message) => {
    if (message.t === "propose") await guest.say({ t: "accept", transfer: message.transfer, window: 1 << 20 });
    if (message.t === "chunk") chunks += message.content.length;
  };
  const page = new PageDouble(daemon, { edge: EDGE, key: KEY, bare: "watch" });
  await page.untilOpen();
  page.send(new File([new Uint8Array(1_000)], "small.jpg"));
  await page.until(() => chunks === 1_000);
  assert.equal(page.told("relay").length, 0, "control: little is not asked about");
  page.send(new File([new Uint8Array(5_000)], "large.mov"));
  await page.until(() => page.told("relay").at(-1)?.question === "asked");
  await page.clock.advance(30);
  assert.equal(chunks, 1_000);
  page.command({ t: "relay", sendNow: true });
  await page.until(() => chunks === 6_000);
  page.send(new File([new Uint8Array(9_000)], "larger.mov"));
  await page.until(() => chunks === 15_000);
  await page.stop();
});

test("who waits for home Wi-Fi sends nothing through the relay, and everything by itself at home", async () => {
  const daemon = home();
  daemon.awayRoad = "relay";
  const chunks = { home: 0, away: 0 };
  daemon.onMessage = async (guest, message) => {
    if (message.t === "propose") await guest.say({ t: "accept", transfer: message.transfer, window: 1 << 20 });
    if (message.t === "chunk") chunks[guest.road] += message.content.length;
  };
  const page = new PageDouble(daemon, { key: KEY });
  await page.untilOpen();
  daemon.isDown = true;
  daemon.guests[0]?.cut();
  await page.until(() => road(page) === "relay");
  page.send(new File([new Uint8Array(5_000)], "film.mov"));
  await page.until(() => page.told("relay").at(-1)?.question === "asked");
  page.command({ t: "relay", sendNow: false });
  await page.until(() => page.told("relay").at(-1)?.question === "waits");
  assert.deepEqual(page.told("relay").at(-1), { t: "relay", question: "waits", bytes: 5_000 });
  await page.clock.advance(60);
  assert.deepEqual(chunks, { home: 0, away: 0 });
  daemon.isDown = false;
  await page.until(() => chunks.home === 5_000);
  assert.equal(page.told("relay").at(-1)?.question, "none");
  assert.equal(chunks.away, 0);
  await page.stop();
});

/** A page that came by a relay, and every try for a straight way: what the next ones lead to is `roads`, in order. */
async function relayedPage(daemon: DaemonDouble, roads: ("direct" | "relay" | "none")[]) {
  const tries: { readonly signal: AbortSignal; readonly at: number }[] = [];
  const page: PageDouble = new PageDouble(daemon, { edge: EDGE, key: KEY, bare: "watch" }, {
    dialAway: async (_edge, _secret, signal, relayless = false) => {
      if (!relayless) return { link: await daemon.connectAway(), road: () => "relay", onRoad: () => undefined };
      tries.push({ signal, at: page.clock.now() });
      const road = roads.shift() ?? "none";
      if (road === "none") throw new Unreached("no_way");
      return { link: await daemon.connectAway(), road: () => road, onRoad: () => undefined };
    },
  });
  await page.untilOpen();
  return { page, tries };
}

function roaming(): DaemonDouble {
  const daemon = new DaemonDouble();
  daemon.addDevice(KEY);
  daemon.isSingle = true;
  daemon.grant = { rights: ["send"], away: { edge: EDGE, relay_ask_bytes: 1_000_000 } };
  return daemon;
}

test("while a relay carries the link a straight way is tried for, ever more rarely, and the link in use is left alone", async () => {
  const daemon = roaming();
  const { page, tries } = await relayedPage(daemon, ["none", "relay", "none"]);
  await page.clock.advance(2 * 3600);
  assert.ok(tries.length >= 8 && tries.length <= 14, `${tries.length} tries in two hours`);
  const gaps = tries.slice(1).map(({ at }, index) => at - (tries[index]?.at ?? 0));
  assert.ok(gaps.every((gap) => gap >= 20) && (gaps.at(-1) ?? 0) >= 600, String(gaps));
  assert.equal(road(page), "relay");
  assert.equal(daemon.present.length, 1, "what came by a relay again is closed");
  assert.deepEqual(page.links().filter((state) => state !== "open"), ["connecting"]);
  const before = tries.length;
  for (let woken = 0; woken < 5; woken += 1) page.command({ t: "wake" });
  await page.until(() => tries.length > before);
  await page.clock.advance(5);
  assert.equal(tries.length, before + 1, "woken five times, it tried once");
  await page.stop();
});

test("a straight way that is found carries the same transfer on, and nobody sees a break", async () => {
  const daemon = roaming();
  daemon.onMessage = async (guest, message) => {
    if (message.t === "propose") await guest.say({ t: "accept", transfer: message.transfer, window: 1 << 20 });
  };
  const { page, tries } = await relayedPage(daemon, ["none", "direct"]);
  page.send(new File([new Uint8Array(500_000)], "film.mov"));
  await page.until(() => road(page) === "direct");
  await page.until(() => proposals(daemon.guests.at(-1)).length === 1);
  assert.equal(tries.length, 2);
  assert.equal(proposals(daemon.guests.at(-1))[0]?.transfer, proposals(daemon.guests[0])[0]?.transfer);
  assert.equal(daemon.guests.at(-1)?.hello?.instance, daemon.guests[0]?.hello?.instance);
  assert.equal(daemon.present.length, 1);
  assert.deepEqual(page.links().filter((state) => state !== "open"), ["connecting"]);
  await page.clock.advance(3600);
  assert.equal(tries.length, 2, "on a straight way there is nothing to try for");
  await page.stop();
});

test("a session that ends takes the try for a better one with it", async () => {
  const daemon = roaming();
  const tries: AbortSignal[] = [];
  const page = new PageDouble(daemon, { edge: EDGE, key: KEY, bare: "watch" }, {
    dialAway: async (_edge, _secret, signal, relayless = false) => {
      if (!relayless) return { link: await daemon.connectAway(), road: () => "relay", onRoad: () => undefined };
      tries.push(signal);
      return new Promise(() => undefined);
    },
  });
  await page.untilOpen();
  await page.until(() => tries.length === 1);
  await page.clock.advance(1800);
  assert.equal(tries.length, 1, "one at a time");
  assert.equal(tries[0]?.aborted, false);
  daemon.guests[0]?.cut();
  await page.until(() => daemon.guests.length === 2 && road(page) === "relay");
  assert.equal(tries[0]?.aborted, true);
  await page.stop();
});
